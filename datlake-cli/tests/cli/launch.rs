//! `datlake run`: a program that is started several times, and followed.
//!
//! The program is this test's own executable, which does one step.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use datlake::{Result, file_creator};

use crate::support::{Machine, Ran, ran};

pub(crate) const STEP: &str = "DATLAKE_TEST_STEP";
/// Calls of the fan-out.
pub(crate) const ALL: u64 = 30;
/// Those of a large one.
pub(crate) const MANY: u64 = 2000;

fn rank() -> u64 {
    std::env::var("DATLAKE_RANK").unwrap().parse().unwrap()
}

#[file_creator(closure = "own")]
fn part(n: u64) -> Result<u64> {
    println!("\nSAYS ran {n}");
    Ok(n)
}

/// One of many.
#[file_creator(closure = "own")]
fn small(n: u64) -> Result<u64> {
    println!("\nSAYS ran {n}");
    Ok(made_of(n))
}

/// What it makes of `n`, here and anywhere.
pub(crate) fn made_of(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Its first process does not survive it.
#[file_creator(closure = "own")]
fn deadly(n: u64) -> Result<u64> {
    println!("\nSAYS in the body");
    if rank() == 0 {
        std::fs::write("begun", "").unwrap();
        Command::new("kill").args(["-s", "KILL", &std::process::id().to_string()]).status().unwrap();
        std::thread::park();
    }
    Ok(n)
}

/// Takes until somebody writes the file `go`.
#[file_creator(closure = "own")]
fn waiting(n: u64) -> Result<u64> {
    std::fs::write("begun", "").unwrap();
    println!("\nSAYS in the body of process {}", std::process::id());
    while !Path::new("go").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Ok(n)
}

/// Needs 8 GiB.
#[file_creator(closure = "own", resources(memory = "1 MiB"))]
fn hungry(n: u64) -> Result<u64> {
    if std::env::var_os("DATLAKE_TEST_TOUCH").is_some() {
        std::hint::black_box(vec![1_u8; 900 << 20]);
    }
    let much: Vec<u8> = Vec::with_capacity(8 << 30);
    Ok(n + much.capacity() as u64)
}

/// Takes 900 MiB, and waits to be killed for it.
#[file_creator(closure = "own")]
fn devouring(n: u64) -> Result<u64> {
    let much = vec![1_u8; 900 << 20];
    std::hint::black_box(&much);
    std::thread::sleep(std::time::Duration::from_secs(60));
    Ok(n)
}

/// Not a test by itself: what the processes run. Without a step to do there is nothing to do.
#[test]
fn a_process() {
    let Ok(step) = std::env::var(STEP) else { return };
    let sum = match &*step {
        "share" => part::calls(0..ALL).threads(1).run().unwrap().into_iter().sum(),
        "many" => small::calls(0..MANY).run().unwrap().into_iter().fold(0, u64::wrapping_add),
        "die" => {
            // The others find it held, or its process dead.
            while rank() > 0 && !Path::new("begun").exists() {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            deadly(7).unwrap()
        }
        "wait" | "wait, then fail" => waiting(7).unwrap(),
        // The process on the node that will be taken away is the first in it.
        "lose" => {
            let is_first = std::env::var("DATLAKE_RAY_NODE").is_ok_and(|node| node == "n1");
            while !is_first && !Path::new("begun").exists() {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            waiting(7).unwrap()
        }
        // One call of its own for each.
        "alone" => part(rank()).unwrap(),
        "hunger" => {
            let error = hungry(1).unwrap_err();
            println!("\nSAYS {error}");
            part(1).unwrap()
        }
        // Each makes other calls, some of them also made by its neighbours, and in another order.
        "diverge" => {
            let first = 10 * rank();
            let mut calls: Vec<u64> = (first..first + 20).collect();
            calls.rotate_left(7 * usize::try_from(rank()).unwrap());
            let made = part::calls(calls.clone()).threads(1).run().unwrap();
            assert_eq!(made, calls);
            made.into_iter().sum()
        }
        "bytes" => {
            std::io::stdout().write_all(b"\nSAYS \xff\xfe\x1b[2J\n").unwrap();
            std::io::stderr().write_all(b"\nWARNS \xff\n").unwrap();
            0
        }
        "devour" => {
            let error = devouring(1).unwrap_err();
            println!("\nSAYS {error}");
            part(1).unwrap()
        }
        "fail" if rank() == 1 => std::process::exit(3),
        "fail" => 0,
        other => panic!("there is no step {other}"),
    };
    let resources = std::env::var("DATLAKE_RESOURCES").unwrap_or_default();
    if datlake::is_first() {
        let word = std::env::var("SAID").unwrap_or_default();
        println!("\nSAYS sum {sum} with {resources} and {word}");
    }
    eprintln!("\nWARNS {}", std::env::var("DATLAKE_RUN_SIZE").unwrap());
    if step.ends_with("then fail") {
        std::process::exit(3);
    }
}

/// This test's executable, which does a step.
pub(crate) fn program() -> [String; 5] {
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    [program, "--exact".into(), "launch::a_process".into(), "--nocapture".into(), "--test-threads=1".into()]
}

/// `datlake run` with these options, of a program that does `step`.
pub(crate) fn command(machine: &Machine, step: &str, options: &[&str]) -> Command {
    let program = program();
    let program: Vec<&str> = program.iter().map(|word| &**word).collect();
    let mut command = machine.command(&[&["run"], options, &["--"], &program].concat());
    command.env(STEP, step);
    command
}

fn run(machine: &Machine, step: &str, options: &[&str]) -> Ran {
    ran(command(machine, step, options).output().unwrap())
}

/// What processes said behind `word`: each with its number.
pub(crate) fn said<'a>(output: &'a str, word: &str) -> Vec<(u64, &'a str)> {
    let line = |line: &'a str| {
        let (rank, text) = line.strip_prefix('[')?.split_once("] ")?;
        Some((rank.parse().unwrap(), text.strip_prefix(word)?.trim_start()))
    };
    output.lines().filter_map(line).collect()
}

/// The bodies of the fan-out that ran, whoever said so.
pub(crate) fn bodies(output: &str) -> Vec<u64> {
    let number = |line: &str| line.split_once("SAYS ran ")?.1.trim().parse().ok();
    let mut bodies: Vec<u64> = output.lines().filter_map(number).collect();
    bodies.sort_unstable();
    bodies
}

#[test]
fn processes_share_the_calls_and_their_lines_have_their_numbers() {
    let machine = Machine::new();
    let ended = run(&machine, "share", &["-n", "3", "--cpus", "2", "--memory", "1GiB"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert_eq!(bodies(&ended.out), (0..ALL).collect::<Vec<_>>(), "each body once");
    let sum = format!("{} with cpus=2,memory=1073741824,gpus=0 and ", (0..ALL).sum::<u64>());
    assert_eq!(said(&ended.out, "SAYS sum"), [(0, &*sum)]);
    let mut warned = said(&ended.err, "WARNS");
    warned.sort_unstable();
    assert_eq!(warned, [(0, "3"), (1, "3"), (2, "3")]);
    let runs = machine.ok(&["runs"]);
    for rank in 0..3 {
        assert!(runs.contains(&format!("process {rank} of 3 of ")), "{runs}");
    }
}

/// Where `main` depends on the process, each gets what it asks for, and what several ask for is made once.
#[test]
fn processes_that_make_different_calls_share_those_they_have_in_common() {
    let ended = run(&Machine::new(), "diverge", &["-n", "3", "--cpus", "1"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert_eq!(bodies(&ended.out), (0..40).collect::<Vec<_>>(), "each body once: {}", ended.out);
}

#[test]
fn what_is_no_text_is_passed_on_as_it_is() {
    let ended = command(&Machine::new(), "bytes", &["-n", "1"]).output().unwrap();
    assert!(ended.status.success());
    let says = |output: &[u8], what: &[u8]| output.windows(what.len()).any(|window| window == what);
    assert!(says(&ended.stdout, b"[0] SAYS \xff\xfe"), "{}", ended.stdout.escape_ascii());
    assert!(says(&ended.stderr, b"[0] WARNS \xff\n"), "{}", ended.stderr.escape_ascii());
}

#[test]
fn a_body_whose_process_is_killed_is_taken_over() {
    let machine = Machine::new();
    let ended = run(&machine, "die", &["-n", "3"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert!(
        ended.err.contains("process 0 was killed by signal 9, in datlake-cli/cli::launch::deadly/"),
        "{}",
        ended.err
    );
    assert_eq!(said(&ended.out, "SAYS in the body").len(), 2, "{}", ended.out);
    assert_eq!(said(&ended.err, "WARNS").len(), 2);
}

#[test]
fn a_process_that_fails_fails_the_run() {
    let ended = run(&Machine::new(), "fail", &["-n", "2"]);
    assert_eq!(ended.status, 3);
    assert!(ended.err.contains("process 1 ended with exit status 3"), "{}", ended.err);
}

/// Starts a run, and reads until a process stands in its body.
pub(crate) fn in_the_body(command: Command) -> (Child, BufReader<std::process::ChildStdout>) {
    let (child, _, out) = in_the_body_of(command);
    (child, out)
}

/// The same, and the number of that process.
pub(crate) fn in_the_body_of(mut command: Command) -> (Child, u32, BufReader<std::process::ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("in the body") {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "no process came to its body");
    }
    let process = line.rsplit(' ').next().unwrap().trim().parse().unwrap_or_default();
    (child, process, out)
}

/// The process that started another one.
pub(crate) fn parent(process: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap()
}

pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Starts a run, and ends it by Ctrl-C while its processes stand in their bodies: what it says.
pub(crate) fn ended_by_ctrl_c(command: Command) -> String {
    let (child, mut out) = in_the_body(command);
    signal(&child, "INT");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let ended = ran(child.wait_with_output().unwrap());
    assert_eq!(ended.status, 130, "{}", ended.err);
    assert!(ended.err.contains("was killed by signal 15"), "{}", ended.err);
    ended.err
}

#[test]
fn ctrl_c_ends_the_processes() {
    let machine = Machine::new();
    let err = ended_by_ctrl_c(command(&machine, "wait", &["-n", "2"]));
    assert!(err.contains("ending run"), "{err}");
    let row = machine.json(&["runs"]);
    assert_eq!(row.as_array().unwrap().len(), 2);
}

#[test]
fn a_run_is_left_and_joined_again() {
    let machine = Machine::new();
    let id = run(&machine, "wait", &["-n", "2", "--detach"]).out;
    let (left, _out) = in_the_body(machine.command(&["runs", "attach"]));
    signal(&left, "INT");
    assert_eq!(left.wait_with_output().unwrap().status.code(), Some(130));
    let (joined, mut out) = in_the_body(machine.command(&["runs", "attach", id.trim()]));
    machine.write("work/go", "");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(joined.wait_with_output().unwrap().status.success());
    assert!(rest.contains("SAYS sum 7"), "{rest}");
    // What is over is shown all the same.
    let again = machine.run(&["runs", "attach", "--json"]);
    assert_eq!((again.status, said(&again.err, "SAYS in the body").len()), (0, 1), "{}", again.err);
}

#[test]
fn a_run_that_was_left_is_cancelled() {
    let machine = Machine::new();
    let id = run(&machine, "wait", &["-n", "2", "--detach"]).out;
    assert_eq!(machine.ok(&["runs", "cancel", id.trim()]), id);
    assert_eq!(machine.run(&["runs", "attach"]).status, 128 + 15);
    machine.fails(1, &["has started no run `2019`"], &["runs", "cancel", "2019"]);
}

#[test]
fn what_cannot_be_started_is_refused() {
    let machine = Machine::new();
    for n in ["0", "1000000"] {
        machine.fails(
            2,
            &[&format!("{n} processes cannot be started: -n takes 1 to 10000")],
            &["run", "-n", n, "--", "true"],
        );
    }
    machine.fails(1, &["there is no program `./pipeline`", "is it built?"], &["run", "-n", "2", "--", "./pipeline"]);
    machine.fails(1, &["there is no program `pipeline`", "./PROGRAM"], &["run", "-n", "2", "--", "pipeline"]);
    assert!(!machine.path("home/launched").exists());
}

#[test]
fn what_would_be_started_is_a_script() {
    let machine = Machine::new();
    machine.write("work/step", "#!/bin/sh\necho \"SAYS rank $DATLAKE_RANK $1\"; echo \"$DATLAKE_RUN\" >> runs\n");
    let script = machine.ok(&["run", "-n", "2", "--cpus", "1", "--write-only", "--", "sh", "step", "it's"]);
    for _ in 0..2 {
        let ended = ran(machine.around("sh", &["-c", &script]).output().unwrap());
        let mut lines: Vec<_> = ended.out.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["SAYS rank 0 it's", "SAYS rank 1 it's"], "{script}");
    }
    // Each time is a run, of which both processes know the name.
    let runs = std::fs::read_to_string(machine.path("work/runs")).unwrap();
    let names: std::collections::BTreeSet<&str> = runs.lines().collect();
    assert_eq!((runs.lines().count(), names.len()), (4, 2), "{runs}");
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    assert!(names.iter().all(|name| name.len() <= 64 && name.chars().all(is_name)), "{runs}");
}

/// However they were started.
#[test]
fn processes_of_two_builds_say_so_before_they_make_calls_twice() {
    let machine = Machine::new();
    let one = std::env::current_exe().unwrap();
    let other = machine.path("work/built anew").join(one.file_name().unwrap());
    std::fs::create_dir_all(other.parent().unwrap()).unwrap();
    std::fs::copy(&one, &other).unwrap();
    // What stands behind a program is no part of it to who runs it.
    std::fs::OpenOptions::new().append(true).open(&other).unwrap().write_all(b"another").unwrap();
    let start = |program: &Path, rank: &str| {
        let arguments = ["--exact", "launch::a_process", "--nocapture", "--test-threads=1"];
        let mut process = machine.around(program.to_str().unwrap(), &arguments);
        process.env(STEP, "alone").env("DATLAKE_RANK", rank).env("DATLAKE_RUN", "x").env("DATLAKE_RUN_SIZE", "3");
        let ended = ran(process.output().unwrap());
        assert_eq!(ended.status, 0, "{}", ended.err);
        ended.err.matches("this process is another build of the program").count()
    };
    assert_eq!((start(&one, "0"), start(&other, "1")), (0, 1));
}

/// A limit of the kernel's, in kilobytes, where there is none of a group: a process that wants more ends itself.
pub(crate) const ULIMIT: (&str, &str) = ("ulimit -v 3000000", "6");

/// A body that needs more memory than there is, by a limit and the signal of what goes beyond. It ends each process that takes it over, and is set
/// aside at last.
pub(crate) fn is_set_aside(
    machine: &Machine,
    options: &[&str],
    (limit, signal): (&str, &str),
    around: impl Fn(&mut Command) -> &mut Command,
) {
    let mut words = [&["run", "-n", "4"], options].concat();
    let begin = format!("{limit}; exec \"$0\" \"$@\"");
    words.extend(["--", "sh", "-c", &begin]);
    let program = program();
    words.extend(program.iter().map(|word| &**word));
    let ended = ran(around(machine.command(&words).env(STEP, "hunger")).output().unwrap());
    let killed = format!("was killed by signal {signal}, in ");
    assert_eq!(ended.err.matches(&killed).count(), 3, "{}", ended.err);
    let aside = "hungry is set aside: 3 processes of this run ended in its body";
    assert!(ended.out.contains(aside), "{}\n{}", ended.out, ended.err);
    assert_eq!(bodies(&ended.out), [1], "the others are made: {}", ended.out);
    assert_eq!(ended.status, 0, "{}", ended.err);
}

#[test]
fn a_body_that_needs_more_memory_than_there_is_is_set_aside() {
    is_set_aside(&Machine::new(), &[], ULIMIT, |command| command);
}

/// Groups of one process each, that may have so many bytes of memory; they can be made as root, where groups have limits.
///
/// In a group of several the kernel may kill a neighbour too, while the memory of the first is not free yet.
struct MemoryGroups {
    /// What all of them are called, before the rank.
    path: String,
    count: usize,
}

impl MemoryGroups {
    fn of(count: usize, bytes: u64) -> Option<Self> {
        let (first, second) = (Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup"));
        let (parent, limit) = if first.is_dir() { (first, "memory.limit_in_bytes") } else { (second, "memory.max") };
        let path = parent.join(format!("datlake-test-{}-", std::process::id()));
        let groups = Self { path: path.display().to_string(), count };
        for group in groups.each() {
            std::fs::create_dir(&group).ok()?;
            std::fs::write(group.join(limit), bytes.to_string()).ok()?;
        }
        Some(groups)
    }

    fn each(&self) -> impl Iterator<Item = PathBuf> {
        (0..self.count).map(|rank| PathBuf::from(format!("{}{rank}", self.path)))
    }

    /// What a process does in a shell to be in its group.
    fn enter(&self) -> String {
        format!("echo $$ > \"{}$DATLAKE_RANK/cgroup.procs\"", self.path)
    }
}

impl Drop for MemoryGroups {
    fn drop(&mut self) {
        for group in self.each() {
            let _ = std::fs::remove_dir(group);
        }
    }
}

#[test]
fn a_body_that_the_kernel_kills_for_its_groups_memory_is_set_aside() {
    let Some(groups) = MemoryGroups::of(4, 600 << 20) else {
        return eprintln!(
            "LEFT OUT: a_body_that_the_kernel_kills_for_its_groups_memory_is_set_aside needs a control group with a limit, as root"
        );
    };
    is_set_aside(&Machine::new(), &[], (&groups.enter(), "9"), |command| command.env("DATLAKE_TEST_TOUCH", "1"));
}

#[test]
fn a_process_of_another_build_says_so() {
    let machine = Machine::new();
    let program = std::env::current_exe().unwrap();
    let name = program.file_name().unwrap().to_str().unwrap();
    let arguments = ["--exact", "launch::a_process", "--nocapture", "--test-threads=1"];
    let mut process = machine.around(program.to_str().unwrap(), &arguments);
    process.env(STEP, "share").env("DATLAKE_RANK", "1").env("DATLAKE_RUN", "x").env("DATLAKE_RUN_SIZE", "2");
    process.env("DATLAKE_RESOURCES", "cpus=1").env("DATLAKE_RUN_PROGRAM", format!("{name}:{}", "00".repeat(32)));
    let ended = ran(process.output().unwrap());
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert_eq!(ended.err.matches("this process is another build of the program").count(), 1, "{}", ended.err);
}
