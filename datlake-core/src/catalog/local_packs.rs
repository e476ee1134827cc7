//! The packs of records that a machine keeps, and which records are where in them.
//!
//! Invariants:
//! - Each record is read from its pack, and checked: what another process took out of a pack is not found there again.
//! - Who removes a record writes the packs that have it anew without it, until none has it.
//! - A record that is damaged in its pack is as damaged as at its own place: it is handed on, and whoever parses it says so.
//! - A pack of which nobody can tell what is in it is remembered: it may have any record that is found nowhere else.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use futures_util::lock::Mutex as AsyncMutex;

use crate::record::CallAnswer;
use crate::record_pack::RecordPack;
use crate::store::{LOOKS, contradiction};
use crate::{CallKey, Created, CreatorName, Digest, Entry, Location, Prefix, Result, Store, StoreExt as _, Visit};

/// How many bytes of a pack are read at first to learn what is in it: of a thousand records.
const HEAD: u64 = 96 << 10;

/// What a process knows of the packs of its machine.
#[derive(Default)]
pub(super) struct LocalPacks {
    of: Mutex<BTreeMap<CreatorName, OfCreator>>,
    /// Held by who writes packs anew.
    writing: AsyncMutex<()>,
}

/// The packs of one creator.
#[derive(Default)]
struct OfCreator {
    packs: BTreeMap<Digest, (Arc<RecordPack>, SystemTime)>,
    /// One whose list of records cannot be read.
    damaged: Option<Digest>,
    /// How many records were read from them.
    found: u64,
}

impl LocalPacks {
    /// How many records of a creator were read from packs.
    pub(super) fn found(&self, creator: &CreatorName) -> u64 {
        locked(&self.of).get(creator).map_or(0, |known| known.found)
    }

    /// Where a pack has the record of a call, as far as this process has looked.
    pub(super) fn place(&self, creator: &CreatorName, key: &CallKey) -> Option<(Digest, Range<u64>)> {
        let of = locked(&self.of);
        of.get(creator)?.packs.iter().find_map(|(digest, (pack, _))| Some((*digest, pack.place(key)?)))
    }

    /// A pack of a creator that may have whatever is found nowhere else, as far as this process has looked.
    pub(super) fn damaged(&self, creator: &CreatorName) -> Option<Location> {
        let digest = locked(&self.of).get(creator)?.damaged?;
        Some(Location::RecordPack(creator.clone(), digest))
    }

