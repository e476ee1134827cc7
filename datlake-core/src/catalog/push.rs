//! What this machine decided without the remote, and how it gets there.
//!
//! - A mark is removed when the remote has decided, and not before: whoever dies in between begins anew, and loses nothing.
//! - The remote decides. A record that lost its key to another's is kept beside that one, under its own digest, so that what
//!   was made from its outputs still says where it comes from.
//! - Content goes before what names it. That is the caller's part: it knows where content is.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;

use super::{Again, Catalog, Secured};
use crate::record::{Kept, Name, Record, Target};
use crate::{
    CallKey, Created, CreatorName, Digest, Error, ErrorKind, Location, Prefix, Result, Store, StoreExt as _, Uid,
};

/// Something that the remote has not decided about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unpushed {
    /// A call, with the names of its outputs.
    Call(CreatorName, CallKey),
    /// An added file.
    Added(Uid),
}

impl fmt::Display for Unpushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(creator, key) => write!(f, "{creator}/{key}"),
            Self::Added(uid) => write!(f, "{uid}"),
        }
    }
}

/// How a push ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The remote has it.
    Sent,
    /// The remote had it already.
    There,
    /// The remote has another record for the same call, which counts from now on. Ours is kept beside it.
    Lost,
    /// A name belongs to something else there. Of a call the record is kept there, without its names; on this machine it
    /// stays as it is, and unpushed.
    Taken {
        /// To what, in words.
        why: String,
    },
    /// It is not here any more, or never came to be.
    Nothing,
    /// Not yet: some of its content may have been collected, and must be sent again.
    Again(Again),
}

impl Catalog {
    /// Everything on this machine that the remote has not decided about, sorted. Some of it may never have come to be.
    pub async fn unpushed(&self) -> Result<Vec<Unpushed>> {
        let mut found = BTreeSet::new();
        let mut gather = |entry: crate::Entry| {
            match entry.location {
                Location::UnpushedRecord(creator, key) => drop(found.insert(Unpushed::Call(creator, key))),
                Location::UnpushedName(uid) => drop(found.insert(Unpushed::Added(uid))),
                _ => {}
            }
            ControlFlow::Continue(())
        };
        self.local.list(&Prefix::Unpushed, &mut gather).await?;
        Ok(found.into_iter().collect())
    }

    /// Marks what the remote has not got as unpushed.
    pub async fn mark_unpushed(&self, what: &Unpushed) -> Result<()> {
        self.local.create(&what.mark(), b"").await.map(drop)
    }

    /// Whether the remote has not decided about `what`.
    pub async fn is_unpushed(&self, what: &Unpushed) -> Result<bool> {
        Ok(self.local.size(&what.mark()).await?.is_some())
    }

