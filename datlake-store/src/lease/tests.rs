//! Heartbeats while all threads are busy, and while the store fails.

use std::convert::identity;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::task::{Context, Waker};

use datlake_core::{Created, Location, Pending, Prefix, Sink, StoreExt as _, Visit, VisitLevel};

use super::*;
use crate::delegate::delegate;
use crate::dir::{DirStore, Durability};

/// A store that refuses heartbeats, if `mute`, and reports each attempt.
#[derive(Debug)]
struct Odd {
    store: DirStore,
    mute: AtomicBool,
    /// Attempts at a heartbeat.
    beats: Mutex<u64>,
    beaten: Condvar,
}

impl Odd {
    fn new(root: &Path, mute: bool) -> Arc<Self> {
        let store = DirStore::open(root, Durability::Cached).unwrap();
        Arc::new(Self { store, mute: AtomicBool::new(mute), beats: Mutex::new(0), beaten: Condvar::new() })
    }

    fn wait_for_beat(&self, beat: u64) {
        let beats = self.beats.lock().unwrap();
        let (_beats, waited) =
            self.beaten.wait_timeout_while(beats, Duration::from_secs(60), |beats| *beats < beat).unwrap();
        assert!(!waited.timed_out(), "no heartbeat was sent");
    }

    fn claims(&self) -> usize {
        let mut found = 0;
        let mut count = |_| {
            found += 1;
            ControlFlow::Continue(())
        };
        pollster::block_on(self.store.list(&Prefix::Claims, &mut count)).unwrap();
        found
    }
}

impl Store for Odd {
    delegate!(store, identity: get fetch create_from size list list_level remove describe);

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        let Location::Beat(..) = at else { return self.store.create(at, bytes) };
        Box::pin(async move {
            let created = self.store.create(at, bytes).await;
            *self.beats.lock().unwrap() += 1;
            self.beaten.notify_all();
            // It got through, and its reply is lost.
            if self.mute.load(Ordering::SeqCst) { std::future::pending().await } else { created }
        })
    }
}

fn holder() -> Holder {
    let text = || "x".to_owned();
    Holder {
        nonce: text(),
        home: text(),
        person: text(),
        host: text(),
        process: 1,
        since: text(),
        lease_ms: 40,
        run: None,
        deaths: 0,
    }
}

const KEY: CallKey = CallKey::from_bytes([7; 32]);

fn claimed(store: &Arc<Odd>) -> HeartbeatLease {
    let store = Arc::clone(store) as Arc<dyn Store>;
    match pollster::block_on(HeartbeatLease::claim(store, &KEY, &holder(), None)).unwrap() {
        Among::Won(lease) => lease,
        Among::Held(_) => panic!("nobody else is here"),
    }
}

#[test]
fn signs_of_life_are_given_while_every_thread_for_other_work_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let store = Odd::new(folder.path(), false);
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let jobs: Vec<_> = (0..64)
        .map(|_| {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || {
                pollster::block_on(runtime::offload(move || {
                    let open = gate.0.lock().unwrap();
                    drop(gate.1.wait_while(open, |open| !*open).unwrap());
                }))
            })
        })
        .collect();
    let lease = claimed(&store);
    store.wait_for_beat(3);
    pollster::block_on(lease.release(true)).unwrap();
    assert_eq!(store.claims(), 0);
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    jobs.into_iter().for_each(|job| job.join().unwrap().unwrap());
}

#[test]
fn a_claim_is_given_back_while_a_sign_of_life_does_not_get_through() {
    let folder = tempfile::tempdir().unwrap();
    let store = Odd::new(folder.path(), true);
    for recorded in [true, false] {
        let lease = claimed(&store);
        store.wait_for_beat(1);
        let (done, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(pollster::block_on(lease.release(recorded))));
        told.recv_timeout(Duration::from_secs(60)).expect("it waits for the heartbeat").unwrap();
        assert_eq!(store.claims(), 0, "something is left");
        *store.beats.lock().unwrap() = 0;
    }
}

#[test]
fn a_heartbeat_that_gets_no_answer_is_sent_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = Odd::new(folder.path(), true);
    let lease = claimed(&store);
    store.wait_for_beat(3);
    pollster::block_on(lease.release(false)).unwrap();
    assert_eq!(store.claims(), 0, "something is left");
}

/// Each gets through, and is dropped before its reply comes.
#[test]
fn of_heartbeats_that_were_dropped_nothing_is_left_and_the_next_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let store = Odd::new(folder.path(), true);
    let Tried::Won(mut claim) = pollster::block_on(claim(&*store, &KEY, &holder(), None)).unwrap() else {
        panic!("nobody else is here")
    };
    let beats = || {
        let found = pollster::block_on(store.store.locations(&Prefix::Claims)).unwrap().into_iter();
        found.filter(|at| matches!(at, Location::Beat(..))).collect::<Vec<_>>()
    };
    for attempt in 1..5 {
        let mut beat = Box::pin(claim.beat(&*store));
        while *store.beats.lock().unwrap() < attempt {
            assert!(beat.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        drop(beat);
        assert!(beats().len() <= 2, "{:?}", beats());
    }
    let before = beats();
    store.mute.store(false, Ordering::SeqCst);
    assert!(pollster::block_on(claim.beat(&*store)).unwrap());
    assert!(beats().len() == 1 && !before.contains(&beats()[0]), "a watcher sees no difference: {before:?}");
    pollster::block_on(claim.release(&*store, false)).unwrap();
    assert_eq!(store.claims(), 0, "something is left");
}
