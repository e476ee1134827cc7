//! A request for content, and the errors of not having it.

use std::path::Path;

use datlake_core::{Digest, Error, ErrorKind, Store, Subject};

use crate::elsewhere::Elsewhere;

/// Requested content, with its name for errors.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Its content.
    pub digest: &'a Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What people call it.
    pub what: &'a (dyn std::fmt::Display + Sync),
    /// The range of a tree that it is a file of, whose locations may say which pack it rests in.
    pub range: Option<Digest>,
    /// Called during a download with the bytes so far, every few MiB.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.what, self.digest)
    }
}

impl Wanted<'_> {
    /// An error about this content.
    pub(crate) fn error(&self, kind: ErrorKind, message: String) -> Error {
        Error::new(kind, message).about(Subject::Digest(*self.digest))
    }

    /// Neither this machine nor the remote has it.
    pub(super) fn nowhere(&self, remote: &dyn Store) -> Error {
        let message =
            format!("the content of `{}` ({}) is neither here nor in {}", self.what, self.digest, remote.describe());
        self.error(ErrorKind::MissingBlob, message)
    }

    /// The same, where an earlier remote has it.
    pub(super) fn nowhere_but(&self, remote: &dyn Store, there: &Elsewhere) -> Error {
        let error = self.nowhere(remote);
        let message = format!("{}, but {there}", error.message());
        error.with_message(message).with_hint(there.hint())
    }

    /// The remote sent other bytes.
    pub(super) fn came_damaged(&self, remote: &dyn Store, how: &str) -> Error {
        let (what, size, digest, place) = (self.what, self.size, self.digest, remote.describe());
        let message =
            format!("the content of `{what}` came damaged from {place}: {how} instead of {size} bytes of {digest}");
        self.error(ErrorKind::Corrupt, message)
    }

    /// The file at `path` has other bytes.
    pub(super) fn damaged(&self, path: &Path, digest: Digest, size: u64, cure: &str) -> Error {
        let message = format!(
            "the content of `{}` is damaged: `{}` should have digest {} and {} bytes, but has digest {digest} and {size} bytes",
            self.what,
            path.display(),
            self.digest,
            self.size
        );
        self.error(ErrorKind::Corrupt, message).with_hint(cure)
    }

    /// The pack at `path` has other bytes where it should be.
    pub(super) fn damaged_in_pack(&self, path: &Path) -> Error {
        let message = format!(
            "the content of `{}` ({}) is damaged: the pack `{}` has other bytes in its place",
            self.what,
            self.digest,
            path.display()
        );
        self.error(ErrorKind::Corrupt, message)
    }

    /// It is evicted after each download.
    pub(super) fn evicted(&self) -> Error {
        let message =
            format!("the content of `{}` is repeatedly removed from this machine while it is opened", self.what);
        self.error(ErrorKind::MissingBlob, message)
    }
}