    /// Sends the record of a call, and its names, to the remote. The content that it names was `secured` there, where it is the
    /// `document`; who made it anew meanwhile has to send other content first. The caller holds the local claims of the call and
    /// of its names.
    ///
    /// # Errors
    /// Those of the stores; [`ErrorKind::Corrupt`] for a record that is damaged.
    pub async fn push_call(
        &self,
        creator: &CreatorName,
        key: &CallKey,
        document: Option<&Digest>,
        secured: &Secured,
    ) -> Result<Pushed> {
        let remote = self.to_push_to()?;
        let at = Location::Record(creator.clone(), *key);
        let mark = Location::UnpushedRecord(creator.clone(), *key);
        let Some(Kept::Record(record)) = self.kept_here(creator, key).await? else {
            // It was about to give way to what the remote has; or it never came to be, or is about to.
            if remote.size(&at).await?.is_some() {
                self.local.remove(&mark).await?;
            }
            return Ok(Pushed::Nothing);
        };
        if document != Some(&record.digest) {
            return Ok(Pushed::Again(Again::Now));
        }
        let lineage = record.lineage()?;
        for input in &lineage.inputs {
            remote.create(&Location::Use(input.digest, creator.clone(), *key), b"").await?;
        }
        let mut names = Vec::new();
        for output in lineage.outputs.iter().filter(|output| output.uid.is_chosen()) {
            let Some(bytes) = self.local.get(&Location::Name(output.uid.clone())).await? else { continue };
            let name = Name::parse(&output.uid, bytes)?;
            // What a call only passed on belongs to another.
            if !matches!(&name.target, Target::Output(of) if of.creator == *creator && of.key == *key) {
                continue;
            }
            match self.create_name(name).await {
                Ok(name) => names.push(name),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if !self.in_time(secured) {
                        return Ok(Pushed::Again(Again::Now));
                    }
                    remote.create(&beside(&record), record.bytes()).await?;
                    return Ok(Pushed::Taken { why: error.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        if !self.in_time(secured) {
            return Ok(Pushed::Again(Again::Now));
        }
        let pushed = match remote.create(&at, record.bytes()).await? {
            Created::New => Pushed::Sent,
            Created::Exists => {
                let bytes = remote.get(&at).await?.ok_or_else(|| {
                    Error::new(ErrorKind::Io, format!("`{}` was removed while it was pushed; push again", at.path()))
                })?;
                let first = Kept::parse(creator, key, bytes)?;
                if first.bytes() == record.bytes() {
                    Pushed::There
                } else {
                    self.give_way(&record, &first).await?;
                    Pushed::Lost
                }
            }
        };
        if !self.in_time(secured) {
            // Who slept over it sends the content once more: nobody collects what has a record.
            return Ok(Pushed::Again(Again::Now));
        }
        for name in &names {
            self.copy_name(name).await?;
        }
        self.local.remove(&mark).await?;
        Ok(pushed)
    }

    /// Keeps `record` beside `first`, which counts from now on.
    async fn give_way(&self, record: &Record, first: &Kept) -> Result<()> {
        let beside = beside(record);
        self.to_push_to()?.create(&beside, record.bytes()).await?;
        self.cache.create(&beside, record.bytes()).await?;
        // Between these two this machine has no record, and asks the remote.
        let at = Location::Record(record.creator.clone(), record.key);
        self.local.remove(&at).await?;
        self.cache.create(&at, first.bytes()).await?;
        Ok(())
    }

    /// Sends an added file to the remote. Its content was `secured` there, where its name is the `document`. The caller holds the
    /// local claim of the name.
    ///
    /// # Errors
    /// As [`push_call`](Self::push_call).
    pub async fn push_name(&self, uid: &Uid, document: Option<&Digest>, secured: &Secured) -> Result<Pushed> {
        self.to_push_to()?;
        let Some(bytes) = self.local.get(&Location::Name(uid.clone())).await? else { return Ok(Pushed::Nothing) };
        let name = Name::parse(uid, bytes)?;
        if document != Some(&name.digest) {
            return Ok(Pushed::Again(Again::Now));
        }
        let pushed = match self.create_added(name.clone(), secured).await {
            Ok(Err(again)) => return Ok(Pushed::Again(again)),
            Ok(Ok(there)) if there.digest == name.digest => Pushed::Sent,
            Ok(Ok(there)) => {
                // Somebody added the same bytes.
                self.copy_name(&there).await?;
                Pushed::There
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Ok(Pushed::Taken { why: error.to_string() });
            }
            Err(error) => return Err(error),
        };
        self.local.remove(&Location::UnpushedName(uid.clone())).await?;
        Ok(pushed)
    }

    fn to_push_to(&self) -> Result<&dyn Store> {
        self.remote.as_deref().ok_or_else(|| {
            let message = match self.offline {
                true => "there is nowhere to push to: the lake is offline",
                false => "there is nowhere to push to: the lake has no remote; set DATLAKE_REMOTE to one",
            };
            Error::new(ErrorKind::Config, message)
        })
    }

    /// The record of the call that made `digest` as its output `uid`: the call's record, or one that lost its key to that.
    pub async fn record_that_made(
        &self,
        creator: &CreatorName,
        key: &CallKey,
        uid: &Uid,
        digest: &Digest,
    ) -> Result<Option<Record>> {
        let made = |record: &Record| -> Result<bool> {
            Ok(record.lineage()?.outputs.iter().any(|output| output.uid == *uid && output.digest == *digest))
        };
        if let Some(record) = self.record(creator, key).await?
            && made(&record)?
        {
            return Ok(Some(record));
        }
        for at in self.beside(creator, key).await? {
            let bytes = match self.local.get(&at).await? {
                Some(bytes) => Some(bytes),
                None => match &self.remote {
                    Some(remote) => remote.get(&at).await?,
                    None => None,
                },
            };
            let Some(bytes) = bytes else { continue };
            if let Some(record) = Kept::parse(creator, key, bytes)?.record()
                && made(&record)?
            {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Where the records are that lost the key of a call.
    pub(super) async fn beside(&self, creator: &CreatorName, key: &CallKey) -> Result<Vec<Location>> {
        let prefix = Prefix::BesideOf(creator.clone(), *key);
        let mut found = self.local.locations(&prefix).await?;
        if let Some(remote) = &self.remote {
            for at in remote.locations(&prefix).await? {
                if !found.contains(&at) {
                    found.push(at);
                }
            }
        }
        Ok(found)
    }
}

fn beside(record: &Record) -> Location {
    Location::Beside(record.creator.clone(), record.key, record.digest)
}

impl Unpushed {
    /// Where its document is.
    pub fn document(&self) -> Location {
        match self {
            Self::Call(creator, key) => Location::Record(creator.clone(), *key),
            Self::Added(uid) => Location::Name(uid.clone()),
        }
    }

    /// Where its mark is.
    pub fn mark(&self) -> Location {
        match self {
            Self::Call(creator, key) => Location::UnpushedRecord(creator.clone(), *key),
            Self::Added(uid) => Location::UnpushedName(uid.clone()),
        }
    }
}
