//! `datlake check`: calls that their program makes again. The program is this test's own executable; with a file `salt` in its folder
//! some of its functions do something else than before.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use datlake::{Error, ErrorKind, File, Result, Tree, file_creator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::support::{Machine, Ran, ran};

const STEP: &str = "DATLAKE_TEST_CHECK";

fn salt() -> bool {
    Path::new("salt").exists()
}

#[derive(Serialize, Deserialize)]
struct Options {
    rate: f64,
    limits: (u8, Option<i64>),
    names: Vec<String>,
}

/// Whatever an argument can be that a record gives back.
#[file_creator(closure = "own")]
fn stable(n: u64, text: &str, names: &[&str], options: &Options, from: &File, ratio: f64) -> Result<File> {
    let what = format!("{n} {text} {names:?} {} {:?} {}", options.rate, options.limits, options.names.len());
    File::from_bytes("stable.txt", format!("{what} {ratio} {}", from.read_to_string()?))
}

#[file_creator(closure = "own")]
fn table(rows: u64) -> Result<File> {
    let mut out = File::create("table.csv")?;
    for row in 0..rows {
        writeln!(out, "{row},{}", if salt() && row == 7 { -1 } else { 1 })?;
    }
    out.finish()
}

#[file_creator(closure = "own")]
fn folder(files: u64) -> Result<Tree> {
    let mut tree = Tree::create("folder")?;
    for n in 0..files {
        let content = if salt() && n == 3 { "b" } else { "a" };
        tree.add_bytes(&format!("part{n}.txt"), format!("{n} {content}"))?;
    }
    tree.finish()
}

#[derive(Serialize, Deserialize)]
struct Score {
    mean: f64,
    parts: Vec<u64>,
}

#[file_creator(closure = "own")]
fn score(seed: u64) -> Result<Score> {
    Ok(Score { mean: 0.1 + 0.2, parts: vec![1, 2, if salt() { seed + 1 } else { seed }] })
}

/// More than a record holds.
#[file_creator(closure = "own")]
fn numbers(n: u64) -> Result<Vec<u64>> {
    Ok((0..n).map(|n| n * 1_000_003).collect())
}

#[file_creator(closure = "own")]
fn sum(numbers: &[u64]) -> Result<u64> {
    Ok(numbers.iter().sum())
}

#[file_creator(closure = "own", depends_on(table))]
fn lines(rows: u64) -> Result<usize> {
    // Found as it was recorded, whatever it would make now.
    Ok(table(rows)?.read_to_string()?.matches("-1").count())
}

#[file_creator(closure = "own")]
fn guarded(#[secret] token: &str) -> Result<usize> {
    Ok(token.len())
}

#[file_creator(closure = "own")]
fn of_any<T: Serialize + Clone>(value: T) -> Result<u64> {
    let _ = value;
    Ok(1)
}

#[file_creator(closure = "own")]
fn refuses(n: u64) -> Result<u64> {
    if salt() { Err(Error::new(ErrorKind::InvalidInput, "there is no such thing")) } else { Ok(n) }
}

#[file_creator(closure = "own")]
fn panics(n: u64) -> Result<u64> {
    assert!(!salt(), "out of range");
    Ok(n)
}

#[file_creator(closure = "own")]
fn deadly(n: u64) -> Result<u64> {
    if salt() {
        Command::new("kill").args(["-s", "KILL", &std::process::id().to_string()]).status()?;
        std::thread::park();
    }
    Ok(n)
}

#[file_creator(closure = "own")]
async fn awaited(n: u64, title: Option<&str>) -> Result<String> {
    Ok(format!("{n} {title:?}"))
}

