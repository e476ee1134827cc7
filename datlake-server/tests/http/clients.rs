//! The clients of lakeFS that people use: the Python packages `lakefs` and `lakefs-sdk`, where `./test` has installed them.

use std::process::Command;

use datlake_server::AccountKind;

use crate::support::{ROOT, Served};

fn run(script: &str) {
    let Ok(python) = std::env::var("DATLAKE_TEST_CLIENTS") else { return };
    let served = Served::new();
    let token = served.accounts(async |accounts| {
        accounts.create("reader", AccountKind::Machine).await?;
        for pattern in ["repo:r-*", "repo:b-*"] {
            accounts.grant("reader", datlake_server::AccessRole::Reader, &pattern.parse()?).await?;
        }
        Ok(accounts.create_token("reader", None).await?.token)
    });
    let file = format!("{}/tests/clients/{script}", env!("CARGO_MANIFEST_DIR"));
    let done = Command::new(python)
        .args(["-W", "ignore", &file])
        .env("LAKECTL_SERVER_ENDPOINT_URL", &served.url)
        .env("LAKECTL_CREDENTIALS_ACCESS_KEY_ID", ROOT.0)
        .env("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", ROOT.1)
        .env("LAKECTL_CONFIG_FILE", "/nowhere")
        .env("READERS_TOKEN", token)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("\nOK"), "{said}");
}

#[test]
fn the_package_lakefs_works() {
    run("lakefs_package.py");
}

#[test]
fn the_package_lakefs_sdk_works() {
    run("lakefs_sdk_package.py");
}
