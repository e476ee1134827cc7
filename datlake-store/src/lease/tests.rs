//! Heartbeats while all threads are busy, and while the store fails.

use std::convert::identity;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::{Condvar, Mutex};

use datlake_core::{Created, Location, Pending, Prefix, Sink, Visit};

use super::*;
use crate::delegate::delegate;
use crate::dir::{DirStore, Durability};

/// A store that refuses heartbeats, if `mute`, and reports each attempt.
#[derive(Debug)]
struct Odd {
    store: DirStore,
    mute: bool,
    beats: Mutex<u64>,
    beaten: Condvar,
}

impl Odd {
    fn new(root: &Path, mute: bool) -> Arc<Self> {
        let store = DirStore::open(root, Durability::Cached).unwrap();
        Arc::new(Self { store, mute, beats: Mutex::new(0), beaten: Condvar::new() })
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
    delegate!(store, identity: get fetch create_from size list remove describe);

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        let Location::Beat(_, _, beat) = at else { return self.store.create(at, bytes) };
        Box::pin(async move {
            let created = self.store.create(at, bytes).await;
            *self.beats.lock().unwrap() = *beat;
            self.beaten.notify_all();
            // It got through, and its reply is lost.
            if self.mute { std::future::pending().await } else { created }
        })
    }
}

fn claimed(store: &Arc<Odd>) -> HeartbeatLease {
    let text = || "x".to_owned();
    let holder =
        Holder { nonce: text(), home: text(), person: text(), host: text(), process: 1, since: text(), lease_ms: 40 };
    let store = Arc::clone(store) as Arc<dyn Store>;
    match pollster::block_on(HeartbeatLease::claim(store, &CallKey::from_bytes([7; 32]), &holder, None)).unwrap() {
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
