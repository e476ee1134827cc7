//! Trees that bodies make: their small files travel and rest in packs, as those of folders that are added.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use datlake::report::{FindingKind, RepairOutcome};
use datlake::{Collect, ErrorKind, Evict, File, Lake, Result, Side, Tree, Verify, file_creator};

use crate::failing::{Asked, Fault, What, faulty};
use crate::listing::{Questions, counting};
use crate::support::{Machines, Watched, check_error, files_below, overwrite};

fn name(at: usize) -> String {
    format!("cell/{at:04}.txt")
}

fn content(at: usize, changed: usize) -> String {
    format!("cell {at}{}", if at < changed { ", changed" } else { "" })
}

/// So many small files, of which the first have another content.
#[file_creator]
fn grid(files: usize, changed: usize) -> Result<Tree> {
    let mut tree = Tree::create("grid")?;
    for at in 0..files {
        tree.add_bytes(&name(at), content(at, changed))?;
    }
    tree.finish()
}

fn check_files(tree: &Tree, files: usize) {
    let all = tree.files().unwrap();
    assert_eq!(all.len(), files);
    for (at, file) in all.iter().enumerate() {
        assert_eq!(file.read_to_string().unwrap(), content(at, 0));
    }
}

fn count(root: &Path, kind: &str) -> usize {
    files_below(&root.join(kind)).len()
}

/// How many blobs have small files of these trees, by themselves or in packs.
fn with_cells(root: &Path) -> usize {
    let blobs = files_below(&root.join("blobs"));
    blobs.iter().filter(|blob| fs::read(blob).unwrap().starts_with(b"cell")).count()
}

/// The packs that there are: what locations lead to.
fn packs(root: &Path) -> Vec<std::path::PathBuf> {
    let located = files_below(&root.join("locations")).into_iter();
    let mut packs: Vec<_> = located
        .map(|at| {
            let digest = at.file_stem().unwrap().to_str().unwrap().to_owned();
            root.join("blobs").join(&digest[..2]).join(digest)
        })
        .collect();
    packs.sort();
    packs.dedup();
    packs
}

fn counted(machines: &Machines, name: &str) -> (Watched, Questions) {
    let asked = Questions::default();
    (Watched::open(machines.builder(name).wrap_stores(counting(&asked))), asked)
}

/// What was asked, but for how claims are kept while a body runs, which depends on how long that takes.
fn taken(asked: &Questions) -> Vec<(&'static str, String)> {
    let mut asked = std::mem::take(&mut *asked.lock().unwrap());
    asked.retain(|(_, about)| !about.starts_with("claims"));
    asked
}

fn found(lake: &Lake, tree: &Tree) -> Tree {
    Tree::try_from(lake.file(tree.uid().unwrap().as_str()).unwrap()).unwrap()
}

#[test]
fn a_folder_of_a_body_is_pushed_and_pulled_in_packs() {
    const FILES: usize = 5000;
    let machines = Machines::new();
    let alone = Watched::open(Lake::builder().home(machines.remote().with_file_name("one")));
    let tree = alone.ok("ran grid", || grid(FILES, 0));
    // A pack, and the tree with its ranges, each of which is led to the pack.
    let ranges = count(alone.home(), "locations");
    assert_eq!((packs(alone.home()).len(), with_cells(alone.home())), (1, 1));
    assert!((2..20).contains(&ranges), "{ranges}");
    let blobs = count(alone.home(), "blobs");
    check_files(&tree, FILES);
    assert_eq!(count(alone.home(), "blobs"), blobs, "nothing is written to read it");
    drop(alone);

    let (one, asked) = counted(&machines, "one");
    one.push(&[]).unwrap();
    let of_push = taken(&asked);
    assert!(of_push.len() < 4 * ranges + 30, "{} requests: {of_push:?}", of_push.len());
    assert_eq!(packs(&machines.remote()).len(), 1);
    drop(one);

    // One file of it, from far away.
    let (other, asked) = counted(&machines, "other");
    let there = found(&other, &tree);
    assert_eq!(there.get(&name(4321)).unwrap().read_to_string().unwrap(), content(4321, 0));
    let of_one = taken(&asked);
    let fetched = |what: &str| of_one.iter().filter(|(_, about)| about.starts_with(what)).count();
    // The tree, its range, and the file; and what leads to that.
    assert_eq!((fetched("blobs/"), fetched("locations/")), (3, 2), "{of_one:?}");
    assert!(of_one.len() <= 10, "{of_one:?}");

    let (third, asked) = counted(&machines, "third");
    third.pull(&[tree.uid().unwrap().as_str()]).unwrap();
    let of_pull = taken(&asked);
    assert!(of_pull.len() < 4 * ranges + 30, "{} requests: {of_pull:?}", of_pull.len());
    fs::rename(machines.remote(), machines.remote().with_extension("away")).unwrap();
    check_files(&found(&third, &tree), FILES);
}

