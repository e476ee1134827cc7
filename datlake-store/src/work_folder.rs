//! Changing what is below a folder of the user's, and nothing anywhere else.
//!
//! - No link is followed on the way to a path, whoever put it there, and whenever: each folder is opened from the one above it.
//! - A file appears whole, in place of what was there.
//! - What a file was when it was written or hashed differs from all that it may become later, however soon.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datlake_core::{Error, ErrorKind, Result, Subject};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;

use crate::dir::keeps_executable;

/// The folder below such a folder that is ours, and none of the user's files.
pub const OWN_FOLDER: &str = ".datlake-checkout";
/// How many folders are kept open.
const OPEN: usize = 64;
/// A time that is so much earlier than the clock of a file system is given to no file that is written from then on, however coarsely
/// the clock ticks.
const TICK: i64 = 20_000_000;
/// Where files are made, and what is locked, in our own folder.
const MADE: &str = "new";
const LOCK: &str = "lock";
const SECOND: i64 = 1_000_000_000;

/// A folder that is being changed.
#[derive(Debug)]
pub struct WorkFolder {
    path: PathBuf,
    root: Arc<OwnedFd>,
    /// Where files are made.
    made: OwnedFd,
    open: Mutex<HashMap<String, Arc<OwnedFd>>>,
    next: AtomicU64,
    keeps_executable: bool,
    _lock: File,
}

/// What tells whether a file was changed in any way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    /// Its size in bytes.
    pub size: u64,
    /// When it was written to, in nanoseconds since 1970.
    pub modified: i64,
    /// When it was changed in any way.
    pub changed: i64,
    /// Its number in the file system.
    pub inode: u64,
}

/// Whether the folder at `path` is the one below another that is ours.
pub fn is_own_folder(path: &Path) -> bool {
    path.ends_with(OWN_FOLDER) && path.join(LOCK).is_file()
}

/// What is at a path below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtPath {
    /// Nothing.
    Nothing,
    /// Nothing can be there: what is at this path above it is no folder.
    Blocked(String),
    /// A file.
    File {
        /// What it is now.
        state: FileState,
        /// Whether it may be executed; `None` where the file system keeps no such thing.
        executable: Option<bool>,
    },
    /// A symbolic link, as it is written; `None` where that is not UTF-8.
    Link(Option<String>),
    /// A folder.
    Folder,
    /// Something else: a pipe, a device.
    Other,
}

impl FileState {
    #[allow(clippy::useless_conversion, reason = "the types are others on other machines")]
    fn of(found: &Stat) -> Self {
        Self {
            size: u64::try_from(found.st_size).unwrap_or(0),
            modified: nanoseconds(found.st_mtime.into(), found.st_mtime_nsec),
            changed: nanoseconds(found.st_ctime.into(), found.st_ctime_nsec),
            inode: found.st_ino.into(),
        }
    }

    /// Whether nothing has changed it since before `time`, by the clock of its file system. What changes it after that time leaves
    /// another state.
    pub fn is_before(&self, time: i64) -> bool {
        self.modified < time && self.changed < time
    }
}

fn nanoseconds(seconds: i64, rest: impl TryInto<i64>) -> i64 {
    seconds.saturating_mul(SECOND).saturating_add(rest.try_into().unwrap_or(0))
}

