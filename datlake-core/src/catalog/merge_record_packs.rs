//! Keeping the packs of records in order: what is in none is packed, small ones become large ones, and what was removed goes.
//!
//! A pack is written before those go whose records it has. Who listed one that is gone by now asks for its records one by one.
//!
//! What is in memory at a time: the keys of one creator, and the records of one pack that is read and of one that is written.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::Catalog;
use super::packed::{records_in, write_pack};
use crate::record::{CallDocument, Record};
use crate::record_pack::RecordPack;
use crate::{CallKey, CreatorName, Digest, Entry, Location, Prefix, Result, Store, StoreExt as _};

/// So many records of a creator that are in no pack are worth one.
const UNPACKED: usize = 64;
/// A smaller pack is one of those that become a larger one, when there are so many of them.
const SMALL: (u64, usize) = (4 << 20, 8);
/// How many bytes of records are in a pack at most, unless one record has more.
const LARGEST: usize = 8 << 20;
/// How many records are read at a time.
const AT_ONCE: usize = 64;

/// What became of the packs of records of a remote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergedRecordPacks {
    /// How many records were in no pack, and are now.
    pub records: u64,
    /// How many packs were written.
    pub written: u64,
    /// How many packs went.
    pub removed: u64,
}

/// Writes what is gathered into packs of the largest size.
struct Writer<'a> {
    store: &'a dyn Store,
    creator: &'a CreatorName,
    records: BTreeMap<CallKey, Vec<u8>>,
    bytes: usize,
    written: BTreeSet<Digest>,
}

impl Writer<'_> {
    async fn put(&mut self, record: &Record) -> Result<()> {
        self.bytes += record.bytes().len();
        self.records.insert(record.key, record.bytes().to_vec());
        if self.bytes >= LARGEST { self.end().await } else { Ok(()) }
    }

    async fn end(&mut self) -> Result<()> {
        let records = std::mem::take(&mut self.records);
        self.bytes = 0;
        if !records.is_empty() {
            self.written.insert(write_pack(self.store, self.creator.clone(), &records).await?);
        }
        Ok(())
    }
}

/// The calls of one creator that have a record, sorted by key, and of each whether it is in a whole pack.
struct Keys(Vec<(CallKey, bool)>);

impl Keys {
    async fn of(store: &dyn Store, creator: &CreatorName) -> Result<Self> {
        let mut keys = Vec::new();
        let gather = |entry: Entry| {
            if let Location::Record(_, key) = entry.location {
                keys.push((key, false));
            }
        };
        store.each(&Prefix::RecordsOf(creator.clone()), gather).await?;
        keys.sort_unstable();
        keys.dedup();
        Ok(Self(keys))
    }

    fn find(&self, key: &CallKey) -> Option<usize> {
        self.0.binary_search_by_key(key, |(key, _)| *key).ok()
    }

    /// Those that are in no whole pack.
    fn unpacked(&self) -> impl Iterator<Item = CallKey> {
        self.0.iter().filter(|(_, packed)| !packed).map(|(key, _)| *key)
    }
}

/// The packs of one creator.
#[derive(Default)]
struct Looked {
    /// How many were damaged.
    damaged: u64,
    /// Packs that are to be written anew, and those that are only small.
    anew: Vec<Digest>,
    small: Vec<Digest>,
}

impl Catalog {
    /// Packs the records at the remote that are in no pack, where a creator has many, and merges small packs.
    ///
    /// # Errors
    /// Those of the remote.
    pub async fn merge_record_packs(&self) -> Result<MergedRecordPacks> {
        let mut done = MergedRecordPacks::default();
        let Some(remote) = &self.remote else { return Ok(done) };
        let mut of = BTreeMap::<CreatorName, (usize, Vec<(Digest, u64)>)>::new();
        let count = |Entry { location, .. }: Entry| {
            if let Location::Record(creator, _) = location {
                of.entry(creator).or_default().0 += 1;
            }
        };
        remote.each(&Prefix::Records, count).await?;
        let gather = |Entry { location, size, .. }: Entry| {
            if let Location::RecordPack(creator, digest) = location {
                of.entry(creator).or_default().1.push((digest, size));
            }
        };
        remote.each(&Prefix::RecordPacks, gather).await?;
        for (creator, (records, packs)) in of {
            if !packs.is_empty() || records >= UNPACKED {
                self.merge_of(&**remote, &creator, &packs, &mut done).await?;
            }
        }
        Ok(done)
    }

