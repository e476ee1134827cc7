//! The graph as it is answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is asked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct AskedGraph {
    /// `run:ID`, `table:NAME`, `snapshot:ID`, `data:URI`, or `lake:` and what `datlake lineage` takes: a file, a file of a commit, `@creator/key`.
    pub(super) node: String,
    /// How many steps up and down.
    pub(super) depth: Option<usize>,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NodeKind {
    Run,
    Table,
    Snapshot,
    /// Something that runs read or wrote, and is no table and in no lake.
    Data,
    File,
    Call,
}

/// A node.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct LineageNode {
    /// By this it is asked for.
    pub(super) id: String,
    pub(super) kind: NodeKind,
    /// What people call it.
    pub(super) name: String,
    /// What else is known of it.
    pub(super) details: Value,
}

/// What was given to what, by their ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub(super) struct LineageEdge {
    pub(super) from: String,
    pub(super) to: String,
}

/// A graph; what was asked for is its first node.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(super) struct ServerLineage {
    pub(super) nodes: Vec<LineageNode>,
    pub(super) edges: Vec<LineageEdge>,
    /// Whether there is more than was looked at, for the steps or for the number of nodes.
    pub(super) has_more: bool,
}
