//! The lines of the guide, as they stand.

use std::process::Command;

use crate::support::Served;

#[test]
fn the_lines_of_the_guide_do_what_it_says() {
    let served = Served::new();
    let token = served.token(
        "daily",
        &[("writer", "job:daily_*"), ("writer", "table:*"), ("writer", "dataset:logs"), ("operator", "job:nightly_*")],
    );
    let page = include_str!("../../../docs/guide/control-plane.md");
    let blocks: Vec<&str> = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() > 8);
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &blocks.concat()])
        .env("API", format!("{}/api/v1", served.url))
        .env("TOKEN", token)
        .env("ADMIN", served.token("reads-all", &[("reader", "*")]))
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let [said, failed] = [&done.stdout, &done.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(done.status.success(), "{said}{failed}");
    let run = served.root().json("/jobs/daily_users/runs?state=succeeded")["results"][0].clone();
    assert_eq!((run["inputs"].as_array().unwrap().len(), run["outputs"][0]["name"].as_str()), (2, Some("users")));
    let events = std::fs::read_to_string(folder.path().join("events.json")).unwrap();
    assert!(events.contains("\"stats\"") && events.contains("\"table:users\""), "{events}");
}
