//! Copying a lake, or a part of it, to another store.

use std::fs;
use std::path::{Path, PathBuf};

use datlake::report::{MirrorOutcome, Mirrored, UpstreamState};
use datlake::{ErrorKind, File, Lake, Mirror, Result, Tree, Verify, file_creator};

use crate::copies::rot;
use crate::support::{Machines, blob_in, check_error, files_below, overwrite};

#[file_creator]
fn letters(text: &File) -> Result<(Tree, Vec<u64>)> {
    let mut tree = Tree::create("letters")?;
    for letter in text.read_to_string()?.chars() {
        tree.add_bytes(&format!("{letter}.txt"), letter.to_string())?;
    }
    Ok((tree.finish()?, (0..20_000).collect()))
}

#[file_creator]
fn joined(letters: &Tree, output_uid: &str) -> Result<File> {
    let mut all = String::new();
    for letter in letters.files()? {
        all.push_str(&letter.read_to_string()?);
    }
    File::from_bytes(output_uid, all)
}

/// A lake with an added file, a call with a tree and a large value, a call with a named output, and something apart from them.
fn make(lake: &Lake) {
    let _current = lake.enter();
    let text = lake.add_bytes("texts/abc.txt", "cab").unwrap();
    let (tree, _) = letters(&text).unwrap();
    joined(&tree, "results/abc.txt").unwrap();
    lake.add_bytes("other.txt", "other").unwrap();
}

struct Target {
    folder: tempfile::TempDir,
}

impl Target {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("copy")
    }

    fn url(&self) -> String {
        format!("file://{}", self.root().display())
    }

    fn to(&self) -> Mirror {
        Mirror::to(self.url())
    }

    /// A machine that has this store for its remote.
    fn machine(&self, name: &str) -> Lake {
        Lake::builder().home(self.folder.path().join(name)).remote(self.url()).open().unwrap()
    }
}

fn outcomes(mirrored: &Mirrored) -> Vec<(&str, MirrorOutcome)> {
    let mut rows: Vec<_> = mirrored.items.iter().map(|row| (row.what.as_str(), row.outcome)).collect();
    rows.sort_by_key(|(what, _)| *what);
    rows
}

/// The documents and content of a store, by what they are called.
fn objects(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let of = |top: &str| files_below(&root.join(top));
    let all = ["blobs", "calls", "files", "uses"].into_iter().flat_map(of);
    all.map(|path| (path.strip_prefix(root).unwrap().to_owned(), fs::read(path).unwrap())).collect()
}

use MirrorOutcome::{Conflict, Copied, Failed, Removed};

#[test]
fn a_mirror_is_the_lake_again_and_a_second_run_does_nothing() {
    let machines = Machines::new();
    let lake = machines.machine("a");
    make(&lake);
    let target = Target::new();
    let planned = lake.mirror(&target.to().dry_run(true), &[]).unwrap();
    assert!(planned.dry_run && !target.root().exists());
    let mirrored = lake.mirror(&target.to(), &[]).unwrap();
    assert_eq!((&mirrored.items.len(), mirrored.there, mirrored.is_whole()), (&4, 0, true), "{mirrored:?}");
    assert_eq!((planned.items.len(), planned.blobs, planned.bytes), (4, mirrored.blobs, mirrored.bytes));
    assert_eq!(objects(&target.root()), objects(&machines.remote()));
    let again = lake.mirror(&target.to(), &[]).unwrap();
    assert_eq!((again.items, again.there, again.blobs), (vec![], 4, 0));
    // Whoever has the mirror for a remote finds calls and files there.
    let there = target.machine("there");
    assert_eq!(there.file("results/abc.txt").unwrap().read().unwrap(), b"abc");
    assert_eq!(there.verify(Verify::default(), &[]).unwrap().findings, []);
    // Also from a machine without a copy of anything, and without keeping what passes through it.
    let other = Target::new();
    let b = machines.machine("b");
    b.mirror(&other.to(), &[]).unwrap();
    assert_eq!(objects(&other.root()), objects(&machines.remote()));
    assert!(files_below(&b.home().join("blobs")).len() <= 2, "the tree and its range");
}

