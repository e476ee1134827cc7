//! A lake in a directory: a machine's home, and the remotes of `file://`.
//!
//! Objects appear whole, by a hard link from a finished temporary file, and never change. Everything here works beside
//! other processes on the same directory. This module never reads the clock, the environment or the network, and it never
//! removes a directory of objects: another process may be about to create in it.

mod file_lock;
mod hold;
mod lock;
mod named;
mod news;
mod open;
mod outbox;
mod publish;
mod runs;
mod scratch;
mod seal;
mod state;
mod sys;
#[cfg(test)]
mod tests;
mod walk;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use datlake_core::{Created, Error, ErrorKind, Location, Pending, Prefix, Result, Sink, Store, Visit, VisitLevel};

pub use file_lock::{FileLock, LockAttempt};
pub use hold::{Hold, Holding};
pub(crate) use lock::LockFile;
pub use news::{CallFolder, Mark};
pub use scratch::Scratch;
pub use seal::Seal;
pub(crate) use seal::{seal, time_of};
pub use state::{DirStore, Durability};
pub(crate) use sys::keeps_executable;
pub(crate) use sys::{changed, is_on_local_disk, read_only, share};
pub use sys::{check_readable, is_executable};

use self::publish::Source;

/// The largest object that is read at once.
const READ_LIMIT: u64 = 256 << 20;
/// Most records fit into this.
const RECORD: usize = 8 << 10;
/// How much is read at a time of an object of any size.
const CHUNK: usize = 256 << 10;

impl DirStore {
    /// The same directory under another promise.
    #[must_use]
    pub fn with_durability(&self, durability: Durability) -> Self {
        Self { shared: Arc::clone(&self.shared), durability }
    }

    /// The directory, as an absolute path.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// The lake's id: 32 hexadecimal digits, made with the lake.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// The path of the object's file, whether or not it exists.
    pub fn path_of(&self, at: &Location) -> PathBuf {
        self.file_of(&at.path())
    }

    /// The file or folder of `path`, an object's or the beginning of one.
    fn file_of(&self, path: &str) -> PathBuf {
        self.root().join(&*self.shared.names.file(path))
    }

