//! Tracked functions that run on threads which do not know what body they belong to.
//!
//! A body that starts threads, rayon jobs or tasks without [`here`](crate::here) leaves them without a context: what they
//! enter cannot be held against the body. But that a tracked function runs there while a body that does not declare it runs
//! elsewhere can be seen, and is reported, once for each function and creator. So is what may be a stranger's job on top of a body.
//! It is a hint and no error: the thread may have nothing to do with that body.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use datlake_core::Code;

use super::body::{self, Body};
use datlake_lake::Event;
use datlake_lake::scope::{self, Frame};
use datlake_lake::sync::lock;

/// Bodies that run, and a number that changes with each that begins.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static TOLD: Mutex<Option<HashSet<(usize, usize)>>> = Mutex::new(None);

thread_local! {
    /// What this thread entered last, and which body had begun last then: the same again is nothing new.
    static LAST: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

fn address(code: &'static Code) -> usize {
    std::ptr::from_ref(code) as usize
}

/// A body begins.
pub(super) fn begins(body: &Arc<Body>) {
    let frame: Arc<dyn Frame> = Arc::<Body>::clone(body);
    scope::begin(Arc::downgrade(&frame));
    RUNNING.fetch_add(1, Ordering::Relaxed);
    BEGUN.fetch_add(1, Ordering::Relaxed);
}

/// A body has ended.
pub(super) fn ended(body: &Arc<Body>) {
    scope::end(body);
    RUNNING.fetch_sub(1, Ordering::Relaxed);
}

/// A tracked function is entered: a body that does not declare it has a hole in its key.
#[inline]
pub(crate) fn entered(code: fn() -> &'static Code) {
    match body::current() {
        Some(body) => {
            let code = code();
            if body.note_entered(code) {
                look(code);
            }
        }
        None if RUNNING.load(Ordering::Relaxed) > 0 => look(code()),
        None => {}
    }
}

/// Tells which running bodies do not declare `code`.
fn look(code: &'static Code) {
    let now = (address(code), BEGUN.load(Ordering::Relaxed));
    if LAST.replace(now) == now {
        return;
    }
    for body in body::running().iter().filter(|body| !body.declares(code)) {
        let is_news = lock(&TOLD).get_or_insert_default().insert((address(code), address(body.code())));
        if is_news {
            body.lake().emit(&Event::Stray { item: code.item(), creator: body.creator().clone() });
        }
    }
}
