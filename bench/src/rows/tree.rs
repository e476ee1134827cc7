//! The same folder added by other tools that keep versions of files, where they are installed.

use std::path::Path;
use std::process::Command;

use super::add::folder_of;
use crate::any_result::AnyResult;
use crate::measure::{Bench, process, program};

/// Name, and what a shell does in a copy of the folder that it may change.
const TOOLS: &[(&str, &str, &str)] = &[
    (
        "git",
        "≥ 10 × faster",
        "git init -q . && git add . && git -c user.name=b -c user.email=b@b commit -qm b && sync .",
    ),
    (
        "restic",
        "no slower",
        "RESTIC_PASSWORD=b restic -q -r ../restic init && RESTIC_PASSWORD=b restic -q -r ../restic backup .",
    ),
    ("dvc", "≥ 10 × faster", "dvc init -q --no-scm && dvc add -q [0-9]*"),
    // A package for Python: its settings are in the home folder, which is another one here.
    (
        "oxen",
        "≥ 10 × faster",
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

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let count = bench.size(20_000);
    for (tool, bar, script) in TOOLS {
        if !is_there(tool) {
            bench.left_out(&format!("`{tool}` is not installed"));
            continue;
        }
        let folder = bench.folder("tree")?;
        let files = folder_of(&folder, count)?;
        let mut n = 0;
        bench.pairs(
            &format!("a folder of {count} × 4 KiB added, beside {tool}"),
            bar,
            1,
            || {
                n += 1;
                let lake = folder.join(format!("lake-{n}"));
                let cost = program("add-folder", &[&lake, &files])?;
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
    process(Command::new("cp").arg("-r").arg(files).arg(&copy))?;
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
