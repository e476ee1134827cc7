//! Files that lie outside of the lake, on their way into a working copy.

use std::io::Write as _;

use datlake_core::tree::{AddressedFile, TreeEntry};
use datlake_core::{Digest, Error, Result};
use datlake_store::FileState;

use super::kept::Held;
use crate::handle::Lake;
use crate::sync::lock;

/// Downloads `file` to `path` of the folder: the state and the content that it has there.
pub(super) fn download(
    lake: &Lake,
    held: &Held,
    path: &str,
    file: &AddressedFile,
) -> Result<(Option<FileState>, Digest)> {
    let mut content = None;
    let state = held.folder.write(path, false, held.since, |out| {
        let mut hasher = blake3::Hasher::new();
        let read = lake.read_outside(file, &mut |bytes| {
            hasher.update(bytes);
            out.write_all(bytes).map_err(|e| Error::io("write", held.path.join(path).display(), e))
        });
        read.map_err(|error| not_checked_out(path, error))?;
        let digest = Digest::from_bytes(*hasher.finalize().as_bytes());
        content = Some(digest);
        held.downloaded.note(&held.folder, file, digest)
    })?;
    content.map(|content| (state, content)).ok_or_else(|| held.changing(path))
}

/// Makes sure that this machine may read these, before anything is written.
pub(super) fn check_allowed<'e>(lake: &Lake, written: impl Iterator<Item = (&'e String, &'e TreeEntry)>) -> Result<()> {
    let outside = lock(&lake.0.outside).clone();
    for (path, entry) in written {
        if let TreeEntry::Addressed(file) = entry {
            outside.check_allowed(&file.address).map_err(|error| not_checked_out(path, error))?;
        }
    }
    Ok(())
}

fn not_checked_out(path: &str, error: Error) -> Error {
    let message =
        format!("cannot check out `{}`, which lies outside of the lake: {}", path.escape_debug(), error.message());
    error.with_message(message)
}
