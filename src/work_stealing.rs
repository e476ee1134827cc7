//! Whether the code on this thread's stack belongs to the body the thread stands in, or was put on top of it.
//!
//! A pool that steals work runs other jobs on the stack of a thread that waits. Between the frame at which the thread came
//! to stand where it stands and the code in question there are frames of the pool then. Where there are none, the code is
//! the body's own. Where frames have no names (a stripped program), nothing is certain.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

/// How long a thread of a pool waits for somebody who may be waiting for a job that lies below on this very stack, which nobody
/// can see. After that the call runs once more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Functions of the pool that take jobs on: the loop of a thread, and waits within a job.
const TAKES: [&str; 3] = ["wait_until_cold", "yield_now", "yield_local"];

/// What a return address belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// That of [`mark`](datlake_lake::scope::mark).
    Mark,
    /// The pool, where it takes jobs on.
    Takes,
    /// The pool, elsewhere.
    Pool,
    Other,
}

/// Whether this thread belongs to a pool that may run one job on top of another that waits.
pub(crate) fn is_possible() -> bool {
    rayon_core::current_thread_index().is_some()
}

/// Whether the code that asks is certainly the body's own, and no job on top of it.
pub(crate) fn is_excluded() -> bool {
    if !is_possible() {
        return true;
    }
    let mut own = false;
    backtrace::trace(|frame| {
        let found = classify(frame);
        own = found == Frame::Mark;
        found == Frame::Other
    });
    own
}

/// Whether another job may lie below the one that asks, on a thread of a pool. Where frames have no names, it may.
pub(crate) fn may_lie_on_another() -> bool {
    if !is_possible() {
        return false;
    }
    let mut takes = 0;
    backtrace::trace(|frame| {
        takes += usize::from(classify(frame) == Frame::Takes);
        true
    });
    takes != 1
}

/// Names are looked up once for each address and thread: that costs a thousand times what walking the stack does.
fn classify(frame: &backtrace::Frame) -> Frame {
    thread_local! {
        static KNOWN: RefCell<HashMap<usize, Frame>> = RefCell::default();
    }
    let address = frame.ip() as usize;
    KNOWN.with_borrow_mut(|known| *known.entry(address).or_insert_with(|| named(frame)))
}

fn named(frame: &backtrace::Frame) -> Frame {
    let mut found = Frame::Other;
    backtrace::resolve_frame(frame, |symbol| {
        let Some(name) = symbol.name() else { return };
        let name = name.to_string();
        if name.contains("datlake_stands_here") {
            found = Frame::Mark;
        } else if name.contains("rayon_core") && TAKES.iter().any(|function| name.contains(function)) {
            found = Frame::Takes;
        } else if name.contains("rayon_core") && found == Frame::Other {
            found = Frame::Pool;
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use datlake_lake::scope::mark;

    #[test]
    fn a_job_above_the_mark_is_told_from_the_code_that_was_marked() {
        let pool = rayon_core::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        pool.install(|| {
            assert!(!is_excluded(), "nothing was marked");
            mark(|| {
                assert!(is_excluded());
                rayon_core::scope(|scope| scope.spawn(|_| assert!(!is_excluded())));
                rayon_core::scope(|scope| scope.spawn(|_| mark(|| assert!(is_excluded()))));
            });
        });
        assert!(is_excluded(), "there is no pool here");
    }

    #[test]
    fn a_job_on_top_of_another_is_told_from_one_alone() {
        let pool = rayon_core::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        pool.install(|| {
            assert!(!may_lie_on_another());
            rayon_core::join(|| assert!(!may_lie_on_another()), || ());
            rayon_core::scope(|scope| scope.spawn(|_| assert!(may_lie_on_another())));
            rayon_core::spawn(|| assert!(may_lie_on_another()));
            assert_eq!(rayon_core::yield_now(), Some(rayon_core::Yield::Executed));
        });
        assert!(!may_lie_on_another(), "there is no pool here");
    }
}