    /// Looks which packs of a creator there are now.
    pub(super) async fn refresh(&self, store: &dyn Store, creator: &CreatorName) -> Result<()> {
        'looks: for _ in 0..LOOKS {
            let mut listed = BTreeMap::new();
            let gather = |entry: Entry| {
                if let Location::RecordPack(_, digest) = entry.location {
                    listed.insert(digest, entry.modified);
                }
            };
            store.each(&Prefix::RecordPacksOf(creator.clone()), gather).await?;
            let (mut packs, mut damaged) = (BTreeMap::new(), None);
            for (digest, modified) in listed {
                let known = locked(&self.of).get(creator).and_then(|known| known.packs.get(&digest).cloned());
                let pack = match known {
                    Some((pack, _)) => pack,
                    None => match head(store, &Location::RecordPack(creator.clone(), digest)).await? {
                        // What another process wrote in its place was not listed.
                        ReadPack::Gone => continue 'looks,
                        ReadPack::Damaged => {
                            damaged = Some(digest);
                            continue;
                        }
                        ReadPack::Whole(pack) => Arc::new(pack),
                    },
                };
                packs.insert(digest, (pack, modified));
            }
            let of = &mut *locked(&self.of);
            let known = of.entry(creator.clone()).or_default();
            (known.packs, known.damaged) = (packs, damaged);
            return Ok(());
        }
        Err(contradiction(store, "read records", &format!("a pack of `{creator}`")))
    }

    /// The record of a call from a pack, also where it is damaged there.
    pub(super) async fn read(&self, store: &dyn Store, at: &Location) -> Result<Option<Vec<u8>>> {
        let Location::Record(creator, key) = at else { return Ok(None) };
        if !locked(&self.of).contains_key(creator) {
            self.refresh(store, creator).await?;
        }
        for _ in 0..LOOKS {
            let Some((pack, place)) = self.place(creator, key) else { return Ok(None) };
            let mut bytes = Vec::new();
            if store.fetch(&Location::RecordPack(creator.clone(), pack), place, &mut bytes).await?.is_some() {
                if let Some(known) = locked(&self.of).get_mut(creator) {
                    known.found += 1;
                }
                return Ok(Some(bytes));
            }
            // Another process has written it anew, or removed it.
            self.refresh(store, creator).await?;
        }
        Err(contradiction(store, "read a record", &format!("a pack of `{creator}`")))
    }

    /// A pack was created.
    pub(super) fn add(&self, creator: &CreatorName, digest: &Digest, bytes: &[u8]) {
        if let Some(known) = locked(&self.of).get_mut(creator)
            && let Some(pack) = RecordPack::read(bytes)
        {
            known.packs.entry(*digest).or_insert((Arc::new(pack), SystemTime::UNIX_EPOCH));
        }
    }

    /// Takes the record of a call out of all packs: whether one had it.
    pub(super) async fn take_out(&self, store: &dyn Store, creator: &CreatorName, key: &CallKey) -> Result<bool> {
        let _alone = self.writing.lock().await;
        for look in 0..LOOKS {
            self.refresh(store, creator).await?;
            let Some((pack, _)) = self.place(creator, key) else { return Ok(look > 0) };
            write_without(store, creator, &pack, &BTreeSet::from([*key])).await?;
        }
        Err(contradiction(store, "remove a record", &format!("a pack of `{creator}`")))
    }

    /// Puts those of the records of a creator that packs have at their own places, and writes each of the packs anew once. Whoever is
    /// about to remove many removes them there.
    pub(super) async fn unpack(
        &self,
        store: &dyn Store,
        creator: &CreatorName,
        keys: &BTreeSet<CallKey>,
    ) -> Result<()> {
        let _alone = self.writing.lock().await;
        self.refresh(store, creator).await?;
        let packs: Vec<_> = {
            let of = locked(&self.of);
            let known = of.get(creator).into_iter().flat_map(|known| &known.packs);
            known.filter(|(_, (pack, _))| keys.iter().any(|key| pack.place(key).is_some())).map(|(at, _)| *at).collect()
        };
        for pack in packs {
            let Some(bytes) = store.get(&Location::RecordPack(creator.clone(), pack)).await? else { continue };
            // What is damaged is taken out when it is removed.
            let is_whole = |(key, bytes): &(CallKey, &[u8])| CallAnswer::parse(creator, key, bytes).is_ok();
            let found = RecordPack::records(&bytes).into_iter().filter(|(key, _)| keys.contains(key)).filter(is_whole);
            let found: BTreeMap<_, _> = found.collect();
            for (key, bytes) in &found {
                store.create(&Location::Record(creator.clone(), *key), bytes).await?;
            }
            write_without(store, creator, &pack, &found.into_keys().collect()).await?;
        }
        self.refresh(store, creator).await
    }

    /// Shows `visit` the records of a creator in packs that are not among those `at_place`.
    pub(super) fn list(
        &self,
        creator: &CreatorName,
        at_place: &HashSet<Location>,
        visit: Visit<'_>,
    ) -> ControlFlow<()> {
        let packs: Vec<_> =
            locked(&self.of).get(creator).into_iter().flat_map(|known| known.packs.values().cloned()).collect();
        for (n, (pack, modified)) in packs.iter().enumerate() {
            for (key, place) in pack.places() {
                let location = Location::Record(creator.clone(), *key);
                let was_shown = packs[..n].iter().any(|(earlier, _)| earlier.place(key).is_some());
                if !was_shown && !at_place.contains(&location) {
                    visit(Entry { location, size: place.end - place.start, modified: *modified })?;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// What there is at the place of a pack.
enum ReadPack {
    Whole(RecordPack),
    Damaged,
    Gone,
}

async fn head(store: &dyn Store, at: &Location) -> Result<ReadPack> {
    let mut wanted = HEAD;
    loop {
        let mut bytes = Vec::new();
        let Some(size) = store.fetch(at, 0..wanted, &mut bytes).await? else { return Ok(ReadPack::Gone) };
        match RecordPack::read_head(&bytes, size) {
            Some(pack) => return Ok(ReadPack::Whole(pack)),
            None if wanted >= size => return Ok(ReadPack::Damaged),
            None => wanted = wanted.saturating_mul(4),
        }
    }
}

/// Writes a pack anew without the records of these calls, and removes it.
async fn write_without(
    store: &dyn Store,
    creator: &CreatorName,
    pack: &Digest,
    keys: &BTreeSet<CallKey>,
) -> Result<()> {
    let at = Location::RecordPack(creator.clone(), *pack);
    let Some(bytes) = store.get(&at).await? else { return Ok(()) };
    let mut left = RecordPack::records(&bytes);
    left.retain(|key, _| !keys.contains(key));
    let mut ours = None;
    if !left.is_empty() {
        let bytes = RecordPack::to_bytes(&left);
        let anew = Location::RecordPack(creator.clone(), Digest::of(&bytes));
        ours = (store.create(&anew, &bytes).await? == Created::New).then_some(anew);
    }
    // Another process was quicker: what it left out is in ours.
    if !store.remove(&at).await?
        && let Some(ours) = ours
    {
        store.remove(&ours).await?;
    }
    Ok(())
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
