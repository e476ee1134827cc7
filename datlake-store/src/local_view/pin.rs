//! Content of this machine that stays readable whatever is evicted or collected meanwhile.

use std::io;
use std::path::{Path, PathBuf};

use datlake_core::{Digest, Result};

use super::LocalView;
use crate::hashing::hash_file;
use crate::maker::Maker;

/// Content under a name of its own, until this is dropped.
#[derive(Debug)]
pub struct Pinned {
    path: PathBuf,
    /// Who removes it.
    maker: Option<Maker>,
}

impl Pinned {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its bytes are: digest and size. All of them are read.
    pub fn read_through(&self) -> Result<(Digest, u64)> {
        hash_file(&self.path)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if self.maker.is_some_and(Maker::is_here) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl LocalView {
    /// Pins content, as it is; `None` where it is not here. Where there are no hard links it is copied; where nothing can be
    /// written nothing is evicted, and it is its own pin.
    pub fn pin(&self, digest: &Digest) -> Option<Pinned> {
        let blob = self.place_of(digest);
        if let Ok(path) = self.scratch().and_then(|scratch| scratch.file()) {
            let pinned = Pinned { path, maker: Some(Maker::this()) };
            let linked = match std::fs::hard_link(&blob, &pinned.path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => std::fs::copy(&blob, &pinned.path).map(drop),
                linked => linked,
            };
            match linked {
                Ok(()) => return Some(pinned),
                Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
                Err(_) => {}
            }
        }
        blob.exists().then_some(Pinned { path: blob, maker: None })
    }
}
