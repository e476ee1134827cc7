//! The source files of code that is in no commit: what is kept of them.

use std::path::PathBuf;

use datlake_core::{Code, Digest, SourceText, SourceTexts};

use super::compiled::{BlobId, CompiledFile};

/// Larger files are not kept.
const LARGEST: u64 = 16 << 20;

/// Source files as they were compiled, and the list of them.
#[derive(Debug)]
pub(super) struct KeptSources {
    pub(super) files: Vec<(SourceText, PathBuf)>,
    /// The list as it is kept.
    pub(super) bytes: Vec<u8>,
}

impl KeptSources {
    /// Those of `code` and of what it depends on which are there and still are what was compiled; `None` where none is.
    pub(super) fn of(code: &'static Code) -> Option<Self> {
        let kept = CompiledFile::all_of(code).into_iter().filter_map(|file| {
            let path = file.path?;
            let found = path.metadata().ok().filter(|found| found.is_file() && found.len() <= LARGEST);
            let bytes = found.and_then(|_| std::fs::read(&path).ok())?;
            let blob = (BlobId::of(&bytes) == file.blob).then(|| file.blob.to_string())?;
            Some((SourceText { blob, digest: Digest::of(&bytes), size: bytes.len() as u64 }, path))
        });
        let files: Vec<_> = kept.collect();
        let list = SourceTexts::new(files.iter().map(|(text, _)| text.clone()).collect());
        (!files.is_empty()).then(|| Self { bytes: list.to_bytes(), files })
    }

    /// The digest of the list.
    pub(super) fn list(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// All that is kept.
    pub(super) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.files.iter().map(|(text, _)| text.digest).chain([self.list()])
    }
}
