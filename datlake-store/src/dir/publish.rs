//! How an object comes to be: a finished file gets a second name, if that name is free.
//!
//! Content that is copied from elsewhere is hashed on its way. What was finished in our own `tmp` is linked as it is.

use std::collections::HashSet;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use datlake_core::{Created, Location, Result};

use super::state::Method;
use super::{DirStore, Durability, seal, sys};
use crate::hashing::{Hashing, is_still};

/// How often a directory that vanishes between its making and its use is made again.
const ATTEMPTS: usize = 10_000;
/// After how many attempts their rhythm is broken.
const IN_STEP: usize = 100;
/// After how many attempts it is asked whether the file system can have the names at all.
const ASKED: usize = 10;
/// How many directories are remembered to be lasting.
const LASTING: usize = 4096;

/// Where the bytes of an object come from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Bytes(&'a [u8]),
    File(&'a Path),
}

/// A finished file that awaits its name.
struct Staged {
    path: PathBuf,
    /// Made by us, to be removed by us.
    temporary: bool,
    /// What it becomes a second name of keeps it.
    is_mark: bool,
}

impl DirStore {
    /// Creates the object `at` unless there is one.
    pub(super) fn publish(&self, at: &Location, source: Source<'_>) -> Result<Created> {
        let target = self.place(at)?;
        let create = || -> io::Result<Created> {
            let created = if is_there(&target)? { Created::Exists } else { self.create_anew(at, source, &target)? };
            if self.durability == Durability::Synced {
                self.make_lasting(&target, created)?;
            }
            Ok(created)
        };
        create().map_err(|e| self.fault("create", at, e))
    }

    fn create_anew(&self, at: &Location, source: Source<'_>, target: &Path) -> io::Result<Created> {
        let staged = self.stage(at, source, at.tells_of_calls())?;
        let is_mark = staged.is_mark;
        match self.name(staged, target) {
            // Somebody removed the index under it, who may.
            Err(e) if is_mark && e.kind() == io::ErrorKind::NotFound => {
                self.name(self.stage(at, source, false)?, target)
            }
            named => named,
        }
    }

    /// Writes the bytes to a file that is not written again; to a mark, where one may be left.
    fn stage(&self, at: &Location, source: Source<'_>, may_be_mark: bool) -> io::Result<Staged> {
        let (staged, mut file) = match source {
            Source::File(path) if self.is_linkable(at, path) => {
                let staged = Staged { path: path.to_owned(), temporary: false, is_mark: false };
                self.finish(at, &File::open(path)?)?;
                return Ok(staged);
            }
            _ => self.temporary(may_be_mark)?,
        };
        match source {
            Source::Bytes(bytes) => file.write_all(bytes)?,
            Source::File(path) => match at.content() {
                Some(digest) => {
                    let mut sink = Hashing::new(&mut file);
                    copy(path, &mut sink)?;
                    is_still(&digest, sink.digest(), &self.root().display())?;
                }
                None => copy(path, &mut file)?,
            },
        }
        if matches!(source, Source::Bytes([])) && at.content().is_none() {
            // There is nothing in it to be lost: its name alone is made lasting.
            return Ok(staged);
        }
        self.finish(at, &file)?;
        Ok(staged)
    }

    /// A new file that is to be an object.
    fn temporary(&self, may_be_mark: bool) -> io::Result<(Staged, File)> {
        if may_be_mark && let Some((path, file)) = self.new_mark() {
            return Ok((Staged { path, temporary: true, is_mark: true }, file));
        }
        let staged = Staged { path: self.scratch_or()?.fresh(), temporary: true, is_mark: false };
        let file = OpenOptions::new().write(true).create_new(true).open(&staged.path)?;
        Ok((staged, file))
    }

    fn finish(&self, at: &Location, file: &File) -> io::Result<()> {
        if let Some(digest) = at.content() {
            seal::seal(file, &digest)?;
        }
        match self.durability {
            Durability::Synced => file.sync_all(),
            Durability::Cached => Ok(()),
        }
    }

    /// Whether `path` is a plain file in our own `tmp`, hence on the file system of the blobs, and nobody else's: under
    /// another name it could be written to. One that was sealed must still be.
    fn is_linkable(&self, at: &Location, path: &Path) -> bool {
        let is_whole = |found: &Metadata| {
            let sealed = at.content().filter(|_| found.permissions().readonly());
            sealed.is_none_or(|digest| found.modified().is_ok_and(|time| time == seal::time_of(&digest)))
        };
        path.starts_with(self.root().join("tmp"))
            && !path.components().any(|part| part == Component::ParentDir)
            && path.symlink_metadata().is_ok_and(|found| found.is_file() && found.nlink() == 1 && is_whole(&found))
    }

