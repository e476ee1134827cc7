//! `datlake rm`

use insta::{assert_json_snapshot, assert_snapshot};

use crate::pipeline;
use crate::support::{Machine, answered, files_in, ran};

#[test]
fn nothing_is_removed_without_a_word() {
    let (machine, made) = Machine::prepared();
    machine.lake().add_bytes("spare.txt", b"spare").unwrap();
    let ran = machine.run(&["rm", "spare.txt"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("  spare.txt\n") && ran.err.contains("no terminal on which to confirm"), "{}", ran.err);
    machine.fails(1, &["no file `spar.txt`", "`spare.txt`"], &["rm", "--yes", "spare.txt", "spar.txt"]);
    assert_eq!(machine.ok(&["cat", "spare.txt"]), "spare");
    assert_eq!(machine.ok(&["rm", "--yes", "spare.txt"]), "removed spare.txt\n");
    machine.fails(1, &["no file `spare.txt`"], &["cat", "spare.txt"]);
    let count = made.count.uid().unwrap().as_str();
    assert_json_snapshot!("rm", machine.json(&["rm", "--yes", count, "reports/which.txt"]));
    machine.fails(1, &["has not been made or was removed"], &["cat", count]);
    let member = format!("{}//0.txt", made.words.uid().unwrap());
    machine.fails(2, &["it is part of the tree"], &["rm", "--yes", &member]);
}

#[test]
fn what_only_passed_through_a_call_is_not_removed_with_it() {
    let machine = Machine::new();
    let kept = pipeline::keep(&machine.lake());
    assert_eq!(machine.ok(&["rm", "--yes", kept.uid().unwrap().as_str()]).lines().count(), 1);
    assert_eq!(machine.ok(&["cat", "given.txt"]), "given");
}

#[test]
fn a_terminal_is_asked() {
    let machine = Machine::new();
    machine.lake().add_bytes("a.txt", b"hello").unwrap();
    let answer = |answer: &str| {
        let script = format!("{} rm a.txt", env!("CARGO_BIN_EXE_datlake"));
        let mut command = machine.around("script", &["-qec", &script, "/dev/null"]);
        ran(answered(&mut command, answer))
    };
    let shown = answer("n\n");
    assert_eq!(shown.status, 2, "{}", shown.out);
    assert!(shown.out.contains("a.txt") && shown.out.contains("Remove this file? [y/N]"), "{}", shown.out);
    assert_eq!(machine.ok(&["cat", "a.txt"]), "hello");
    assert_eq!(answer("y\n").status, 0);
    machine.fails(1, &["no file `a.txt`"], &["cat", "a.txt"]);
}

#[test]
fn what_something_was_made_from_stays() {
    let (machine, _) = Machine::prepared();
    let ran = machine.run(&["rm", "--yes", "corpora/alice.txt"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert_snapshot!("rm_refused", machine.normal(&ran.err));
    assert_eq!(machine.ok(&["cat", "corpora/alice.txt"]), "down the rabbit hole");
}

#[test]
fn what_was_made_from_it_goes_along_where_that_is_wanted() {
    let (machine, made) = Machine::prepared();
    let ran = machine.run(&["rm", "--cascade", "corpora/alice.txt"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert_snapshot!("rm_would_cascade", machine.normal(&ran.err));
    let count = made.count.uid().unwrap().as_str();
    assert_eq!(machine.ok(&["cat", count]), "3\n");
    let removed = machine.ok(&["rm", "--cascade", "--yes", "corpora/alice.txt"]);
    let removed: Vec<_> = removed.lines().collect();
    assert_eq!((removed.len(), *removed.last().unwrap()), (4, "removed corpora/alice.txt"));
    machine.fails(1, &["was removed"], &["cat", count]);
    machine.fails(1, &["no file"], &["cat", "reports/which.txt"]);
    // The other text, and what was made from that alone.
    assert_eq!(machine.ok(&["ls"]).lines().count(), 1);
    let left = machine.ok(&["calls"]);
    assert_eq!((left.matches("not in the lake").count(), left.matches("corpora/snark.txt").count()), (3, 1), "{left}");
}

#[test]
fn a_call_that_returned_a_value_and_one_that_read_a_file_in_a_tree_hold_them_too() {
    let (machine, made) = Machine::prepared();
    let lake = machine.lake();
    let _current = lake.enter();
    let member = made.words.get("1.txt").unwrap();
    pipeline::length(&lake.file(member.uid().unwrap().as_str()).unwrap()).unwrap();
    let tree = made.words.uid().unwrap().as_str();
    let ran = machine.run(&["rm", "--yes", tree]);
    assert!(ran.status == 2 && ran.err.contains("pipeline::length/"), "{}", ran.err);
    assert!(ran.err.contains("(a value, no files)"), "{}", ran.err);
    let down = machine.ok(&["lineage", "--down", tree]);
    assert!(down.starts_with("└─ length (a value)\n") && down.contains("pipeline::length/"), "{down}");
    let removed = machine.ok(&["rm", "--yes", "--cascade", tree]);
    assert!(removed.lines().count() == 2 && removed.contains("pipeline::length/"), "{removed}");
    assert!(removed.ends_with("(a value, no files)\n"), "{removed}");
    assert!(machine.ok(&["calls", "length"]).contains("not in the lake"));
}

#[test]
fn a_folder_of_names() {
    let machine = Machine::new();
    for uid in ["corpora/a.txt", "corpora/deep/b.txt", "corpora.txt"] {
        machine.lake().add_bytes(uid, uid.as_bytes()).unwrap();
    }
    machine.fails(2, &["`corpora` is no file, but a folder of 2", "-r removes"], &["rm", "--yes", "corpora"]);
    machine.fails(1, &["no file `corpor`"], &["rm", "--yes", "-r", "corpor"]);
    machine.fails(2, &["name the folders"], &["rm", "--yes", "-r", "/"]);
    assert_eq!(machine.ok(&["rm", "--yes", "-r", "corpora/"]).lines().count(), 2);
    assert_eq!(machine.ok(&["rm", "--yes", "-r", "corpora.txt"]), "removed corpora.txt\n");
    assert_eq!(machine.ok(&["ls"]), "");
}

#[test]
fn a_copy_is_forgotten_and_comes_back() {
    let machine = Machine::with_remote();
    let count = pipeline::run(&machine.lake()).count.uid().unwrap().to_string();
    let documents = || files_in(&machine.home()).into_iter().filter(|file| file.ends_with(".datlake")).count();
    let before = documents();
    assert_eq!(machine.ok(&["rm", "--local", "--yes", "corpora/alice.txt"]), "forgot corpora/alice.txt\n");
    let shown = machine.json(&["rm", "--local", "--yes", &count]);
    assert_eq!((&shown["local"], shown["removed"].as_array().unwrap().len()), (&true.into(), 1));
    assert_eq!(documents(), before - 2);
    // Nobody else lost anything, and here it is copied again.
    assert_eq!(machine.ok(&["cat", "corpora/alice.txt", &count]), "down the rabbit hole3\n");
    assert_eq!(documents(), before);
    let machine = machine.moved_to("other");
    assert_eq!(machine.ok(&["cat", &count]), "3\n");
}

#[test]
fn the_only_copy_is_not_forgotten() {
    let (machine, made) = Machine::prepared();
    let count = made.count.uid().unwrap().as_str();
    machine.fails(
        2,
        &["cannot forget `corpora/alice.txt`", "no remote"],
        &["rm", "--local", "--yes", "corpora/alice.txt"],
    );
    machine.fails(2, &["cannot forget", "no remote"], &["rm", "--local", "--yes", count]);
    let machine = Machine::with_remote();
    let alice = pipeline::run(&machine.lake()).words.files().unwrap().remove(0);
    machine.ok(&["cat", alice.uid().unwrap().as_str()]);
    std::fs::remove_dir_all(machine.path("remote/files")).unwrap();
    machine.fails(2, &["does not have the same"], &["rm", "--local", "--yes", "corpora/alice.txt"]);
    let blobs = machine.path("remote/blobs");
    std::fs::remove_dir_all(blobs).unwrap();
    let tree = alice.uid().unwrap().to_string();
    let tree = tree.split("//").next().unwrap();
    machine.fails(2, &["does not have its content"], &["rm", "--local", "--yes", tree]);
}

#[test]
fn a_damaged_record_downstream_is_told() {
    let (machine, made) = Machine::prepared();
    let count = made.count.uid().unwrap().as_str();
    let record = machine.home().join("calls").join(format!("{}.datlake", &count[1..].rsplit_once('/').unwrap().0));
    std::fs::remove_file(&record).unwrap();
    std::fs::write(&record, "{}").unwrap();
    let ran = machine.run(&["lineage", "--down", "corpora/alice.txt"]);
    assert_eq!((ran.status, ran.out.matches("pipeline::split/").count()), (2, 1), "{}", ran.out);
    assert!(ran.err.contains("pipeline::word_count/") && ran.err.contains("damaged"), "{}", ran.err);
    let ran = machine.run(&["rm", "--yes", "corpora/alice.txt"]);
    assert!(ran.status == 2 && ran.err.contains("2 calls, such as"), "{}", ran.err);
    assert_eq!(machine.ok(&["cat", "corpora/alice.txt"]), "down the rabbit hole");
}
