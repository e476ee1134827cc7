//! Packs of records: how a machine that is new to a creator learns of many of its calls at once.
//!
//! Invariants:
//! - A pack holds copies. What is whole in one is kept on this machine, as a pack, and is there as if it came from its own place;
//!   nothing else follows from a pack: no key is decided by it, and nothing is missing because no pack has it.
//! - Tombstones are read after a pack, and hold for what is in it. Where one cannot be read, no pack is believed.
//! - Whatever goes wrong with a pack, the record is asked for at its own place.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};

use super::Catalog;
use super::packs::{Batch, PackIndex};
use crate::record::{CallDocument, Record};
use crate::record_pack::RecordPack;
use crate::{
    CallKey, CreatorName, Digest, Entry, Error, ErrorKind, Location, Prefix, Result, Store, StoreExt as _, Subject,
};

/// How many packs are fetched at a time.
const AT_ONCE: usize = 16;

impl Catalog {
    /// Whether a pack that was fetched has the record of a call. Who asks while packs are on their way waits for them.
    pub async fn is_packed(&self, creator: &CreatorName, key: &CallKey) -> bool {
        if self.remote.is_none() {
            return false;
        }
        drop(self.packs.of(creator).lock().await);
        self.packs.here().place(creator, key).is_some()
    }

    /// The record of a call from a pack, if one has it.
    pub(super) async fn packed(&self, creator: &CreatorName, key: &CallKey) -> Option<Record> {
        let remote = self.remote.as_deref()?;
        let (known, here) = (self.packs.of(creator), self.packs.here());
        // Who asks meanwhile waits, for the answer is likely to be in what comes.
        let mut known = known.lock().await;
        known.asked += 1;
        loop {
            if here.place(creator, key).is_some() {
                drop(known);
                return self.kept_here(creator, key).await.ok()??.record();
            }
            if !known.wants_more(here.found(creator)) {
                return None;
            }
            if self.fetch_packs(remote, creator, &mut known).await.is_err() {
                known.listed = Some(Vec::new());
            }
        }
    }

    /// Fetches packs as far as that pays, and learns then what was removed.
    async fn fetch_packs(&self, remote: &dyn Store, creator: &CreatorName, known: &mut PackIndex) -> Result<()> {
        if known.listed.is_none() {
            known.listed = Some(packs_of(remote, creator).await?);
        }
        let (mut wanted, found) = (Vec::new(), self.packs.here().found(creator));
        while let Some(next) = known.listed.as_ref().and_then(|left| left.last()).copied() {
            if wanted.len() == AT_ONCE || !known.pays(next.1, found) {
                break;
            }
            known.fetched += next.1;
            known.listed.as_mut().and_then(Vec::pop);
            wanted.push(next.0);
        }
        let fetched = stream::iter(wanted).map(async |digest| self.fetch_pack(remote, creator, &digest).await);
        let fetched: Vec<_> = fetched.buffer_unordered(AT_ONCE).collect().await;
        if fetched.is_empty() {
            return Ok(());
        }
        self.learn_new_removals().await?;
        // One that is damaged, or gone by now, is as good as none.
        for bytes in fetched.into_iter().filter_map(Result::ok).flatten() {
            self.keep_pack(creator, &bytes).await?;
        }
        Ok(())
    }

    /// The pack at the remote; `None` where this machine has it.
    async fn fetch_pack(&self, remote: &dyn Store, creator: &CreatorName, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let at = Location::RecordPack(creator.clone(), *digest);
        if let Some(bytes) = self.local.get(&at).await? {
            if RecordPack::parse(&bytes, digest, &at).is_ok() {
                return Ok(None);
            }
            self.local.remove(&at).await?;
        }
        let Some(bytes) = remote.get(&at).await? else { return Ok(None) };
        RecordPack::parse(&bytes, digest, &at)?;
        Ok(Some(bytes))
    }

    /// Keeps what is whole in a pack, and was not removed.
    async fn keep_pack(&self, creator: &CreatorName, bytes: &[u8]) -> Result<()> {
        let mut records = records_in(creator, bytes);
        records.retain(|record| self.packs.may_count(&record.digest));
        let kept: BTreeMap<_, _> = records.iter().map(|record| (record.key, record.bytes())).collect();
        if !kept.is_empty() {
            write_pack(&*self.cache, creator.clone(), &kept).await?;
        }
        // Who removed one meanwhile may have looked before the pack was here.
        for record in records.iter().filter(|record| !self.packs.may_count(&record.digest)) {
            self.local.remove(&Location::Record(creator.clone(), record.key)).await?;
        }
        Ok(())
    }

    /// Whether damage is that of a copy in a pack of this machine, and the remote can be asked for the record.
    pub(super) fn is_of_a_copy(&self, creator: &CreatorName, key: &CallKey, damage: &Error) -> bool {
        let is_damage = damage.kind() == ErrorKind::Corrupt && self.remote.is_some();
        is_damage && self.packs.here().place(creator, key).is_some()
    }

