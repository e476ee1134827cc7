//! Processes of one run that end while they stand in a call: asked to, or by what its body does.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use datlake::{ErrorKind, Result, file_creator};

use crate::child::{self, Process, Remote};

/// Calls of the fan-out.
const ALL: u64 = 4;
/// The one whose body ends its process.
const DEADLY: u64 = 2;

#[file_creator(closure = "own")]
fn deadly(n: u64) -> Result<u64> {
    child::says(&format!("in the body of {n}"));
    if n == DEADLY && std::env::var("DATLAKE_TEST_STEP").unwrap().starts_with("die") {
        Command::new("kill").args(["-s", "KILL", &std::process::id().to_string()]).status().unwrap();
        std::thread::park();
    }
    Ok(n)
}

#[file_creator(closure = "own")]
fn patient(n: u64) -> Result<u64> {
    child::says("in the body");
    child::waits_for_word();
    Ok(n)
}

/// What the children do.
pub(crate) fn take(step: &str) -> Result<()> {
    if step.starts_with("wait") {
        child::says(&format!("got {}", patient(1)?));
        return Ok(());
    }
    for (n, result) in deadly::calls(0..ALL).threads(1).keep_going().into_iter().enumerate() {
        match result {
            Ok(value) => child::says(&format!("got {value}")),
            Err(error) => {
                assert_eq!((n as u64, error.kind()), (DEADLY, ErrorKind::SetAside), "{error}");
                child::says(&format!("error {error}"));
            }
        }
    }
    Ok(())
}

#[test]
fn a_body_that_ends_three_processes_of_a_run_is_set_aside() {
    for shared in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let remote = shared.then(|| Remote::directory(&folder.path().join("remote")));
        let start = |run: &str, step: &str, home: &str| {
            Process::in_run(run, step, &folder.path().join(if shared { home } else { "home" }), remote.as_ref())
        };
        for home in ["one", "two", "two"] {
            let died = start("a", "die shortly", home).ends();
            assert_eq!(
                (died.status.signal(), died.times("in the body of 2")),
                (Some(9), 1),
                "{shared}: {:?}",
                died.said
            );
        }
        // They know it all, whether they come from a home that saw it or not.
        for home in ["two", "three"] {
            let spared = start("a", "die shortly", home).ends();
            assert!(spared.status.success(), "{shared}: {:?}", spared.said);
            assert_eq!((spared.times("in the body of 2"), spared.times("got 3")), (0, 1));
            let error = spared.find("error ").unwrap();
            assert!(error.contains("deadly is set aside: 3 processes of this run ended in its body"), "{error}");
            assert!(error.contains("process "), "{error}");
        }
        let next = start("b", "live shortly", "three").ends();
        assert_eq!((next.times("in the body of 2"), next.times("got 2")), (1, 1), "{shared}: {:?}", next.said);
        let found = start("a", "live shortly", "one").ends();
        assert_eq!((found.times("in the body of 2"), found.times("got 2")), (0, 1), "{shared}: {:?}", found.said);
    }
}

/// Whoever starts a program by hand may end it as often as they like.
#[test]
fn processes_that_were_started_alone_count_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..4 {
        let died = Process::on("die shortly", &folder.path().join("home"), None, None).ends();
        assert_eq!((died.status.signal(), died.times("in the body of 2")), (Some(9), 1), "{:?}", died.said);
    }
}

/// However long its lease: and as often as it may be, nothing is set aside for that.
#[test]
fn a_process_that_gets_sigterm_lets_its_claims_go() {
    for shared in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let remote = shared.then(|| Remote::directory(&folder.path().join("remote")));
        let start = |step: &str, home: &str| {
            Process::in_run("a", step, &folder.path().join(if shared { home } else { "home" }), remote.as_ref())
        };
        let mut first = start("wait for long", "home 0");
        first.hears("in the body");
        for n in 1..5 {
            let mut next = start("wait for long", &format!("home {n}"));
            next.hears("waits");
            first.signal("TERM");
            assert_eq!(first.ends().status.signal(), Some(15));
            next.hears("in the body");
            first = next;
        }
        first.goes_on();
        let last = first.ends();
        assert_eq!(last.find("got "), Some("1"), "{shared}: {:?}", last.said);
    }
}
