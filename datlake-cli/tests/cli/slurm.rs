//! `datlake run --on slurm`, on a real Slurm of four nodes.
//!
//! Each test has nodes of its own: one of them takes its node away.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::launch::{
    MANY, STEP, bodies, command, ended_by_ctrl_c, in_the_body, in_the_body_of, made_of, parent, said, signal,
};
use crate::support::{Machine, Ran, check_failure, ran};

/// Where Slurm is, or a word that these tests are left out.
pub(crate) fn slurm() -> Option<String> {
    let slurm = std::env::var("DATLAKE_TEST_SLURM").ok();
    if slurm.is_none() {
        eprintln!("LEFT OUT: a test needs Slurm; ./test starts it where it can");
    }
    slurm
}

/// Does something with Slurm's own commands.
fn ask(slurm: &str, program: &str, arguments: &[&str]) -> String {
    let asked = Command::new(program).args(arguments).env("SLURM_CONF", slurm).output().unwrap();
    assert!(asked.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&asked.stderr));
    String::from_utf8(asked.stdout).unwrap().trim().to_owned()
}

/// `datlake run --on slurm`, on these nodes alone.
fn on(nodes: &[&str], slurm: &str, machine: &Machine, step: &str, options: &[&str]) -> Command {
    let others: Vec<_> = ["n1", "n2", "n3", "n4"].into_iter().filter(|node| !nodes.contains(node)).collect();
    let exclude = format!("--sbatch=--exclude={}", others.join(","));
    let mut command = command(machine, step, &[&["--on", "slurm", &exclude], options].concat());
    command.env("SLURM_CONF", slurm);
    command
}

fn run(command: &mut Command) -> Ran {
    ran(command.output().unwrap())
}

#[test]
fn two_thousand_calls_are_shared_by_the_tasks_of_an_array() {
    let Some(slurm) = slurm() else { return };
    let machine = Machine::new();
    let ended = run(&mut on(&["n3", "n4"], &slurm, &machine, "many", &["-n", "8", "--memory", "200M"]));
    assert_eq!(ended.status, 0, "{}{}", ended.out, ended.err);
    assert_eq!(bodies(&ended.out), (0..MANY).collect::<Vec<_>>(), "each body once");
    let sum = (0..MANY).map(made_of).fold(0, u64::wrapping_add);
    assert!(
        matches!(*said(&ended.out, "SAYS sum"), [(0, said)] if said.starts_with(&sum.to_string())),
        "{}",
        ended.out
    );
    assert_eq!(said(&ended.err, "WARNS").len(), 8, "{}", ended.err);
    // One that is over can be joined all the same.
    let again = run(machine.command(&["runs", "attach"]).env("SLURM_CONF", &slurm));
    assert_eq!((again.status, said(&again.out, "SAYS ran").len()), (0, MANY as usize));
}

#[test]
fn a_task_that_is_killed_or_fails_is_said() {
    let Some(slurm) = slurm() else { return };
    let ended = run(&mut on(&["n3", "n4"], &slurm, &Machine::new(), "die", &["-n", "3"]));
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert!(ended.err.contains("process 0 was killed by signal 9"), "{}", ended.err);
    let ended = run(&mut on(&["n3", "n4"], &slurm, &Machine::new(), "fail", &["-n", "2"]));
    assert_eq!(ended.status, 3, "{}", ended.err);
    assert!(ended.err.contains("process 1 ended with exit status 3"), "{}", ended.err);
}

/// Slurm kills a task that takes more memory than it was given. The body is set aside, and the last process makes the others.
#[test]
fn a_task_that_is_out_of_memory_is_said_to_be() {
    let Some(slurm) = slurm() else { return };
    let ended = run(&mut on(&["n3", "n4"], &slurm, &Machine::new(), "devour", &["-n", "4", "--memory", "500M"]));
    let killed = "was killed, out of memory: it used more than it was given, in datlake-cli/cli::launch::devouring/";
    assert_eq!(ended.err.matches(killed).count(), 3, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("devouring is set aside: 3 processes of this run ended in its body"), "{}", ended.out);
    assert_eq!(bodies(&ended.out), [1], "the others are made: {}", ended.out);
    assert_eq!(ended.status, 0, "{}", ended.err);
}

/// Whoever has a task's node gets it: the task begins anew, and finds what is done. So it does on a node that crashes and is back.
#[test]
fn tasks_go_on_after_preemption_and_after_the_loss_of_a_node() {
    let Some(slurm) = slurm() else { return };
    for (node, preempted) in [("n1", true), ("n2", false)] {
        let machine = Machine::new();
        // The whole node.
        let started = on(&[node], &slurm, &machine, "wait", &["-n", "1", "--cpus", "2"]);
        let (child, process, mut out) = in_the_body_of(started);
        if preempted {
            let wrap = format!("touch {}", machine.path("other").display());
            ask(&slurm, "sbatch", &["-p", "high", "-w", node, "-n", "2", "-o", "/dev/null", "--wrap", &wrap]);
        } else {
            crash(&slurm, node, process);
        }
        // It begins again.
        let mut line = String::new();
        while !line.contains("in the body") {
            line.clear();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "{node}: it ended");
        }
        assert_eq!(machine.path("other").exists(), preempted);
        machine.write("work/go", "");
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        let ended = ran(child.wait_with_output().unwrap());
        assert_eq!(ended.status, 0, "{node}: {}", ended.err);
        assert!(rest.contains("SAYS sum 7"), "{rest}");
        assert_eq!(machine.json(&["runs"]).as_array().unwrap().len(), 2, "{node}: the task began twice");
    }
}

