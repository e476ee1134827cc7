//! The shapes of lakeFS's API.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use datlake::report::{CommitInfo, ObjectInfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, JsonSchema)]
pub(super) struct Repository {
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) creation_date: i64,
    pub(super) default_branch: String,
    /// Where a lake has it: nothing that was said when it was created.
    pub(super) storage_namespace: String,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct RepositoryCreation {
    pub(super) name: String,
    /// Says nothing in a lake, which has one place for all.
    #[serde(default, rename = "storage_namespace")]
    pub(super) _storage_namespace: String,
    pub(super) default_branch: Option<String>,
    /// There are no samples.
    #[serde(default, rename = "sample_data")]
    pub(super) _sample_data: bool,
    #[serde(default)]
    pub(super) read_only: bool,
}

/// A branch or a tag, and the commit it leads to.
#[derive(Serialize, JsonSchema)]
pub(super) struct Ref {
    pub(super) id: String,
    pub(super) commit_id: String,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct BranchCreation {
    pub(super) name: String,
    /// A branch, a tag, a commit, or an expression.
    pub(super) source: String,
    /// Only branches of transactions are hidden: `tx-` and a UUID.
    #[serde(default, rename = "hidden")]
    pub(super) _hidden: bool,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct TagCreation {
    pub(super) id: String,
    pub(super) r#ref: String,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ResetKind {
    Object,
    CommonPrefix,
    Reset,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct ResetCreation {
    pub(super) r#type: ResetKind,
    pub(super) path: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct CommitCreation {
    pub(super) message: String,
    #[serde(default)]
    pub(super) metadata: Option<BTreeMap<String, String>>,
    /// A commit has the time at which it is made.
    pub(super) date: Option<i64>,
    #[serde(default)]
    pub(super) allow_empty: bool,
}

/// What a commit says in place of what it would say.
#[derive(Deserialize, JsonSchema)]
pub(super) struct CommitOverrides {
    pub(super) message: Option<String>,
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct RevertCreation {
    pub(super) r#ref: String,
    /// Which parent of a merge, from 1; 0 for a commit that is none.
    #[serde(default)]
    pub(super) parent_number: usize,
    pub(super) commit_overrides: Option<CommitOverrides>,
    #[serde(default)]
    pub(super) allow_empty: bool,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct CherryPickCreation {
    pub(super) r#ref: String,
    pub(super) parent_number: Option<usize>,
    pub(super) commit_overrides: Option<CommitOverrides>,
}

#[derive(Default, Deserialize, JsonSchema)]
pub(super) struct Merge {
    pub(super) message: Option<String>,
    pub(super) metadata: Option<BTreeMap<String, String>>,
    /// Who wins where both sides changed a path: `source-wins` or `dest-wins`.
    pub(super) strategy: Option<String>,
    #[serde(default)]
    pub(super) allow_empty: bool,
    #[serde(default)]
    pub(super) squash_merge: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct MergeResult {
    /// The commit.
    pub(super) reference: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Commit {
    pub(super) id: String,
    pub(super) parents: Vec<String>,
    pub(super) committer: String,
    pub(super) message: String,
    /// Seconds since 1970.
    pub(super) creation_date: i64,
    /// The digest of its tree.
    pub(super) meta_range_id: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) generation: u64,
}

impl From<CommitInfo> for Commit {
    fn from(commit: CommitInfo) -> Self {
        Self {
            id: commit.id.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            committer: commit.committer,
            message: commit.message,
            creation_date: seconds(&commit.at),
            meta_range_id: commit.tree.to_string(),
            metadata: commit.metadata,
            generation: commit.generation,
        }
    }
}

#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PathType {
    Object,
    CommonPrefix,
}

#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DiffType {
    Added,
    Removed,
    Changed,
    PrefixChanged,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Diff {
    pub(super) r#type: DiffType,
    pub(super) path: String,
    pub(super) path_type: PathType,
    /// 0 for what was removed.
    pub(super) size_bytes: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ObjectStats {
    pub(super) path: String,
    pub(super) path_type: PathType,
    /// Its content in the lake, or where that lies outside; with `presign`, a URL to download it.
    pub(super) physical_address: String,
    /// Until when that is valid, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) physical_address_expiry: Option<i64>,
    /// BLAKE3 of its content, in hexadecimal digits; of what lies outside of the lake, the ETag that it has there.
    pub(super) checksum: String,
    pub(super) size_bytes: u64,
    /// When it was put there, in seconds since 1970.
    pub(super) mtime: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
}

/// What an object is that nobody said a type of.
pub(super) const OCTETS: &str = "application/octet-stream";

/// Where the content of an object is.
fn physical_address(object: &ObjectInfo) -> String {
    match (&object.digest, &object.outside) {
        (None, Some(outside)) => outside.address.clone(),
        _ => format!("lake://{}", object.checksum()),
    }
}

impl ObjectStats {
    pub(super) fn object(object: ObjectInfo, with_metadata: bool) -> Self {
        Self {
            path_type: PathType::Object,
            physical_address: physical_address(&object),
            physical_address_expiry: None,
            checksum: object.checksum(),
            size_bytes: object.size,
            mtime: object.changed_at().map_or(0, seconds),
            metadata: with_metadata.then_some(object.metadata),
            content_type: Some(object.content_type.unwrap_or_else(|| OCTETS.to_owned())),
            path: object.path,
        }
    }

    pub(super) fn prefix(path: String) -> Self {
        let (physical_address, checksum, physical_address_expiry) = Default::default();
        let (metadata, content_type, path_type, size_bytes, mtime) = (None, None, PathType::CommonPrefix, 0, 0);
        Self {
            path,
            path_type,
            physical_address,
            physical_address_expiry,
            checksum,
            size_bytes,
            mtime,
            metadata,
            content_type,
        }
    }
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct ObjectCopyCreation {
    pub(super) src_path: String,
    /// The branch itself unless somebody says.
    pub(super) src_ref: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct PathList {
    pub(super) paths: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ObjectErrorList {
    pub(super) errors: Vec<ObjectError>,
}

/// A path that was not deleted, and why.
#[derive(Serialize, JsonSchema)]
pub(super) struct ObjectError {
    pub(super) status_code: u16,
    pub(super) message: String,
    pub(super) path: String,
}

/// Where an object is put without the server in between.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct StagingLocation {
    /// In the store, where nothing refers to it.
    pub(super) physical_address: Option<String>,
    /// Where it is put by `PUT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presigned_url: Option<String>,
    /// Until when, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presigned_url_expiry: Option<i64>,
}

/// What was put there.
#[derive(Deserialize, JsonSchema)]
pub(super) struct StagingMetadata {
    pub(super) staging: StagingLocation,
    /// The ETag that the store answered, or the MD5 of the content.
    pub(super) checksum: String,
    pub(super) size_bytes: u64,
    pub(super) user_metadata: Option<BTreeMap<String, String>>,
    pub(super) content_type: Option<String>,
}

/// Something that is imported.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ImportLocation {
    pub(super) r#type: PathType,
    /// `lake://` and the name of a file of the lake, or what names begin with; `file://` and a path of the server's machine.
    pub(super) path: String,
    /// Where it is put: the path of an object, or what the paths of several begin with.
    pub(super) destination: String,
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct ImportCreation {
    pub(super) paths: Vec<ImportLocation>,
    pub(super) commit: CommitCreation,
    /// No repository of a lake is read-only.
    #[serde(default, rename = "force")]
    pub(super) _force: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ImportCreationResponse {
    /// The import, for whoever asks how far it is.
    pub(super) id: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ImportStatus {
    /// Whether all of it is there.
    pub(super) completed: bool,
    /// When it was last heard of: RFC 3339.
    pub(super) update_time: String,
    /// How many objects were put so far.
    pub(super) ingested_objects: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metarange_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<Commit>,
    /// Why it ended without a commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ImportError>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ImportError {
    pub(super) message: String,
}

/// What time RFC 3339 says, in seconds since 1970; 0 for what is none.
pub(super) fn seconds(at: &str) -> i64 {
    let time = humantime::parse_rfc3339(at).ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    time.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}
