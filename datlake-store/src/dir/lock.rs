//! Lock files that live exactly as long as their lock.
//!
//! The holder removes the file and then unlocks; after locking, a process checks that the file still is the one at the
//! path. So the file at a path has at most one holder, none is left behind by a process that ends in order, and one left
//! by a process that was killed is taken over.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::sys;
use crate::maker::Maker;

/// How often a file that changes under our hands is tried again.
const ATTEMPTS: usize = 1000;
/// The most that is read of a holder's note.
const NOTE: u64 = 64 << 10;

/// A lock file that is held. Dropping it removes and unlocks it.
#[derive(Debug)]
pub(crate) struct LockFile {
    file: File,
    path: PathBuf,
    maker: Maker,
    /// Whether the file stays where it is dropped, for others to read.
    stays: AtomicBool,
}

/// What an attempt to lock found.
pub(super) enum Attempt {
    Ours(LockFile),
    /// Somebody holds it, and left this note.
    Theirs(String),
    /// The file system knows no locks.
    Unsupported,
    /// There is no such file, and none was to be made.
    Absent,
}

/// Tries to take the lock file at `path`, without waiting. The folder it is in must exist.
pub(super) fn attempt(path: &Path, make: bool) -> io::Result<Attempt> {
    for _ in 0..ATTEMPTS {
        let file = match OpenOptions::new().read(true).write(true).create(make).truncate(false).open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound && !make => return Ok(Attempt::Absent),
            // Another user's: it can be locked all the same.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied && path.exists() => match File::open(path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            },
            Err(e) => return Err(e),
        };
        match file.try_lock() {
            Ok(()) if is_at(&file, path)? => {
                let (path, maker) = (path.to_owned(), Maker::this());
                return Ok(Attempt::Ours(LockFile { file, path, maker, stays: AtomicBool::new(false) }));
            }
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let note = read_note(&file)?;
                // If its holder has let go of it meanwhile, there is nothing to report.
                if is_at(&file, path)? {
                    return Ok(Attempt::Theirs(note));
                }
            }
            Err(TryLockError::Error(e)) if sys::no_locks(&e) => return Ok(Attempt::Unsupported),
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
    Err(io::Error::other("the lock file changes without end"))
}

fn read_note(mut file: &File) -> io::Result<String> {
    let mut note = Vec::new();
    file.rewind()?;
    file.take(NOTE).read_to_end(&mut note)?;
    Ok(String::from_utf8_lossy(&note).into_owned())
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(there) => Ok(sys::same(&file.metadata()?, &there)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

impl LockFile {
    /// Tells others who holds the lock.
    pub(crate) fn note(&self, text: &str) -> io::Result<()> {
        let write = || {
            self.file.set_len(0)?;
            (&self.file).rewind()?;
            (&self.file).write_all(text.as_bytes())
        };
        match write() {
            // Opened for reading only, as it is another user's; or the disk is full, and what is done under the lock may make
            // room: the note is for people, the lock is what counts.
            Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::PermissionDenied) => Ok(()),
            Err(e) if matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => Ok(()),
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::BADF.raw_os_error()) => Ok(()),
            done => done,
        }
    }
}

impl LockFile {
    /// What the last holder said, who died: one that ends in order removes the file.
    pub(super) fn left(&self) -> io::Result<Option<String>> {
        if self.file.metadata()?.len() == 0 {
            return Ok(None);
        }
        read_note(&self.file).map(Some)
    }

    /// Its file stays, as if its holder had died.
    pub(super) fn stay(&self) {
        self.stays.store(true, Ordering::Relaxed);
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if !self.maker.is_here() {
            return;
        }
        if self.stays.load(Ordering::Relaxed) {
            let _ = self.file.unlock();
            return;
        }
        // Nothing can be done about a failure: the file then stays, unlocked, for the next to take over.
        if let Ok(true) = is_at(&self.file, &self.path)
            && std::fs::remove_file(&self.path).is_err()
        {
            // It says of nobody that they died.
            let _ = self.file.set_len(0);
        }
        // Explicitly, for a child process being started may hold the same open file for a moment.
        let _ = self.file.unlock();
    }
}
