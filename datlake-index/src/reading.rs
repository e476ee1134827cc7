//! Records that are read by several threads, while their rows are written by one.

use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};

use datlake::indexing::IndexedRecord;
use datlake::{CallKey, CreatorName, Lake};

use crate::trouble::Usable;

/// Fewer are read by who asks.
const MANY: usize = 256;
/// So many are read at a time, and so many times more may wait to be written.
const BATCH: usize = 128;
const WAITING: usize = 8;

type Call = (CreatorName, CallKey);

/// Hands `write` what this machine knows of each of `calls`.
pub(crate) fn read_all(
    lake: &Lake,
    calls: Vec<Call>,
    mut write: impl FnMut(Call, IndexedRecord) -> Usable<()>,
) -> Usable<()> {
    let read = |call: Call| {
        let known = lake.known_here(&call.0, &call.1);
        (call, known)
    };
    if calls.len() < MANY {
        return calls.into_iter().map(read).try_for_each(|(call, known)| write(call, known));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let calls = Mutex::new(calls.into_iter());
    let (send, receive) = mpsc::sync_channel::<Vec<(Call, IndexedRecord)>>(WAITING);
    std::thread::scope(|scope| {
        // Goes with the first error, and then the threads end.
        let receive = receive;
        for _ in 0..threads {
            let (send, calls) = (send.clone(), &calls);
            scope.spawn(move || {
                loop {
                    let some: Vec<Call> =
                        calls.lock().unwrap_or_else(PoisonError::into_inner).by_ref().take(BATCH).collect();
                    if some.is_empty() || send.send(some.into_iter().map(read).collect()).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        receive.iter().flatten().try_for_each(|(call, known)| write(call, known))
    })
}
