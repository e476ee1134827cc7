//! A URL from which others download a file.

use std::fmt;

use datlake_core::{Digest, Uid};
use serde::Serialize;

/// A URL from which whoever has it downloads a file. It is a secret: `Debug` does not show it.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct SignedUrl {
    /// The file.
    pub uid: Uid,
    /// The name under which it is saved.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The URL.
    pub url: String,
    /// Until when it is valid, unless it is temporary.
    pub expires_at: String,
    /// Whether it was signed by credentials that end by themselves, and the URL with them.
    pub temporary: bool,
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedUrl")
            .field("uid", &self.uid)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
