//! A repository of very many objects: what it costs to commit, compare, list, look up and merge, in time and in objects written, beside
//! reading files as large as the ranges that this needs, and writing as many so that they last.

use std::path::Path;

use crate::any_result::AnyResult;
use crate::measure::{Bench, program};

/// What is done, the bar, how many ranges it has to read at least, and how many objects it has to write.
const DONE: &[(&str, &str, &str, u64, u64)] = &[
    ("commit", "a commit of one change", "≤ 60 ms", 2, 5),
    ("diff", "a diff of 100 paths", "≤ 20 ms", 202, 0),
    ("page", "a page of 1000", "≤ 5 ms", 3, 0),
    ("stat", "a look at one object, warm", "≤ 0.3 ms", 0, 0),
    ("merge", "a merge of 1000 paths", "≤ 200 ms", 2000, 4),
];

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let count = bench.size(1_000_000);
    let folder = bench.folder("versions")?;
    let lake = folder.join("lake");
    let planted = program("versions-plant", &[&lake, &count])?;
    let made = format!("{:.1} s", planted.seconds);
    bench.figure(&format!("a commit of {count} objects without copying them"), "–", made, "");
    for (what, shown, bar, read, written) in DONE {
        let (mut round, mut most) = (0, 0);
        bench.pairs(
            &format!("{shown}, of {count}"),
            bar,
            1,
            || {
                round += 1;
                let before = objects(&lake)?;
                let cost = program("versions", &[what, &lake, &count, &round])?;
                most = most.max(objects(&lake)? - before);
                Ok(cost)
            },
            || program("floor-versions", &[&folder.join("floor"), read, written]),
        )?;
        // Others commit first what they compare or merge.
        if *what == "commit" {
            bench.figure(&format!("{shown}, of {count}: objects written"), "≤ 8", most.to_string(), "");
        }
    }
    Ok(())
}

/// How many objects a lake has; the marks of what no remote has got are this machine's own, and none of them.
fn objects(folder: &Path) -> AnyResult<u64> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == "unpushed" {
            continue;
        }
        count += if entry.file_type()?.is_dir() { objects(&entry.path())? } else { 1 };
    }
    Ok(count)
}
