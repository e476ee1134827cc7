//! From the URL of a remote to the store behind it. A directory, or a bucket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use datlake_core::claim::{DEFAULT_LEASE, DELAYED_LEASE};
use datlake_core::{Error, ErrorKind, Location, Result, Store};

use crate::dir::is_on_local_disk;
use crate::folder::Folder;
#[cfg(feature = "cloud")]
use crate::object::ObjectStore;
use crate::options::RemoteOptions;
use crate::remote_url::wrong;
use crate::signing::{PutByOthers, Signed};

/// A remote that was opened.
#[derive(Clone, Debug)]
pub struct Remote(Place);

#[derive(Clone, Debug)]
enum Place {
    Folder(Folder),
    #[cfg(feature = "cloud")]
    Bucket(ObjectStore),
}

/// What can be seen of a remote without asking a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: it is a bucket.
    Unasked,
    /// There is a lake.
    There,
    /// There is no lake yet: the first write makes one.
    New,
}

/// The store at `url`: a directory or a bucket, of which nothing is asked yet.
///
/// ```
/// use datlake_store::{RemoteOptions, open_remote};
/// let store = open_remote("s3://bucket/lake", RemoteOptions::default())?;
/// assert_eq!(store.describe(), "s3://bucket/lake");
/// # Ok::<(), datlake_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Config`] for a URL of an unknown kind, or with credentials in it.
pub fn open_remote(url: &str, options: RemoteOptions) -> Result<Arc<dyn Store>> {
    Ok(open(url, options)?.into_store())
}

impl Remote {
    /// Whether it is the directory `home`.
    pub(crate) fn same_place(&self, home: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().ok();
        self.folder().and_then(real).is_some_and(|root| real(home) == Some(root))
    }

    /// Whether it is in the directory `folder`, at whatever depth.
    pub(crate) fn is_below(&self, folder: &Path) -> bool {
        // What is not there yet is where its nearest folder is.
        let real = |path: &Path| {
            path.ancestors().find_map(|above| Some(above.canonicalize().ok()?.join(path.strip_prefix(above).ok()?)))
        };
        match (self.folder().and_then(real), real(folder)) {
            (Some(root), Some(folder)) => root != folder && root.starts_with(folder),
            _ => false,
        }
    }

