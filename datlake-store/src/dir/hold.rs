//! A lock of one home between writers, who put content in before they name it, and a collector of unnamed content.
//!
//! Writers share it; a collector has it alone. The operating system releases it with its process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;

use datlake_core::Result;

use super::{DirStore, sys};
use crate::maker::Maker;

const FILE: &str = "collect.lock";
/// Marks a remote, for which this lock is not enough: other machines write to it.
const SHARED: &str = "shared";

/// What an attempt to hold content found.
#[derive(Debug)]
pub enum Hold {
    /// Nothing is collected while this lives; if asked for `alone`, nothing else is held.
    Held(Holding),
    /// A collector has it; or, if asked for `alone`, anything else.
    Busy,
    /// The file system knows no locks, or nothing can be written here.
    Unsupported,
}

/// A held lock: a writer's, or a collector's.
#[derive(Debug)]
pub struct Holding(File, Maker);

impl Drop for Holding {
    fn drop(&mut self) {
        // Explicitly, for a child process being started may hold the same open file for a moment.
        if self.1.is_here() {
            let _ = self.0.unlock();
        }
    }
}

impl DirStore {
    /// Marks this folder as a remote.
    pub(crate) fn share(&self) -> Result<()> {
        match File::create_new(self.root().join(SHARED)) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(self.failed("mark as shared", SHARED, e)),
            _ => Ok(()),
        }
    }

    /// Whether machines have written to this folder as to their remote.
    pub fn is_shared(&self) -> bool {
        self.root().join(SHARED).exists()
    }

    /// Tries to hold the content of this home, `alone` to collect it, without waiting.
    pub fn try_hold(&self, alone: bool) -> Result<Hold> {
        let path = self.root().join(FILE);
        let opened = match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path) {
            // Another user's can be locked all the same.
            Err(e) if unwritable(&e) => File::open(&path),
            opened => opened,
        };
        let file = match opened {
            // What cannot be written to holds nothing new.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Hold::Unsupported),
            opened => opened.map_err(|e| self.failed("open", FILE, e))?,
        };
        match if alone { file.try_lock() } else { file.try_lock_shared() } {
            Ok(()) => Ok(Hold::Held(Holding(file, Maker::this()))),
            Err(TryLockError::WouldBlock) => Ok(Hold::Busy),
            Err(TryLockError::Error(e)) if sys::no_locks(&e) => Ok(Hold::Unsupported),
            Err(TryLockError::Error(e)) => Err(self.failed("lock", FILE, e)),
        }
    }
}

fn unwritable(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}
