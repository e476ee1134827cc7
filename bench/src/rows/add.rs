//! A folder of many small files added, beside `tar` of it to the same disk with a sync.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::any_result::AnyResult;
use crate::measure::{Bench, Curve, process, program};

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let (mut ours, mut least) = (Vec::new(), Vec::new());
    let (mut count, most) = (1000, bench.size(100_000));
    while count <= most {
        let (us, tar) = one(bench, count)?;
        ours.push((count as f64, us * 1e6 / count as f64));
        least.push((count as f64, tar * 1e6 / count as f64));
        count *= 10;
    }
    bench.curves.push(Curve {
        title: "A folder of files of 4 KiB, added".to_owned(),
        x: "files".to_owned(),
        y: "µs each".to_owned(),
        series: vec![("datlake".to_owned(), ours), ("tar, synced".to_owned(), least)],
    });
    Ok(())
}

fn one(bench: &mut Bench, count: u64) -> AnyResult<(f64, f64)> {
    let folder = bench.folder("add")?;
    let files = folder_of(&folder, count)?;
    let (mut n, tar, mut peak) = (0, folder.join("files.tar"), 0);
    let found = bench.pairs(
        &format!("a folder of {count} × 4 KiB added"),
        "≤ 2 × tar and sync",
        1,
        || {
            n += 1;
            let lake = folder.join(format!("lake-{n}"));
            let cost = program("add-folder", &[&lake, &files])?;
            peak = cost.peak.max(peak);
            process(Command::new("rm").arg("-rf").arg(&lake))?;
            Ok(cost)
        },
        || process(Command::new("sh").arg("-c").arg("tar cf \"$1\" -C \"$0\" . && sync \"$1\"").arg(&files).arg(&tar)),
    )?;
    bench.figure("memory at its highest meanwhile", "< 256 MiB", format!("{:.1} MiB", peak as f64 / 1048576.0), "");
    Ok(found)
}

/// So many files of 4 KiB, a thousand in each folder, no two alike.
pub(crate) fn folder_of(within: &Path, count: u64) -> AnyResult<PathBuf> {
    let root = within.join("files");
    let mut bytes = [0; 4096];
    for n in 0..count {
        let folder = root.join(format!("{:04}", n / 1000));
        if n % 1000 == 0 {
            std::fs::create_dir_all(&folder)?;
        }
        blake3::Hasher::new().update(&n.to_le_bytes()).finalize_xof().fill(&mut bytes);
        std::fs::write(folder.join(format!("{n:07}.bin")), bytes)?;
    }
    process(&mut Command::new("sync"))?;
    Ok(root)
}
