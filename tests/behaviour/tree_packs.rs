//! Small files of trees, which rest together in packs.

use std::fs;
use std::path::{Path, PathBuf};

use datlake::report::{FindingKind, RepairOutcome};
use datlake::{Collect, ErrorKind, Evict, File, Lake, LocalFolder, Mirror, Result, Side, Tree, Verify, file_creator};

use crate::listing::{Questions, counting};
use crate::support::{Machines, Watched, check_error, files_below, lake, overwrite};

/// A folder of small files: enough for packs.
fn folder(files: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for at in 0..files {
        fs::write(folder.path().join(name(at)), content(at)).unwrap();
    }
    folder
}

fn name(at: usize) -> String {
    format!("f{at:04}.txt")
}

fn content(at: usize) -> String {
    format!("content {at}")
}

fn count(root: &Path, kind: &str) -> usize {
    files_below(&root.join(kind)).len()
}

/// The only pack in a lake.
fn pack(root: &Path) -> PathBuf {
    let found = files_below(&root.join("locations"));
    let [locations] = &*found else { panic!("{found:?}") };
    let digest = locations.file_stem().unwrap().to_str().unwrap().to_owned();
    root.join("blobs").join(&digest[..2]).join(digest)
}

fn check_files(tree: &Tree, files: usize) {
    let all = tree.files().unwrap();
    assert_eq!(all.len(), files);
    for (at, file) in all.iter().enumerate() {
        assert_eq!((file.name(), file.read_to_string().unwrap()), (&*name(at), content(at)));
    }
}

#[test]
fn a_folder_of_small_files_is_a_pack() {
    let lake = lake();
    let small = lake.add_tree("small", folder(7).path()).unwrap();
    assert_eq!((count(lake.home(), "blobs"), count(lake.home(), "locations")), (9, 0));
    check_files(&small, 7);
    let tree = lake.add_tree("many", folder(200).path()).unwrap();
    // A pack, a range and the tree; seven files are blobs already.
    assert_eq!((count(lake.home(), "blobs"), count(lake.home(), "locations")), (12, 1));
    check_files(&tree, 200);
    assert_eq!(count(lake.home(), "blobs"), 12);
    check_files(&Tree::try_from(lake.reopened().file("many").unwrap()).unwrap(), 200);
    // A path leads to a file of its own.
    let path = tree.get("f0100.txt").unwrap().path().unwrap();
    assert_eq!(
        (path.file_name().unwrap(), fs::read(&path).unwrap()),
        ("f0100.txt".as_ref(), content(100).into_bytes())
    );
    assert_eq!(count(lake.home(), "blobs"), 13);
    assert!(lake.verify(Verify::default(), &[]).unwrap().findings.is_empty());
    // The same bytes are the same tree, however they rest.
    let other = Lake::temp().unwrap();
    for at in 0..200 {
        other.add_bytes(&format!("file/{at}"), content(at)).unwrap();
    }
    assert_eq!(other.add_tree("many", folder(200).path()).unwrap().digest(), tree.digest());
    assert_eq!(count(other.home(), "locations"), 0);
}

#[test]
fn what_is_packed_is_not_packed_again() {
    let lake = lake();
    let folder = folder(200);
    lake.add_tree("one", folder.path()).unwrap();
    let before = count(lake.home(), "blobs");
    lake.add_tree("two", folder.path()).unwrap();
    assert_eq!(count(lake.home(), "blobs"), before);
    fs::write(folder.path().join(name(3)), "changed").unwrap();
    let changed = lake.replacing().add_tree("one", folder.path()).unwrap();
    // The file, a range and the tree.
    assert_eq!((count(lake.home(), "blobs"), count(lake.home(), "locations")), (before + 3, 2));
    assert_eq!(changed.get(&name(3)).unwrap().read_to_string().unwrap(), "changed");
    assert_eq!(changed.get(&name(4)).unwrap().read_to_string().unwrap(), content(4));
    assert!(lake.verify(Verify::default(), &[]).unwrap().findings.is_empty());
}

