//! Files that lie outside of the lake: in folders and buckets that this machine's configuration names.
//!
//! Invariants:
//! - Nothing is opened but what is below an address that was allowed when this was made, whatever an address says that was read somewhere.
//! - In a folder no link is followed, whoever put it there, and whenever.
//! - Bytes are handed on only of a file that is what it was when its address was noted.

mod address;
pub(crate) mod file;
mod folder;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use datlake_core::tree::AddressedFile;
use datlake_core::{Error, ErrorKind, Result};

use self::address::ParsedAddress;
pub use self::file::VisitOutside;
use self::file::joined;
use self::folder::OutsideFolder;
#[cfg(feature = "cloud")]
use crate::object::ObjectStore;
use crate::options::RemoteOptions;
use crate::signing::Signed;

/// The places outside of the lake that may be read.
#[derive(Clone, Debug, Default)]
pub struct Outside(Vec<Arc<AllowedPlace>>);

/// A place that may be read, with all below it.
#[derive(Debug)]
struct AllowedPlace {
    at: ParsedAddress,
    place: PlaceOutside,
}

#[derive(Debug)]
enum PlaceOutside {
    Folder(OutsideFolder),
    #[cfg(feature = "cloud")]
    Bucket(ObjectStore),
}

impl Outside {
    /// These places, and what is below `urls`: `file:///path/to/folder`, `s3://bucket/folder`, `gs://…`, `az://…`. Nothing is asked of them
    /// yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a URL of another kind, or with credentials in it.
    pub fn with<'u>(&self, urls: impl IntoIterator<Item = &'u str>, options: &RemoteOptions) -> Result<Self> {
        let new = urls.into_iter().map(|url| AllowedPlace::new(url, options).map(Arc::new));
        self.0.iter().cloned().map(Ok).chain(new).collect::<Result<_>>().map(Self)
    }

    /// Shows each file below `url`, in any order, with its path from there; where there is a file at `url` itself, that alone, with an empty
    /// path. No content is read.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] where that is not allowed; [`ErrorKind::InvalidInput`] for a link, a pipe or a device, and for a store that
    /// gives its objects no tags; those of `visit`.
    pub async fn list(&self, url: &str, visit: VisitOutside<'_>) -> Result<()> {
        let (allowed, rest) = self.place(url)?;
        let at = |path: &str| allowed.at.below(&joined(&rest, path));
        match &allowed.place {
            PlaceOutside::Folder(folder) => folder.list(&rest, &at, visit),
            #[cfg(feature = "cloud")]
            PlaceOutside::Bucket(bucket) => bucket.list_outside(&rest, &at, visit).await,
        }
    }

    /// The bytes of `range` within `file`, which is what it was.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] where its address is not allowed; [`ErrorKind::Conflict`] where it was changed or removed.
    pub async fn read(&self, file: &AddressedFile, range: Range<u64>) -> Result<Vec<u8>> {
        let (allowed, rest) = self.place(&file.address)?;
        match &allowed.place {
            PlaceOutside::Folder(folder) => folder.read(&rest, file, range),
            #[cfg(feature = "cloud")]
            PlaceOutside::Bucket(bucket) => bucket.read_outside(&rest, file, range).await,
        }
    }

    /// Looks whether `file` is what it was, as far as its place says.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn check(&self, file: &AddressedFile) -> Result<()> {
        let (allowed, rest) = self.place(&file.address)?;
        match &allowed.place {
            PlaceOutside::Folder(folder) => folder.check(&rest, file),
            #[cfg(feature = "cloud")]
            PlaceOutside::Bucket(bucket) => bucket.check_outside(&rest, file).await,
        }
    }

    /// Whether `address` may be read, without asking its place.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] where it may not.
    pub fn check_allowed(&self, address: &str) -> Result<()> {
        self.place(address).map(drop)
    }

    /// A URL from which what is at `address` is downloaded under `name`, as it is then; `None` where its place gives out none.
    ///
    /// # Errors
    /// As [`read`](Self::read); [`ErrorKind::InvalidInput`] for a time that it cannot have.
    pub async fn sign(&self, address: &str, name: &str, expires: Duration) -> Result<Option<Signed>> {
        let (allowed, rest) = self.place(address)?;
        match &allowed.place {
            PlaceOutside::Folder(_) => {
                let _ = (rest, name, expires);
                Ok(None)
            }
            #[cfg(feature = "cloud")]
            PlaceOutside::Bucket(bucket) if bucket.signs()? => {
                bucket.sign_outside(&rest, name, expires).await.map(Some)
            }
            #[cfg(feature = "cloud")]
            PlaceOutside::Bucket(_) => Ok(None),
        }
    }

    /// The place that has `url`, and its path from there.
    fn place(&self, url: &str) -> Result<(&AllowedPlace, String)> {
        let found = ParsedAddress::new(url)
            .and_then(|url| self.0.iter().find_map(|allowed| Some((&**allowed, allowed.at.path_to(&url)?))));
        found.ok_or_else(|| {
            // What it says may be anybody's words.
            let shown: String = url.chars().take(300).flat_map(char::escape_debug).collect();
            let message = format!("`{shown}` may not be read: nothing on this machine allows that address");
            Error::new(ErrorKind::Denied, message).with_hint(
                "who trusts it names a folder above it in DATLAKE_READ_FROM, or by `datlake serve --import-from`",
            )
        })
    }
}

/// Whether the address `url` is that of `folder`, or below it; `false` for what is no address.
///
/// ```
/// use datlake_store::is_address_below;
///
/// assert!(is_address_below("s3://bucket/exports/a.csv", "s3://bucket/exports/"));
/// assert!(!is_address_below("s3://bucket/exports/../a.csv", "s3://bucket/exports/"));
/// ```
pub fn is_address_below(url: &str, folder: &str) -> bool {
    ParsedAddress::new(folder).zip(ParsedAddress::new(url)).is_some_and(|(folder, url)| folder.path_to(&url).is_some())
}

/// What a file at the address `url` is called; `None` for what is no address of a file.
pub fn name_at_address(url: &str) -> Option<String> {
    ParsedAddress::new(url)?.name()
}

impl AllowedPlace {
    fn new(url: &str, options: &RemoteOptions) -> Result<Self> {
        let wrong = |why: &str| crate::remote_url::wrong(url, why);
        let at = ParsedAddress::new(url)
            .ok_or_else(|| wrong("it is no URL of a folder, without `.`, `..` and empty names"))?;
        let place = match at.folder() {
            Some(folder) => PlaceOutside::Folder(OutsideFolder(folder)),
            #[cfg(feature = "cloud")]
            None => {
                let options = RemoteOptions { variables: options.variables.clone(), ..RemoteOptions::default() };
                PlaceOutside::Bucket(ObjectStore::open(&at.below(""), options)?)
            }
            #[cfg(not(feature = "cloud"))]
            None => {
                let _ = options;
                return Err(wrong("this program was built for directories only"));
            }
        };
        Ok(Self { at, place })
    }
}
