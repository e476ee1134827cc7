//! Machines that share a remote and make the same call: one runs it, the others wait for the result.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use datlake::{Error, ErrorKind, Event, Result, file_creator};

use crate::support::{Machines, Watched, files_below, forge};

/// What a body waits for before it goes on, and how it ends.
struct Gate {
    began: Sender<()>,
    go_on: Mutex<Receiver<Ending>>,
}

enum Ending {
    Return,
    Fail,
    Panic,
}

#[file_creator]
fn slow(n: u32, #[skip] gate: &Gate) -> Result<u32> {
    gate.began.send(()).unwrap();
    match gate.go_on.lock().unwrap_or_else(PoisonError::into_inner).recv().unwrap() {
        Ending::Return => Ok(n + 1),
        Ending::Fail => Err(Error::new(ErrorKind::InvalidInput, "it failed")),
        Ending::Panic => panic!("it panicked"),
    }
}

#[file_creator]
async fn slow_later(n: u32, #[skip] gate: &Gate) -> Result<u32> {
    gate.began.send(()).unwrap();
    match gate.go_on.lock().unwrap_or_else(PoisonError::into_inner).recv().unwrap() {
        Ending::Return => Ok(n + 1),
        _ => Err(Error::new(ErrorKind::InvalidInput, "it failed")),
    }
}

fn gate() -> (Gate, Receiver<()>, Sender<Ending>) {
    let ((began, has_begun), (end, go_on)) = (channel(), channel());
    (Gate { began, go_on: Mutex::new(go_on) }, has_begun, end)
}

/// Told who is waited for, as soon as `lake` waits.
fn waits(lake: &Watched) -> Receiver<String> {
    let (tell, told) = channel();
    lake.observe(move |event| {
        if let Event::Waited { by: Some(by), .. } = event {
            let _ = tell.send(by.clone());
        }
    });
    told
}

fn claims(machines: &Machines) -> Vec<PathBuf> {
    files_below(&machines.remote().join("claims"))
}

/// Machine `a` runs the call, `b` makes it too and waits; then it goes on in `a` as `ending` says. What `b` came to.
fn meet(machines: &Machines, ending: Ending, after: &str) -> (Watched, Watched) {
    let (a, b) = (machines.machine("a"), machines.machine("b"));
    let waiting = waits(&b);
    let (gate, has_begun, end) = gate();
    std::thread::scope(|scope| {
        let (a, b, gate) = (&a, &b, &gate);
        let first = scope.spawn(move || {
            let _current = a.enter();
            slow(1, gate)
        });
        has_begun.recv().unwrap();
        let second = scope.spawn(move || b.ok(after, || slow(1, gate)));
        let by = waiting.recv().unwrap();
        assert!(by.contains(&format!("(process {})", std::process::id())) && by.contains(" since 20"), "{by}");
        let fails = !matches!(ending, Ending::Return);
        end.send(ending).unwrap();
        if fails {
            has_begun.recv().unwrap();
            end.send(Ending::Return).unwrap();
        }
        assert_eq!(second.join().unwrap(), 2);
        assert_eq!(first.join().map_or(true, |returned| returned.is_err()), fails);
    });
    assert_eq!(claims(machines), [] as [&Path; 0]);
    (a, b)
}

#[test]
fn a_call_that_another_machine_runs_is_waited_for() {
    let machines = Machines::new();
    let (a, b) = meet(&machines, Ending::Return, "hit slow, waited slow");
    a.expect("ran slow");
    drop((a, b));
    // A third finds it without a claim.
    let (gate, ..) = gate();
    assert_eq!(machines.machine("c").ok("hit slow", || slow(1, &gate)), 2);
}

#[test]
fn what_another_machine_fails_to_make_is_made_here() {
    for ending in [Ending::Fail, Ending::Panic] {
        let (a, _) = meet(&Machines::new(), ending, "ran slow, waited slow");
        a.expect("failed slow");
    }
}

#[test]
fn an_asynchronous_call_waits_for_another_machine_too() {
    let machines = Machines::new();
    let (a, b) = (machines.machine("a"), machines.machine("b"));
    let waiting = waits(&b);
    let (gate, has_begun, end) = gate();
    std::thread::scope(|scope| {
        let (a, b, gate) = (&a, &b, &gate);
        scope.spawn(move || assert_eq!(pollster::block_on(a.scope(slow_later(1, gate))).unwrap(), 2));
        has_begun.recv().unwrap();
        scope.spawn(move || assert_eq!(pollster::block_on(b.scope(slow_later(1, gate))).unwrap(), 2));
        waiting.recv().unwrap();
        end.send(Ending::Return).unwrap();
    });
    b.expect("hit slow_later, waited slow_later");
    assert_eq!(claims(&machines), [] as [&Path; 0]);
}

