//! `datlake runs`, and what `datlake calls` says of them

use std::process::Stdio;

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::Value;

use crate::pipeline;
use crate::support::{Machine, ran};

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
fn what_is_shown_of_history_is_plain_in_pipes_and_where_nobody_wants_colours() {
    let machine = twice();
    let commands = [
        &["runs"][..],
        &["calls"],
        &["lineage", "corpora/alice.txt"],
        &["lineage", "--down", "corpora/alice.txt"],
        &["explain", "reports/which.txt"],
    ];
    for command in commands {
        assert!(!machine.ok(command).contains('\u{1b}'), "{command:?}");
        assert!(machine.ok(&[command, &["--color", "always"]].concat()).contains('\u{1b}'), "{command:?}");
        // A terminal, and somebody on it who wants no colours.
        let shown = |variable: &str| {
            let typed = format!("datlake {}", command.join(" "));
            let mut terminal = machine.around("script", &["-qec", &typed, "/dev/null"]);
            ran(terminal.env("TERM", "xterm").env(variable, "1").output().unwrap()).out
        };
        assert!(shown("SOME_COLOR").contains('\u{1b}') && !shown("NO_COLOR").contains('\u{1b}'), "{command:?}");
        // A reader that has seen enough before it saw anything.
        let mut child = machine.command(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = ran(child.wait_with_output().unwrap());
        assert_eq!((ended.status, &*ended.err), (0, ""), "{command:?}");
    }
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
fn two_runs_side_by_side() {
    let machine = twice();
    let runs: Vec<Value> = serde_json::from_str(&machine.ok(&["runs", "--json"])).unwrap();
    let runs: Vec<String> = runs.iter().map(|run| format!("run:{}", run["run"].as_str().unwrap())).collect();
    let [now, was] = &runs[..] else { panic!("{runs:?}") };
    let shown = machine.ok(&["diff", was, now]);
    for (name, times) in [("compare", 1), ("split", 1), ("word_count", 2)] {
        let line = shown.lines().find(|line| line.contains(&format!("::{name}: "))).unwrap_or_default();
        // How long it took is said where it took anything.
        let (was, now) = line.split_once(" → ").unwrap_or_default();
        assert!(was.contains(&format!(": {times} ran")) && now == format!("{times} skipped"), "{shown}");
    }
    assert!(!shown.contains("datlake explain"), "{shown}");
    let answer = machine.json(&["diff", was, now]);
    let (skipped, ran) = (answer["now"]["skipped"].as_u64().unwrap(), answer["was"]["ran"].as_u64().unwrap());
    assert_eq!((skipped > 0, ran > 0, answer["now"]["ran"].as_u64()), (true, true, Some(0)));
    let calls = answer["calls"].as_array().unwrap();
    assert!(calls.iter().all(|call| call["was"] == "executed" && call["now"] == "hit"), "{answer}");
    // The other way round each has a line, and what to do next.
    let back = machine.ok(&["diff", now, was]);
    assert_eq!(
        (back.matches(": skipped → ran").count(), back.matches("datlake explain").count()),
        (calls.len(), 1),
        "{back}"
    );
    // A run with itself.
    let same = machine.json(&["diff", now, now]);
    assert_eq!((same["calls"].as_array().unwrap().len(), same["alike"].as_u64().unwrap() > 0), (0, true));
    assert_eq!(machine.ok(&["info", now]), machine.ok(&["runs", now]));
    let alone = machine.run(&["diff", now]);
    assert!(alone.status == 2 && alone.err.contains("nothing is there to compare"), "{}", alone.err);
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
    assert_eq!(machine.damaged(&["runs"]), [format!("run {}", "f".repeat(32))]);
}

#[test]
fn what_failed_is_shown_with_its_arguments_and_its_error() {
    let machine = twice();
    pipeline::fail(&machine.lake());
    let failed = machine.ok(&["calls", "--failed"]);
    assert!(failed.contains("parsed/") && failed.contains("text = \"many\", token (secret)"), "{failed}");
    assert!(failed.contains("! invalid digit found in string") && !failed.contains("hunter2"), "{failed}");
    assert_eq!(failed.matches("not in the lake").count(), 1, "{failed}");
    let json = machine.json(&["calls", "--failed", "--since", "1d", "--limit", "5"]);
    assert_eq!(json[0]["history"][0]["failure"]["params"][0]["value"], "many");
    assert_eq!(machine.ok(&["calls", "-n", "1"]).lines().filter(|line| !line.starts_with(' ')).count(), 1);
    let runs = machine.ok(&["runs", "--limit", "1"]);
    let run = machine.ok(&["runs", runs.split(' ').next().unwrap()]);
    assert!(run.contains("! invalid digit found in string"), "{run}");
}
