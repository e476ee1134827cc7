//! What is done when the thread ends that opened a lake. In most programs that is the main one: its end is the program's. A lake
//! that is kept in a static is never dropped.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

/// Something that is brought to its end, also more than once.
pub(crate) trait Ends {
    fn end(&self);
}

thread_local! {
    static AT_END: RefCell<Vec<AtEnd>> = const { RefCell::new(Vec::new()) };
}

struct AtEnd(Weak<dyn Ends>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(what) = self.0.upgrade() {
            // What libraries keep for this thread may be gone already.
            let _ = catch_unwind(AssertUnwindSafe(|| what.end()));
        }
    }
}

/// Ends now what would end with this thread.
pub(crate) fn end_here() {
    let _ = AT_END.try_with(|all| drop(all.take()));
}

/// Ends `what` with this thread, if it is still there then.
pub(crate) fn at_end<T: Ends + 'static>(what: &Arc<T>) {
    let what: Weak<T> = Arc::downgrade(what);
    let _ = AT_END.try_with(|all| {
        let mut all = all.borrow_mut();
        all.retain(|other| other.0.strong_count() > 0);
        all.push(AtEnd(what));
    });
}