#[test]
fn a_file_brings_along_what_it_was_made_from_unless_that_is_left_out() {
    let machines = Machines::new();
    let lake = machines.machine("a");
    make(&lake);
    let target = Target::new();
    assert_eq!(lake.mirror(&target.to(), &["results"]).unwrap().items.len(), 3);
    let there = target.machine("there");
    let states = |lake: &Lake| {
        let nodes = lake.upstream("results/abc.txt", 10).unwrap().nodes;
        nodes.into_iter().map(|node| node.state).collect::<Vec<_>>()
    };
    use UpstreamState::{Present, Removed as Gone};
    assert_eq!(states(&there), [Present, Present, Present]);
    assert!(!there.exists("other.txt").unwrap());
    assert_eq!(there.verify(Verify::default(), &[]).unwrap().findings, []);
    // The rest later.
    assert_eq!(outcomes(&lake.mirror(&target.to(), &[]).unwrap()), [("other.txt", Copied)]);

    let alone = Target::new();
    assert_eq!(
        outcomes(&lake.mirror(&alone.to().inputs(false), &["results/abc.txt"]).unwrap()),
        [("results/abc.txt", Copied)]
    );
    let there = alone.machine("there");
    assert_eq!(states(&there), [Present, Gone]);
    assert_eq!(there.verify(Verify::default(), &[]).unwrap().findings, []);
}

#[test]
fn calls_and_members_of_trees_can_be_asked_for() {
    let machines = Machines::new();
    let lake = machines.machine("a");
    make(&lake);
    let history = lake.history(Some("letters")).unwrap();
    let call = &history.calls[0];
    let short = format!("@{}/{}", call.creator, call.key.short());
    for which in [format!("@{}", call.creator), short.clone(), format!("{short}/0"), format!("{short}/0//a.txt")] {
        let target = Target::new();
        assert_eq!(lake.mirror(&target.to(), &[&which]).unwrap().items.len(), 2, "{which}");
        assert_eq!(target.machine("there").history(None).unwrap().calls.len(), 1);
    }
    let target = Target::new();
    for unknown in ["@nobody/nobody::f", "texts/abd.txt", "nowhere/"] {
        assert_eq!(lake.mirror(&target.to(), &[unknown]).unwrap_err().kind(), ErrorKind::NotFound, "{unknown}");
    }
    assert!(!target.root().exists());
}

#[test]
fn what_differs_there_is_told_and_left() {
    let machines = Machines::new();
    let lake = machines.machine("a");
    make(&lake);
    let target = Target::new();
    let there = target.machine("there");
    there.add_bytes("other.txt", "mine").unwrap();
    there.add_bytes("results/abc.txt", "mine").unwrap();
    // Added by another, but the same.
    there.add_bytes("texts/abc.txt", "cab").unwrap();
    let before = objects(&target.root());
    for _ in 0..2 {
        let mirrored = lake.mirror(&target.to(), &[]).unwrap();
        let conflicts = mirrored.items.iter().filter(|row| row.outcome == Conflict).collect::<Vec<_>>();
        let mut what: Vec<_> = conflicts.iter().map(|row| row.what.as_str()).collect();
        what.sort_unstable();
        assert_eq!(what, ["other.txt", "results/abc.txt"]);
        let says = "a file with other content has its name there, and is left";
        assert!(conflicts.iter().all(|row| row.why.as_deref() == Some(says)) && !mirrored.is_whole());
    }
    let after = objects(&target.root());
    assert!(before.iter().all(|object| after.contains(object)));
    assert_eq!(target.machine("there").file("other.txt").unwrap().read().unwrap(), b"mine");
    assert_eq!(target.machine("new").verify(Verify::default(), &[]).unwrap().findings, []);
}

