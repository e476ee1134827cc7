//! What a process knows of the packs of records at its remote, and what it has to pack.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use futures_util::lock::Mutex as AsyncMutex;

use super::local_packs::{LocalPacks, locked};
use crate::record::Record;
use crate::{CallKey, CreatorName, Digest, Location, Store};

/// So many records of a creator are asked for one by one, before its packs are.
const ONE_BY_ONE: u64 = 2;
/// How many bytes of packs are fetched at most for each record that is asked for, and for each that was found in one.
const BYTES_EACH: u64 = 4 << 20;
/// How often packs are fetched, while nothing that was asked for is in one.
const IN_VAIN: u64 = 4;

/// So many records of a creator make a pack, or so many bytes of them.
const FULL: (usize, usize) = (1024, 4 << 20);
/// How many bytes of records wait for their packs at most.
const WAITING: usize = 8 << 20;
/// Fewer records than these are not worth a pack.
const FEWEST: usize = 16;

/// What a process knows of the packs of its remote, and the records that it has to pack.
#[derive(Clone, Default)]
pub struct Packs(Arc<Inner>);

#[derive(Default)]
struct Inner {
    of: Mutex<HashMap<CreatorName, Arc<AsyncMutex<PackIndex>>>>,
    removed: Mutex<Removed>,
    sent: Mutex<Sent>,
    here: LocalPacks,
    home: Mutex<Option<Arc<dyn Store>>>,
}

/// What is known of the packs of one creator.
#[derive(Default)]
pub(super) struct PackIndex {
    /// How many of its records were asked for that were not here.
    pub(super) asked: u64,
    /// Packs that were not fetched, with their sizes: the newest is last. `None` until somebody has listed them.
    pub(super) listed: Option<Vec<(Digest, u64)>>,
    pub(super) fetched: u64,
}

/// What tombstones say.
#[derive(Default)]
struct Removed {
    read: HashSet<Location>,
    documents: HashSet<Digest>,
    /// One of them cannot be read.
    hidden: bool,
}

/// Records that went to the remote and are in no pack.
#[derive(Default)]
struct Sent {
    of: HashMap<CreatorName, Batch>,
    bytes: usize,
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) records: BTreeMap<CallKey, Arc<[u8]>>,
    bytes: usize,
}

impl PackIndex {
    /// Whether to fetch packs, or more of them: not more than what was found in them makes good, which is so many records.
    pub(super) fn wants_more(&self, found: u64) -> bool {
        self.asked > ONE_BY_ONE
            && self.listed.as_ref().is_none_or(|left| left.last().is_some_and(|next| self.pays(next.1, found)))
    }

    pub(super) fn pays(&self, size: u64, found: u64) -> bool {
        let rounds = (self.asked - ONE_BY_ONE).min(IN_VAIN) + found;
        self.fetched.saturating_add(size) <= rounds.saturating_mul(BYTES_EACH)
    }
}

impl Packs {
    pub(super) fn of(&self, creator: &CreatorName) -> Arc<AsyncMutex<PackIndex>> {
        let mut of = locked(&self.0.of);
        if let Some(known) = of.get(creator) {
            return Arc::clone(known);
        }
        Arc::clone(of.entry(creator.clone()).or_default())
    }

    /// The packs of this machine.
    pub(super) fn here(&self) -> &LocalPacks {
        &self.0.here
    }

    /// This machine's store without what its packs have.
    pub(super) fn home(&self) -> Option<Arc<dyn Store>> {
        locked(&self.0.home).clone()
    }

    pub(super) fn set_home(&self, store: Arc<dyn Store>) {
        *locked(&self.0.home) = Some(store);
    }

    /// Whether a tombstone was read.
    pub(super) fn has_read(&self, tombstone: &Location) -> bool {
        locked(&self.0.removed).read.contains(tombstone)
    }

    /// The document that a tombstone means is not to come back.
    pub(super) fn note_removed(&self, tombstone: &Location, document: Digest) {
        let mut removed = locked(&self.0.removed);
        removed.read.insert(tombstone.clone());
        removed.documents.insert(document);
    }

    /// A tombstone cannot be read.
    pub(super) fn note_hidden(&self) {
        locked(&self.0.removed).hidden = true;
    }

    /// Whether a record that was found in a pack may count.
    pub(super) fn may_count(&self, record: &Digest) -> bool {
        let removed = locked(&self.0.removed);
        !removed.hidden && !removed.documents.contains(record)
    }

    /// A record went to the remote. What is enough for a pack.
    pub(super) fn note_sent(&self, record: &Record) -> Option<(CreatorName, Batch)> {
        let sent = &mut *locked(&self.0.sent);
        let batch = sent.of.entry(record.creator.clone()).or_default();
        let bytes = record.shared_bytes();
        let size = bytes.len();
        if batch.records.insert(record.key, bytes).is_none() {
            batch.bytes += size;
            sent.bytes += size;
        }
        let creator = if batch.records.len() >= FULL.0 || batch.bytes >= FULL.1 {
            record.creator.clone()
        } else if sent.bytes >= WAITING {
            sent.of.iter().max_by_key(|(_, batch)| batch.bytes)?.0.clone()
        } else {
            return None;
        };
        sent.take(creator)
    }

    /// Whether records wait that are worth a pack.
    pub fn are_due(&self) -> bool {
        locked(&self.0.sent).of.values().any(|batch| batch.records.len() >= FEWEST)
    }

    pub(super) fn take_due(&self) -> Option<(CreatorName, Batch)> {
        let sent = &mut *locked(&self.0.sent);
        let creator = sent.of.iter().find(|(_, batch)| batch.records.len() >= FEWEST)?.0.clone();
        sent.take(creator)
    }
}

impl Sent {
    fn take(&mut self, creator: CreatorName) -> Option<(CreatorName, Batch)> {
        let batch = self.of.remove(&creator)?;
        self.bytes -= batch.bytes;
        Some((creator, batch))
    }
}

impl fmt::Debug for Packs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packs").finish_non_exhaustive()
    }
}
