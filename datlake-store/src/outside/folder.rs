//! A folder of this machine, or one that it mounts, whose files are read where they lie.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use datlake_core::tree::AddressedFile;
use datlake_core::{Error, ErrorKind, Result};
use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;

use super::file::{VisitOutside, changed, joined};

const SECOND: u64 = 1_000_000_000;

/// A folder below which files may be read.
#[derive(Debug)]
pub(super) struct OutsideFolder(pub(super) PathBuf);

impl OutsideFolder {
    /// Shows each file below `path`.
    pub(super) fn list(&self, path: &str, address: &dyn Fn(&str) -> String, visit: VisitOutside<'_>) -> Result<()> {
        let at = self.0.join(path);
        let open = match self.open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            open => open.map_err(|e| Error::io("look through", at.display(), e))?,
        };
        let found = open.metadata().map_err(|e| Error::io("look through", at.display(), e))?;
        if found.is_dir() {
            return below(&at, "", address, visit);
        }
        visit("", self::file(address(""), &found).ok_or_else(|| no_file(&at))?)
    }

    /// The bytes of `range` of the file at `path`.
    pub(super) fn read(&self, path: &str, file: &AddressedFile, range: Range<u64>) -> Result<Vec<u8>> {
        let open = self.unchanged(path, file)?;
        let length = range.end.saturating_sub(range.start);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        match open.read_exact_at(&mut bytes, range.start) {
            // Whoever writes to it while it is read leaves another time.
            Ok(()) => same(&open, file).map(|()| bytes),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Err(changed(file, "it is shorter")),
            Err(e) => Err(Error::io("read", &file.address, e)),
        }
    }

    /// Looks whether the file at `path` is what it was.
    pub(super) fn check(&self, path: &str, file: &AddressedFile) -> Result<()> {
        self.unchanged(path, file).map(drop)
    }

    fn unchanged(&self, path: &str, file: &AddressedFile) -> Result<File> {
        let open = self.open(path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => changed(file, "it is not there any more"),
            io::ErrorKind::NotADirectory => changed(file, "there is a link, or no folder, on the way to it"),
            _ => Error::io("read", &file.address, e),
        })?;
        same(&open, file)?;
        Ok(open)
    }

    /// Opens what is at `path`, each folder from the one above it. What is configured may be a link, and nothing below it.
    fn open(&self, path: &str) -> io::Result<File> {
        let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut names = path.split('/').filter(|name| !name.is_empty()).peekable();
        let root = if names.peek().is_some() { folder } else { folder.difference(OFlags::DIRECTORY) };
        let mut at = fs::open(&self.0, root | OFlags::NONBLOCK, Mode::empty())?;
        while let Some(name) = names.next() {
            // A pipe must not keep whoever opens it.
            let last = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let flags = if names.peek().is_some() { folder } else { last };
            at = fs::openat(&at, name, flags | OFlags::NOFOLLOW, Mode::empty()).map_err(|e| match e {
                Errno::LOOP => io::Error::from(io::ErrorKind::NotADirectory),
                e => e.into(),
            })?;
        }
        Ok(at.into())
    }
}

/// Shows each file below `folder`, `path` being the way from where the list began.
fn below(folder: &Path, path: &str, address: &dyn Fn(&str) -> String, visit: VisitOutside<'_>) -> Result<()> {
    let failed = |e: io::Error| Error::io("look through", folder.display(), e);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let at = entry.path();
        let Some(name) = entry.file_name().to_str().map(|name| joined(path, name)) else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("cannot import `{}`: its name is not UTF-8", at.display()),
            ));
        };
        // Of a link this is the link itself.
        let found = entry.metadata().map_err(failed)?;
        if found.is_dir() {
            below(&at, &name, address, visit)?;
        } else {
            visit(&name, file(address(&name), &found).ok_or_else(|| no_file(&at))?)?;
        }
    }
    Ok(())
}

/// A file as it is now; `None` for a link, a pipe, a device.
fn file(address: String, found: &Metadata) -> Option<AddressedFile> {
    let seconds = u64::try_from(found.mtime()).unwrap_or(0);
    let modified = seconds.saturating_mul(SECOND).saturating_add(u64::try_from(found.mtime_nsec()).unwrap_or(0));
    let (size, tag) = (found.len(), String::new());
    found.is_file().then_some(AddressedFile { address, size, modified, tag })
}

fn same(open: &File, known: &AddressedFile) -> Result<()> {
    let found = open.metadata().map_err(|e| Error::io("look at", &known.address, e))?;
    match file(String::new(), &found) {
        Some(now) if now.is_same(known) => Ok(()),
        Some(now) if now.size != known.size => {
            Err(changed(known, &format!("it had {} bytes and has {}", known.size, now.size)))
        }
        Some(_) => Err(changed(known, "it was written to since")),
        None => Err(changed(known, "it is no file any more")),
    }
}

fn no_file(at: &Path) -> Error {
    let message = format!("cannot import `{}`: it is a link, a pipe or a device", at.display());
    Error::new(ErrorKind::InvalidInput, message).with_hint("import what it leads to, or a folder without it")
}
