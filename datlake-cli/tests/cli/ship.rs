//! `datlake run --ship`: nodes fetch the program from a bucket.
//!
//! What is shipped is `env`, which starts this test's executable.

use std::process::Command;

use crate::launch::{ALL, STEP, bodies, program};
use crate::ray::{ray, with};
use crate::servers::Server;
use crate::slurm::slurm;
use crate::support::{Machine, Ran, answered, files_in, ran};

/// What is in a signed URL, and is no more than a name.
const SIGNATURE: &str = "X-Amz-Signature";

/// A machine whose remote is a bucket.
fn machine(test: &str) -> Option<Machine> {
    let server = Server::rgw(test)?;
    Some(Machine::with_bucket(&server.url, &server.variables))
}

/// `datlake run --ship` with these options, of a program that does `share`.
fn shipping(machine: &Machine, options: &[&str]) -> Command {
    let program = program();
    let program: Vec<&str> = program.iter().map(|word| &**word).collect();
    let mut command =
        machine.command(&[&["run", "--ship=1h"], options, &["--", "env", "SAID=it came"], &program].concat());
    command.env(STEP, "share").env("TMPDIR", machine.path("tmp"));
    std::fs::create_dir_all(machine.path("tmp")).unwrap();
    command
}

/// What came is the program, and nobody else has learned from where.
fn check(machine: &Machine, ended: &Ran) {
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert_eq!(bodies(&ended.out), (0..ALL).collect::<Vec<_>>(), "each body once");
    assert!(ended.out.contains("and it came"), "{}", ended.out);
    assert!(ended.err.contains("nodes fetch the program, `programs/") && ended.err.contains("/env`, until 20"));
    let came: Vec<String> = files_in(&machine.path("tmp")).into_iter().filter(|file| file.ends_with("/env")).collect();
    assert!(matches!(&*came, [one] if one.starts_with("datlake-programs-")), "{came:?}");
    assert!(machine.ok(&["ls", "-r", "programs"]).contains("/env"));
    for text in [&ended.out, &ended.err] {
        assert!(!text.contains(SIGNATURE), "{text}");
    }
    let launched = machine.path("home/launched");
    for file in files_in(&launched) {
        let content = std::fs::read(launched.join(&file)).unwrap();
        assert!(!String::from_utf8_lossy(&content).contains(SIGNATURE), "{file}");
    }
}

#[test]
fn slurm_fetches_the_program_from_a_bucket() {
    let (Some(slurm), Some(machine)) = (slurm(), machine("slurm_fetches_the_program_from_a_bucket")) else { return };
    let options = ["--on", "slurm", "-n", "2", "--sbatch=--exclude=n1,n2"];
    let ended = ran(shipping(&machine, &options).env("SLURM_CONF", &slurm).output().unwrap());
    check(&machine, &ended);
    // It comes where there are no credentials, which the pipeline then needs.
    let mut without = machine.command(&["run", "--ship", "--on", "slurm", "-n", "1", "--sbatch=--exclude=n1,n2"]);
    without.args(["--", "env", "-u", "AWS_ACCESS_KEY_ID", "-u", "AWS_SECRET_ACCESS_KEY"]).args(program());
    without.env(STEP, "share").env("TMPDIR", machine.path("tmp")).env("DATLAKE_HOME", machine.path("other"));
    let without = ran(without.env("SLURM_CONF", &slurm).output().unwrap());
    assert!(without.status != 0 && bodies(&without.out).is_empty(), "{}", without.out);
    assert!(without.err.contains("no credentials"), "{}", without.err);
}

#[test]
fn ray_fetches_the_program_from_a_bucket() {
    let (Some(ray), Some(machine)) = (ray(), machine("ray_fetches_the_program_from_a_bucket")) else { return };
    let mut options = vec!["--on", "ray", "-n", "2", "--resource", "safe=1", "--env", "TMPDIR", "--env", STEP];
    options.extend([
        "--env",
        "DATLAKE_HOME",
        "--env",
        "AWS_ENDPOINT_URL",
        "--env",
        "AWS_ALLOW_HTTP",
        "--env",
        "AWS_REGION",
    ]);
    options.extend(["--env", "AWS_ACCESS_KEY_ID", "--env", "AWS_SECRET_ACCESS_KEY"]);
    let ended = ran(with(&ray, &mut shipping(&machine, &options)).output().unwrap());
    check(&machine, &ended);
    let header = format!("Authorization: Bearer {}", ray.1);
    let shown = Command::new("curl").args(["-sf", "-H", &header, &format!("{}/api/jobs/", ray.0)]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("datlake_processes.py") && !shown.contains(SIGNATURE), "{shown}");
}

#[test]
fn what_would_be_submitted_says_how_to_get_a_url() {
    let Some(machine) = machine("what_would_be_submitted_says_how_to_get_a_url") else { return };
    for (engine, options, says) in [
        ("slurm", &[][..], "# It needs DATLAKE_PROGRAM_URL, which `datlake url programs/"),
        ("ray", &[], "# It needs DATLAKE_PROGRAM_URL in its environment, which `datlake url programs/"),
        ("kubernetes", &["--image", "x"], "--from-literal=url=\"$(datlake url programs/"),
    ] {
        let options = [&["--on", engine, "-n", "2", "--write-only"], options].concat();
        let written = ran(shipping(&machine, &options).output().unwrap());
        assert_eq!(written.status, 0, "{}", written.err);
        assert!(written.out.contains(says) && !written.out.contains(SIGNATURE), "{}", written.out);
        // Processes compare themselves with what was shipped. Of what is in an image nothing is known.
        let build = format!("env:{}", datlake::Digest::of(&std::fs::read("/usr/bin/env").unwrap()));
        assert_eq!(written.out.contains(&build), engine != "kubernetes", "{}", written.out);
        // What it asks for is a file of the lake.
        let uid = written.out.split("datlake url ").nth(1).unwrap().split(' ').next().unwrap();
        assert!(machine.ok(&["url", uid]).contains(SIGNATURE));
        if let ("kubernetes", Ok(stand_in)) = (engine, std::env::var("DATLAKE_TEST_KUBERNETES")) {
            let mut pods = machine.around(&stand_in, &[]);
            pods.env(STEP, "share")
                .env("TMPDIR", machine.path("tmp"))
                .env("SECRET_URL", machine.ok(&["url", uid]).trim());
            let ended = ran(answered(&mut pods, &written.out));
            assert_eq!((ended.status, bodies(&ended.out).len()), (0, ALL as usize), "{}", ended.err);
        }
    }
}

#[test]
fn a_program_is_shipped_by_a_bucket_alone() {
    let machine = Machine::with_remote();
    let options = ["run", "--ship", "-n", "2"];
    machine.fails(2, &["--ship means nothing here"], &[&options[..], &["--", "env"]].concat());
    let folder = [&options[..], &["--on", "slurm", "--write-only", "--", "env"]].concat();
    machine.fails(2, &["leave out --ship"], &folder);
}
