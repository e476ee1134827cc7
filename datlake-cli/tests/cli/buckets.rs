//! A pipeline whose machines share a bucket, and the command on each of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake::Event;

use crate::pipeline;
use crate::servers::Server;
use crate::support::{Machine, ran};

/// Runs the pipeline: how many bodies ran.
fn bodies(machine: &Machine) -> usize {
    let lake = machine.lake();
    let counter = Arc::<AtomicUsize>::default();
    let counts = Arc::clone(&counter);
    lake.observe(move |event| {
        counts.fetch_add(usize::from(matches!(event, Event::Executed { .. })), Ordering::SeqCst);
    });
    pipeline::run(&lake);
    counter.load(Ordering::SeqCst)
}

fn check(server: &Server) {
    let one = Machine::with_bucket(&server.url, &server.variables);
    let checked = one.json(&["config", "check"]);
    assert!(checked["steps"].as_array().unwrap().iter().all(|step| step["works"] == true), "{checked}");
    assert_eq!(bodies(&one), 4);
    assert_eq!(one.ok(&["cat", "reports/which.txt"]), "Equal\n");
    let large = one.write("large.bin", &"0123456789abcdef".repeat(1_100_000));
    one.ok(&["add", large.to_str().unwrap(), "large.bin"]);

    let two = one.moved_to("two");
    assert_eq!(bodies(&two), 0, "another machine's calls run again");
    assert_eq!(two.ok(&["cat", "reports/which.txt"]), "Equal\n");
    two.ok(&["get", "large.bin", "copy.bin"]);
    assert!(std::fs::read(two.path("work/copy.bin")).unwrap() == std::fs::read(&large).unwrap(), "other bytes came");
    let source = two.write("own.txt", "made without a network");
    let add = two.command(&["add", source.to_str().unwrap(), "own.txt"]).env("DATLAKE_OFFLINE", "1").output();
    assert_eq!(ran(add.unwrap()).status, 0);
    assert_eq!(two.json(&["status"])["unpushed"][0]["uids"][0], "own.txt");
    assert_eq!(two.json(&["push"])["items"][0]["outcome"], "sent");
    assert_eq!(two.ok(&["push"]), "nothing to push\n");
    two.ok(&["rm", "--yes", "--cascade", "corpora/snark.txt"]);

    let three = two.moved_to("three");
    assert_eq!(three.json(&["verify"])["findings"].as_array().unwrap().len(), 0);
    let names = three.ok(&["ls", "-r"]);
    let has = |name| names.lines().any(|line| line.contains(name));
    assert!(has("own.txt") && has("corpora/alice.txt") && has("large.bin"), "{names}");
    assert!(!has("corpora/snark.txt") && !has("reports/which.txt"), "{names}");
    three.ok(&["pull"]);
    // Its own copies are gone too.
    let one = three.moved_to("home");
    one.ok(&["ls"]);
    one.fails(1, &["no file `reports/which.txt`"], &["cat", "reports/which.txt"]);
    assert_eq!(bodies(&one), 2, "what was removed, and nothing else, runs again");
    assert_eq!(one.json(&["verify"])["findings"].as_array().unwrap().len(), 0);
}

#[test]
fn a_pipeline_and_the_command_on_ceph() {
    if let Some(server) = Server::rgw("a_pipeline_and_the_command_on_ceph") {
        check(&server);
    }
}

#[test]
fn a_pipeline_and_the_command_on_moto() {
    if let Some(server) = Server::moto("a_pipeline_and_the_command_on_moto") {
        check(&server);
    }
}

#[test]
fn a_pipeline_and_the_command_on_azurite() {
    if let Some(server) = Server::azurite("a_pipeline_and_the_command_on_azurite") {
        check(&server);
    }
}
