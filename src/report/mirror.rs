//! What a mirror did.

use serde::Serialize;

/// What was copied to another store.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Mirrored {
    /// The other store, without credentials.
    pub target: String,
    /// Whether nothing was written: then the rest is what would be.
    pub dry_run: bool,
    /// The calls and files that were not there as they are here.
    pub items: Vec<MirrorRow>,
    /// How many calls and files were there already.
    pub there: u64,
    /// How many pieces of content were sent.
    pub blobs: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
}

/// A call or a file that was to be copied.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct MirrorRow {
    /// The UID; of a call that of its outputs which have chosen names, else the call.
    pub what: String,
    /// How it ended.
    pub outcome: MirrorOutcome,
    /// Why, where it was not copied.
    pub why: Option<String>,
}

/// How copying one thing ended.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MirrorOutcome {
    /// It was copied, or would be.
    Copied,
    /// There is something else there, which was left as it is.
    Conflict,
    /// It was removed there, and does not come back.
    Removed,
    /// It cannot be copied: it is damaged, or its content is missing.
    Failed,
}

impl Mirrored {
    /// Whether all that was asked for is there now. What was removed there is meant to be gone.
    pub fn is_whole(&self) -> bool {
        self.items.iter().all(|row| matches!(row.outcome, MirrorOutcome::Copied | MirrorOutcome::Removed))
    }
}