    async fn merge_of(
        &self,
        remote: &dyn Store,
        creator: &CreatorName,
        packs: &[(Digest, u64)],
        done: &mut MergedRecordPacks,
    ) -> Result<()> {
        let mut keys = Keys::of(remote, creator).await?;
        let Looked { damaged, mut anew, small } = self.look(remote, creator, &mut keys, packs).await?;
        done.removed += damaged;
        let adds = keys.unpacked().count() >= UNPACKED;
        if adds || small.len() >= SMALL.1 || !anew.is_empty() || damaged > 0 {
            anew.extend(small);
        }
        if anew.is_empty() && !adds {
            return Ok(());
        }
        // A pack never changes: what is learned now holds for what is read of it below.
        self.learn_new_removals().await?;
        let mut writer =
            Writer { store: remote, creator, records: BTreeMap::new(), bytes: 0, written: BTreeSet::new() };
        for digest in &anew {
            for record in self.read_pack(remote, creator, digest, &keys).await? {
                writer.put(&record).await?;
            }
        }
        if adds {
            let read = stream::iter(keys.unpacked()).map(async |key| {
                let bytes = remote.get(&Location::Record(creator.clone(), key)).await?;
                // What is damaged is for who looks the lake through.
                Ok::<_, crate::Error>(bytes.and_then(|bytes| CallDocument::parse(creator, &key, bytes).ok()?.record()))
            });
            let mut read = read.buffered(AT_ONCE);
            while let Some(record) = read.try_next().await? {
                let Some(record) = record else { continue };
                writer.put(&record).await?;
                done.records += 1;
            }
        }
        writer.end().await?;
        done.written += writer.written.difference(&anew.iter().copied().collect()).count() as u64;
        for digest in anew.iter().filter(|digest| !writer.written.contains(digest)) {
            remote.remove(&Location::RecordPack(creator.clone(), *digest)).await?;
            done.removed += 1;
        }
        Ok(())
    }

    /// What is wrong with the packs of records at the remote: where each is, and why.
    ///
    /// # Errors
    /// Those of the remote.
    pub async fn check_packs(&self) -> Result<Vec<(Location, String)>> {
        let Some(remote) = &self.remote else { return Ok(Vec::new()) };
        let mut wrong = Vec::new();
        for at in remote.locations(&Prefix::RecordPacks).await? {
            let Location::RecordPack(creator, digest) = &at else { continue };
            let Some(bytes) = remote.get(&at).await? else { continue };
            if let Err(error) = RecordPack::parse(&bytes, digest, &at) {
                wrong.push((at, error.to_string()));
                continue;
            }
            let records = records_in(creator, &bytes);
            let differs = stream::iter(records).map(async |record| {
                let at = Location::Record(record.creator.clone(), record.key);
                let there = remote.get(&at).await?;
                // What was removed is in packs until they are written anew.
                let is_other =
                    there.is_some_and(|there| there != record.bytes()) && self.packs.may_count(&record.digest);
                Ok::<_, crate::Error>(is_other.then_some(record.key))
            });
            let differs: Vec<_> = differs.buffered(AT_ONCE).try_collect().await?;
            if let Some(key) = differs.into_iter().flatten().next() {
                let (path, store) = (at.path(), remote.describe());
                let call = format!("{creator}/{}", key.short());
                wrong.push((at, format!("the pack `{path}` has another record of call {call} than {store} has; remove the pack, nothing else is lost")));
            }
        }
        Ok(wrong)
    }

    /// What is in the packs of a creator, and which of them are to be written anew: what has more records that were removed than
    /// others. What is damaged goes.
    async fn look(
        &self,
        remote: &dyn Store,
        creator: &CreatorName,
        keys: &mut Keys,
        packs: &[(Digest, u64)],
    ) -> Result<Looked> {
        let mut looked = Looked::default();
        for (digest, size) in packs {
            let at = Location::RecordPack(creator.clone(), *digest);
            let Some(bytes) = remote.get(&at).await? else { continue };
            let Ok(pack) = RecordPack::parse(&bytes, digest, &at) else {
                // Before the same is written again.
                remote.remove(&at).await?;
                looked.damaged += 1;
                continue;
            };
            let live: Vec<usize> = pack.places().filter_map(|(key, _)| keys.find(key)).collect();
            match live.len() * 2 < pack.places().count() {
                true => looked.anew.push(*digest),
                false if *size < SMALL.0 => looked.small.push(*digest),
                false => {}
            }
            live.into_iter().for_each(|at| keys.0[at].1 = true);
        }
        Ok(looked)
    }

    /// The records in a pack that were not removed.
    async fn read_pack(
        &self,
        remote: &dyn Store,
        creator: &CreatorName,
        digest: &Digest,
        keys: &Keys,
    ) -> Result<Vec<Record>> {
        let at = Location::RecordPack(creator.clone(), *digest);
        let Some(bytes) = remote.get(&at).await? else { return Ok(Vec::new()) };
        let mut records = records_in(creator, &bytes);
        records.retain(|record| keys.find(&record.key).is_some() && self.packs.may_count(&record.digest));
        Ok(records)
    }
}