/// Not a test by itself: what the program does.
#[test]
fn a_program() {
    let Ok(step) = std::env::var(STEP) else { return };
    if step != "unwilling" {
        datlake::start().unwrap();
    }
    let lake = datlake::LakeBuilder::configured().unwrap().open().unwrap();
    let _current = lake.enter();
    let from = lake.add_bytes("corpora/alice.txt", "Alice").unwrap();
    let options = Options { rate: 0.1 + 0.2, limits: (3, None), names: vec!["a".into()] };
    stable(1, "é \"quoted\"\n", &["a", "b\n"], &options, &from, f64::INFINITY).unwrap();
    table(20).unwrap();
    folder(10).unwrap();
    score(5).unwrap();
    sum(&numbers(5000).unwrap()).unwrap();
    lines(20).unwrap();
    guarded("hush").unwrap();
    of_any(3).unwrap();
    refuses(1).unwrap();
    panics(1).unwrap();
    deadly(1).unwrap();
    datlake_store::wait(lake.scope(awaited(1, Some("one")))).unwrap();
    println!("\nSAYS done");
}

fn program() -> [String; 5] {
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    [program, "--exact".into(), "check::a_program".into(), "--nocapture".into(), "--test-threads=1".into()]
}

fn made() -> Machine {
    let machine = Machine::new();
    let program = program();
    let arguments: Vec<&str> = program[1..].iter().map(|word| &**word).collect();
    let made = ran(machine.around(&program[0], &arguments).env(STEP, "make").output().unwrap());
    assert!(made.status == 0 && made.out.contains("SAYS done"), "{}{}", made.out, made.err);
    machine
}

fn check_as(machine: &Machine, step: &str, arguments: &[&str]) -> Ran {
    let program = program();
    let program: Vec<&str> = program.iter().map(|word| &**word).collect();
    ran(machine.command(&[&["check"], arguments, &["--"], &program].concat()).env(STEP, step).output().unwrap())
}

fn check(machine: &Machine, arguments: &[&str]) -> Ran {
    check_as(machine, "check", arguments)
}

/// The outcomes, by the function's name.
fn outcome<'v>(checked: &'v Value, function: &str) -> &'v Value {
    let calls = checked["calls"].as_array().unwrap();
    let of = |call: &&Value| call["creator"].as_str().unwrap().ends_with(&format!("::{function}"));
    calls.iter().find(of).unwrap_or_else(|| panic!("{function} in {checked}"))
}

#[test]
fn what_comes_out_as_it_did_is_the_same() {
    let machine = made();
    let before = machine.json(&["ls"]);
    let checked = check(&machine, &["--all", "--json"]);
    assert_eq!(checked.status, 0, "{}", checked.err);
    let checked: Value = serde_json::from_str(&checked.out).unwrap();
    for function in
        ["stable", "table", "folder", "score", "numbers", "sum", "lines", "refuses", "panics", "deadly", "awaited"]
    {
        assert_eq!(outcome(&checked, function)["outcome"], "same", "{function}: {checked:#}");
    }
    let why = |function| outcome(&checked, function)["why"].as_str().unwrap();
    assert_eq!(outcome(&checked, "guarded")["outcome"], "not_made");
    assert!(why("guarded").contains("`token`") && why("guarded").contains("secret"));
    assert!(why("of_any").contains("generic"));
    // Nothing was stored, and no run is listed.
    assert_eq!(machine.json(&["ls"]), before);
    assert_eq!(machine.json(&["runs"]).as_array().unwrap().len(), 1);
    assert_eq!(machine.json(&["calls"]).as_array().unwrap().len(), 13);
}

/// On a terminal, which the program `script` of util-linux stands in for.
#[test]
fn on_a_terminal_it_is_shown_how_far_it_is_below_what_the_program_prints() {
    let machine = made();
    let checked = [env!("CARGO_BIN_EXE_datlake"), "check", "--all", "--"];
    let command = checked.into_iter().map(str::to_owned).chain(program()).map(|word| format!("'{word}'"));
    let command = command.collect::<Vec<_>>().join(" ");
    let shown = machine.around("script", &["-qec", &command, "/dev/null"]).env(STEP, "check").output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout);
    let place = |what: &str| shown.find(what).unwrap_or_else(|| panic!("{what} in {shown}"));
    let (far, printed, result) =
        (place("of 13 calls checked"), place("test check::a_program"), place("11 calls made again: 11 the same"));
    assert!(far < printed && printed < result, "{shown}");
    // What stood below is taken away.
    assert!(shown[..result].ends_with("\x1b[1A\x1b[0J"), "{shown}");
}