#[test]
fn packs_go_with_their_trees() {
    let lake = lake();
    let folder = folder(200);
    lake.add_tree("one", folder.path()).unwrap();
    fs::write(folder.path().join(name(3)), "changed").unwrap();
    lake.replacing().add_tree("one", folder.path()).unwrap();
    lake.collect(Collect::default()).unwrap();
    assert_eq!(count(lake.home(), "locations"), 2);
    check_error(lake.file("two"), ErrorKind::NotFound, &["two"]);
    lake.add_tree("two", folder.path()).unwrap();
    lake.remove("one").unwrap();
    lake.collect(Collect::default()).unwrap();
    let two = Tree::try_from(lake.file("two").unwrap()).unwrap();
    assert_eq!(two.get(&name(4)).unwrap().read_to_string().unwrap(), content(4));
    assert_eq!(count(lake.home(), "locations"), 1);
    lake.remove("two").unwrap();
    lake.collect(Collect::default()).unwrap();
    assert_eq!((count(lake.home(), "blobs"), count(lake.home(), "locations")), (0, 0));
}

#[test]
fn packs_are_pushed_pulled_and_mirrored() {
    let machines = Machines::new();
    let offline = Lake::builder().home(machines.remote().with_file_name("one")).open().unwrap();
    offline.add_tree("many", folder(200).path()).unwrap();
    drop(offline);
    let one = machines.machine("one");
    let pushed = one.push(&[]).unwrap();
    assert_eq!((pushed.blobs, count(&machines.remote(), "blobs"), count(&machines.remote(), "locations")), (3, 3, 1));
    assert_eq!(one.push(&[]).unwrap().blobs, 0);

    // One file is one range of bytes; some more are all.
    let other = machines.machine("other");
    let tree = Tree::try_from(other.file("many").unwrap()).unwrap();
    let file = tree.get(&name(150)).unwrap();
    assert!(!file.is_local().unwrap());
    assert_eq!(file.read_to_string().unwrap(), content(150));
    assert!(file.is_local().unwrap() && !tree.get(&name(151)).unwrap().is_local().unwrap());
    check_files(&tree, 200);
    assert!(pack(other.home()).exists());

    let third = machines.machine("third");
    assert_eq!(third.pull(&["many"]).unwrap().blobs, 3);
    fs::rename(machines.remote(), machines.remote().with_extension("away")).unwrap();
    let third = machines.machine("third");
    let tree = Tree::try_from(third.file("many").unwrap()).unwrap();
    check_files(&tree, 200);
    fs::rename(machines.remote().with_extension("away"), machines.remote()).unwrap();

    let copy = tempfile::tempdir().unwrap();
    let url = format!("file://{}", copy.path().join("copy").display());
    let mirrored = third.mirror(&Mirror::to(&url), &[]).unwrap();
    assert_eq!((mirrored.blobs, count(&copy.path().join("copy"), "locations")), (3, 1));
    let reader = Lake::builder().home(copy.path().join("home")).remote(&url).open().unwrap();
    check_files(&Tree::try_from(reader.file("many").unwrap()).unwrap(), 200);
    let found = reader.verify(Verify::default(), &[]).unwrap();
    assert!(found.findings.is_empty(), "{:?}", found.findings);
}

#[test]
fn packs_are_added_with_a_remote_and_collected_there() {
    let machines = Machines::new();
    let one = machines.machine("one");
    one.add_tree("many", folder(200).path()).unwrap();
    assert_eq!((count(&machines.remote(), "blobs"), count(&machines.remote(), "locations")), (3, 1));
    assert_eq!(one.push(&[]).unwrap().blobs, 0);
    one.collect(Collect::default().exclusive(true)).unwrap();
    let other = machines.machine("other");
    check_files(&Tree::try_from(other.file("many").unwrap()).unwrap(), 200);
    other.remove("many").unwrap();
    other.collect(Collect::default().exclusive(true)).unwrap();
    assert_eq!((count(&machines.remote(), "blobs"), count(&machines.remote(), "locations")), (0, 0));
    assert_eq!((count(other.home(), "blobs"), count(other.home(), "locations")), (0, 0));
}

