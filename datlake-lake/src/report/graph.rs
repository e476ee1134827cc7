//! Lineage as one graph of files and calls, or of creators: what every picture of it is drawn from.

use std::time::Duration;

use datlake_core::lineage::{CodeState, Param};
use datlake_core::run::BodyProcess;
use datlake_core::{CallKey, CodeHash, CreatorName, Digest, Uid};
use serde::{Deserialize, Serialize};

use super::{Damage, FilePreview, GraphSources, UpstreamState, VersionRow};

/// Where files and values come from and where they went, or a pipeline as a whole. Each file, call and creator stands once.
///
/// A value that a call returned has no node of its own: its edge leads from that call to the one that was given it.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct LineageGraph {
    /// What was asked for, as positions among the nodes: a file, a call, or calls of a creator. Empty for a pipeline.
    pub asked: Vec<usize>,
    /// Files and calls, or creators and folders; those that were asked for first.
    pub nodes: Vec<GraphNode>,
    /// What was given to calls, and what they made.
    pub edges: Vec<GraphEdge>,
    /// Whether there is more above, which was left out.
    pub more_above: bool,
    /// How many calls below were not looked at, for the bounds that were given.
    pub left_out: u64,
    /// Calls whose records are damaged: what they read and made, nobody can tell.
    pub damaged: Vec<Damage>,
    /// The code that its calls ran, once for each creator and hash, where [`Lake::lineage_contents`](crate::Lake::lineage_contents)
    /// put it in.
    #[serde(default)]
    pub sources: Vec<GraphSources>,
}

/// A node of a [`LineageGraph`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct GraphNode {
    /// By what it is asked for: a UID, that of a version, `@creator/key`, the name of a creator, or a folder of names. Of a file
    /// without a UID `digest:…`. No two nodes share one.
    pub address: String,
    /// What people call it: a file's own name, a function's name.
    pub name: String,
    /// Nodes with the same number are alike: of one kind and one creator or folder, as far from what was asked, and with neighbours
    /// that are alike. A picture may show them as one.
    pub alike: usize,
    /// What it is.
    pub item: GraphItem,
}

/// What a [`GraphNode`] is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GraphItem {
    /// A file or a tree.
    File(Box<GraphFile>),
    /// A call, and the value that it returned.
    Call(Box<GraphCall>),
    /// All calls of a creator, in a pipeline.
    Creator(GraphCreator),
    /// Files with names in one folder, in a pipeline.
    Folder(GraphFolder),
}

/// A file in a [`LineageGraph`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct GraphFile {
    /// Its UID; `None` for an intermediate that never got one.
    pub uid: Option<Uid>,
    /// The content that it had when it was used.
    pub digest: Digest,
    /// Its size in bytes; of a tree: of the manifest.
    pub size: u64,
    /// Whether it is a tree, as far as that is known.
    pub tree: bool,
    /// Whether the lake still has it.
    pub state: UpstreamState,
    /// Where it was replaced: by which address that version is asked for now, as `raw.csv@{1}`.
    pub version: Option<String>,
    /// What replaced it.
    pub replaced_by: Option<VersionRow>,
    /// When it was added, or when the body that made it started.
    pub created_at: Option<String>,
    /// Who added it, or ran the call that made it.
    pub originator: Option<String>,
    /// What is in it, where [`Lake::lineage_contents`](crate::Lake::lineage_contents) put that in.
    #[serde(default)]
    pub preview: Option<FilePreview>,
}

/// A call in a [`LineageGraph`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct GraphCall {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// Whether the lake still has the call, with the value that was used.
    pub state: UpstreamState,
    /// What its record says; `None` where that is gone.
    pub details: Option<CallDetails>,
}

/// How a call in a [`LineageGraph`] was made.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallDetails {
    /// When the body started.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Who ran it.
    pub originator: String,
    /// The machine it ran on.
    pub host: String,
    /// The run it was part of.
    pub run: String,
    /// What is known of that process, where it was not started alone.
    #[serde(default)]
    pub process: Option<BodyProcess>,
    /// Type and const parameters, as `(name, value)`.
    pub generics: Vec<(String, String)>,
    /// The arguments in order, then what the expressions of `key(…)` gave. Of a secret one only the name; of a large one its size.
    pub params: Vec<Param>,
    /// Arguments that hold values and did not come from a call that is known.
    pub unknown: Vec<String>,
    /// How many more values of calls it was given than are kept.
    pub values_left_out: u64,
    /// How many files and values it was given, also those that the graph leaves out.
    pub inputs: u64,
    /// How many files it returned, also those that the graph leaves out.
    pub outputs: u64,
    /// The code that ran.
    pub code: CallCode,
}

impl CallDetails {
    /// When the body ended.
    pub fn ended_at(&self) -> String {
        after(&self.started_at, self.duration_ms)
    }
}

/// A time so many milliseconds later; the time itself where nobody can read it.
#[doc(hidden)]
pub fn after(time: &str, ms: u64) -> String {
    let end = humantime::parse_rfc3339(time).ok().and_then(|start| start.checked_add(Duration::from_millis(ms)));
    end.map_or_else(|| time.to_owned(), |end| humantime::format_rfc3339_millis(end).to_string())
}

/// The code of a call in a [`LineageGraph`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallCode {
    /// The package it is part of.
    pub package: String,
    /// The package's version.
    pub package_version: String,
    /// Module path, starting with the crate.
    pub module: String,
    /// Source file, relative to the package.
    pub file: String,
    /// Line of the function, from 1.
    pub line: u32,
    /// Hash of the code with all that it declares to depend on.
    pub hash: CodeHash,
    /// The commit that holds the code; for uncommitted code the one it grew from.
    pub commit: Option<String>,
    /// Whether a commit holds exactly this code.
    pub state: CodeState,
    /// A link to the lines, on forges whose links are known.
    pub permalink: Option<String>,
}

/// A creator in a pipeline.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct GraphCreator {
    /// The creator.
    pub creator: CreatorName,
    /// Calls that the lake remembers.
    pub calls: u64,
    /// Files that they returned.
    pub files: u64,
    /// How long their bodies took in all, in milliseconds. What a nested call took counts again in the body it stands in.
    pub spent_ms: u64,
    /// When the first of them started.
    pub first_at: String,
    /// When the latest of them started.
    pub last_at: String,
    /// By how many different codes they were made.
    pub codes: u64,
}

/// Files with names in one folder, which a pipeline was given or has made.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct GraphFolder {
    /// How many files.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
}

/// An edge of a [`LineageGraph`], in the direction in which data went.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct GraphEdge {
    /// Position of the node that it comes from.
    pub from: usize,
    /// Position of the node that it leads to.
    pub to: usize,
    /// Of what a call was given: the arguments, as far as they are known, at most eight.
    pub arguments: Vec<String>,
    /// How many files and values went this way; 1 but in a pipeline.
    pub count: u64,
}
