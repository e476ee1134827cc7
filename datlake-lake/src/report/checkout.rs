//! Working copies of commits: what was written, and what was changed since.

use datlake_core::Digest;
use datlake_core::tree::FilesOutside;
use serde::{Deserialize, Serialize};

/// What was done to a folder to make it a working copy.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CheckedOut {
    /// The repository.
    pub repository: String,
    /// What was asked for: a branch, a tag, a commit.
    pub reference: String,
    /// Whether that is a branch, to which what is changed in the folder can be committed.
    pub is_branch: bool,
    /// The commit that the folder is of now.
    pub commit: Digest,
    /// How many files and links were written: those that differed.
    pub written: u64,
    /// How many bytes that were.
    pub bytes: u64,
    /// How many of these were downloaded from where they lie outside of the lake.
    #[serde(default)]
    pub outside: FilesOutside,
    /// How many files and links were removed.
    pub removed: u64,
}

/// What was changed in a working copy since it was checked out.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FolderChanges {
    /// One for each path, in order.
    pub items: Vec<FolderChange>,
}

/// A path of a working copy at which something was changed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FolderChange {
    /// The path from the folder.
    pub path: String,
    /// What happened to it.
    pub kind: FolderChangeKind,
    /// The size of the file in bytes; absent for what was deleted, links and empty folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where the commit's file lies that was changed or deleted, if that is outside of the lake. It stays there as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<String>,
}

/// What happened to a path of a working copy.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FolderChangeKind {
    /// It is new.
    Added,
    /// It is another file, link or empty folder, or may be executed or not.
    Changed,
    /// It is there no more.
    Deleted,
}
