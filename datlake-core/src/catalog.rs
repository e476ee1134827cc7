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
//! - Damage is an error that names the object, never a miss.
//!
//! What create, list and remove alone cannot give: a removal looks before it deletes, and does not see what is created in
//! between. So of two people who remove one call, while a third makes it anew, the second may take away what the third made.
//! It is gone whole, and is made again.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use crate::lineage::{Output, Person};
use crate::record::{Abandoned, Fetched, Kept, Name, OutputOf, Record, Target, Tombstone, ValueBytes};
use crate::{CallKey, Created, CreatorName, Digest, Error, ErrorKind, Location, Prefix, Result, Store, Uid, UidKind};

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
}

/// A chosen name, and the record behind it.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name.
    pub name: Name,
    /// The record of the call that it points to; `None` where that has not finished, and for a file that was added.
    pub record: Option<Record>,
}

/// A file as the lake knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its UID. One that a call only passed on has the UID it had before.
    pub uid: Uid,
    /// Its own name.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is the manifest of a tree.
    pub tree: bool,
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
    /// Content the call read.
    pub uses: Vec<Digest>,
    /// Chosen names of its outputs, each once.
    pub names: Vec<Uid>,
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

    /// The store whose create decides.
    fn deciding(&self) -> &dyn Store {
        self.remote.as_deref().unwrap_or(&*self.local)
    }

    /// What stands at the place of a call's record on this machine alone.
    pub async fn kept_here(&self, creator: &CreatorName, key: &CallKey) -> Result<Option<Kept>> {
        let bytes = self.local.get(&Location::Record(creator.clone(), *key)).await?;
        bytes.map(|bytes| Kept::parse(creator, key, bytes)).transpose()
    }

    /// What stands at the place of a call's record: on this machine, else at the remote, and then it is copied.
    pub async fn kept(&self, creator: &CreatorName, key: &CallKey) -> Result<Option<Kept>> {
        if let Some(kept) = self.kept_here(creator, key).await? {
            return Ok(Some(kept));
        }
        let Some(remote) = &self.remote else { return Ok(None) };
        let at = Location::Record(creator.clone(), *key);
        let Some(bytes) = remote.get(&at).await? else { return Ok(None) };
        let kept = Kept::parse(creator, key, bytes)?;
        convenience(self.cache.create(&at, kept.bytes()).await)?;
        Ok(Some(kept))
    }

    /// The record of a call.
    pub async fn record(&self, creator: &CreatorName, key: &CallKey) -> Result<Option<Record>> {
        Ok(self.kept(creator, key).await?.and_then(Kept::record))
    }

    /// What a chosen name stands for, also while it shows nothing.
    pub async fn name(&self, uid: &Uid) -> Result<Option<Name>> {
        Ok(self.named(uid).await?.map(|named| named.name))
    }

    /// A chosen name and the record behind it, also while there is none.
    pub async fn named(&self, uid: &Uid) -> Result<Option<Named>> {
        let at = Location::Name(uid.clone());
        let mut copy = None;
        if let Some(bytes) = self.local.get(&at).await? {
            let named = self.behind(Name::parse(uid, bytes)?).await?;
            if named.shows() || self.remote.is_none() {
                return Ok(Some(named));
            }
            copy = Some(named.name.digest);
        }
        let Some(remote) = &self.remote else { return Ok(None) };
        let Some(bytes) = remote.get(&at).await? else { return Ok(None) };
        let named = self.behind(Name::parse(uid, bytes)?).await?;
        // Only what shows something is copied: what shows nothing may still become another's.
        if named.shows() {
            if copy.is_some_and(|copy| copy != named.name.digest) {
                convenience(self.local.remove(&at).await)?;
            }
            convenience(self.cache.create(&at, named.name.bytes()).await)?;
        }
        Ok(Some(named))
    }

    async fn behind(&self, name: Name) -> Result<Named> {
        let record = match &name.target {
            Target::Added(_) => None,
            Target::Output(output) => self.record(&output.creator, &output.key).await?,
        };
        Ok(Named { name, record })
    }

    /// The file called `uid`. Members of trees are found by whoever can read the tree.
    pub async fn file(&self, uid: &Uid) -> Result<Option<Known>> {
        let found = match uid.kind() {
            UidKind::Output { creator, key, index } => match self.record(&creator, &key).await? {
                None => return Ok(None),
                Some(record) => record.output(index)?,
            },
            UidKind::Member { .. } => return Ok(None),
            UidKind::Chosen => match self.named(uid).await? {
                None | Some(Named { name: Name { target: Target::Output(_), .. }, record: None }) => return Ok(None),
                Some(Named { name: Name { target: Target::Added(added), .. }, .. }) => {
                    let (name, digest, size, tree) = (added.name, added.digest, added.size, added.tree);
                    return Ok(Some(Known { uid: uid.clone(), name, digest, size, tree }));
                }
                Some(Named { record: Some(record), .. }) => {
                    let output = record.lineage()?.outputs.into_iter().find(|output| output.uid == *uid);
                    Some(output.ok_or_else(|| {
                        let message = format!(
                            "the name `{uid}` points to call {}/{}, which made no such file",
                            record.creator, record.key
                        );
                        Error::new(ErrorKind::Corrupt, message)
                    })?)
                }
            },
        };
        Ok(found.map(|found| Known {
            uid: found.uid,
            name: found.name,
            digest: found.digest,
            size: found.size,
            tree: found.tree,
        }))
    }

    /// Whether every file that the body got by UID still has the content it had.
    pub async fn holds(&self, fetched: &[Fetched]) -> Result<bool> {
        for Fetched { uid, digest } in fetched {
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
        let digest = match &record.value {
            ValueBytes::Inline(bytes) => return Ok(bytes.clone()),
            ValueBytes::Blob(digest) => digest,
        };
        let at = Location::Blob(*digest);
        let what = || format!("the return value {digest} of call {}/{}", record.creator, record.key);
        let checked = |bytes: Vec<u8>, whose: &dyn Store| {
            if Digest::of(&bytes) == *digest {
                return Ok(bytes);
            }
            let message = format!("{} is damaged in {}: remove that blob and run again", what(), whose.describe());
            Err(Error::new(ErrorKind::Corrupt, message))
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
        Err(Error::new(ErrorKind::MissingBlob, format!("{} is missing; remove the call to run it again", what())))
    }

    /// Makes a finished call visible, in an order that shows all of it or nothing.
    ///
    /// The caller holds the local claim of each name in `names`: only then may a name that a call of this machine left
    /// without finishing be taken over. See [`without_claims`](Self::without_claims).
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where a name belongs to another call or to an added file, or was given to another
    /// meanwhile. Nothing is visible then.
    pub async fn publish(&self, publication: Publication) -> Result<Published> {
        let Publication { record, value, blobs, uses, names } = publication;
        // What exists only here must be safe here; with a remote this machine holds copies.
        let keep = if self.remote.is_some() { &self.cache } else { &self.local };
        for (digest, path) in &blobs {
            if let Some(remote) = &self.remote {
                remote.create_from(&Location::Blob(*digest), path).await?;
            }
            keep.create_from(&Location::Blob(*digest), path).await?;
        }
        if let (Some(bytes), ValueBytes::Blob(digest)) = (&value, &record.value) {
            if let Some(remote) = &self.remote {
                remote.create(&Location::Blob(*digest), bytes).await?;
            }
            keep.create(&Location::Blob(*digest), bytes).await?;
        }
        // `uses` is an index that can be made again from the records.
        let index = self.remote.as_deref().unwrap_or(&*self.cache);
        for digest in uses {
            index.create(&Location::Use(digest, record.creator.clone(), record.key), b"").await?;
        }
        let mut created = Vec::with_capacity(names.len());
        for uid in names {
            let target = OutputOf { creator: record.creator.clone(), key: record.key };
            let name = Name::create(uid, Target::Output(target), &self.home, &record.nonce)?;
            created.push(self.create_name(name).await?);
        }
        let at = Location::Record(record.creator.clone(), record.key);
        let decided = match self.deciding().create(&at, record.bytes()).await? {
            Created::New => Published::Ours(record),
            Created::Exists => {
                let bytes = self.deciding().get(&at).await?.ok_or_else(|| {
                    Error::new(ErrorKind::Io, format!("`{}` was removed while it was published; run again", at.path()))
                })?;
                match Kept::parse(&record.creator, &record.key, bytes)? {
                    // A create whose reply got lost is ours all the same.
                    Kept::Record(first) if first.nonce == record.nonce => Published::Ours(first),
                    Kept::Record(first) => Published::Theirs(first),
                    Kept::Abandoned(_) => {
                        let message = format!(
                            "cannot publish call {}/{}: its name was removed, or taken by another call, meanwhile; run again",
                            record.creator, record.key
                        );
                        return Err(Error::new(ErrorKind::AlreadyExists, message));
                    }
                }
            }
        };
        // Copies come last: what this machine has by itself has been decided.
        if self.remote.is_some() {
            for name in &created {
                self.copy_name(name).await?;
            }
            let (Published::Ours(record) | Published::Theirs(record)) = &decided;
            self.cache.create(&at, record.bytes()).await?;
        }
        Ok(decided)
    }

    /// Creates a name at the store that decides. What stands there afterwards: the name, or an equal one of somebody else.
    async fn create_name(&self, name: Name) -> Result<Name> {
        let at = Location::Name(name.uid.clone());
        while self.deciding().create(&at, name.bytes()).await? == Created::Exists {
            let Some(bytes) = self.deciding().get(&at).await? else { continue };
            let there = self.behind(Name::parse(&name.uid, bytes)?).await?;
            if there.name.target.same(&name.target) {
                return Ok(there.name);
            }
            if let Some(why) = self.why_taken(&there) {
                return Err(Error::new(ErrorKind::AlreadyExists, format!("cannot publish `{}`: {why}", name.uid)));
            }
            // Left by a call of this machine that never finished; the claim on the name keeps others away.
            if self.abandon(&there.name, &name.nonce).await? {
                self.deciding().remove(&at).await?;
            }
        }
        Ok(name)
    }

    /// Makes sure that the call behind a name never finishes under its key. `false` where it has finished meanwhile.
    async fn abandon(&self, name: &Name, nonce: &str) -> Result<bool> {
        let Target::Output(OutputOf { creator, key }) = &name.target else { return Ok(true) };
        let at = Location::Record(creator.clone(), *key);
        let mark = Abandoned::create(creator, key, nonce)?;
        if self.deciding().create(&at, mark.bytes()).await? == Created::New {
            return Ok(true);
        }
        let Some(bytes) = self.deciding().get(&at).await? else { return Ok(false) };
        Ok(matches!(Kept::parse(creator, key, bytes)?, Kept::Abandoned(_)))
    }

    /// Keeps a copy of a name that shows something.
    async fn copy_name(&self, name: &Name) -> Result<()> {
        let at = Location::Name(name.uid.clone());
        if let Some(bytes) = self.local.get(&at).await?
            && Name::parse(&name.uid, bytes)?.digest != name.digest
        {
            self.local.remove(&at).await?;
        }
        self.cache.create(&at, name.bytes()).await?;
        Ok(())
    }

    /// Why a name cannot be had, in words. `None` where it was left by a call of this machine that never finished, or may
    /// be at it: whoever holds the claim of the name may take it over.
    pub fn why_taken(&self, named: &Named) -> Option<String> {
        let Named { name, record } = named;
        match &name.target {
            Target::Added(added) => {
                Some(format!("it is a file that {} added on {} ({})", added.person.email, added.at, added.digest))
            }
            Target::Output(OutputOf { creator, key }) if record.is_some() => {
                Some(format!("it is an output of call {creator}/{key}"))
            }
            Target::Output(_) if name.home == *self.home => None,
            Target::Output(OutputOf { creator, key }) => Some(format!(
                "another machine is publishing it as an output of call {creator}/{key}, or began to and never finished; \
                 if that machine is not at it any more, remove `{}`",
                name.uid
            )),
        }
    }

    /// Adds a name for bytes whose blob is there already. Adding the same bytes again changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where the UID has other content. The caller holds the local claim of the name.
    pub async fn add(&self, name: Name) -> Result<()> {
        let Target::Added(added) = &name.target else {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is not an added file", name.uid)));
        };
        if let Some(there) = self.file(&name.uid).await? {
            if there.digest == added.digest && there.tree == added.tree {
                return Ok(());
            }
            let message = format!(
                "cannot add `{}`: it exists with other content ({}, not {}); files never change, so choose another UID or remove it first",
                name.uid, there.digest, added.digest
            );
            return Err(Error::new(ErrorKind::AlreadyExists, message));
        }
        let name = self.create_name(name).await?;
        if self.remote.is_some() {
            self.copy_name(&name).await?;
        }
        Ok(())
    }

    /// Puts content into the lake, by itself not visible.
    pub async fn put_blob(&self, digest: &Digest, file: &std::path::Path) -> Result<()> {
        let at = Location::Blob(*digest);
        if let Some(remote) = &self.remote {
            remote.create_from(&at, file).await?;
            self.cache.create_from(&at, file).await?;
        } else {
            self.local.create_from(&at, file).await?;
        }
        Ok(())
    }

    /// Removes `uid`; of a call's output, the whole call with everything it made. What was removed; empty if nothing was.
    ///
    /// `tombstone` gives each removal a fresh name. Content stays until it is collected.
    pub async fn remove(
        &self,
        uid: &Uid,
        person: &Person,
        at: &str,
        mut tombstone: impl FnMut() -> String,
    ) -> Result<Vec<Uid>> {
        let record = match uid.kind() {
            UidKind::Member { tree, .. } => {
                let message = format!("cannot remove `{uid}`: it is part of the tree `{tree}`; remove that");
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            UidKind::Output { creator, key, .. } => self.record(&creator, &key).await?,
            UidKind::Chosen => loop {
                match self.named(uid).await? {
                    None => break None,
                    Some(Named { record: Some(record), .. }) => break Some(record),
                    // An added file, or what a call left that never finished and never will.
                    Some(Named { name, record: None }) if self.abandon(&name, &tombstone()).await? => {
                        let mark = Tombstone {
                            uid: Some(uid.clone()),
                            call: None,
                            document: name.digest,
                            person: person.clone(),
                            at: at.to_owned(),
                        };
                        self.bury(&mark, &tombstone()).await?;
                        return Ok(vec![uid.clone()]);
                    }
                    // It has just finished.
                    Some(_) => {}
                }
            },
        };
        let Some(record) = record else { return Ok(Vec::new()) };
        let gone = self.made_by(&record).await?;
        let mark = Tombstone {
            uid: None,
            call: Some((record.creator, record.key)),
            document: record.digest,
            person: person.clone(),
            at: at.to_owned(),
        };
        self.bury(&mark, &tombstone()).await?;
        Ok(gone)
    }

    /// The UIDs of the files that a call made, in order, without those that it only passed on.
    pub async fn made_by(&self, record: &Record) -> Result<Vec<Uid>> {
        let mut made = Vec::new();
        for Output { uid, .. } in record.lineage()?.outputs {
            let by = match uid.kind() {
                UidKind::Output { creator, key, .. } => Some((creator, key)),
                UidKind::Member { .. } => None,
                UidKind::Chosen => match self.name(&uid).await? {
                    Some(Name { target: Target::Output(output), .. }) => Some((output.creator, output.key)),
                    _ => None,
                },
            };
            if by.is_some_and(|(creator, key)| creator == record.creator && key == record.key) {
                made.push(uid);
            }
        }
        Ok(made)
    }

    async fn bury(&self, mark: &Tombstone, id: &str) -> Result<()> {
        if let Some(remote) = &self.remote {
            let at = Location::Tombstone(id.to_owned());
            let bytes = mark.to_bytes()?;
            remote.create(&at, &bytes).await?;
            self.drop_from(&**remote, mark).await?;
            self.drop_from(&*self.local, mark).await?;
            self.cache.create(&at, &bytes).await?;
            return Ok(());
        }
        self.drop_from(&*self.local, mark).await
    }

    /// Deletes from `store` what a tombstone means, if it is there: the record first, so that its names show nothing.
    async fn drop_from(&self, store: &dyn Store, mark: &Tombstone) -> Result<()> {
        if let Some((creator, key)) = &mark.call {
            let at = Location::Record(creator.clone(), *key);
            let Some(bytes) = store.get(&at).await? else { return Ok(()) };
            let Some(record) =
                Kept::parse(creator, key, bytes)?.record().filter(|record| record.digest == mark.document)
            else {
                return Ok(());
            };
            let lineage = record.lineage()?;
            store.remove(&at).await?;
            for output in lineage.outputs.iter().filter(|output| output.uid.is_chosen()) {
                let at = Location::Name(output.uid.clone());
                let Some(bytes) = store.get(&at).await? else { continue };
                if matches!(Name::parse(&output.uid, bytes)?.target, Target::Output(of) if of.creator == *creator && of.key == *key)
                {
                    store.remove(&at).await?;
                }
            }
            for digest in lineage.inputs.iter().map(|input| input.digest) {
                store.remove(&Location::Use(digest, creator.clone(), *key)).await?;
            }
        }
        if let Some(uid) = &mark.uid {
            let at = Location::Name(uid.clone());
            let Some(bytes) = store.get(&at).await? else { return Ok(()) };
            if Name::parse(uid, bytes)?.digest == mark.document {
                store.remove(&at).await?;
            }
        }
        Ok(())
    }

    /// Learns what other machines removed. What it knows already is removed once more: another process of this machine may
    /// have been about to copy what had just been removed.
    pub async fn learn_removals(&self) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let mut ids = Vec::new();
        let mut gather = |entry: crate::Entry| {
            if let Location::Tombstone(id) = entry.location {
                ids.push(id);
            }
            ControlFlow::Continue(())
        };
        remote.list(&Prefix::Tombstones, &mut gather).await?;
        for id in ids {
            let at = Location::Tombstone(id);
            let known = self.local.get(&at).await?;
            let is_new = known.is_none();
            let bytes = match known {
                Some(bytes) => bytes,
                None => match remote.get(&at).await? {
                    Some(bytes) => bytes,
                    None => continue,
                },
            };
            let mark = Tombstone::parse(&bytes, &at.path())?;
            self.drop_from(&*self.local, &mark).await?;
            if is_new {
                self.cache.create(&at, &bytes).await?;
            }
        }
        Ok(())
    }

    /// The chosen names below the folder `prefix` (all if `None`) that show a file, sorted.
    pub async fn names(&self, prefix: Option<&Uid>) -> Result<Vec<Uid>> {
        let prefix = prefix.map_or(Prefix::Names, |uid| Prefix::NamesIn(uid.clone()));
        let mut names = std::collections::BTreeSet::new();
        let mut gather = |entry: crate::Entry| {
            if let Location::Name(uid) = entry.location {
                names.insert(uid);
            }
            ControlFlow::Continue(())
        };
        self.local.list(&prefix, &mut gather).await?;
        if let Some(remote) = &self.remote {
            remote.list(&prefix, &mut gather).await?;
        }
        Ok(names.into_iter().collect())
    }

    /// Every record of a creator that can be read; the keys of those that cannot are passed over.
    pub async fn records_of(&self, creator: &CreatorName) -> Result<Vec<Record>> {
        let mut keys = std::collections::BTreeSet::new();
        let prefix = Prefix::RecordsOf(creator.clone());
        let mut gather = |entry: crate::Entry| {
            if let Location::Record(_, key) = entry.location {
                keys.insert(key);
            }
            ControlFlow::Continue(())
        };
        self.local.list(&prefix, &mut gather).await?;
        if let Some(remote) = &self.remote {
            remote.list(&prefix, &mut gather).await?;
        }
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            match self.record(creator, &key).await {
                Ok(Some(record)) => records.push(record),
                Ok(None) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Format) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(records)
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
    /// Whether the name shows a file.
    pub fn shows(&self) -> bool {
        self.record.is_some() || matches!(self.name.target, Target::Added(_))
    }
}
