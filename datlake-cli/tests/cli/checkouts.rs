//! `datlake checkout`, and what `commit` and `diff` do in a folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use datlake::ChangeSet;

use crate::support::{Machine, files_in, ran};

/// How many files the sample has.
const FILES: usize = 600;

/// How many files are in a folder, but what the working copy knows of itself.
fn files(folder: &Path) -> usize {
    files_in(folder).iter().filter(|path| !path.starts_with(".datlake-checkout/")).count()
}

/// Starts a checkout, and kills it once `is_time` says so.
fn killed(machine: &Machine, reference: &str, is_time: impl Fn(&Path) -> bool) {
    let folder = machine.path("work/folder");
    let mut child = machine.command(&["checkout", reference, "folder"]).spawn().unwrap();
    while !is_time(&folder) && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn thousands_of_files_are_whole_however_often_a_checkout_is_killed() {
    let machine = Machine::new();
    let main = machine.lake().new_repository("many").create().unwrap().default_branch();
    let path = |n: usize| format!("{:02}/{n}", n % 100);
    let all = |text: &str| (0..FILES).fold(String::new(), |all, n| format!("{all}{}\t{text} {n}\n", path(n)));
    let source = machine.path("source");
    for line in all("one").lines() {
        let (path, text) = line.split_once('\t').unwrap();
        fs::create_dir_all(source.join(path).parent().unwrap()).unwrap();
        fs::write(source.join(path), text).unwrap();
    }
    main.import_folder(&datlake::LocalFolder::read(&source).unwrap(), "", "one").unwrap();
    let folder = machine.path("work/folder");
    killed(&machine, "many@main", |folder| folder.join(".datlake-checkout/checkout.json").exists());
    killed(&machine, "many@main", |folder| files(folder) > FILES / 3);
    machine.ok(&["checkout", "many@main", "folder"]);
    let read = |n: usize| fs::read_to_string(folder.join(path(n))).unwrap();
    assert!((0..FILES).all(|n| read(n) == format!("one {n}")));
    assert_eq!((files(&folder), &*machine.ok(&["diff", "folder"])), (FILES, "nothing differs\n"));

    // What was changed there, by one commit.
    let changed = (0..FILES).filter(|n| n.is_multiple_of(10));
    changed.clone().for_each(|n| fs::write(folder.join(path(n)), format!("two {n}")).unwrap());
    fs::remove_dir_all(folder.join("01")).unwrap();
    machine.ok(&["commit", "folder", "-m", "two"]);
    let tens = main.list_all("").unwrap();
    assert_eq!((tens.len(), main.read(&path(70)).unwrap()), (FILES - FILES / 100, b"two 70".to_vec()));

    // Back, with a kill in the middle, and there again.
    killed(&machine, "many@main~1", |folder| folder.join("01").exists());
    machine.fails(
        2,
        &["its last checkout did not end", "datlake checkout many@main~1 folder"],
        &["commit", "folder", "-m", "x"],
    );
    machine.ok(&["checkout", "many@main", "folder"]);
    let two = |n: usize| format!("{} {n}", if n.is_multiple_of(10) { "two" } else { "one" });
    assert!((0..FILES).filter(|n| n % 100 != 1).all(|n| read(n) == two(n)));
    assert_eq!((files(&folder), &*machine.ok(&["diff", "folder"])), (FILES - FILES / 100, "nothing differs\n"));
}

#[test]
fn what_is_checked_out_is_said_to_people_and_programs() {
    let machine = Machine::new();
    let sales = machine.lake().new_repository("sales").create().unwrap();
    let main = sales.default_branch();
    main.commit_all("one", &ChangeSet::new().put_bytes("a", "1").put_bytes("b", "1")).unwrap();
    sales.tag("v1").create("main").unwrap();
    assert_eq!(machine.json(&["checkout", "sales@main", "folder"])["written"], 2);
    let shown = machine.ok(&["checkout", "sales@main", "folder"]);
    assert!(shown.starts_with("sales@main ") && shown.ends_with(": nothing differs\n"), "{shown}");
    machine.write("work/folder/a", "2");
    machine.write("work/folder/c", "2");
    assert_eq!(machine.ok(&["diff", "folder"]), "~ a (1 B)\n+ c (1 B)\n");
    assert_eq!(machine.json(&["diff", "folder"])["items"][1]["kind"], "added");
    assert_eq!(machine.json(&["commit", "./folder", "-m", "two"])["message"], "two");
    machine.write("work/folder/a", "3");
    machine.fails(2, &["would be lost: `a`", "--force"], &["checkout", "sales@v1", "folder"]);
    let ran = machine.run(&["checkout", "sales@v1", "folder", "--force"]);
    assert!(ran.out.ends_with(": wrote 1 file (1 B), removed 1\n"), "{}", ran.out);
    assert!(ran.err.contains("`sales@v1` is no branch"), "{}", ran.err);
    machine.write("work/folder/a", "4");
    let says =
        ["which it is of, is no branch", "datlake checkout sales@main folder", "datlake branch create sales@NAME v1"];
    machine.fails(2, &says, &["commit", "folder", "-m", "four"]);
    machine.fails(2, &["has a path"], &["checkout", "sales@main:a", "folder"]);
    machine.fails(1, &["is no working copy"], &["commit", ".", "-m", "x"]);
    machine.fails(1, &["no branch, tag or commit `none`"], &["checkout", "sales@none", "other"]);
    assert!(!machine.path("work/other").exists());
}

#[test]
fn a_checkout_says_what_it_downloaded_from_outside_of_the_lake() {
    let machine = Machine::new();
    machine.lake().new_repository("sales").create().unwrap();
    machine.write("exports/a.csv", "x,1\n");
    let url = format!("file://{}", machine.path("exports").display());
    let run = |args: &[&str]| ran(machine.command(args).env("DATLAKE_READ_FROM", &url).output().unwrap());
    assert_eq!(run(&["import", "--in-place", &url, "sales@main:raw/", "-m", "exports"]).status, 0);
    machine.fails(
        2,
        &["cannot check out `raw/a.csv`", "may not be read", &url, "DATLAKE_READ_FROM"],
        &["checkout", "sales@main", "folder"],
    );
    let done = run(&["checkout", "sales@main", "folder"]);
    assert!(
        done.out.ends_with(": wrote 1 file (4 B), 1 of them from outside of the lake (4 B), removed 0\n"),
        "{}",
        done.out
    );
    machine.write("work/folder/raw/a.csv", "x,22\n");
    let said = format!("~ raw/a.csv (5 B), imported in place from {url}/a.csv\n");
    assert_eq!(machine.ok(&["diff", "folder"]), said);
    assert_eq!(machine.json(&["diff", "folder"])["items"][0]["outside"], "file://[folder]/exports/a.csv");
}
