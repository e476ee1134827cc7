//! What people do with a lake by hand: add, list, remove; and what other machines learn of it.

use std::fs;
use std::io::Write as _;

use datlake::{ErrorKind, File, Lake, Result, file_creator};

use crate::support::{Machines, Watched, check_error, lake};

fn names(lake: &Lake, prefix: &str) -> Vec<String> {
    lake.list(prefix).unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn the_same_bytes_again_change_nothing_and_others_are_refused() {
    let lake = lake();
    let first = lake.add_bytes("a.txt", "first").unwrap();
    let at = first.lineage().unwrap();
    assert_eq!(lake.add_bytes("a.txt", "first").unwrap(), first);
    assert_eq!(first.lineage().unwrap(), at, "who added it first, and when, stays");
    let other = blake3::hash(b"other").to_hex();
    let says = ["`a.txt`", &first.digest().to_string(), &other, "remove it"];
    check_error(lake.add_bytes("a.txt", "other"), ErrorKind::AlreadyExists, &says);
    assert_eq!(lake.file("a.txt").unwrap().read().unwrap(), b"first");
    assert_eq!(first.lineage().unwrap().added().unwrap().name, "a.txt");
}

#[test]
fn a_file_of_the_disk_is_copied() {
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.txt");
    fs::write(&path, "content").unwrap();
    let file = lake.add_path("theirs.txt", &path).unwrap();
    fs::write(&path, "changed").unwrap();
    assert_eq!((file.read().unwrap(), file.name()), (b"content".to_vec(), "theirs.txt"));
    check_error(lake.add_path("theirs.txt", &path), ErrorKind::AlreadyExists, &["`theirs.txt`"]);
    check_error(lake.add_path("x", folder.path()), ErrorKind::InvalidInput, &["folder", "tree"]);
    let missing = folder.path().join("missing");
    check_error(lake.add_path("x", &missing), ErrorKind::Io, &[&missing.display().to_string()]);
    assert_eq!(names(&lake, ""), ["theirs.txt"]);
}

#[test]
fn a_file_is_written_and_appears_when_it_is_finished() {
    let lake = lake();
    let mut writer = lake.create("log.txt").unwrap();
    writeln!(writer, "{}", "x".repeat(100_000)).unwrap();
    writer.flush().unwrap();
    assert!(!lake.exists("log.txt").unwrap());
    let mut second = lake.create("log.txt").unwrap();
    writeln!(second, "other").unwrap();
    let file = writer.finish().unwrap();
    assert_eq!(file.len(), 100_001);
    check_error(lake.create("log.txt"), ErrorKind::AlreadyExists, &["`log.txt`", "remove it"]);
    // Whoever finishes first decides.
    check_error(second.finish(), ErrorKind::AlreadyExists, &["`log.txt`"]);
    drop(lake.create("never.txt").unwrap());
    assert_eq!(names(&lake, ""), ["log.txt"]);
}

#[test]
fn names_are_listed_by_folder() {
    let lake = lake();
    for uid in ["b", "a/c", "a", "a/b/c", "ab/c", "a.b", "ä/ö"] {
        lake.add_bytes(uid, uid).unwrap();
    }
    assert_eq!(names(&lake, ""), ["a", "a.b", "a/b/c", "a/c", "ab/c", "b", "ä/ö"]);
    assert_eq!(names(&lake, "a"), ["a", "a/b/c", "a/c"]);
    assert_eq!(names(&lake, "a/"), names(&lake, "a"));
    assert_eq!(names(&lake, "a/b"), ["a/b/c"]);
    assert_eq!(names(&lake, "ä"), ["ä/ö"]);
    assert_eq!(names(&lake, "none"), [""; 0]);
    check_error(lake.list("../a"), ErrorKind::InvalidInput, &["`..`"]);
    assert_eq!(lake.file("a").unwrap().read().unwrap(), b"a");
    assert_eq!(lake.file("a/b/c").unwrap().read().unwrap(), b"a/b/c");
}

#[test]
fn hostile_uids_are_refused_wherever_they_come_in() {
    let lake = lake();
    let long = "x".repeat(300);
    for uid in ["", "..", "a/../b", "a//b", "/a", "a/", "@a", "a\nb", "a\\b", "a\0b", &long, &vec!["y"; 600].join("/")]
    {
        let check = |result: Result<()>| check_error(result, ErrorKind::InvalidInput, &["UID"]);
        check(lake.add_bytes(uid, "").map(drop));
        check(lake.add_path(uid, "/etc/hostname").map(drop));
        check(lake.add_tree(uid, "/etc/hostname").map(drop));
        check(lake.create(uid).map(drop));
        if uid == "a//b" {
            // This is the member of a tree that is not there.
            assert!(!lake.exists(uid).unwrap());
            check_error(lake.file(uid), ErrorKind::NotFound, &["`a`"]);
        } else {
            let check = |result: Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput, "{uid:?}");
            check(lake.file(uid).map(drop));
            check(lake.exists(uid).map(drop));
            check(lake.remove(uid).map(drop));
        }
    }
    assert_eq!(lake.visible(), (0, 0));
    for fine in ["x".repeat(200), "日本/ö b.csv".to_owned(), "a..b".to_owned(), vec!["z"; 500].join("/")] {
        lake.add_bytes(&fine, &fine).unwrap();
        assert_eq!(lake.file(&fine).unwrap().read_to_string().unwrap(), fine);
    }
}

