//! What a call may cost, in what does not depend on the machine's load: system calls and instructions. Programs make few calls and
//! then a hundred more; the difference is what those cost.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_datlake-bench");
const FEW: u64 = 20;
const MORE: u64 = 100;

/// What the allocator asks for, when is chance; and what the standard library asks of a file that it closes, in debug builds.
const NOT_OURS: [&str; 6] = ["brk", "fcntl", "mmap", "munmap", "mremap", "madvise"];

fn is_there(tool: &str, test: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok();
    if !there {
        eprintln!("LEFT OUT: {test} needs {tool}");
    }
    there
}

fn program(runner: &[&str], args: &[&str]) -> String {
    program_with(runner, args, &[])
}

fn program_with(runner: &[&str], args: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(runner.first().copied().unwrap_or(PROGRAM));
    command.args(runner.get(1..).unwrap_or_default());
    if !runner.is_empty() {
        command.arg(PROGRAM);
    }
    let done =
        command.arg("program").args(args).env("DATLAKE_LOG", "off").envs(variables.iter().copied()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{args:?}: {said}");
    said
}

/// How often the program makes each system call.
fn system_calls(dir: &Path, args: &[&str], variables: &[(&str, &str)]) -> BTreeMap<String, i64> {
    let log = dir.join("strace");
    program_with(&["strace", "-f", "-qq", "-o", log.to_str().unwrap()], args, variables);
    let mut counts = BTreeMap::new();
    for line in std::fs::read_to_string(log).unwrap().lines() {
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        if let Some((name, _)) = call.split_once('(')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !NOT_OURS.contains(&name)
        {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// The system calls of each of `MORE` calls, on the average; `args` makes the arguments of a program that makes so many.
fn each(dir: &Path, args: impl Fn(&str) -> Vec<String>) -> BTreeMap<String, f64> {
    each_with(dir, &[], args)
}

/// The same with variables in the environment.
fn each_with(dir: &Path, variables: &[(&str, &str)], args: impl Fn(&str) -> Vec<String>) -> BTreeMap<String, f64> {
    let of = |count: u64| {
        let args = args(&count.to_string());
        system_calls(dir, &args.iter().map(String::as_str).collect::<Vec<_>>(), variables)
    };
    let (few, many) = (of(FEW), of(FEW + MORE));
    let more = |(name, count): (String, i64)| {
        let each = (count - few.get(&name).copied().unwrap_or(0)) as f64 / MORE as f64;
        (name, each)
    };
    // What happens a few times for all calls together is no call's.
    many.into_iter().map(more).filter(|(_, each)| each.abs() > 0.05).collect()
}

fn rounded(each: &BTreeMap<String, f64>) -> Vec<(&str, f64)> {
    each.iter().map(|(name, each)| (name.as_str(), each.round())).collect()
}

#[test]
fn a_skipped_call_opens_one_file_and_reads_it() {
    if !is_there("strace", "what a skipped call asks of the system") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake").display().to_string();
    program(&[], &["calls", &lake, &(FEW + MORE).to_string()]);
    let hit = each(dir.path(), |count| vec!["calls".to_owned(), lake.clone(), count.to_owned()]);
    assert_eq!(rounded(&hit), [("close", 1.0), ("openat", 1.0), ("read", 2.0)]);
    let again = each(dir.path(), |count| vec!["same".to_owned(), lake.clone(), count.to_owned()]);
    assert!(again.is_empty(), "what is remembered asks the system nothing: {again:?}");
}

/// What others made is no work to be claimed, and the pack is this machine's copy: no file is locked or made for each of thousands.
#[test]
fn a_hit_that_a_pack_has_takes_no_lock_and_writes_nothing() {
    if !is_there("strace", "what a hit from a pack asks of the system") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake").display().to_string();
    program(&[], &["calls", &lake, &(FEW + MORE).to_string()]);
    let remote = format!("file://{}", dir.path().join("remote").display());
    program_with(&[], &["push", &lake], &[("DATLAKE_BENCH_REMOTE", &remote)]);
    let serial = std::cell::Cell::new(0);
    let hit = each_with(dir.path(), &[("DATLAKE_BENCH_REMOTE", &remote)], |count| {
        serial.set(serial.get() + 1);
        let home = dir.path().join(format!("home-{}", serial.get())).display().to_string();
        vec!["calls".to_owned(), home, count.to_owned()]
    });
    for writes in ["flock", "write", "linkat", "renameat2", "rename", "unlinkat", "unlink", "mkdir"] {
        assert_eq!(hit.get(writes), None, "{hit:#?}");
    }
    let all: f64 = hit.values().sum();
    assert!(all <= PACKED, "{all} system calls: {hit:#?}");
    // A later process finds them there.
    let home = dir.path().join("home-2").display().to_string();
    let again = each_with(dir.path(), &[("DATLAKE_BENCH_REMOTE", &remote)], |count| {
        vec!["calls".to_owned(), home.clone(), count.to_owned()]
    });
    let all: f64 = again.values().sum();
    assert!(all <= PACKED, "{all} system calls: {again:#?}");
}

/// Nor where all are awaited together: but for those that begin before a pack is there, as many as bodies may run.
#[test]
fn of_many_hits_together_few_take_locks() {
    if !is_there("strace", "what hits from a pack ask of the system") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let [lake, home] = ["lake", "home"].map(|name| dir.path().join(name).display().to_string());
    let remote = format!("file://{}", dir.path().join("remote").display());
    program(&[], &["many-joined", &lake, "400"]);
    program_with(&[], &["push", &lake], &[("DATLAKE_BENCH_REMOTE", &remote)]);
    let all = system_calls(dir.path(), &["many-joined", &home, "400"], &[("DATLAKE_BENCH_REMOTE", &remote)]);
    let locks = all.get("flock").copied().unwrap_or_default();
    assert!(locks < 400, "{locks} locks");
}

/// What a process keeps of a call that it found: of one that was given what another returned, which its record says.
#[test]
fn a_remembered_call_takes_few_bytes() {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let lake = dir.path().join("lake").display().to_string();
    // Large enough to be known again where they are arguments.
    let peak = |count: u64| {
        let args = ["program", "calls-from", &lake, "1000000", &count.to_string()];
        let done = Command::new(PROGRAM).args(args).env("DATLAKE_LOG", "off").output().unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        let peak = said.split_once("\"peak\":").unwrap().1.trim_end_matches(['}', '\n']).parse::<f64>().unwrap();
        if peak == 0.0 {
            eprintln!("LEFT OUT: the memory of a process is not known here")
        }
        peak
    };
    peak(4500);
    // Pages that are touched by chance weigh on a single pair.
    let least = |count| (0..3).map(|_| peak(count)).fold(f64::INFINITY, f64::min);
    let each = (least(4500) - least(500)) / 4000.0;
    assert!(each < REMEMBERED, "{each} bytes");
}

#[test]
fn a_call_that_runs_syncs_what_it_must_and_no_more() {
    if !is_there("strace", "what a call that runs asks of the system") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let serial = std::cell::Cell::new(0);
    let cold = each(dir.path(), |count| {
        // Each program has a lake of its own, and makes its calls for the first time.
        serial.set(serial.get() + 1);
        let lake = dir.path().join(format!("lake-{}", serial.get())).display().to_string();
        vec!["cold".to_owned(), lake, "0".to_owned(), count.to_owned()]
    });
    let of = |names: &[&str]| names.iter().filter_map(|name| cold.get(*name)).sum::<f64>();
    let syncs = of(&["fsync", "fdatasync", "syncfs"]);
    assert!(syncs <= SYNCS, "{syncs} syncs: {cold:#?}");
    let opens = of(&["openat", "open"]);
    assert!(opens <= OPENS, "{opens} files opened: {cold:#?}");
    let all: f64 = cold.values().sum();
    assert!(all <= ALL, "{all} system calls: {cold:#?}");
}

/// A folder of very many small files is opened, read and looked at file by file, and each of these takes its time.
#[test]
fn a_small_file_of_a_folder_is_opened_and_read_once() {
    if !is_there("strace", "what a small file of a folder asks of the system") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let add = each(dir.path(), |count| {
        let (home, files) = (dir.path().join(format!("home-{count}")), dir.path().join(count));
        std::fs::create_dir(&files).unwrap();
        (0..count.parse::<u64>().unwrap()).for_each(|n| std::fs::write(files.join(n.to_string()), "small").unwrap());
        ["add-folder".into(), home.display().to_string(), files.display().to_string()].to_vec()
    });
    let of = |name: &str| add.get(name).map_or(0.0, |each| each.round());
    // Looked at when the folder is looked through, after it is read, and where a blob of it would be.
    let asked = ["openat", "read", "close", "statx", "fstatfs", "faccessat2", "lseek"].map(of);
    assert_eq!(asked, [1.0, 1.0, 1.0, 3.0, 0.0, 0.0, 0.0], "{add:#?}");
}

/// Of a call with one output: output, mark and record with the folders of each, and a folder made for the output.
const SYNCS: f64 = 7.0;
const OPENS: f64 = 20.0;
const ALL: f64 = 120.0;

/// Bytes that a process keeps of a call.
const REMEMBERED: f64 = 480.0;

/// Of a hit that a pack has: there is no record at its own place, and the pack is opened and read.
const PACKED: f64 = 10.0;

/// Instructions of each of a thousand calls more, as callgrind counts them.
fn instructions(dir: &Path, name: &str, lake: &str) -> f64 {
    let of = |count: u64| {
        let out = format!("--callgrind-out-file={}", dir.join("callgrind").display());
        let said = program(&["valgrind", "--tool=callgrind", &out], &[name, lake, &count.to_string()]);
        let count = said.lines().find_map(|line| line.split_once("Collected : ")).unwrap().1;
        count.trim().parse::<f64>().unwrap()
    };
    (of(1100) - of(100)) / 1000.0
}

#[test]
fn a_skipped_call_takes_few_instructions_more_than_its_key() {
    if !is_there("valgrind", "the instructions of a skipped call") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake").display().to_string();
    program(&[], &["calls", &lake, "1100"]);
    let [key, same, hit] = ["key", "same", "calls"].map(|name| instructions(dir.path(), name, &lake));
    eprintln!("key {key}, same {same}, hit {hit}");
    // Ratios, for the compiler decides about the rest. In tests, where the core alone is optimised, and so the key, they are 30 and 48;
    // where all is, 1.6 and 13.
    assert!(same < 36.0 * key, "a remembered call takes {same} instructions, its key {key}");
    assert!(hit < 58.0 * key, "a skipped call takes {hit} instructions, its key {key}");
}
