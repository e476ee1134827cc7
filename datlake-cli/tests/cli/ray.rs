//! `datlake run --on ray`, on a real Ray of three nodes.
//!
//! Tests that are not about the loss of a node keep to those that stay.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::launch::{self, MANY, STEP, bodies, command, ended_by_ctrl_c, in_the_body, in_the_body_of, parent, said};
use crate::support::{Machine, Ran, check_failure, ran};

/// Where Ray is, and its token; or a word that these tests are left out.
pub(crate) fn ray() -> Option<(String, String)> {
    let ray = std::env::var("DATLAKE_TEST_RAY").ok().zip(std::env::var("DATLAKE_TEST_RAY_TOKEN").ok());
    if ray.is_none() {
        eprintln!("LEFT OUT: a test needs Ray; ./test starts it where it can");
    }
    ray
}

/// What the command finds of Ray in its environment.
pub(crate) fn with<'a>((address, token): &(String, String), command: &'a mut Command) -> &'a mut Command {
    command.env("RAY_ADDRESS", address).env("RAY_AUTH_TOKEN", token).env("NO_PROXY", "127.0.0.1")
}

/// `datlake run --on ray` of a program that does `step`.
fn on(ray: &(String, String), machine: &Machine, step: &str, options: &[&str]) -> Command {
    // The processes are on this machine, and have its lake.
    let fixed = ["--on", "ray", "--env", STEP, "--env", "DATLAKE_HOME"];
    let mut command = command(machine, step, &[&fixed, options].concat());
    with(ray, &mut command);
    command
}

fn run(command: &mut Command) -> Ran {
    ran(command.output().unwrap())
}

#[test]
fn two_thousand_calls_are_shared_by_eight_actors() {
    let Some(ray) = ray() else { return };
    let machine = Machine::new();
    let ended = run(&mut on(&ray, &machine, "many", &["-n", "8", "--resource", "safe=1", "--memory", "100000000"]));
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert_eq!(bodies(&ended.out), (0..MANY).collect::<Vec<_>>(), "each body once");
    let sum = (0..MANY).map(launch::made_of).fold(0, u64::wrapping_add);
    assert_eq!(said(&ended.out, "SAYS sum"), [(0, &*format!("{sum} with cpus=1,memory=100000000 and "))]);
    let runs = machine.json(&["runs"]);
    let places: Vec<String> = runs.as_array().unwrap().iter().map(|run| run["place"].to_string()).collect();
    for node in ["head", "n2"] {
        assert!(places.iter().any(|place| place.contains(node) && place.contains("datlake-")), "{node}: {places:?}");
    }
}

/// One of two is lost with its node. The other one takes over.
#[test]
fn a_run_survives_the_loss_of_a_node_of_ray() {
    let Some(ray) = ray() else { return };
    let machine = Machine::new();
    let started = on(&ray, &machine, "lose", &["-n", "2", "--resource", "spot=1"]);
    let (child, process, mut out) = in_the_body_of(started);
    // What `--env` names may be secret: the script is for nobody else on the node.
    let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    let package = environment.split('\0').find_map(|variable| variable.strip_prefix("PYTHONPATH=")).unwrap();
    let script = Path::new(package.split(':').next().unwrap()).join("datlake_processes.py");
    assert_eq!(script.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // Its worker's parent is the node's daemon.
    let node = parent(parent(process));
    assert!(Command::new("kill").args(["-s", "KILL", &node.to_string()]).status().unwrap().success());
    let mut line = String::new();
    while !line.contains("in the body") {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "nobody took over");
    }
    machine.write("work/go", "");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let ended = ran(child.wait_with_output().unwrap());
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert!(ended.err.contains("begins anew: its node has failed"), "{}", ended.err);
    // The other one's node had room for it at the end.
    assert_eq!(said(&ended.err, "WARNS").len(), 2, "{}", ended.err);
}

#[test]
fn a_body_that_needs_more_memory_than_there_is_is_set_aside_on_ray() {
    let Some(ray) = ray() else { return };
    let options = ["--on", "ray", "--env", STEP, "--env", "DATLAKE_HOME", "--resource", "safe=1"];
    launch::is_set_aside(&Machine::new(), &options, launch::ULIMIT, |command| with(&ray, command));
}

#[test]
fn ctrl_c_stops_the_job_of_ray() {
    let Some(ray) = ray() else { return };
    let machine = Machine::new();
    ended_by_ctrl_c(on(&ray, &machine, "wait", &["-n", "2", "--resource", "safe=1"]));
}

