//! What the server answers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is known of a run.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RunDetails {
    /// Its id.
    pub run_id: String,
    /// Its job.
    pub job_name: String,
    /// `queued`, `running`, `succeeded`, `failed`, `lost` or `cancelled`.
    pub state: String,
    /// Who started it.
    pub account: String,
    /// When, as RFC 3339.
    pub started_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// When it is lost unless it gives a heartbeat.
    pub lease_until: String,
    /// What was said of it.
    pub metadata: Map<String, Value>,
    /// What it read.
    pub inputs: Vec<LinkedItem>,
    /// What it wrote.
    pub outputs: Vec<LinkedItem>,
    /// What it left behind.
    pub artifacts: Vec<LinkedArtifact>,
}

/// What a run read or wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedItem {
    /// `table`, `dataset`, `uri` or `file`.
    pub kind: String,
    /// What it is called.
    #[serde(default)]
    pub name: String,
    /// Where it is.
    #[serde(default)]
    pub uri: String,
    /// The snapshot of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
}

/// What a run left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedArtifact {
    /// As `log`.
    pub r#type: String,
    /// Where it is.
    pub uri: String,
}

impl LinkedItem {
    /// Something at a URI.
    pub fn uri(uri: impl Into<String>) -> Self {
        Self { kind: "uri".to_owned(), uri: uri.into(), ..Self::default() }
    }
}

/// A snapshot of a table.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RegisteredSnapshot {
    /// The table.
    pub table_name: String,
    /// Its id.
    pub snapshot_id: String,
    /// Where it is.
    pub uri: String,
    /// As `parquet`.
    pub format: String,
    /// What its rows have, where that is known.
    pub schema: Option<Value>,
    /// Counts the schemas of the table, from 1.
    pub schema_version: Option<i64>,
    /// The run that made it.
    pub run_id: Option<String>,
}

/// A successful run of a source, for a dataflow.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ReadyData {
    /// For which dataflow.
    pub target_dataflow_id: String,
    /// Of which.
    pub source_dataflow_id: String,
    /// Its run.
    pub source_run_id: String,
    /// The zone of the source.
    pub zone: String,
    /// Its model.
    pub model_name: String,
    /// Its key.
    pub model_key: String,
    /// Its second key.
    pub model_sec_key: String,
    /// How many records there are, where it was said.
    pub record_count: Option<i64>,
    /// What the source calls the batch.
    pub dataflow_batch_run_id: Option<String>,
    /// Which partition they are of.
    pub dataflow_partition_key: Option<String>,
    /// How many runs had it and did not succeed.
    pub attempts: i64,
}

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct ReadyPage {
    pub(super) pagination: ReadyPagination,
    pub(super) results: Vec<ReadyData>,
}

#[derive(Deserialize)]
pub(super) struct ReadyPagination {
    pub(super) has_more: bool,
    pub(super) next_offset: String,
}
