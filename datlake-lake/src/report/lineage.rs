//! What a file or a value was made from, and what was made from it: graphs of files, values and calls.

use datlake_core::{CallKey, CreatorName, Digest, Uid};
use serde::{Deserialize, Serialize};

use super::{Damage, OutputRow, VersionRow};

/// A file, or the value of a call, and everything it was made from: a graph, in which each file and value stands once.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Upstream {
    /// The files and values. The first is the one that was asked for; each stands behind one that was made from it.
    pub nodes: Vec<UpstreamFile>,
    /// Whether there is more above, which was left out.
    pub left_out: bool,
}

/// A file or a value in an [`Upstream`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct UpstreamFile {
    /// Its UID; `None` for an intermediate that never got one.
    pub uid: Option<Uid>,
    /// Its own name; of a value the name of the function.
    pub name: String,
    /// Whether it is the value that `call` returned, and no file.
    #[serde(default)]
    pub value: bool,
    /// The content it had when it was used; of a value its canonical digest.
    pub digest: Digest,
    /// Its size in bytes; of a value: as it is stored.
    pub size: u64,
    /// Whether it is a tree, as far as that is known.
    #[serde(default)]
    pub tree: bool,
    /// Whether the lake still has it.
    pub state: UpstreamState,
    /// Where it was replaced: by which address that version is asked for now, as `raw.csv@{1}`.
    #[serde(default)]
    pub version: Option<String>,
    /// What replaced it: by whom, when and by which call.
    #[serde(default)]
    pub replaced_by: Option<VersionRow>,
    /// When it was added, or when the body that made it started.
    pub created_at: Option<String>,
    /// Who added it, or ran the call that made it.
    pub originator: Option<String>,
    /// The call that made it.
    pub call: Option<(CreatorName, CallKey)>,
    /// What that call was given, as positions among the nodes.
    pub inputs: Vec<usize>,
    /// Arguments of that call which hold values and did not come from a call that is known.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// How many more values calls had returned that it was given.
    #[serde(default)]
    pub values_left_out: u64,
}

/// Whether the lake still has what a file was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UpstreamState {
    /// It is as it was.
    Present,
    /// There is other content under its UID now.
    Replaced,
    /// There is no file of that UID any more.
    Removed,
    /// It never had a UID.
    Unnamed,
}

/// The calls that read a file, and those that read what they made: a graph, in which each call stands once.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Downstream {
    /// The calls that read the file itself, as positions among the nodes.
    pub readers: Vec<usize>,
    /// The calls, those nearest to the file first.
    pub nodes: Vec<DownstreamCall>,
    /// How many calls that may have read some of it were not looked at, for `depth` or `limit`.
    pub left_out: u64,
    /// Calls whose records are damaged: whether they read it, and what they made, nobody can tell.
    pub damaged: Vec<Damage>,
}

/// A call in a [`Downstream`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DownstreamCall {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// When the body started.
    pub created_at: String,
    /// Who ran it.
    pub originator: String,
    /// The files it made, in order. A call that returned a value alone has none.
    pub outputs: Vec<OutputRow>,
    /// The calls that read one of them, as positions among the nodes.
    pub readers: Vec<usize>,
}