#[test]
fn a_damaged_pack_hides_no_other_file() {
    let machines = Machines::new();
    let one = machines.machine("one");
    let tree = one.add_tree("many", folder(200).path()).unwrap();
    let bend = |root: &Path, at: usize| {
        let needle = content(at).into_bytes();
        overwrite(&pack(root), |bytes| {
            let from = bytes.windows(needle.len()).position(|part| part == needle).unwrap();
            bytes[from] ^= 1;
        });
    };
    bend(one.home(), 100);
    let lake = machines.machine("one");
    let tree = Tree::try_from(lake.file(tree.uid().unwrap().as_str()).unwrap()).unwrap();
    check_error(tree.get(&name(100)).unwrap().read(), ErrorKind::Corrupt, &["many//f0100.txt", "repair"]);
    assert_eq!(tree.get(&name(101)).unwrap().read_to_string().unwrap(), content(101));
    let found = lake.verify(Verify::default().side(Side::Local), &[]).unwrap().findings;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].kind, &*found[0].what), (FindingKind::WrongBytes, "many//f0100.txt"));
    assert!(found[0].error.contains("pack") && found[0].error.contains("`datlake repair"), "{found:?}");
    let repaired = lake.repair("many").unwrap();
    repaired.healed().unwrap();
    assert_eq!(repaired.items.iter().filter(|item| item.outcome == RepairOutcome::Fetched).count(), 1);
    check_files(&tree, 200);

    // Damaged on both sides in other files: each is healed by itself.
    bend(lake.home(), 7);
    bend(&machines.remote(), 8);
    let lake = machines.machine("one");
    lake.repair("many").unwrap().healed().unwrap();
    check_files(&Tree::try_from(lake.file("many").unwrap()).unwrap(), 200);
    check_files(&Tree::try_from(machines.machine("other").file("many").unwrap()).unwrap(), 200);

    // Cut short, and gone.
    overwrite(&pack(lake.home()), |bytes| bytes.truncate(1000));
    machines.machine("one").repair("many").unwrap().healed().unwrap();
    fs::remove_file(pack(&machines.remote())).unwrap();
    let third = machines.machine("third");
    let tree = Tree::try_from(third.file("many").unwrap()).unwrap();
    check_error(tree.get(&name(11)).unwrap().read(), ErrorKind::MissingBlob, &["many//f0011.txt"]);
    machines.machine("one").repair("many").unwrap().healed().unwrap();
    check_files(&Tree::try_from(machines.machine("fourth").file("many").unwrap()).unwrap(), 200);
}

#[test]
fn packs_and_their_files_are_evicted() {
    let machines = Machines::new();
    let one = machines.machine("one");
    let tree = one.add_tree("many", folder(200).path()).unwrap();
    drop(tree.get(&name(9)).unwrap().stored_path().unwrap());
    assert_eq!(count(one.home(), "blobs"), 4);
    drop(one);
    let one = machines.machine("one");
    assert_eq!(one.evict(Evict::To(0)).unwrap().blobs, 4);
    assert_eq!(count(one.home(), "blobs"), 0);
    check_files(&Tree::try_from(one.file("many").unwrap()).unwrap(), 200);
}

#[file_creator]
fn passed(tree: &Tree) -> Result<File> {
    tree.get("f0042.txt")
}

#[file_creator]
fn half(tree: &Tree) -> Result<Tree> {
    let mut out = Tree::create("half")?;
    for file in tree.files()?.iter().step_by(2) {
        out.add(file.name(), file)?;
    }
    out.finish()
}

#[file_creator]
fn line(file: &File) -> Result<String> {
    file.read_to_string()
}

#[test]
fn a_file_that_is_named_is_a_blob_of_its_own() {
    let lake = lake();
    let tree = lake.add_tree("many", folder(200).path()).unwrap();
    let file = tree.get(&name(5)).unwrap();
    assert_eq!(lake.ok("ran line", || line(&file)), content(5));
    let passed = lake.ok("ran passed", || passed(&tree));
    let half = lake.ok("ran half", || half(&tree));
    assert!(lake.blob_of(&passed).exists());
    lake.remove("many").unwrap();
    lake.collect(Collect::default()).unwrap();
    assert_eq!(count(lake.home(), "locations"), 0);
    let lake = lake.reopened();
    assert_eq!(
        lake.file(passed.uid().unwrap().as_str()).map(|_| ()).map_err(|error| error.kind()),
        Err(ErrorKind::NotFound)
    );
    let half = Tree::try_from(lake.file(half.uid().unwrap().as_str()).unwrap()).unwrap();
    assert_eq!(half.get(&name(42)).unwrap().read_to_string().unwrap(), content(42));
    assert!(lake.verify(Verify::default(), &[]).unwrap().findings.is_empty());
}

/// The machine called `name`, and what is asked of the remote.
fn counted(machines: &Machines, name: &str) -> (Watched, Questions) {
    let asked = Questions::default();
    (Watched::open(machines.builder(name).wrap_stores(counting(&asked))), asked)
}

