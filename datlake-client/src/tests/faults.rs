//! FakeReceivers that are silent, cut off, refuse, and are ill for an hour.

use std::cell::Cell;
use std::time::Duration;

use super::*;
use crate::courier::{Courier, Ended, Time};
use crate::send;
use datlake_lake::OwedRun;

/// A clock that a test moves.
#[derive(Default)]
struct Clock(Cell<Duration>);

impl Time for Clock {
    fn now(&self) -> Duration {
        self.0.get()
    }

    fn is_over(&self) -> bool {
        false
    }
}

/// A home in which so many bodies ran, while nobody listened.
fn ran(bodies: u32) -> (tempfile::TempDir, u16) {
    let (home, port) = (folder(), FakeReceiver::nobody());
    program(|| {
        let lake = lake(home.path(), port);
        let _current = lake.enter();
        for n in 0..bodies {
            double(n).unwrap();
        }
    });
    // Who looked just then lets go of it.
    let lake = lake(home.path(), port);
    while lake.outbox().unwrap().runs.iter().any(|run| run.goes_on) {
        std::thread::yield_now();
    }
    (home, port)
}

#[test]
fn a_receiver_that_is_ill_for_an_hour_is_left_alone_and_gets_all() {
    let (home, port) = ran(10);
    let receiver = FakeReceiver::at(port, Manner::Answer(500, "no space"));
    let (lake, clock) = (lake(home.path(), port), Clock::default());
    let run = &OwedRun::of_others(&lake).unwrap()[0];
    let mut owed = OwedRun::take(&lake, run).unwrap().unwrap();
    let mut courier = Courier::new(&lake, lake.receiver().unwrap());
    for second in 0..3600 {
        clock.0.set(Duration::from_secs(second));
        if !courier.pauses(&clock) {
            let ended = courier.send(&lake, &mut owed, &clock).unwrap();
            assert_eq!(ended, Ended::Failed("it answers 500 Internal Server Error (no space)".to_owned()));
        }
    }
    // After 1, 2, 4, … seconds, and then every five minutes.
    let asked = receiver.requests().len();
    assert!((15..=25).contains(&asked), "{asked} requests");
    receiver.now(Manner::Take);
    clock.0.set(Duration::from_secs(3600 + 300));
    assert_eq!(courier.send(&lake, &mut owed, &clock).unwrap(), Ended::Sent);
    assert_eq!(receiver.taken(), ["START double", "COMPLETE double"].repeat(10));
}

#[test]
fn a_receiver_says_how_long_it_wants_to_be_left_alone() {
    let (home, port) = ran(1);
    let receiver = FakeReceiver::at(port, Manner::Answer(429, "RETRY 60"));
    let (lake, clock) = (lake(home.path(), port), Clock::default());
    let mut owed = OwedRun::take(&lake, &OwedRun::of_others(&lake).unwrap()[0]).unwrap().unwrap();
    let mut courier = Courier::new(&lake, lake.receiver().unwrap());
    courier.send(&lake, &mut owed, &clock).unwrap();
    clock.0.set(Duration::from_secs(59));
    assert!(courier.pauses(&clock));
    clock.0.set(Duration::from_secs(60));
    assert!(!courier.pauses(&clock));
    drop(receiver);
}

#[test]
fn a_receiver_that_cuts_off_is_asked_again() {
    let (home, port) = ran(3);
    let receiver = FakeReceiver::at(port, Manner::CutOff);
    let lake = lake(home.path(), port);
    assert!(send(&lake).unwrap().failure.is_some());
    assert_eq!(receiver.taken(), [""; 0]);
    receiver.now(Manner::Take);
    assert_eq!(send(&lake).unwrap().events, 6);
    assert_eq!(receiver.taken(), ["START double", "COMPLETE double"].repeat(3));
}

#[test]
fn a_silent_receiver_does_not_hold_up_a_pipeline() {
    let (home, receiver) = (folder(), FakeReceiver::new(Manner::Silent));
    let told = unsent(home.path(), receiver.port, || {
        double(1).unwrap();
    });
    assert_eq!(
        told,
        [format!("http://127.0.0.1:{}/api/v1/lineage: the program ended before all was sent", receiver.port)]
    );
    let waits = lake(home.path(), receiver.port).outbox().unwrap().runs;
    assert_eq!((waits.len(), waits[0].waiting), (1, 2));
}

#[test]
fn an_event_that_is_refused_is_kept_and_the_others_go_on() {
    let (home, port) = (folder(), FakeReceiver::nobody());
    program(|| {
        let lake = lake(home.path(), port);
        let _current = lake.enter();
        double(1).unwrap();
        write(1).unwrap();
        double(2).unwrap();
    });
    let receiver = FakeReceiver::at(port, Manner::AnswerOf("write", 422));
    let lake = lake(home.path(), port);
    let sent = send(&lake).unwrap();
    assert_eq!((sent.runs, sent.events, sent.refused, sent.failure), (1, 4, 2, None));
    assert_eq!(receiver.taken(), ["START double", "COMPLETE double"].repeat(2));
    let outbox: Vec<_> =
        std::fs::read_dir(home.path().join("outbox")).unwrap().map(|one| one.unwrap().path()).collect();
    let kept = std::fs::read_to_string(outbox[0].join("refused.jsonl")).unwrap();
    let kept: Vec<serde_json::Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((said(&kept[0]["event"]), said(&kept[1]["event"])), ("START write".into(), "COMPLETE write".into()));
    assert_eq!(kept[0]["why"], "it answers 422 Unprocessable Entity");
}

#[test]
fn a_receiver_that_refuses_everything_is_thought_to_be_wrong() {
    let (home, port) = ran(20);
    let receiver = FakeReceiver::at(port, Manner::Answer(400, "what is that?"));
    let lake = lake(home.path(), port);
    let sent = send(&lake).unwrap();
    assert_eq!((sent.refused, sent.left), (10, 1));
    assert!(sent.failure.unwrap().starts_with("it refuses every event: it answers 400 Bad Request (what is that?)"));
    receiver.now(Manner::Take);
    assert_eq!(send(&lake).unwrap().events, 30);
}

#[test]
fn a_url_that_leads_elsewhere_is_not_followed() {
    let (home, port) = ran(1);
    for (status, says) in [(307, "which leads elsewhere"), (404, "the URL must be the one where events come in")] {
        let receiver = FakeReceiver::at(port, Manner::Answer(status, ""));
        let failure = send(&lake(home.path(), port)).unwrap().failure.unwrap();
        assert!(failure.contains(says), "{failure}");
        assert_eq!(receiver.requests().len(), 1);
        receiver.end();
    }
}

#[test]
fn a_note_that_is_damaged_is_said_and_holds_up_nobody_else() {
    let (home, port) = ran(1);
    program(|| {
        let lake = lake(home.path(), port);
        let _current = lake.enter();
        double(77).unwrap();
    });
    let folder: Vec<_> =
        std::fs::read_dir(home.path().join("outbox")).unwrap().map(|one| one.unwrap().path()).collect();
    let mut notes: Vec<_> = std::fs::read_dir(&folder[0]).unwrap().map(|one| one.unwrap().path()).collect();
    notes.sort();
    std::fs::write(&notes[0], "{").unwrap();
    let receiver = FakeReceiver::at(port, Manner::Take);
    let lake = lake(home.path(), port);
    let outbox = lake.outbox().unwrap();
    assert_eq!((outbox.runs.len(), outbox.damaged.len()), (1, 1));
    assert_eq!(send(&lake).unwrap().events, 2);
    receiver.wait_for(2);
}
