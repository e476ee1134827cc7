//! The shapes of jobs and runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::http::StrictJson;

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobRunState {
    /// It waits for a worker.
    Queued,
    Running,
    Succeeded,
    Failed,
    /// It gave no heartbeat for its lease. It may still complete.
    Lost,
    /// Somebody asked that it ends, and it has.
    Cancelled,
}

impl JobRunState {
    const ALL: [Self; 6] = [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Lost, Self::Cancelled];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Cancelled => "cancelled",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }

    pub(crate) fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What a run reads or writes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunItemKind {
    Table,
    Dataset,
    Uri,
    File,
}

/// Something that a run read or wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RunItem {
    pub(crate) kind: RunItemKind,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) uri: String,
    /// The snapshot of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) snapshot_id: Option<String>,
}

/// Something that a run left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RunArtifact {
    /// As `log`.
    pub(crate) r#type: String,
    pub(crate) uri: String,
}

/// A run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct JobRun {
    pub(crate) run_id: String,
    pub(crate) job_name: String,
    pub(crate) state: JobRunState,
    /// Who started it.
    pub(crate) account: String,
    /// Times are RFC 3339, in UTC.
    pub(crate) started_at: String,
    pub(crate) ended_at: Option<String>,
    /// When it is lost unless it gives a heartbeat, by the clock of the server that got the last one.
    pub(crate) lease_until: String,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) inputs: Vec<RunItem>,
    pub(crate) outputs: Vec<RunItem>,
    pub(crate) artifacts: Vec<RunArtifact>,
    /// What a run has that was queued for a worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<QueuedRun>,
}

/// What a run has that was queued for a worker.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct QueuedRun {
    /// The time that it is for; of a run that somebody queued, when that was.
    pub(crate) due_at: String,
    /// It is the first, or so many were there before.
    pub(crate) attempt: i64,
    /// The attempt before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run_before: Option<String>,
    /// The worker that claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) worker: Option<String>,
    /// Whether somebody asked that it ends.
    pub(crate) is_cancelled: bool,
}

/// A run in a list of those of all jobs, without what it read, wrote and left behind.
#[derive(Clone, Debug)]
pub(crate) struct ListedRun {
    pub(crate) run_id: String,
    pub(crate) job_name: String,
    pub(crate) state: JobRunState,
    pub(crate) account: String,
    pub(crate) started_at: String,
    pub(crate) ended_at: Option<String>,
}

/// A job in a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ListedJob {
    pub(crate) job_name: String,
    /// Who started its first run.
    pub(crate) account: String,
    pub(crate) created_at: String,
}

/// A job.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct JobInfo {
    pub(crate) job_name: String,
    /// Who started its first run.
    pub(crate) account: String,
    pub(crate) created_at: String,
    /// How many runs it has, by their states.
    pub(crate) runs: JobRunCounts,
}

#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct JobRunCounts {
    pub(crate) queued: i64,
    pub(crate) running: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    pub(crate) lost: i64,
    pub(crate) cancelled: i64,
}

/// A run that is to begin.
#[derive(Default, Deserialize, JsonSchema)]
pub(super) struct RunCreation {
    /// A JSON object, of 1 MiB at most.
    #[serde(default)]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub(super) metadata: Option<StrictJson>,
    /// A run that gives no heartbeat for so long is lost: 300 unless somebody says, from 0.1 to a week.
    pub(super) lease_seconds: Option<f64>,
    /// Whether a worker is to run what the schedule of the job says, as soon as one can. Nobody has started it before that.
    #[serde(default)]
    pub(super) queued: bool,
    /// Of a queued run: those with more come first. That of the schedule unless somebody says, from -100 to 100.
    pub(super) priority: Option<i64>,
}

/// What a run ends with.
#[derive(Deserialize, JsonSchema)]
pub(super) struct RunCompletion {
    pub(super) success: bool,
    #[serde(default)]
    pub(super) artifacts: Option<Vec<RunArtifact>>,
    /// A JSON object, of 1 MiB at most, which is added to that of the run. `inputs` and `outputs` in it are those of the run: URIs, or objects
    /// with `kind`, `name` and `uri`.
    #[serde(default)]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub(super) metadata: Option<StrictJson>,
}

/// Inputs or outputs of a run.
#[derive(Deserialize, JsonSchema)]
pub(super) struct RunItems {
    pub(super) items: Vec<RunItem>,
}

/// What a run left behind.
#[derive(Deserialize, JsonSchema)]
pub(super) struct RunArtifacts {
    pub(super) artifacts: Vec<RunArtifact>,
}

/// Something that happened in a run.
#[derive(Deserialize, JsonSchema)]
pub(super) struct RunEventCreation {
    pub(super) r#type: String,
    /// Any JSON, of 64 KiB at most.
    #[serde(default)]
    pub(super) data: StrictJson,
}

/// What a heartbeat is answered.
#[derive(Serialize, JsonSchema)]
pub(super) struct RunHeartbeat {
    pub(super) run_id: String,
    /// What is not `running` takes no heartbeat any more.
    pub(super) state: JobRunState,
    pub(super) lease_until: String,
    /// Whether somebody asked that it ends: whoever runs it is to end it.
    pub(super) is_cancelled: bool,
}
