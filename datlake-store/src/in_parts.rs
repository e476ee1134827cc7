//! The digest of large content by several threads, each of which takes the next part.
//!
//! BLAKE3 is a tree: the parts are its subtrees, so that what comes out is the digest of the whole. Not rayon's threads: whoever waits on
//! one of these may get another's job on top, and so a call of the user's.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use blake3::hazmat::{ChainingValue, HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};
use datlake_core::{Digest, Result};

use crate::runtime::scoped_thread;

/// How many bytes a thread takes at a time: a power of two, so that each part is a subtree.
const PART: u64 = 1 << 20;
/// What is smaller is hashed by one thread.
const LARGE: u64 = 8 * PART;
/// More threads than these are faster than any disk.
const THREADS: usize = 8;
const STACK: usize = 256 << 10;

/// How many threads help with all that this process hashes at a time: of many large files each has a thread of its own already.
static HELPING: AtomicUsize = AtomicUsize::new(0);

/// One of them.
struct Helping;

impl Helping {
    /// `None` where there are so many.
    fn begin(most: usize) -> Option<Self> {
        let one_more = |helping| (helping < most).then_some(helping + 1);
        HELPING.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok().map(|_| Self)
    }
}

impl Drop for Helping {
    fn drop(&mut self) {
        HELPING.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Beside the thread of whoever has something hashed.
fn most_helpers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(THREADS) - 1
}

/// Whether so much is hashed in parts.
pub(crate) fn is_large(size: u64) -> bool {
    size >= LARGE
}

/// The digest of `size` bytes, which are [many](is_large). `part` gives those of a range, and may put them somewhere else, too.
///
/// # Errors
/// The first of `part`.
pub(crate) fn digest<F: Fn(Range<u64>, &mut [u8]) -> Result<()> + Sync>(size: u64, part: F) -> Result<Digest> {
    let count = size.div_ceil(PART);
    let (next, values) = (AtomicU64::new(0), Mutex::new(vec![ChainingValue::default(); count as usize]));
    let hash = || -> Result<()> {
        let mut buffer = vec![0; PART as usize];
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return Ok(());
            }
            let range = at * PART..size.min((at + 1) * PART);
            let bytes = &mut buffer[..(range.end - range.start) as usize];
            // Nobody goes on where one part is missing.
            part(range.clone(), bytes).inspect_err(|_| next.store(count, Ordering::Relaxed))?;
            let mut hasher = blake3::Hasher::new();
            hasher.set_input_offset(range.start).update(bytes);
            let value = hasher.finalize_non_root();
            values.lock().unwrap_or_else(PoisonError::into_inner)[at as usize] = value;
        }
    };
    let most = most_helpers();
    std::thread::scope(|scope| {
        // Where no thread is to be had, there are fewer.
        let help = |_| {
            let helping = Helping::begin(most)?;
            let help = || {
                let _helping = helping;
                hash()
            };
            scoped_thread(scope, STACK, help).ok()
        };
        let others: Vec<_> = (0..most).filter_map(help).collect();
        let mut done = hash();
        for other in others {
            done = done.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    })?;
    let values = values.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (left, right) = values.split_at(left_of(values.len()));
    let digest = merge_subtrees_root(&merged(left), &merged(right), Mode::Hash);
    Ok(Digest::from_bytes(*digest.as_bytes()))
}

/// How many of several subtrees are on the left.
fn left_of(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn merged(values: &[ChainingValue]) -> ChainingValue {
    match values {
        [one] => *one,
        _ => {
            let (left, right) = values.split_at(left_of(values.len()));
            merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
        }
    }
}

#[cfg(test)]
mod tests {
    use datlake_core::{Error, ErrorKind};

    use super::*;

    #[test]
    fn the_digest_is_that_of_the_whole() {
        let bytes: Vec<u8> = (0..20 * PART + 5).map(|at| (at ^ (at >> 7) ^ (at >> 13)) as u8).collect();
        for parts in [2, 3, 5, 8, 9, 20] {
            for more in [1, 1024, 1025] {
                let size = (parts * PART + more).min(bytes.len() as u64);
                for size in [size - 1, size] {
                    let read = |range: Range<u64>, buffer: &mut [u8]| {
                        buffer.copy_from_slice(&bytes[range.start as usize..range.end as usize]);
                        Ok(())
                    };
                    assert_eq!(digest(size, read).unwrap(), Digest::of(&bytes[..size as usize]), "{size} bytes");
                }
            }
        }
    }

    #[test]
    fn many_at_once_have_no_more_helpers_than_one() {
        let (reading, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let part = |_: Range<u64>, _: &mut [u8]| {
            most.fetch_max(reading.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(2));
            reading.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        };
        std::thread::scope(|scope| (0..6).for_each(|_| drop(scope.spawn(|| digest(20 * PART, part).unwrap()))));
        assert!(most.into_inner() <= 6 + most_helpers());
    }

    #[test]
    fn who_cannot_read_a_part_ends_all() {
        let asked = AtomicUsize::new(0);
        let fails = |_: Range<u64>, _: &mut [u8]| {
            asked.fetch_add(1, Ordering::Relaxed);
            Err(Error::new(ErrorKind::Io, "gone"))
        };
        assert_eq!(digest(1000 * PART, fails).unwrap_err().to_string(), "gone");
        assert!(asked.into_inner() <= THREADS);
    }
}
