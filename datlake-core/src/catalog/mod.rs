//! Records and names over a local store and, where there is one, a remote: look-up, publication, removal.
//!
//! Invariants:
//! - Whoever creates the record of a key first, decides; with a remote that is the remote. Everybody else adopts it.
//! - The record is created last, after its blobs, `uses` and names. A name shows nothing while its record is missing, and a
//!   copy of a name proves nothing then: the store that decides is asked.
//! - A name left by a call that never finished is taken over only by the machine that wrote it, under that machine's claim
//!   of the name. Another machine cannot know whether its writer is dead; there a person may remove it.
//! - Before such a name goes to another, a mark takes the place of the call's record: whoever still publishes that call,
//!   on whatever machine, finds out that it is too late.
//! - What this machine decided without the remote bears a mark from before it exists until the remote has decided.
//! - Damage is an error that names the object, never a miss.
//!
//! What create, list and remove alone cannot give: a removal looks before it deletes, and does not see what is created in
//! between. So of two people who remove one call, while a third makes it anew, the second may take away what the third made.
//! It is gone whole, and is made again. Where it stays, its names do: see `Catalog::renew_names`.

mod branches;
mod closing;
mod guard;
mod left_over;
mod listing;
mod local_packs;
mod mend;
mod merge_record_packs;
mod names;
mod packed;
mod packs;
mod past;
mod pruned;
mod publish;
mod push;
mod removal;
mod replacement;
mod secure;
mod versions;
mod with_packs;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use crate::lineage::FileMeta;
pub use branches::{Appended, Author};
pub use guard::{Collections, Commit, GcEpoch, GcGuard, Retry, SweepMemory};
pub use listing::AtLevel;
pub use mend::Mended;
pub use merge_record_packs::MergedRecordPacks;
pub use packs::Packs;
pub use push::{Pushed, push_rank};
pub use replacement::Replacement;
pub use secure::NamedContents;

use crate::Closure;
use crate::lineage::{Added, Lineage};
use crate::record::{CallAnswer, CallDocument, CallValue, DynamicInput, Name, NameTarget, Record, ValueBytes};
use crate::version::{Moved, Version};
use crate::{
    CallKey, Created, CreatorName, Digest, Document, Error, ErrorKind, Location, Result, Store, Subject, Uid, UidKind,
};

/// The documents of a lake.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// What this machine's store is called in the names that it writes: no other store is.
    pub home: Arc<str>,
    /// This machine's store; what it creates is safe when the create returns.
    pub local: Arc<dyn Store>,
    /// The same store for what can be fetched or derived again: quicker, and lost in a power cut.
    pub cache: Arc<dyn Store>,
    /// The store shared with other machines.
    pub remote: Option<Arc<dyn Store>>,
    /// Whether there is a remote that is not to be asked now.
    pub offline: bool,
    /// Whether the remote has refused to be written: what is made stays here from then on.
    pub refused: Arc<AtomicBool>,
    /// What is collected at the remote meanwhile.
    pub collections: Collections,
    /// What is known of the packs of records there.
    pub packs: Packs,
    /// Names of which the caller holds this machine's claims while it removes.
    pub claimed: Arc<[Uid]>,
}

/// A chosen name, what it leads to, and the record behind that.
#[derive(Clone, Debug)]
pub struct Named {
    /// What it led to first: its document in `files`.
    pub first: Name,
    /// The version that it leads to; `None` for the first.
    pub version: Option<Version>,
    /// How many entries its log has, also those that show nothing.
    pub entries: u64,
    /// Whether what it leads to, or led to, was pruned.
    pub is_pruned: bool,
    /// The record of the call that it points to; `None` where that has not finished, and for a file that was added.
    pub record: Option<Record>,
}

/// A version of a name.
#[derive(Clone, Debug)]
pub struct PastVersion {
    /// What it is: the name as it was then.
    pub named: Named,
    /// Its file, also where it was pruned; `None` where the call that made it was removed.
    pub file: Option<FileMeta>,
}

