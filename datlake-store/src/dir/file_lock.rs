//! Claims among the processes of one machine.
//!
//! A claim only saves work: the first create counts, whatever process holds the claim.

use std::io;
use std::sync::Arc;

use datlake_core::{Error, ErrorKind, Result};

use super::DirStore;
use super::lock::{Attempt, LockFile, attempt};
use super::sys::make_dir;
use crate::leaving::{self, Registered};

const FOLDER: &str = "claims";

/// What an attempt to claim found.
#[derive(Debug)]
pub enum LockAttempt {
    /// The claim is ours until the lock is dropped.
    Won(FileLock),
    /// Somebody else holds it.
    Held {
        /// What the holder said about itself; empty if it has not said anything yet.
        note: String,
    },
    /// The file system knows no locks: there are no claims here.
    Unsupported,
}

/// A held claim, released when this is dropped or the process ends.
#[derive(Debug)]
pub struct FileLock {
    _registered: Option<Registered>,
    lock: Arc<LockFile>,
    left: Option<String>,
}

impl FileLock {
    /// What the holder before said of itself, if it died: `None` after one that ended in order.
    pub fn left(&self) -> Option<&str> {
        self.left.as_deref()
    }

    /// Releases the claim, and leaves its note for the next who claims it, as a holder does that dies.
    pub fn leave_note(self) {
        self.lock.stay();
    }
}

impl DirStore {
    /// Tries to claim `name`, such as a call key, without waiting. Another thread of this process counts as
    /// another process. `note` is what others find in [`LockAttempt::Held`].
    ///
    /// ```
    /// # use datlake_store::{LockAttempt, DirStore, Durability};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = DirStore::open(folder.path(), Durability::Cached)?;
    /// let LockAttempt::Won(lock) = store.try_claim("3f9a", "process 42")? else { panic!("the first claim wins") };
    /// assert!(matches!(store.try_claim("3f9a", "")?, LockAttempt::Held { note } if note == "process 42"));
    /// drop(lock);
    /// assert!(matches!(store.try_claim("3f9a", "")?, LockAttempt::Won(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where `name` is anything but ASCII letters, digits, `-` and `_`; errors of the file system.
    pub fn try_claim(&self, name: &str, note: &str) -> Result<LockAttempt> {
        self.claim(name, |_| note.to_owned(), false)
    }

    /// The same with a note that depends on what the holder before [left](FileLock::left). A process that is
    /// [asked to end](crate::release_claims_on_sigterm) leaves what was there before.
    ///
    /// # Errors
    /// As [`try_claim`](Self::try_claim).
    pub fn try_claim_after(&self, name: &str, note: impl Fn(Option<&str>) -> String) -> Result<LockAttempt> {
        self.claim(name, note, true)
    }

    fn claim(&self, name: &str, note: impl Fn(Option<&str>) -> String, registered: bool) -> Result<LockAttempt> {
        check(name)?;
        let folder = self.root().join(FOLDER);
        let path = folder.join(format!("{name}.lock"));
        let locked = match attempt(&path, true) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => make_dir(&folder).and_then(|()| attempt(&path, true)),
            locked => locked,
        };
        let claim = locked.and_then(|locked| match locked {
            Attempt::Ours(lock) => {
                let (left, lock) = (lock.left()?, Arc::new(lock));
                lock.note(&note(left.as_deref()))?;
                let register = || leaving::register(Arc::downgrade(&lock), left.clone().unwrap_or_default());
                let _registered = registered.then(register);
                Ok(LockAttempt::Won(FileLock { _registered, lock, left }))
            }
            Attempt::Theirs(note) => Ok(LockAttempt::Held { note }),
            Attempt::Unsupported | Attempt::Absent => {
                let _ = std::fs::remove_file(&path);
                Ok(LockAttempt::Unsupported)
            }
        });
        claim.map_err(|e| self.failed("claim", &format!("{FOLDER}/{name}.lock"), e))
    }

    /// Whether the claim `name` is held now.
    ///
    /// # Errors
    /// As [`try_claim`](Self::try_claim).
    pub fn is_claimed(&self, name: &str) -> Result<bool> {
        check(name)?;
        // The file is not created, so that two concurrent questions do not see each other.
        match attempt(&self.root().join(FOLDER).join(format!("{name}.lock")), false) {
            Ok(found) => Ok(matches!(found, Attempt::Theirs(_))),
            Err(e) => Err(self.failed("look at the claim", &format!("{FOLDER}/{name}.lock"), e)),
        }
    }
}

fn check(name: &str) -> Result<()> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 200 || !name.chars().all(fine) {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("cannot claim `{}`: expected ASCII letters, digits, `-` and `_`", name.escape_debug()),
        ));
    }
    Ok(())
}
