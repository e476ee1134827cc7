//! The lines of the guide on production, as they stand: copies that are made while a server writes, and put back.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use datlake_server::{AccessRole, AccountKind, NewKeyPair, ServerSettings};
use serde_json::json;

use crate::postgres::database;
use crate::support::{Served, json as answered, problem};

/// Runs one of the blocks of the page.
fn run(block: usize, variables: &[(&str, &str)]) {
    let page = include_str!("../../../docs/guide/production.md");
    let blocks: Vec<&str> = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 4);
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", blocks[block]]).envs(variables.iter().copied());
    let done = command.output().unwrap();
    let [said, failed] = [&done.stdout, &done.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(done.status.success(), "{}: {said}{failed}", blocks[block]);
}

fn begun(served: &Served) -> String {
    let run = answered(served.root().post("/jobs/nightly/runs", &json!({})), reqwest::StatusCode::CREATED);
    run["run_id"].as_str().unwrap().to_owned()
}

/// What is to be there again: a run, and a key pair.
fn written(served: &Served) -> (String, NewKeyPair) {
    let pair = served.accounts(async |accounts| {
        accounts.create("bob", AccountKind::Machine).await?;
        accounts.grant("bob", AccessRole::Reader, &"job:*".parse()?).await?;
        accounts.create_key_pair("bob", None).await
    });
    (begun(served), pair)
}

/// Copies while runs begin: one that has begun before, and one that begins after it.
fn copied(served: &Served, copy: impl FnOnce()) -> String {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                begun(served);
            }
        });
        copy();
        is_over.store(true, Ordering::Relaxed);
    });
    begun(served)
}

fn is_there_again(served: &Served, (run, pair): &(String, NewKeyPair), later: &str) {
    let bob = served.with_pair(&pair.access_key_id, &pair.secret_access_key);
    assert_eq!(bob.json(&format!("/jobs/nightly/runs/{run}"))["state"], "running");
    problem(bob.get(&format!("/jobs/nightly/runs/{later}")), 404, &[]);
    served.root().json("/admin/health");
    begun(served);
}

#[test]
fn a_copy_of_sqlite_is_put_back() {
    let mut served = Served::new();
    let kept = written(&served);
    let backup = tempfile::tempdir().unwrap();
    let folder = served.settings.folder.clone();
    let variables = [("SERVER", folder.to_str().unwrap()), ("BACKUP", backup.path().to_str().unwrap())];
    let later = copied(&served, || run(0, &variables));
    served.end();
    run(1, &variables);
    let restored = Served::with(|settings| ServerSettings { folder: folder.clone(), ..settings });
    is_there_again(&restored, &kept, &later);
}

#[test]
fn a_copy_of_postgresql_is_put_back() {
    let (Some(old), Some(new)) = (database("old"), database("new")) else { return };
    let key = "a key that is the same for both";
    let on = |url: &str| {
        let (database_url, secret_key) = (Some(url.to_owned()), Some(key.repeat(2)));
        Served::with(|settings| ServerSettings { database_url, secret_key, ..settings })
    };
    let mut served = on(&old);
    let kept = written(&served);
    let backup = tempfile::tempdir().unwrap();
    let variables = [("DATABASE_URL", &*old), ("NEW_DATABASE_URL", &*new), ("BACKUP", backup.path().to_str().unwrap())];
    let later = copied(&served, || run(2, &variables));
    served.end();
    run(3, &variables);
    is_there_again(&on(&new), &kept, &later);
}