#[test]
fn requests_of_pushing_and_pulling_a_tree() {
    let machines = Machines::new();
    machines.machine("one");
    let folder = folder(3000);
    // So large that it is asked for before it is sent.
    fs::write(folder.path().join(name(9)), vec![9; 255 << 10]).unwrap();
    let offline = || Lake::builder().home(machines.remote().with_file_name("one")).open().unwrap();
    offline().add_tree("many", folder.path()).unwrap();
    let (one, asked) = counted(&machines, "one");
    assert!(one.push(&[]).unwrap().blobs < 20);
    let of_all = std::mem::take(&mut *asked.lock().unwrap());
    assert!(of_all.len() < 40, "{of_all:?}");
    drop(one);

    fs::write(folder.path().join(name(7)), "changed").unwrap();
    offline().replacing().add_tree("many", folder.path()).unwrap();
    let (one, asked) = counted(&machines, "one");
    assert_eq!(one.push(&[]).unwrap().blobs, 3);
    let of_one = std::mem::take(&mut *asked.lock().unwrap());
    // The file, its range and the tree; what leads from the range to the pack, and the entry of the name. The rest is asked by every push:
    // which lake that is, what was removed, what was pruned and how far the name's log has come, what is collected, and whether the
    // name is still there.
    let blobs = of_one.iter().filter(|(what, about)| *what == "create" && about.starts_with("blobs/"));
    assert_eq!(blobs.count(), 3, "{of_one:?}");
    assert!(of_one.len() <= 10, "{of_one:?}");
    drop(one);

    // Once content was swept, nothing is believed of what was there before.
    let collector = machines.machine("collector");
    collector.add_bytes("unused.txt", b"unused").unwrap();
    collector.remove("unused.txt").unwrap();
    assert_eq!(collector.collect(Collect::default().exclusive(true)).unwrap().remote.unwrap().blobs, 1);
    drop(collector);
    fs::write(folder.path().join(name(8)), "changed too").unwrap();
    offline().replacing().add_tree("many", folder.path()).unwrap();
    let (one, asked) = counted(&machines, "one");
    one.push(&[]).unwrap();
    let of_one = std::mem::take(&mut *asked.lock().unwrap());
    assert!(of_one.iter().any(|(what, about)| *what == "size" && about.starts_with("blobs/")), "{of_one:?}");
    drop(one);

    let (other, asked) = counted(&machines, "other");
    other.pull(&["many"]).unwrap();
    let of_pull = std::mem::take(&mut *asked.lock().unwrap());
    assert!(of_pull.len() < 40, "{of_pull:?}");
    let tree = Tree::try_from(other.file("many").unwrap()).unwrap();
    assert_eq!(tree.get(&name(7)).unwrap().read_to_string().unwrap(), "changed");
    assert_eq!(tree.get(&name(8)).unwrap().read_to_string().unwrap(), "changed too");
    assert_eq!(tree.get(&name(2999)).unwrap().read_to_string().unwrap(), content(2999));
}

/// Empty files, files of exactly the sizes at which something changes, and a pack that is exactly full.
#[test]
fn files_of_every_size() {
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    let small = 256 << 10;
    let mut sizes = vec![0, 0, 1, small - 1, small, small + 1];
    // With these, the first pack has 16 MiB.
    sizes.extend([small - 1; 63]);
    sizes.extend([64 - 2, 5, 6]);
    for (at, size) in sizes.iter().enumerate() {
        fs::write(folder.path().join(name(at)), vec![at as u8; *size]).unwrap();
    }
    fs::create_dir(folder.path().join("empty")).unwrap();
    let tree = lake.add_tree("sizes", folder.path()).unwrap();
    for (at, size) in sizes.iter().enumerate() {
        let file = tree.get(&name(at)).unwrap();
        assert!(file.read().unwrap() == vec![at as u8; *size], "{at}");
    }
    assert!(count(lake.home(), "locations") > 0);
    assert!(lake.verify(Verify::default(), &[]).unwrap().findings.is_empty());
    assert_eq!(lake.add_tree("again", folder.path()).unwrap().digest(), tree.digest());
}