#[file_creator]
fn halves(text: &str) -> Result<(File, File)> {
    let (a, b) = text.split_at(text.len() / 2);
    Ok((File::from_bytes("a.txt", a)?, File::from_bytes("b.txt", b)?))
}

#[file_creator]
fn published(text: &str, output_uids: &[&str]) -> Result<Vec<File>> {
    output_uids.iter().map(|uid| File::from_bytes(uid, text)).collect()
}

#[test]
fn removing_an_output_forgets_its_call() {
    let lake = lake();
    let (a, b) = lake.ok("ran halves", || halves("abcd"));
    let gone = lake.remove(a.uid().unwrap().as_str()).unwrap();
    assert_eq!(gone, [a.uid().unwrap().clone(), b.uid().unwrap().clone()]);
    check_error(lake.file(b.uid().unwrap().as_str()), ErrorKind::NotFound, &["removed"]);
    lake.ok("ran halves", || halves("abcd"));

    lake.ok("ran published", || published("x", &["out/a", "out/b"]));
    let gone = lake.remove("out/b").unwrap();
    assert_eq!(gone.iter().map(|uid| uid.as_str()).collect::<Vec<_>>(), ["out/a", "out/b"]);
    assert_eq!(names(&lake, ""), [""; 0]);
    assert!(!lake.exists("out/a").unwrap());
    // The names are free again, for other content too.
    lake.ok("ran published", || published("y", &["out/a", "out/b"]));
    assert_eq!(lake.file("out/a").unwrap().read().unwrap(), b"y");
}

#[test]
fn removing_what_is_not_there_is_no_error() {
    let lake = lake();
    assert_eq!(lake.remove("nothing.txt").unwrap(), []);
    lake.add_bytes("a.txt", "a").unwrap();
    assert_eq!(lake.remove("a.txt").unwrap().len(), 1);
    assert_eq!(lake.remove("a.txt").unwrap(), []);
    assert!(!lake.exists("a.txt").unwrap());
    assert_eq!(lake.add_bytes("a.txt", "other").unwrap().read().unwrap(), b"other");
}

#[test]
fn a_file_that_was_open_when_it_was_removed_is_read_to_its_end() {
    let lake = lake();
    let file = lake.add_bytes("a.txt", "content").unwrap();
    let reader = file.open().unwrap();
    lake.remove("a.txt").unwrap();
    assert_eq!(std::io::read_to_string(reader).unwrap(), "content");
}

#[test]
fn what_one_machine_adds_and_removes_another_sees() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("in.txt", "in").unwrap();
    let (first, _) = a.ok("ran halves", || halves("abcd"));
    a.ok("ran published", || published("x", &["out/a"]));

    let b = machines.machine("b");
    assert_eq!(names(&b, ""), ["in.txt", "out/a"]);
    b.ok("hit halves, hit published", || halves("abcd").and(published("x", &["out/a"])));
    check_error(b.add_bytes("in.txt", "other"), ErrorKind::AlreadyExists, &["`in.txt`"]);
    b.remove("in.txt").unwrap();
    b.remove(first.uid().unwrap().as_str()).unwrap();
    b.remove("out/a").unwrap();

    // A process that starts on the first machine now has learnt of it, though it has copies of everything.
    let later = machines.machine("a");
    assert_eq!(names(&later, ""), [""; 0]);
    assert!(!later.exists("in.txt").unwrap());
    later.ok("ran halves", || halves("abcd"));
    later.ok("ran published", || published("y", &["out/a"]));
    later.add_bytes("in.txt", "new").unwrap();
    // What came after the removal is not meant by it.
    let latest = machines.machine("b");
    assert_eq!(latest.ok("downloaded in.txt", || File::get("in.txt")?.read()), b"new");
    latest.ok("hit halves, hit published", || halves("abcd").and(published("y", &["out/a"])));
}

#[test]
fn two_machines_that_add_one_name_keep_one_content() {
    let machines = Machines::new();
    let (a, b) = (machines.machine("a"), machines.machine("b"));
    let mut writers = [a.create("x.txt").unwrap(), b.create("x.txt").unwrap()];
    for (writer, text) in writers.iter_mut().zip(["from a", "from b"]) {
        writer.write_all(text.as_bytes()).unwrap();
    }
    let [from_a, from_b] = writers.map(|writer| writer.finish());
    from_a.unwrap();
    check_error(from_b, ErrorKind::AlreadyExists, &["`x.txt`"]);
    for machine in ["a", "b", "c"] {
        assert_eq!(machines.machine(machine).file("x.txt").unwrap().read().unwrap(), b"from a");
    }
}

#[test]
fn an_added_file_says_who_added_it() {
    let folder = tempfile::tempdir().unwrap();
    let builder = Lake::builder().home(folder.path().join("home")).email("ann@example.org");
    let lake = Watched::open(builder);
    let file = lake.add_bytes("a.txt", "a").unwrap();
    assert_eq!(file.lineage().unwrap().added().unwrap().person.email, "ann@example.org");
    let (made, _) = lake.ok("ran halves", || halves("ab"));
    assert_eq!(made.lineage().unwrap().call().unwrap().person.email, "ann@example.org");
    assert!(made.lineage().unwrap().to_string().contains("by ann@example.org"));
}