#[test]
fn what_a_body_makes_beside_a_remote_goes_there_in_packs() {
    let machines = Machines::new();
    let (one, asked) = counted(&machines, "one");
    let tree = one.ok("ran grid", || grid(3000, 0));
    let of_first = taken(&asked);
    assert!(of_first.len() < 50, "{} requests: {of_first:?}", of_first.len());
    assert_eq!((packs(&machines.remote()).len(), packs(one.home()).len()), (1, 1));
    check_files(&tree, 3000);

    // What a range had before is not packed or sent again.
    one.ok("ran grid", || grid(3000, 1));
    let of_second = taken(&asked);
    let bytes = files_below(&machines.remote().join("blobs")).iter().map(|at| at.metadata().unwrap().len()).max();
    let largest_anew = packs(&machines.remote()).iter().map(|at| at.metadata().unwrap().len()).min();
    assert!(largest_anew < bytes.map(|bytes| bytes / 2), "a range is packed anew, and not all of the tree");
    assert!(of_second.len() < 50, "{} requests: {of_second:?}", of_second.len());

    // The same again is found, and elsewhere too.
    one.ok("hit grid", || grid(3000, 0));
    let two = machines.machine("two");
    check_files(&two.ok("hit grid", || grid(3000, 0)), 3000);
    assert!(two.verify(Verify::default(), &[]).unwrap().findings.is_empty());
}

#[test]
fn what_a_body_made_is_whole_in_packs_where_the_remote_fails() {
    let machines = Machines::new();
    let no_content = |asked: Asked<'_>| {
        let is_content = matches!(asked.what, What::Create(at) if at.path().starts_with("blobs/"));
        (asked.side == Side::Remote && is_content).then_some(Fault::Before)
    };
    let one = Watched::open(machines.builder("one").wrap_stores(faulty(Arc::new(no_content))));
    let tree = one.ok("ran grid, unpushed grid", || grid(200, 0));
    assert_eq!((packs(one.home()).len(), with_cells(one.home())), (1, 1));
    check_files(&tree, 200);
    drop(one);
    let one = machines.machine("one");
    one.push(&[]).unwrap();
    assert_eq!(packs(&machines.remote()).len(), 1);
    check_files(&found(&machines.machine("two"), &tree), 200);
}

#[file_creator]
fn with_one_apart() -> Result<(Tree, File)> {
    let mut tree = Tree::create("grid")?;
    for at in 0..20 {
        tree.add_bytes(&name(at), content(at, 0))?;
    }
    let apart = File::from_bytes("apart.txt", content(20, 0))?;
    tree.add(&name(20), &apart)?;
    tree.add_bytes("large.bin", vec![7; 300 << 10])?;
    Ok((tree.finish()?, apart))
}

#[file_creator]
fn few() -> Result<Tree> {
    let mut tree = Tree::create("few")?;
    for at in 0..7 {
        tree.add_bytes(&name(at), content(at, 0))?;
    }
    tree.finish()
}

#[file_creator]
fn length(file: &File) -> Result<u64> {
    Ok(file.len())
}

#[file_creator]
fn measured() -> Result<(Tree, u64)> {
    let mut tree = Tree::create("grid")?;
    let first = File::from_bytes("first.txt", content(0, 0))?;
    let length = length(&first)?;
    tree.add(&name(0), &first)?;
    for at in 1..20 {
        tree.add_bytes(&name(at), content(at, 0))?;
    }
    Ok((tree.finish()?, length))
}

