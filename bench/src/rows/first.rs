//! A whole process that makes one skipped call, beside one that reads the same two files.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::any_result::AnyResult;
use crate::measure::{Bench, Cost, process, program};

/// Processes in one measurement.
const TIMES: u64 = 50;

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let lake = bench.folder("first")?.join("lake");
    program("same", &[&lake, &1_u64])?;
    let (header, record) = (lake.join("datlake.json"), record_in(&lake.join("calls"))?);
    let this = std::env::current_exe()?;
    let many = |args: &[&Path], name: &str, last: &str| -> AnyResult<Cost> {
        let mut seconds = 0.0;
        for _ in 0..TIMES {
            let mut command = Command::new(&this);
            command
                .args(["program", name])
                .args(args)
                .args((!last.is_empty()).then_some(last))
                .env("DATLAKE_LOG", "off");
            seconds += process(&mut command)?.seconds;
        }
        Ok(Cost { seconds, peak: 0 })
    };
    bench.pairs(
        "a fresh process with one skipped call",
        "≤ 3 × reading the same two files",
        TIMES,
        || many(&[&lake], "same", "1"),
        || many(&[&header, &record], "floor-first", ""),
    )?;
    let size = std::fs::metadata(&this)?.len();
    bench.figure(
        "this program, with git and without buckets",
        "–",
        format!("{:.1} MB", size as f64 / 1e6),
        "with its symbols",
    );
    Ok(())
}

fn record_in(folder: &Path) -> AnyResult<PathBuf> {
    let mut at = folder.to_owned();
    while at.is_dir() {
        at = std::fs::read_dir(&at)?.next().ok_or("there is no record")??.path();
    }
    Ok(at)
}