    /// Gives a finished file the name `target` unless that is taken.
    fn name(&self, mut staged: Staged, target: &Path) -> io::Result<Created> {
        let method = self.shared.method;
        if method <= Method::Link {
            match self.name_by(|from, to| std::fs::hard_link(from, to), &staged.path, target) {
                Err(e) if sys::no_hard_links(&e) => {}
                done => {
                    let is_new = matches!(done, Ok(Created::New));
                    staged.temporary &= !(staged.is_mark && is_new);
                    return done;
                }
            }
        }
        if !staged.temporary {
            // A rename would take the caller's file away.
            let copied = Staged { path: self.scratch_or()?.fresh(), temporary: true, is_mark: false };
            let mut file = OpenOptions::new().write(true).create_new(true).open(&copied.path)?;
            copy(&staged.path, &mut file)?;
            let lent = staged.path.metadata()?;
            file.set_permissions(lent.permissions())?;
            // Both, for some file systems pass over a request to set one.
            let times = std::fs::FileTimes::new().set_accessed(lent.accessed()?).set_modified(lent.modified()?);
            file.set_times(times)?;
            if self.durability == Durability::Synced {
                file.sync_all()?;
            }
            staged = copied;
        }
        if method <= Method::Rename {
            match self.name_by(sys::rename_new, &staged.path, target) {
                Err(e) if sys::no_rename_new(&e) => {}
                done => return done,
            }
        }
        // Never removed: it is one file for all times, and not in `tmp`, which people clear.
        let path = self.root().join("rename.lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        lock.lock()?;
        let rename = |from: &Path, to: &Path| {
            if is_there(to)? { Err(io::ErrorKind::AlreadyExists.into()) } else { std::fs::rename(from, to) }
        };
        let named = self.name_by(rename, &staged.path, target);
        let _ = lock.unlock();
        named
    }

    fn name_by(
        &self,
        name: impl Fn(&Path, &Path) -> io::Result<()>,
        from: &Path,
        target: &Path,
    ) -> io::Result<Created> {
        for attempt in 0..ATTEMPTS {
            if attempt >= IN_STEP {
                // Two threads that wait for the same locks can fall into step, and then one loses every time.
                std::thread::sleep(Duration::from_micros(sys::random() % 200));
            }
            if attempt == ASKED {
                self.can_have(target)?;
            }
            match name(from, target) {
                Ok(()) => return Ok(Created::New),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    is_there(target)?;
                    return Ok(Created::Exists);
                }
                // The file itself may have been taken away, or with it the whole lake: that is not ours to make again.
                Err(e) if e.kind() == io::ErrorKind::NotFound && from.exists() => {
                    let folder = target.parent().unwrap_or(self.root());
                    // Whoever prunes empty directories may have removed some that we knew.
                    for gone in folder.ancestors().take_while(|folder| !folder.exists()) {
                        self.lasting().remove(gone);
                    }
                    match std::fs::create_dir_all(folder) {
                        // Pruned while it was made; unless a file stands in the way.
                        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => {
                            if folder.ancestors().find(|folder| folder.exists()).is_some_and(Path::is_file) {
                                return Err(io::ErrorKind::NotADirectory.into());
                            }
                        }
                        made => made?,
                    }
                }
                Err(e) => return Err(e),
            }
        }
        Err(io::Error::other("its directory was repeatedly deleted"))
    }

    /// Whether the file system takes the names on the way to `target`, found by trying each in scratch.
    fn can_have(&self, target: &Path) -> io::Result<()> {
        let names = target.strip_prefix(self.root()).unwrap_or(target).components();
        for name in names {
            let tried = self.scratch_or()?.path().join(name);
            match std::fs::create_dir(&tried) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    let message = format!("this file system cannot have the name `{}`", name.as_os_str().display());
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
                }
                _ => drop(std::fs::remove_dir(&tried)),
            }
        }
        Ok(())
    }

    /// Makes an object that has just been named outlive a power failure, with the directories above it. That others have
    /// created it does not mean that they have synced it.
    fn make_lasting(&self, target: &Path, created: Created) -> io::Result<()> {
        let sync = || -> io::Result<()> {
            if created == Created::Exists {
                let file = File::open(target)?;
                if file.metadata()?.len() > 0 {
                    file.sync_all()?;
                }
            }
            let mut made = Vec::new();
            for folder in target.ancestors().skip(1).take_while(|folder| folder.starts_with(self.root())) {
                sys::sync_dir(folder)?;
                if self.lasting().contains(folder) {
                    break;
                }
                made.push(folder.to_owned());
            }
            let mut lasting = self.lasting();
            if lasting.len() + made.len() > LASTING {
                lasting.clear();
            }
            lasting.extend(made);
            Ok(())
        };
        match sync() {
            // Removed again: there is nothing left to make lasting.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn lasting(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.shared.lasting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.temporary {
            // Renamed, it is gone already.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether there is anything at `target`; a directory is an error.
fn is_there(target: &Path) -> io::Result<bool> {
    match target.symlink_metadata() {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

fn copy(path: &Path, into: &mut impl Write) -> io::Result<()> {
    let wrong = |what: &str| io::Error::other(format!("the file `{}` {what}", path.display()));
    let unreadable = |e: io::Error| match e.kind() {
        io::ErrorKind::PermissionDenied => io::Error::new(e.kind(), format!("the file `{}`: {e}", path.display())),
        _ => wrong(&format!("cannot be read: {e}")),
    };
    let mut from = File::open(path).map_err(unreadable)?;
    let before = from.metadata().map_err(unreadable)?;
    if !before.is_file() {
        return Err(wrong("is no regular file"));
    }
    if io::copy(&mut from, into)? != before.len() {
        return Err(wrong("changed while it was copied"));
    }
    Ok(())
}
