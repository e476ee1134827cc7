//! What is shown of a lake: one type for each answer, the same for Rust, for `datlake --json` and for people.
//!
//! What is not known is `None`, in JSON `null`; members that are left out are those of [`lineage`](crate::lineage)'s types, as
//! in records. Times are RFC 3339, UTC, by the clock of the
//! machine that wrote them.
//!
//! ```
//! use datlake::Lake;
//! # fn main() -> datlake::Result<()> {
//! let lake = Lake::temp()?;
//! lake.add_bytes("greetings/en.txt", b"hello")?;
//! let listing = lake.rows("greetings")?;
//! assert_eq!((listing.files[0].size, listing.files[0].local), (5, true));
//! assert!(lake.info("greetings/en.txt")?.created_by.is_none());
//! # Ok(())
//! # }
//! ```

mod ancestry;
mod calls;
mod collection;
mod descent;
mod explain;
mod files;
mod health;
mod listing;
mod mirror;
mod prune;
mod remote;
mod removal;
mod runs;
mod sync;
mod text;
mod url;

use datlake_core::lineage::{CodeState, Dependency, Environment, Param, PersonSource};
use datlake_core::{CallKey, CodeHash, CreatorName, Digest, Uid};
use serde::Serialize;

#[cfg(doc)]
use crate::Lake;

pub use datlake_core::run::Outcome;

pub use crate::config::{Setting, Source, settings};
pub use collection::{Collected, CollectedLocal, CollectedRemote};
pub use descent::{Descendant, Descent};
pub use explain::{CallExplanation, Comparison, Since};
pub(crate) use files::is_damage;
pub use health::{
    Evicted, Finding, FindingKind, FindingPlace, RepairOutcome, Repaired, RepairedItem, Tidied, Verified,
};
pub use mirror::{MirrorOutcome, MirrorRow, Mirrored};
pub use prune::Prune;
pub use remote::{Ability, CheckStep, RemoteCheck, RemoteState};
pub use removal::{Removable, Removal};
pub use runs::{CallEvent, RunCall, RunInfo, RunRow, Runs};
pub use sync::{Pull, Push, PushOutcome, PushRow, Status, UnpushedRow};
pub(crate) use sync::{concerns_one, shown};
pub use text::clean;
pub use url::SignedUrl;

/// Files, and what could not be read.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Listing {
    /// The files, sorted by UID.
    pub files: Vec<FileRow>,
    /// Where one level was asked for, the folders in it, sorted.
    pub folders: Vec<FolderRow>,
    /// Names whose documents are damaged.
    pub damaged: Vec<Damage>,
}

/// A folder of chosen names in a list.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FolderRow {
    /// What the names in it start with, without the slash.
    pub prefix: Uid,
    /// How many there are, in its folders too.
    pub files: u64,
}

/// Calls, and what could not be read.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct History {
    /// The calls, the latest first.
    pub calls: Vec<CallRow>,
    /// Calls whose records are damaged.
    pub damaged: Vec<Damage>,
}

/// Something that is there and cannot be read.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Damage {
    /// The UID, or the call.
    pub what: String,
    /// What is wrong, on one line.
    pub error: String,
}

/// A file in a list.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FileRow {
    /// Its UID.
    pub uid: Uid,
    /// Its own name.
    pub name: String,
    /// BLAKE3 of its content.
    pub digest: Digest,
    /// Its size in bytes; of a tree: of the manifest.
    pub size: u64,
    /// Whether it is a tree.
    pub tree: bool,
    /// What is in the tree, where its manifest is on this machine.
    pub contents: Option<Contents>,
    /// When it was added, or when the body that made it started.
    pub created_at: String,
    /// Who added it, or ran the call that made it.
    pub originator: String,
    /// Whether all of its content is on this machine.
    pub local: bool,
    /// Whether its content is in the remote; of a tree: the manifest.
    pub remote: bool,
}

/// What is in a tree.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Contents {
    /// How many files.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub size: u64,
    /// How many of them are on this machine.
    pub local: u64,
}

/// All there is to know of one file.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FileInfo {
    /// What a list shows of it.
    #[serde(flatten)]
    pub row: FileRow,
    /// Where the originator's address was taken from.
    pub originator_source: PersonSource,
    /// The machine on which it was added or made.
    pub host: String,
    /// The URL it was downloaded from, without what is secret in one; `None` for any other.
    pub source: Option<String>,
    /// The call that made it; `None` for one that was added.
    pub created_by: Option<CreatedBy>,
    /// The version of datlake that wrote the call's record.
    pub datlake_version: Option<String>,
    /// The lake that was asked.
    pub lake: Place,
}

