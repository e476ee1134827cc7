//! A forked child has a copy of everything, and none of its parent's threads.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs::{File as Plain, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use datlake::{Error, ErrorKind, File, Lake, Result, file_creator};

/// Forks. The child does `work`, and ends well if that gives `true`; the parent waits for that.
fn check_in_child(work: impl FnOnce() -> bool) {
    // SAFETY: the child calls nothing of the parent's threads, which is what these tests are about, and leaves by `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        let fine = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
        // SAFETY: it ends the process, without what the parent has registered for its own end.
        unsafe { libc::_exit(if fine { 0 } else { 1 }) };
    }
    let began = Instant::now();
    loop {
        let mut status = 0;
        // SAFETY: `status` lives.
        let ended = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
        if ended == pid {
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "the child says no");
            return;
        }
        if began.elapsed() > Duration::from_secs(60) {
            // SAFETY: it is this process's own child, which nobody has waited for.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            panic!("the child waits for ever");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[file_creator]
fn made(n: u32) -> Result<File> {
    File::from_bytes("made.txt", n.to_string())
}

fn says(error: &Error, text: &str) -> bool {
    error.to_string().contains(text)
}

#[test]
fn a_child_cannot_use_the_threads_of_its_parent_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let remote = format!("file://{}", dir.path().join("remote").display());
    let lake = Lake::builder().home(dir.path().join("home")).remote(remote).open().unwrap();
    let _current = lake.enter();
    made(1).unwrap();
    check_in_child(|| {
        let error = made(2).unwrap_err();
        error.kind() == ErrorKind::Context && says(&error, "forked") && made(1).is_ok()
    });
    assert_eq!(made(2).unwrap().read_to_string().unwrap(), "2");
}

#[test]
fn a_child_of_a_process_without_such_threads_works_as_a_process_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::builder().home(dir.path().join("home")).open().unwrap();
    let _current = lake.enter();
    made(1).unwrap();
    check_in_child(|| made(2).is_ok_and(|file| file.read_to_string().unwrap() == "2"));
    assert_eq!(lake.file(made::call(2).uid().unwrap().as_str()).unwrap().read_to_string().unwrap(), "2");
    assert_eq!(made(2).unwrap().read_to_string().unwrap(), "2");
}

#[test]
fn a_temporary_lake_outlives_the_childs_handles() {
    let lake = Lake::temp().unwrap();
    let home = lake.home().to_owned();
    let mut held = Some(lake);
    check_in_child(|| {
        held.take();
        true
    });
    assert!(home.join("datlake.json").exists());
}

#[test]
fn a_child_is_a_run_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::builder().home(dir.path().join("home")).open().unwrap();
    let _current = lake.enter();
    // The hits are not written down yet when the child begins.
    for _ in 0..3 {
        made(1).unwrap();
    }
    check_in_child(|| made(1).is_ok() && made(2).is_ok() && made(3).is_ok());
    made(4).unwrap();
    let mut runs: Vec<_> = lake.runs(9).unwrap().runs.into_iter().map(|run| (run.ran, run.skipped, run.run)).collect();
    runs.sort();
    assert!(matches!(&runs[..], [(2, 2, _), (2, 1, _)] | [(2, 1, _), (2, 2, _)]), "{runs:?}");
    let run_of = |n| made::call(n).lineage().unwrap().unwrap().run;
    assert_eq!([run_of(1), run_of(2)], [run_of(4), run_of(3)]);
    assert_ne!(run_of(1), run_of(2));
}

static HOME: OnceLock<PathBuf> = OnceLock::new();

/// The only file below `folder` whose name ends so.
fn only(folder: &Path, end: &str) -> PathBuf {
    let found = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = found.filter(|path| path.to_str().unwrap().ends_with(end)).collect();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[test]
fn what_a_body_holds_and_has_begun_to_write_stays_its_own() {
    #[file_creator]
    fn forks() -> Result<File> {
        let home = HOME.get().unwrap();
        let mut out = File::create("out.txt")?;
        out.write_all(b"one, ")?;
        let before = std::process::id();
        // The child goes on from here as if it were the body.
        // SAFETY: as above; it leaves by `_exit` where the call returns.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            drop(out);
            return Err(Error::new(ErrorKind::InvalidInput, "the child fails"));
        }
        let mut status = 0;
        // SAFETY: `status` lives.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        assert_eq!(before, std::process::id());
        let claim = Plain::open(only(&home.join("claims"), ".lock"))?;
        assert!(matches!(claim.try_lock(), Err(TryLockError::WouldBlock)), "the claim is gone");
        out.write_all(b"two")?;
        out.finish()
    }
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::builder().home(dir.path().join("home")).open().unwrap();
    HOME.set(lake.home().to_owned()).unwrap();
    let _current = lake.enter();
    let parent = std::process::id();
    let file = forks();
    if std::process::id() != parent {
        // SAFETY: it ends the child.
        unsafe { libc::_exit(0) };
    }
    assert_eq!(file.unwrap().read_to_string().unwrap(), "one, two");
}

#[test]
fn a_call_that_runs_in_the_parent_is_not_waited_for_by_a_thread_that_does_not_exist() {
    static STARTED: OnceLock<()> = OnceLock::new();
    static GO_ON: OnceLock<()> = OnceLock::new();
    #[file_creator]
    fn slow() -> Result<u32> {
        STARTED.set(()).unwrap();
        GO_ON.wait();
        Ok(1)
    }
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::builder().home(dir.path().join("home")).open().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _current = lake.enter();
            slow().unwrap();
        });
        STARTED.wait();
        check_in_child(|| {
            let _current = lake.enter();
            // The flight of another thread is unknown here; the claim of the parent is seen.
            slow::call().status().unwrap() == datlake::Status::Running
        });
        GO_ON.set(()).unwrap();
    });
}
