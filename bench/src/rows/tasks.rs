//! Calls that run and do next to nothing, shared by two processes, beside tasks of engines with two workers. What each keeps differs:
//! `bench/peers/tasks.py` says it. They are found as those of `peers` are.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::any_result::AnyResult;
use crate::measure::{Bench, Cost, program_with};

const PEERS: &[(&str, &str, u64)] = &[
    ("ray", "a task of Ray, which keeps nothing", 1000),
    ("redun", "a task of redun", 200),
    ("snakemake", "a job of Snakemake", 200),
];

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let python = std::env::var("DATLAKE_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/tasks.py");
    for (peer, what, count) in PEERS {
        let importable = Command::new(&python).args(["-c", &format!("import {peer}")]).output();
        if !importable.is_ok_and(|output| output.status.success()) {
            bench.left_out(&format!("`{peer}` is not in the environment of `{python}`"));
            continue;
        }
        let count = bench.size(*count);
        let (lake, folder) = (bench.folder("tasks")?.join("lake"), bench.folder("tasks-peer")?);
        let mut made = 0;
        let ours = || {
            made += count;
            shared(&lake, made, count)
        };
        let peer_tasks = || -> AnyResult<Cost> {
            let output = Command::new(&python).arg(&script).arg(peer).arg(&folder).arg(count.to_string()).output()?;
            let said = String::from_utf8_lossy(&output.stdout);
            match (output.status.success(), said.trim().lines().last()) {
                (true, Some(cost)) => Ok(serde_json::from_str(cost)?),
                _ => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
            }
        };
        bench.pairs(
            &format!("{count} calls that run, each, by two processes, beside {what}"),
            "–",
            count,
            ours,
            peer_tasks,
        )?;
    }
    Ok(())
}

/// `count` calls that none has made, by two processes, each of which gets all results: what the longer one took.
fn shared(lake: &Path, from: u64, count: u64) -> AnyResult<Cost> {
    let process = |rank: u64| -> Result<Cost, String> {
        let variables = [
            ("DATLAKE_RUN", format!("bench-{from}")),
            ("DATLAKE_RUN_SIZE", "2".to_owned()),
            ("DATLAKE_RANK", rank.to_string()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        program_with("shared", &[&lake, &from, &count], &variables).map_err(|error| error.to_string())
    };
    let costs = std::thread::scope(|scope| {
        let other = scope.spawn(|| process(1));
        let one = process(0);
        [Ok(one), other.join().map_err(|_| "a process cannot be waited for")]
    });
    let mut longest = Cost { seconds: 0.0, peak: 0 };
    for cost in costs {
        let cost = cost??;
        longest = Cost { seconds: longest.seconds.max(cost.seconds), peak: longest.peak.max(cost.peak) };
    }
    Ok(longest)
}
