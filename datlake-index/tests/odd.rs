//! Lakes as few have them: very many inputs, very long chains, names that are meant to hurt, disks without room, and records in packs.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "../../tests/mounts/mod.rs"]
#[allow(dead_code, reason = "the tests of datlake use all of it")]
mod mounts;

use std::path::Path;

use datlake::report::FoundCalls;
use datlake::{CallQuery, ErrorKind, File, Lake, Result, file_creator};
use rusqlite::Connection;

use crate::mounts::Mount;

#[file_creator(closure = "own")]
fn count(files: &[File]) -> Result<usize> {
    Ok(files.len())
}

#[file_creator(closure = "own")]
fn next(of: &File) -> Result<File> {
    let n = of.read_to_string()?.parse::<u64>().unwrap_or_default();
    File::from_bytes("next.txt", (n + 1).to_string())
}

#[file_creator(closure = "own")]
fn label(text: &str) -> Result<String> {
    Ok(text.chars().rev().collect())
}

fn lake(home: &Path) -> Lake {
    Lake::builder().home(home).email("ada@example.com").open().unwrap()
}

/// What the index finds, which a scan finds too.
fn found(lake: &Lake, query: &CallQuery) -> FoundCalls {
    let answer = datlake_index::find_calls(lake, query).unwrap();
    assert_eq!(answer.notes, Vec::<String>::new());
    assert_eq!(answer.found, lake.find_calls(query).unwrap());
    answer.found
}

/// A few, or as many as the variable says.
fn so_many(variable: &str, few: usize) -> usize {
    std::env::var(variable).ok().map_or(few, |many| many.parse().unwrap())
}

#[test]
fn a_call_of_many_inputs_is_found_by_any_of_them() {
    let many = so_many("DATLAKE_INPUTS", 100);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("parts");
    std::fs::create_dir(&folder).unwrap();
    (0..many).for_each(|n| std::fs::write(folder.join(format!("{n:05}")), n.to_string()).unwrap());
    let lake = lake(&home.path().join("lake"));
    let _current = lake.enter();
    lake.add_each("parts", &folder).unwrap();
    let files: Vec<File> = (0..many).map(|n| lake.file(&format!("parts/{n:05}")).unwrap()).collect();
    assert_eq!(count(&files).unwrap(), many);
    next(&files[0]).unwrap();
    for (from, calls) in [("parts/00000", 2), (&*format!("parts/{:05}", many - 1), 1)] {
        assert_eq!(found(&lake, &CallQuery::default().made_from(from)).calls.len(), calls, "{from}");
    }
    assert_eq!(found(&lake, &CallQuery::default().creator("count")).calls.len(), 1);
}

#[test]
fn a_long_chain_is_found_from_its_beginning() {
    let length = so_many("DATLAKE_CHAIN", 60);
    let home = tempfile::tempdir().unwrap();
    let lake = lake(&home.path().join("lake"));
    let _current = lake.enter();
    let mut last = lake.add_bytes("start.txt", "").unwrap();
    for _ in 0..length {
        last = next(&last).unwrap();
    }
    assert_eq!(found(&lake, &CallQuery::default().made_from("start.txt")).calls.len(), length);
    assert_eq!(found(&lake, &CallQuery::default().made_from("start.txt").limit(3)).calls.len(), 3);
}

#[test]
fn texts_that_are_meant_to_hurt_are_found_as_they_are() {
    let home = tempfile::tempdir().unwrap();
    let lake = lake(&home.path().join("lake"));
    let _current = lake.enter();
    let texts = [
        "<script>alert(1)</script>".to_owned(),
        "'; DROP TABLE calls; --".to_owned(),
        "\"a\" OR \"1\"=\"1\"".to_owned(),
        "two\nlines\0and\tmore".to_owned(),
        "\u{202e}txt.exe \u{feff}".to_owned(),
        "%_*?[a-z]".to_owned(),
        "x".repeat(1000),
        "é".repeat(1000),
    ];
    for text in &texts {
        label(text).unwrap();
    }
    for text in &texts {
        let is = |what: &str| CallQuery::default().param(format!("{what}={text}").parse().unwrap());
        let calls = found(&lake, &is("text")).calls;
        assert_eq!(calls.len(), 1, "{text:?}");
        assert_eq!(calls[0].value.as_ref().unwrap(), &*text.chars().rev().collect::<String>());
        // A parameter that nobody has.
        assert_eq!(found(&lake, &is("other")).calls.len(), 0, "{text:?}");
        assert!(datlake_index::find_calls(&lake, &CallQuery::default().creator(text)).is_err(), "{text:?}");
    }
}

