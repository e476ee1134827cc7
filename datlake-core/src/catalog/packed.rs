//! Packs of records: how a machine that is new to a creator learns of many of its calls at once.
//!
//! Invariants:
//! - A pack holds copies. A record that is found in one is copied to this machine, as if it came from its own place, and nothing
//!   else follows from a pack: no key is decided by it, and nothing is missing because no pack has it.
//! - Tombstones are read after a pack, and hold for what is in it. Where one cannot be read, no pack is believed.
//! - Whatever goes wrong with a pack, the record is asked for at its own place.

use std::collections::BTreeMap;
use std::ops::Range;

use futures_util::{StreamExt as _, stream};

use super::Catalog;
use super::packs::{Batch, PackIndex};
use crate::record::{CallDocument, Record};
use crate::record_pack::RecordPack;
use crate::{CallKey, CreatorName, Digest, Entry, Location, Prefix, Result, Store, StoreExt as _};

/// How many packs are fetched at a time.
const AT_ONCE: usize = 16;

impl Catalog {
    /// Whether a pack that was fetched has the record of a call. Who asks while packs are on their way waits for them.
    pub async fn is_packed(&self, creator: &CreatorName, key: &CallKey) -> bool {
        self.remote.is_some() && self.packs.of(creator).lock().await.places.contains_key(key)
    }

    /// The record of a call from a pack, if one has it.
    pub(super) async fn packed(&self, creator: &CreatorName, key: &CallKey) -> Option<Record> {
        let remote = self.remote.as_deref()?;
        let known = self.packs.of(creator);
        // Who asks meanwhile waits, for the answer is likely to be in what comes.
        let mut known = known.lock().await;
        known.asked += 1;
        loop {
            // It is copied to its own place now, or is to be asked for there.
            if let Some((pack, place)) = known.places.remove(key) {
                known.found += 1;
                drop(known);
                return self.read_packed(creator, key, &pack, place).await;
            }
            if !known.wants_more() {
                return None;
            }
            if self.fetch_packs(remote, creator, &mut known).await.is_err() {
                known.listed = Some(Vec::new());
            }
        }
    }

    async fn read_packed(
        &self,
        creator: &CreatorName,
        key: &CallKey,
        pack: &Digest,
        place: Range<u64>,
    ) -> Option<Record> {
        let mut bytes = Vec::new();
        let at = Location::RecordPack(creator.clone(), *pack);
        self.local.fetch(&at, place, &mut bytes).await.ok()??;
        let record = CallDocument::parse(creator, key, bytes).ok()?.record()?;
        self.packs.may_count(&record.digest).then_some(record)
    }

    /// Fetches packs as far as that pays, and learns then what was removed.
    async fn fetch_packs(&self, remote: &dyn Store, creator: &CreatorName, known: &mut PackIndex) -> Result<()> {
        if known.listed.is_none() {
            known.listed = Some(packs_of(remote, creator).await?);
        }
        let mut wanted = Vec::new();
        while let Some(next) = known.listed.as_ref().and_then(|left| left.last()).copied() {
            if !known.pays(next.1) {
                break;
            }
            known.fetched += next.1;
            known.listed.as_mut().and_then(Vec::pop);
            wanted.push(next.0);
        }
        let fetched = stream::iter(wanted).map(async |digest| {
            let places = self.fetch_pack(remote, creator, &digest).await;
            (digest, places)
        });
        let fetched: Vec<_> = fetched.buffer_unordered(AT_ONCE).collect().await;
        if fetched.is_empty() {
            return Ok(());
        }
        self.learn_new_removals().await?;
        for (digest, pack) in fetched {
            // One that is damaged, or gone by now, is as good as none.
            let Ok(Some(pack)) = pack else { continue };
            for (key, place) in pack.places() {
                known.places.entry(*key).or_insert_with(|| (digest, place.clone()));
            }
        }
        Ok(())
    }

    /// Where the records are in a pack, of which this machine has a copy then.
    async fn fetch_pack(
        &self,
        remote: &dyn Store,
        creator: &CreatorName,
        digest: &Digest,
    ) -> Result<Option<RecordPack>> {
        let at = Location::RecordPack(creator.clone(), *digest);
        if let Some(bytes) = self.local.get(&at).await? {
            if let Ok(pack) = RecordPack::parse(&bytes, digest, &at) {
                return Ok(Some(pack));
            }
            self.local.remove(&at).await?;
        }
        let Some(bytes) = remote.get(&at).await? else { return Ok(None) };
        let pack = RecordPack::parse(&bytes, digest, &at)?;
        self.cache.create(&at, &bytes).await?;
        Ok(Some(pack))
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
