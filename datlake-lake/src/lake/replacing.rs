//! Adding what may take the place of what is there.

use std::io;
use std::path::Path;

use datlake_core::Result;
use datlake_store::AsyncRead;

use super::Lake;
use super::write::Existing::Replaced;
use crate::file::{File, LocalFolder, Tree};

/// A lake whose names are led to what is added, whatever they led to before: see [`Lake::replacing`].
#[derive(Clone, Debug)]
pub struct Replacing(Lake);

impl Lake {
    /// What is added through this replaces what is there. What a name led to before stays an earlier version of it:
    /// [`Lake::log`] lists them, `NAME@{1}` is a UID to read them by, and nothing made from them is lost. The same content again
    /// changes nothing.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("prices.csv", "1")?;
    /// assert!(lake.add_bytes("prices.csv", "2").is_err());
    ///
    /// lake.replacing().add_bytes("prices.csv", "2")?;
    /// assert_eq!(lake.file("prices.csv")?.read_to_string()?, "2");
    /// assert_eq!(lake.file("prices.csv@{1}")?.read_to_string()?, "1");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    #[must_use]
    pub fn replacing(&self) -> Replacing {
        Replacing(self.clone())
    }
}

impl Replacing {
    /// As [`Lake::add_bytes`].
    ///
    /// # Errors
    /// [`ErrorKind::Context`](crate::ErrorKind::Context) in a body; those of the stores.
    pub fn add_bytes(&self, uid: &str, bytes: impl AsRef<[u8]>) -> Result<File> {
        self.0.bytes_as(uid, bytes.as_ref(), Replaced)
    }

    /// As [`Lake::add_path`].
    ///
    /// # Errors
    /// As [`Lake::add_path`], without that of other content.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_path("cargo.toml", "Cargo.toml")?;
    /// lake.replacing().add_path("cargo.toml", "Cargo.toml")?; // the same content
    /// assert_eq!(lake.log("cargo.toml")?.versions.len(), 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn add_path(&self, uid: &str, path: impl AsRef<Path>) -> Result<File> {
        self.0.path_as(uid, path.as_ref(), Replaced)
    }

    /// As [`Lake::add_reader`].
    ///
    /// # Errors
    /// As [`Lake::add_reader`], without that of other content.
    pub fn add_reader(&self, uid: &str, reader: &mut dyn io::Read) -> Result<File> {
        self.0.add_read(uid, reader, None, Replaced)
    }

    /// As [`Lake::add_reader_async`].
    ///
    /// # Errors
    /// As [`Replacing::add_reader`].
    pub async fn add_reader_async(&self, uid: &str, reader: impl AsyncRead) -> Result<File> {
        self.0.add_read_async(uid, reader, None, Replaced).await
    }

    /// As [`Lake::add_download`].
    ///
    /// # Errors
    /// As [`Lake::add_download`], without that of other content.
    pub fn add_download(&self, uid: &str, url: &str, reader: &mut dyn io::Read) -> Result<File> {
        self.0.add_read(uid, reader, Some(crate::config::without_secrets(url)), Replaced)
    }

    /// As [`Lake::add_download_async`].
    ///
    /// # Errors
    /// As [`Replacing::add_download`].
    pub async fn add_download_async(&self, uid: &str, url: &str, reader: impl AsyncRead) -> Result<File> {
        self.0.add_read_async(uid, reader, Some(crate::config::without_secrets(url)), Replaced).await
    }

    /// As [`Lake::add_tree`].
    ///
    /// # Errors
    /// As [`Lake::add_tree`], without that of other content.
    pub fn add_tree(&self, uid: &str, path: impl AsRef<Path>) -> Result<Tree> {
        self.0.tree_as(uid, path.as_ref(), Replaced)
    }

    /// As [`Lake::add_folder`].
    ///
    /// # Errors
    /// As [`Replacing::add_tree`].
    pub fn add_folder(&self, uid: &str, folder: &LocalFolder) -> Result<Tree> {
        self.0.folder_as(uid, folder, Replaced)
    }

    /// As [`Lake::add_each`].
    ///
    /// # Errors
    /// As [`Lake::add_each`], without that of other content.
    pub fn add_each(&self, prefix: &str, path: impl AsRef<Path>) -> Result<Vec<(File, bool)>> {
        self.0.each_below(prefix, path.as_ref(), Replaced)
    }

    /// As [`Lake::add_each_of`].
    ///
    /// # Errors
    /// As [`Replacing::add_each`].
    pub fn add_each_of(&self, prefix: &str, folder: &LocalFolder) -> Result<Vec<(File, bool)>> {
        self.0.each_of_as(prefix, folder, Replaced)
    }
}
