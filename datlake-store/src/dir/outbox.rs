//! What this machine owes to receivers of events: a file for each run that is not delivered, in a folder for each receiver.
//!
//! Nothing here is synced, as the journals are not of which it speaks.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use datlake_core::delivery::Delivery;
use datlake_core::{OUTBOX, Result, delivered_run, delivery_file};

use super::DirStore;
use super::sys::random;

/// Events that a receiver refused, one a line.
const REFUSED: &str = "refused.jsonl";

impl DirStore {
    /// Notes how much of `run` the `receiver` knows, or that it is owed that.
    ///
    /// # Errors
    /// Errors of the file system. What was noted before still stands then.
    pub fn note_delivery(&self, receiver: &str, run: &str, delivery: &Delivery) -> Result<()> {
        let path = self.delivery_path(receiver, run);
        let bytes = delivery.to_bytes()?;
        replace(&path, &bytes).map_err(|e| self.failed("write to", &self.short_path(&path), e))
    }

    /// How much of `run` the `receiver` knows; `None` where it is owed nothing of that.
    ///
    /// # Errors
    /// Those of [`Delivery::parse`], and of the file system.
    pub fn delivery(&self, receiver: &str, run: &str) -> Result<Option<Delivery>> {
        let path = self.delivery_path(receiver, run);
        match std::fs::read(&path) {
            Ok(bytes) => Delivery::parse(&bytes, &self.short_path(&path)).map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed("read", &self.short_path(&path), e)),
        }
    }

    /// Nothing of `run` is owed to `receiver` any more.
    ///
    /// # Errors
    /// Errors of the file system.
    pub fn settle(&self, receiver: &str, run: &str) -> Result<()> {
        let path = self.delivery_path(receiver, run);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(self.failed("remove", &self.short_path(&path), e)),
            _ => Ok(()),
        }
    }

    /// What is owed, as `(receiver, run)`, the earliest run of each first.
    ///
    /// # Errors
    /// Errors of the file system.
    pub fn owed(&self) -> Result<Vec<(String, String)>> {
        self.owed_runs().map_err(|e| self.failed("list", OUTBOX, e))
    }

    pub(super) fn owed_runs(&self) -> io::Result<Vec<(String, String)>> {
        let mut owed = Vec::new();
        for receiver in entries(&self.root().join(OUTBOX))? {
            for file in entries(&receiver)? {
                let run = file.file_name().and_then(|name| name.to_str()).and_then(delivered_run);
                let receiver = receiver.file_name().and_then(|name| name.to_str());
                owed.extend(receiver.zip(run).map(|(receiver, run)| (receiver.to_owned(), run.to_owned())));
            }
        }
        owed.sort();
        Ok(owed)
    }

    /// Keeps an event that `receiver` refused: `line` ends in a newline.
    ///
    /// # Errors
    /// Errors of the file system.
    pub fn keep_refused(&self, receiver: &str, line: &[u8]) -> Result<()> {
        let path = self.root().join(OUTBOX).join(receiver).join(REFUSED);
        let append = |path: &Path| OpenOptions::new().append(true).create(true).open(path)?.write_all(line);
        append(&path).map_err(|e| self.failed("write to", &self.short_path(&path), e))
    }

    /// The events that `receiver` refused.
    pub fn refused_file(&self, receiver: &str) -> PathBuf {
        self.root().join(OUTBOX).join(receiver).join(REFUSED)
    }

    fn delivery_path(&self, receiver: &str, run: &str) -> PathBuf {
        self.root().join(OUTBOX).join(receiver).join(delivery_file(run))
    }

    fn short_path(&self, path: &Path) -> String {
        path.strip_prefix(self.root()).unwrap_or(path).display().to_string()
    }
}

/// What is in a folder, which there may not be.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// Puts `bytes` there whole, in the place of what there was.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("{:016x}", random()));
    let write = || std::fs::write(&beside, bytes);
    let written = match (write(), path.parent()) {
        (Err(e), Some(folder)) if e.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(folder).and_then(|()| write())
        }
        (written, _) => written,
    };
    written.and_then(|()| std::fs::rename(&beside, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&beside);
    })
}