    /// The directory that it is in; `None` for a bucket.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.0 {
            Place::Folder(folder) => Some(folder.root()),
            #[cfg(feature = "cloud")]
            Place::Bucket(_) => None,
        }
    }

    /// How long a holder of claims there may be silent where nothing else is said.
    pub(crate) fn usual_lease(&self) -> Duration {
        match self.folder() {
            // What is not there yet will be on the disk of the nearest folder above.
            Some(root) if !root.ancestors().find(|folder| folder.exists()).is_some_and(is_on_local_disk) => {
                DELAYED_LEASE
            }
            _ => DEFAULT_LEASE,
        }
    }

    /// What can be seen of it.
    ///
    /// # Errors
    /// Those of looking at a folder, also where it is not what the home knows.
    pub fn standing(&self) -> Result<Standing> {
        match &self.0 {
            Place::Folder(folder) => Ok(if folder.find_now()?.is_some() { Standing::There } else { Standing::New }),
            #[cfg(feature = "cloud")]
            Place::Bucket(_) => Ok(Standing::Unasked),
        }
    }

    /// The id of the lake that it was, as far as the home remembers.
    pub(crate) fn known_id(&self) -> Option<String> {
        match &self.0 {
            Place::Folder(folder) => folder.identity().id(),
            #[cfg(feature = "cloud")]
            Place::Bucket(bucket) => bucket.identity().ok()?.id(),
        }
    }

    /// Forgets which lake it was.
    pub fn forget(&self) -> Result<()> {
        match &self.0 {
            Place::Folder(folder) => folder.identity().forget(),
            #[cfg(feature = "cloud")]
            Place::Bucket(bucket) => bucket.identity()?.forget(),
        }
    }

    /// Counts the uploads that nobody continued for `silence`, and aborts them if `abort`; `None` where the store does not say.
    pub async fn left_uploads(&self, silence: Duration, abort: bool) -> Result<Option<u64>> {
        match &self.0 {
            #[cfg(feature = "aws")]
            Place::Bucket(bucket) => bucket.left_uploads(silence, abort).await,
            _ => {
                let _ = (silence, abort);
                Ok(None)
            }
        }
    }

    /// A URL from which the object is downloaded under `name`, for as long as `expires`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where there are no such URLs, [`ErrorKind::InvalidInput`] for a time that they cannot have.
    pub async fn sign(&self, at: &Location, name: &str, expires: Duration) -> Result<Signed> {
        match &self.0 {
            Place::Folder(folder) => {
                let _ = (at, name, expires);
                let message = format!(
                    "cannot make a URL: the remote `{}` is a directory, and only buckets give out URLs; copy the file out of the lake, or serve that directory",
                    folder.describe()
                );
                Err(Error::new(ErrorKind::Unsupported, message))
            }
            #[cfg(feature = "cloud")]
            Place::Bucket(bucket) => bucket.sign(at, name, expires).await,
        }
    }

    /// Whether it gives out signed URLs, as far as settings say. Nothing is asked.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where a setting is missing or wrong.
    pub fn signs(&self) -> Result<bool> {
        match &self.0 {
            Place::Folder(_) => Ok(false),
            #[cfg(feature = "cloud")]
            Place::Bucket(bucket) => bucket.signs(),
        }
    }

    /// A URL by which whoever has it puts the object at `at`, for as long as `expires`.
    ///
    /// # Errors
    /// As [`Remote::sign`].
    pub async fn sign_upload(&self, at: &Location, expires: Duration) -> Result<Signed> {
        match &self.0 {
            // It refuses, and says why.
            Place::Folder(_) => self.sign(at, "", expires).await,
            #[cfg(feature = "cloud")]
            Place::Bucket(bucket) => bucket.sign_upload(at, expires).await,
        }
    }

    /// What somebody else put at `at`, to be read as it is now: `None` where there is nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn put_by_others(&self, at: &Location) -> Result<Option<PutByOthers>> {
        match &self.0 {
            Place::Folder(_) => {
                let _ = at;
                Ok(None)
            }
            #[cfg(feature = "cloud")]
            Place::Bucket(bucket) => bucket.put_by_others(at).await,
        }
    }

    /// Downloads an object by a signed URL, without credentials: `None` where there are no such URLs.
    ///
    /// # Errors
    /// As [`Remote::sign`]; [`ErrorKind::Denied`] where the server does not accept it.
    pub async fn try_signed(&self, at: &Location) -> Result<Option<()>> {
        match &self.0 {
            Place::Folder(_) => {
                let _ = at;
                Ok(None)
            }
            #[cfg(feature = "cloud")]
            Place::Bucket(bucket) => bucket.try_signed(at).await.map(Some),
        }
    }

    pub(crate) fn into_store(self) -> Arc<dyn Store> {
        match self.0 {
            Place::Folder(folder) => Arc::new(folder),
            #[cfg(feature = "cloud")]
            Place::Bucket(bucket) => Arc::new(bucket),
        }
    }
}

/// Opens the remote at `url`. Nothing is asked of it yet.
pub(crate) fn open(url: &str, how: RemoteOptions) -> Result<Remote> {
    if scheme(url) == "file" {
        return Ok(Remote(Place::Folder(Folder::new(directory(url)?, &how))));
    }
    bucket(url, how)
}

#[cfg(feature = "cloud")]
fn bucket(url: &str, how: RemoteOptions) -> Result<Remote> {
    ObjectStore::open(url, how).map(Place::Bucket).map(Remote)
}

#[cfg(not(feature = "cloud"))]
fn bucket(url: &str, _: RemoteOptions) -> Result<Remote> {
    Err(wrong(
        url,
        "this program was built for directories only, as `file:///path/to/folder`: buckets need datlake's features `aws`, `azure` or `gcp`",
    ))
}

fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or_default()
}

fn directory(url: &str) -> Result<PathBuf> {
    let three = || wrong(url, "a directory is written as `file:///path/to/folder`, with three slashes");
    let rest = url.strip_prefix("file://").ok_or_else(three)?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(three());
    }
    match percent_encoding::percent_decode_str(path).decode_utf8() {
        Ok(path) => Ok(PathBuf::from(path.into_owned())),
        Err(_) => Err(wrong(url, "its path is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_absolute_and_may_be_encoded() {
        assert_eq!(directory("file:///a/b%20c").unwrap(), Path::new("/a/b c"));
        assert_eq!(directory("file://localhost/a").unwrap(), Path::new("/a"));
        for wrong in [
            "",
            "a/b",
            "secret",
            "secret:secret@host",
            "\0secret://x",
            "file://host/a",
            "file:a",
            "s3://key:secret@bucket/x",
            "nowhere://secret",
        ] {
            let error = open(wrong, RemoteOptions::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