/// A claim whose holder is gone.
fn leave_claim(machines: &Machines, builder: &str, lease: Duration) {
    let lake = Watched::open(machines.builder(builder).lease(lease));
    let (gate, has_begun, end) = gate();
    // As after a kill: the files of the claim are put back once it was given back.
    let kept: Vec<(PathBuf, Vec<u8>)> = std::thread::scope(|scope| {
        let (lake, gate) = (&lake, &gate);
        scope.spawn(move || {
            let _current = lake.enter();
            assert!(slow(1, gate).is_err());
        });
        has_begun.recv().unwrap();
        let kept = claims(machines).into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
        end.send(Ending::Fail).unwrap();
        kept
    });
    assert!(!kept.is_empty());
    for (path, bytes) in kept {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_machine_that_gives_no_sign_of_life_is_taken_over_from() {
    let machines = Machines::new();
    leave_claim(&machines, "a", Duration::from_millis(300));
    let b = machines.machine("b");
    let (gate, _began, end) = gate();
    end.send(Ending::Return).unwrap();
    assert_eq!(b.ok("ran slow, waited slow", || slow(1, &gate)), 2);
    assert_eq!(claims(&machines), [] as [&Path; 0], "what was taken over goes when the record is there");
}

#[test]
fn what_a_dead_process_of_this_machine_left_is_not_waited_for() {
    let machines = Machines::new();
    leave_claim(&machines, "a", Duration::from_secs(3600));
    let again = machines.machine("a");
    let (gate, _began, end) = gate();
    end.send(Ending::Return).unwrap();
    assert_eq!(again.ok("ran slow", || slow(1, &gate)), 2);
    assert_eq!(claims(&machines), [] as [&Path; 0]);
}

#[test]
fn what_a_copy_of_this_home_runs_on_another_machine_is_waited_for() {
    let machines = Machines::new();
    leave_claim(&machines, "a", Duration::from_millis(300));
    let holders: Vec<_> =
        claims(&machines).into_iter().filter(|path| !std::fs::read(path).unwrap().is_empty()).collect();
    for path in &holders {
        forge(path, |body| {
            let (before, after) = body.split_once("\"host\":\"").unwrap();
            format!("{before}\"host\":\"elsewhere{}", &after[after.find('"').unwrap()..])
        });
    }
    assert_eq!(holders.len(), 1);
    let copy = machines.machine("a");
    let (gate, _began, end) = gate();
    end.send(Ending::Return).unwrap();
    assert_eq!(copy.ok("ran slow, waited slow", || slow(1, &gate)), 2);
}

#[test]
fn what_another_machine_removed_is_added_anew() {
    let machines = Machines::new();
    let (a, b) = (machines.machine("a"), machines.machine("b"));
    a.add_bytes("x.txt", "some").unwrap();
    assert_eq!(b.remove("x.txt").unwrap().len(), 1);
    // `a` still has its copy, and has asked the remote before.
    a.add_bytes("x.txt", "some").unwrap();
    for name in ["a", "b", "c"] {
        assert_eq!(machines.machine(name).file("x.txt").unwrap().read().unwrap(), b"some", "{name}");
    }
    b.remove("x.txt").unwrap();
    a.add_bytes("x.txt", "other").unwrap();
    assert_eq!(machines.machine("d").file("x.txt").unwrap().read().unwrap(), b"other");
}

#[test]
fn a_long_body_gives_signs_of_life() {
    let machines = Machines::new();
    let lake = Watched::open(machines.builder("a").lease(Duration::from_millis(100)));
    let (gate, has_begun, end) = gate();
    std::thread::scope(|scope| {
        let (lake, gate) = (&lake, &gate);
        scope.spawn(move || assert_eq!(lake.ok("ran slow", || slow(1, gate)), 2));
        has_begun.recv().unwrap();
        let beat = |path: &PathBuf| {
            let name = path.file_name()?.to_str()?.strip_prefix("0.")?.strip_suffix(".datlake")?;
            name.parse::<u64>().ok()
        };
        while claims(&machines).iter().filter_map(beat).max() < Some(3) {
            std::thread::sleep(Duration::from_millis(5));
        }
        // Those before the newest go.
        assert!(claims(&machines).len() <= 3, "{:?}", claims(&machines));
        end.send(Ending::Return).unwrap();
    });
    assert_eq!(claims(&machines), [] as [&Path; 0], "they go with the claim");
}