impl WorkFolder {
    /// The folder at `path`, which is there. What is ours is in [`OWN_FOLDER`]: what is being made, and a lock, so that nobody else
    /// changes the folder by this type as long as this lives.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] where somebody does; those of the file system.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |e: io::Error| Error::io("open the folder", path.display(), e);
        let root = fs::open(path, folder_flags().difference(OFlags::NOFOLLOW), Mode::empty());
        let root = root.map_err(|e| failed(e.into()))?;
        let at = |folder: &OwnedFd, name: &str| {
            match fs::mkdirat(folder, name, Mode::from_raw_mode(0o777)) {
                Err(e) if e != Errno::EXIST => return Err(e),
                _ => {}
            }
            fs::openat(folder, name, folder_flags(), Mode::empty())
        };
        let ours = at(&root, OWN_FOLDER).map_err(|e| failed(e.into()))?;
        let lock = locked(&ours, path)?;
        let made = at(&ours, MADE).map_err(|e| failed(e.into()))?;
        let left = std::fs::read_dir(path.join(OWN_FOLDER).join(MADE)).map_err(failed)?;
        for left in left.flatten() {
            // What cannot be removed is in nobody's way.
            let _ = fs::unlinkat(&made, left.file_name(), AtFlags::empty());
        }
        let (root, open, next) = (Arc::new(root), Mutex::default(), AtomicU64::new(0));
        let keeps_executable = keeps_executable(path);
        Ok(Self { path: path.to_owned(), root, made, open, next, keeps_executable, _lock: lock })
    }

    fn shown(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    fn failed(&self, what: &str, path: &str, e: io::Error) -> Error {
        Error::io(what, self.shown(path).display(), e).about(Subject::Path(self.shown(path)))
    }

    /// What time it is by the clock of the file system that the folder is on.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn now(&self) -> Result<i64> {
        let failed = |e: Errno| self.failed("ask the clock at", "", e.into());
        let name = self.name();
        let made = self.create(&name, 0o600).map_err(failed)?;
        let now = fs::fstat(&made).map(|found| FileState::of(&found).modified);
        let _ = fs::unlinkat(&self.made, &*name, AtFlags::empty());
        now.map_err(failed)
    }

    /// A name that no file in our own folder has.
    fn name(&self) -> String {
        format!("{}-{}", std::process::id(), self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn create(&self, name: &str, mode: u32) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        fs::openat(&self.made, name, flags, Mode::from_raw_mode(mode as _))
    }

    /// The folder at `path`, which is made where `make` says so. No link is followed.
    fn folder(&self, path: &str, make: bool) -> io::Result<Arc<OwnedFd>> {
        if path.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        let known = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = known().get(path) {
            return Ok(Arc::clone(open));
        }
        let (above, name) = split(path);
        let above = self.folder(above, make)?;
        let open = || fs::openat(&above, name, folder_flags(), Mode::empty());
        let opened = match open() {
            Err(Errno::NOENT) if make => match fs::mkdirat(&above, name, Mode::from_raw_mode(0o777)) {
                Err(e) if e != Errno::EXIST => return Err(e.into()),
                _ => open(),
            },
            opened => opened,
        };
        let opened = Arc::new(opened?);
        let mut known = known();
        if known.len() >= OPEN {
            known.clear();
        }
        known.insert(path.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }

    /// What is at `path`.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn look(&self, path: &str) -> Result<AtPath> {
        let failed = |e: Errno| self.failed("look at", path, e.into());
        let (above, name) = split(path);
        let above = match self.folder(above, false) {
            Ok(above) => above,
            Err(e) => match Errno::from_io_error(&e) {
                Some(Errno::NOENT) => return Ok(AtPath::Nothing),
                Some(Errno::NOTDIR | Errno::LOOP) => return self.blocked(above),
                _ => return Err(self.failed("look at", path, e)),
            },
        };
        let found = match fs::statat(&above, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(AtPath::Nothing),
            found => found.map_err(failed)?,
        };
        Ok(match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => {
                let executable = self.keeps_executable.then_some(found.st_mode & 0o111 != 0);
                AtPath::File { state: FileState::of(&found), executable }
            }
            FileType::Directory => AtPath::Folder,
            FileType::Symlink => {
                let target = fs::readlinkat(&above, name, Vec::new()).map_err(failed)?;
                AtPath::Link(target.into_string().ok())
            }
            _ => AtPath::Other,
        })
    }

    /// The highest of the folders of a path that is none.
    fn blocked(&self, folder: &str) -> Result<AtPath> {
        let above = folder.match_indices('/').map(|(at, _)| &folder[..at]);
        for above in above.chain([folder]) {
            if !matches!(self.look(above)?, AtPath::Folder) {
                return Ok(AtPath::Blocked(above.to_owned()));
            }
        }
        // It was in the way a moment ago.
        Ok(AtPath::Nothing)
    }

    /// Opens the file at `path`, to be read.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read(&self, path: &str) -> Result<File> {
        let (above, name) = split(path);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = self.folder(above, false).and_then(|above| Ok(fs::openat(&above, name, flags, Mode::empty())?));
        opened.map(File::from).map_err(|e| self.failed("read", path, e))
    }

    /// Puts a file at `path`, with what `fill` writes into it, in place of what is there: a file, a link or nothing. It appears whole,
    /// as written to a little before `since`. The state that it has from then on until anybody changes it; `None` where the file
    /// system could not tell that.
    ///
    /// # Errors
    /// Those of `fill` and of the file system.
    pub fn write(
        &self,
        path: &str,
        executable: bool,
        since: i64,
        fill: impl FnOnce(&mut File) -> Result<()>,
    ) -> Result<Option<FileState>> {
        let failed = |e: io::Error| self.failed("write", path, e);
        let name = self.name();
        let mut made =
            File::from(self.create(&name, if executable { 0o777 } else { 0o666 }).map_err(|e| failed(e.into()))?);
        let (above, own) = split(path);
        let finish = |made: &mut File| {
            fill(made)?;
            let marked = since.saturating_sub(TICK);
            let time = Timespec { tv_sec: marked.div_euclid(SECOND), tv_nsec: marked.rem_euclid(SECOND) as _ };
            let times = Timestamps { last_access: time, last_modification: time };
            fs::futimens(&*made, &times).map_err(|e| failed(e.into()))?;
            let above = self.folder(above, true).map_err(failed)?;
            fs::renameat(&self.made, &*name, &above, own).map_err(|e| failed(e.into()))?;
            let state = FileState::of(&fs::fstat(&*made).map_err(|e| failed(e.into()))?);
            Ok((state.modified == marked).then_some(state))
        };
        let finished = finish(&mut made);
        if finished.is_err() {
            let _ = fs::unlinkat(&self.made, &*name, AtFlags::empty());
        }
        finished
    }

    /// Puts a link at `path`, in place of a file, a link or nothing.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn link(&self, path: &str, target: &str) -> Result<()> {
        let ((above, own), name) = (split(path), self.name());
        let made = self.folder(above, true).and_then(|above| {
            fs::symlinkat(target, &self.made, &*name)?;
            Ok(fs::renameat(&self.made, &*name, &above, own).inspect_err(|_| {
                let _ = fs::unlinkat(&self.made, &*name, AtFlags::empty());
            })?)
        });
        made.map_err(|e| self.failed("make the link", path, e))
    }

    /// Makes a folder at `path`, where there is none.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn make_folder(&self, path: &str) -> Result<()> {
        self.folder(path, true).map(drop).map_err(|e| self.failed("make the folder", path, e))
    }

    /// Removes the file or the link at `path`, if there is one.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove(&self, path: &str) -> Result<()> {
        self.unlink(path, AtFlags::empty()).map_err(|e| self.failed("remove", path, e))
    }

    /// Removes the folder at `path` if there is nothing in it: whether it did.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_folder(&self, path: &str) -> Result<bool> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
        match self.unlink(path, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            Err(e) => match Errno::from_io_error(&e) {
                Some(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::LOOP | Errno::BUSY) => Ok(false),
                _ => Err(self.failed("remove the folder", path, e)),
            },
        }
    }

    fn unlink(&self, path: &str, flags: AtFlags) -> io::Result<()> {
        let (above, name) = split(path);
        match self.folder(above, false).and_then(|above| Ok(fs::unlinkat(&above, name, flags)?)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Adds to the end of a file, which is made if there is none. After a power failure it may be cut short.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn append(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let (above, name) = split(path);
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |above: Arc<OwnedFd>| Ok(fs::openat(&above, name, flags, Mode::from_raw_mode(0o666))?);
        let written = self.folder(above, true).and_then(open).and_then(|file| File::from(file).write_all(bytes));
        written.map_err(|e| self.failed("write", path, e))
    }

    /// Writes a file, which appears whole and lasts.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let now = self.now()?;
        self.write(path, false, now, |file| {
            let written = io::Write::write_all(file, bytes).and_then(|()| file.sync_all());
            written.map_err(|e| self.failed("write", path, e))
        })
        .map(drop)
    }
}

fn locked(ours: &OwnedFd, path: &Path) -> Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let opened = fs::openat(ours, LOCK, flags, Mode::from_raw_mode(0o666));
    let file = File::from(opened.map_err(|e| Error::io("lock the folder", path.display(), e.into()))?);
    match file.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => {
            let message = format!("another process is changing `{}`", path.display());
            Err(Error::new(ErrorKind::Busy, message).with_hint("try again when it has finished"))
        }
        // Where the file system knows no locks, whoever runs two at once sees to it.
        _ => Ok(file),
    }
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// The folder of a path, and its name there.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