/// Whoever follows is killed, as with a login node, and another one joins; then Ray forgets the job.
#[test]
fn a_job_of_ray_is_joined_and_forgotten() {
    let Some(ray) = ray() else { return };
    let machine = Machine::new();
    let (mut left, _) = in_the_body(on(&ray, &machine, "wait, then fail", &["-n", "1", "--resource", "safe=1"]));
    left.kill().unwrap();
    left.wait().unwrap();
    let attach = || {
        let mut command = machine.command(&["runs", "attach"]);
        with(&ray, &mut command);
        command
    };
    let (joined, mut out) = in_the_body(attach());
    machine.write("work/go", "");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let joined = ran(joined.wait_with_output().unwrap());
    assert!(joined.status == 3 && joined.err.contains("process 0 ended with exit status 3"), "{}", joined.err);
    assert!(rest.contains("SAYS sum 7"), "{rest}");
    // What is over is known without Ray.
    let again = run(attach().env("RAY_AUTH_TOKEN", "wrong"));
    assert_eq!((again.status, said(&again.out, "SAYS in the body").len()), (3, 1), "{}", again.err);

    let launched = std::fs::read_dir(machine.path("home/launched")).unwrap().next().unwrap().unwrap().path();
    let about = std::fs::read_to_string(launched.join("launch.json")).unwrap();
    std::fs::write(launched.join("launch.json"), about.replace("\"datlake-", "\"datlake-other-")).unwrap();
    std::fs::remove_file(launched.join("0.exit")).unwrap();
    let forgotten = run(&mut attach());
    assert_eq!(forgotten.status, 2, "{}", forgotten.err);
    assert!(forgotten.err.contains("process 0 is lost: Ray does not know the job any more"), "{}", forgotten.err);
}

#[test]
fn a_ray_that_refuses_is_an_error() {
    let Some(ray) = ray() else { return };
    let machine = Machine::new();
    let refused = run(on(&ray, &machine, "share", &["-n", "1"]).env("RAY_AUTH_TOKEN", "not-the-token-of-this-cluster"));
    check_failure(&refused, 2, &["refuses (403)", "RAY_AUTH_TOKEN"]);
    assert!(!refused.err.contains("not-the-token"), "{}", refused.err);
    // Nobody is to join a run that never was.
    machine.fails(1, &["has started no run"], &["runs", "attach"]);
}

/// Ray would wait for a node for ever.
#[test]
fn what_fits_no_node_of_ray_is_an_error() {
    let Some(ray) = ray() else { return };
    let machine = Machine::new();
    let asked = ["-n", "2", "--cpus", "64", "--resource", "safe=1"];
    let refused = run(&mut on(&ray, &machine, "share", &asked));
    let says =
        "no node of the cluster has room for a process, which needs 64 CPU, 1 safe; the most that one has is 4 CPU";
    check_failure(&refused, 2, &["nothing was started", says, "--wait-for-nodes"]);
    // Whoever says that one will come waits.
    let mut waits = on(&ray, &machine, "share", &[&asked[..], &["--wait-for-nodes"]].concat());
    let mut child = waits.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    while !said.contains("Ray waits for one") {
        said.clear();
        assert_ne!(err.read_line(&mut said).unwrap(), 0, "it ended");
    }
    launch::signal(&child, "INT");
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(rest.contains("process 1 is lost: it had not begun"), "{rest}");
}

#[test]
fn what_is_not_ray_is_an_error() {
    let machine = Machine::new();
    fn options<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["run", "-n", "2"], more, &["--", "sh", "-c", "true"]].concat()
    }
    for (address, says) in [
        ("http://127.0.0.1:1", "Ray does not answer at http://127.0.0.1:1: nobody listens there"),
        ("ray://127.0.0.1:10001", "Ray takes jobs over HTTP: `ray://` is another of its addresses"),
        ("http://ada:secret@head:8265", "an address of Ray names no password"),
    ] {
        machine.fails(2, &[says], &options(&["--on", "ray", "--address", address]));
    }
    machine.fails(2, &["--address means nothing here"], &options(&["--address", "http://127.0.0.1:1"]));
    machine.fails(
        2,
        &["there is no such variable here"],
        &options(&["--on", "ray", "--env", "NOT_SET", "--write-only"]),
    );
    for (resource, says) in
        [("tpu=x", "the amount is a number above 0"), ("CPU=1", "--cpus, --gpus and --memory say that")]
    {
        let refused = machine.run(&options(&["--on", "ray", "--resource", resource]));
        assert!(refused.status == 2 && refused.err.contains(says), "{}", refused.err);
    }
}

#[test]
fn without_ray_there_is_a_script_and_no_job() {
    let machine = Machine::with_remote();
    let given =
        ["-n", "4", "--cpus", "2", "--memory", "1GiB", "--gpus", "1", "--resource", "tpu=0.5", "--env", "A=\"b\" é"];
    let words = ["run", "--on", "ray", "--write-only"];
    let script = machine.ok(&[&words[..], &given, &["--", "echo", "two words", "it's"]].concat());
    let run = script.split("\nRUN = ").nth(1).unwrap().split("\n}\n").next().unwrap();
    let changes = |line: &&str| line.contains("DATLAKE_RUN\"") || line.contains("DATLAKE_RUN_PROGRAM");
    let kept: Vec<&str> = run.lines().filter(|line| !changes(line)).collect();
    insta::assert_snapshot!(machine.normal(&kept.join("\n")));
    // Python reads it, where there is one.
    if let Ok(checked) = Command::new("python3").args(["-c", &format!("compile({script:?}, 'x', 'exec')")]).output() {
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}