    /// A record was found nowhere on this machine.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] where it may be in a pack that cannot be read.
    pub(super) fn check_not_hidden(&self, creator: &CreatorName, key: &CallKey) -> Result<()> {
        let Some(pack) = self.packs.here().damaged(creator) else { return Ok(()) };
        let (pack, store, call) = (pack.path(), self.local.describe(), key.short());
        let message = format!(
            "whether there is a record of call {creator}/{call} is not known: the pack of records `{pack}` is damaged in {store}, and may have it"
        );
        let error = Error::new(ErrorKind::Corrupt, message).about(Subject::Call(creator.clone(), *key));
        Err(error.with_hint("where the remote can be reached it is asked there, and `datlake gc` removes the pack; without a remote, remove the pack, and what it had runs again"))
    }

    /// What is damaged of the packs of this machine: where each is, and why.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn check_packs_here(&self) -> Result<Vec<(Location, String)>> {
        let mut wrong = Vec::new();
        for at in self.local.locations(&Prefix::RecordPacks).await? {
            let Location::RecordPack(_, digest) = &at else { continue };
            let Some(bytes) = self.local.get(&at).await? else { continue };
            if let Err(error) = RecordPack::parse(&bytes, digest, &at) {
                wrong.push((at, error.to_string()));
            }
        }
        Ok(wrong)
    }

    /// Removes the packs of this machine that have nothing that no other has, and writes anew what is whole in those that are damaged:
    /// the rest is at the remote. Without one the damaged stay, and are returned.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tidy_packs_here(&self) -> Result<Vec<Location>> {
        let mut damaged = Vec::new();
        let mut of = BTreeMap::<CreatorName, Vec<(u64, Digest)>>::new();
        let gather = |Entry { location, size, .. }| {
            if let Location::RecordPack(creator, digest) = location {
                of.entry(creator).or_default().push((size, digest));
            }
        };
        self.local.each(&Prefix::RecordPacks, gather).await?;
        for (creator, mut packs) in of {
            packs.sort_unstable();
            let mut kept = Vec::<RecordPack>::new();
            for (_, digest) in packs.into_iter().rev() {
                let at = Location::RecordPack(creator.clone(), digest);
                let Some(bytes) = self.local.get(&at).await? else { continue };
                let is_new = |(key, _): (&CallKey, _)| kept.iter().all(|other| other.place(key).is_none());
                match RecordPack::parse(&bytes, &digest, &at) {
                    Ok(pack) if pack.places().any(is_new) => kept.push(pack),
                    Err(_) if self.remote.is_none() => damaged.push(at),
                    Err(_) => {
                        // First, for what is whole in it may be the same pack.
                        self.local.remove(&at).await?;
                        self.keep_pack(&creator, &bytes).await?;
                    }
                    Ok(_) => drop(self.local.remove(&at).await?),
                }
            }
        }
        Ok(damaged)
    }

    /// A record went to the remote: with many others of its creator it is copied into a pack.
    pub(super) async fn note_sent(&self, record: &Record) {
        if let Some((creator, batch)) = self.packs.note_sent(record) {
            self.write_batch(creator, batch).await;
        }
    }

    /// Writes packs of what went to the remote, where there is enough of a creator.
    pub async fn write_packs(&self) {
        while let Some((creator, batch)) = self.packs.take_due() {
            self.write_batch(creator, batch).await;
        }
    }

    /// Nothing is lost where it fails: whoever collects packs what is in no pack.
    async fn write_batch(&self, creator: CreatorName, batch: Batch) {
        if let Some(remote) = &self.remote {
            let _ = write_pack(&**remote, creator, &batch.records).await;
        }
    }
}

/// Writes a pack of these records: its digest.
pub(super) async fn write_pack<B: AsRef<[u8]>>(
    store: &dyn Store,
    creator: CreatorName,
    records: &BTreeMap<CallKey, B>,
) -> Result<Digest> {
    let bytes = RecordPack::to_bytes(records);
    let digest = Digest::of(&bytes);
    store.create(&Location::RecordPack(creator, digest), &bytes).await?;
    Ok(digest)
}

/// The packs of a creator with their sizes, the newest last.
async fn packs_of(store: &dyn Store, creator: &CreatorName) -> Result<Vec<(Digest, u64)>> {
    let mut found = Vec::new();
    let gather = |Entry { location, size, modified }| {
        if let Location::RecordPack(_, digest) = location {
            found.push((modified, digest, size));
        }
    };
    store.each(&Prefix::RecordPacksOf(creator.clone()), gather).await?;
    found.sort();
    Ok(found.into_iter().map(|(_, digest, size)| (digest, size)).collect())
}

/// The records in a pack that are whole.
pub(super) fn records_in(creator: &CreatorName, bytes: &[u8]) -> Vec<Record> {
    let read = |(key, bytes): (CallKey, &[u8])| CallDocument::parse(creator, &key, bytes.to_vec()).ok()?.record();
    RecordPack::records(bytes).into_iter().filter_map(read).collect()
}
