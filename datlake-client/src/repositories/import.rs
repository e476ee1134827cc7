//! Imports: begun, and waited for.

use std::collections::BTreeMap;
use std::time::Duration;

use datlake_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use ureq::http::Method;

use super::branch::Branch;
use super::http::Asked;
use super::wire::{BegunImport, Commit, ImportStatus};

/// How often is asked how far an import is, where nothing else is said.
const POLL: Duration = Duration::from_secs(2);

/// An import into a branch: what is imported, and, once it was [started](ImportManager::start), how far it is.
#[derive(Clone, Debug)]
pub struct ImportManager {
    branch: Branch,
    message: String,
    metadata: BTreeMap<String, String>,
    sources: Vec<Value>,
    id: Option<String>,
}

/// What an import came to.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportResult {
    /// The commit that has all of it.
    pub commit: Commit,
    /// How many objects were put.
    pub ingested_objects: u64,
}

impl ImportManager {
    /// An import into `branch`, of nothing yet.
    pub fn new(branch: &Branch, commit_message: &str) -> Self {
        let (metadata, sources, id) = Default::default();
        Self { branch: branch.clone(), message: commit_message.to_owned(), metadata, sources, id }
    }

    /// Imports what `object_store_uri` begins with, each at `destination` and the rest of its name.
    #[must_use]
    pub fn prefix(self, object_store_uri: &str, destination: &str) -> Self {
        self.source("common_prefix", object_store_uri, destination)
    }

    /// Imports an object to the path `destination`.
    #[must_use]
    pub fn object(self, object_store_uri: &str, destination: &str) -> Self {
        self.source("object", object_store_uri, destination)
    }

    /// Notes something beside the commit's message.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    fn source(mut self, kind: &str, uri: &str, destination: &str) -> Self {
        self.sources.push(json!({ "type": kind, "path": uri, "destination": destination }));
        self
    }

    /// Begins it, and does not wait: its id.
    ///
    /// # Errors
    /// [`Context`](ErrorKind::Context) where it was begun before; [`Denied`](ErrorKind::Denied) for a source that may not be imported; as
    /// [`Branch::upload`].
    pub fn start(&mut self) -> Result<String> {
        if self.id.is_some() {
            return Err(Error::new(ErrorKind::Context, "an import is started once: make another"));
        }
        let new = json!({ "paths": self.sources, "commit": { "message": self.message, "metadata": self.metadata } });
        let connection = self.branch.client().connection()?;
        let begun: BegunImport = connection.send(Method::POST, self.branch.at(&["import"]), &new)?;
        self.id = Some(begun.id.clone());
        Ok(begun.id)
    }

    /// How far it is.
    ///
    /// # Errors
    /// [`Context`](ErrorKind::Context) where it was not started; as [`Branch::upload`].
    pub fn status(&self) -> Result<ImportStatus> {
        self.branch.client().connection()?.get(self.started()?)
    }

    /// Waits until it is over, and asks that often; every two seconds where nothing is said.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io) where it ended without a commit, with why; as [`ImportManager::status`].
    pub fn wait(&self, poll_interval: Option<Duration>) -> Result<ImportResult> {
        loop {
            let status = self.status()?;
            if let Some(error) = status.error {
                return Err(Error::new(ErrorKind::Io, format!("the import failed: {}", error.message)));
            }
            if let (true, Some(commit)) = (status.completed, status.commit) {
                return Ok(ImportResult { commit, ingested_objects: status.ingested_objects });
            }
            std::thread::sleep(poll_interval.unwrap_or(POLL));
        }
    }

    /// [Starts](ImportManager::start) it, and [waits](ImportManager::wait).
    ///
    /// # Errors
    /// As those.
    pub fn run(&mut self, poll_interval: Option<Duration>) -> Result<ImportResult> {
        self.start()?;
        self.wait(poll_interval)
    }

    /// Has it end without a commit.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where it is over; as [`ImportManager::status`].
    pub fn cancel(&self) -> Result<()> {
        self.branch.client().connection()?.tell(Method::DELETE, self.started()?, None)
    }

    fn started(&self) -> Result<Asked> {
        let Some(id) = &self.id else {
            return Err(Error::new(ErrorKind::Context, "the import was not started"));
        };
        Ok(self.branch.at(&["import"]).with("id", id))
    }
}

impl Branch {
    /// An import of what `object_store_uri` begins with to `destination`, once it is [started](ImportManager::start). More sources can be added.
    pub fn import_from(&self, object_store_uri: &str, destination: &str, commit_message: &str) -> ImportManager {
        ImportManager::new(self, commit_message).prefix(object_store_uri, destination)
    }
}