#[test]
fn what_comes_out_otherwise_is_shown_to_the_line() {
    let machine = made();
    machine.write("work/salt", "");
    let checked = check(&machine, &["table", "folder", "score", "lines", "refuses", "panics", "--json"]);
    assert_eq!(checked.status, 1, "{}", checked.err);
    let checked: Value = serde_json::from_str(&checked.out).unwrap();
    let first = |function| &outcome(&checked, function)["differences"][0]["first"];
    let table = first("table");
    assert_eq!((&table["line"], &table["byte"]), (&8.into(), &30.into()), "{table}");
    assert_eq!((&table["was"], &table["now"]), (&"7,1".into(), &"7,-1".into()));
    let folder = first("folder");
    assert_eq!((&folder["path"], &folder["was"], &folder["now"]), (&"part3.txt".into(), &"3 a".into(), &"3 b".into()));
    let score = first("score");
    assert_eq!((&score["path"], &score["was"], &score["now"]), (&".parts[2]".into(), &"5".into(), &"6".into()));
    assert_eq!(outcome(&checked, "lines")["outcome"], "same", "what it calls is found");
    assert!(outcome(&checked, "refuses")["why"].as_str().unwrap().contains("there is no such thing"));
    assert!(outcome(&checked, "panics")["why"].as_str().unwrap().contains("out of range"));
    let shown = check(&machine, &["table"]);
    assert_eq!(shown.status, 1);
    assert!(shown.out.starts_with("1 call made again: 0 the same, 1 different\n"), "{}", shown.out);
    assert!(shown.out.contains("in line 8") && shown.out.contains("\n    was  7,1\n    now  7,-1\n"), "{}", shown.out);
}

#[test]
fn a_call_that_ends_the_program_is_named_and_the_others_are_made() {
    let machine = made();
    machine.write("work/salt", "");
    for jobs in ["1", "3"] {
        let checked = check(&machine, &["deadly", "sum", "stable", "-j", jobs, "--json"]);
        assert_eq!(checked.status, 1, "{}", checked.err);
        let checked: Value = serde_json::from_str(&checked.out).unwrap();
        assert_eq!(outcome(&checked, "sum")["outcome"], "same");
        assert_eq!(outcome(&checked, "stable")["outcome"], "same");
        let deadly = outcome(&checked, "deadly");
        assert_eq!(deadly["outcome"], "failed");
        assert!(deadly["why"].as_str().unwrap().contains("signal: 9"), "{deadly}");
    }
}

#[test]
fn hits_of_the_same_environment_are_left_out_where_only_changed_ones_are_asked_for() {
    let machine = made();
    let checked = check(&machine, &["--changed"]);
    assert_eq!(checked.status, 0, "{}", checked.err);
    assert_eq!(
        checked.out,
        "0 calls made again: 0 the same\n13 calls left out: made in the environment that the program has\n"
    );
}

#[test]
fn a_program_that_does_not_offer_it_does_nothing() {
    let machine = made();
    let refused = check_as(&machine, "unwilling", &["table"]);
    assert_eq!(refused.status, 2, "{}", refused.out);
    assert!(refused.err.contains("datlake::start()?"), "{}", refused.err);
    assert!(!refused.err.contains("SAYS done"), "{}", refused.err);
    let none = ran(machine.command(&["check", "table", "--", "./no-such-program"]).output().unwrap());
    assert!(none.status == 2 && none.err.contains("cannot start `./no-such-program`"), "{}", none.err);
    let unknown = check(&machine, &["tabel"]);
    assert!(unknown.status == 1 && unknown.err.contains("table"), "{}", unknown.err);
    let added = check(&machine, &["corpora/alice.txt"]);
    assert!(added.status == 1 && added.err.contains("somebody added it"), "{}", added.err);
}
