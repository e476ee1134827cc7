//! Copying a lake, or a part of it, to another store.
//!
//! Invariants:
//! - Nothing at the target is replaced or removed. What differs there is reported and left.
//! - Content, `uses`, names, and the record last, as when a call is published: the target never shows half of a call, and what
//!   ended early goes on where it was.
//! - Documents are copied byte for byte, from the store that decides: the remote, or this machine's where there is none.
//! - A call is copied with its content and, unless that is left out, with all that it was made from: nothing in the target
//!   names what is not there.

mod copy;
mod plan;

use std::sync::Arc;

use datlake_core::{Error, ErrorKind, Location, Result, Store};
use datlake_store::{offload, wait};

use self::copy::Copying;
use super::content::each;
use super::{Lake, refuse_in_body};
use crate::report::Mirrored;
use crate::setters::setters;

/// What is mirrored to, and how.
///
/// ```
/// let how = datlake::Mirror::to("s3://bucket/copy").dry_run(true);
/// ```
#[derive(Clone)]
pub struct Mirror {
    url: String,
    dry_run: bool,
    inputs: bool,
    accept: bool,
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the URL: people put passwords into them.
        let Self { url: _, dry_run, inputs, accept } = self;
        let mut shown = f.debug_struct("Mirror");
        shown.field("dry_run", dry_run).field("inputs", inputs).field("accept", accept).finish_non_exhaustive()
    }
}

impl Mirror {
    /// To the store at `url`, which is like that of a [remote](crate::LakeBuilder::remote). Credentials are taken from the
    /// provider's own variables and files; from `DATLAKE_MIRROR_AWS_ACCESS_KEY_ID` and so on where they are not the remote's.
    pub fn to(url: impl Into<String>) -> Self {
        Self { url: url.into(), dry_run: false, inputs: true, accept: false }
    }

    setters! {
        /// Says what would be copied, and copies nothing.
        ///
        /// ```
        /// # let folder = tempfile::tempdir()?;
        /// # let copy = folder.path().join("copy");
        /// let lake = datlake::Lake::temp()?;
        /// lake.add_bytes("a.txt", "some")?;
        /// let how = datlake::Mirror::to(format!("file://{}", copy.display())).dry_run(true);
        /// assert_eq!((lake.mirror(&how, &[])?.bytes, copy.exists()), (4, false));
        /// # Ok::<(), datlake::Error>(())
        /// ```
        dry_run: bool;
        /// Whether what was asked for brings along all that it was made from, so that its lineage resolves there; it does where
        /// nothing is said. Else its record still names its inputs, by UID and digest.
        inputs: bool;
        /// Takes whatever lake is there, also where this home knows another in that place, or there is none any more.
        ///
        /// ```
        /// # let folder = tempfile::tempdir()?;
        /// # let copy = folder.path().join("copy");
        /// let lake = datlake::Lake::temp()?;
        /// lake.add_bytes("a.txt", "some")?;
        /// let how = datlake::Mirror::to(format!("file://{}", copy.display()));
        /// lake.mirror(&how, &[])?;
        /// std::fs::remove_dir_all(copy)?;
        /// assert!(lake.mirror(&how, &[]).is_err()); // perhaps it is not mounted
        /// assert_eq!(lake.mirror(&how.accept(true), &[])?.items.len(), 1);
        /// # Ok::<(), datlake::Error>(())
        /// ```
        accept: bool;
    }
}

impl Lake {
    /// Copies the lake to another store, or what `which` names: files, folders, calls (`@creator`, `@creator/3f9a27`), each with
    /// all that it was made from. What is there already is not sent again, so that a second run does nothing. What is there and
    /// differs is left as it is, and told; what was removed there does not come back; what was removed here stays there.
    ///
    /// What this machine has not [pushed](Lake::push) to its remote is left out.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] offline, and for a URL that is no store's, or the lake's own; [`ErrorKind::NotFound`] for a UID,
    /// folder or creator that there is not; [`ErrorKind::Context`] in a body; those of the stores.
    ///
    /// ```
    /// use datlake::{Lake, Mirror};
    /// # let folder = tempfile::tempdir()?;
    /// # let copy = format!("file://{}", folder.path().join("copy").display());
    /// let lake = Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.mirror(&Mirror::to(&copy), &["greetings"])?.items.len(), 1);
    /// assert_eq!(lake.mirror(&Mirror::to(&copy), &[])?.items.len(), 0);
    ///
    /// let other = Lake::builder().home(folder.path().join("home")).remote(&copy).open()?;
    /// assert_eq!(other.file("greetings/en.txt")?.read()?, b"hello");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn mirror(&self, how: &Mirror, which: &[&str]) -> Result<Mirrored> {
        wait(self.mirror_async(how, which))
    }

    /// The asynchronous twin of [`Lake::mirror`].
    ///
    /// # Errors
    /// As [`Lake::mirror`].
    pub async fn mirror_async(&self, how: &Mirror, which: &[&str]) -> Result<Mirrored> {
        refuse_in_body("mirror")?;
        if self.is_offline() {
            return Err(Error::new(ErrorKind::Config, "cannot mirror: the lake is offline"));
        }
        let (lake, how, which) =
            (self.clone(), how.clone(), which.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let (copying, items, damaged) = offload(move || {
            let target = lake.local_view().open_other(&how.url, how.accept)?;
            wait(async {
                differ(&**lake.source(), &*target).await?;
                let (items, damaged) = lake.to_mirror(&which, how.inputs).await?;
                Ok::<_, Error>((Copying::new(&lake, target, how.dry_run), items, damaged))
            })
        })
        .await??;
        let copying = Arc::new(copying);
        let each_item = Arc::clone(&copying);
        let rows = each(items, move |item| wait(each_item.item(&item))).await?;
        Ok(copying.report(damaged, rows.into_iter().collect::<Result<_>>()?))
    }

    /// The store that is copied from: the one that decides.
    fn source(&self) -> &Arc<dyn Store> {
        self.catalog().remote.as_ref().unwrap_or(&self.catalog().local)
    }
}

/// A lake is no mirror of itself.
async fn differ(source: &dyn Store, target: &dyn Store) -> Result<()> {
    if source.describe() == target.describe() {
        let (here, there) = (source.get(&Location::Lake).await?, target.get(&Location::Lake).await?);
        if here.is_some() && here == there {
            let message = format!("cannot mirror: {} is where the lake is", target.describe());
            return Err(Error::new(ErrorKind::Config, message).with_hint("choose another place"));
        }
    }
    Ok(())
}
