//! Calls that are skipped, in a fresh process, from few to many; and what a process remembers of each.

use std::path::PathBuf;
use std::process::Command;

use crate::any_result::AnyResult;
use crate::measure::{Bench, Curve, process, program};

const BAR: &str = "≤ 2.5 ×";

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let most = bench.size(100_000);
    let (lake, floor) = (filled(bench, "hit", most)?, bench.folder("hit-floor")?);
    let (mut ours, mut least, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 1000;
    while count <= most {
        // The first of each may find nothing in the caches.
        memory.push((count, program("calls", &[&lake, &count])?.peak));
        program("floor-records", &[&floor, &count])?;
        let (us, floor) = bench.pairs(
            &format!("{count} skipped calls, each"),
            BAR,
            count,
            || program("calls", &[&lake, &count]),
            || program("floor-records", &[&floor, &count]),
        )?;
        ours.push((count as f64, us * 1e6));
        least.push((count as f64, floor * 1e6));
        count *= 10;
    }
    if let [(few, before), .., (many, after)] = &memory[..] {
        let each = after.saturating_sub(*before) / (many - few);
        bench.figure("memory for each further skipped call", "< 400 bytes", format!("{each} bytes"), "");
    }
    bench.curves.push(Curve {
        title: "A skipped call".to_owned(),
        x: "calls".to_owned(),
        y: "µs each".to_owned(),
        series: vec![("datlake".to_owned(), ours), ("floor".to_owned(), least)],
    });
    Ok(())
}

/// A lake in which `count` calls were made: in memory, where a sync costs nothing, and then copied to the disk.
pub(crate) fn filled(bench: &Bench, name: &str, count: u64) -> AnyResult<PathBuf> {
    let lake = bench.folder(name)?.join("lake");
    let memory = PathBuf::from("/dev/shm");
    if !memory.is_dir() {
        program("calls", &[&lake, &count])?;
        return Ok(lake);
    }
    let made = tempfile::Builder::new().prefix("datlake-bench").tempdir_in(memory)?;
    program("calls", &[&made.path().join("lake"), &count])?;
    process(Command::new("cp").arg("-a").arg(made.path().join("lake")).arg(&lake))?;
    // What would be written meanwhile is written now.
    process(&mut Command::new("sync"))?;
    Ok(lake)
}
