//! One large file: added, beside one pass of copying, hashing and syncing.

use std::io::Write as _;
use std::path::Path;

use crate::any_result::AnyResult;
use crate::measure::{Bench, program};

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let folder = bench.folder("large")?;
    let size = bench.size(1 << 30);
    let file = folder.join("large.bin");
    make(&file, size)?;
    let (mut n, copied) = (0, folder.join("copied"));
    let mut peak = 0;
    bench.pairs(
        &format!("a file of {} MiB added", size >> 20),
        "≤ 1.15 × copy, BLAKE3 and sync in one pass",
        1,
        || {
            n += 1;
            let lake = folder.join(format!("lake-{n}"));
            let cost = program("add", &[&lake, &file])?;
            std::fs::remove_dir_all(&lake)?;
            peak = cost.peak.max(peak);
            Ok(cost)
        },
        || {
            let cost = program("floor-copy", &[&file, &copied])?;
            std::fs::remove_file(&copied)?;
            Ok(cost)
        },
    )?;
    bench.figure("memory at its highest meanwhile", "< 64 MiB", format!("{:.1} MiB", peak as f64 / 1048576.0), "");
    Ok(())
}

/// Bytes that compress badly.
pub(super) fn make(file: &Path, size: u64) -> AnyResult<()> {
    let mut out = std::fs::File::create(file)?;
    let mut reader = blake3::Hasher::new().finalize_xof();
    let mut chunk = vec![0; 1 << 20];
    for _ in 0..size >> 20 {
        reader.fill(&mut chunk);
        out.write_all(&chunk)?;
    }
    Ok(out.sync_all()?)
}