/// Kills all of a node: its daemon, and what supervises the task, the task's script and the pipeline. Then it starts again. Slurm would find
/// out by itself in half a minute.
fn crash(slurm: &str, node: &str, process: u32) {
    let file = Path::new(slurm).with_file_name("run").join(format!("slurmd-{node}.pid"));
    let daemon_is = || std::fs::read_to_string(&file).ok()?.trim().parse::<u32>().ok();
    let daemon = daemon_is().unwrap();
    for victim in [daemon, parent(parent(process)), parent(process), process] {
        assert!(Command::new("kill").args(["-s", "KILL", &victim.to_string()]).status().unwrap().success());
    }
    ask(slurm, "scontrol", &["update", &format!("nodename={node}"), "state=down", "reason=crash"]);
    assert!(Command::new("slurmd").args(["-N", node, "-f", slurm]).status().unwrap().success());
    // Whoever started the others is to end it too.
    let new = loop {
        if let Some(new) = daemon_is().filter(|new| *new != daemon) {
            break new;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    let mut all = std::fs::File::options().append(true).open(Path::new(slurm).with_file_name("pids")).unwrap();
    writeln!(all, "{new}").unwrap();
}

/// Whoever follows is killed, as with a login node, and another one joins; then Slurm forgets the job.
#[test]
fn a_job_of_slurm_is_joined_and_forgotten() {
    let Some(slurm) = slurm() else { return };
    let machine = Machine::new();
    let (mut left, _) = in_the_body(on(&["n3", "n4"], &slurm, &machine, "wait", &["-n", "1"]));
    left.kill().unwrap();
    left.wait().unwrap();
    let attach = || {
        let mut command = machine.command(&["runs", "attach"]);
        command.env("SLURM_CONF", &slurm);
        command
    };
    let (joined, mut out) = in_the_body(attach());
    machine.write("work/go", "");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(joined.wait_with_output().unwrap().status.success());
    assert!(rest.contains("SAYS sum 7"), "{rest}");

    let launched = std::fs::read_dir(machine.path("home/launched")).unwrap().next().unwrap().unwrap().path();
    let about = std::fs::read_to_string(launched.join("launch.json")).unwrap();
    let job = about.split("\"job\": \"").nth(1).unwrap().split('"').next().unwrap();
    std::fs::write(launched.join("launch.json"), about.replace(&format!("\"{job}\""), "\"60000000\"")).unwrap();
    std::fs::remove_file(launched.join("0.exit")).unwrap();
    let forgotten = run(&mut attach());
    assert_eq!(forgotten.status, 2, "{}", forgotten.err);
    assert!(forgotten.err.contains("process 0 is lost: Slurm does not know it any more"), "{}", forgotten.err);
}

#[test]
fn ctrl_c_cancels_the_job() {
    let Some(slurm) = slurm() else { return };
    let machine = Machine::new();
    ended_by_ctrl_c(on(&["n3", "n4"], &slurm, &machine, "wait", &["-n", "2"]));
}

#[test]
fn a_job_that_slurm_refuses_is_an_error() {
    let Some(slurm) = slurm() else { return };
    let machine = Machine::new();
    let refused = run(&mut on(&["n3"], &slurm, &machine, "share", &["-n", "1", "--sbatch=--partition=gold"]));
    assert_eq!(refused.status, 2);
    assert!(
        refused.err.contains("Slurm refuses (sbatch): ") && refused.err.contains("invalid partition"),
        "{}",
        refused.err
    );
    // What fits no node is no job that waits for ever.
    for (asked, much) in [("--memory", "100GiB"), ("--cpus", "8"), ("--gpus", "1")] {
        let refused = run(&mut on(&[], &slurm, &machine, "share", &["-n", "2", asked, much]));
        check_failure(&refused, 2, &["Slurm refuses (sbatch): "]);
    }
}

#[test]
fn why_slurm_does_not_begin_is_said() {
    let Some(slurm) = slurm() else { return };
    let machine = Machine::new();
    let mut held = on(&["n3", "n4"], &slurm, &machine, "share", &["-n", "2", "--sbatch=--hold"]);
    let mut child = held.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    while !said.contains("Slurm does not begin with tasks of job") {
        said.clear();
        assert_ne!(err.read_line(&mut said).unwrap(), 0, "it ended");
    }
    assert!(said.contains("JobHeldUser"), "{said}");
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn without_slurm_there_is_a_script_and_no_job() {
    let machine = Machine::new();
    let script = machine.ok(&[
        "run",
        "--on",
        "slurm",
        "-n",
        "4",
        "--cpus",
        "2",
        "--memory",
        "1GiB",
        "--gpus",
        "1",
        "--sbatch=--time=10",
        "--logs",
        "/shared/100%",
        "--write-only",
        "--",
        "echo",
        "two words",
    ]);
    let folder = script.split("exit=").nth(1).unwrap().split("/$DATLAKE").next().unwrap().to_owned();
    let id = folder.trim_matches('\'').rsplit('/').next().unwrap().to_owned();
    let program = script.lines().find(|line| line.starts_with("export DATLAKE_RUN_PROGRAM")).unwrap();
    insta::assert_snapshot!(script.replace(program, "[program]").replace(&id, "[run]"));
    let mut alone = command(&machine, "share", &["--on", "slurm", "-n", "2"]);
    alone.env("PATH", machine.path("empty")).env_remove(STEP);
    let failed = run(&mut alone);
    assert_eq!(failed.status, 2);
    assert!(failed.err.contains("there is no `sbatch` here") && failed.err.contains("login node"), "{}", failed.err);
}
