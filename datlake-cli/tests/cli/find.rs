//! `datlake find`, and calls as tables

use insta::assert_json_snapshot;

use crate::pipeline;
use crate::support::{Machine, Ran, ran};

/// The cells of a table that say nothing of when a call was made and how long it took.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).skip(3).collect())
        .collect()
}

#[test]
fn calls_are_found_by_what_is_known_of_them() {
    let (machine, made) = Machine::prepared();
    let copy = machine.write("copy of a file.txt", &made.count.read_to_string().unwrap());
    let found = |arguments: &[&str]| machine.ok(&[&["find"], arguments].concat());
    assert_eq!(found(&[]).matches("/cli::pipeline::").count(), 4);
    assert_eq!(found(&["word_count", "-p", "min_len>=4"]).matches("::word_count/").count(), 2);
    assert_eq!(found(&["--made-from", "corpora/snark.txt", "compare"]).matches("::compare/").count(), 1);
    assert!(found(&["--file", copy.to_str().unwrap()]).contains("::word_count/"));
    let table = found(&["word_count", "--sort", "corpus", "--table"]);
    let rows = rows(&table);
    assert_eq!(rows[0], ["corpus", "min_len", "token", "value"]);
    assert_eq!(rows[1], ["corpora/alice.txt", "4", "(secret)", "count.txt"]);
    assert_eq!(rows[2], ["corpora/snark.txt", "4", "(secret)", "count.txt"]);
    let rows = found(&["--made-from", "corpora/snark.txt", "--table"]);
    assert!(
        rows.contains("\ncompare/") && rows.contains("\nword_count/"),
        "of several creators, they are named: {rows}"
    );
    assert_json_snapshot!("find", machine.json(&["find", "compare"]));
    let other = machine.write("other.txt", "no such content");
    for absent in [
        &["--file", other.to_str().unwrap()][..],
        &["--since", "2099-01-01"],
        &["word_count", "-p", "min_len=5"],
        &["--until", "9999y"],
    ] {
        let ran = machine.run(&[&["find"], absent].concat());
        assert_eq!((ran.status, &*ran.out), (1, ""), "{absent:?}: {}", ran.err);
    }
    machine.fails(2, &["cannot read `nothing.txt`"], &["find", "--file", "nothing.txt"]);
    let ran = machine.run(&["find", "word_count", "-p", "token=hunter2"]);
    assert!(ran.status == 1 && ran.err.contains("2 calls cannot be compared"), "{}", ran.err);
}

#[test]
fn a_file_that_was_added_is_found_by_its_content() {
    let (machine, _) = Machine::prepared();
    let alice = machine.write("alice.txt", "down the rabbit hole");
    let found = machine.ok(&["find", "--file", alice.to_str().unwrap()]);
    assert!(found.contains("corpora/alice.txt") && found.contains("::split/"), "{found}");
}

#[test]
fn calls_are_rows_with_parameters_and_values_as_columns() {
    let machine = Machine::new();
    let lake = machine.lake();
    let current = lake.enter();
    for (name, content) in [("a, \"b\".txt", "7 bytes"), ("c.txt", "4444")] {
        pipeline::length(&lake.add_bytes(name, content).unwrap()).unwrap();
    }
    drop(current);
    let table = machine.ok(&["find", "length", "--sort", "value", "--table"]);
    assert_eq!(rows(&table), [["text", "value"], ["c.txt", "4"], ["a, \"b\".txt", "7"]]);
    let csv = machine.ok(&["calls", "length", "--csv"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "call,started,took_ms,text,value");
    assert!(
        lines[2].starts_with("@datlake-cli/cli::pipeline::length/") && lines[2].ends_with(",\"a, \"\"b\"\".txt\",7"),
        "{csv}"
    );
    assert_eq!(csv, machine.ok(&["find", "length", "--csv"]));
    assert_eq!(machine.ok(&["calls", "--since", "9999y", "--csv"]), csv, "before there was time");
    assert_eq!(Machine::new().ok(&["calls", "--table"]), "");
}

fn ran_of(machine: &Machine, arguments: &[&str]) -> Ran {
    ran(machine.around("sh", arguments).output().unwrap())
}

/// What the index cannot take, as on a full disk, the answer does without.
#[test]
fn a_question_is_answered_where_the_index_cannot_be_written() {
    let (machine, _) = Machine::prepared();
    let found = machine.ok(&["find", "word_count", "-p", "min_len>=4"]);
    assert_eq!(found, machine.ok(&["find", "word_count", "-p", "min_len>=4", "--anew"]));
    datlake_index::forget(&machine.lake()).unwrap();
    let limited = ["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_datlake")];
    let asked = [&limited[..], &["find", "word_count", "-p", "min_len>=4"]].concat();
    let ran = ran_of(&machine, &asked);
    assert_eq!((ran.status, &*ran.out), (0, &*found), "{}", ran.err);
    assert!(ran.err.contains("every record was read, since the index of calls cannot be used"), "{}", ran.err);
    // A creator's latest calls, as its lineage shows them, are those that the index names.
    let lineage = ["lineage", "word_count", "--up", "1"];
    let asked = ran_of(&machine, &[&limited[..], &lineage].concat());
    assert!(asked.err.contains("every record was read, since the index of calls cannot be used"), "{}", asked.err);
    assert_eq!((asked.status, asked.out), (0, machine.ok(&lineage)));
}

#[test]
fn several_commands_may_ask_at_once() {
    let (machine, _) = Machine::prepared();
    let ask = || machine.run(&["find", "--json"]);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for ran in answers {
        assert_eq!((ran.status, &*ran.err), (0, ""));
        assert_eq!(ran.out.matches("\"key\"").count(), 4);
    }
}
