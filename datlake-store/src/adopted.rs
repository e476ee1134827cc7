//! A file that others wrote, between its digest and its name: what becomes content has the digest of its last bytes.
//!
//! - A file that only we hold, and that nobody can write to, is taken over as it is if it is as it was when it was hashed.
//! - Of any other, and where that cannot be known, a copy is taken that nobody else has, and hashed.
//! - A file that has another name is not touched: that may be the user's own.

use std::fs::{File, FileTimes, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use datlake_core::{Digest, Error, ErrorKind, Result};

use crate::dir::{changed, read_only, seal, time_of};
use crate::hashing::hash_file;
use crate::writers;

#[derive(Debug)]
pub(crate) struct Adopted {
    /// What it was when it was hashed, where a change since would show.
    stamp: Option<Stamp>,
    state: Mutex<State>,
    copy: OnceLock<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Finished,
    TakenOver,
    Copied,
}

/// What any change of a file alters.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: SystemTime,
    changed: SystemTime,
}

/// Given to a file before it is hashed: who writes to it leaves another time, however soon. Even, for FAT counts in twos.
fn marked() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(946_684_800)
}

impl Adopted {
    /// Hashes the file at `path`: it, its digest and its size.
    pub(crate) fn new(path: &Path) -> Result<(Self, Digest, u64)> {
        let failed = |e| Error::io("look at", path.display(), e);
        let file = File::open(path).map_err(|e| Error::io("read", path.display(), e))?;
        let before = file.metadata().map_err(failed)?;
        // Who maps a file changes its time once, and may go on writing.
        let watched = before.nlink() == 1
            && !writers::may_be_open(&before)
            && file.set_times(FileTimes::new().set_modified(marked())).is_ok();
        let stamp = if watched { Some(Stamp::of(&file.metadata().map_err(failed)?).map_err(failed)?) } else { None };
        let (digest, size) = hash_file(path)?;
        let stamp = stamp.filter(|stamp| stamp.modified == marked() && stamp.size == size);
        Ok((Self { stamp, state: Mutex::new(State::Finished), copy: OnceLock::new() }, digest, size))
    }

    /// The copy that nobody else has, once there is one.
    pub(crate) fn copy(&self) -> Option<&Path> {
        self.copy.get().map(PathBuf::as_path)
    }

    /// Makes sure that the file at `path` has the digest `digest`, and that nobody changes what is published of it.
    pub(crate) fn settle(&self, path: &Path, digest: &Digest) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |e| Error::io("look at", path.display(), e);
        if !path.symlink_metadata().map_err(failed)?.is_file() {
            return Err(written(path, "something else stands in its place"));
        }
        let file = File::open(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        let is_ours = match *state {
            State::Finished => self.take_over(&file, &found, digest).map_err(failed)?,
            State::TakenOver => {
                let stamp = Stamp::of(&found).map_err(failed)?;
                let as_hashed = |hashed: &Stamp| hashed.inode == stamp.inode && hashed.size == stamp.size;
                self.stamp.as_ref().is_some_and(as_hashed) && stamp.modified == time_of(digest)
            }
            State::Copied => false,
        };
        if is_ours {
            *state = State::TakenOver;
            return Ok(());
        }
        let (now, _) = match self.copy() {
            Some(_) => hash_file(path)?,
            None => self.copied(path, file)?,
        };
        if now != *digest {
            return Err(written(path, &format!("its bytes had the digest {digest}, and have {now} now")));
        }
        *state = State::Copied;
        Ok(())
    }

    /// Takes the file over as it is, sealed: `false` where it may not be what was hashed, or not stay so.
    fn take_over(&self, file: &File, found: &Metadata, digest: &Digest) -> io::Result<bool> {
        let Some(stamp) = &self.stamp else { return Ok(false) };
        if found.nlink() != 1 || Stamp::of(found)? != *stamp {
            return Ok(false);
        }
        // From here on nobody opens it for writing who may not do everything.
        file.set_permissions(read_only(found))?;
        if writers::may_be_open(found) {
            return Ok(false);
        }
        let last = Stamp::of(&file.metadata()?)?;
        if (last.size, last.modified) != (stamp.size, stamp.modified) {
            return Ok(false);
        }
        seal(file, digest)?;
        Ok(true)
    }

    /// Copies the file, and hashes the copy.
    fn copied(&self, path: &Path, mut file: File) -> Result<(Digest, u64)> {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let copy = path.with_file_name(format!(".datlake-{}-{number}", std::process::id()));
        let failed = |e| Error::io("copy", path.display(), e);
        let mut into = File::create_new(&copy).map_err(failed)?;
        let copy = self.copy.get_or_init(|| copy);
        io::copy(&mut file, &mut into).map_err(failed)?;
        hash_file(copy)
    }
}

impl Drop for Adopted {
    fn drop(&mut self) {
        if let Some(copy) = self.copy.get() {
            // The scratch folder is removed as a whole where this fails.
            let _ = std::fs::remove_file(copy);
        }
    }
}

impl Stamp {
    fn of(found: &Metadata) -> io::Result<Self> {
        let inode = (found.dev(), found.ino());
        Ok(Self { inode, size: found.len(), modified: found.modified()?, changed: changed(found) })
    }
}

fn written(path: &Path, how: &str) -> Error {
    let name = path.file_name().unwrap_or_default().display();
    let message = format!("the output `{name}` was written to after `finish()`: {how}");
    let hint = "end whatever writes to it before `finish()`: drop the writer, wait for the program";
    Error::new(ErrorKind::Outputs, message).with_hint(hint)
}
