//! Finding files by their names.

use datlake_core::{Result, Uid};
use datlake_store::wait;
use futures_util::stream::{self, StreamExt as _};

use super::{AT_ONCE, Files, unless_damaged};
#[cfg(doc)]
use crate::ErrorKind;
use crate::file::File;
use crate::handle::Lake;
use crate::scope::refuse_in_body;

impl Lake {
    /// The file called `uid`. Nothing is downloaded.
    ///
    /// In a body, `uid` is recorded as an input of the call.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], which names the nearest UIDs; [`ErrorKind::InvalidInput`] for what is no UID.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("corpora/alice.txt", "down the rabbit hole")?;
    /// assert_eq!(lake.file("corpora/alice.txt")?.len(), 20);
    ///
    /// let error = lake.file("corpora/alise.txt").unwrap_err();
    /// assert!(error.to_string().contains("the nearest names are `corpora/alice.txt`"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn file(&self, uid: &str) -> Result<File> {
        File::named(self, uid)
    }

    /// Whether the lake has a file called `uid`.
    ///
    /// # Errors
    /// [`ErrorKind::Context`] in a body: whether a file exists must not decide what a remembered call returns.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// assert!(!lake.exists("a.txt")?);
    /// lake.add_bytes("a.txt", "a")?;
    /// assert!(lake.exists("a.txt")?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn exists(&self, uid: &str) -> Result<bool> {
        refuse_in_body("look whether a file exists")?;
        Ok(wait(File::find(self, &uid.parse()?))?.is_some())
    }

    /// The files with chosen names below the folder `prefix` (all if it is empty), sorted by UID. A damaged document hides
    /// its own file only, and is named in [`Files::damaged`].
    ///
    /// # Errors
    /// [`ErrorKind::Context`] in a body: what is in the lake must not decide what a remembered call returns.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("notes/a.txt", "a")?;
    /// lake.add_bytes("b.txt", "b")?;
    /// assert_eq!(lake.list("notes")?[0].name(), "a.txt");
    /// assert_eq!(lake.list("")?.len(), 2);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn list(&self, prefix: &str) -> Result<Files> {
        refuse_in_body("list the lake")?;
        wait(async {
            self.contact_remote().await?;
            let folder = prefix.trim_end_matches('/');
            let folder = if folder.is_empty() { None } else { Some(Uid::chosen(folder)?) };
            let names = self.catalog().names(folder.as_ref()).await?;
            self.refresh_all(folder.as_ref(), &names).await?;
            let mut found = stream::iter(folder.into_iter().chain(names))
                .map(|uid| async move { (self.find(&uid).await, uid) })
                .buffered(AT_ONCE);
            let mut files = Files::default();
            while let Some((file, uid)) = found.next().await {
                // A name whose call never finished shows nothing.
                files.files.extend(unless_damaged(file, &uid, &mut files.damaged)?.flatten());
            }
            Ok(files)
        })
    }

    /// The file called `uid`, wherever it is.
    pub(crate) async fn find(&self, uid: &Uid) -> Result<Option<File>> {
        File::find(self, uid).await
    }
}
