//! Putting many pieces of content into the lake, several at a time.

use std::fmt::Display;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake_core::{Digest, Result};
use datlake_store::{Staged, wait};

use super::{Lake, lock};

/// How many files are copied, and sent to the remote, at a time.
const AT_ONCE: usize = 8;
/// So many objects are synced each by itself: to sync all at once is to wait for what others have written, too.
pub(super) const ONE_BY_ONE: usize = 16;

impl Lake {
    /// Puts one of `all` pieces of content into the lake: whether it is yet to be made to last, with its digest and size.
    pub(super) fn put(&self, staged: &Staged, what: &dyn Display, all: usize) -> Result<(bool, (Digest, u64))> {
        let (digest, size) = (staged.digest, staged.size);
        let _sends = self.sends([(digest, what.to_string())]);
        let unsynced = match all <= ONE_BY_ONE {
            true => wait(self.local_view().restore(&digest, size, staged.path())).map(|()| false)?,
            false => wait(self.local_view().restore_unsynced(&digest, size, staged.path()))?,
        };
        Ok((unsynced, (digest, size)))
    }
}

/// Does something with each, several at a time, until the first failure: what came of it, in order.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    in_parallel_by(AT_ONCE, items, work)
}

/// The same, `at_once` at most at a time.
pub(super) fn in_parallel_by<T: Sync, R: Send>(
    at_once: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let (done, failed) = (Mutex::new(Vec::with_capacity(items.len())), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..at_once.min(items.len()) {
            scope.spawn(|| {
                while lock(&failed).is_none() {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    match items.get(at).map(&work) {
                        None => break,
                        Some(Ok(result)) => lock(&done).push((at, result)),
                        Some(Err(error)) => drop(lock(&failed).get_or_insert(error)),
                    }
                }
            });
        }
    });
    if let Some(error) = lock(&failed).take() {
        return Err(error);
    }
    let mut done = std::mem::take(&mut *lock(&done));
    done.sort_unstable_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}
