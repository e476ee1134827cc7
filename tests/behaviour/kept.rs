//! Whatever a store does after a body has finished, its result is kept on this machine, and the next run does not execute it again.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datlake::report::PushOutcome;
use datlake::testing::{Side, Wrap};
use datlake::{Event, File, Lake, Result, Tree, file_creator};

use crate::failing::{Asked, Fault, What, faulty};
use crate::support::{Machines, Watched};

/// From which request to the remote on after a body has ended it fails, how, and whether it recovers at once.
#[derive(Clone, Copy, Debug)]
struct Failing {
    from: usize,
    fault: Fault,
    once: bool,
}

/// Whether a body has ended: from then on the remote fails.
static ENDED: AtomicBool = AtomicBool::new(false);
/// There is one remote that fails at a time.
static ONE: Mutex<()> = Mutex::new(());

fn body_ends() {
    ENDED.store(true, Ordering::SeqCst);
}

/// Stores of which the remote fails when a body has ended, and whether it has.
fn failing(how: Failing) -> (Wrap, Arc<AtomicBool>) {
    let (requests, failed) = (AtomicUsize::new(0), Arc::<AtomicBool>::default());
    let has_failed = Arc::clone(&failed);
    let wrap = faulty(Arc::new(move |asked: Asked<'_>| {
        // Claims among machines are no part of a result.
        if asked.side == Side::Local || !ENDED.load(Ordering::SeqCst) || is_claim(asked.what) {
            return None;
        }
        let request = requests.fetch_add(1, Ordering::SeqCst);
        let fails = if how.once { request == how.from } else { request >= how.from };
        failed.fetch_or(fails, Ordering::SeqCst);
        fails.then_some(how.fault)
    }));
    (wrap, has_failed)
}

fn is_claim(what: What<'_>) -> bool {
    matches!(what, What::Create(at) | What::Remove(at) if at.path().starts_with("claims/"))
}

#[file_creator]
fn value(n: u64) -> Result<Vec<u64>> {
    let made = (0..n).collect();
    body_ends();
    Ok(made)
}

#[file_creator]
fn file(n: u64, text: &File) -> Result<File> {
    let made = File::from_bytes("made.txt", text.read_to_string()?.repeat(n as usize))?;
    body_ends();
    Ok(made)
}

#[file_creator]
fn named(n: u64, output_uid: &str) -> Result<File> {
    let made = File::from_bytes(output_uid, n.to_string())?;
    body_ends();
    Ok(made)
}

#[file_creator]
async fn tree(n: u64, text: &File) -> Result<(Tree, File)> {
    let mut tree = Tree::create("tree")?;
    tree.add_bytes("made.txt", n.to_string())?.add("given.txt", text)?;
    // With these, there is a pack.
    for at in 0..8 {
        tree.add_bytes(&format!("small-{at}.txt"), format!("small {at}"))?;
    }
    body_ends();
    Ok((tree.finish()?, text.clone()))
}

#[file_creator(depends_on(value))]
fn nested(n: u64) -> Result<u64> {
    Ok(value(n)?.into_iter().sum())
}

/// Calls a creator where the remote fails after the body, and then as another process, and on another machine.
#[track_caller]
fn is_kept<T: PartialEq + Debug>(how: Failing, call: impl Fn(&File) -> Result<T>) -> bool {
    let machines = Machines::new();
    machines.machine("a").add_bytes("text.txt", "some ").unwrap();
    let (wrap, failed) = failing(how);
    let first = Watched::open(machines.builder("a").wrap_stores(wrap));
    let run = |lake: &Lake| {
        let _current = lake.enter();
        call(&lake.file("text.txt")?)
    };
    let made = run(&first).unwrap_or_else(|error| panic!("{how:?}: {error}"));
    ENDED.store(false, Ordering::SeqCst);
    let events = first.events();
    let unpushed = first.status().unwrap().unpushed.len();
    let told = events.iter().any(|event| matches!(event, Event::Unpushed { .. } | Event::Refused { .. }));
    assert!(unpushed == 0 || told, "{how:?}: nobody says that it stays here: {events:?}");
    drop(first);
    // The next run, which has the remote again.
    let again = machines.machine("a");
    assert_eq!(run(&again).unwrap(), made, "{how:?}");
    let ran = |lake: &Watched| lake.events().iter().any(|event| matches!(event, Event::Executed { .. }));
    assert!(!ran(&again), "{how:?}: it ran again");
    let pushed = again.push(&[]).unwrap();
    let sound = |outcome| matches!(outcome, PushOutcome::Sent | PushOutcome::There);
    assert!(pushed.items.iter().all(|row| sound(row.outcome)), "{how:?}: {pushed:?}");
    assert!(again.status().unwrap().unpushed.is_empty(), "{how:?}");
    let elsewhere = machines.machine("b");
    assert_eq!(run(&elsewhere).unwrap(), made, "{how:?}");
    assert!(!ran(&elsewhere), "{how:?}: it was not pushed");
    failed.load(Ordering::SeqCst)
}

