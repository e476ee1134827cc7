//! The shapes of claims.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dataflows::ReadyRecord;
use crate::jobs::JobRun;
use crate::schedules::ScheduledCreator;

/// What a worker asks for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkerClaim {
    /// What people call it.
    pub(super) worker: String,
    /// Which jobs it runs, as `daily_*`: all that its account may write in unless somebody says.
    pub(super) jobs: Option<String>,
    /// A run whose worker gives no heartbeat for so long is lost: 60 unless it says, from 0.1 to a week.
    pub(super) lease_seconds: Option<f64>,
    /// So long it is waited for a run where there is none: up to 30, and 0 unless it says.
    #[serde(default)]
    pub(super) wait_seconds: f64,
}

/// What a worker gets.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WorkerClaimed {
    /// None where none is to run now.
    pub(super) claimed: Option<ClaimedRun>,
}

/// A run that a worker has.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ClaimedRun {
    pub(super) run: JobRun,
    /// A program and its arguments; none where it is a creator.
    pub(super) command: Vec<String>,
    /// A creator to call, in place of a command.
    pub(super) creator: Option<ScheduledCreator>,
    /// The names of variables of the worker that the program gets.
    pub(super) environment: Vec<String>,
    pub(super) directory: Option<String>,
    /// A run that takes longer is ended.
    pub(super) timeout_seconds: f64,
    pub(super) lease_seconds: f64,
    /// What the run has claimed of its sources, where its job is of a dataflow.
    pub(super) dataflow_queue_list: Option<Vec<ReadyRecord>>,
}

/// How much of a log the server has.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LogState {
    /// What comes next begins here.
    pub(super) size: i64,
    /// Whether it takes no more: what is behind that is left out.
    pub(super) is_full: bool,
}
