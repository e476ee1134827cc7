//! What can be read at a branch, a tag or a commit.

use std::collections::BTreeMap;

use datlake_core::{ErrorKind, Result};
use serde_json::json;
use ureq::SendBody;
use ureq::http::Method;

use super::client::Client;
use super::http::{Asked, whole};
use super::pages::{ListOptions, Listed};
use super::repository::Repository;
use super::wire::{Change, Commit, MergedInto, Stat};

/// What a branch, a tag, a commit or an expression leads to. It is only read: what it leads to may change, the commit itself never does.
#[derive(Clone, Debug)]
pub struct Reference {
    repository: Repository,
    id: String,
}

impl Reference {
    /// What `id` leads to in `repository`.
    pub fn new(repository: &Repository, id: &str) -> Self {
        Self { repository: repository.clone(), id: id.to_owned() }
    }

    /// The expression: a name, the id of a commit, `main~2`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The commit that it leads to.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where it leads nowhere; as [`Client::configuration`].
    pub fn commit_info(&self) -> Result<Commit> {
        self.client().connection()?.get(self.repository.at(&["commits", &self.id]))
    }

    /// What that commit says.
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    pub fn commit_message(&self) -> Result<String> {
        Ok(self.commit_info()?.message)
    }

    /// What is noted beside that.
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    pub fn metadata(&self) -> Result<BTreeMap<String, String>> {
        Ok(self.commit_info()?.metadata)
    }

    /// The commits that led there, the newest first; at most so many, if it is said.
    pub fn log(&self, max_amount: Option<usize>) -> Listed<Commit> {
        let how = max_amount.map_or_else(ListOptions::default, |most| ListOptions::default().max_amount(most));
        Listed::new(self.client(), how, self.at(&["commits"]), |commit: Commit| commit)
    }

    /// What changed on `other` since the two had a commit in common.
    pub fn diff(&self, other: &str, how: ListOptions) -> Listed<Change> {
        Listed::new(self.client(), how, self.at(&["diff", other]), |change: Change| change)
    }

    /// Merges it into the branch `destination`: the id of the commit.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where both changed the same, [`Unchanged`](ErrorKind::Unchanged) where there is nothing to merge;
    /// as [`Reference::commit_info`].
    pub fn merge_into(&self, destination: &str) -> Result<String> {
        self.merge_saying(destination, None)
    }

    pub(super) fn merge_saying(&self, destination: &str, message: Option<&str>) -> Result<String> {
        let merge = json!({ "message": message });
        let merged: MergedInto =
            self.client().connection()?.send(Method::POST, self.at(&["merge", destination]), &merge)?;
        Ok(merged.reference)
    }

    /// All of the object at `path`.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where there is none; as [`Reference::commit_info`].
    pub fn download(&self, path: &str) -> Result<Vec<u8>> {
        whole(self.client().connection()?.ask(Method::GET, self.object_at(path), &[], SendBody::none())?)
    }

    /// Whether there is an object at `path`.
    ///
    /// # Errors
    /// As [`Client::configuration`].
    pub fn exists(&self, path: &str) -> Result<bool> {
        match self.stat(path, false) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            found => found.map(|_| true),
        }
    }

    pub(super) fn client(&self) -> &Client {
        self.repository.client()
    }

    /// Whether presigned URLs are used: what the caller says, or else what the server can do.
    pub(super) fn pre_signed(&self, said: Option<bool>) -> Result<bool> {
        said.map_or_else(|| Ok(self.client().configuration()?.storage_config().pre_sign_support()), Ok)
    }

    pub(super) fn stat(&self, path: &str, pre_signed: bool) -> Result<Stat> {
        let asked = self.at(&["objects", "stat"]).with("path", path);
        let asked = if pre_signed { asked.with("presign", true) } else { asked };
        self.client().connection()?.get(asked)
    }

    pub(super) fn object_at(&self, path: &str) -> Asked {
        self.at(&["objects"]).with("path", path)
    }

    pub(super) fn at(&self, rest: &[&str]) -> Asked {
        self.repository.at(&[&["refs", &self.id], rest].concat())
    }
}

impl Repository {
    /// Its commit `id`, or an unambiguous beginning of one.
    pub fn commit(&self, id: &str) -> Reference {
        Reference::new(self, id)
    }

    /// What a branch, a tag, a commit or an expression as `main~2` leads to.
    pub fn reference(&self, expression: &str) -> Reference {
        Reference::new(self, expression)
    }
}
