//! What a process remembers of packs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use datlake_core::Digest;
use datlake_core::tree::PackLocations;

/// So many files of a pack are fetched by themselves.
const BY_THEMSELVES: u32 = 4;
/// The locations of so many ranges are remembered.
const RANGES: usize = 64;

/// What is known of packs.
#[derive(Debug, Default)]
pub(super) struct PackMemory {
    /// The locations of ranges that are here, and when their folder last changed.
    known: Mutex<HashMap<Digest, Seen>>,
    /// How many files of a pack were fetched by themselves.
    fetched: Mutex<HashMap<Digest, u32>>,
}

type Seen = (Option<SystemTime>, Arc<[PackLocations]>);

impl PackMemory {
    /// The locations of a range whose folder last `changed` then.
    pub(super) fn known(&self, range: &Digest, changed: Option<SystemTime>) -> Option<Arc<[PackLocations]>> {
        let known = lock(&self.known);
        known.get(range).filter(|(seen, _)| *seen == changed).map(|(_, known)| Arc::clone(known))
    }

    /// Remembers the locations of a range, if its folder shows by its time when it changes once more.
    pub(super) fn learn(&self, range: Digest, changed: Option<SystemTime>, locations: &Arc<[PackLocations]>) {
        if changed.is_none_or(is_settled) {
            let mut known = lock(&self.known);
            if known.len() >= RANGES {
                known.clear();
            }
            known.insert(range, (changed, Arc::clone(locations)));
        }
    }

    pub(super) fn forget(&self, range: &Digest) {
        lock(&self.known).remove(range);
    }

    /// Counts one more file of a pack: whether there are so many that the pack should be fetched.
    pub(super) fn are_many(&self, pack: Digest) -> bool {
        let mut fetched = lock(&self.fetched);
        let count = fetched.entry(pack).or_default();
        *count += 1;
        *count > BY_THEMSELVES
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a folder that changed once more would have another time by now: kernels count in ticks, some file systems in seconds.
fn is_settled(changed: SystemTime) -> bool {
    let since = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let grain = Duration::from_millis(if since.subsec_nanos() == 0 { 3000 } else { 20 });
    SystemTime::now().duration_since(changed).is_ok_and(|age| age > grain)
}
