//! Scratch space: files of one process, on the file system of the blobs, gone with the process.
//!
//! A scratch directory `tmp/<pid>-<random>` is alive as long as somebody holds the lock on `tmp/<pid>-<random>.lock`. The
//! lock is taken before the directory is made and let go after it was removed, so a directory nobody holds is a dead
//! process's, and whoever takes its lock may remove it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datlake_core::{Error, ErrorKind, Result};

use super::lock::{Attempt, LockFile, attempt};
use super::sys::{self, make_dir};
use crate::maker::Maker;
use crate::names::Names;

/// A directory of this process's own. Its clones share it; it is removed with the last of them.
#[derive(Clone, Debug)]
pub struct Scratch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    maker: Maker,
    /// `None` where the file system has no locks: then only this process removes it.
    lock: Option<LockFile>,
    names: Names,
    count: AtomicU64,
    links: Mutex<HashMap<(PathBuf, String), Link>>,
}

/// A link to a blob, and which file the blob was when the link was made.
#[derive(Debug)]
struct Link {
    path: PathBuf,
    of: Metadata,
}

impl Scratch {
    /// Makes a scratch directory in the lake `root`, and clears away those of the dead.
    pub(super) fn new(root: &Path, names: Names) -> io::Result<Self> {
        let tmp = root.join("tmp");
        make_dir(&tmp)?;
        // Best effort: what cannot be cleared away is in nobody's way.
        let _ = clear(&tmp);
        loop {
            let path = tmp.join(format!("{}-{:016x}", std::process::id(), sys::random()));
            let lock = match attempt(&path.with_extension("lock"), true)? {
                Attempt::Ours(lock) => Some(lock),
                Attempt::Unsupported => None,
                // Another process is clearing it.
                Attempt::Theirs(_) | Attempt::Absent => continue,
            };
            std::fs::create_dir(&path)?;
            let (maker, count) = (Maker::this(), AtomicU64::new(0));
            return Ok(Self(Arc::new(Inner { path, maker, lock, names, count, links: Mutex::default() })));
        }
    }

