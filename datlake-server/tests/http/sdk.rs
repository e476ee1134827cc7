//! Python's client of runs, tables and dataflows, installed from its wheel, where `./test` has built that.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use datlake_server::AccountKind;

use crate::support::Served;

/// Where its sources are.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("python")
}

fn python(arguments: &[&str], variables: &[(&str, &str)]) -> Option<Output> {
    let python = std::env::var("DATLAKE_TEST_CLIENTS").ok()?;
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(python);
    command.args(arguments).envs(variables.iter().copied());
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPATH", sources().join("tests"));
    // Nothing of the user's own is looked at.
    command.env("XDG_STATE_HOME", folder.path()).env("TMPDIR", folder.path()).env("NO_PROXY", "127.0.0.1");
    Some(command.current_dir(sources()).output().unwrap())
}

fn assert_fine(done: Option<Output>, says: &str) {
    let Some(done) = done else { return };
    let [said, failed] = [&done.stdout, &done.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(done.status.success() && format!("{said}{failed}").contains(says), "{said}{failed}");
}

#[test]
fn it_is_typed_and_tidy() {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mypy");
    assert_fine(python(&["-m", "mypy", "--cache-dir", cache.to_str().unwrap()], &[]), "Success");
    assert_fine(python(&["-m", "ruff", "check", "--no-cache", "."], &[]), "All checks passed");
    assert_fine(python(&["-m", "ruff", "format", "--no-cache", "--check", "."], &[]), "already formatted");
}

#[test]
fn it_works_whatever_becomes_of_the_server() {
    let tests = ["-W", "error", "-m", "unittest", "-q", "test_requests", "test_job", "test_outbox"];
    assert_fine(python(&tests, &[]), "\nOK");
}

/// With no more rights than a job needs.
#[test]
fn it_works() {
    let served = Served::new();
    let token = served.accounts(async |accounts| {
        accounts.create("jobs", AccountKind::Machine).await?;
        for pattern in ["job:*", "table:*", "dataset:datlake-artifacts"] {
            accounts.grant("jobs", datlake_server::AccessRole::Writer, &pattern.parse()?).await?;
        }
        Ok(accounts.create_token("jobs", None).await?.token)
    });
    let variables = [("DATLAKE_API_URL", &*served.url), ("DATLAKE_API_KEY", &token)];
    assert_fine(python(&["-W", "error", "-m", "unittest", "-q", "test_served"], &variables), "\nOK");
}
