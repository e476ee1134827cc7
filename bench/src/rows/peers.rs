//! Skipped calls beside those of tools for Python. `bench/peers/requirements.txt` pins them; a virtual environment with them in the
//! path, or in `DATLAKE_BENCH_PYTHON`, is what makes these rows run.

use std::path::PathBuf;
use std::process::Command;

use super::hit::filled;
use crate::any_result::AnyResult;
use crate::measure::{Bench, Cost, program};

const PEERS: &[(&str, &str, u64)] = &[("joblib", "≥ 20 × faster", 10_000), ("redun", "≥ 500 × faster", 1000)];

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let python = std::env::var("DATLAKE_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/hits.py");
    for (peer, bar, count) in PEERS {
        let importable = Command::new(&python).args(["-c", &format!("import {peer}")]).output();
        if !importable.is_ok_and(|output| output.status.success()) {
            bench.left_out(&format!("`{peer}` is not in the environment of `{python}`"));
            continue;
        }
        let count = bench.size(*count);
        let (lake, folder) = (filled(bench, "peers", count)?, bench.folder("peers-cache")?);
        let peer_hits = || -> AnyResult<Cost> {
            let output = Command::new(&python).arg(&script).arg(peer).arg(&folder).arg(count.to_string()).output()?;
            match output.status.success() {
                true => Ok(serde_json::from_slice(&output.stdout)?),
                false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
            }
        };
        // The first run makes the calls.
        peer_hits()?;
        let what = format!("{count} skipped calls, each, beside {peer}");
        bench.pairs(&what, bar, count, || program("calls", &[&lake, &count]), peer_hits)?;
    }
    Ok(())
}
