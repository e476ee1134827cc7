//! Where texts come from.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// Reads files. A test's sources are a map; a macro's are the disk.
///
/// ```
/// use datlake_closure::Sources;
/// use std::collections::BTreeMap;
/// use std::path::{Path, PathBuf};
///
/// let sources = BTreeMap::from([(PathBuf::from("src/lib.rs"), "fn f() {}".to_owned())]);
/// assert_eq!(sources.read(Path::new("src/lib.rs")).unwrap(), b"fn f() {}");
/// assert!(sources.read(Path::new("src/main.rs")).is_err());
/// ```
pub trait Sources {
    /// The bytes of a file.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is none.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// What is in a folder; nothing where there is none.
    fn list(&self, folder: &Path) -> Vec<PathBuf>;

    /// The bytes of a file that is being written: empty until that is done.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is none.
    fn finished(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read(path)
    }

    /// An environment variable, as build scripts see it.
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }
}

impl Sources for BTreeMap<PathBuf, String> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let inside = self.keys().filter_map(|path| path.strip_prefix(folder).ok()?.components().next());
        let mut found: Vec<PathBuf> = inside.map(|first| folder.join(first)).collect();
        found.dedup();
        found
    }
}

/// How long the compiler of a dependency may take after it has told what others need of it.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(5);

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Sources for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // A pipe would be waited for, and a device has no end.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        std::fs::read(path)
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    }

    fn finished(&self, path: &Path) -> io::Result<Vec<u8>> {
        // cargo says so when it starts a compiler.
        let begun = path.with_file_name("invoked.timestamp");
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            match self.read(path) {
                Ok(bytes) if !bytes.is_empty() => return Ok(bytes),
                _ if !begun.exists() => break,
                _ => std::thread::sleep(PAUSE),
            }
        }
        self.read(path)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }
}

/// A path without `.` and `..`, as far as its text tells.
pub(crate) fn normalise(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
