//! What of a lake is on this machine only, and what went to the remote or came from it.

use datlake_core::tree::FilesOutside;
use datlake_core::{CallKey, CreatorName, Uid};
use serde::{Deserialize, Serialize};

use super::{Damage, RemoteState};

/// Where a lake stands.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct LakeStatus {
    /// The directory on this machine.
    pub home: String,
    /// The remote, without credentials; `None` without one, and offline.
    pub remote: Option<String>,
    /// Whether there is a remote that is not asked.
    pub offline: bool,
    /// What can be seen of the remote without asking a server; `None` without one, and offline.
    pub remote_state: Option<RemoteState>,
    /// What is wrong with it, and what to do.
    pub remote_problem: Option<String>,
    /// How many pieces of content are on this machine.
    pub blobs: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// The packs on this machine, in which small files of trees rest.
    #[serde(default)]
    pub packs: PackUse,
    /// How many bytes of content this machine keeps, about; `None` without a limit.
    pub cache_limit: Option<u64>,
    /// What the remote has not decided about.
    pub unpushed: Vec<UnpushedRow>,
    /// What cannot be read of that.
    pub damaged: Vec<Damage>,
}

/// Packs of small files, and what edits have left unused in them.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct PackUse {
    /// How many packs.
    pub packs: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// How many of these bytes are no file of a tree any more. [`Lake::repack`](crate::Lake::repack) frees them.
    pub unused: u64,
}

/// Packs that were written anew.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Repack {
    /// How many packs are replaced. The next collection removes them.
    pub packs: u64,
    /// Their sizes together, in bytes.
    pub before: u64,
    /// How many bytes were written in their place.
    pub after: u64,
}

/// A call or an added file that is on this machine only.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct UnpushedRow {
    /// The call; `None` for an added file.
    pub call: Option<(CreatorName, CallKey)>,
    /// The file, or the outputs of the call.
    pub uids: Vec<Uid>,
    /// Their sizes together, in bytes; of a tree: of its own list.
    pub size: u64,
    /// When it was added, or when the body started.
    pub created_at: String,
    /// Who added it, or ran the call.
    pub originator: String,
}

/// What a push did.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Push {
    /// The calls and files that were to be pushed.
    pub items: Vec<PushRow>,
    /// How many pieces of content were sent.
    pub blobs: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// Files of what was to be pushed, which lie outside of the lake and stay where they are: whoever is to read them needs their places, too.
    #[serde(default)]
    pub outside: FilesOutside,
}

/// A call or a file that was to be pushed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct PushRow {
    /// The UID, or the call.
    pub what: String,
    /// How it ended.
    pub outcome: PushOutcome,
    /// Why, where it was not sent.
    pub why: Option<String>,
}

/// How the push of a call or a file ended.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PushOutcome {
    /// The remote has it.
    Sent,
    /// The remote had it already.
    There,
    /// Another machine made the same call first. Its record counts from now on; this machine's is kept beside it.
    Lost,
    /// A name that was replaced here was replaced there, too, meanwhile: it leads to what others replaced it by, and this
    /// machine's is an earlier version.
    Aside,
    /// A name belongs to something else there. It stays as it is on this machine, and unpushed.
    Taken,
    /// It cannot be read, or its content is missing; it stays unpushed.
    Failed,
}

/// What a pull did.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Pull {
    /// How many pieces of content are on this machine now, of those that were asked for.
    pub blobs: u64,
    /// How many of them had to be downloaded.
    pub fetched: u64,
    /// The sizes of those together, in bytes.
    pub bytes: u64,
    /// Files of what was asked for, which lie outside of the lake and stay where they are: whoever is to read them needs their places, too.
    #[serde(default)]
    pub outside: FilesOutside,
    /// What could not be had.
    pub damaged: Vec<Damage>,
}

/// What was copied to another store.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Files of what was copied, which lie outside of the lake and stay where they are: whoever is to read them needs their places, too.
    #[serde(default)]
    pub outside: FilesOutside,
}

/// A call or a file that was to be copied.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
