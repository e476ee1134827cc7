//! URLs that hand out one object for a while, to whoever has them.
//!
//! Invariants: such a URL is a key until it expires. It is in no error, and no `Debug` shows it.

use std::fmt;
use std::time::Duration;

use datlake_core::{Error, ErrorKind, Location, Result, Store as _};

use crate::remote::Remote;

/// A signed URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// Whoever has it may download the object.
    pub url: String,
    /// Whether it was signed by credentials that end by themselves, and the URL with them.
    pub temporary: bool,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("temporary", &self.temporary).finish_non_exhaustive()
    }
}

impl Remote {
    /// A URL from which the object is downloaded under `name`, for as long as `expires`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where there are no such URLs, [`ErrorKind::InvalidInput`] for a time that they cannot have.
    pub(crate) async fn sign(&self, at: &Location, name: &str, expires: Duration) -> Result<Signed> {
        match self {
            Self::Folder(folder) => {
                let _ = (at, name, expires);
                let message = format!(
                    "cannot make a URL: the remote `{}` is a directory, and only buckets give out URLs; copy the file out of the lake, or serve that directory",
                    folder.describe()
                );
                Err(Error::new(ErrorKind::Unsupported, message))
            }
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => bucket.sign(at, name, expires).await,
        }
    }

    /// Downloads an object by a signed URL, as somebody without credentials would: `None` where there are no such URLs.
    ///
    /// # Errors
    /// As [`Remote::sign`]; [`ErrorKind::Denied`] where the server does not accept it.
    pub(crate) async fn try_signed(&self, at: &Location) -> Result<Option<()>> {
        match self {
            Self::Folder(_) => {
                let _ = at;
                Ok(None)
            }
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => bucket.try_signed(at).await.map(Some),
        }
    }
}