#[test]
fn what_was_removed_there_does_not_come_back_and_what_was_removed_here_stays_there() {
    let machines = Machines::new();
    let lake = machines.machine("a");
    make(&lake);
    let target = Target::new();
    lake.mirror(&target.to(), &[]).unwrap();
    let there = target.machine("there");
    assert_eq!(there.remove("results/abc.txt").unwrap().len(), 1);
    there.remove("other.txt").unwrap();
    let again = lake.mirror(&target.to(), &[]).unwrap();
    assert_eq!(outcomes(&again), [("other.txt", Removed), ("results/abc.txt", Removed)]);
    assert!(again.is_whole() && !target.machine("new").exists("other.txt").unwrap());
    lake.remove("other.txt").unwrap();
    lake.remove("results/abc.txt").unwrap();
    lake.remove(&lake.history(Some("letters")).unwrap().calls[0].outputs[0].uid.to_string()).unwrap();
    assert_eq!(lake.mirror(&target.to(), &[]).unwrap().items, []);
    assert_eq!(target.machine("new").history(None).unwrap().calls.len(), 1);
}

#[test]
fn what_is_damaged_or_missing_is_told_and_the_rest_is_copied() {
    let machines = Machines::new();
    let lake = machines.machine("a");
    let (good, bad, gone) = ("good.txt", "bad.txt", "gone.txt");
    let files = [good, bad, gone].map(|name| lake.add_bytes(name, name).unwrap());
    overwrite(&blob_in(&machines.remote(), &files[1]), |bytes| bytes[0] ^= 1);
    fs::remove_file(blob_in(&machines.remote(), &files[2])).unwrap();
    let target = Target::new();
    let mirrored = machines.machine("b").mirror(&target.to(), &[]).unwrap();
    assert_eq!(outcomes(&mirrored), [(bad, Failed), (gone, Failed), (good, Copied)]);
    let why: Vec<_> = mirrored.items.iter().filter_map(|row| row.why.as_deref()).collect();
    assert!(
        why.iter().any(|why| why.contains("is damaged in")) && why.iter().any(|why| why.contains("is missing from"))
    );
    assert_eq!(objects(&target.root()).len(), 2, "one file and its name");
    // A machine that has them whole sends its own.
    assert_eq!(outcomes(&lake.mirror(&target.to(), &[]).unwrap()), [(bad, Copied), (gone, Copied)]);
}

#[test]
fn a_lake_without_a_remote_can_be_mirrored_and_none_to_itself() {
    let lake = crate::support::lake();
    make(&lake);
    let target = Target::new();
    assert_eq!(lake.mirror(&target.to(), &[]).unwrap().items.len(), 4);
    assert_eq!(target.machine("there").verify(Verify::default(), &[]).unwrap().findings, []);
    let home = Mirror::to(format!("file://{}", lake.home().display()));
    check_error(lake.mirror(&home, &[]), ErrorKind::Config, &["is the lake's own home"]);
    check_error(target.machine("there").mirror(&target.to(), &[]), ErrorKind::Config, &["is where the lake is"]);
    let offline = Lake::builder().home(target.folder.path().join("x")).remote("s3://x").offline(true).open().unwrap();
    check_error(offline.mirror(&target.to(), &[]), ErrorKind::Config, &["the lake is offline"]);
}

#[test]
fn what_is_mirrored_to_is_another_lake_only_where_that_is_said() {
    let lake = crate::support::lake();
    lake.add_bytes("a.txt", "some").unwrap();
    let target = Target::new();
    lake.mirror(&target.to(), &[]).unwrap();
    fs::remove_dir_all(target.root()).unwrap();
    let says = ["the mirror `", &target.url(), "`datlake mirror --accept`"];
    check_error(lake.mirror(&target.to(), &[]), ErrorKind::Unavailable, &says);
    Lake::builder().home(target.root()).open().unwrap();
    check_error(lake.mirror(&target.to(), &[]), ErrorKind::Config, &[says[0], says[1], "another lake", says[2]]);
    assert_eq!(lake.mirror(&target.to().accept(true), &[]).unwrap().items.len(), 1);
    // It is known from then on.
    assert_eq!(lake.mirror(&target.to(), &[]).unwrap().items.len(), 0);
}

