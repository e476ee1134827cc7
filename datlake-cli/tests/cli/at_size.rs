//! What lists, looks through and collects a lake holds as much memory for many calls and files as for few.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use datlake::{Lineage, Uid};
use datlake_core::lineage::Added;
use datlake_core::record::{Name, NameTarget, NewRecord, Record};
use datlake_core::run::{Noted, Outcome};
use datlake_core::{CallKey, Digest, Location, Store as _};
use datlake_store::{DirStore, Durability, wait};

use crate::pipeline;
use crate::support::Machine;

/// What goes through all that there is.
const COMMANDS: [&[&str]; 9] = [
    &["calls"],
    &["calls", "--json"],
    &["ls"],
    &["ls", "-r"],
    &["ls", "--json"],
    &["status"],
    &["status", "--json"],
    &["verify"],
    &["gc"],
];

/// What answers with little of it.
const OF_ONE: [&[&str]; 4] =
    [&["info", "many/0000/0000007"], &["ls", "many/0000"], &["calls", "copy", "--limit", "3"], &["calls", LENGTH]];

/// A creator of one call.
const LENGTH: &str = "datlake-cli/cli::pipeline::length";

/// What is sorted may be held up to 2 MiB, and memory differs from run to run; the rows of 4000 calls are more.
const ABOUT: u64 = 6 << 20;

/// A lake of so many calls, as many names, and what each made, as it would be if somebody had made all of it.
fn with_many(count: u32) -> Machine {
    let machine = Machine::new();
    let lake = machine.lake();
    let made = {
        let _current = lake.enter();
        let given = lake.add_bytes("given.txt", "given").unwrap();
        pipeline::length(&given).unwrap();
        pipeline::copy(&given, 0).unwrap()
    };
    let lineage = made.lineage().unwrap().call().unwrap().clone();
    drop(lake);
    let store = DirStore::open(&machine.home(), Durability::Cached).unwrap();
    let put = |at: &Location, bytes: &[u8]| wait(store.create(at, bytes)).unwrap();
    let mut lines = Vec::new();
    for n in 0..count {
        let content = format!("content {n}");
        let digest = Digest::of(content.as_bytes());
        put(&Location::Blob(digest), content.as_bytes());
        let call = one_of_many(&lineage, n, digest, content.len() as u64);
        let (record, _) = Record::create(NewRecord {
            nonce: "many",
            value_digest: digest,
            value: content.as_bytes(),
            dynamic_inputs: Vec::new(),
            lineage: &call,
        })
        .unwrap();
        let at = Location::Record(call.creator.clone(), call.key);
        put(&at, record.bytes());
        put(&at.mark(), b"");
        let (at, name) = name_of_many(&call, n, digest, content.len() as u64);
        put(&at, name.bytes());
        put(&at.mark(), b"");
        let noted = Noted {
            creator: call.creator,
            key: Some(call.key),
            outcome: Outcome::Executed,
            at: call.started_at,
            times: 1,
            took_ms: Some(1),
            failure: None,
        };
        lines.extend(noted.to_line().unwrap());
    }
    store.append_run(&lineage.run, b"", &lines).unwrap();
    machine
}

fn one_of_many(lineage: &Lineage, n: u32, digest: Digest, size: u64) -> Lineage {
    let mut call = lineage.clone();
    call.key = CallKey::from_bytes(*Digest::of(&n.to_le_bytes()).as_bytes());
    // In an order of their own.
    call.started_at = format!("2026-01-01T{:02}:{:02}:{:02}.{:03}Z", n % 24, n / 24 % 60, n / 1440 % 60, n / 86_400);
    let uid = Uid::output(&call.creator, &call.key, 0);
    (call.outputs[0].uid, call.outputs[0].digest, call.outputs[0].size) = (uid, digest, size);
    call
}

fn name_of_many(call: &Lineage, n: u32, digest: Digest, size: u64) -> (Location, Name) {
    let uid = Uid::chosen(&format!("many/{:04}/{n:07}", n / 100)).unwrap();
    let added = Added {
        name: format!("{n:07}"),
        digest,
        size,
        tree: false,
        source: None,
        person: call.person.clone(),
        host: call.host.clone(),
        at: call.started_at.clone(),
    };
    (Location::Name(uid.clone()), Name::create(uid, NameTarget::Added(added), "here", "many").unwrap())
}

/// What a command costs: the most memory at a time, in bytes, as far as it is seen from outside, and seconds.
fn cost(machine: &Machine, arguments: &[&str]) -> (u64, f64) {
    let mut command: Command = machine.command(arguments);
    if let Some(program) = std::env::var_os("DATLAKE_PROGRAM") {
        command = machine.around(program.to_str().unwrap(), arguments);
    }
    let before = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let status = loop {
        // What the system says of a child that has ended counts its parent, from whose memory it began.
        let status = std::fs::read_to_string(&status_file).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(most);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert!(status.success() && most > 0, "{arguments:?}: {status:?}, {most} KiB");
    (most << 10, before.elapsed().as_secs_f64())
}

#[test]
fn memory_does_not_grow_with_the_lake_and_all_of_it_is_listed() {
    let (few, many) = (with_many(400), with_many(4000));
    for arguments in [&["calls", "--json"][..], &["ls"], &["ls", "--json"], &["status", "--json"], &["verify"], &["gc"]]
    {
        let ((few, _), (many, _)) = (cost(&few, arguments), cost(&many, arguments));
        assert!(many < few + ABOUT, "{arguments:?}: {few} bytes of memory for 400 calls and files, {many} for 4000");
    }
    let calls = many.json(&["calls"]);
    let times: Vec<&str> = calls.as_array().unwrap().iter().map(|call| call["started_at"].as_str().unwrap()).collect();
    assert!(times.len() == 4002 && times.is_sorted_by(|a, b| a >= b), "{} calls", times.len());
    let files = many.json(&["ls", "many"]);
    let names: Vec<&str> = files.as_array().unwrap().iter().map(|file| file["uid"].as_str().unwrap()).collect();
    assert!(names.len() == 4000 && names.is_sorted(), "{} files", names.len());
    assert_eq!(many.ok(&["ls", "many"]).lines().count(), 40);
    assert_eq!(many.json(&["status"])["unpushed"].as_array().unwrap().len(), 8003);
    assert_eq!(many.json(&["calls", "copy", "--limit", "3"]).as_array().unwrap().len(), 3);
    let verified = many.json(&["verify", "--sample", "10"]);
    assert_eq!((verified["findings"].as_array().unwrap().len(), &verified["read"]), (0, &10.into()), "{verified:#}");
}

#[test]
#[ignore = "for a table: DATLAKE_MANY says how many, DATLAKE_PROGRAM which program"]
fn what_it_costs_at_size() {
    let count = std::env::var("DATLAKE_MANY").map_or(100_000, |count| count.parse().unwrap());
    let before = Instant::now();
    let machine = with_many(count);
    println!("{count} calls and files, made in {:.0} s", before.elapsed().as_secs_f64());
    for arguments in COMMANDS.iter().chain(&OF_ONE) {
        let (memory, seconds) = cost(&machine, arguments);
        println!("{:32} {:7.1} MiB {seconds:8.2} s", arguments.join(" "), memory as f64 / f64::from(1 << 20));
        assert!(memory < 128 << 20, "{arguments:?}: {memory} bytes");
    }
}
