//! `datlake run --on kubernetes --write-only`: the manifest is one, and a stand-in for Kubernetes runs it.

use std::collections::{BTreeMap, BTreeSet};

use crate::launch::{ALL, STEP, bodies, program};
use crate::support::{Machine, answered, ran};

fn manifest(machine: &Machine, options: &[&str], program: &[&str]) -> String {
    let fixed = ["run", "--on", "kubernetes", "--image", "registry.example.org/pipeline:1", "--write-only"];
    machine.ok(&[&fixed, options, &["--"], program].concat())
}

#[test]
fn the_manifest_is_an_indexed_job() {
    let machine = Machine::with_remote();
    let options = ["-n", "4", "--cpus", "2", "--memory", "1GiB", "--gpus", "1", "--grace", "30s"];
    let manifest = manifest(&machine, &options, &["/pipeline", "--title=it's \"$(HOME)\": #1", "größe"]);
    let id = manifest.split("\"datlake-").nth(1).unwrap().split('"').next().unwrap().to_owned();
    insta::assert_snapshot!(machine.normal(&manifest.replace(&id, "[run]")));
}

#[test]
fn a_stand_in_for_kubernetes_runs_the_manifest() {
    let Ok(stand_in) = std::env::var("DATLAKE_TEST_KUBERNETES") else {
        return eprintln!(
            "LEFT OUT: a_stand_in_for_kubernetes_runs_the_manifest needs it; ./test starts it where it can"
        );
    };
    let machine = Machine::with_remote();
    let (program, says) = (program(), "two words, $(HOME) and it's \"quoted\"");
    let said = format!("SAID={says}");
    let mut words = vec!["env", &said];
    words.extend(program.iter().map(|word| &**word));
    let manifest = manifest(&machine, &["-n", "3", "--cpus", "1"], &words);
    let ended = ran(answered(machine.around(&stand_in, &[]).env(STEP, "share"), &manifest));
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert_eq!(bodies(&ended.out), (0..ALL).collect::<Vec<_>>(), "each body once");
    // One is the first.
    assert_eq!(ended.out.matches("SAYS sum").count(), 1, "{}", ended.out);
    assert!(ended.out.contains(&format!("and {says}")), "{}", ended.out);
    // The same manifest is another run each time, whose processes know of each other.
    let again = ran(answered(machine.around(&stand_in, &[]).env(STEP, "share"), &manifest));
    assert_eq!((again.status, bodies(&again.out).len()), (0, 0), "{}", again.err);
    let runs = machine.json(&["runs"]);
    let mut names = BTreeMap::<&str, BTreeSet<u64>>::new();
    for run in runs.as_array().unwrap() {
        let shared = &run["shared"];
        names.entry(shared["id"].as_str().unwrap()).or_default().insert(shared["rank"].as_u64().unwrap());
    }
    assert_eq!(names.values().collect::<Vec<_>>(), [&BTreeSet::from([0, 1, 2]); 2], "{runs:#}");
}

#[test]
fn what_pods_need_is_asked_for() {
    let machine = Machine::with_remote();
    fn run<'a>(options: &[&'a str]) -> Vec<&'a str> {
        [&["run", "--on", "kubernetes", "-n", "2"], options, &["--", "/pipeline"]].concat()
    }
    machine.fails(2, &["needs the image that the program is in: --image"], &run(&["--write-only"]));
    machine.fails(2, &["does not submit jobs to Kubernetes", "kubectl create"], &run(&["--image", "x"]));
    let alone = Machine::new();
    alone.fails(2, &["none is configured: set DATLAKE_REMOTE"], &run(&["--image", "x", "--write-only"]));
}
