//! A file of which somebody has a lease, as file servers have of what their clients write.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use datlake::Lake;

/// What the lease of a file is, or is about to become.
fn lease(file: &File) -> i32 {
    // SAFETY: the descriptor is open.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLEASE) }
}

fn set_lease(file: &File, lease: i32) -> bool {
    // SAFETY: the descriptor is open.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, lease) == 0 }
}

#[test]
fn whoever_has_a_lease_of_a_small_file_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.txt");
    fs::write(&path, "small").unwrap();
    // SAFETY: the signal that somebody wants the file is ignored, and no handler runs.
    unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
    let file = File::options().write(true).open(&path).unwrap();
    if !set_lease(&file, libc::F_WRLCK) {
        eprintln!("SKIPPED: no leases here");
        return;
    }
    let holder = std::thread::spawn(move || {
        while lease(&file) == libc::F_WRLCK {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(set_lease(&file, libc::F_UNLCK));
    });
    let tree = Lake::temp().unwrap().add_tree("tree", folder.path()).unwrap();
    assert_eq!(tree.get("small.txt").unwrap().read().unwrap(), b"small");
    holder.join().unwrap();
}