/// Every request after the body fails, alone and with all that follow, in every way.
fn whatever_fails<T: PartialEq + Debug>(call: impl Fn(&File) -> Result<T>) {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let once = [Fault::Before, Fault::After, Fault::Denied, Fault::Full, Fault::Flip, Fault::LostReply];
    let lasting = [Fault::Before, Fault::Denied];
    for (fault, once) in once.map(|fault| (fault, true)).into_iter().chain(lasting.map(|fault| (fault, false))) {
        let failed = (0..).take_while(|from| is_kept(Failing { from: *from, fault, once }, &call)).count();
        assert!(failed >= 2, "{fault:?}: only {failed} requests failed");
    }
}

#[test]
fn a_value_is_kept_whatever_the_store_does_after_the_body() {
    whatever_fails(|_| value(3));
    whatever_fails(|_| nested(4));
}

#[test]
fn a_large_value_is_kept_whatever_the_store_does_after_the_body() {
    whatever_fails(|_| value(30_000));
}

#[test]
fn a_file_is_kept_whatever_the_store_does_after_the_body() {
    whatever_fails(|text| file(3, text));
}

#[test]
fn a_named_file_is_kept_whatever_the_store_does_after_the_body() {
    whatever_fails(|_| named(3, "results/three.txt"));
}

#[test]
fn what_is_called_with_many_is_kept_whatever_the_store_does_after_the_body() {
    whatever_fails(|text| file::calls([(3, text)]).run());
}

#[test]
fn a_tree_of_an_async_body_is_kept_whatever_the_store_does_afterwards() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    whatever_fails(|text| {
        let (tree, text) = runtime.block_on(datlake::here().scope(tree(3, text)))?;
        Ok((tree.as_file().clone(), text))
    });
}

/// A forced run heals what it can: where the remote fails, this machine has it, and the push brings it there.
#[test]
fn what_a_forced_run_made_again_is_kept_whatever_the_store_does_afterwards() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    for fault in [Fault::Before, Fault::Denied, Fault::Full] {
        let machines = Machines::new();
        let a = machines.machine("a");
        let text = a.add_bytes("text.txt", "some ").unwrap();
        let made = a.ok("ran file", || file(3, &text));
        for root in [a.home().to_owned(), machines.remote()] {
            std::fs::remove_file(crate::support::blob_in(&root, &made)).unwrap();
        }
        drop(a);
        ENDED.store(false, Ordering::SeqCst);
        let (wrap, failed) = failing(Failing { from: 0, fault, once: false });
        let a = Watched::open(machines.builder("a").wrap_stores(wrap));
        let again = {
            let _current = a.enter();
            file::call(3, &a.file("text.txt").unwrap()).force().unwrap()
        };
        ENDED.store(false, Ordering::SeqCst);
        assert!(failed.load(Ordering::SeqCst));
        assert_eq!(again.read_to_string().unwrap(), "some ".repeat(3));
        let a = machines.machine("a");
        a.push(&[]).unwrap();
        assert_eq!(
            machines.machine("b").file(made.uid().unwrap().as_str()).unwrap().read_to_string().unwrap().len(),
            15
        );
    }
}
