//! Stores that fail: before a change, after it has landed, or when something is read. Every failure is an error of the operation, and the next try
//! succeeds.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use datlake::testing::{Created, Entry, Location, Pending, Prefix, Store, Wrap};
use datlake::{Error, ErrorKind, Event, Lake};

use crate::steps::{self, STEPS, look};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing happens, and that is said.
    Before,
    /// It happens, and is said not to have.
    After,
    /// It happens, the reply is lost, and a retry further down finds it there.
    LostReply,
    /// Something cannot be read.
    Reading,
}

#[derive(Debug)]
struct Failing {
    store: Arc<dyn Store>,
    fault: Fault,
    at: usize,
    /// Those of the kind that is to fail, over all stores.
    operations: Arc<AtomicUsize>,
}

fn failing(fault: Fault, at: usize) -> (Wrap, Arc<AtomicUsize>) {
    let operations = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&operations);
    let wrap: Wrap = Arc::new(move |_, store| Arc::new(Failing { store, fault, at, operations: Arc::clone(&counter) }));
    (wrap, operations)
}

fn failure() -> Error {
    Error::new(ErrorKind::Unavailable, "the store does not answer")
}

impl Failing {
    fn is_now(&self) -> bool {
        self.fault != Fault::Reading && self.counts()
    }

    fn counts(&self) -> bool {
        self.operations.fetch_add(1, Ordering::SeqCst) + 1 == self.at
    }

    fn reads<'a, T: 'a>(&self, read: Pending<'a, T>) -> Pending<'a, T> {
        if self.fault == Fault::Reading && self.counts() { Box::pin(async { Err(failure()) }) } else { read }
    }

    async fn creates(&self, change: Pending<'_, Created>) -> datlake::Result<Created> {
        match (self.is_now(), self.fault) {
            (true, Fault::Before) => Err(failure()),
            (true, Fault::After) => change.await.and(Err(failure())),
            (true, Fault::LostReply) => change.await.and(Ok(Created::Exists)),
            (false, _) | (_, Fault::Reading) => change.await,
        }
    }
}

impl Store for Failing {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        self.reads(self.store.get(at))
    }

    fn fetch<'a>(
        &'a self,
        at: &'a Location,
        from: u64,
        sink: &'a mut (dyn std::io::Write + Send),
    ) -> Pending<'a, Option<u64>> {
        self.reads(self.store.fetch(at, from, sink))
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        Box::pin(self.creates(self.store.create(at, bytes)))
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        Box::pin(self.creates(self.store.create_from(at, file)))
    }

    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        self.reads(self.store.size(at))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a Prefix,
        visit: &'a mut (dyn FnMut(Entry) -> std::ops::ControlFlow<()> + Send),
    ) -> Pending<'a, ()> {
        self.reads(self.store.list(prefix, visit))
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        Box::pin(async move {
            let fails = self.is_now() && self.fault != Fault::LostReply;
            if fails && self.fault == Fault::Before {
                return Err(failure());
            }
            let removed = self.store.remove(at).await?;
            if fails { Err(failure()) } else { Ok(removed) }
        })
    }

    fn describe(&self) -> String {
        self.store.describe()
    }
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
        for fault in [Fault::Before, Fault::After, Fault::Reading] {
            let mut failed = 0;
            for at in 1.. {
                let dir = tempfile::tempdir().unwrap();
                if step == "remove" {
                    let lake = open(dir.path(), None);
                    let _current = lake.enter();
                    steps::take(&lake, "named").unwrap();
                }
                let (wrap, operations) = failing(fault, at);
                let first = {
                    let lake = open(dir.path(), Some(wrap));
                    let _current = lake.enter();
                    steps::take(&lake, step)
                };
                if operations.load(Ordering::SeqCst) < at {
                    first.unwrap();
                    break;
                }
                if let Err(error) = first {
                    failed += 1;
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{step}, {fault:?} {at}: {error}");
                }
                let lake = open(dir.path(), None);
                look(&lake, step);
                let _current = lake.enter();
                steps::take(&lake, step).unwrap_or_else(|e| panic!("{step}, {fault:?} {at}, again: {e}"));
                look(&lake, step);
            }
            assert!(failed >= 3, "{step}, {fault:?}: only {failed} failures were felt");
        }
    }
}

#[test]
fn a_create_whose_reply_got_lost_is_still_ours() {
    let mut places = 0;
    for at in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let (wrap, operations) = failing(Fault::LostReply, at);
        let lake = open(dir.path(), Some(wrap));
        let events = Arc::<Mutex<Vec<Event>>>::default();
        let seen = Arc::clone(&events);
        lake.observe(move |event| seen.lock().unwrap().push(event.clone()));
        let _current = lake.enter();
        steps::take(&lake, "named").unwrap();
        let events = std::mem::take(&mut *events.lock().unwrap());
        assert!(matches!(events.as_slice(), [Event::Executed { .. }]), "change {at}: {events:?}");
        if operations.load(Ordering::SeqCst) < at {
            break;
        }
        places += 1;
    }
    assert!(places >= 5, "{places} changes only");
}
