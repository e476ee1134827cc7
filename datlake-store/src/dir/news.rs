//! What an index of a home's calls needs to keep up: marks of what is new, and folders that say when they changed.
//!
//! Where there is a folder `index/new`, the temporary file of a record, or of a pack of such, is made there and stays as a second
//! name of what was created: a mark that costs nothing more, and that nobody can die before leaving. An index that has looked at what is new
//! removes the marks. What came without a mark, as by another's hand, changed its folder all the same.
//!
//! Invariant: nothing of the lake depends on what is in `index`; it may be removed at any time.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use datlake_core::{CallKey, CreatorName, Location, Prefix, Result, calls_told_of};

use super::{DirStore, sys};

const INDEX: &str = "index";
const NEW: &str = "index/new";

/// After so long a mark that is no second name of anything is what a dead process left, or of what was removed since.
const LEFT: Duration = Duration::from_secs(24 * 60 * 60);

/// A second name of a record or a pack that is new here.
#[derive(Clone, Debug)]
pub struct Mark {
    path: PathBuf,
    /// The calls that it is about.
    pub calls: Vec<(CreatorName, CallKey)>,
}

/// What is right in a folder of records or packs.
#[derive(Debug, Default)]
pub struct CallFolder {
    /// The calls whose records are there, also in packs.
    pub calls: Vec<(CreatorName, CallKey)>,
    /// The folders in it, as paths relative to the root.
    pub folders: Vec<String>,
}

impl DirStore {
    /// Where an index of this home may keep its files.
    pub fn index_folder(&self) -> PathBuf {
        self.root().join(INDEX)
    }

    /// From now on marks are left here, by every process.
    ///
    /// # Errors
    /// Errors of the file system.
    pub fn leave_marks(&self) -> Result<()> {
        let make = || sys::make_dir(&self.root().join(INDEX)).and_then(|()| sys::make_dir(&self.root().join(NEW)));
        make().map_err(|e| self.failed("make", NEW, e))
    }

    /// Whether files can have second names here. Without, no marks are left.
    pub fn has_second_names(&self) -> bool {
        let path = |end: &str| self.root().join(NEW).join(format!("{:016x}.{end}", sys::random()));
        let (one, other) = (path("tried"), path("link"));
        let tried = File::create_new(&one).and_then(|_| std::fs::hard_link(&one, &other));
        let _ = std::fs::remove_file(&one);
        let _ = std::fs::remove_file(&other);
        tried.is_ok()
    }

    /// The marks that are there. What is still being written is none yet.
    ///
    /// # Errors
    /// Errors of the file system.
    pub fn marks(&self) -> Result<Vec<Mark>> {
        let failed = |e| self.failed("look into", NEW, e);
        let entries = match std::fs::read_dir(self.root().join(NEW)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut marks = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            match mark(&path) {
                Ok(calls) => marks.extend(calls.map(|calls| Mark { path, calls })),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Ok(marks)
    }

    /// Removes marks that somebody has looked at.
    pub fn remove_marks(&self, marks: &[Mark]) {
        for mark in marks {
            // What stays is looked at once more.
            let _ = std::fs::remove_file(&mark.path);
        }
    }

    /// The folders of records and of packs of records, relative to the root.
    pub fn call_folders(&self) -> [String; 2] {
        [Prefix::Records.path(), Prefix::RecordPacks.path()]
    }

    /// The folders in which records of a creator are, and packs of them.
    pub fn folders_of(&self, creator: &CreatorName) -> [String; 2] {
        [Prefix::RecordsOf(creator.clone()).path(), Prefix::RecordPacksOf(creator.clone()).path()]
    }

    /// When something was last added to the folder at `path` or removed from it, in nanoseconds since 1970; `None` where there is none.
    ///
    /// # Errors
    /// Errors of the file system.
    pub fn folder_changed(&self, path: &str) -> Result<Option<i64>> {
        match self.file_of(path).metadata() {
            Ok(found) => Ok(Some(found.mtime().wrapping_mul(1_000_000_000).wrapping_add(found.mtime_nsec()))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed("look at", path, e)),
        }
    }

    /// What is right in the folder at `path`, which is one of [`call_folders`](Self::call_folders) or below.
    ///
    /// # Errors
    /// Errors of the file system.
    pub fn call_folder(&self, path: &str) -> Result<CallFolder> {
        let mut found = CallFolder::default();
        let failed = |e| self.failed("list", path, e);
        let entries = match std::fs::read_dir(self.file_of(path)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().and_then(|name| self.shared.names.object(name)) else { continue };
            let below = format!("{path}/{name}");
            if let Some(location) = Location::parse(&below) {
                self.tell_of(&location, &mut found)?;
            } else if creator_in(&below).is_some() && entry.path().is_dir() {
                found.folders.push(below);
            }
        }
        Ok(found)
    }

    fn tell_of(&self, location: &Location, found: &mut CallFolder) -> Result<()> {
        match location.call() {
            Some((creator, key)) => found.calls.push((creator.clone(), *key)),
            None if location.tells_of_calls() => {
                let bytes = self.read(location)?.unwrap_or_default();
                found.calls.extend(calls_told_of(&bytes).unwrap_or_default());
            }
            None => {}
        }
        Ok(())
    }

    /// A file to be written to that stays as a mark; `None` where nobody wants marks.
    pub(super) fn new_mark(&self) -> Option<(PathBuf, File)> {
        let path = self.root().join(NEW).join(format!("{}-{:016x}", std::process::id(), sys::random()));
        let file = OpenOptions::new().write(true).create_new(true).open(&path).ok()?;
        Some((path, file))
    }
}

/// The calls that a mark is about; `None` where it is none, or not yet.
fn mark(path: &Path) -> io::Result<Option<Vec<(CreatorName, CallKey)>>> {
    let found = path.symlink_metadata()?;
    if !found.is_file() {
        return Ok(None);
    }
    if found.nlink() < 2 {
        if found.modified()?.elapsed().is_ok_and(|age| age > LEFT) {
            std::fs::remove_file(path)?;
        }
        return Ok(None);
    }
    // Of what is damaged the folder has it all the same.
    Ok(Some(calls_told_of(&std::fs::read(path)?).unwrap_or_default()))
}

/// Whose folder it is.
fn creator_in(path: &str) -> Option<CreatorName> {
    CreatorName::new(path.split_once('/')?.1).ok()
}
