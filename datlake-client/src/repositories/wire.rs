//! What the server answers.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// What is known of a repository.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RepositoryProperties {
    /// Its name.
    pub id: String,
    /// When it was created, in seconds since 1970.
    pub creation_date: i64,
    /// The branch that it began with.
    pub default_branch: String,
    /// Where its content is.
    pub storage_namespace: String,
}

/// A branch or a tag.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
}

/// A commit.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// The commits that it came from: two of a merge.
    #[serde(default)]
    pub parents: Vec<String>,
    /// Who made it.
    pub committer: String,
    /// What it says.
    pub message: String,
    /// When it was made, in seconds since 1970.
    pub creation_date: i64,
    /// The digest of its tree.
    #[serde(default)]
    pub meta_range_id: String,
    /// What is noted beside the message.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// One more than the most of its parents.
    #[serde(default)]
    pub generation: u64,
}

/// What a [`Change`] did.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeType {
    /// There was nothing before.
    Added,
    /// There is nothing any more.
    Removed,
    /// There is something else.
    Changed,
    /// Both sides changed it.
    Conflict,
    /// Something below this prefix was changed.
    PrefixChanged,
}

/// What is at a path.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathType {
    /// What several paths begin with.
    CommonPrefix,
    /// An object.
    Object,
}

/// A difference.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Change {
    /// What was done.
    pub r#type: ChangeType,
    /// Where.
    pub path: String,
    /// What is there.
    pub path_type: PathType,
    /// How many bytes it has now; 0 for what was removed, `None` where nothing says it.
    pub size_bytes: Option<u64>,
}

/// An object, as the server shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Stat {
    pub(super) path: String,
    pub(super) path_type: PathType,
    pub(super) physical_address: String,
    /// Until when that can be downloaded from; absent where it cannot.
    pub(super) physical_address_expiry: Option<i64>,
    pub(super) checksum: String,
    pub(super) size_bytes: Option<u64>,
    pub(super) mtime: i64,
    pub(super) metadata: Option<BTreeMap<String, String>>,
    pub(super) content_type: Option<String>,
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ServerConfiguration {
    version_config: Version,
    storage_config: ServerStorageConfiguration,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Version {
    version: String,
}

/// What the store behind a server can do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ServerStorageConfiguration {
    blockstore_type: String,
    #[serde(default)]
    pre_sign_support: bool,
    #[serde(default)]
    import_support: bool,
}

impl ServerConfiguration {
    /// The server's version.
    pub fn version(&self) -> &str {
        &self.version_config.version
    }

    /// What its store can do.
    pub fn storage_config(&self) -> &ServerStorageConfiguration {
        &self.storage_config
    }
}

impl ServerStorageConfiguration {
    /// What kind of store it is: `lake`, or that of the lake's remote where it gives out presigned URLs.
    pub fn blockstore_type(&self) -> &str {
        &self.blockstore_type
    }

    /// Whether objects are read and written by presigned URLs, without the server in between.
    pub fn pre_sign_support(&self) -> bool {
        self.pre_sign_support
    }

    /// Whether there are imports.
    pub fn import_support(&self) -> bool {
        self.import_support
    }
}

/// Where something is put by a presigned URL.
#[derive(Deserialize, Serialize)]
pub(super) struct StagingLocation {
    pub(super) physical_address: Option<String>,
    pub(super) presigned_url: Option<String>,
    pub(super) presigned_url_expiry: Option<i64>,
}

/// An import that was begun.
#[derive(Deserialize)]
pub(super) struct BegunImport {
    pub(super) id: String,
}

/// How far an import is.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ImportStatus {
    /// Whether all of it is there.
    pub completed: bool,
    /// When it was last heard of: RFC 3339.
    pub update_time: String,
    /// How many objects were put so far.
    #[serde(default)]
    pub ingested_objects: u64,
    /// Its commit, once it is completed.
    pub commit: Option<Commit>,
    /// Why it ended without one.
    pub error: Option<ImportFailure>,
}

/// Why an import ended without a commit.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ImportFailure {
    /// What happened.
    pub message: String,
}

/// The answer to a merge.
#[derive(Deserialize)]
pub(super) struct MergedInto {
    pub(super) reference: String,
}

/// Paths that were not deleted.
#[derive(Deserialize)]
pub(super) struct ObjectErrors {
    #[serde(default)]
    pub(super) errors: Vec<ObjectFailure>,
}

#[derive(Deserialize)]
pub(super) struct ObjectFailure {
    pub(super) path: Option<String>,
    pub(super) message: String,
}

/// A time in seconds since 1970.
pub(super) fn time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}
