//! What calls and files refer to without having made it: whoever named it so far may be removed meanwhile, and collected.

use std::fs;
use std::os::unix::fs::symlink;

use datlake::{Collect, ErrorKind, Evict, File, Lake, Result, Tree, Verify, file_creator};

use crate::support::{Machines, blob_in, check_error, lake};

/// Removes a file, and all that nobody needs any more, as somebody elsewhere would.
fn remove_and_collect(lake: &Lake, uid: &str) {
    lake.remove(uid).unwrap();
    lake.collect(Collect::default().exclusive(true)).unwrap();
}

#[file_creator]
fn shout(text: &str) -> Result<File> {
    File::from_bytes("shout.txt", text.to_uppercase())
}

/// Does something elsewhere while a body runs.
fn elsewhere(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap());
}

#[file_creator]
fn gathers(file: &File, #[skip] other: &Lake) -> Result<Tree> {
    file.read()?;
    elsewhere(|| remove_and_collect(other, "in.txt"));
    let mut tree = Tree::create("tree")?;
    tree.add("x", file)?;
    tree.finish()
}

#[file_creator]
fn keeps(file: &File, #[skip] other: Option<&Lake>) -> Result<(File, u64)> {
    let size = file.read()?.len() as u64;
    if let Some(other) = other {
        elsewhere(|| remove_and_collect(other, "in.txt"));
    }
    Ok((file.clone(), size))
}

fn whole(lake: &Lake) {
    assert_eq!(lake.verify(Verify::default(), &[]).unwrap().findings, []);
}

#[test]
fn a_tree_keeps_files_that_were_given_to_its_call_and_collected_meanwhile() {
    let machines = Machines::new();
    let (a, b) = (machines.machine("a"), machines.machine("b"));
    a.add_bytes("in.txt", "some").unwrap();
    let file = b.file("in.txt").unwrap();
    let tree = b.ok("downloaded in.txt, ran gathers", || gathers(&file, &a));
    assert!(blob_in(&machines.remote(), &file).exists());
    let c = machines.machine("c");
    whole(&c);
    let tree = Tree::try_from(c.file(tree.uid().unwrap().as_str()).unwrap()).unwrap();
    assert_eq!(tree.get("x").unwrap().read().unwrap(), b"some");
}

#[test]
fn a_file_of_a_call_that_was_removed_elsewhere_is_there_when_another_returns_it() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let uid = {
        let b = machines.machine("b");
        b.ok("ran shout", || shout("some")).uid().unwrap().to_string()
    };
    remove_and_collect(&a, &uid);
    // It does not ask the remote for what it knows.
    let b = machines.machine("b");
    let file = b.ok("hit shout", || shout("some"));
    b.ok("ran keeps", || keeps(&file, None));
    assert!(blob_in(&machines.remote(), &file).exists());
    whole(&machines.machine("c"));
}

#[test]
fn what_this_machine_has_no_longer_is_not_named_by_a_call() {
    let lake = lake();
    let file = lake.add_bytes("in.txt", "some").unwrap();
    let says = ["the content of `in.txt`", "removed while it was used"];
    lake.fails("failed keeps", ErrorKind::MissingBlob, &says, || keeps(&file, Some(&lake)));
    whole(&lake);
}

#[test]
fn what_only_this_machine_names_is_not_evicted() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("theirs.txt", "some").unwrap();
    let offline = machines.builder("b").offline(true).open().unwrap();
    offline.add_bytes("mine.txt", "some").unwrap();
    drop(offline);
    let b = machines.machine("b");
    assert_eq!(b.evict(Evict::To(0)).unwrap().blobs, 0);
    remove_and_collect(&a, "theirs.txt");
    b.push(&[]).unwrap();
    assert_eq!(machines.machine("c").file("mine.txt").unwrap().read().unwrap(), b"some");
}

#[test]
fn a_lake_is_looked_through_behind_links_and_not_collected_where_one_leads_nowhere() {
    let lake = lake();
    let _current = lake.enter();
    let file = shout("some").unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let calls = lake.home().join("calls");
    let package = fs::read_dir(&calls).unwrap().next().unwrap().unwrap().path();
    for (folder, name) in [(package, "package"), (calls, "calls")] {
        let moved = elsewhere.path().join(name);
        fs::rename(&folder, &moved).unwrap();
        symlink(&moved, &folder).unwrap();
        assert_eq!(lake.collect(Collect::default()).unwrap().local.unwrap().blobs, 0, "{name}");
        let unmounted = elsewhere.path().join("unmounted");
        fs::rename(&moved, &unmounted).unwrap();
        let says = ["is a link to what is not there"];
        check_error(lake.collect(Collect::default()), ErrorKind::Unavailable, &says);
        fs::rename(&unmounted, &moved).unwrap();
    }
    assert_eq!(file.read().unwrap(), b"SOME");
}

#[test]
fn a_folder_that_others_have_as_their_remote_is_not_collected_as_a_home() {
    for was_home in [false, true] {
        let machines = Machines::new();
        let home = || Lake::builder().home(machines.remote()).open().unwrap();
        if was_home {
            home().add_bytes("own.txt", "own").unwrap();
            home().collect(Collect::default()).unwrap();
        }
        machines.machine("a").add_bytes("a.txt", "some").unwrap();
        let says = ["other machines have it as their remote", "file://"];
        check_error(home().collect(Collect::default()), ErrorKind::Config, &says);
    }
}

#[test]
fn a_home_with_nothing_but_the_lock_of_a_collector_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("collect.lock"), "").unwrap();
    Lake::builder().home(folder.path()).open().unwrap().add_bytes("a.txt", "some").unwrap();
}
