//! Signed URLs, each for one object and a limited time.
//!
//! Invariants: such a URL is a key until it expires. It is in no error, and no `Debug` shows it.

use std::fmt;

/// A signed URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// It is enough to download the object.
    pub url: String,
    /// Whether it was signed by credentials that end by themselves, and the URL with them.
    pub temporary: bool,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("temporary", &self.temporary).finish_non_exhaustive()
    }
}
