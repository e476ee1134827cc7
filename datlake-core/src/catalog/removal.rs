//! Removal, and what other machines removed.

use std::collections::BTreeSet;
use std::future::ready;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::Catalog;
use crate::lineage::{Output, Person};
use crate::record::{CallDocument, Name, NameTarget, Record, Tombstone};
use crate::{
    Digest, Document, Error, ErrorKind, Location, LogId, Prefix, Result, Store, StoreExt as _, Subject, Uid, UidKind,
};

/// How many tombstones are read at a time. A new machine reads all that there are.
const AT_ONCE: usize = 64;
/// How many are carried out together: packs of records on this machine are written anew once for all of these.
const TOGETHER: usize = 4096;

/// What a tombstone says that was read.
struct Removal {
    at: Location,
    mark: Tombstone,
    /// Its bytes, where this machine has no copy.
    new: Option<Vec<u8>>,
}

impl Catalog {
    /// Removes `uid`; of a call's output, the whole call with everything it made. What was removed; empty if nothing was. A
    /// document that cannot be read is cleared away.
    ///
    /// `tombstone` gives each removal a fresh name. Content stays until it is collected.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] offline, for what the remote has too; [`ErrorKind::Corrupt`] offline for what is damaged.
    pub async fn remove(
        &self,
        uid: &Uid,
        person: &Person,
        at: &str,
        mut tombstone: impl FnMut() -> String,
    ) -> Result<Vec<Uid>> {
        match self.remove_whole(uid, person, at, &mut tombstone).await {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                if !self.clear_damaged(uid, person, at, &mut tombstone).await? {
                    return Err(error);
                }
                // What is left can be read.
                let gone = self.remove_whole(uid, person, at, &mut tombstone).await?;
                Ok(if gone.is_empty() { vec![uid.clone()] } else { gone })
            }
            removed => removed,
        }
    }

    async fn remove_whole(
        &self,
        uid: &Uid,
        person: &Person,
        at: &str,
        tombstone: &mut impl FnMut() -> String,
    ) -> Result<Vec<Uid>> {
        let record = match uid.kind() {
            UidKind::Member { tree, .. } => {
                let message = format!("cannot remove `{uid}`: it is part of the tree `{tree}`");
                let error = Error::new(ErrorKind::InvalidInput, message).about(Subject::Uid(uid.clone()));
                return Err(error.with_hint(format!("remove `{tree}`")));
            }
            UidKind::Committed { repository, path, .. } => {
                let message = format!("cannot remove `{uid}`: it is part of a commit");
                let error = Error::new(ErrorKind::InvalidInput, message).about(Subject::Uid(uid.clone()));
                return Err(error.with_hint(format!("delete `{path}` at a branch of `{repository}`, and commit that")));
            }
            UidKind::Output { creator, key, .. } => self.record(&creator, &key).await?,
            UidKind::Chosen => loop {
                self.learn_versions(uid).await?;
                let Some(named) = self.named(uid).await? else {
                    self.drop_left_over(uid).await?;
                    break None;
                };
                let replaced = named.entries > 0;
                // An added file, or what a call left that never finished and never will; or a name with all that it ever led to.
                if replaced || (named.record.is_none() && self.abandon(&named.first, &tombstone()).await?) {
                    let mark = Tombstone {
                        uid: Some(uid.clone()),
                        call: None,
                        document: named.first.digest,
                        person: person.clone(),
                        at: at.to_owned(),
                    };
                    // What a call left is as much this machine's own as the call.
                    let of = named.first.document().part_of;
                    self.bury(&mark, &of, &tombstone()).await?;
                    if named.record.is_none() {
                        return Ok(vec![uid.clone()]);
                    }
                }
                if let Some(record) = named.record {
                    break Some(record);
                }
                // It has just finished.
            },
        };
        let Some(record) = record else { return Ok(Vec::new()) };
        let mut gone = self.made_by(&record).await?;
        if uid.is_chosen() && !gone.contains(uid) {
            gone.push(uid.clone());
        }
        let of = Location::Record(record.creator.clone(), record.key);
        let mark = Tombstone {
            uid: None,
            call: Some((record.creator, record.key)),
            document: record.digest,
            person: person.clone(),
            at: at.to_owned(),
        };
        self.bury(&mark, &of, &tombstone()).await?;
        Ok(gone)
    }

    /// The names that go with `uid` where it is [removed](Self::remove), in order: those to claim before that.
    ///
    /// # Errors
    /// Those of the stores; none where what is removed is damaged.
    pub async fn names_going_with(&self, uid: &Uid) -> Result<Vec<Uid>> {
        let mut names = BTreeSet::from_iter(uid.is_chosen().then(|| uid.clone()));
        let record = match uid.kind() {
            UidKind::Output { creator, key, .. } => self.record(&creator, &key).await,
            UidKind::Chosen => self.named(uid).await.map(|named| named.and_then(|named| named.record)),
            UidKind::Member { .. } | UidKind::Committed { .. } => Ok(None),
        };
        match record.and_then(|record| record.map(|record| record.lineage()).transpose()) {
            Ok(lineage) => {
                let outputs = lineage.into_iter().flat_map(|lineage| lineage.outputs).map(|output| output.uid);
                names.extend(outputs.filter(Uid::is_chosen));
            }
            Err(error) if error.kind() == ErrorKind::Corrupt => {}
            Err(error) => return Err(error),
        }
        Ok(names.into_iter().collect())
    }

    /// This machine's copy of the document that the file `uid` goes with: of an output, the call's record. `None` where nothing is
    /// here.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a file in a tree; [`ErrorKind::Corrupt`].
    pub async fn copy_of(&self, uid: &Uid) -> Result<Option<Document>> {
        if let UidKind::Member { tree, .. } = uid.kind() {
            let message = format!("cannot forget `{uid}`: it is part of the tree `{tree}`");
            let error = Error::new(ErrorKind::InvalidInput, message).about(Subject::Uid(uid.clone()));
            return Err(error.with_hint(format!("forget `{tree}`")));
        }
        if uid.is_committed() {
            let message = format!("cannot forget `{uid}`: it is part of a commit");
            return Err(Error::new(ErrorKind::InvalidInput, message).about(Subject::Uid(uid.clone())));
        }
        let read = async |at: &Location| -> Result<Option<Document>> {
            self.local.get(at).await?.map(|bytes| Document::parse(at, bytes)).transpose()
        };
        let document = match read(&Location::of_file(uid)).await? {
            Some(part) if part.is_part() => read(&part.part_of).await?,
            document => document,
        };
        Ok(document.filter(|document| !document.is_mark))
    }

    /// Forgets a [copy](Self::copy_of) that this machine has for `uid`. The remote has it still, and it is copied again when
    /// somebody asks. What was forgotten. `contents` is all that it refers to.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`] where the remote does not have the same document and the content: then it is no copy.
    pub async fn forget(
        &self,
        uid: &Uid,
        document: Document,
        contents: &[Digest],
        person: &Person,
        at: &str,
    ) -> Result<Vec<Uid>> {
        let only_copy = |what: &str| {
            let message = format!("cannot forget `{uid}`: {what}, so this machine's is no copy");
            Err(Error::new(ErrorKind::InUse, message).about(Subject::Uid(uid.clone())))
        };
        let Some(remote) = &self.remote else { return only_copy("there is no remote that has it too") };
        if uid.is_chosen() && !self.unpushed_of(uid).await?.is_empty() {
            return only_copy("it was replaced here, and that was not pushed");
        }
        if remote.get(&document.at).await?.as_ref() != Some(&document.bytes) {
            return only_copy(&format!("{} does not have the same", remote.describe()));
        }
        for digest in contents {
            if remote.size(&Location::Blob(*digest)).await?.is_none() {
                return only_copy(&format!("{} does not have its content {}", remote.describe(), digest.short()));
            }
        }
        let (gone, call, name) = match &document.at {
            Location::Record(creator, key) => {
                let record = CallDocument::parse(creator, key, document.bytes)?.record();
                let made = if let Some(record) = record { self.made_by(&record).await? } else { Vec::new() };
                (made, Some((creator.clone(), *key)), None)
            }
            _ => (document.uids, None, Some(uid.clone())),
        };
        let mark = Tombstone { uid: name, call, document: document.digest, person: person.clone(), at: at.to_owned() };
        self.drop_from(&*self.local, &mark, None).await?;
        Ok(gone)
    }

    /// The UIDs of the files that a call made, in order, without those that it only passed on.
    pub async fn made_by(&self, record: &Record) -> Result<Vec<Uid>> {
        let mut made = Vec::new();
        for Output { uid, .. } in record.lineage()?.outputs {
            let by = match uid.kind() {
                UidKind::Output { creator, key, .. } => Some((creator, key)),
                UidKind::Member { .. } | UidKind::Committed { .. } => None,
                UidKind::Chosen => match self.target(&uid).await? {
                    Some(NameTarget::Output(output)) => Some((output.creator, output.key)),
                    _ => None,
                },
            };
            if by.is_some_and(|(creator, key)| creator == record.creator && key == record.key) {
                made.push(uid);
            }
        }
        Ok(made)
    }

    /// Removes what belongs to `of`.
    async fn bury(&self, mark: &Tombstone, of: &Location, id: &str) -> Result<()> {
        if self.is_only_here(mark, of).await? {
            return self.here().drop_here(mark, Some(id)).await;
        }
        if self.offline {
            let message = format!(
                "cannot remove {} offline: the remote has it too, and others would still find it there",
                mark.what()
            );
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        if let Some(remote) = &self.remote {
            let at = Location::Tombstone(id.to_owned());
            let bytes = mark.to_bytes()?;
            remote.create(&at, &bytes).await?;
            self.packs.note_removed(&at, mark.document);
            self.drop_from(&**remote, mark, Some(id)).await?;
            self.drop_here(mark, None).await?;
            self.cache.create(&at, &bytes).await?;
            return Ok(());
        }
        self.drop_here(mark, Some(id)).await
    }

    /// Whether the remote has never had what is to be removed, and belongs to `of`.
    async fn is_only_here(&self, mark: &Tombstone, of: &Location) -> Result<bool> {
        let Some(at) = mark.place() else { return Ok(false) };
        if !self.is_unpushed(of).await? {
            return Ok(false);
        }
        // Somebody may have died between the push and the removal of the mark.
        let Some(remote) = &self.remote else { return Ok(true) };
        let there = remote.get(&at).await?.map(|bytes| Document::parse(&at, bytes)).transpose()?;
        Ok(there.is_none_or(|there| there.digest != mark.document))
    }

    /// Deletes from this machine what a tombstone means, and then the mark that the remote has not decided about it.
    async fn drop_here(&self, mark: &Tombstone, decides: Option<&str>) -> Result<()> {
        let entries = match &mark.uid {
            Some(uid) => self.unpushed_of(uid).await?,
            None => Vec::new(),
        };
        if self.drop_from(&*self.local, mark, decides).await?
            && let Some(at) = mark.place()
        {
            for at in entries.iter().chain([&at]) {
                self.local.remove(&at.mark()).await?;
            }
        }
        Ok(())
    }

    /// Deletes from `store` what a tombstone means, if it is there: the record first, so that its names show nothing. Of a store that
    /// decides what names lead to, `decides` is a nonce for closing their logs.
    async fn drop_from(&self, store: &dyn Store, mark: &Tombstone, decides: Option<&str>) -> Result<bool> {
        if let Some((creator, key)) = &mark.call {
            let record_at = Location::Record(creator.clone(), *key);
            let Some(bytes) = store.get(&record_at).await? else { return Ok(false) };
            let Some(record) =
                CallDocument::parse(creator, key, bytes)?.record().filter(|record| record.digest == mark.document)
            else {
                return Ok(false);
            };
            let lineage = match record.lineage() {
                // Nobody can tell what it names, and nobody finds it there any more.
                Err(error) if error.kind() == ErrorKind::Corrupt => return store.remove(&record_at).await,
                lineage => lineage?,
            };
            store.remove(&record_at).await?;
            for output in lineage.outputs.iter().filter(|output| output.uid.is_chosen()) {
                let at = Location::Name(output.uid.clone());
                let Some(bytes) = store.get(&at).await? else { continue };
                let name = Name::parse(&output.uid, bytes)?;
                if !matches!(&name.target, NameTarget::Output(of) if of.creator == *creator && of.key == *key) {
                    continue;
                }
                self.drop_name(store, &name, decides).await?;
                // Somebody may have made the call anew meanwhile, and count on it.
                if store.size(&record_at).await?.is_some() {
                    store.create(&at, name.bytes()).await?;
                }
            }
            for digest in lineage.reads() {
                store.remove(&Location::Use(digest, creator.clone(), *key)).await?;
            }
            // What lost the key goes with what won it.
            for at in store.locations(&Prefix::SupersededOf(creator.clone(), *key)).await? {
                store.remove(&at).await?;
            }
            return Ok(true);
        }
        if let Some(uid) = &mark.uid {
            let at = Location::Name(uid.clone());
            let Some(bytes) = store.get(&at).await? else { return Ok(false) };
            let first = Name::parse(uid, bytes)?.digest;
            if first == mark.document {
                let removed = store.remove(&at).await?;
                self.drop_log(store, &LogId::Name(uid.clone(), first)).await?;
                return Ok(removed);
            }
        }
        Ok(false)
    }

    /// Deletes a name from `store` that leads to what is removed, but for one that leads elsewhere by now: that keeps what its log
    /// belongs to.
    async fn drop_name(&self, store: &dyn Store, name: &Name, decides: Option<&str>) -> Result<()> {
        match decides {
            Some(nonce) if self.close(store, name, self.claimed.contains(&name.uid), nonce).await? => {
                self.remove_closed(store, name).await
            }
            None if !self.is_replaced(store, name).await? => {
                store.remove(&Location::Name(name.uid.clone())).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Learns what other machines removed. What it knows already is removed once more: another process of this machine may
    /// have been about to copy what had just been removed. What is damaged, a tombstone or what one means, hides that removal
    /// and no other; who looks the lake through finds it.
    pub async fn learn_removals(&self) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let tombstones = remote.locations(&Prefix::Tombstones).await?;
        self.learn_from(&**remote, tombstones).await
    }

    /// Learns what was removed since this process last asked.
    pub(super) async fn learn_new_removals(&self) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let mut tombstones = remote.locations(&Prefix::Tombstones).await?;
        tombstones.retain(|at| !self.packs.has_read(at));
        self.learn_from(&**remote, tombstones).await
    }

    async fn learn_from(&self, remote: &dyn Store, tombstones: Vec<Location>) -> Result<()> {
        fn unless_damaged<T>(learned: Result<Option<T>>) -> Result<Option<T>> {
            match learned {
                Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
                learned => learned,
            }
        }
        for some in tombstones.chunks(TOGETHER) {
            let read = stream::iter(some.to_vec()).map(async |at| unless_damaged(self.read_removal(remote, at).await));
            let read = read.buffer_unordered(AT_ONCE).try_filter_map(|read| ready(Ok(read)));
            let read: Vec<Removal> = read.try_collect().await?;
            self.unpack(read.iter().filter_map(|removal| removal.mark.call.clone())).await?;
            let learned = stream::iter(read)
                .map(async |removal| unless_damaged(self.learn_removal(removal).await.map(Some)).map(drop));
            learned.buffer_unordered(AT_ONCE).try_for_each(|()| ready(Ok(()))).await?;
        }
        Ok(())
    }

    async fn read_removal(&self, remote: &dyn Store, at: Location) -> Result<Option<Removal>> {
        let known = self.local.get(&at).await?;
        let is_new = known.is_none();
        let bytes = match known {
            Some(bytes) => bytes,
            None => match remote.get(&at).await? {
                Some(bytes) => bytes,
                None => return Ok(None),
            },
        };
        let mark = Tombstone::parse(&bytes, &at.path()).inspect_err(|_| self.packs.note_hidden())?;
        self.packs.note_removed(&at, mark.document);
        Ok(Some(Removal { at, mark, new: is_new.then_some(bytes) }))
    }

    async fn learn_removal(&self, Removal { at, mark, new }: Removal) -> Result<()> {
        // What this machine replaced without the remote stays until it is pushed.
        if let Some(uid) = &mark.uid
            && !self.unpushed_of(uid).await?.is_empty()
        {
            return Ok(());
        }
        self.drop_here(&mark, None).await?;
        if let Some(bytes) = new {
            self.cache.create(&at, &bytes).await?;
        }
        Ok(())
    }
}

impl Tombstone {
    /// Where the document is that it removes.
    fn place(&self) -> Option<Location> {
        match (&self.call, &self.uid) {
            (Some((creator, key)), _) => Some(Location::Record(creator.clone(), *key)),
            (None, uid) => uid.clone().map(Location::Name),
        }
    }

    /// What it removes, for people.
    fn what(&self) -> String {
        match (&self.call, &self.uid) {
            (Some((creator, key)), _) => format!("call {creator}/{}", key.short()),
            (None, uid) => uid.as_ref().map_or_else(String::new, |uid| format!("`{uid}`")),
        }
    }
}
