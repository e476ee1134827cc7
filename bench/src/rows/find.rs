//! What it costs to find calls, with the index and without, and to go up and down from one, in lakes of ever more calls; and what the
//! index costs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::any_result::AnyResult;
use crate::measure::{Bench, Cost, process, program, time};

/// Calls that are new.
const NEW: u64 = 100;
/// Calls of a chain.
const LINKS: u64 = 10;

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    if !command().is_some_and(|command| command.exists()) {
        bench.left_out("it needs `cargo build --release -p datlake-cli`");
        return Ok(());
    }
    for calls in [bench.size(10_000), bench.size(100_000), bench.size(1_000_000)] {
        let lake = bench.folder(&format!("find-{calls}"))?.join("lake");
        program("planted", &[&lake, &calls])?;
        let first = find(&lake, "n=17")?.seconds;
        let bar = if calls == 1_000_000 { "≤ 30 s" } else { "–" };
        bench.figure(&format!("the first index of {calls} calls"), bar, time(first), "");
        // What is left of writing them.
        find(&lake, "n=17")?;
        for (what, condition) in [("one call", "n=17"), ("the ten latest of nearly all", "n>=10")] {
            bench.pairs(
                &format!("{what}, of {calls}, beside reading every record"),
                "flat",
                1,
                || find(&lake, condition),
                || program("find-scan", &[&lake, &condition]),
            )?;
        }
        let mut slowest: f64 = 0.0;
        for round in 0..bench.rounds() as u64 {
            program("calls-from", &[&lake, &(2_000_000 + NEW * round), &NEW])?;
            slowest = slowest.max(find(&lake, "n=17")?.seconds);
        }
        bench.figure(&format!("one call of {calls}, where {NEW} are new"), "≤ 50 ms", time(slowest), "");
        program("chain", &[&lake, &LINKS])?;
        for (what, arguments) in [
            ("what was made of a file", &["first.txt", "--down", "5"][..]),
            (
                "what calls of a creator were made of, by its whole name",
                &["datlake-bench/datlake_bench::programs::link", "--up", "5"],
            ),
            ("the same by the end of its name", &["link", "--up", "5"]),
        ] {
            let mut slowest: f64 = 0.0;
            for _ in 0..bench.rounds() {
                slowest = slowest.max(lineage(&lake, arguments)?.seconds);
            }
            bench.figure(&format!("{what}, in a lake of {calls} calls"), "flat", time(slowest), "");
        }
    }
    Ok(())
}

/// The command, which links the index and stands beside this program, which does not.
fn command() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.with_file_name("datlake"))
}

fn lineage(lake: &Path, arguments: &[&str]) -> AnyResult<Cost> {
    let mut command = Command::new(command().ok_or("where is this program?")?);
    command.arg("lineage").args(arguments).arg("--json").env("DATLAKE_HOME", lake);
    process(&mut command)
}

/// Ten calls at most, with the index: what the whole process takes.
fn find(lake: &Path, condition: &str) -> AnyResult<Cost> {
    let mut command = Command::new(command().ok_or("where is this program?")?);
    command.args(["find", "-n", "10", "-p", condition, "--json"]).env("DATLAKE_HOME", lake);
    process(&mut command)
}
