//! The shapes of dataflows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::database::rfc3339;
use crate::deliveries::{Dataflow, DataflowSource, ReadyDelivery, Take};

/// A dataflow that is to be there.
#[derive(Deserialize, JsonSchema)]
pub(super) struct DataflowCreation {
    pub(super) zone: String,
    pub(super) model_name: String,
    #[serde(default)]
    pub(super) model_key: Option<String>,
    #[serde(default)]
    pub(super) model_sec_key: Option<String>,
    /// Whether a run claims whatever is ready, or waits until each source has something.
    pub(super) take: Option<Take>,
    /// The most that one run claims, and at least one of each source where it waits for all: 1000 unless somebody says, up to 10000.
    pub(super) batch_limit: Option<i64>,
    /// Whether only what has the same partition key is claimed together.
    pub(super) match_partition: Option<bool>,
    /// What so many runs had without success is set aside: 5 unless somebody says.
    pub(super) max_attempts: Option<i64>,
}

/// A dataflow.
#[derive(Serialize, JsonSchema)]
pub(super) struct DataflowInfo {
    pub(super) dataflow_id: String,
    /// The job whose runs are its own.
    pub(super) job_name: String,
    pub(super) zone: String,
    pub(super) model_name: String,
    pub(super) model_key: String,
    pub(super) model_sec_key: String,
    pub(super) take: Take,
    pub(super) batch_limit: i64,
    pub(super) match_partition: bool,
    pub(super) max_attempts: i64,
    /// Who created it.
    pub(super) account: String,
    pub(super) created_at: String,
}

impl From<Dataflow> for DataflowInfo {
    fn from(dataflow: Dataflow) -> Self {
        let Dataflow { id, job, name, rules, account, created_at } = dataflow;
        Self {
            dataflow_id: id,
            job_name: job,
            zone: name.zone,
            model_name: name.model_name,
            model_key: name.model_key,
            model_sec_key: name.model_sec_key,
            take: rules.take,
            batch_limit: rules.batch_limit,
            match_partition: rules.match_partition,
            max_attempts: rules.max_attempts,
            account,
            created_at: rfc3339(created_at),
        }
    }
}

/// A source that a dataflow is to have.
#[derive(Deserialize, JsonSchema)]
pub(super) struct SourceCreation {
    pub(super) source_dataflow_id: String,
    /// Whether the runs of the source that succeeded before are ready, too.
    #[serde(default)]
    pub(super) replay: Option<bool>,
}

/// A source of a dataflow.
#[derive(Serialize, JsonSchema)]
pub(super) struct SourceInfo {
    pub(super) source_dataflow_id: String,
    pub(super) job_name: String,
    pub(super) created_at: String,
}

impl From<DataflowSource> for SourceInfo {
    fn from(source: DataflowSource) -> Self {
        let created_at = rfc3339(source.created_at);
        Self { source_dataflow_id: source.source, job_name: source.job, created_at }
    }
}

/// A successful run of a source, for a target.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ReadyRecord {
    pub(crate) target_dataflow_id: String,
    pub(crate) source_dataflow_id: String,
    pub(crate) source_run_id: String,
    /// Of the source, as its model and keys.
    pub(crate) zone: String,
    pub(crate) model_name: String,
    pub(crate) model_key: String,
    pub(crate) model_sec_key: String,
    pub(crate) record_count: Option<i64>,
    pub(crate) dataflow_batch_run_id: Option<String>,
    pub(crate) dataflow_partition_key: Option<String>,
    /// How many runs had it and did not succeed.
    pub(crate) attempts: i64,
}

impl From<ReadyDelivery> for ReadyRecord {
    fn from(ready: ReadyDelivery) -> Self {
        Self {
            target_dataflow_id: ready.target,
            source_dataflow_id: ready.source,
            source_run_id: ready.source_run,
            zone: ready.name.zone,
            model_name: ready.name.model_name,
            model_key: ready.name.model_key,
            model_sec_key: ready.name.model_sec_key,
            record_count: ready.record_count,
            dataflow_batch_run_id: ready.batch_run_id,
            dataflow_partition_key: ready.partition_key,
            attempts: ready.attempts,
        }
    }
}

/// What was set aside and is to be ready again.
#[derive(Default, Deserialize, JsonSchema)]
pub(super) struct Release {
    /// Of this run of a source; of all where nobody says.
    pub(super) source_run_id: Option<String>,
}

/// What is ready again.
#[derive(Serialize, JsonSchema)]
pub(super) struct Released {
    pub(super) released: u64,
}
