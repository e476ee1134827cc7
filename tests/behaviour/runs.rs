//! What is written down of what a process did.

use datlake::report::{CallRow, Outcome, RunInfo};
use datlake::{Error, ErrorKind, File, Lake, Result, file_creator};

use crate::support::{Watched, alone, check_error, files_below, lake};

#[file_creator]
fn upper(text: &str) -> Result<File> {
    if text.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "nothing to do"));
    }
    File::from_bytes("upper.txt", text.to_uppercase())
}

#[file_creator(on_change = "keep")]
fn under(text: &str, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, text)
}

/// What became of calls, in order: "executed upper, hit upper ×3".
fn told(run: &RunInfo) -> String {
    let calls = run.calls.iter().map(|call| {
        let (_, function) = call.creator.as_str().rsplit_once(':').unwrap();
        let times = if call.times == 1 { String::new() } else { format!(" ×{}", call.times) };
        format!("{:?} {function}{times}", call.outcome).to_lowercase()
    });
    calls.collect::<Vec<_>>().join(", ")
}

/// The only run there is.
#[track_caller]
fn only(lake: &Lake) -> RunInfo {
    let runs = lake.runs(10).unwrap();
    assert_eq!((runs.runs.len(), runs.damaged.len()), (1, 0));
    lake.run(&runs.runs[0].run).unwrap()
}

#[test]
fn a_run_tells_what_became_of_its_calls() {
    let lake = lake();
    {
        let _current = lake.enter();
        for text in ["a", "a", "b", "a"] {
            upper(text).unwrap();
        }
        upper("").unwrap_err();
        under("one", "chosen.txt").unwrap();
        under("two", "chosen.txt").unwrap();
        upper::call("a").force().unwrap();
    }
    let run = only(&lake);
    // What was found is written down with the next body that runs.
    assert_eq!(
        told(&run),
        "executed upper, hit upper ×2, executed upper, failed upper, executed under, kept under, reproduced upper"
    );
    assert_eq!((run.row.ran, run.row.skipped, run.row.failed, run.row.unfinished), (4, 3, 1, 0));
    assert!(run.row.ended_at.is_none() && run.row.program.starts_with("behaviour"), "{:?}", run.row);
    let made = lake.history(Some("upper")).unwrap().calls.into_iter().find(|call| !call.history.is_empty()).unwrap();
    assert_eq!(made.run.unwrap_or_else(|| run.row.run.clone()), run.row.run);
}

#[test]
fn a_lake_that_goes_says_that_its_run_has_ended() {
    let first = lake();
    {
        let _current = first.enter();
        upper("a").unwrap();
    }
    let home = first.home().to_owned();
    let copied = tempfile::tempdir().unwrap();
    // Nothing but hits: written down when the lake goes.
    let kept = copied.path().join("home");
    let lake = Lake::builder().home(&kept).email("ada@example.org").open().unwrap();
    for file in files_below(&home.join("calls")) {
        let to = kept.join(file.strip_prefix(&home).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&file, to).unwrap();
    }
    let current = lake.enter();
    upper("a").unwrap();
    upper("a").unwrap();
    drop(current);
    assert!(!kept.join("runs").exists(), "a hit touched a file");
    drop(lake);
    let lake = Lake::builder().home(&kept).open().unwrap();
    let run = only(&lake);
    assert_eq!(told(&run), "hit upper ×2");
    assert!(run.row.ended_at.is_some() && run.row.originator == "ada@example.org", "{:?}", run.row);
    // Two runs, of which only the first has a record of its own.
    let history = lake.history(None).unwrap().calls;
    let [CallRow { remembered: true, history, .. }] = &*history else { panic!("{history:?}") };
    assert_eq!((history.len(), history[0].outcome, history[0].times), (1, Outcome::Hit, 2));
}

#[test]
fn the_default_lake_is_written_down_when_the_process_ends() {
    let home = tempfile::tempdir().unwrap();
    let here = [("DATLAKE_HOME", home.path().to_str().unwrap()), ("DATLAKE_EMAIL", "ada@example.org")];
    for _ in 0..2 {
        if alone("runs::the_default_lake_is_written_down_when_the_process_ends", &here) {
            upper("a").unwrap();
            return;
        }
    }
    let lake = Lake::builder().home(home.path()).open().unwrap();
    let runs = lake.runs(10).unwrap().runs;
    let counts: Vec<_> = runs.iter().map(|run| (run.ran, run.skipped, run.ended_at.is_some())).collect();
    assert_eq!(counts, [(0, 1, true), (1, 0, true)]);
}