    /// Reads an object of at most 256 MiB; `None` if there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] where something else stands in its place; errors of the file system.
    pub fn read(&self, at: &Location) -> Result<Option<Vec<u8>>> {
        let file = match File::open(self.place(at)?) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.fault("read", at, e)),
        };
        let mut bytes = Vec::with_capacity(RECORD);
        let read = (&file).take(RECORD as u64).read_to_end(&mut bytes).map_err(|e| self.fault("read", at, e))?;
        if read < RECORD {
            return Ok(Some(bytes));
        }
        // A large one: only now its size is worth a question.
        let size = file.metadata().map_err(|e| self.fault("read", at, e))?.len();
        let too_large = || {
            Error::new(
                ErrorKind::InvalidInput,
                format!("{} is larger than 256 MiB: too large to be read at once", self.name_of(&at.path())),
            )
        };
        if size > READ_LIMIT {
            return Err(too_large());
        }
        // One byte more than there should be, so that the end is seen without growing.
        bytes.reserve_exact((size as usize).saturating_sub(RECORD) + 1);
        (&file).take(READ_LIMIT).read_to_end(&mut bytes).map_err(|e| self.fault("read", at, e))?;
        if bytes.len() as u64 > READ_LIMIT {
            return Err(too_large());
        }
        Ok(Some(bytes))
    }

    /// Scratch space on the file system of the blobs: made by the first call, shared by all later ones.
    pub fn scratch(&self) -> Result<Scratch> {
        self.scratch_or().map_err(|e| self.failed("make scratch space in", "tmp", e))
    }

    /// Makes everything that was created in it last through a power failure, by whomever and under whatever promise.
    pub fn sync(&self) -> Result<()> {
        sys::sync_below(self.root()).map_err(|e| self.failed("sync", "", e))
    }

    /// Removes this process's scratch space for good. Later requests for it block until the process ends.
    pub fn end_scratch(&self) {
        let mut scratch = self.shared.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scratch) = scratch.take() {
            scratch.remove();
        }
        std::mem::forget(scratch);
    }

    fn scratch_or(&self) -> io::Result<Scratch> {
        let mut scratch = self.shared.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        match &*scratch {
            Some(there) if there.is_usable() => Ok(there.clone()),
            _ => Ok(scratch.insert(Scratch::new(self.root(), self.shared.names)?).clone()),
        }
    }

    /// How many folders of scratch dead processes left behind. The next to write clears them away.
    pub fn stale_scratch(&self) -> Result<usize> {
        scratch::stale(&self.root().join("tmp")).map_err(|e| self.failed("look into", "tmp", e))
    }

    /// The path of an object that is about to be touched.
    fn place(&self, at: &Location) -> Result<PathBuf> {
        at.check()?;
        Ok(self.path_of(at))
    }

    fn fetch_now(&self, at: &Location, range: Range<u64>, sink: Sink<'_>) -> Result<Option<u64>> {
        let fault = |e| self.fault("read", at, e);
        let mut file = match File::open(self.place(at)?) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(fault(e)),
        };
        let found = file.metadata().map_err(fault)?;
        if found.is_dir() {
            return Err(fault(io::ErrorKind::IsADirectory.into()));
        }
        let size = found.len();
        let wanted = range.end.min(size).saturating_sub(range.start);
        if wanted == 0 {
            return Ok(Some(size));
        }
        file.seek(SeekFrom::Start(range.start)).map_err(fault)?;
        let mut file = file.take(wanted);
        let mut chunk = vec![0; CHUNK.min(usize::try_from(wanted).unwrap_or(CHUNK))];
        loop {
            let read = match file.read(&mut chunk) {
                Ok(0) => return Ok(Some(size)),
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(fault(e)),
            };
            sink.write_all(&chunk[..read]).map_err(|e| self.fault("hand on", at, e))?;
        }
    }

    fn size_now(&self, at: &Location) -> Result<Option<u64>> {
        match std::fs::metadata(self.place(at)?) {
            Ok(found) if found.is_dir() => Err(self.fault("look at", at, io::ErrorKind::IsADirectory.into())),
            Ok(found) => Ok(Some(found.len())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.fault("look at", at, e)),
        }
    }

    fn remove_now(&self, at: &Location) -> Result<bool> {
        let path = self.place(at)?;
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(_) if path.is_dir() => return Err(self.fault("remove", at, io::ErrorKind::IsADirectory.into())),
            Err(e) => return Err(self.fault("remove", at, e)),
        }
        if let (Durability::Synced, Some(folder)) = (self.durability, path.parent()) {
            match sys::sync_dir(folder) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                done => done.map_err(|e| self.fault("remove", at, e))?,
            }
        }
        Ok(true)
    }

    /// What went wrong with the object `at`.
    fn fault(&self, operation: &str, at: &Location, e: io::Error) -> Error {
        self.failed(operation, &at.path(), e)
    }

    /// What went wrong with `path`, relative to the root.
    fn failed(&self, operation: &str, path: &str, e: io::Error) -> Error {
        match e.kind() {
            io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => Error::new(
                ErrorKind::Corrupt,
                format!(
                    "cannot {operation} {}: something that is not the lake's stands in its place; move it away",
                    self.name_of(path)
                ),
            )
            .because(e),
            // A sink, or a decorator's, may have failed with an error of our own.
            _ => match e.downcast::<Error>() {
                Ok(error) => error,
                // `Error::io` sets its object in backticks, and ours are two.
                Err(e) => Error::io(operation, format_args!("{path}` of the lake `{}", self.root().display()), e),
            },
        }
    }

    /// How errors name `path`.
    fn name_of(&self, path: &str) -> String {
        format!("`{path}` of the lake `{}`", self.root().display())
    }
}

impl fmt::Debug for DirStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirStore")
            .field("root", &self.root())
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

/// The futures do their work when they are first polled, on the thread that polls them.
impl Store for DirStore {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async move { self.read(at) })
    }

    fn fetch<'a>(&'a self, at: &'a Location, range: Range<u64>, sink: Sink<'a>) -> Pending<'a, Option<u64>> {
        Box::pin(async move { self.fetch_now(at, range, sink) })
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        Box::pin(async move { self.publish(at, Source::Bytes(bytes)) })
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        Box::pin(async move { self.publish(at, Source::File(file)) })
    }

    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        Box::pin(async move { self.size_now(at) })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix, visit: Visit<'a>) -> Pending<'a, ()> {
        Box::pin(async move { self.walk(prefix, visit) })
    }

    fn list_level<'a>(&'a self, prefix: &'a Prefix, visit: VisitLevel<'a>) -> Pending<'a, ()> {
        Box::pin(async move { self.walk_level(prefix, visit) })
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        Box::pin(async move { self.remove_now(at) })
    }

    fn describe(&self) -> String {
        self.root().display().to_string()
    }
}
