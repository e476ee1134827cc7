//! From the URL of a remote to the store behind it. This is where network stores join.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datlake_core::{Error, ErrorKind, Result, Store};

use crate::dir::{DirStore, Durability};

/// A remote that was opened.
#[derive(Debug)]
pub(crate) struct Remote(DirStore);

impl Remote {
    /// Whether it is the directory `home`.
    pub(crate) fn same_place(&self, home: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().ok();
        real(self.0.root()).is_some_and(|root| real(home) == Some(root))
    }

    pub(crate) fn into_store(self) -> Arc<dyn Store> {
        Arc::new(self.0)
    }
}

/// Opens the remote at `url`.
///
/// A directory is written as carefully as a home: it may hold the only copy.
pub(crate) fn open(url: &str) -> Result<Remote> {
    DirStore::open(&directory(url)?, Durability::Synced).map(Remote)
}

fn directory(url: &str) -> Result<PathBuf> {
    let wrong = |why: &str| {
        // Never the URL itself: people put passwords there.
        let scheme: String = url.split(':').next().unwrap_or("").chars().take(20).collect();
        Err(Error::new(ErrorKind::Config, format!("cannot use the remote `{}:…`: {why}", scheme.escape_debug())))
    };
    let Some(rest) = url.strip_prefix("file://") else {
        return wrong("this build knows directories only, as `file:///path/to/folder`");
    };
    let Some(path) = rest.strip_prefix("localhost").or(Some(rest)).filter(|path| path.starts_with('/')) else {
        return wrong("a directory is written as `file:///path/to/folder`, with three slashes");
    };
    match percent_encoding::percent_decode_str(path).decode_utf8() {
        Ok(path) => Ok(PathBuf::from(path.into_owned())),
        Err(_) => wrong("its path is not UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_absolute_and_may_be_encoded() {
        assert_eq!(directory("file:///a/b%20c").unwrap(), Path::new("/a/b c"));
        assert_eq!(directory("file://localhost/a").unwrap(), Path::new("/a"));
        for wrong in ["", "a/b", "file://host/a", "file:a", "s3://key:secret@bucket/x"] {
            let error = directory(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
