//! Repositories.

use std::collections::BTreeMap;

use datlake_core::{ErrorKind, Result};
use serde_json::json;
use ureq::http::Method;

use super::client::Client;
use super::http::Asked;
use super::wire::RepositoryProperties;

/// A repository of a server, whether there is one or not: each method asks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Repository {
    client: Client,
    id: String,
}

impl Repository {
    /// The repository `id`, by `client`.
    pub fn new(id: &str, client: &Client) -> Self {
        Self { client: client.clone(), id: id.to_owned() }
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Creates it. `storage_namespace` says where lakeFS keeps its content, and nothing to a lake; without `default_branch` its branch is
    /// `main`.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where there is one; as [`Client::configuration`].
    pub fn create(&self, storage_namespace: &str, default_branch: Option<&str>, include_samples: bool) -> Result<Self> {
        let mut new =
            json!({ "name": self.id, "storage_namespace": storage_namespace, "sample_data": include_samples });
        if let Some(branch) = default_branch {
            new["default_branch"] = branch.into();
        }
        self.client.connection()?.tell(Method::POST, Asked::at(&["repositories"]), Some(&new))?;
        Ok(self.clone())
    }

    /// Creates it unless there is one.
    ///
    /// # Errors
    /// As [`Repository::create`].
    pub fn get_or_create(
        &self,
        storage_namespace: &str,
        default_branch: Option<&str>,
        include_samples: bool,
    ) -> Result<Self> {
        match self.properties() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            found => return found.map(|_| self.clone()),
        }
        match self.create(storage_namespace, default_branch, include_samples) {
            // Somebody else was first.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(self.clone()),
            created => created,
        }
    }

    /// What is known of it.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound); as [`Client::configuration`].
    pub fn properties(&self) -> Result<RepositoryProperties> {
        self.client.connection()?.get(self.at(&[]))
    }

    /// What is noted of it.
    ///
    /// # Errors
    /// As [`Repository::properties`].
    pub fn metadata(&self) -> Result<BTreeMap<String, String>> {
        self.client.connection()?.get(self.at(&["metadata"]))
    }

    /// Deletes it, with all its branches, tags and commits.
    ///
    /// # Errors
    /// As [`Repository::properties`].
    pub fn delete(&self) -> Result<()> {
        self.client.connection()?.tell(Method::DELETE, self.at(&[]), None)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// What is at this path below it.
    pub(super) fn at(&self, rest: &[&str]) -> Asked {
        Asked::at(&[&["repositories", &self.id], rest].concat())
    }
}
