//! Small file systems of their own, to be filled and to be made read-only.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system of its own, unmounted when dropped.
pub(crate) struct Mount(tempfile::TempDir);

impl Mount {
    /// `None` where this process may not mount; says so past the capture of test output.
    pub(crate) fn tmpfs(test: &str, size: &str) -> Option<Self> {
        let mount = tempfile::tempdir().unwrap();
        let options = ["-t", "tmpfs", "-o", &format!("size={size}"), "datlake-test"];
        match Command::new("mount").args(options).arg(mount.path()).output() {
            Ok(done) if done.status.success() => Some(Self(mount)),
            _ => {
                skipped(test, "may not mount a file system");
                None
            }
        }
    }

    /// One whose files can share bytes. As [`tmpfs`](Self::tmpfs).
    pub(crate) fn xfs(test: &str) -> Option<Self> {
        let (mount, image) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        image.as_file().set_len(512 << 20).unwrap();
        let done = |command: &mut Command| command.output().is_ok_and(|done| done.status.success());
        if done(Command::new("mkfs.xfs").args(["-q", "-m", "reflink=1"]).arg(image.path()))
            && done(Command::new("mount").args(["-o", "loop"]).arg(image.path()).arg(mount.path()))
        {
            return Some(Self(mount));
        }
        skipped(test, "may not mount an XFS file system");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// How many bytes are in use.
    pub(crate) fn used(&self) -> u64 {
        let done = Command::new("sync").arg("-f").arg(self.path()).status();
        assert!(done.unwrap().success());
        let done = Command::new("df").args(["-B1", "--output=used"]).arg(self.path()).output().unwrap();
        String::from_utf8(done.stdout).unwrap().lines().nth(1).unwrap().trim().parse().unwrap()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.0.path().join("home")
    }

    pub(crate) fn remount(&self, options: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.0.path()).status();
        assert!(done.unwrap().success());
    }

    /// Leaves no room for another byte.
    pub(crate) fn fill(&self) {
        let mut filler = fs::File::create(self.0.path().join("filler")).unwrap();
        while filler.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let done = Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(done.unwrap().success());
    }
}

/// Says so on the real standard error: what a passing test prints with a macro is not shown.
pub(crate) fn skipped(test: &str, why: &str) {
    std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes()).unwrap();
}
