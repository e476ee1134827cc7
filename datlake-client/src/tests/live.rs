//! What is sent while a pipeline runs, and what a process leaves that ends in whatever way.

use std::path::Path;
use std::process::{Command, Stdio};

use datlake::Lake;
use serde_json::Value;

use super::*;
use crate::openlineage::of_graph;
use crate::send;

#[test]
fn what_bodies_do_is_sent_while_they_run() {
    let (home, receiver) = (folder(), FakeReceiver::new(Manner::Take));
    let lake = lake(home.path(), receiver.port);
    let _current = lake.enter();
    assert_eq!(length(&write(100).unwrap()).unwrap(), 3);
    fails(1, "planted-secret".to_owned()).unwrap_err();
    // What is skipped did not run.
    write(100).unwrap();
    receiver.wait_for(6);
    let all = ["START write", "COMPLETE write", "START length", "COMPLETE length", "START fails", "FAIL fails"];
    assert_eq!(receiver.taken(), all);
    let requests = receiver.requests();
    for request in &requests {
        assert!(request.head.starts_with("POST /api/v1/lineage HTTP/1.1\r\n"), "{}", request.head);
        assert!(
            request.head.to_lowercase().contains(&format!("authorization: bearer {}\r\n", token())),
            "{}",
            request.head
        );
        assert!(!request.event.to_string().contains("planted-secret"), "{}", request.event);
    }
    let events: Vec<&Value> = requests.iter().map(|request| &request.event).collect();
    let id = |event: &Value| event["run"]["runId"].as_str().unwrap().to_owned();
    for pair in events.chunks(2) {
        assert_eq!((id(pair[0]), &pair[0]["job"]["name"]), (id(pair[1]), &pair[1]["job"]["name"]));
        assert_eq!(pair[0]["run"]["facets"]["parent"], pair[1]["run"]["facets"]["parent"]);
    }
    // One made what the other was given.
    assert_eq!(events[1]["outputs"][0]["name"], events[3]["inputs"][0]["name"]);
    assert_eq!(events[3]["outputs"][0]["name"].as_str().unwrap().split('/').next_back().unwrap().len(), 64, "a value");
    assert_eq!(events[5]["run"]["facets"]["errorMessage"]["message"], "nothing goes here");
    assert_eq!(events[5]["run"]["facets"]["executionParameters"]["parameters"][0]["value"], "1");
    // Who exports the record later tells of the same runs.
    let graph = lake.lineage_graph("length", 10, 0, 10).unwrap();
    let exported = of_graph(&graph, "x");
    for event in &events[..4] {
        assert!(exported.contains(&id(event)), "{exported}");
    }
}

#[test]
fn nothing_is_owed_when_a_program_has_ended() {
    let (home, receiver) = (folder(), FakeReceiver::new(Manner::Take));
    program(|| {
        let lake = lake(home.path(), receiver.port);
        let _current = lake.enter();
        double(1).unwrap();
    });
    // At the end nobody waits for the next look.
    assert_eq!(receiver.taken(), ["START double", "COMPLETE double"]);
    let lake = lake(home.path(), receiver.port);
    assert_eq!(lake.outbox().unwrap().runs, []);
    let sent = send(&lake).unwrap();
    assert_eq!((sent.runs, sent.events, sent.left), (0, 0, 0));
}

#[test]
fn where_nobody_listens_a_pipeline_runs_and_what_it_did_is_sent_later() {
    let (home, port) = (folder(), FakeReceiver::nobody());
    let told = unsent(home.path(), port, || {
        for n in 0..20 {
            double(n).unwrap();
        }
    });
    assert_eq!(told, [format!("http://127.0.0.1:{port}/api/v1/lineage: nobody listens there")]);
    let lake = lake(home.path(), port);
    let waits = lake.outbox().unwrap().runs;
    assert_eq!((waits.len(), waits[0].waiting, waits[0].sent, waits[0].goes_on), (1, 40, 0, false));
    assert_eq!(waits[0].failure.as_deref(), Some("nobody listens there"));
    let sent = send(&lake).unwrap();
    assert_eq!((sent.events, sent.left, sent.failure.as_deref()), (0, 1, Some("nobody listens there")));
    // Somebody does.
    let receiver = FakeReceiver::at(port, Manner::Take);
    let sent = send(&lake).unwrap();
    assert_eq!((sent.runs, sent.events, sent.left, sent.failure), (1, 40, 0, None));
    assert_eq!(receiver.taken(), ["START double", "COMPLETE double"].repeat(20));
    assert_eq!((lake.outbox().unwrap().runs.len(), send(&lake).unwrap().events), (0, 0));
}

#[test]
fn what_one_process_could_not_send_the_next_sends_too() {
    let (home, port) = (folder(), FakeReceiver::nobody());
    program(|| {
        let lake = lake(home.path(), port);
        let _current = lake.enter();
        double(1).unwrap();
    });
    let receiver = FakeReceiver::at(port, Manner::Take);
    let lake = lake(home.path(), port);
    let _current = lake.enter();
    double(2).unwrap();
    receiver.wait_for(4);
    let runs: Vec<Value> =
        receiver.requests().iter().map(|one| one.event["run"]["facets"]["parent"]["run"]["runId"].clone()).collect();
    // Its own first.
    assert!(runs[0] == runs[1] && runs[1] != runs[2] && runs[2] == runs[3], "{runs:?}");
}

