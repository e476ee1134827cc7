//! Runs as the database has them.

use std::time::Duration;

use datlake::{Error, ErrorKind, Result};
use serde_json::{Map, Value};
use sqlx::AnyConnection;

use super::items::AllItems;
use super::wire::{JobRun, JobRunState, QueuedRun};
use crate::database::{failed, rfc3339};
use crate::problem::{Problem, Reply};

/// A run, without what it read, wrote and left behind.
#[derive(Clone, Debug)]
pub(super) struct StoredRun {
    pub(super) id: String,
    pub(super) job: String,
    pub(super) state: JobRunState,
    pub(super) account: String,
    pub(super) started_at: i64,
    pub(super) ended_at: Option<i64>,
    /// In microseconds.
    pub(super) lease: i64,
    pub(super) beat_at: i64,
    pub(super) metadata: Map<String, Value>,
    /// What ended it.
    pub(super) ending: Option<Value>,
    /// Whether somebody asked that it ends.
    pub(super) is_cancelled: bool,
    pub(super) queue: Option<StoredQueue>,
}

/// What a run has that was queued.
#[derive(Clone, Debug)]
pub(super) struct StoredQueue {
    pub(super) due_at: i64,
    pub(super) attempt: i64,
    pub(super) run_before: Option<String>,
    pub(super) worker: Option<String>,
    /// The account of that worker.
    pub(super) claimed_by: Option<String>,
}

/// A row of the tables.
pub(super) type RunRow = (
    String,
    String,
    String,
    String,
    i64,
    Option<i64>,
    i64,
    i64,
    String,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// What reads such rows, with what is behind it.
macro_rules! select_runs {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.job, r.state, r.account, r.started_at, r.ended_at, r.lease, r.beat_at, r.metadata, r.ending, ",
            "r.cancel_at, q.due_at, q.attempt, q.run_before, q.worker, q.claimed_by ",
            "FROM runs r LEFT JOIN queued_runs q ON q.run = r.id WHERE ",
            $rest
        )
    };
}
pub(super) use select_runs;

impl StoredRun {
    pub(super) fn of(row: RunRow) -> Result<Self> {
        let (id, job, state, account, started_at, ended_at, lease, beat_at, metadata, ending, ..) = row.clone();
        let (.., cancel_at, due_at, attempt, run_before, worker, claimed_by) = row;
        let of = |(due_at, attempt)| StoredQueue { due_at, attempt, run_before, worker, claimed_by };
        let queue = due_at.zip(attempt).map(of);
        let damaged = || Error::new(ErrorKind::Corrupt, format!("the run {id} is unreadable in the server's database"));
        let state = JobRunState::of(&state).ok_or_else(damaged)?;
        let metadata = serde_json::from_str(&metadata).map_err(|_| damaged())?;
        let ending = ending.map(|ending| serde_json::from_str(&ending).map_err(|_| damaged())).transpose()?;
        Ok(Self {
            id,
            job,
            state,
            account,
            started_at,
            ended_at,
            lease,
            beat_at,
            metadata,
            ending,
            is_cancelled: cancel_at.is_some(),
            queue,
        })
    }

    /// One that begins now, by an account.
    pub(super) fn begun(
        id: String,
        job: &str,
        account: String,
        at: i64,
        lease: Duration,
        metadata: Map<String, Value>,
    ) -> Self {
        Self {
            id,
            job: job.to_owned(),
            state: JobRunState::Running,
            account,
            started_at: at,
            ended_at: None,
            lease: i64::try_from(lease.as_micros()).unwrap_or(i64::MAX),
            beat_at: at,
            metadata,
            ending: None,
            is_cancelled: false,
            queue: None,
        }
    }

    pub(super) fn lease_until(&self) -> String {
        rfc3339(self.beat_at.saturating_add(self.lease))
    }

    /// As it is shown, with what it read, wrote and left behind.
    pub(super) fn shown(self, items: AllItems) -> JobRun {
        let (lease_until, is_cancelled) = (self.lease_until(), self.is_cancelled);
        let queue = |StoredQueue { due_at, attempt, run_before, worker, .. }| QueuedRun {
            due_at: rfc3339(due_at),
            attempt,
            run_before,
            worker,
            is_cancelled,
        };
        JobRun {
            queue: self.queue.map(queue),
            lease_until,
            run_id: self.id,
            job_name: self.job,
            state: self.state,
            account: self.account,
            started_at: rfc3339(self.started_at),
            ended_at: self.ended_at.map(rfc3339),
            metadata: self.metadata,
            inputs: items.inputs,
            outputs: items.outputs,
            artifacts: items.artifacts,
        }
    }
}

/// The run of that job.
///
/// # Errors
/// 404 where there is none: runs of other jobs are not known here.
pub(super) async fn stored_run(connection: &mut AnyConnection, job: &str, run: &str) -> Reply<StoredRun> {
    let missing = || {
        let shown: String = run.chars().take(80).flat_map(char::escape_debug).collect();
        Problem::not_found(format!("there is no run `{shown}` of the job `{}`", job.escape_debug()))
    };
    // What is no id may have what no database takes.
    let id = uuid::Uuid::try_parse(run).map_err(|_| missing())?.to_string();
    let query = sqlx::query_as::<_, RunRow>(select_runs!("r.id = $1 AND r.job = $2")).bind(id).bind(job.to_owned());
    let row = query.fetch_optional(connection).await.map_err(|e| failed("read", e))?;
    Ok(StoredRun::of(row.ok_or_else(missing)?)?)
}