#[test]
fn packs_that_edits_left_half_empty_are_written_anew() {
    let machines = Machines::new();
    let one = machines.machine("one");
    let folder = folder(200);
    one.add_tree("first", folder.path()).unwrap();
    for at in 0..150 {
        fs::write(folder.path().join(name(at)), "changed").unwrap();
    }
    let tree = one.add_tree("second", folder.path()).unwrap();
    // Another name packs the range anew: nothing is unused. The same name finds what is packed.
    one.replacing().add_tree("first", folder.path()).unwrap();
    assert_eq!((one.status().unwrap().packs.unused, one.repack().unwrap().packs), (0, 0));
    let collect = || one.collect(Collect::default().exclusive(true)).unwrap();
    for at in 150..170 {
        fs::write(folder.path().join(name(at)), "changed").unwrap();
    }
    let left = one.replacing().add_tree("second", folder.path()).unwrap();
    one.remove("first").unwrap();
    one.remove("second").unwrap();
    one.add_tree("third", folder.path()).unwrap();
    collect();
    let packs = one.status().unwrap().packs;
    assert!(packs.unused * 4 > packs.bytes, "{packs:?}");
    // A machine that knows what led to the old packs.
    let other = machines.machine("other");
    let there = Tree::try_from(other.file("third").unwrap()).unwrap();
    assert_eq!(there.get(&name(170)).unwrap().read_to_string().unwrap(), content(170));

    let repacked = one.repack().unwrap();
    assert!(repacked.packs > 0 && repacked.after < repacked.before, "{repacked:?}");
    collect();
    assert_eq!((one.status().unwrap().packs.unused, one.repack().unwrap().packs), (0, 0));
    assert_ne!(left.digest(), tree.digest());
    assert_eq!(one.file("third").unwrap().digest(), left.digest());
    for lake in [&one, &other, &machines.machine("third")] {
        let tree = Tree::try_from(lake.file("third").unwrap()).unwrap();
        for at in 170..200 {
            assert_eq!(tree.get(&name(at)).unwrap().read_to_string().unwrap(), content(at));
        }
        let found = lake.verify(Verify::default(), &[]).unwrap().findings;
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn files_that_change_or_vanish_after_a_look() {
    let lake = lake();
    let folder = folder(20);
    let found = LocalFolder::read(folder.path()).unwrap();
    // Larger than a file of a pack by now, and smaller than when it was looked at.
    fs::write(folder.path().join(name(3)), vec![3; 300 << 10]).unwrap();
    fs::write(folder.path().join(name(4)), "").unwrap();
    let tree = lake.add_folder("changed", &found).unwrap();
    assert_eq!(tree.get(&name(3)).unwrap().read().unwrap(), vec![3; 300 << 10]);
    assert_eq!(tree.get(&name(4)).unwrap().read().unwrap(), b"");
    assert_eq!(tree.get(&name(5)).unwrap().read_to_string().unwrap(), content(5));
    fs::remove_file(folder.path().join(name(6))).unwrap();
    check_error(lake.add_folder("vanished", &found), ErrorKind::Io, &[&name(6)]);
    assert!(!lake.exists("vanished").unwrap());
    assert_eq!(lake.add_tree("vanished", folder.path()).unwrap().files().unwrap().len(), 19);
    assert!(lake.verify(Verify::default(), &[]).unwrap().findings.is_empty());
}

/// Locations that are damaged are no reason to hand on other bytes, nor to miss what others lead to.
#[test]
fn damaged_locations_are_found_and_healed() {
    let machines = Machines::new();
    let one = machines.machine("one");
    one.add_tree("many", folder(200).path()).unwrap();
    let locations = |root: &Path| files_below(&root.join("locations")).remove(0);
    let bend = |root: &Path| overwrite(&locations(root), |bytes| bytes[100] ^= 1);
    bend(one.home());
    let lake = machines.machine("one");
    let found = lake.verify(Verify::default().side(Side::Local), &[]).unwrap().findings;
    assert!(found.iter().any(|found| found.kind == FindingKind::DamagedDocument), "{found:?}");
    // The remote has them.
    check_files(&Tree::try_from(lake.file("many").unwrap()).unwrap(), 200);
    assert!(lake.verify(Verify::default(), &[]).unwrap().findings.is_empty());

    bend(&machines.remote());
    let lake = machines.machine("one");
    let found = lake.verify(Verify::default().side(Side::Remote), &[]).unwrap().findings;
    assert!(found.iter().any(|found| found.kind == FindingKind::DamagedDocument), "{found:?}");
    lake.repair("many").unwrap().healed().unwrap();
    check_files(&Tree::try_from(machines.machine("other").file("many").unwrap()).unwrap(), 200);
    assert!(machines.machine("one").verify(Verify::default(), &[]).unwrap().findings.is_empty());
}
