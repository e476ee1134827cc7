//! Content that is asked for, and the errors of not having it.

use std::path::Path;

use datlake_core::{Digest, Error, ErrorKind, Store};

/// A file as it is asked for: content, and words for errors.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Its content.
    pub digest: &'a Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What people call it.
    pub what: &'a (dyn std::fmt::Display + Sync),
    /// Told during a download how many bytes have come, every few MiB.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.what, self.digest)
    }
}

impl Wanted<'_> {
    /// Neither this machine has it, nor the remote.
    pub(super) fn nowhere(&self, remote: &dyn Store) -> Error {
        let message =
            format!("the content of `{}` ({}) is neither here nor in {}", self.what, self.digest, remote.describe());
        Error::new(ErrorKind::MissingBlob, message)
    }

    /// What came from the remote is not the content.
    pub(super) fn came_damaged(&self, remote: &dyn Store, how: &str) -> Error {
        let (what, size, digest, place) = (self.what, self.size, self.digest, remote.describe());
        let message =
            format!("the content of `{what}` came damaged from {place}: {how} instead of {size} bytes of {digest}");
        Error::new(ErrorKind::Corrupt, message)
    }

    /// What this machine has at `path` is not what it was.
    pub(super) fn damaged(&self, path: &Path, digest: Digest, size: u64, cure: &str) -> Error {
        let message = format!(
            "the content of `{}` is damaged: `{}` should have digest {} and {} bytes, but has digest {digest} and {size} bytes; {cure}",
            self.what,
            path.display(),
            self.digest,
            self.size
        );
        Error::new(ErrorKind::Corrupt, message)
    }

    /// It goes whenever it has come.
    pub(super) fn evicted(&self) -> Error {
        let message =
            format!("the content of `{}` is removed from this machine again and again while it is opened", self.what);
        Error::new(ErrorKind::MissingBlob, message)
    }
}
