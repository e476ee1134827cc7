//! What a name led to.

use datlake_core::{CallKey, CreatorName, Digest, Uid};
use serde::{Deserialize, Serialize};

/// What a name leads to, and what it led to before.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct NameHistory {
    /// The name.
    pub uid: Uid,
    /// Its versions: the first is what it leads to, the others are what it led to before, the latest first.
    pub versions: Vec<VersionRow>,
}

/// A version of a name.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct VersionRow {
    /// By which it is asked for now, as `reports/a.csv@{1}`: each replacement moves the number on.
    pub address: String,
    /// BLAKE3 of its content; `None` where the call that made it was removed.
    pub digest: Option<Digest>,
    /// Its size in bytes; of a tree: of the manifest.
    pub size: Option<u64>,
    /// Whether it is a tree.
    pub tree: bool,
    /// When the name was led to it; of an output that had the name first, when its body started.
    pub at: String,
    /// Who led it there.
    pub originator: String,
    /// On which machine.
    pub host: String,
    /// The call that made it, as `(creator, key)`; `None` for what was added.
    pub call: Option<(CreatorName, CallKey)>,
    /// Whether it was made without the remote, and others had replaced the name by the time it was pushed: the name never led to it
    /// there.
    pub aside: bool,
    /// Whether it was pruned: its content is kept no more.
    #[serde(default)]
    pub pruned: bool,
}
