//! The shapes of tables and snapshots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema::SchemaDiff;
use crate::http::StrictJson;

/// A snapshot that is to be registered.
#[derive(Deserialize, JsonSchema)]
pub(super) struct SnapshotCreation {
    pub(super) table_name: String,
    /// Where it is. `lake://BUCKET/PATH` is content of the lake, which must be there.
    pub(super) uri: String,
    /// As `parquet`.
    pub(super) format: String,
    /// A JSON object, of 1 MiB at most; null where it is not known.
    #[serde(default)]
    #[schemars(with = "Option<Value>")]
    pub(super) schema: Option<StrictJson>,
    /// The run that made it, with its job; neither for one that was made by no run.
    pub(super) job_name: Option<String>,
    pub(super) run_id: Option<String>,
    /// What the content of the lake must have.
    pub(super) digest: Option<String>,
    /// Whether a schema is accepted that breaks readers.
    #[serde(default)]
    pub(super) allow_breaking_schema: bool,
}

/// A snapshot.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TableSnapshot {
    pub(crate) table_name: String,
    pub(crate) snapshot_id: String,
    pub(crate) uri: String,
    pub(crate) format: String,
    pub(crate) schema: Option<Value>,
    /// Counts the schemas of a table, from 1.
    pub(crate) schema_version: Option<i64>,
    /// Of content of the lake.
    pub(crate) digest: Option<String>,
    pub(crate) job_name: Option<String>,
    pub(crate) run_id: Option<String>,
    pub(crate) account: String,
    pub(crate) created_at: String,
}

/// A table.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct TableInfo {
    pub(crate) table_name: String,
    /// Who registered its first snapshot.
    pub(crate) account: String,
    pub(crate) created_at: String,
    /// How many it has.
    pub(crate) snapshots: i64,
    /// How many schemas it has had: 0 where none is known.
    pub(crate) schema_version: i64,
}

/// A schema that a table has or had.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct TableSchema {
    pub(crate) version: i64,
    pub(crate) schema: Value,
    /// What changed from the one before.
    pub(crate) diff: SchemaDiff,
    pub(crate) created_at: String,
}
