//! The same folder added by other tools that keep versions of files, where they are installed.

use std::path::Path;
use std::process::Command;

use super::add::folder_of;
use crate::any_result::AnyResult;
use crate::measure::{Bench, process, program};

/// Name, the bar for adding, the bar for committing, and what a shell does in a copy of the folder that it may change.
const TOOLS: &[(&str, &str, &str, &str)] = &[
    (
        "git",
        "≥ 10 × faster",
        "≥ 2 × faster",
        "git init -q . && git add . && git -c user.name=b -c user.email=b@b commit -qm b && sync .",
    ),
    (
        "restic",
        "no slower",
        "no slower",
        "RESTIC_PASSWORD=b restic -q -r ../restic init && RESTIC_PASSWORD=b restic -q -r ../restic backup .",
    ),
    ("dvc", "≥ 10 × faster", "≥ 10 × faster", "dvc init -q --no-scm && dvc add -q [0-9]*"),
    // A package for Python: its settings are in the home folder, which is another one here.
    (
        "oxen",
        "≥ 10 × faster",
        "ahead",
        "HOME=$(mktemp -d) ${DATLAKE_BENCH_PYTHON:-python3} -c \"$DATLAKE_BENCH_OXEN\" > /dev/null && sync .",
    ),
];

const OXEN: &str = "
import oxen
from oxen.user import config_user
config_user('b', 'b@example.org')
repo = oxen.Repo('.')
repo.init()
repo.add('.')
repo.commit('b')
";

/// A folder added as a tree, beside each tool.
pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let count = bench.size(20_000);
    beside_tools(bench, count, "added", "add-folder", |(_, added, ..)| added)
}

/// A folder committed to a new repository, beside each tool; and taken out of it again.
pub(crate) fn run_committed(bench: &mut Bench) -> AnyResult<()> {
    bench.takes_minutes();
    let count = bench.size(100_000);
    beside_tools(bench, count, "committed", "commit-folder", |(_, _, committed, _)| committed)?;
    let folder = bench.folder("checkout")?;
    let (files, lake) = (folder_of(&folder, count)?, folder.join("lake"));
    program("commit-folder", &[&lake, &files])?;
    let emptied = |to: &str| process(Command::new("rm").arg("-rf").arg(folder.join(to)));
    bench.pairs(
        &format!("a commit of {count} × 4 KiB checked out, beside a copy"),
        "–",
        1,
        || {
            let cost = program("checkout-folder", &[&lake, &folder.join("out")])?;
            emptied("out").map(|_| cost)
        },
        || {
            let cost = process(Command::new("cp").arg("-r").arg(&files).arg(folder.join("copied")))?;
            emptied("copied").map(|_| cost)
        },
    )?;
    Ok(())
}

type Tool = (&'static str, &'static str, &'static str, &'static str);

fn beside_tools(
    bench: &mut Bench,
    count: u64,
    done: &str,
    ours: &str,
    bar: fn(&Tool) -> &'static str,
) -> AnyResult<()> {
    for tool in TOOLS {
        let (name, .., script) = tool;
        if !is_there(name) {
            bench.left_out(&format!("`{name}` is not installed"));
            continue;
        }
        let folder = bench.folder("tree")?;
        let files = folder_of(&folder, count)?;
        let mut n = 0;
        bench.pairs(
            &format!("a folder of {count} × 4 KiB {done}, beside {name}"),
            bar(tool),
            1,
            || {
                n += 1;
                let lake = folder.join(format!("lake-{n}"));
                let cost = program(ours, &[&lake, &files])?;
                process(Command::new("rm").arg("-rf").arg(&lake))?;
                Ok(cost)
            },
            || in_a_copy(&folder, &files, script),
        )?;
    }
    Ok(())
}

fn in_a_copy(folder: &Path, files: &Path, script: &str) -> AnyResult<crate::measure::Cost> {
    let copy = folder.join("copy");
    // Links to the files: to copy so many takes longer than what is measured, and no tool writes into a file.
    process(Command::new("cp").arg("-rl").arg(files).arg(&copy))?;
    let cost = process(Command::new("sh").arg("-ec").arg(script).env("DATLAKE_BENCH_OXEN", OXEN).current_dir(&copy))?;
    process(Command::new("rm").arg("-rf").arg(&copy).arg(folder.join("restic")))?;
    Ok(cost)
}

pub(crate) fn is_there(tool: &str) -> bool {
    if tool == "oxen" {
        let python = std::env::var("DATLAKE_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        return Command::new(python).args(["-c", "import oxen"]).output().is_ok_and(|output| output.status.success());
    }
    Command::new(tool).arg("--version").output().or_else(|_| Command::new(tool).arg("version").output()).is_ok()
}
