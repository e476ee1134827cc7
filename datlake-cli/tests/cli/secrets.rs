//! What is planted as a secret parameter, among the variables and in the remote's URL, is looked for in every byte that is left behind, and
//! in everything that the command says.

use std::path::Path;

use datlake::{File, Lake, Result, file_creator};

use crate::support::{Machine, ran};

#[file_creator(closure = "own")]
fn queried(query: &str, #[secret] password: &str) -> Result<File> {
    File::from_bytes("rows.csv", format!("{query} {}\n", password.len()))
}

#[file_creator(closure = "own")]
fn refused(query: &str, #[secret] password: &str) -> Result<u64> {
    let _ = password;
    query.parse().map_err(|_| datlake::Error::new(datlake::ErrorKind::InvalidInput, "it is no number"))
}

/// A text that stands in no source: those are kept, too.
fn planted(what: &str) -> String {
    ["pl", "an", "ted-", what].concat()
}

fn needle() -> String {
    planted("")
}

/// All files under a folder that hold what was planted, or are called so.
fn found_in(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found_in(&path, found);
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            if text.contains(&needle()) || path.to_string_lossy().contains(&needle()) {
                found.push(path.display().to_string());
            }
        }
    }
}

#[test]
fn a_secret_is_nowhere() {
    let machine = Machine::new();
    let uid = {
        let lake: Lake = machine.lake();
        let _current = lake.enter();
        let file = queried("select", &planted("parameter")).unwrap();
        refused("many", &planted("parameter")).unwrap_err();
        file.uid().unwrap().to_string()
    };
    let run = serde_json::from_str::<serde_json::Value>(&machine.ok(&["runs", "--json"])).unwrap()[0]["run"]
        .as_str()
        .unwrap()
        .to_owned();
    let (uid, run) = (uid.as_str(), format!("run:{run}"));
    let mut commands: Vec<Vec<&str>> = vec![
        vec!["info", uid],
        vec!["info", &run],
        vec!["ls", "-l"],
        vec!["calls"],
        vec!["calls", "--failed"],
        vec!["find", "queried"],
        vec!["runs"],
        vec!["explain", uid],
        vec!["explain", "--source", uid],
        vec!["code", uid],
        vec!["diff", uid, uid],
        vec!["diff", &run, &run],
        vec!["status"],
        vec!["config", "show"],
        vec!["verify", "--local"],
        vec!["calls", "--table"],
        vec!["find", "queried", "--csv"],
        vec!["cat", uid],
        vec!["lineage", uid, "--format", "ro-crate", "-o", "crate"],
        vec!["lineage", "--pipeline", "-o", "pipeline.html"],
    ];
    for format in ["text", "dot", "mermaid", "svg", "html", "json", "openlineage", "prov", "markdown"] {
        commands.push(vec!["lineage", uid, "--format", format]);
    }
    let as_json: Vec<Vec<&str>> = commands[..15].iter().map(|command| [command, &["--json"][..]].concat()).collect();
    commands.extend(as_json);
    let remotes = [None, Some(format!("s3://{}:{}@bucket/lake", planted("user"), planted("password")))];
    for remote in remotes {
        for arguments in &commands {
            let mut command = machine.command(arguments);
            command.env("AWS_SECRET_ACCESS_KEY", planted("key")).env("AWS_ACCESS_KEY_ID", "ada");
            command.env("AWS_SESSION_TOKEN", planted("token")).env("DATLAKE_OFFLINE", "1").env("RUST_BACKTRACE", "1");
            command.envs(remote.iter().map(|url| ("DATLAKE_REMOTE", url)));
            let ran = ran(command.output().unwrap());
            assert!(remote.is_some() || ran.status < 2, "{arguments:?}: {}", ran.err);
            for said in [&ran.out, &ran.err] {
                assert!(!said.contains(&needle()), "{arguments:?} says {said}");
            }
        }
    }
    let mut found = Vec::new();
    found_in(&machine.path(""), &mut found);
    assert_eq!(found, Vec::<String>::new());
    assert!(machine.home().join("index/calls.sqlite").is_file(), "the index was looked through, too");
    // It would be found.
    machine.write("work/proof", &planted("proof"));
    found_in(&machine.path(""), &mut found);
    assert_eq!(found.len(), 1);
}
