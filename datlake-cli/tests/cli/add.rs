//! What goes in: `datlake add`.

use std::fs;

use datlake::Lake;
use insta::assert_json_snapshot;

use crate::support::{Machine, check_failure, ran};

#[test]
fn standard_input_is_added_byte_by_byte() {
    let machine = Machine::new();
    for _ in 0..2 {
        assert_eq!(machine.feed(&["add", "-", "a"], "x\0y").status, 0);
    }
    assert_eq!(machine.run(&["cat", "a"]).bytes, b"x\0y");
    machine.fails(2, &["standard input is no folder"], &["add", "-r", "-", "b"]);
}

#[test]
fn move_removes_what_the_lake_has_and_nothing_else() {
    let machine = Machine::new();
    let source = machine.write("a.txt", "hello");
    assert_eq!(machine.ok(&["add", "--move", source.to_str().unwrap(), "a"]), "moved a (5 B)\n");
    assert!(!source.exists());
    assert_eq!(machine.ok(&["cat", "a"]), "hello");
    machine.write("folder/x/1", "1");
    let folder = machine.write("folder/2", "2").parent().unwrap().to_owned();
    machine.ok(&["add", "-r", "--move", folder.to_str().unwrap(), "folder"]);
    assert!(!folder.exists());
    assert_eq!(machine.ok(&["cat", "folder//x/1", "folder//2"]), "12");
}

#[test]
fn the_source_of_a_move_survives_any_failure() {
    let machine = Machine::new();
    machine.lake().add_bytes("taken", b"other").unwrap();
    let source = machine.write("a.txt", &"x".repeat(1 << 20));
    let path = source.to_str().unwrap();
    machine.fails(2, &["other content"], &["add", "--move", path, "taken"]);
    machine.fails(2, &["UID `/a`"], &["add", "--move", path, "/a"]);
    // No room for it: the file may not grow beyond 64 KiB.
    let limited = format!("trap '' XFSZ; ulimit -f 64; datlake add --move '{path}' big");
    check_failure(&ran(machine.around("bash", &["-c", &limited]).output().unwrap()), 2, &["cannot write"]);
    assert_eq!(fs::metadata(&source).unwrap().len(), 1 << 20);
    machine.fails(1, &["no file `big`"], &["cat", "big"]);
}

#[test]
fn many_go_into_a_folder_under_their_own_names() {
    let machine = Machine::new();
    machine.write("work/a.txt", "a");
    machine.write("work/b.txt", "bb");
    machine.write("work/photos/cats/tom.jpg", "tom");
    machine.write("work/photos/rex.jpg", "rexx");
    assert_eq!(machine.ok(&["add", "a.txt", "b.txt", "texts/"]), "added texts/a.txt (1 B)\nadded texts/b.txt (2 B)\n");
    assert_eq!(machine.ok(&["add", "-r", "photos", "trees/"]), "added trees/photos (2 files, 7 B)\n");
    machine.fails(2, &["cannot add 2 things as `texts`", "ends in a slash"], &["add", "a.txt", "b.txt", "texts"]);
    machine.fails(2, &["has no name of its own"], &["add", "-", "texts/"]);
    // Every file by itself.
    let each = "added all/cats/tom.jpg (3 B)\nadded all/rex.jpg (4 B)\n";
    assert_eq!(machine.ok(&["add", "-r", "--each", "photos", "all"]), each);
    assert_eq!(machine.ok(&["add", "-r", "--each", "photos", "all/"]), each.replace("added", "was there already:"));
    assert_json_snapshot!("add_each", machine.json(&["add", "-r", "--each", "photos", "all"]));
    assert_eq!(machine.ok(&["add", "-r", "--each", "--move", "photos", "/"]).lines().count(), 2);
    assert!(!machine.path("work/photos").exists());
    assert_eq!(machine.ok(&["cat", "cats/tom.jpg", "rex.jpg"]), "tomrexx");
}

#[test]
fn nothing_is_added_of_what_cannot_be() {
    let machine = Machine::new();
    let folder = machine.write("work/photos/a", "a").parent().unwrap().to_owned();
    let file = machine.write("work/file", "f");
    machine.fails(2, &["it is a folder", "-r adds it as one tree", "--each"], &["add", "file", "photos", "x/"]);
    machine.fails(2, &["`file` is no folder: -r is for folders"], &["add", "-r", "file", "x"]);
    machine.fails(2, &["cannot read `nowhere`"], &["add", "nowhere", "x"]);
    let used = machine.run(&["add", "--each", "photos", "x"]);
    assert!(used.status == 2 && used.err.contains("--recursive"), "{}", used.err);
    let used = machine.run(&["add", "--copy", "--move", "file", "x"]);
    assert!(used.status == 2 && used.err.contains("cannot be used with"), "{}", used.err);
    // A name that no UID may have is found before anything is added.
    std::fs::write(folder.join("b.datlake"), "b").unwrap();
    machine.fails(2, &["b.datlake"], &["add", "-r", "--each", "photos", "x"]);
    assert_eq!(machine.ok(&["ls"]), "");
    machine.ok(&["add", "--copy", "file", "x"]);
    assert!(file.exists());
}

