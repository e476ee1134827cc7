//! Signed URLs, each for one object and a limited time.
//!
//! Invariants: such a URL is a key until it expires. It is in no error, and no `Debug` shows it.

use std::fmt;

use datlake_core::Result;

/// A signed URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// It is enough to download the object.
    pub url: String,
    /// Whether it was signed by credentials that end by themselves, and the URL with them.
    pub temporary: bool,
}

/// An object that somebody else put, as it was when it was asked for: where it is replaced while it is read, reading fails.
#[derive(Debug)]
pub struct PutByOthers {
    /// The tag that the store gave it, without quotes.
    pub tag: String,
    /// How many bytes it has.
    pub size: u64,
    #[cfg(feature = "cloud")]
    pub(crate) chunks: tokio::sync::mpsc::Receiver<Result<bytes::Bytes>>,
    /// Without clients of buckets there is none.
    #[cfg(not(feature = "cloud"))]
    chunks: std::convert::Infallible,
}

impl PutByOthers {
    /// What comes next of it; `None` at its end.
    ///
    /// # Errors
    /// Those of the store; [`Conflict`](datlake_core::ErrorKind::Conflict) where it was replaced meanwhile.
    #[cfg(feature = "cloud")]
    pub async fn next(&mut self) -> Option<Result<Vec<u8>>> {
        self.chunks.recv().await.map(|chunk| chunk.map(Vec::from))
    }

    /// What comes next of it: there is none without clients of buckets.
    ///
    /// # Errors
    /// None.
    #[cfg(not(feature = "cloud"))]
    pub async fn next(&mut self) -> Option<Result<Vec<u8>>> {
        match self.chunks {}
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("temporary", &self.temporary).finish_non_exhaustive()
    }
}
