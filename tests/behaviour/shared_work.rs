//! Machines that make the same calls: who finds one that another runs goes on with the others, and what that costs.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use datlake::testing::Prefix;
use datlake::{CallKey, Error, ErrorKind, Event, Result, file_creator};
use futures_util::future::{Either, try_join_all};

use crate::listing::{Questions, counting};
use crate::support::{Machines, Watched, files_below};

/// Calls of the fan-out.
const ALL: u64 = 24;
/// Of these the first machine holds so many.
const HELD: u64 = 6;
/// The most requests about one call that another machine holds, from when it is first met until its value is here: two attempts
/// to claim it, the looks for its record before and after, and the value.
const REQUESTS: usize = 12;

/// How bodies go on.
struct Stay {
    began: Sender<()>,
    go_on: Mutex<Receiver<Result<()>>>,
}

impl Stay {
    fn new() -> (Self, Receiver<()>, Sender<Result<()>>) {
        let ((began, has_begun), (end, go_on)) = (channel(), channel());
        (Self { began, go_on: Mutex::new(go_on) }, has_begun, end)
    }

    fn stay(&self, n: u64) -> Result<u64> {
        self.began.send(()).unwrap();
        self.go_on.lock().unwrap_or_else(PoisonError::into_inner).recv().unwrap()?;
        Ok(10 * n)
    }
}

fn made(n: u64, stay: Option<&Stay>) -> Result<u64> {
    match stay {
        Some(stay) => stay.stay(n),
        None if n == ALL => Err(Error::new(ErrorKind::InvalidInput, "one too many")),
        None => Ok(10 * n),
    }
}

#[file_creator]
fn part(n: u64, #[skip] stay: Option<&Stay>) -> Result<u64> {
    made(n, stay)
}

#[file_creator]
async fn later(n: u64, #[skip] stay: Option<&Stay>) -> Result<u64> {
    made(n, stay)
}

/// Holds the first calls in `lake`, on threads of their own.
fn hold<'scope, 'env>(
    scope: &'scope std::thread::Scope<'scope, 'env>,
    lake: &'env Watched,
    stay: &'env Stay,
    later_too: bool,
) {
    for n in 0..HELD {
        scope.spawn(move || {
            let _current = lake.enter();
            if later_too {
                drop(pollster::block_on(lake.scope(later(n, Some(stay)))))
            } else {
                drop(part(n, Some(stay)))
            }
        });
    }
}

/// The calls that `lake` waits for, as soon as it does.
fn waits(lake: &Watched) -> Receiver<CallKey> {
    let (tell, told) = channel();
    lake.observe(move |event| {
        if let Event::Waited { by: Some(_), call } = event {
            let _ = tell.send(call.key);
        }
    });
    told
}

fn is_about(path: &str, key: &CallKey) -> bool {
    path.contains(&key.to_string())
}