#[test]
fn a_file_that_changes_while_it_is_added_is_not_added() {
    let machine = Machine::new();
    let source = machine.write("growing", &"x".repeat(32 << 20));
    // It grows as long as anybody reads it.
    let mut growing = machine.command(&["add", source.to_str().unwrap(), "a"]);
    let mut reader = growing.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut end = fs::OpenOptions::new().append(true).open(&source).unwrap();
    while reader.try_wait().unwrap().is_none() {
        std::io::Write::write_all(&mut end, b"more").unwrap();
    }
    check_failure(&ran(reader.wait_with_output().unwrap()), 2, &["it changed while it was read; try again"]);
    machine.fails(1, &["no file `a`"], &["cat", "a"]);
}

#[test]
fn what_a_lake_cannot_have_is_left_out_when_that_is_asked_for_and_reported() {
    let machine = Machine::new();
    machine.write("work/data/a.txt", "a");
    let script = machine.write("work/data/run", "#!/bin/sh\n");
    fs::set_permissions(script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::create_dir(machine.path("work/data/empty")).unwrap();
    machine.write("work/data/back\\slash", "");
    let pipe = machine.path("work/data/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    drop(Lake::builder().home(machine.path("work/data/lake")).open().unwrap());
    machine.fails(2, &["2 things in it", "data/back", "data/pipe", "--skip-unusable"], &["add", "-r", "data", "data"]);
    let added = machine.run(&["add", "-r", "--skip-unusable", "data", "data"]);
    assert_eq!((added.status, &*added.out), (0, "added data (2 files, 11 B)\n"), "{}", added.err);
    for part in ["data/lake: it is a lake", "data/pipe: left out", "data/back"] {
        assert!(added.err.contains(part), "{}", added.err);
    }
    machine.fails(2, &["data/lake", "is a lake itself"], &["add", "-r", "data/lake", "lake"]);
    // Nothing is read of what could not be removed.
    machine.fails(2, &["data/pipe", "cannot be moved"], &["add", "--move", "data/pipe", "pipe"]);
    machine.fails(2, &["/dev/zero", "it is a device"], &["add", "/dev/zero", "zero"]);
    machine.fails(2, &["main@3f9a:a", "kept for commits"], &["add", "data/a.txt", "main@3f9a:a"]);
}

#[test]
fn what_is_moved_from_one_of_two_names_stays_as_it_was_under_the_other() {
    let machine = Machine::new();
    let source = machine.write("work/a.txt", "some");
    let other = machine.path("work/other.txt");
    fs::hard_link(&source, &other).unwrap();
    let before = other.metadata().unwrap();
    machine.ok(&["add", "--move", "a.txt", "a.txt"]);
    let after = other.metadata().unwrap();
    assert!(!source.exists());
    assert_eq!((before.permissions(), before.modified().unwrap()), (after.permissions(), after.modified().unwrap()));
    fs::write(&other, "SOME").unwrap();
    assert_eq!(machine.ok(&["cat", "a.txt"]), "some");
}

#[test]
fn a_pipe_is_added_to_its_end() {
    let machine = Machine::new();
    let pipe = machine.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let to = pipe.clone();
    let writer = std::thread::spawn(move || fs::write(to, "once"));
    assert_eq!(machine.ok(&["add", pipe.to_str().unwrap(), "pipe"]), "added pipe (4 B)\n");
    writer.join().unwrap().unwrap();
    assert_eq!(machine.ok(&["cat", "pipe"]), "once");
}

#[test]
fn a_file_whose_name_is_not_utf_8_is_added_under_another() {
    use std::os::unix::ffi::OsStrExt as _;
    let machine = Machine::new();
    machine.write("work/plain", "x");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
    fs::rename(machine.path("work/plain"), machine.path("work").join(name)).unwrap();
    let add = |uid: &str| ran(machine.command(&["add"]).arg(name).arg(uid).output().unwrap());
    let says = [r"`caf\xe9.txt` cannot keep its name in `texts/`: it is not UTF-8", "give the whole UID"];
    check_failure(&add("texts/"), 2, &says);
    assert_eq!(add("texts/cafe.txt").out, "added texts/cafe.txt (1 B)\n");
    assert_eq!(machine.ok(&["cat", "texts/cafe.txt"]), "x");
}

#[test]
fn nothing_on_standard_input_is_no_file_unless_that_is_said() {
    let machine = Machine::new();
    // Nobody writes to it: it is closed, or empty.
    machine.fails(2, &["standard input was empty, so `a` was not added", "--empty"], &["add", "-", "a"]);
    assert!(!machine.lake().exists("a").unwrap());
    assert_eq!(machine.ok(&["add", "--empty", "-", "a"]), "added a (0 B)\n");
    assert_eq!(machine.feed(&["add", "--empty", "-", "b"], "some").status, 0);
    assert_eq!(machine.ok(&["cat", "a", "b"]), "some");
}
