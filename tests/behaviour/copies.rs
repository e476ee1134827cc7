//! Of several copies of the same content the good one is never the one that goes, whoever else is at work.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datlake::report::{PushOutcome, RepairOutcome};
use datlake::testing::{Location, Side, Wrap};
use datlake::{ErrorKind, Evict, Lake, Result, Tree, Verify, file_creator};

use crate::failing::{Asked, Fault, What, faulty};
use crate::support::{Machines, Watched, blob_in, check_error, files_below, overwrite};

#[file_creator]
fn numbers(count: u64) -> Result<Vec<u64>> {
    Ok((0..count).collect())
}

/// Does something elsewhere once, when the remote is asked for what `is` says.
fn meanwhile(is: fn(What<'_>) -> bool, work: impl Fn() + Send + Sync + 'static) -> Wrap {
    let done = AtomicBool::new(false);
    faulty(Arc::new(move |asked: Asked<'_>| {
        if asked.side == Side::Remote && is(asked.what) && !done.swap(true, Ordering::SeqCst) {
            std::thread::scope(|scope| scope.spawn(&work).join().unwrap());
        }
        None
    }))
}

/// Changes content as a bad disk does: the time stays, so that its seal is intact.
pub(crate) fn rot(blob: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let time = fs::metadata(blob).unwrap().modified().unwrap();
    overwrite(blob, change);
    fs::File::options().write(true).open(blob).unwrap().set_modified(time).unwrap();
}

fn whole(lake: &Lake) {
    assert_eq!(lake.verify(Verify::default(), &[]).unwrap().findings, []);
}

#[test]
fn what_is_evicted_while_it_is_repaired_is_not_lost() {
    let machines = Arc::new(Machines::new());
    let file = machines.machine("a").add_bytes("a.txt", "some").unwrap();
    rot(&blob_in(&machines.remote(), &file), |bytes| bytes[0] ^= 1);
    let of = Arc::clone(&machines);
    let evicts = move || {
        of.machine("a").evict(Evict::To(0)).unwrap();
    };
    let is_read = |what: What<'_>| matches!(what, What::Fetch);
    let a = Watched::open(machines.builder("a").wrap_stores(meanwhile(is_read, evicts)));
    assert_eq!(a.repair("a.txt").unwrap().items[0].outcome, RepairOutcome::Sent);
    assert_eq!(machines.machine("b").file("a.txt").unwrap().read().unwrap(), b"some");
}

/// Whoever may not write to the remote learns what is wrong there, also after it has refused something.
#[test]
fn what_is_damaged_where_nothing_may_be_written_is_not_called_intact() {
    for damage in [|blob: &Path| rot(blob, |bytes| bytes[0] ^= 1), |blob: &Path| fs::remove_file(blob).unwrap()] {
        let machines = Machines::new();
        let file = machines.machine("a").add_bytes("a.txt", "some").unwrap();
        let refuses: Wrap = faulty(Arc::new(|asked: Asked<'_>| {
            (asked.side == Side::Remote && asked.what.is_change()).then_some(Fault::Denied)
        }));
        let b = Watched::open(machines.builder("b").wrap_stores(refuses));
        assert_eq!(b.file("a.txt").unwrap().read().unwrap(), b"some");
        b.add_bytes("b.txt", "only here").unwrap();
        assert_eq!(b.repair("b.txt").unwrap().items[0].outcome, RepairOutcome::Intact);
        assert_eq!(b.repair("a.txt").unwrap().items[0].outcome, RepairOutcome::Intact);
        damage(&blob_in(&machines.remote(), &file));
        check_error(b.repair("a.txt"), ErrorKind::Denied, &["`a.txt` is whole on this machine"]);
        assert_eq!(machines.machine("a").repair("a.txt").unwrap().items[0].outcome, RepairOutcome::Sent);
        assert_eq!(b.repair("a.txt").unwrap().items[0].outcome, RepairOutcome::Intact);
    }
}

#[test]
fn a_push_does_not_replace_what_is_whole_by_what_is_not() {
    let machines = Machines::new();
    let file = {
        let a = machines.machine("a");
        let _current = a.enter();
        numbers(200_000).unwrap();
        a.add_bytes("a.txt", "some bytes").unwrap()
    };
    let b = machines.builder("b").offline(true).open().unwrap();
    {
        let _current = b.enter();
        numbers(200_000).unwrap();
        b.add_bytes("b.txt", "some bytes").unwrap();
    }
    // No document says how large the value is, and a power cut left nothing of it here.
    let value = files_below(&b.home().join("blobs")).into_iter().max_by_key(|blob| fs::metadata(blob).unwrap().len());
    rot(&value.unwrap(), Vec::clear);
    // Of the file neither copy is whole any more: what is left of them stays.
    rot(&blob_in(b.home(), &file), |bytes| bytes[0] ^= 1);
    let there = blob_in(&machines.remote(), &file);
    overwrite(&there, |bytes| bytes.truncate(4));
    drop(b);
    let pushed = machines.machine("b").push(&[]).unwrap();
    let failed: Vec<_> = pushed.items.iter().filter(|row| row.outcome == PushOutcome::Failed).collect();
    assert_eq!(failed.len(), 1, "{pushed:?}");
    assert!(failed[0].why.as_ref().unwrap().contains("what the remote has is damaged too"), "{pushed:?}");
    assert_eq!(fs::read(there).unwrap(), b"some");
    let c = machines.machine("c");
    c.ok("hit numbers", || numbers(200_000));
}

#[test]
fn what_is_made_anew_while_it_is_pushed_is_pushed_as_it_is_then() {
    let machines = Arc::new(Machines::new());
    let offline = |machines: &Machines| machines.builder("a").offline(true).open().unwrap();
    offline(&machines).add_bytes("a.txt", "some").unwrap();
    let of = Arc::clone(&machines);
    let anew = move || {
        let lake = offline(&of);
        lake.remove("a.txt").unwrap();
        lake.add_bytes("a.txt", "other").unwrap();
    };
    let is_sent = |what: What<'_>| matches!(what, What::Create(Location::Blob(_)));
    let a = Watched::open(machines.builder("a").wrap_stores(meanwhile(is_sent, anew)));
    a.push(&[]).unwrap();
    assert_eq!(a.status().unwrap().unpushed.len(), 0);
    let b = machines.machine("b");
    assert_eq!(b.file("a.txt").unwrap().read().unwrap(), b"other");
    whole(&b);
}

#[test]
fn a_tree_is_forgotten_only_where_the_remote_has_the_files_in_it() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x"), "in a tree").unwrap();
    let tree: Tree = a.add_tree("tree", folder.path()).unwrap();
    let member = blob_in(&machines.remote(), &tree.get("x").unwrap());
    fs::rename(&member, folder.path().join("aside")).unwrap();
    check_error(a.forget(&["tree"]), ErrorKind::InUse, &["does not have its content", "no copy"]);
    fs::rename(folder.path().join("aside"), &member).unwrap();
    assert_eq!(a.forget(&["tree"]).unwrap().len(), 1);
}
