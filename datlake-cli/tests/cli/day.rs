//! `docs/guide/a-day.md`, walked through: its commands run as they stand, and its edits are made.

use std::path::Path;
use std::process::Command;

use crate::crates::UserCrate;
use crate::guide::matches;
use crate::support::ran;

#[test]
fn the_day_goes_as_the_page_says() {
    let page = include_str!("../../../docs/guide/a-day.md");
    let forecast = UserCrate::new("forecast", "src/main.rs", r#"serde = { version = "1", features = ["derive"] }"#);
    forecast.take("examples/grid.rs", "src/main.rs");
    forecast.take("examples/data/seattle-weather.csv", "data/seattle-weather.csv");
    let mut commands = 0;
    for block in page.split("\n```").skip(1).step_by(2) {
        let Some((kind, block)) = block.split_once('\n') else { continue };
        match kind {
            "diff" => edit(&forecast, block),
            "console" => {
                for step in format!("\n{block}").split("\n$ ").skip(1) {
                    run(&forecast, step);
                    commands += 1;
                }
            }
            _ => {}
        }
    }
    assert!(commands > 12, "the page has {commands} commands");
}

/// Lines that go, and those that come in their place.
fn edit(forecast: &UserCrate, diff: &str) {
    let lines =
        |sign: char| diff.lines().filter_map(move |line| line.strip_prefix(sign)).collect::<Vec<_>>().join("\n");
    forecast.replace("src/main.rs", &lines('-'), &lines('+'));
}

fn run(forecast: &UserCrate, step: &str) {
    let (command, expected) = step.split_once('\n').unwrap_or((step, ""));
    if command.contains("cargo run") {
        forecast.cargo("build");
    }
    // Built above, as the other crates of tests are.
    let script = command.replace("cargo run --", "./program").replace("cargo run", "./program");
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("exec 2>&1; {script}")]).current_dir(forecast.path(""));
    let bin = Path::new(env!("CARGO_BIN_EXE_datlake")).parent().unwrap();
    let path = std::env::join_paths(
        [bin.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    bash.env("PATH", path.unwrap()).env("DATLAKE_HOME", forecast.path("lake")).env("DATLAKE_EMAIL", "ada@example.org");
    bash.env("DATLAKE_LOG", "summary").env("COLUMNS", "120").env_remove("DATLAKE").env_remove("DATLAKE_REMOTE");
    let said = ran(bash.output().unwrap());
    assert!(matches(expected.trim_end(), said.out.trim_end()), "{command}\n{}\nis not\n{expected}", said.out);
}