#[test]
fn no_mirror_is_put_into_the_lake_itself() {
    let machines = Machines::new();
    let lake = machines.machine("a");
    lake.add_bytes("a.txt", "some").unwrap();
    let beside = machines.remote().with_file_name("remote-2");
    for root in [lake.home(), &machines.remote()] {
        for folder in ["tmp", "tmp/copy", "claims/x/y", "blobs", "of-my-own"] {
            let into = root.join(folder);
            let was_there = into.exists();
            let into_lake = Mirror::to(format!("file://{}", into.display()));
            check_error(lake.mirror(&into_lake, &[]), ErrorKind::Config, &["cannot mirror into", "where the lake is"]);
            assert_eq!(into.exists(), was_there);
        }
    }
    assert_eq!(lake.mirror(&Mirror::to(format!("file://{}", beside.display())), &[]).unwrap().items.len(), 1);
}

/// Whatever its last step was: another run goes on, and what is there is whole.
#[test]
fn a_mirror_that_ended_early_goes_on() {
    let machines = Machines::new();
    let lake = machines.machine("a");
    make(&lake);
    let (whole, target) = (Target::new(), Target::new());
    lake.mirror(&whole.to(), &[]).unwrap();
    lake.mirror(&target.to(), &["other.txt"]).unwrap();
    // As if it had died before the last documents.
    let mut ended: Vec<_> =
        files_below(&whole.root()).into_iter().filter(|path| path.starts_with(whole.root().join("blobs"))).collect();
    ended.truncate(3);
    for path in ended {
        let to = target.root().join(path.strip_prefix(whole.root()).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let _ = fs::copy(&path, &to);
    }
    let went_on = lake.mirror(&target.to(), &[]).unwrap();
    assert_eq!((went_on.items.len(), went_on.there), (3, 1));
    assert!(went_on.blobs < lake.mirror(&Target::new().to().dry_run(true), &[]).unwrap().blobs);
    assert_eq!(objects(&target.root()), objects(&machines.remote()));
}

#[test]
fn a_mirror_takes_no_copy_that_its_disk_changed() {
    let machines = Machines::new();
    let lake = machines.machine("a");
    let file = lake.add_bytes("a.txt", "some").unwrap();
    rot(&lake.blob_of(&file), |bytes| bytes[0] ^= 1);
    // The remote has it as it was.
    let target = Target::new();
    assert!(lake.mirror(&target.to(), &[]).unwrap().is_whole());
    assert_eq!(target.machine("b").file("a.txt").unwrap().read().unwrap(), b"some");
    for gone in [false, true] {
        match gone {
            false => rot(&blob_in(&machines.remote(), &file), |bytes| bytes[0] ^= 1),
            true => fs::remove_file(blob_in(&machines.remote(), &file)).unwrap(),
        }
        let target = Target::new();
        let mirrored = lake.mirror(&target.to(), &[]).unwrap();
        assert_eq!(outcomes(&mirrored), [("a.txt", Failed)]);
        let why = mirrored.items[0].why.as_deref().unwrap();
        assert!(why.contains("damaged"), "{why}");
        assert_eq!(objects(&target.root()), []);
    }
}

#[test]
fn a_push_sends_no_copy_that_its_disk_changed() {
    let machines = Machines::new();
    let lake = crate::support::Watched::open(machines.builder("a").offline(true));
    let file = lake.add_bytes("a.txt", "some").unwrap();
    rot(&lake.blob_of(&file), |bytes| bytes[0] ^= 1);
    let pushed = machines.machine("a").push(&[]).unwrap();
    let why = pushed.items[0].why.as_deref().unwrap();
    assert!(why.contains("damaged on this machine"), "{why}");
    assert_eq!(objects(&machines.remote()), []);
}