fn costs_little(later_too: bool, make: impl FnOnce(&Watched) -> Result<Vec<u64>> + Send) {
    let machines = Machines::new();
    let asked = Questions::default();
    let (a, b) = (machines.machine("a"), Watched::open(machines.builder("b").wrap_stores(counting(&asked))));
    let waiting = waits(&b);
    let (stay, has_begun, end) = Stay::new();
    let keys = std::thread::scope(|scope| {
        hold(scope, &a, &stay, later_too);
        (0..HELD).for_each(|_| has_begun.recv().unwrap());
        let b = scope.spawn(|| make(&b));
        let keys: BTreeSet<CallKey> = waiting.iter().take(HELD as usize).collect();
        assert_eq!(keys.len(), HELD as usize, "each is waited for, and said to be so once");
        // However long that takes: nothing is asked about each.
        let after_lists = |count| loop {
            let asked = asked.lock().unwrap().clone();
            if asked.iter().filter(|question| **question == ("list", Prefix::Claims.path())).count() >= count {
                return asked;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        let (before, then) = (after_lists(3).len(), after_lists(6));
        let about_each: Vec<_> =
            then[before..].iter().filter(|(_, at)| keys.iter().any(|key| is_about(at, key))).collect();
        assert!(about_each.is_empty(), "while it waits: {about_each:?}");
        (0..HELD).for_each(|_| end.send(Ok(())).unwrap());
        // A panic before this ends the bodies too.
        drop(end);
        assert_eq!(b.join().unwrap().unwrap(), (0..ALL).map(|n| 10 * n).collect::<Vec<_>>());
        keys
    });
    let ran = b.events().iter().filter(|event| matches!(event, Event::Executed { .. })).count();
    assert_eq!(ran as u64, ALL - HELD, "those that were held ran once");
    let asked = asked.lock().unwrap();
    for key in keys {
        let about: Vec<_> = asked.iter().filter(|(_, at)| is_about(at, &key)).collect();
        assert!(about.len() <= REQUESTS, "{}: {about:?}", about.len());
    }
    assert!(files_below(&machines.remote().join("claims")).is_empty());
}

#[test]
fn held_calls_cost_a_few_requests_each_however_long_they_take() {
    let fresh = |n| (n, None);
    costs_little(false, |b| {
        let _current = b.enter();
        part::calls((0..ALL).map(fresh)).threads(2).run()
    });
    costs_little(true, |b| pollster::block_on(b.scope(async { later::calls((0..ALL).map(fresh)).run().await })));
    costs_little(true, |b| pollster::block_on(b.scope(async { try_join_all((0..ALL).map(|n| later(n, None))).await })));
}

/// What so many machines, each with a home of its own, ask the remote about each call, on the average.
fn asked_about_each(machines: usize) -> f64 {
    let (folder, asked) = (Machines::new(), Questions::default());
    let all: Vec<_> =
        (0..machines).map(|n| Watched::open(folder.builder(&n.to_string()).wrap_stores(counting(&asked)))).collect();
    std::thread::scope(|scope| {
        for lake in &all {
            scope.spawn(move || {
                let _current = lake.enter();
                let made = part::calls((0..ALL).map(|n| (n, None))).threads(2).run().unwrap();
                assert_eq!(made, (0..ALL).map(|n| 10 * n).collect::<Vec<_>>());
            });
        }
    });
    let keys: BTreeSet<CallKey> = all.iter().flat_map(|lake| lake.events()).filter_map(ran_here).collect();
    assert_eq!(keys.len() as u64, ALL, "each ran somewhere");
    let asked = asked.lock().unwrap();
    let about = asked.iter().filter(|(_, at)| keys.iter().any(|key| is_about(at, key))).count();
    about as f64 / (ALL as usize * machines) as f64
}

fn ran_here(event: Event) -> Option<CallKey> {
    match event {
        Event::Executed { call, .. } => Some(call.key),
        _ => None,
    }
}

/// However many there are, a machine asks no more about a call.
#[test]
fn requests_for_each_call_and_machine_do_not_grow_with_the_machines() {
    for machines in [1, 3, 12] {
        let each = asked_about_each(machines);
        eprintln!("{machines} machines: {each:.1} requests for each call and machine");
        assert!(each <= REQUESTS as f64, "{machines} machines: {each}");
    }
}

/// Whoever may write to the remote can leave a claim with any number there, and no holder.
#[test]
fn a_claim_that_no_number_follows_keeps_nobody_from_the_call() {
    let (elsewhere, machines) = (Machines::new(), Machines::new());
    let call = |lake: &Watched, n| {
        let _current = lake.enter();
        assert_eq!(part(n, None).unwrap(), 10 * n);
        let made = |event: &Event| match event {
            Event::Executed { call, .. } => Some(call.key),
            _ => None,
        };
        lake.events().iter().rev().find_map(made).expect("it ran")
    };
    let key = call(&elsewhere.machine("a"), 1);
    let b = Watched::open(machines.builder("b").lease(std::time::Duration::from_millis(100)));
    call(&b, 2);
    let folder = machines.remote().join("claims").join(key.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    for n in [0, u64::MAX] {
        std::fs::write(folder.join(format!("{n}.datlake")), "").unwrap();
    }
    assert_eq!(call(&b, 1), key);
}

#[test]
fn each_error_is_that_of_its_call() {
    let machines = Machines::new();
    let (a, b) = (machines.machine("a"), machines.machine("b"));
    let waiting = waits(&b);
    let (stay, has_begun, end) = Stay::new();
    let results = std::thread::scope(|scope| {
        hold(scope, &a, &stay, false);
        (0..HELD).for_each(|_| has_begun.recv().unwrap());
        let b = scope.spawn(|| {
            let _current = b.enter();
            part::calls((0..=ALL).map(|n| (n, None))).threads(2).keep_going()
        });
        waiting.recv().unwrap();
        // What fails there is made here.
        for n in 0..HELD {
            let failed = Error::new(ErrorKind::InvalidInput, "it failed there");
            end.send(if n == 0 { Err(failed) } else { Ok(()) }).unwrap();
        }
        b.join().unwrap()
    });
    let (last, others) = results.split_last().unwrap();
    let error = last.as_ref().unwrap_err();
    assert!(error.to_string().contains("one too many"), "{error}");
    assert_eq!(error.call().unwrap().arguments, format!("n = {ALL}"));
    for (n, result) in others.iter().enumerate() {
        assert_eq!(*result.as_ref().unwrap(), 10 * n as u64);
    }
    let ran = b.events().iter().filter(|event| matches!(event, Event::Executed { .. })).count() as u64;
    assert_eq!(ran, ALL - HELD + 1);
}

#[test]
fn an_asynchronous_fan_out_that_is_dropped_leaves_no_claim_and_can_be_made_again() {
    let machines = Machines::new();
    let (a, b) = (machines.machine("a"), machines.machine("b"));
    let waiting = waits(&b);
    let (stay, has_begun, end) = Stay::new();
    // By their calls: there may be heartbeats.
    let claims = || {
        let files = files_below(&machines.remote().join("claims"));
        files.iter().map(|file| file.parent().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    std::thread::scope(|scope| {
        hold(scope, &a, &stay, true);
        (0..HELD).for_each(|_| has_begun.recv().unwrap());
        let theirs = claims();
        let waited = pollster::block_on(b.scope(async {
            let all = Box::pin(later::calls((0..ALL).map(|n| (n, None))).run());
            let told = std::future::poll_fn(|context| match waiting.try_recv() {
                Ok(_) => Poll::Ready(()),
                Err(_) => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            });
            matches!(futures_util::future::select(all, told).await, Either::Right(_))
        }));
        assert!(waited, "it was dropped while it waited");
        // Claims are given back in the background.
        while claims() != theirs {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        (0..HELD).for_each(|_| end.send(Ok(())).unwrap());
    });
    let again = pollster::block_on(b.scope(async { later::calls((0..ALL).map(|n| (n, None))).run().await }));
    assert_eq!(again.unwrap(), (0..ALL).map(|n| 10 * n).collect::<Vec<_>>());
    assert!(claims().is_empty());
}
