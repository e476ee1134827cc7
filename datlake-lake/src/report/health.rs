//! What is wrong with a lake, what was healed, and what was put away.

use datlake_core::tree::FilesOutside;
use datlake_core::{CallKey, CreatorName, Digest, Side};
use serde::{Deserialize, Serialize};

/// What was found when a lake was looked through.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Verified {
    /// How many documents were read.
    pub documents: u64,
    /// How many pieces of content were looked for.
    pub blobs: u64,
    /// How many of them were read to the end.
    pub read: u64,
    /// How many processes ended and left scratch behind on this machine. That is nothing wrong: the next to write clears it
    /// away.
    pub stale: u64,
    /// Of how many calls claims are left at the remote whose holders are gone, for more than a day. They only take room;
    /// [`Lake::clean`](crate::Lake::clean) clears them.
    pub claims: u64,
    /// How many uploads to the remote were begun, and not gone on with for more than a day; `None` where the store does not
    /// say. Nobody sees them, and somebody pays; [`Lake::clean`](crate::Lake::clean) aborts them.
    pub uploads: Option<u64>,
    /// Files of commits that lie outside of the lake, which were not looked at;
    /// [`Reference::check_outside`](crate::Reference::check_outside) does.
    #[serde(default)]
    pub outside: FilesOutside,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Something that is wrong with a lake.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// Which store.
    pub place: Side,
    /// The UID, the call or the content.
    pub what: String,
    /// What is wrong, on one line.
    pub error: String,
}

/// What kind of thing is wrong.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Content has another digest or size than it should.
    WrongBytes,
    /// A document names content that is not there.
    MissingContent,
    /// A document names content that only an earlier remote has, or a mirror, which is not configured now.
    Elsewhere,
    /// A name points to a call that is not there: it never finished, or is being made now.
    Dangling,
    /// A document cannot be read.
    DamagedDocument,
}

/// What became of a file that was to be healed, piece by piece: of a tree, its lists and its files.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Repaired {
    /// The file; of a call, its first output, whether it has one or not; of another document, its path.
    pub uid: String,
    /// Its content, and that of its files; of a call, of all its outputs, and its return value where that is kept apart.
    pub items: Vec<RepairedItem>,
    /// The call to make again for what is lost: with the same bytes it heals it.
    pub call: Option<(CreatorName, CallKey)>,
}

/// What became of one piece of content.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RepairedItem {
    /// What it is called.
    pub what: String,
    /// Its digest.
    pub digest: Digest,
    /// What was done.
    pub outcome: RepairOutcome,
    /// Where it is, if that is a store which is not configured now.
    pub elsewhere: Option<String>,
}

/// How a repair ended.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RepairOutcome {
    /// Nothing was wrong with it.
    Intact,
    /// It was fetched from the remote.
    Fetched,
    /// It was sent to the remote.
    Sent,
    /// Nobody has it.
    Lost,
    /// It is not whole on this machine, and the remote was not asked, because the lake is offline.
    Unasked,
    /// It is in an earlier remote, or a mirror, which is not configured now.
    Elsewhere,
}

/// What was left over at a remote, and is gone.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Cleaned {
    /// Of how many calls claims were cleared.
    pub claims: u64,
    /// How many uploads were aborted; `None` where the store does not say what uploads there are.
    pub uploads: Option<u64>,
}

/// What was evicted from a machine.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Evicted {
    /// How many pieces of content.
    pub blobs: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// How many bytes of content stay.
    pub left: u64,
    /// What stays because the remote has it with other bytes than this machine.
    #[serde(default)]
    pub differing: Vec<Digest>,
}

/// What a collection did; or, of a dry run, would do.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Collected {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// At the remote; `None` without one.
    pub remote: Option<CollectedRemote>,
    /// In this machine's store; `None` where it was not looked at.
    pub local: Option<CollectedLocal>,
}

/// What a collection did at the remote: what it removed was condemned before.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CollectedRemote {
    /// How many pieces of content were removed.
    pub blobs: u64,
    /// How many bytes they had.
    pub bytes: u64,
    /// How many had been condemned and are needed after all.
    pub spared: u64,
    /// How many pieces of content are condemned now, to be removed by a later collection.
    pub condemned: u64,
    /// How many bytes they have; `None` where another collection condemned them.
    pub condemned_bytes: Option<u64>,
    /// In how many seconds they may be removed.
    pub ready_in_s: u64,
    /// How many more nobody names that are younger than the grace.
    pub young: u64,
    /// How many call records were copied into packs, by which a new machine learns of many at once.
    pub packed: u64,
}

/// What a collection did in this machine's store.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CollectedLocal {
    /// How many pieces of content were removed.
    pub blobs: u64,
    /// How many bytes they had.
    pub bytes: u64,
}
