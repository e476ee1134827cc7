//! Whatever is wrong with the index, what is asked is answered; and what is new is all that is read.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use datlake::{CallQuery, Lake, Result, file_creator};
use rusqlite::Connection;

#[file_creator(closure = "own")]
fn double(n: u64) -> Result<u64> {
    Ok(2 * n)
}

/// A lake of six calls, which an index knows.
fn indexed(home: &Path) -> Lake {
    let lake = Lake::builder().home(home).email("ada@example.com").open().unwrap();
    make(&lake, 0..6);
    assert_eq!(notes(&lake), Vec::<String>::new());
    lake
}

fn make(lake: &Lake, numbers: std::ops::Range<u64>) {
    let _current = lake.enter();
    numbers.for_each(|n| assert_eq!(double(n).unwrap(), 2 * n));
}

fn file(lake: &Lake) -> PathBuf {
    lake.home().join("index/calls.sqlite")
}

/// The notes about the index, while the answer is that of a scan.
fn notes(lake: &Lake) -> Vec<String> {
    let mut said = Vec::new();
    for query in ["n>=3", "n!=1", "n=x", "nothing=1"] {
        let query = CallQuery::default().creator("double").param(query.parse().unwrap()).limit(2);
        let answer = datlake_index::find_calls_waiting(lake, &query, Duration::from_millis(50)).unwrap();
        assert_eq!(answer.found, lake.find_calls(&query).unwrap());
        said.extend(answer.notes);
    }
    said.dedup();
    said
}

fn check(spoil: impl Fn(&Path), expected: &[&str], expected_then: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let lake = indexed(&home.path().join("lake"));
    spoil(&file(&lake));
    let matches = |said: Vec<String>, expected: &[&str]| {
        assert_eq!(said.len(), expected.len(), "{said:?}");
        said.iter().zip(expected).for_each(|(said, expected)| assert!(said.contains(expected), "{said}"));
    };
    matches(notes(&lake), expected);
    // What came meanwhile is found, too.
    make(&lake, 6..8);
    matches(notes(&lake), expected_then);
}

const ANEW: &str = "was damaged, and was made anew";

#[test]
fn an_index_that_is_no_index_is_made_anew() {
    check(|file| std::fs::write(file, "no index".repeat(1000)).unwrap(), &[ANEW], &[]);
    check(|file| std::fs::write(file, "").unwrap(), &[], &[]);
}

#[test]
fn a_damaged_index_is_made_anew() {
    let spoil = |file: &Path| {
        let _ = std::fs::remove_file(file.with_extension("sqlite-wal"));
        let mut file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
        // Behind the head, which stays whole.
        file.seek(SeekFrom::Start(4096)).unwrap();
        file.write_all(&[0x5a; 200_000]).unwrap();
    };
    check(spoil, &[ANEW], &[]);
}

#[test]
fn an_older_index_and_one_with_other_tables_are_made_anew() {
    let older = |file: &Path| {
        let db = Connection::open(file).unwrap();
        db.execute_batch("PRAGMA user_version = 0; DROP TABLE calls; CREATE TABLE \"odd\"\"name\" (x)").unwrap();
    };
    check(older, &[], &[]);
    check(|file| Connection::open(file).unwrap().execute_batch("DROP TABLE calls").unwrap(), &[ANEW], &[]);
}

#[test]
fn a_newer_index_is_left_as_it_is() {
    const NEWER: &str = "every record was read, since the index of calls cannot be used: a newer datlake made it";
    let newer = |file: &Path| Connection::open(file).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    check(newer, &[NEWER], &[NEWER]);
}

#[test]
fn an_index_that_cannot_be_made_is_done_without() {
    let in_its_place = |file: &Path| {
        let index = file.parent().unwrap();
        std::fs::remove_dir_all(index).unwrap();
        std::fs::write(index, "a file").unwrap();
    };
    check(in_its_place, &["cannot be used"], &["cannot be used"]);
}

#[test]
fn an_index_that_cannot_be_written_is_done_without() {
    let full = |file: &Path| {
        let db = Connection::open(file).unwrap();
        db.execute_batch("CREATE TRIGGER refused BEFORE INSERT ON calls BEGIN SELECT RAISE(ABORT, 'disk'); END")
            .unwrap();
    };
    check(full, &[], &["cannot be used"]);
}

#[test]
fn who_finds_the_index_locked_reads_every_record() {
    let home = tempfile::tempdir().unwrap();
    let lake = indexed(&home.path().join("lake"));
    let other = Connection::open(file(&lake)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    make(&lake, 6..8);
    let said = notes(&lake);
    assert!(said.len() == 1 && said[0].ends_with("another process is writing to it"), "{said:?}");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(notes(&lake), Vec::<String>::new());
}

#[test]
fn several_may_bring_it_up_to_date_at_once() {
    let home = tempfile::tempdir().unwrap();
    let lake = indexed(&home.path().join("lake"));
    let all = |lake: &Lake| datlake_index::find_calls(lake, &CallQuery::default()).unwrap();
    for round in 0..5 {
        let first = 10 * (round + 1);
        std::thread::scope(|scope| {
            scope.spawn(|| make(&lake, first..first + 10));
            for _ in 0..3 {
                scope.spawn(|| assert_eq!(all(&lake).notes, Vec::<String>::new()));
            }
        });
        let answer = all(&lake);
        assert_eq!(answer.found.calls.len(), 6 + 10 * (usize::try_from(round).unwrap() + 1));
        assert_eq!(answer.notes, Vec::<String>::new());
    }
}

#[test]
fn what_is_new_is_read_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let lake = indexed(&home.path().join("lake"));
    let marks = || std::fs::read_dir(lake.home().join("index/new")).unwrap().count();
    let rows = || -> Vec<(i64, Vec<u8>)> {
        let db = Connection::open(file(&lake)).unwrap();
        let mut rows = db.prepare("SELECT id, key FROM calls ORDER BY id").unwrap();
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(std::result::Result::unwrap).collect()
    };
    let before = rows();
    make(&lake, 6..8);
    assert_eq!(marks(), 2);
    assert_eq!(notes(&lake), Vec::<String>::new());
    assert_eq!(marks(), 0);
    let after = rows();
    assert_eq!((after.len(), &after[..6]), (8, &before[..]), "what was known was written anew");
    // What was removed is forgotten, with what the index had of it.
    let call = &lake.history(None).unwrap().calls[0];
    lake.remove(&format!("@{}/{}/0", call.creator, call.key)).unwrap();
    assert_eq!(notes(&lake), Vec::<String>::new());
    assert_eq!(rows().len(), 7);
}
