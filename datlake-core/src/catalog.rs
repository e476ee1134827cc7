//! Records and names over a local store and, where there is one, a remote: look-up, publication, removal.
//!
//! Invariants:
//! - Whoever creates the record of a key first, decides; with a remote that is the remote. Everybody else adopts it.
//! - The record is created last, after its blobs, `uses` and names. A name shows nothing while its record is missing.
//! - Damage is an error that names the object, never a miss.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use crate::lineage::Person;
use crate::record::{Fetched, Name, OutputOf, Record, Target, Tombstone, ValueBytes};
use crate::{CallKey, Created, CreatorName, Digest, Error, ErrorKind, Location, Prefix, Result, Store, Uid, UidKind};

/// The documents of a lake.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// This machine's store; what it creates is safe when the create returns.
    pub local: Arc<dyn Store>,
    /// The same store for what can be fetched or derived again: quicker, and lost in a power cut.
    pub cache: Arc<dyn Store>,
    /// The store shared with other machines.
    pub remote: Option<Arc<dyn Store>>,
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
    /// Chosen names for its outputs, as (UID, position).
    pub names: Vec<(Uid, u32)>,
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
    /// The store whose create decides.
    fn deciding(&self) -> &dyn Store {
        self.remote.as_deref().unwrap_or(&*self.local)
    }

    /// A document at `at`: from this machine, else from the remote, and then kept here.
    async fn document<T>(&self, at: &Location, parse: impl Fn(Vec<u8>) -> Result<T>) -> Result<Option<T>> {
        if let Some(bytes) = self.local.get(at).await? {
            return parse(bytes).map(Some);
        }
        let Some(remote) = &self.remote else { return Ok(None) };
        let Some(bytes) = remote.get(at).await? else { return Ok(None) };
        let parsed = parse(bytes.clone())?;
        match self.cache.create(at, &bytes).await {
            Ok(_) => Ok(Some(parsed)),
            // A copy is a convenience: a home that cannot be written still reads.
            Err(error) if error.kind() == ErrorKind::Denied => Ok(Some(parsed)),
            Err(error) => Err(error),
        }
    }

    /// The record of a call on this machine alone.
    pub async fn local_record(&self, creator: &CreatorName, key: &CallKey) -> Result<Option<Record>> {
        let bytes = self.local.get(&Location::Record(creator.clone(), *key)).await?;
        bytes.map(|bytes| Record::parse(creator, key, bytes)).transpose()
    }

    /// The record of a call.
    pub async fn record(&self, creator: &CreatorName, key: &CallKey) -> Result<Option<Record>> {
        let at = Location::Record(creator.clone(), *key);
        self.document(&at, |bytes| Record::parse(creator, key, bytes)).await
    }

    /// What a chosen name stands for, also while it shows nothing.
    pub async fn name(&self, uid: &Uid) -> Result<Option<Name>> {
        self.document(&Location::Name(uid.clone()), |bytes| Name::parse(uid, bytes)).await
    }

    /// The file called `uid`. Members of trees are found by whoever can read the tree.
    pub async fn file(&self, uid: &Uid) -> Result<Option<Known>> {
        let output = match uid.kind() {
            UidKind::Output { creator, key, index } => OutputOf { creator, key, index },
            UidKind::Member { .. } => return Ok(None),
            UidKind::Chosen => match self.name(uid).await? {
                None => return Ok(None),
                Some(Name { target: Target::Output(output), .. }) => output,
                Some(Name { target: Target::Added(added), .. }) => {
                    let (name, digest, size, tree) = (added.name, added.digest, added.size, added.tree);
                    return Ok(Some(Known { uid: uid.clone(), name, digest, size, tree }));
                }
            },
        };
        let Some(record) = self.record(&output.creator, &output.key).await? else { return Ok(None) };
        let Some(found) = record.output(output.index)? else { return Ok(None) };
        if uid.is_chosen() && found.uid != *uid {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "the name `{uid}` points to output {} of {}/{}, which is `{}`",
                    output.index, output.creator, output.key, found.uid
                ),
            ));
        }
        Ok(Some(Known { uid: found.uid, name: found.name, digest: found.digest, size: found.size, tree: found.tree }))
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
    /// The caller holds the local claim of each name in `names`: only then may a name left by a call that never finished be
    /// taken over.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where a name belongs to another finished call or to an added file. Nothing is visible then.
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
        for (uid, position) in names {
            let target = OutputOf { creator: record.creator.clone(), key: record.key, index: position };
            let name = Name::create(uid, Target::Output(target), &record.nonce)?;
            self.create_name(&name, keep).await?;
        }
        let at = Location::Record(record.creator.clone(), record.key);
        let decided = match self.deciding().create(&at, record.bytes()).await? {
            Created::New => Published::Ours(record),
            Created::Exists => {
                let bytes = self.deciding().get(&at).await?.ok_or_else(|| {
                    Error::new(ErrorKind::Io, format!("`{}` was removed while it was published; run again", at.path()))
                })?;
                let first = Record::parse(&record.creator, &record.key, bytes)?;
                // A create whose reply got lost is ours all the same.
                if first.nonce == record.nonce { Published::Ours(first) } else { Published::Theirs(first) }
            }
        };
        let (Published::Ours(record) | Published::Theirs(record)) = &decided;
        if self.remote.is_some() {
            self.cache.create(&at, record.bytes()).await?;
        }
        Ok(decided)
    }

    /// Creates a name at the deciding store and keeps a copy in `keep`.
    async fn create_name(&self, name: &Name, keep: &Arc<dyn Store>) -> Result<()> {
        let at = Location::Name(name.uid.clone());
        while self.deciding().create(&at, name.bytes()).await? == Created::Exists {
            let Some(bytes) = self.deciding().get(&at).await? else { continue };
            let there = Name::parse(&name.uid, bytes)?;
            if there.target == name.target {
                break;
            }
            if let Some(why) = self.stands_for(&there).await? {
                return Err(Error::new(ErrorKind::AlreadyExists, format!("cannot publish `{}`: {why}", name.uid)));
            }
            // Left by a call that never finished; the claim on the name keeps others away.
            self.deciding().remove(&at).await?;
        }
        if self.remote.is_none() {
            return Ok(());
        }
        if let Some(bytes) = self.local.get(&at).await?
            && Name::parse(&name.uid, bytes)?.target != name.target
        {
            self.local.remove(&at).await?;
        }
        keep.create(&at, name.bytes()).await?;
        Ok(())
    }

    /// What a name shows, in words; `None` where the call it points to has not finished.
    pub async fn stands_for(&self, name: &Name) -> Result<Option<String>> {
        Ok(match &name.target {
            Target::Added(added) => {
                Some(format!("it is a file that {} added on {} ({})", added.person.email, added.at, added.digest))
            }
            Target::Output(OutputOf { creator, key, .. }) => {
                self.record(creator, key).await?.map(|_| format!("it is an output of call {creator}/{key}"))
            }
        })
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
        let keep = if self.remote.is_some() { &self.cache } else { &self.local };
        self.create_name(&name, keep).await
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

    /// Removes `uid`; of a call's output, the whole call with everything it returned. What was removed; empty if nothing was.
    ///
    /// `tombstone` gives each removal a fresh name. Content stays until it is collected.
    pub async fn remove(
        &self,
        uid: &Uid,
        person: &Person,
        at: &str,
        mut tombstone: impl FnMut() -> String,
    ) -> Result<Vec<Uid>> {
        let output = match uid.kind() {
            UidKind::Member { tree, .. } => {
                let message = format!("cannot remove `{uid}`: it is part of the tree `{tree}`; remove that");
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            UidKind::Output { creator, key, .. } => Some((creator, key)),
            UidKind::Chosen => match self.name(uid).await? {
                None => return Ok(Vec::new()),
                Some(Name { target: Target::Output(output), .. }) => Some((output.creator, output.key)),
                Some(name) => {
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
            },
        };
        let Some((creator, key)) = output else { return Ok(Vec::new()) };
        let Some(record) = self.record(&creator, &key).await? else { return Ok(Vec::new()) };
        let outputs = record.lineage()?.outputs;
        let mark = Tombstone {
            uid: None,
            call: Some((creator, key)),
            document: record.digest,
            person: person.clone(),
            at: at.to_owned(),
        };
        self.bury(&mark, &tombstone()).await?;
        Ok(outputs.into_iter().map(|output| output.uid).collect())
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
            let record = Record::parse(creator, key, bytes)?;
            if record.digest != mark.document {
                return Ok(());
            }
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

    /// Learns what other machines removed since this one last asked.
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
            if self.local.size(&at).await?.is_some() {
                continue;
            }
            let Some(bytes) = remote.get(&at).await? else { continue };
            let mark = Tombstone::parse(&bytes, &at.path())?;
            self.drop_from(&*self.local, &mark).await?;
            self.cache.create(&at, &bytes).await?;
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
