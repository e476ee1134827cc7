//! Tags.

use std::ops::Deref;

use datlake_core::Result;
use serde_json::json;
use ureq::http::Method;

use super::pages::{ListOptions, Listed};
use super::reference::Reference;
use super::repository::Repository;
use super::wire::Named;

/// A tag, whether there is one or not: a reference that never leads elsewhere.
#[derive(Clone, Debug)]
pub struct Tag(Reference);

impl Tag {
    pub(super) fn new(repository: &Repository, id: &str) -> Self {
        Self(Reference::new(repository, id))
    }

    /// Creates it, where `source` leads.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) where there is one; [`NotFound`](crate::ErrorKind::NotFound) where `source` leads nowhere; as
    /// [`Client::configuration`](super::Client::configuration).
    pub fn create(&self, source: &str) -> Result<Self> {
        let new = json!({ "id": self.id(), "ref": source });
        let _: Named = self.client().connection()?.send(Method::POST, self.repository().at(&["tags"]), &new)?;
        Ok(self.clone())
    }

    /// Deletes it. What it led to stays.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); as [`Client::configuration`](super::Client::configuration).
    pub fn delete(&self) -> Result<()> {
        self.client().connection()?.tell(Method::DELETE, self.repository().at(&["tags", self.id()]), None)
    }
}

/// A tag is a reference.
impl Deref for Tag {
    type Target = Reference;

    fn deref(&self) -> &Reference {
        &self.0
    }
}

impl Repository {
    /// Its tag `id`, whether there is one or not.
    pub fn tag(&self, id: &str) -> Tag {
        Tag::new(self, id)
    }

    /// Its tags, sorted by name.
    pub fn list_tags(&self, how: ListOptions) -> Listed<Tag> {
        let this = self.clone();
        Listed::new(self.client(), how, self.at(&["tags"]), move |found: Named| this.tag(&found.id))
    }
}