#[test]
fn a_disk_without_room_and_one_that_is_read_only_give_the_answer_of_a_scan() {
    let Some(mount) = Mount::tmpfs("a_disk_without_room_and_one_that_is_read_only", "16m") else { return };
    let query = CallQuery::default().creator("label");
    // Each time by another lake: one that ran something has its journal open.
    let ask = || {
        let lake = lake(&mount.home());
        let answer = datlake_index::find_calls(&lake, &query).unwrap();
        assert_eq!(answer.found, lake.find_calls(&query).unwrap());
        (answer.found.calls.len(), answer.notes)
    };
    let make = |texts: std::ops::Range<usize>| {
        let lake = lake(&mount.home());
        let _current = lake.enter();
        texts.for_each(|n| drop(label(&"x".repeat(n)).unwrap()));
    };
    let empty = || std::fs::remove_file(mount.path().join("filler")).unwrap();
    let without = |(calls, notes): (usize, Vec<String>), expected| {
        assert!(calls == expected && notes.len() == 1 && notes[0].contains("cannot be used"), "{calls} {notes:?}");
    };
    make(0..300);
    mount.fill();
    without(ask(), 300);
    empty();
    assert_eq!(ask(), (300, Vec::new()));
    make(300..302);
    mount.fill();
    without(ask(), 302);
    mount.remount("ro");
    without(ask(), 302);
    mount.remount("rw");
    empty();
    assert_eq!(ask(), (302, Vec::new()));
}

#[file_creator(closure = "own", name = "one/same")]
fn one(n: u64) -> Result<u64> {
    Ok(n)
}

#[file_creator(closure = "own", name = "two/same")]
fn two(n: u64) -> Result<u64> {
    Ok(n)
}

#[test]
fn the_latest_calls_are_of_one_creator() {
    let home = tempfile::tempdir().unwrap();
    let lake = lake(&home.path().join("lake"));
    let _current = lake.enter();
    (0..20).for_each(|n| assert_eq!((one(n).unwrap(), two(n).unwrap()), (n, n)));
    let latest = |creator: &str| {
        let mut notes = Vec::new();
        let calls = datlake_index::latest_calls(&lake, creator, 5, &mut notes);
        assert_eq!(notes, Vec::<String>::new());
        calls.map(|calls| (calls.len(), calls[0].0.to_string()))
    };
    assert_eq!(latest("one/same").unwrap(), (5, "one/same".to_owned()));
    let error = latest("same").unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("several creators"), "{error}");
    assert_eq!(latest("ame").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(lake.lineage_graph("same", 1, 1, 5).unwrap_err().to_string(), error.to_string());
}

#[test]
fn calls_of_a_remote_and_of_packs_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let machine = |name: &str| {
        let remote = format!("file://{}", folder.path().join("remote").display());
        Lake::builder().home(folder.path().join(name)).remote(remote).email("ada@example.com").open().unwrap()
    };
    let (here, there) = (machine("here"), machine("there"));
    let all = |lake: &Lake| found(lake, &CallQuery::default().creator("label")).calls.len();
    let make = |lake: &Lake, texts: std::ops::Range<u64>| {
        let _current = lake.enter();
        texts.for_each(|n| drop(label(&n.to_string()).unwrap()));
    };
    make(&here, 0..100);
    {
        let _current = here.enter();
        one(7).unwrap();
    }
    here.push(&[]).unwrap();
    // Of a creator that is named in full nothing else is listed, and one that only the remote has is found by any name.
    for (creator, name, known) in [("datlake-index/odd::label", "third", 100), ("label", "fourth", 101)] {
        let other = machine(name);
        let latest = datlake_index::latest_calls(&other, creator, 3, &mut Vec::new()).unwrap();
        assert_eq!(latest.len(), 3, "{creator}");
        let db = Connection::open(other.home().join("index/calls.sqlite")).unwrap();
        let calls: i64 = db.query_row("SELECT count(*) FROM calls", [], |row| row.get(0)).unwrap();
        assert_eq!(calls, known, "{creator}");
    }
    assert_eq!((all(&here), all(&there)), (100, 100));
    // They come in packs of records to who makes them again.
    make(&there, 0..100);
    assert_eq!(all(&there), 100);
    make(&there, 100..110);
    assert_eq!((all(&here), all(&there)), (110, 110));
    let gone = &there.history(None).unwrap().calls[0];
    there.remove(&format!("@{}/{}/0", gone.creator, gone.key)).unwrap();
    // A process asks once what was removed.
    assert_eq!((all(&machine("here")), all(&there)), (109, 109));
}
