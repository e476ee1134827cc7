//! What was made current on a thread and not left yet: a stack from which each guard takes its own entry.
//!
//! - What this library enters ends with a block, and ends with it whatever was entered meanwhile and not left.
//! - A guard of a user may live as long as its thread, and be dropped in any order. In a future it may live on while other
//!   futures of the thread are polled: it counts for its own task only.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use datlake_core::{Error, ErrorKind, Result};
use datlake_store::TaskPlace;

use super::frame::Frame;
use crate::handle::Lake;

/// The current lake and the body the code stands in.
#[derive(Clone, Default, Debug)]
pub struct Ambient {
    pub lake: Option<Lake>,
    pub frame: Option<Arc<dyn Frame>>,
    /// Several lakes had been entered where this was taken along, and which of them is meant cannot be known.
    pub unclear: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryId(u64);

/// Something that is current until it is left.
#[derive(Debug)]
pub(super) struct Entry {
    id: EntryId,
    ambient: Ambient,
    /// Where a user entered it; `None` for what this library enters.
    guard: Option<TaskPlace>,
}

thread_local! {
    static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
    /// How many entries are in a body. A creator may be entered in most programs a million times outside any: one load tells.
    static IN_BODY: Cell<usize> = const { Cell::new(0) };
}

impl Entry {
    /// Whether it counts for the code that asks.
    fn counts(&self) -> bool {
        self.guard.is_none_or(|guard| !guard.is_asynchronous() || guard == TaskPlace::current())
    }
}

pub(super) fn push(ambient: Ambient) -> EntryId {
    add(ambient, None)
}

pub(super) fn push_for_user(ambient: Ambient) -> EntryId {
    add(ambient, Some(TaskPlace::current()))
}

fn add(ambient: Ambient, guard: Option<TaskPlace>) -> EntryId {
    let id = EntryId(NEXT.replace(NEXT.get() + 1));
    IN_BODY.set(IN_BODY.get() + usize::from(ambient.frame.is_some()));
    ENTRIES.with_borrow_mut(|entries| entries.push(Entry { id, ambient, guard }));
    id
}

/// Removes an entry; if it is the library's, with all that was entered in it. It may be gone already.
pub(super) fn remove(id: EntryId) {
    // A guard in a value of the thread may outlive what is kept here.
    let gone = ENTRIES.try_with(|entries| {
        let mut entries = entries.borrow_mut();
        // Nearly always it is the last.
        if entries.last()?.id == id {
            return entries.pop().map(|entry| (entry, Vec::new()));
        }
        let at = position(&entries, id)?;
        let above = match entries[at].guard {
            None => entries.split_off(at + 1),
            Some(_) => Vec::new(),
        };
        Some((entries.remove(at), above))
    });
    // Dropped outside the borrow: a lake's last handle may go with it.
    if let Ok(Some((entry, above))) = gone {
        forget(&[entry]);
        forget(&above);
    }
}

/// Takes what was entered above `id` and not left: the future that did so waits.
pub(super) fn suspend(id: EntryId) -> Vec<Entry> {
    let taken = ENTRIES.with_borrow_mut(|entries| {
        let at = position(entries, id)?;
        Some(entries.split_off(at + 1))
    });
    let taken = taken.unwrap_or_default();
    forget(&taken);
    taken
}

/// Makes current again what was taken by [`suspend`].
pub(super) fn resume(entries: Vec<Entry>) {
    if entries.is_empty() {
        return;
    }
    IN_BODY.set(IN_BODY.get() + in_body(&entries));
    ENTRIES.with_borrow_mut(|all| all.extend(entries));
}

fn position(entries: &[Entry], id: EntryId) -> Option<usize> {
    entries.iter().rposition(|entry| entry.id == id)
}

fn in_body(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| entry.ambient.frame.is_some()).count()
}

/// Entries are current no more.
fn forget(entries: &[Entry]) {
    IN_BODY.set(IN_BODY.get() - in_body(entries));
}

/// What is current; with `polled` for a future of this library.
pub(super) fn current(polled: bool) -> Ambient {
    ENTRIES.with_borrow(|entries| {
        let last = entries.iter().rev().find(|entry| entry.counts());
        let current = last.map_or_else(Ambient::default, |entry| entry.ambient.clone());
        Ambient { unclear: current.unclear || is_unclear(entries, polled), ..current }
    })
}

pub(super) fn frame() -> Option<Arc<dyn Frame>> {
    if IN_BODY.get() == 0 {
        return None;
    }
    ENTRIES.with_borrow(|entries| {
        let last = entries.iter().rev().find(|entry| entry.counts());
        last.and_then(|entry| entry.ambient.frame.clone())
    })
}

/// The current lake, unless a task has several guards at a time: some of its futures may wait.
pub(super) fn lake(polled: bool) -> Result<Option<Lake>> {
    let Ambient { lake, unclear, .. } = current(polled);
    if unclear {
        let message = "several lakes are entered in one task, and which of them is meant cannot be known";
        let hint = "use `lake.scope(future)` in asynchronous code, and hold no guard of `lake.enter()` across an await";
        return Err(Error::new(ErrorKind::Context, message).with_hint(hint));
    }
    Ok(lake)
}

/// Whether the guards that count are of different lakes, and some of them may be of futures that wait. Outside of tokio nobody
/// knows tasks: a future that is polled there may be in one with every guard of its thread.
fn is_unclear(entries: &[Entry], polled: bool) -> bool {
    let anyones = polled && !TaskPlace::current().is_asynchronous();
    let of_task = |entry: &&Entry| entry.guard.is_some_and(|guard| anyones || guard.is_asynchronous());
    let mut counting = entries.iter().rev().filter(|entry| entry.counts()).take_while(of_task);
    let last = counting.next();
    last.is_some_and(|last| counting.any(|entry| entry.ambient.lake != last.ambient.lake))
}
