//! Single flight within a process, in all orders in which threads can do its steps.
//!
//! The source is that of `datlake_core::flight`, over loom's locks. `build.rs` also leaves out one of its rules at a time, and then
//! loom finds an order that goes wrong: two run at once, or somebody waits for ever.

use std::process::Command;
use std::time::Duration;

use loom::model::Builder;

/// What a call is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallKey(u8);

/// `event_listener`, as far as flights use it: who listens before a notification gets it, in the order of listening.
mod event {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use loom::sync::{Arc, Condvar, Mutex};

    #[derive(Debug, Default)]
    struct Listened {
        state: Mutex<(bool, Option<Waker>)>,
        changed: Condvar,
    }

    #[derive(Debug)]
    pub(crate) struct Event(Mutex<Vec<Arc<Listened>>>);

    #[derive(Debug)]
    pub(crate) struct EventListener(Arc<Listened>);

    impl Event {
        pub(crate) fn new() -> Self {
            Self(Mutex::new(Vec::new()))
        }

        pub(crate) fn listen(&self) -> EventListener {
            let listened = Arc::new(Listened::default());
            self.0.lock().expect("no panic").push(Arc::clone(&listened));
            EventListener(listened)
        }

        pub(crate) fn notify(&self, count: usize) {
            let listeners = std::mem::take(&mut *self.0.lock().expect("no panic"));
            for listened in listeners.iter().take(count) {
                let mut state = listened.state.lock().expect("no panic");
                state.0 = true;
                let waker = state.1.take();
                drop(state);
                listened.changed.notify_all();
                waker.into_iter().for_each(Waker::wake);
            }
        }
    }

    impl EventListener {
        /// Loom has no time: what would time out waits for ever, which loom reports.
        pub(crate) fn wait_timeout(self, _: Duration) -> Option<()> {
            let mut state = self.0.state.lock().expect("no panic");
            while !state.0 {
                state = self.0.changed.wait(state).expect("no panic");
            }
            Some(())
        }
    }

    impl Future for EventListener {
        type Output = ();

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let mut state = self.0.state.lock().expect("no panic");
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(context.waker().clone());
            Poll::Pending
        }
    }
}

/// At most this often a thread is interrupted where it could go on: more shows no more here, and takes long.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

const PATIENCE: Duration = Duration::MAX;

macro_rules! models {
    ($file:literal) => {
        #[allow(dead_code, unreachable_pub, missing_docs)]
        mod flight {
            include!(concat!(env!("OUT_DIR"), "/", $file, ".rs"));
        }
        use flight::{Boarding, Flights};
        use loom::sync::Arc;
        use loom::sync::atomic::{AtomicBool, Ordering};
        use loom::thread;

        use super::{CallKey, PATIENCE, explore};

        /// Three calls of one key: each runs, and none beside another. One of them waits as a task.
        #[allow(dead_code)]
        pub(super) fn one_at_a_time(calls: usize) {
            explore(move || {
                let (flights, running) = (Flights::default(), Arc::new(AtomicBool::new(false)));
                let call = |asynchronous: bool| {
                    let (flights, running) = (flights.clone(), Arc::clone(&running));
                    move || loop {
                        match flights.board(CallKey(1), &[], &[]) {
                            Boarding::Go(flight) => {
                                assert!(!running.swap(true, Ordering::SeqCst), "two run at once");
                                running.store(false, Ordering::SeqCst);
                                return drop(flight);
                            }
                            Boarding::Wait(waiter) if asynchronous => loom::future::block_on(waiter.ended()),
                            Boarding::Wait(waiter) => assert!(waiter.ended_within(PATIENCE)),
                            other => panic!("nobody stands in another: {other:?}"),
                        }
                    }
                };
                let others: Vec<_> = (1..calls).map(|at| thread::spawn(call(at == 1))).collect();
                call(false)();
                others.into_iter().for_each(|other| other.join().expect("it runs"));
                assert!(!flights.is_running(&CallKey(1)));
            });
        }

        /// Two bodies that call each other: both end, and at most one call runs beside the other.
        #[allow(dead_code)]
        pub(super) fn crossing() {
            explore(|| {
                let flights = Flights::default();
                let call = |own: u8, other: u8| {
                    let flights = flights.clone();
                    move || {
                        let mut redundant = 0;
                        let body = loop {
                            match flights.board(CallKey(own), &[], &[]) {
                                Boarding::Wait(waiter) => assert!(waiter.ended_within(PATIENCE)),
                                Boarding::Go(flight) => break flight,
                                other => panic!("it stands in nothing: {other:?}"),
                            }
                        };
                        loop {
                            match flights.board(CallKey(other), &[body.id()], &[body.id()]) {
                                Boarding::Wait(waiter) => assert!(waiter.ended_within(PATIENCE)),
                                Boarding::Go(_) => break,
                                Boarding::Redundant(_) => {
                                    redundant += 1;
                                    break;
                                }
                                Boarding::Recursion => panic!("it is not its own ancestor"),
                            }
                        }
                        redundant
                    }
                };
                let other = thread::spawn(call(2, 1));
                let redundant = call(1, 2)() + other.join().expect("it runs");
                assert!(redundant <= 1, "both ran beside the other");
            });
        }
    };
}

mod whole {
    models!("whole");

    #[test]
    fn calls_of_one_key_run_one_at_a_time() {
        one_at_a_time(3);
    }

    #[test]
    fn bodies_that_call_each_other_end() {
        crossing();
    }
}

/// What loom finds without a rule: in a process of its own, which it may abort.
fn goes_wrong(test: &str, wrong: &str, model: impl Fn()) {
    const IN_CHILD: &str = "DATLAKE_LOOM_CHILD";
    if std::env::var_os(IN_CHILD).is_some() {
        return model();
    }
    let test = test.split_once("::").map_or(test, |(_, path)| path);
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child
        .args(["--exact", &format!("{test}::goes_wrong"), "--nocapture"])
        .env(IN_CHILD, "1")
        .env("RUST_BACKTRACE", "0");
    let output = child.output().expect("this program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(wrong), "expected `{wrong}`, got {}: {said}", output.status);
}

macro_rules! without {
    ($($rule:ident $file:literal: $model:ident($($calls:literal)?) is $wrong:literal;)*) => {$(
        mod $rule {
            models!($file);

            #[test]
            fn goes_wrong() {
                super::goes_wrong(module_path!(), $wrong, || $model($($calls)?));
            }
        }
    )*};
}

without! {
    registered_under_the_lock "registered_under_the_lock": one_at_a_time(2) is "deadlock";
    found_and_begun_at_once "found_and_begun_at_once": one_at_a_time(2) is "two run at once";
    looks_for_circles "looks_for_circles": crossing() is "deadlock";
    notes_who_waits "notes_who_waits": crossing() is "deadlock";
    wakes "wakes": one_at_a_time(2) is "deadlock";
    wakes_all "wakes_all": one_at_a_time(3) is "deadlock";
}
