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
}

#[test]
fn what_a_file_was_made_from() {
    let (machine, made) = Machine::prepared();
    assert_snapshot!("lineage_60", machine.shown(60, &["lineage", "reports/which.txt"]));
    assert_snapshot!("lineage_100", machine.shown(100, &["lineage", "reports/which.txt"]));
    assert_json_snapshot!("lineage", machine.json(&["lineage", made.count.uid().unwrap().as_str()]));
    assert_eq!(machine.ok(&["lineage", "corpora/alice.txt"]).lines().count(), 2);
    let near = machine.ok(&["lineage", "--depth", "1", "reports/which.txt"]);
    assert!(!near.contains("corpora") && near.contains("There is more above"), "{near}");
    machine.fails(1, &["no file `reports/witch.txt`"], &["lineage", "reports/witch.txt"]);
}

#[test]
fn what_is_gone_or_replaced_says_so() {
    let (machine, _) = Machine::prepared();
    machine.ok(&["rm", "--yes", "corpora/alice.txt", "corpora/snark.txt"]);
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