/// Where a lake is.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Place {
    /// The directory on this machine.
    pub home: String,
    /// The remote, without credentials.
    pub remote: Option<String>,
}

/// The call that made a file.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CreatedBy {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// The name of the function.
    pub function: String,
    /// Its module path, starting with the crate.
    pub module: String,
    /// The package it is part of.
    #[serde(rename = "crate")]
    pub package: String,
    /// The package's version.
    #[serde(rename = "crate_version")]
    pub package_version: String,
    /// Source file, relative to the package.
    pub file: String,
    /// Line of the attribute, from 1.
    pub line: u32,
    /// The commit that holds the code; for uncommitted code the one it grew from.
    pub commit: Option<String>,
    /// Whether a commit holds exactly this code.
    pub code_state: CodeState,
    /// The branch that was checked out.
    pub branch: Option<String>,
    /// The repository's remote, without credentials.
    pub repository: Option<String>,
    /// A link to the lines, on forges whose links are known.
    pub permalink: Option<String>,
    /// Hash of the code with all that it declares to depend on.
    pub code_hash: CodeHash,
    /// What the code depends on, directly or not.
    pub dependencies: Vec<Dependency>,
    /// Type and const parameters, as `(name, value)`.
    pub generics: Vec<(String, String)>,
    /// The arguments in order. Of a secret one only the name.
    pub params: Vec<Param>,
    /// What the expressions of `key(…)` gave.
    pub extras: Vec<Param>,
    /// The files the call was given, or got by itself.
    pub inputs: Vec<InputRow>,
    /// The files the call returned, in order.
    pub outputs: Vec<OutputRow>,
    /// What the code was built with.
    pub environment: Environment,
    /// The machine it ran on.
    pub host: String,
    /// The run it was part of.
    pub run: String,
    /// How long the body took, in milliseconds.
    pub duration_ms: u64,
}

/// A file that a call was given, or got by itself.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct InputRow {
    /// The argument that held it; `None` for one that the body got by itself.
    pub argument: Option<String>,
    /// Its UID; `None` for an intermediate that never got one.
    pub uid: Option<Uid>,
    /// Its own name.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// A file that a call returned.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct OutputRow {
    /// Its UID.
    pub uid: Uid,
    /// Its own name.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is a tree.
    pub tree: bool,
}

/// A call: how it was made, and what became of it since in runs on this machine.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallRow {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// Whether the lake has its value. Else only `history` tells of it: it failed, runs still, or was removed.
    pub remembered: bool,
    /// When the body started that made its value.
    pub started_at: Option<String>,
    /// How long that body took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// Who ran it.
    pub originator: Option<String>,
    /// The machine it ran on.
    pub host: Option<String>,
    /// The run it was part of.
    pub run: Option<String>,
    /// Hash of the code with all that it declares to depend on.
    pub code_hash: Option<CodeHash>,
    /// The arguments in order. Of a secret one only the name.
    pub params: Vec<Param>,
    /// The files it returned, in order.
    pub outputs: Vec<OutputRow>,
    /// What else became of it on this machine, the latest first: as far as its [runs](Lake::runs) are kept.
    pub history: Vec<CallEvent>,
}

/// A file and everything it was made from: a graph, in which each file stands once.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Ancestry {
    /// The files. The first is the one that was asked for; each stands behind a file that was made from it.
    pub nodes: Vec<Ancestor>,
    /// Whether there is more above, which was left out.
    pub left_out: bool,
}

/// A file in an [`Ancestry`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Ancestor {
    /// Its UID; `None` for an intermediate that never got one.
    pub uid: Option<Uid>,
    /// Its own name.
    pub name: String,
    /// The content it had when it was used.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Whether the lake still has it.
    pub state: AncestorState,
    /// When it was added, or when the body that made it started.
    pub created_at: Option<String>,
    /// Who added it, or ran the call that made it.
    pub originator: Option<String>,
    /// The call that made it.
    pub call: Option<(CreatorName, CallKey)>,
    /// What that call was given, as positions among the nodes.
    pub inputs: Vec<usize>,
}

/// Whether the lake still has what a file was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AncestorState {
    /// It is as it was.
    Present,
    /// There is other content under its UID now.
    Replaced,
    /// There is no file of that UID any more.
    Removed,
    /// It never had a UID.
    Unnamed,
}