/// A version that was looked for.
#[derive(Clone, Debug)]
pub struct FoundVersion {
    /// What it is.
    pub named: Named,
    /// How many versions are later.
    pub back: usize,
    /// The version that replaced it, and how many are later than that; `None` for the one that the name leads to.
    pub replaced_by: Option<(usize, PastVersion)>,
}

/// Everything a finished call makes visible.
#[derive(Debug)]
pub struct Publication {
    /// The record.
    pub record: Record,
    /// A return value too large for it.
    pub value: Option<Vec<u8>>,
    /// New content: finished local files.
    pub blobs: Vec<(Digest, PathBuf)>,
    /// Documents that are attached to new content: put behind it, and before the record.
    pub attached: Vec<(Location, Vec<u8>)>,
    /// Content the call read.
    pub uses: Vec<Digest>,
    /// Chosen names of its outputs, each once.
    pub names: Vec<Uid>,
    /// What else the record names, and is in the lake.
    pub found: Vec<Digest>,
    /// Chosen names of its outputs that are led to them, whatever they led to before; none of them is among the `names`.
    pub replaces: Vec<Replacement>,
    /// From before any of it was put or found.
    pub since: GcEpoch,
}

/// How a publication ended.
#[derive(Debug)]
pub enum Published {
    /// The record is ours.
    Ours(Record),
    /// Another was first; its record counts.
    Theirs(Record),
}

impl Catalog {
    /// The lake as it is to who cannot claim names, where a file system has no locks: it takes over nothing, and nobody
    /// takes over what it leaves.
    #[must_use]
    pub fn without_claims(&self, nonce: &str) -> Self {
        Self { home: nonce.into(), ..self.clone() }
    }

    /// The lake as it is to who holds this machine's claims of these names: where they die, the next process goes on.
    #[must_use]
    pub fn claiming(&self, names: &[Uid]) -> Self {
        Self { claimed: names.into(), ..self.clone() }
    }

    /// The lake as it is on this machine alone: the remote is not asked, and decides nothing.
    #[must_use]
    pub fn here(&self) -> Self {
        Self { remote: None, offline: self.offline || self.remote.is_some(), ..self.clone() }
    }