/// Run by [`killed`] in a process of its own.
#[test]
fn child() {
    let Ok(home) = std::env::var("DATLAKE_TEST_CHILD") else { return };
    let port = std::env::var("DATLAKE_TEST_PORT").unwrap().parse().unwrap();
    let lake = lake(Path::new(&home), port);
    let _current = lake.enter();
    double(1).unwrap();
    println!("ready");
    sleeps(1).unwrap();
}

#[file_creator]
fn sleeps(n: u32) -> Result<u32> {
    std::thread::sleep(std::time::Duration::from_secs(120));
    Ok(n)
}

/// A process that is killed in a body.
fn killed(home: &Path, port: u16) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::live::child", "--nocapture"])
        .envs([("DATLAKE_TEST_CHILD", home.as_os_str()), ("DATLAKE_TEST_PORT", port.to_string().as_ref())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = |lake: &Lake| {
        let runs = lake.runs(10).unwrap().runs;
        runs.first().is_some_and(|run| run.unfinished == 1 && run.ran == 1)
    };
    let lake = Lake::builder().home(home).open().unwrap();
    while !begun(&lake) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn of_a_process_that_is_killed_nothing_is_lost() {
    let (home, port) = (folder(), FakeReceiver::nobody());
    killed(home.path(), port);
    let receiver = FakeReceiver::at(port, Manner::Take);
    let sent = send(&lake(home.path(), port)).unwrap();
    assert_eq!((sent.runs, sent.events), (1, 4));
    assert_eq!(receiver.taken(), ["START double", "COMPLETE double", "START sleeps", "ABORT sleeps"]);
}

#[test]
fn who_goes_on_tells_by_itself() {
    let (home, port) = (folder(), FakeReceiver::nobody());
    let other = lake(home.path(), port);
    let _current = other.enter();
    double(1).unwrap();
    let lake = Lake::builder().home(home.path()).openlineage(&format!("http://127.0.0.1:{port}"), None).unwrap();
    let lake = lake.open().unwrap();
    let outbox = lake.outbox().unwrap();
    assert!(outbox.runs[0].goes_on, "{outbox:?}");
    let receiver = FakeReceiver::at(port, Manner::Take);
    let sent = send(&lake).unwrap();
    assert_eq!((sent.events, sent.left), (0, 1));
    receiver.wait_for(2);
}

#[test]
fn a_body_that_was_published_is_complete_though_nobody_wrote_that_down() {
    let (home, port) = (folder(), FakeReceiver::nobody());
    program(|| {
        let lake = lake(home.path(), port);
        let _current = lake.enter();
        double(1).unwrap();
        length(&write(7).unwrap()).unwrap();
    });
    // As if it had been killed just then: two lines are missing, and half of the one before them.
    let runs: Vec<_> = std::fs::read_dir(home.path().join("runs")).unwrap().map(|run| run.unwrap().path()).collect();
    let journal = std::fs::read_to_string(&runs[0]).unwrap();
    let last_of_a_body = journal.rfind("\"outcome\":\"executed\"").unwrap();
    std::fs::write(&runs[0], &journal[..last_of_a_body]).unwrap();
    let receiver = FakeReceiver::at(port, Manner::Take);
    assert_eq!(send(&lake(home.path(), port)).unwrap().events, 6);
    let all = ["START double", "COMPLETE double", "START write", "COMPLETE write", "START length", "COMPLETE length"];
    assert_eq!(receiver.taken(), all);
    let last = &receiver.requests()[5].event;
    assert_eq!(last["inputs"].as_array().unwrap().len(), 1, "{last}");
}

#[test]
fn runs_that_are_owed_are_not_cleared_away() {
    let (home, port) = (folder(), FakeReceiver::nobody());
    program(|| {
        let lake = lake(home.path(), port);
        let _current = lake.enter();
        double(1).unwrap();
    });
    // A thousand later ones, the last of which clears away.
    for n in 0..1001 {
        std::fs::write(home.path().join("runs").join(format!("ff{n:030x}.datlake")), "").unwrap();
    }
    program(|| {
        let lake = Lake::builder().home(home.path()).email("ada@example.org").open().unwrap();
        let _current = lake.enter();
        double(2).unwrap();
    });
    let receiver = FakeReceiver::at(port, Manner::Take);
    assert_eq!(send(&lake(home.path(), port)).unwrap().events, 2);
    assert_eq!(receiver.taken(), ["START double", "COMPLETE double"]);
}

#[test]
fn the_token_is_nowhere() {
    let (home, receiver) = (folder(), FakeReceiver::new(Manner::Repeat(401)));
    let told = unsent(home.path(), receiver.port, || {
        double(1).unwrap();
        let lake = Lake::current().unwrap();
        seen_nowhere(&format!("{lake:?} {:?}", lake.receiver()));
    });
    let lake = lake(home.path(), receiver.port);
    let failure = lake.outbox().unwrap().runs[0].failure.clone().unwrap();
    assert!(
        failure.starts_with("it answers 401 Unauthorized (POST /api/") && failure.contains("Bearer ***"),
        "{failure}"
    );
    assert!(told.len() == 1 && told[0].contains("by the key in DATLAKE_OPENLINEAGE_KEY"), "{told:?}");
    seen_nowhere(&told[0]);
    let mut files = 0;
    let mut folders = vec![home.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => {
                    files += 1;
                    seen_nowhere(&String::from_utf8_lossy(&std::fs::read(entry).unwrap()));
                }
            }
        }
    }
    assert!(files > 3);
}

fn seen_nowhere(text: &str) {
    assert!(!text.contains(&token()), "{text}");
}
