//! `datlake runs`, and what `datlake calls` says of them

use insta::{assert_json_snapshot, assert_snapshot};

use crate::pipeline;
use crate::support::Machine;

/// A machine on which the pipeline ran, and then ran again.
fn twice() -> Machine {
    let (machine, _) = Machine::prepared();
    pipeline::run(&machine.lake());
    machine
}

#[test]
fn what_programs_did() {
    let machine = twice();
    assert_snapshot!("runs_60", machine.shown(60, &["runs"]));
    assert_snapshot!("runs_100", machine.shown(100, &["runs"]));
    assert_json_snapshot!("runs", machine.json(&["runs"]));
    assert_eq!(machine.ok(&["runs", "-n", "1"]).matches("skipped").count(), 1);
    assert_eq!((Machine::new().ok(&["runs"]).as_str(), Machine::new().ok(&["runs", "--json"]).as_str()), ("", "[]\n"));
}

#[test]
fn one_run_with_its_calls() {
    let machine = twice();
    let runs = machine.ok(&["runs"]);
    let short = runs.lines().find(|line| !line.starts_with(' ')).unwrap().split(' ').next().unwrap();
    let sorted = |shown: String| {
        let mut lines: Vec<_> = shown.lines().map(str::to_owned).collect();
        // What was found stands in no particular order.
        lines[4..].sort();
        lines.join("\n")
    };
    assert_snapshot!("run_100", sorted(machine.shown(100, &["runs", short])));
    assert!(machine.json(&["runs", short])["calls"].as_array().unwrap().len() == 4);
    let absent = machine.run(&["runs", "ffff"]);
    assert_eq!((absent.status, absent.out.as_str()), (1, ""));
    assert!(absent.err.contains("no run `ffff`") && absent.err.contains("`datlake runs`"), "{}", absent.err);
}

#[test]
fn calls_tell_what_became_of_them_since() {
    let machine = twice();
    assert_snapshot!("calls_since_60", machine.shown(60, &["calls", "split"]));
    // Of a call that is gone its runs still tell.
    machine.ok(&["rm", "--yes", "reports/which.txt"]);
    assert_snapshot!("calls_gone_100", machine.shown(100, &["calls", "compare"]));
}

#[test]
fn a_damaged_run_hides_itself_only() {
    let machine = twice();
    std::fs::write(machine.home().join("runs").join(format!("{}.datlake", "f".repeat(32))), "{}\n").unwrap();
    let ran = machine.run(&["runs"]);
    assert_eq!((ran.status, ran.out.matches("skipped").count()), (2, 2), "{}", ran.err);
    assert!(ran.err.contains("cannot be shown") && ran.err.contains("is damaged"), "{}", ran.err);
}
