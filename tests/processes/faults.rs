//! Stores that fail: before a change, after it has landed, or when something is read. Every failure is an error of the
//! operation, and the next try succeeds; or what a body made stays on the machine, and is pushed.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use datlake::testing::Wrap;
use datlake::{ErrorKind, Event, Lake};

use crate::failing::{Fault, faulty};
use crate::steps::{self, STEPS, look};

/// Which operations may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Among {
    Changes,
    Reads,
}

/// Stores of which the n-th operation among those fails, and how many there were, over all stores.
fn failing(fault: Fault, among: Among, at: usize) -> (Wrap, Arc<AtomicUsize>) {
    let operations = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&operations);
    let plan = move |asked: crate::failing::Asked<'_>| {
        let counts = asked.what.is_change() == (among == Among::Changes);
        (counts && counter.fetch_add(1, Ordering::SeqCst) + 1 == at).then_some(fault)
    };
    (faulty(Arc::new(plan)), operations)
}

fn open(dir: &Path, wrap: Option<Wrap>) -> Lake {
    let builder = Lake::builder().home(dir.join("home")).remote(format!("file://{}", dir.join("shared").display()));
    match wrap {
        Some(wrap) => builder.wrap_stores(wrap),
        None => builder,
    }
    .open()
    .unwrap()
}

#[test]
fn a_store_that_fails_once_anywhere_costs_one_more_try() {
    for step in STEPS {
        for (fault, among) in
            [(Fault::Before, Among::Changes), (Fault::After, Among::Changes), (Fault::Before, Among::Reads)]
        {
            let mut failed = 0;
            for at in 1.. {
                let dir = tempfile::tempdir().unwrap();
                if step == "remove" {
                    let lake = open(dir.path(), None);
                    let _current = lake.enter();
                    steps::take(&lake, "named").unwrap();
                }
                let (wrap, operations) = failing(fault, among, at);
                let first = {
                    let lake = open(dir.path(), Some(wrap));
                    let _current = lake.enter();
                    steps::take(&lake, step)
                };
                if operations.load(Ordering::SeqCst) < at {
                    first.unwrap();
                    break;
                }
                let lake = open(dir.path(), None);
                match first {
                    Err(error) => {
                        failed += 1;
                        let kinds = [ErrorKind::Unavailable, ErrorKind::Io];
                        assert!(kinds.contains(&error.kind()), "{step}, {fault:?} {among:?} {at}: {error}");
                    }
                    Ok(()) if !lake.status().unwrap().unpushed.is_empty() => {
                        failed += 1;
                        lake.push(&[]).unwrap();
                        assert!(lake.status().unwrap().unpushed.is_empty(), "{step}, {fault:?} {among:?} {at}");
                    }
                    Ok(()) => {}
                }
                look(&lake, step);
                let _current = lake.enter();
                steps::take(&lake, step).unwrap_or_else(|e| panic!("{step}, {fault:?} {among:?} {at}, again: {e}"));
                look(&lake, step);
            }
            assert!(failed >= 3, "{step}, {fault:?} {among:?}: only {failed} failures were felt");
        }
    }
}

#[test]
fn a_create_whose_reply_got_lost_is_still_ours() {
    let mut places = 0;
    for at in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let (wrap, operations) = failing(Fault::LostReply, Among::Changes, at);
        let lake = open(dir.path(), Some(wrap));
        let events = Arc::<Mutex<Vec<Event>>>::default();
        let seen = Arc::clone(&events);
        lake.observe(move |event| seen.lock().unwrap().push(event.clone()));
        let _current = lake.enter();
        steps::take(&lake, "named").unwrap();
        let mut events = std::mem::take(&mut *events.lock().unwrap());
        events.retain(|event| !matches!(event, Event::NewRemote { .. } | Event::Started(_)));
        assert!(matches!(events.as_slice(), [Event::Executed { .. }]), "change {at}: {events:?}");
        if operations.load(Ordering::SeqCst) < at {
            break;
        }
        places += 1;
    }
    assert!(places >= 5, "{places} changes only");
}
