//! Branches: what can be read there, and changed.

use std::collections::BTreeMap;
use std::ops::Deref;

use datlake_core::{Error, ErrorKind, Result};
use serde_json::json;
use ureq::http::Method;

use super::http::Asked;
use super::pages::{ListOptions, Listed};
use super::reference::Reference;
use super::repository::Repository;
use super::wire::{Change, Commit, Named, ObjectErrors};

/// The most paths of one request.
const MANY: usize = 1000;

/// A branch, whether there is one or not: a reference that can be changed.
#[derive(Clone, Debug)]
pub struct Branch(Reference);

impl Branch {
    pub(super) fn new(repository: &Repository, id: &str) -> Self {
        Self(Reference::new(repository, id))
    }

    /// Creates it, where `source` leads: a branch, a tag, a commit, an expression.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where there is one; [`NotFound`](ErrorKind::NotFound) where `source` leads nowhere; as
    /// [`Client::configuration`](super::Client::configuration).
    pub fn create(&self, source: &str) -> Result<Self> {
        let new = json!({ "name": self.id(), "source": source });
        self.client().connection()?.tell(Method::POST, self.repository().at(&["branches"]), Some(&new))?;
        Ok(self.clone())
    }

    /// Its last commit, as a reference that stays there.
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    pub fn head(&self) -> Result<Reference> {
        Ok(self.repository().commit(&self.commit_info()?.id))
    }

    /// Deletes it. Its commits stay as long as something leads to them.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound); as [`Client::configuration`](super::Client::configuration).
    pub fn delete(&self) -> Result<()> {
        self.client().connection()?.tell(Method::DELETE, self.at(&[]), None)
    }

    /// Deletes what is at these paths, where there is anything.
    ///
    /// # Errors
    /// The first that the server says of a path; as [`Branch::upload`].
    pub fn delete_objects(&self, paths: &[impl AsRef<str>]) -> Result<()> {
        let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
        for some in paths.chunks(MANY) {
            let list = json!({ "paths": some });
            let answer: ObjectErrors =
                self.client().connection()?.send(Method::POST, self.at(&["objects", "delete"]), &list)?;
            if let Some(failed) = answer.errors.into_iter().next() {
                let message = format!("cannot delete `{}`: {}", failed.path.unwrap_or_default(), failed.message);
                return Err(Error::new(ErrorKind::Io, message));
            }
        }
        Ok(())
    }

    /// What is uncommitted.
    pub fn list_uncommitted(&self, how: ListOptions) -> Listed<Change> {
        Listed::new(self.client(), how, self.at(&["diff"]), |change: Change| change)
    }

    /// Commits what is uncommitted.
    ///
    /// # Errors
    /// [`Unchanged`](ErrorKind::Unchanged) where there is nothing; as [`Branch::upload`].
    pub fn commit_changes(&self, message: &str, metadata: &BTreeMap<String, String>) -> Result<Commit> {
        let new = json!({ "message": message, "metadata": metadata });
        self.client().connection()?.send(Method::POST, self.at(&["commits"]), &new)
    }

    /// Discards what is uncommitted: all of it, or what is at `path`, or, where that ends in `/`, what begins with it.
    ///
    /// # Errors
    /// As [`Branch::upload`].
    pub fn reset(&self, path: Option<&str>) -> Result<()> {
        let kind = match path {
            None => "reset",
            Some(path) if path.ends_with('/') => "common_prefix",
            Some(_) => "object",
        };
        let reset = json!({ "type": kind, "path": path });
        self.client().connection()?.tell(Method::PUT, self.at(&[]), Some(&reset))
    }

    /// Takes back what the commit changed that `reference` leads to; of a merge, what it changed from its first parent.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where something else was changed there since; as [`Branch::upload`].
    pub fn revert(&self, reference: &str) -> Result<Commit> {
        let parents = self.repository().reference(reference).commit_info()?.parents.len();
        let revert = json!({ "ref": reference, "parent_number": usize::from(parents > 1) });
        self.client().connection()?.tell(Method::POST, self.at(&["revert"]), Some(&revert))?;
        self.commit_info()
    }

    /// Does again what the commit changed that `reference` leads to.
    ///
    /// # Errors
    /// As [`Branch::revert`].
    pub fn cherry_pick(&self, reference: &str) -> Result<Commit> {
        let parents = self.repository().reference(reference).commit_info()?.parents.len();
        let mut pick = json!({ "ref": reference });
        if parents > 1 {
            pick["parent_number"] = 1.into();
        }
        self.client().connection()?.send(Method::POST, self.at(&["cherry-pick"]), &pick)
    }

    /// What is at this path below it.
    pub(super) fn at(&self, rest: &[&str]) -> Asked {
        self.repository().at(&[&["branches", self.id()], rest].concat())
    }
}

/// A branch is a reference.
impl Deref for Branch {
    type Target = Reference;

    fn deref(&self) -> &Reference {
        &self.0
    }
}

impl Repository {
    /// Its branch `id`, whether there is one or not.
    pub fn branch(&self, id: &str) -> Branch {
        Branch::new(self, id)
    }

    /// Its branches, sorted by name.
    pub fn list_branches(&self, how: ListOptions) -> Listed<Branch> {
        let this = self.clone();
        Listed::new(self.client(), how, self.at(&["branches"]), move |found: Named| this.branch(&found.id))
    }
}
