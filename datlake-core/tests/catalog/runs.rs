//! What a run leaves behind can be read, wherever its writer stopped.

use datlake_core::lineage::{Person, PersonSource};
use datlake_core::run::{Noted, Outcome, ProcessUsage, RunHeader, RunLog, Waiting};
use datlake_core::{CallKey, CreatorName, ErrorKind};

const USED: ProcessUsage = ProcessUsage { peak_memory: Some(1 << 20), cpu_ms: Some(7) };

fn log() -> Vec<u8> {
    let person = Person { email: "ada@example.org".into(), source: PersonSource::Config };
    let head = RunHeader {
        run: "5a".repeat(16),
        person,
        host: "lovelace".into(),
        program: "shop".into(),
        pid: 7,
        started_at: "2026-11-21T08:00:00Z".into(),
        datlake_version: "0.1.0".into(),
        shared: None,
        place: None,
        given: None,
        build: None,
    };
    let mut bytes = head.to_line().unwrap();
    for noted in [noted(1, Outcome::Unfinished), noted(1, Outcome::Executed), noted(2, Outcome::Hit)] {
        bytes.extend(noted.to_line().unwrap());
    }
    bytes.extend(RunLog::end_line("2026-11-21T09:00:00Z", Some(USED)).unwrap());
    bytes
}

fn noted(key: u8, outcome: Outcome) -> Noted {
    Noted {
        creator: CreatorName::new("shop/shop::report").unwrap(),
        key: Some(CallKey::from_bytes([key; 32])),
        outcome,
        at: "2026-11-21T08:30:00Z".into(),
        times: if outcome == Outcome::Hit { 3 } else { 1 },
        took_ms: (outcome == Outcome::Executed).then_some(12),
        failure: None,
    }
}

#[test]
fn what_began_and_ended_is_one_call() {
    let log = RunLog::parse(&log(), "x").unwrap().unwrap();
    assert_eq!(log.calls, [noted(1, Outcome::Executed), noted(2, Outcome::Hit)]);
    assert_eq!((log.ended_at.as_deref(), log.unreadable), (Some("2026-11-21T09:00:00Z"), 0));
    assert_eq!(log.used, Some(USED));
}

#[test]
fn a_call_waits_until_something_becomes_of_it() {
    let waiting = |key: u8| Waiting {
        creator: CreatorName::new("shop/shop::report").unwrap(),
        key: CallKey::from_bytes([key; 32]),
        waits_since: "2026-11-21T08:40:00Z".into(),
    };
    let mut bytes = log();
    for key in [5, 6, 5] {
        bytes.extend(waiting(key).to_line().unwrap());
    }
    let parsed = RunLog::parse(&bytes, "x").unwrap().unwrap();
    assert_eq!((parsed.waiting, parsed.unreadable), (vec![waiting(6), waiting(5)], 0));
    bytes.extend(noted(5, Outcome::Hit).to_line().unwrap());
    assert_eq!(RunLog::parse(&bytes, "x").unwrap().unwrap().waiting, [waiting(6)]);
}

#[test]
fn cut_at_any_byte_the_rest_can_be_read() {
    let whole = log();
    let lines = |bytes: &[u8]| bytes.iter().filter(|b| **b == b'\n').count();
    for at in 0..whole.len() {
        match RunLog::parse(&whole[..at], "x").unwrap() {
            None => assert_eq!(lines(&whole[..at]), 0, "cut at {at}"),
            Some(log) => {
                assert_eq!((log.unreadable, log.ended_at), (0, None), "cut at {at}");
                let expected = match lines(&whole[..at]) {
                    1 => vec![],
                    2 => vec![Outcome::Unfinished],
                    3 => vec![Outcome::Executed],
                    _ => vec![Outcome::Executed, Outcome::Hit],
                };
                assert_eq!(log.calls.iter().map(|call| call.outcome).collect::<Vec<_>>(), expected, "cut at {at}");
            }
        }
    }
}

#[test]
fn a_line_that_cannot_be_read_hides_itself_only() {
    let mut bytes = log();
    bytes.extend(b"{\"creator\":\"shop/sh\n\n");
    bytes.extend(noted(3, Outcome::Failed).to_line().unwrap());
    let log = RunLog::parse(&bytes, "x").unwrap().unwrap();
    // It went on after what was taken for its end.
    assert_eq!((log.calls.len(), log.unreadable, log.ended_at), (3, 1, None));
}

#[test]
fn what_is_no_run_or_a_newer_one_says_so() {
    for (bytes, kind) in [
        (&b"nonsense\n"[..], ErrorKind::Corrupt),
        (b"{\"datlake\":\"call\",\"format\":1}\n", ErrorKind::Corrupt),
        (b"{\"datlake\":\"run\",\"format\":2,\"new\":1}\n", ErrorKind::Format),
    ] {
        let error = RunLog::parse(bytes, "runs/x").unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains("runs/x"), "{error}");
    }
}