/// A file that something else names, one that is large, and files of which there are few.
#[test]
fn what_is_named_otherwise_is_a_blob_of_its_own() {
    let machines = Machines::new();
    let one = machines.machine("one");
    let (tree, apart) = one.ok("ran with_one_apart", with_one_apart);
    assert!(one.blob_of(&apart).exists());
    // The file, and a pack of the others.
    assert_eq!((packs(one.home()).len(), with_cells(one.home())), (1, 2));
    one.ok("ran few", few);
    assert_eq!((packs(one.home()).len(), with_cells(one.home())), (1, 9));
    let (measured, length) = one.ok("ran length, ran measured", measured);
    assert_eq!(length, 6);
    assert_eq!(measured.get(&name(0)).unwrap().read_to_string().unwrap(), content(0, 0));
    drop(one);
    let two = machines.machine("two");
    let tree = found(&two, &tree);
    assert_eq!(tree.get("large.bin").unwrap().len(), 300 << 10);
    for at in 0..21 {
        assert_eq!(tree.get(&name(at)).unwrap().read_to_string().unwrap(), content(at, 0));
        if at < 20 {
            let file = found(&two, &measured).get(&name(at)).unwrap();
            assert_eq!(file.read_to_string().unwrap(), content(at, 0));
        }
    }
    let findings = two.verify(Verify::default(), &[]).unwrap().findings;
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn packs_of_a_body_are_evicted_and_collected() {
    let machines = Machines::new();
    let one = machines.machine("one");
    let tree = one.ok("ran grid", || grid(200, 0));
    drop(one);
    let one = machines.machine("one");
    one.collect(Collect::default().exclusive(true)).unwrap();
    assert_eq!((packs(one.home()).len(), packs(&machines.remote()).len()), (1, 1));
    assert!(one.evict(Evict::To(0)).unwrap().blobs >= 3);
    assert_eq!(count(one.home(), "blobs"), 0);
    check_files(&found(&one, &tree), 200);
    drop(one);
    let one = machines.machine("one");
    one.remove(tree.uid().unwrap().as_str()).unwrap();
    one.collect(Collect::default().exclusive(true)).unwrap();
    for root in [one.home(), &*machines.remote()] {
        assert_eq!((count(root, "locations"), packs(root).len()), (0, 0));
        assert_eq!(with_cells(root), 0);
    }
}

/// What is damaged is found, and healed from the other side, or by the body that makes the same again.
#[test]
fn packs_of_a_body_are_verified_and_healed() {
    let machines = Machines::new();
    let one = machines.machine("one");
    let tree = one.ok("ran grid", || grid(200, 0));
    drop(one);
    let bend = |root: &Path, at: usize| {
        let needle = format!("{}cell", content(at, 0)).into_bytes();
        overwrite(&packs(root)[0], |bytes| {
            let from = bytes.windows(needle.len()).position(|part| part == needle).unwrap();
            bytes[from] ^= 1;
        });
    };
    bend(&machines.remote().with_file_name("one"), 100);
    let one = machines.machine("one");
    let uid = tree.uid().unwrap().as_str();
    check_error(found(&one, &tree).get(&name(100)).unwrap().read(), ErrorKind::Corrupt, &["0100.txt", "repair"]);
    let findings = one.verify(Verify::default().side(Side::Local), &[]).unwrap().findings;
    assert!(findings.len() == 1 && findings[0].kind == FindingKind::WrongBytes, "{findings:?}");
    let repaired = one.repair(uid).unwrap();
    repaired.healed().unwrap();
    assert_eq!(repaired.items.iter().filter(|item| item.outcome == RepairOutcome::Fetched).count(), 1);
    check_files(&found(&one, &tree), 200);
    drop(one);

    // On both sides: the body makes the same pack again, where it was.
    let before = with_cells(&machines.remote());
    bend(&machines.remote().with_file_name("one"), 7);
    fs::remove_file(&packs(&machines.remote())[0]).unwrap();
    let one = machines.machine("one");
    one.ok("reproduced grid", || grid::call(200, 0).force());
    one.repair(uid).unwrap().healed().unwrap();
    assert_eq!(with_cells(&machines.remote()), before);
    check_files(&found(&one, &tree), 200);
    check_files(&found(&machines.machine("two"), &tree), 200);
    let findings = one.verify(Verify::default(), &[]).unwrap().findings;
    assert!(findings.is_empty(), "{findings:?}");
}
