//! Tags: names of commits that never move.

use std::ops::Deref;
use std::sync::Arc;

use datlake_core::repository::{TagDocument, TagName};
use datlake_core::{Created, Error, ErrorKind, Location, Result};
use datlake_store::wait;

use super::reference::Reference;
use super::shared::{Shared, gone};
use crate::scope::refuse_in_body;

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
    /// [`ErrorKind::AlreadyExists`] where there is one, or a branch of that name; [`ErrorKind::InvalidInput`] for what cannot be a
    /// name; as [`Reference::commit_info`]; [`ErrorKind::Unavailable`] offline.
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// sales.tag("v1").create("main")?;
    /// assert!(sales.tag("v1").create("main").is_err());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn create(&self, from: &str) -> Result<Self> {
        let shared = self.0.shared();
        let name = TagName::new(self.name())?;
        let resolved = Reference::any(shared, from).resolved("create a tag")?;
        let taken = |kind: &str| {
            let message = format!("the repository `{}` has a {kind} `{name}`", self.0.repository_name());
            Err(Error::new(ErrorKind::AlreadyExists, message))
        };
        if Reference::branch(shared, name.as_str()).resolved("create a tag").is_ok() {
            return taken("branch");
        }
        let author = shared.author()?;
        let (nonce, by, commit) = (author.nonce, author.by, resolved.commit);
        let document = TagDocument { nonce, repository: shared.incarnation, name: name.clone(), commit, by };
        match shared.create_ref(&document.at(), &document.to_bytes()?.0, &resolved)? {
            Created::New => Ok(self.clone()),
            Created::Exists => taken("tag"),
        }
    }

    /// Deletes it. What only it led to goes with a later collection.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none; [`ErrorKind::Context`] in a body; [`ErrorKind::Unavailable`] offline.
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// sales.tag("v1").create("main")?.delete()?;
    /// assert!(sales.tag("v1").delete().is_err());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn delete(&self) -> Result<()> {
        refuse_in_body("delete a tag")?;
        let shared = self.0.shared();
        wait(shared.lake.contact_remote())?;
        let at = Location::Tag(shared.incarnation, TagName::new(self.name())?);
        match wait(shared.lake.catalog().remove_ref(&at))? {
            true => Ok(()),
            false => Err(gone(format!("the repository `{}` has no tag `{}`", self.0.repository_name(), self.name()))),
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