    /// Whether it is this process's own, and nobody has cleared it by hand.
    pub(super) fn is_usable(&self) -> bool {
        self.0.maker.is_here() && self.0.path.is_dir()
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The path of a file that does not exist yet.
    pub fn file(&self) -> Result<PathBuf> {
        Ok(self.fresh())
    }

    /// A new, empty directory.
    pub fn dir(&self) -> Result<PathBuf> {
        let path = self.fresh();
        std::fs::create_dir(&path).map_err(|e| Error::io("make the directory", path.display(), e))?;
        Ok(path)
    }

    /// What a file is called here whose name is `name`: that, with `_` for what this file system cannot have in a name.
    pub fn called<'a>(&self, name: &'a str) -> Cow<'a, str> {
        self.0.names.shown(name)
    }

    /// A path that ends in `name`, as it is [`called`](Self::called) here, and leads to the bytes of `blob`: a hard link; where there are none a symbolic link, or
    /// else a copy. The same blob and name give the same path as long as the process lives.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where `name` cannot be the name of a file, [`ErrorKind::MissingBlob`] where there is no
    /// such blob; errors of the file system.
    pub fn link_named(&self, blob: &Path, name: &str) -> Result<PathBuf> {
        if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) || name.len() > 255 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{}` cannot be the name of a file", name.escape_debug()),
            ));
        }
        let mut links = self.0.links.lock().unwrap_or_else(PoisonError::into_inner);
        let known = (blob.to_owned(), name.to_owned());
        let known_path = match links.get(&known) {
            Some(link) if link.still_leads(blob) => return Ok(link.path.clone()),
            known => known.map(|link| link.path.clone()),
        };
        // A blob that was healed is another file; somebody may have removed the link. The path stays and leads to what is
        // there now.
        let make = || -> io::Result<Link> {
            let of = blob.metadata()?;
            let path = known_path.unwrap_or_else(|| self.fresh().join(&*self.called(name)));
            make_dir(path.parent().unwrap_or(&path))?;
            let beside = self.fresh();
            link(blob, &beside)?;
            std::fs::rename(&beside, &path)?;
            Ok(Link { path, of })
        };
        let link = make().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound if !blob.exists() => {
                Error::new(ErrorKind::MissingBlob, format!("the blob `{}` is not there", blob.display())).because(e)
            }
            _ => Error::io(&format!("link `{name}` to"), blob.display(), e),
        })?;
        let path = link.path.clone();
        links.insert(known, link);
        Ok(path)
    }

    /// Whether what [`link_named`](Self::link_named) gives here outlives the removal of the blob: a hard link does, and a copy.
    pub fn links_last(&self) -> Result<bool> {
        let (file, beside) = (self.fresh(), self.fresh());
        let tried =
            std::fs::write(&file, b"").and_then(|()| link(&file, &beside)).and_then(|()| beside.symlink_metadata());
        let _ = std::fs::remove_file(&file);
        let _ = std::fs::remove_file(&beside);
        tried.map(|made| !made.is_symlink()).map_err(|e| Error::io("make a link in", self.path().display(), e))
    }

    /// Removes the directory and what is in it, although others may still write there.
    pub(super) fn remove(&self) {
        for _ in 0..100 {
            match std::fs::remove_dir_all(&self.0.path) {
                Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                _ => break,
            }
        }
        let _ = std::fs::remove_file(self.0.path.with_extension("lock"));
    }

    /// An unused path in this directory.
    pub(super) fn fresh(&self) -> PathBuf {
        self.0.path.join(self.0.count.fetch_add(1, Ordering::Relaxed).to_string())
    }
}

impl Link {
    /// Whether the link is as good as new. An evicted blob lives on in its link.
    fn still_leads(&self, blob: &Path) -> bool {
        self.path.exists() && blob.metadata().map_or(true, |now| sys::same(&self.of, &now))
    }
}

fn link(blob: &Path, path: &Path) -> io::Result<()> {
    match std::fs::hard_link(blob, path) {
        Err(e) if sys::no_hard_links(&e) || e.kind() == io::ErrorKind::CrossesDevices => {}
        done => return done,
    }
    if std::os::unix::fs::symlink(blob, path).is_ok() {
        return Ok(());
    }
    std::fs::copy(blob, path).map(drop)
}

/// How many scratch directories in `tmp` dead processes left.
pub(super) fn stale(tmp: &Path) -> io::Result<usize> {
    let entries = match std::fs::read_dir(tmp) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut stale = 0;
    for entry in entries {
        let path = entry?.path();
        let ours = path.file_name().and_then(|name| name.to_str()).is_some_and(is_ours);
        if ours && matches!(attempt(&path.with_extension("lock"), false)?, Attempt::Ours(_) | Attempt::Absent) {
            // Its owner may have gone between the two looks.
            stale += usize::from(path.is_dir());
        }
    }
    Ok(stale)
}

/// Removes what dead processes left in `tmp`.
fn clear(tmp: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(tmp)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        let stem = name.strip_suffix(".lock").unwrap_or(&name);
        if !is_ours(stem) {
            continue;
        }
        let path = tmp.join(stem);
        // A directory without a lock file is dead: its lock may be created.
        let orphan = stem.len() == name.len();
        if let Ok(Attempt::Ours(_lock)) = attempt(&path.with_extension("lock"), orphan) {
            let _ = std::fs::remove_dir_all(&path);
        }
    }
    Ok(())
}

/// Whether `stem` is what [`Scratch::new`] calls its directories.
fn is_ours(stem: &str) -> bool {
    stem.split_once('-').is_some_and(|(pid, random)| {
        pid.parse::<u32>().is_ok() && random.len() == 16 && random.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.maker.is_here() {
            return;
        }
        let _ = std::fs::remove_dir_all(&self.path);
        if self.lock.is_none() {
            let _ = std::fs::remove_file(self.path.with_extension("lock"));
        }
    }
}
