//! Tags: names of commits that never move.

use std::ops::Deref;
use std::sync::Arc;

use datlake_core::catalog::Author;
use datlake_core::repository::{TagDocument, TagName};
use datlake_core::{Location, Result};
use datlake_store::wait;

use super::reference::Reference;
use super::shared::Shared;

/// A tag of a repository: what [`Reference`] can do, and nothing that changes files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(Reference);

impl Tag {
    pub(super) fn new(shared: &Arc<Shared>, name: &str) -> Self {
        Self(Reference::tag(shared, name))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.expression()
    }

    /// Creates it, for the commit that `from` leads to.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists) where there is one, or a branch of that name;
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for what cannot be a name; as [`Reference::commit_info`];
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) offline.
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// sales.tag("v1").create("main")?;
    /// assert!(sales.tag("v1").create("main").is_err());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn create(&self, from: &str) -> Result<Self> {
        let (name, repository) = (TagName::new(self.name())?, self.0.shared().incarnation);
        self.0.create("create a tag", from, |Author { nonce, by }, commit| {
            let document = TagDocument { nonce, repository, name, commit, by };
            Ok((document.at(), document.to_bytes()?.0))
        })?;
        Ok(self.clone())
    }

    /// Deletes it. What only it led to goes with a later collection.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is none; [`ErrorKind::Context`](crate::ErrorKind::Context) in a
    /// body; [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) offline.
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// sales.tag("v1").create("main")?.delete()?;
    /// assert!(sales.tag("v1").delete().is_err());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn delete(&self) -> Result<()> {
        let shared = self.0.contacted("delete a tag")?;
        let at = Location::Tag(shared.incarnation, TagName::new(self.name())?);
        match wait(shared.lake.catalog().remove_ref(&at))? {
            true => Ok(()),
            false => Err(self.0.missing()),
        }
    }
}

/// A tag is read as what it leads to.
impl Deref for Tag {
    type Target = Reference;

    fn deref(&self) -> &Reference {
        &self.0
    }
}