    /// Whether the remote has refused to be written.
    pub fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Acquire)
    }

    /// The store whose create decides.
    fn deciding(&self) -> &dyn Store {
        self.remote.as_deref().unwrap_or(&*self.local)
    }

    /// What stands at the place of a call's record on this machine alone.
    pub async fn kept_here(&self, creator: &CreatorName, key: &CallKey) -> Result<Option<CallDocument>> {
        let bytes = self.local.get(&Location::Record(creator.clone(), *key)).await?;
        bytes.map(|bytes| CallDocument::parse(creator, key, bytes)).transpose()
    }

    /// What this machine's record of a call answers.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for a damaged one, unless the remote has what it is a copy of.
    pub async fn answer_here(&self, creator: &CreatorName, key: &CallKey) -> Result<Option<CallAnswer>> {
        let Some(bytes) = self.local.get(&Location::Record(creator.clone(), *key)).await? else { return Ok(None) };
        match CallAnswer::parse(creator, key, &bytes) {
            Err(error) if self.is_of_a_copy(creator, key, &error) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// What stands at the place of a call's record: on this machine, else at the remote, and then it is copied.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for a damaged one, and where this machine may have it in a pack that is damaged, and no remote is asked;
    /// those of the stores.
    pub async fn kept(&self, creator: &CreatorName, key: &CallKey) -> Result<Option<CallDocument>> {
        let damage = match self.kept_here(creator, key).await {
            Err(error) if self.is_of_a_copy(creator, key, &error) => Some(error),
            kept => match kept? {
                None => None,
                kept => return Ok(kept),
            },
        };
        let Some(remote) = &self.remote else { return self.check_not_hidden(creator, key).map(|()| None) };
        let at = Location::Record(creator.clone(), *key);
        if let Some(record) = self.packed(creator, key).await {
            return Ok(Some(CallDocument::Record(record)));
        }
        let Some(bytes) = remote.get(&at).await? else { return damage.map_or(Ok(None), Err) };
        let kept = CallDocument::parse(creator, key, bytes)?;
        convenience(self.copy(&at, kept.bytes()).await)?;
        Ok(Some(kept))
    }

    /// Keeps a copy of a record or a name that the remote has. Where this machine had none, a mark that the remote has not
    /// decided is of something that never came to be: whoever still is about to create it finds the copy.
    async fn copy(&self, at: &Location, bytes: &[u8]) -> Result<()> {
        if self.cache.create(at, bytes).await? == Created::New {
            self.local.remove(&at.mark()).await?;
        }
        Ok(())
    }

    /// The document at `at`: on this machine, else at the remote, and then it is copied.
    pub async fn document(&self, at: &Location) -> Result<Option<Document>> {
        let bytes = match at {
            // Whether a copy of a name counts depends on what is behind it.
            Location::Name(uid) => return Ok(self.named(uid).await?.map(|named| named.first.document())),
            Location::Record(creator, key) => {
                return self.kept(creator, key).await?.map(|kept| kept.document(at)).transpose();
            }
            _ => self.local.get(at).await?,
        };
        if let Some(bytes) = bytes {
            return Document::parse(at, bytes).map(Some);
        }
        let Some(remote) = &self.remote else { return Ok(None) };
        let Some(bytes) = remote.get(at).await? else { return Ok(None) };
        let document = Document::parse(at, bytes)?;
        convenience(self.copy(at, &document.bytes).await)?;
        Ok(Some(document))
    }

    /// This machine's copy of the record at `at`, which may be one that is superseded; `None` for other kinds of documents too.
    pub async fn record_at(&self, at: &Location) -> Result<Option<Record>> {
        let (Location::Record(creator, key) | Location::Superseded(creator, key, _)) = at else { return Ok(None) };
        let bytes = self.local.get(at).await?;
        Ok(bytes.map(|bytes| CallDocument::parse(creator, key, bytes)).transpose()?.and_then(CallDocument::record))
    }

    /// The record of a call.
    pub async fn record(&self, creator: &CreatorName, key: &CallKey) -> Result<Option<Record>> {
        Ok(self.kept(creator, key).await?.and_then(CallDocument::record))
    }

    /// The file called `uid`. Members of trees are found by whoever can read the tree, files of commits by whoever can read those.
    pub async fn file(&self, uid: &Uid) -> Result<Option<FileMeta>> {
        let found = match uid.kind() {
            UidKind::Output { creator, key, index } => match self.record(&creator, &key).await? {
                None => return Ok(None),
                Some(record) => record.output(index)?,
            },
            UidKind::Member { .. } | UidKind::Committed { .. } => return Ok(None),
            UidKind::Chosen => {
                if let Some(named) = self.named(uid).await? {
                    return named.file();
                }
                return self.version_at(uid).await?.map_or(Ok(None), |version| version.named.file());
            }
        };
        Ok(found.map(FileMeta::from))
    }

    /// Whether every file that the body got by UID still has the content it had.
    pub async fn holds(&self, dynamic_inputs: &[DynamicInput]) -> Result<bool> {
        // What a commit has never changes.
        for DynamicInput { uid, digest } in dynamic_inputs.iter().filter(|input| !input.uid.is_committed()) {
            if self.file(uid).await?.is_none_or(|file| file.digest != *digest) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The encoded return value of a record.
    ///
    /// # Errors
    /// [`ErrorKind::MissingBlob`] where the value is kept apart and is gone, [`ErrorKind::Corrupt`] where it is not what it was.
    pub async fn value(&self, record: &Record) -> Result<Vec<u8>> {
        self.read_value(&record.creator, &record.key, &record.value).await
    }

    /// The same of what a record answers.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub async fn value_of(&self, answer: &CallValue) -> Result<Vec<u8>> {
        self.read_value(&answer.creator, &answer.key, &answer.value).await
    }

    async fn read_value(&self, creator: &CreatorName, key: &CallKey, value: &ValueBytes) -> Result<Vec<u8>> {
        let digest = match value {
            ValueBytes::Inline(bytes) => return Ok(bytes.clone()),
            ValueBytes::Blob(digest) => digest,
        };
        let at = Location::Blob(*digest);
        let what = || format!("the return value {digest} of call {creator}/{key}");
        let checked = |bytes: Vec<u8>, whose: &dyn Store| {
            if Digest::of(&bytes) == *digest {
                return Ok(bytes);
            }
            let message = format!("{} is damaged in {}", what(), whose.describe());
            let error = Error::new(ErrorKind::Corrupt, message).about(Subject::Digest(*digest));
            Err(error.with_hint("remove that blob and run again"))
        };
        if let Some(bytes) = self.local.get(&at).await? {
            return checked(bytes, &*self.local);
        }
        if let Some(remote) = &self.remote
            && let Some(bytes) = remote.get(&at).await?
        {
            let bytes = checked(bytes, &**remote)?;
            self.cache.create(&at, &bytes).await?;
            return Ok(bytes);
        }
        let error = Error::new(ErrorKind::MissingBlob, format!("{} is missing", what()));
        Err(error.about(Subject::Digest(*digest)).with_hint("remove the call to run it again"))
    }
}

impl Catalog {
    /// The table of the code of a call, where it is kept and whole: what is compared with it can do without.
    pub async fn closure(&self, digest: &Digest) -> Result<Option<Closure>> {
        let table = self.small_content(digest).await?;
        Ok(table.and_then(|bytes| String::from_utf8(bytes).ok()).map(|table| Closure::parse(&table)))
    }

    /// Content that is read as a whole and compared with other, where it is there and whole.
    pub async fn small_content(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let at = Location::Blob(*digest);
        let mut found = self.local.get(&at).await?;
        if let (None, Some(remote)) = (&found, &self.remote) {
            found = remote.get(&at).await?;
        }
        Ok(found.filter(|bytes| Digest::of(bytes) == *digest))
    }
}

/// A copy is a convenience: a home that cannot be written still reads.
fn convenience<T>(copied: Result<T>) -> Result<()> {
    match copied {
        Err(error) if error.kind() != ErrorKind::Denied => Err(error),
        _ => Ok(()),
    }
}

impl Named {
    /// The name.
    pub fn uid(&self) -> &Uid {
        &self.first.uid
    }

    /// What it leads to, also while that shows nothing.
    pub fn target(&self) -> &NameTarget {
        self.version.as_ref().map_or(&self.first.target, |version| &version.target)
    }

    /// The store that what it leads to was written from.
    fn home(&self) -> &str {
        self.version.as_ref().map_or(&self.first.home, |version| &version.home)
    }

    /// The file it shows, if it shows one.
    pub fn file(&self) -> Result<Option<FileMeta>> {
        let uid = self.uid();
        if self.is_pruned {
            return Ok(None);
        }
        let record = match (self.target(), &self.record) {
            (NameTarget::Added(added), _) => return Ok(Some(FileMeta::added(uid, added))),
            (NameTarget::Output(_), None) => return Ok(None),
            (NameTarget::Output(_), Some(record)) => record,
        };
        let output = record.lineage()?.outputs.into_iter().find(|output| output.uid == *uid);
        let output = output.ok_or_else(|| {
            let message =
                format!("the name `{uid}` points to call {}/{}, which made no such file", record.creator, record.key);
            Error::new(ErrorKind::Corrupt, message).about(Subject::Uid(uid.clone()))
        })?;
        Ok(Some(output.into()))
    }

    /// Who led the name there, and when; of an output that had the name first, who ran the call. `None` where that was removed.
    pub fn moved(&self) -> Result<Option<Moved>> {
        Ok(match (&self.version, &self.first.target) {
            (Some(version), _) => Some(version.moved.clone()),
            (None, NameTarget::Added(Added { person, host, at, .. })) => {
                Some(Moved { person: person.clone(), host: host.clone(), at: at.clone() })
            }
            (None, NameTarget::Output(_)) => {
                let lineage = self.record.as_ref().map(Record::lineage).transpose()?;
                lineage.map(|Lineage { person, host, started_at: at, .. }| Moved { person, host, at })
            }
        })
    }

    /// Whether the name shows a file.
    pub fn shows(&self) -> bool {
        !self.is_pruned && (self.record.is_some() || matches!(self.target(), NameTarget::Added(_)))
    }
}
