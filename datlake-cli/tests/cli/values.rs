//! Calls that return values: as first class as files are.

use serde_json::Value;

use crate::pipeline;
use crate::support::Machine;

const RATES: [f64; 2] = [0.1, 0.3];

fn prepared() -> (Machine, String) {
    let machine = Machine::new();
    let call = pipeline::through_values(&machine.lake(), &RATES);
    (machine, call)
}

const TABLE: &str = "name    rate  score\nat 0.1  0.1   0.2857142857142857\nat 0.3  0.3   0.8571428571428571\n";

#[test]
fn a_call_shows_what_it_returned() {
    let (machine, call) = prepared();
    // Abbreviated, as commands show it.
    let short = &call[..call.len() - 55];
    let text = machine.ok(&["info", short]);
    assert!(text.contains(TABLE) && text.contains("corpora/alice.txt") && text.contains("rates = [0.1,0.3]"), "{text}");
    let json = machine.json(&["info", &call]);
    assert_eq!(json["value"]["json"][1]["rate"], 0.3);
    assert_eq!(json["call"]["inputs"][0]["uid"], "corpora/alice.txt");
    assert_eq!(json["value"]["not_shown"], Value::Null);

    let whole: Value = serde_json::from_str(&machine.ok(&["cat", &call])).unwrap();
    assert_eq!(whole, json["value"]["json"]);
    machine.ok(&["get", &call, machine.path("out.json").to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(machine.path("out.json")).unwrap(), machine.ok(&["cat", short]));
    let said = machine.ok(&["get", &call, machine.path(".").to_str().unwrap()]);
    assert!(said.contains("train.json"), "{said}");

    let calls = machine.ok(&["calls", "train"]);
    assert!(calls.contains("→ [{\"name\":\"at 0.1\""), "{calls}");
    assert_eq!(machine.json(&["calls", "train"])[0]["value"], json["value"]["json"]);
    assert!(machine.ok(&["explain", &call]).contains("No earlier call"));
    assert!(machine.ok(&["repair", &call]).contains("nothing") || machine.run(&["repair", &call]).status == 0);
}

#[test]
fn large_values_are_cut_and_that_is_said() {
    let machine = Machine::new();
    let rates: Vec<f64> = (0..3000).map(|n| f64::from(n) / 7.0).collect();
    let call = pipeline::through_values(&machine.lake(), &rates);
    let text = machine.ok(&["info", &call]);
    assert!(text.contains("… and 2980 more rows: `datlake cat` writes all of it"), "{text}");
    let whole: Vec<Value> = serde_json::from_str(&machine.ok(&["cat", &call])).unwrap();
    assert_eq!((whole.len(), &whole[2999]["name"]), (3000, &format!("at {}", 2999.0 / 7.0).into()));
    assert!(machine.json(&["calls", "train"])[0]["value"]["$large"].is_object());
}

#[test]
fn lineage_goes_both_ways_through_values() {
    let (machine, call) = prepared();
    let up = machine.ok(&["lineage", "--up", "reports/scores.txt"]);
    let lines: Vec<&str> = up.lines().collect();
    // Of small parameters nobody asks where they came from.
    assert!(lines[0] == "reports/scores.txt" && !up.contains("no known call"), "{up}");
    assert!(up.contains("└─ train (a value)") && up.contains("└─ corpora/alice.txt"), "{up}");
    assert!(machine.ok(&["lineage", "--up", &call]).starts_with("train (a value)\n"));
    let down = machine.ok(&["lineage", "--down", "corpora/alice.txt"]);
    assert!(down.starts_with("└─ train (a value)\n") && down.contains("└─ reports/scores.txt"), "{down}");
    assert!(machine.ok(&["lineage", "--down", &call]).starts_with("└─ reports/scores.txt"));
    let info = machine.ok(&["info", "reports/scores.txt"]);
    assert!(info.contains("rows · a value") && !info.contains("a value of no known call"), "{info}");
    assert_eq!(machine.json(&["info", "reports/scores.txt"])["created_by"]["values"][0]["argument"], "rows");
}

#[test]
fn a_value_that_went_on_is_a_data_set_to_openlineage_and_news_to_prov() {
    let (machine, call) = prepared();
    let events = machine.ok(&["lineage", "reports/scores.txt", "--format", "openlineage"]);
    let names = |job: &str, role: &str| {
        let event = events.lines().find(|line| line.contains("COMPLETE") && line.contains(job)).unwrap();
        let event: Value = serde_json::from_str(event).unwrap();
        event[role].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let value = names("pipeline::train\"", "outputs");
    assert!(value.len() == 1 && value[0].starts_with(&call), "{events}");
    assert_eq!(names("pipeline::table\"", "inputs"), value);
    let prov: Value =
        serde_json::from_str(&machine.ok(&["lineage", "reports/scores.txt", "--format", "prov"])).unwrap();
    let informed = prov["wasInformedBy"].as_object().unwrap().values().next().unwrap();
    assert_eq!(informed["prov:informant"], format!("lake:{}", value[0]));
}

#[test]
fn removing_sees_what_was_made_from_a_value_and_says_what_went() {
    let (machine, call) = prepared();
    let short = &call[..call.len() - 55];
    let ran = machine.run(&["rm", "--yes", short]);
    assert!(
        ran.status == 2 && ran.err.contains("cannot remove `@datlake-cli/") && ran.err.contains("pipeline::table/")
    );
    let removed = machine.ok(&["rm", "--yes", "--cascade", short]);
    assert!(removed.starts_with("removed reports/scores.txt\nremoved ") && removed.contains("train/"), "{removed}");
    assert!(removed.ends_with("(a value, no files)\n"), "{removed}");
    machine.fails(1, &["no call"], &["info", short]);
}

#[test]
fn a_call_without_files_says_so() {
    let (machine, call) = prepared();
    for command in ["info", "cat", "get", "path"] {
        machine.fails(1, &["returned a value, and no file", "datlake info @"], &[command, &format!("{call}/0")]);
    }
    machine.fails(1, &["returned one file"], &["info", &format!("{}/3", table(&machine))]);
}

fn table(machine: &Machine) -> String {
    let lineage = machine.lake().file("reports/scores.txt").unwrap().lineage().unwrap();
    let call = lineage.call().unwrap();
    format!("@{}/{}", call.creator, call.key)
}