#[test]
fn what_was_removed_or_failed_is_history_still() {
    let lake = lake();
    {
        let _current = lake.enter();
        let uid = upper("a").unwrap().uid().unwrap().to_string();
        lake.remove(&uid).unwrap();
        upper("").unwrap_err();
    }
    let mut calls = lake.history(Some("upper")).unwrap().calls;
    calls.sort_by_key(|call| call.history[0].outcome == Outcome::Failed);
    let [removed, failed] = &*calls else { panic!("{calls:?}") };
    assert!(!removed.remembered && !failed.remembered);
    assert_eq!((removed.history[0].outcome, failed.history[0].outcome), (Outcome::Executed, Outcome::Failed));
}

#[test]
fn repeats_are_one_line() {
    #[file_creator]
    fn number(n: u32) -> Result<u32> {
        Ok(n)
    }
    let lake = lake();
    let _current = lake.enter();
    number(0).unwrap();
    for _ in 0..100_000 {
        number(0).unwrap();
    }
    let run = only(&lake);
    assert_eq!(told(&run), "executed number, hit number ×100000");
    let [log] = &*files_below(&lake.home().join("runs")) else { panic!("one run") };
    assert!(std::fs::metadata(log).unwrap().len() < 4096);
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_name() {
    let lake = lake();
    let _current = lake.enter();
    upper("a").unwrap();
    let run = only(&lake).row.run;
    assert_eq!(lake.run(&run[..16]).unwrap().row.run, run);
    let other = format!("{}{}", &run[..31], if run.ends_with('0') { '1' } else { '0' });
    let runs = lake.home().join("runs");
    std::fs::copy(runs.join(format!("{run}.datlake")), runs.join(format!("{other}.datlake"))).unwrap();
    check_error(lake.run(&run[..16]), ErrorKind::InvalidInput, &["several runs", &run, &other]);
    check_error(lake.run("zz"), ErrorKind::NotFound, &["no run `zz`"]);
    check_error(lake.run(""), ErrorKind::NotFound, &["no run"]);
}

#[test]
fn damage_hides_one_run_and_a_torn_line_nothing() {
    let lake = lake();
    let _current = lake.enter();
    upper("a").unwrap();
    let run = only(&lake).row.run;
    let runs = lake.home().join("runs");
    let log = runs.join(format!("{run}.datlake"));
    let bytes = std::fs::read(&log).unwrap();
    std::fs::write(&log, [&bytes[..], b"{\"creator\":\"x"].concat()).unwrap();
    assert_eq!((told(&only(&lake)), only(&lake).row.unreadable), ("executed upper".to_owned(), 0));
    std::fs::write(&log, [&bytes[..], b"\0\0\n"].concat()).unwrap();
    assert_eq!((told(&only(&lake)), only(&lake).row.unreadable), ("executed upper".to_owned(), 1));
    // A process that was killed before its first line was whole has left nothing to show.
    std::fs::write(runs.join(format!("{}.datlake", "0".repeat(32))), &bytes[..20]).unwrap();
    std::fs::write(runs.join("notes.txt"), "mine").unwrap();
    assert_eq!(only(&lake).row.run, run);
    std::fs::write(runs.join(format!("{}.datlake", "1".repeat(32))), "{}\n").unwrap();
    let found = lake.runs(10).unwrap();
    assert_eq!((found.runs.len(), found.damaged.len()), (1, 1));
    assert!(found.damaged[0].error.contains("runs/1111"), "{:?}", found.damaged);
    assert_eq!(lake.history(None).unwrap().damaged.len(), 1);
}

#[test]
fn the_oldest_runs_make_room() {
    let lake = lake();
    let runs = lake.home().join("runs");
    std::fs::create_dir(&runs).unwrap();
    for n in 0..1200 {
        std::fs::write(runs.join(format!("{n:032x}.datlake")), "").unwrap();
    }
    let _current = lake.enter();
    upper("a").unwrap();
    upper("b").unwrap();
    let left = files_below(&runs);
    assert_eq!(left.len(), 1000);
    // The latest, and this one.
    assert!(left[0].ends_with(format!("{:032x}.datlake", 201)), "{:?}", left[0]);
    assert_eq!(told(&only(&lake)), "executed upper, executed upper");
}

#[test]
fn where_history_cannot_be_written_nothing_fails() {
    let lake = lake();
    std::fs::write(lake.home().join("runs"), "in the way").unwrap();
    lake.ok("ran upper", || upper("a"));
    lake.ok("hit upper", || upper("a"));
    check_error(lake.runs(10), ErrorKind::Corrupt, &["runs"]);
}

#[test]
fn what_bypasses_the_lake_is_no_history() {
    let home = tempfile::tempdir().unwrap();
    let lake = Watched::open(Lake::builder().home(home.path().join("home")).bypass(true));
    lake.ok("ran upper", || upper("a"));
    assert!(lake.runs(10).unwrap().runs.is_empty());
}
