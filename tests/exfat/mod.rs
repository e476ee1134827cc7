//! A disk without hard links: the exFAT file system that `scripts/servers/exfat.sh` mounts. Where there is none, its tests say
//! so and are left out.

use std::path::PathBuf;
use std::process::Command;

const DISK: &str = "DATLAKE_TEST_EXFAT";

fn disk(test: &str) -> Option<PathBuf> {
    let disk = std::env::var_os(DISK).filter(|disk| !disk.is_empty());
    if disk.is_none() {
        eprintln!("LEFT OUT: {test} needs an exFAT disk; ./test mounts one where it can, and {DISK} says where it is");
    }
    disk.map(PathBuf::from)
}

/// A new folder on that disk.
pub(crate) fn folder(test: &str) -> Option<tempfile::TempDir> {
    disk(test).map(|disk| tempfile::tempdir_in(disk).unwrap())
}

/// Runs tests of this program once more, in a process whose temporary folders are on that disk: those whose names have one of
/// `names`.
pub(crate) fn again(test: &str, names: &[&str]) {
    let Some(folder) = folder(test) else { return };
    let mut command = Command::new(std::env::current_exe().unwrap());
    let done = command.args(names).env("TMPDIR", folder.path()).env_remove(DISK).output().unwrap();
    let [out, err] = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(done.status.success() && !out.contains(" 0 passed"), "{out}{err}");
}
