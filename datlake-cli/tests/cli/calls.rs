//! `datlake calls`, `datlake lineage`

use insta::{assert_json_snapshot, assert_snapshot};

use crate::support::Machine;

#[test]
fn what_ran() {
    let (machine, _) = Machine::prepared();
    assert_eq!(machine.ok(&["calls"]).matches("/cli::pipeline::").count(), 4);
    assert_eq!(machine.ok(&["calls", "word_count"]).matches("::word_count/").count(), 2);
    assert_snapshot!("calls_60", machine.shown(60, &["calls", "pipeline::compare"]));
    assert_snapshot!("calls_100", machine.shown(100, &["calls", "split"]));
    assert_json_snapshot!("calls", machine.json(&["calls", "datlake-cli/cli::pipeline::compare"]));
    assert_eq!(Machine::new().ok(&["calls"]), "");
}

/// Being skipped moves no call up.
#[test]
fn the_latest_made_is_first() {
    let (machine, _) = Machine::prepared();
    let calls = || machine.json(&["calls"]).as_array().unwrap().clone();
    let times: Vec<String> = calls().iter().map(|call| call["started_at"].as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let before: Vec<_> = calls().iter().map(|call| call["key"].clone()).collect();
    crate::pipeline::run(&machine.lake());
    assert_eq!(calls().iter().map(|call| call["key"].clone()).collect::<Vec<_>>(), before);
    assert!(calls().last().unwrap()["history"][0]["outcome"] == "hit", "{:#}", calls().last().unwrap());
}

#[test]
fn an_unknown_creator_is_answered_with_the_nearest() {
    let (machine, _) = Machine::prepared();
    let says = ["no call of a creator `wordcount`", "`datlake-cli/cli::pipeline::word_count`"];
    machine.fails(1, &says, &["calls", "wordcount"]);
}

#[test]
fn a_damaged_record_hides_its_own_call_only() {
    let (machine, made) = Machine::prepared();
    let uid = made.count.uid().unwrap().as_str();
    let (call, _) = uid.trim_start_matches('@').rsplit_once('/').unwrap();
    let record = machine.home().join("calls").join(format!("{call}.datlake"));
    std::fs::remove_file(&record).unwrap();
    std::fs::write(&record, "{}").unwrap();
    let ran = machine.run(&["calls", "word_count"]);
    assert_eq!((ran.status, ran.out.matches("::word_count/").count()), (2, 1), "{}", ran.err);
    assert!(ran.err.contains(&format!("{call} cannot be shown")), "{}", ran.err);
    assert_eq!(machine.damaged(&["calls", "word_count"]), [call]);
    let ran = machine.run(&["lineage", "word_count", "--json"]);
    let graph: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.status, graph["damaged"].as_array().unwrap().len()), (2, 1));
    assert_eq!((&graph["damaged"][0]["what"], graph["asked"].as_array().unwrap().len()), (&call.into(), 1));
}

#[test]
fn what_a_file_was_made_from() {
    let (machine, made) = Machine::prepared();
    assert_snapshot!("lineage_60", machine.shown(60, &["lineage", "reports/which.txt"]));
    assert_snapshot!("lineage_100", machine.shown(100, &["lineage", "reports/which.txt"]));
    assert_json_snapshot!("lineage", machine.json(&["lineage", made.count.uid().unwrap().as_str()]));
    assert_eq!(machine.ok(&["lineage", "--up", "corpora/alice.txt"]).lines().count(), 2);
    let near = machine.ok(&["lineage", "--depth", "1", "reports/which.txt"]);
    assert!(!near.contains("corpora") && near.contains("There is more above"), "{near}");
    machine.fails(1, &["no file `reports/witch.txt`"], &["lineage", "reports/witch.txt"]);
}

#[test]
fn what_was_made_from_a_file() {
    let (machine, _) = Machine::prepared();
    assert_snapshot!("lineage_both_60", machine.shown(60, &["lineage", "corpora/snark.txt"]));
    assert_snapshot!("lineage_down_100", machine.shown(100, &["lineage", "--down", "corpora/snark.txt"]));
    assert_json_snapshot!("lineage_down", machine.json(&["lineage", "--down", "corpora/snark.txt"]));
    assert_eq!(machine.ok(&["lineage", "--down", "reports/which.txt"]), "Nothing was made from it.\n");
    let near = machine.ok(&["lineage", "--down", "--depth", "1", "corpora/snark.txt"]);
    assert!(!near.contains("which.txt") && near.contains("1 call was not looked at"), "{near}");
    assert_eq!(machine.run(&["lineage", "--up", "--down", "corpora/snark.txt"]).status, 2);
}

#[test]
fn a_file_that_very_many_calls_read() {
    let machine = Machine::new();
    let lake = machine.lake();
    let given = lake.add_bytes("given.txt", b"given").unwrap();
    let _current = lake.enter();
    for n in 0..40 {
        crate::pipeline::copy(&given, n).unwrap();
    }
    let shown = machine.ok(&["lineage", "--down", "-n", "15", "given.txt"]);
    assert!(shown.matches("pipeline::copy/").count() == 15 && shown.contains("25 calls were not looked at"), "{shown}");
    assert_eq!(machine.json(&["lineage", "--down", "-n", "15", "given.txt"])["left_out"], 25);
    // The same bytes under another name are another file.
    let twin = lake.add_bytes("twin.txt", b"given").unwrap();
    crate::pipeline::copy(&twin, 0).unwrap();
    for (uid, count) in [("given.txt", 40), ("twin.txt", 1)] {
        assert_eq!(machine.ok(&["lineage", "--down", uid]).matches("pipeline::copy/").count(), count);
    }
}

#[test]
fn what_is_gone_or_replaced_says_so() {
    let (machine, _) = Machine::prepared();
    machine.lake().remove("corpora/alice.txt").unwrap();
    machine.lake().remove("corpora/snark.txt").unwrap();
    machine.lake().add_bytes("corpora/snark.txt", b"other").unwrap();
    let shown = machine.ok(&["lineage", "reports/which.txt"]);
    assert!(shown.contains("removed since") && shown.contains("replaced since"), "{shown}");
}

#[test]
fn what_was_used_twice_is_shown_once() {
    let machine = Machine::new();
    let twice = crate::pipeline::twice(&machine.lake());
    let shown = machine.ok(&["lineage", twice.uid().unwrap().as_str()]);
    assert_eq!((shown.matches("count.txt (see above)").count(), shown.matches("corpora/alice.txt").count()), (1, 1));
}
