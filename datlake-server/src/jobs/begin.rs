//! Jobs and runs come into being.

use std::time::Duration;

use datlake::Result;
use serde_json::{Map, Value, json};

use super::wire::JobRunState;
use crate::access::{Resource, random};
use crate::database::failed;
use crate::events::{EventType, NewEvent, StateChange};

/// Makes a job, where there is none.
pub(crate) async fn ensure_job(change: &mut StateChange, job: &str) -> Result<()> {
    let (account, at) = (change.account().to_owned(), change.at());
    let sql = "INSERT INTO jobs (name, account, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql).bind(job.to_owned()).bind(account).bind(at);
    query.execute(change.sql()).await.map(drop).map_err(|e| failed("write to", e))
}

/// Makes a run of a job in that state, by that account: its id.
pub(super) async fn insert_run(
    change: &mut StateChange,
    job: &str,
    account: &str,
    state: JobRunState,
    lease: Duration,
    metadata: &Map<String, Value>,
) -> Result<String> {
    let millis = u64::try_from(change.at() / 1000).unwrap_or_default();
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random()?).into_uuid().to_string();
    insert_run_called(change, &id, (job, account), state, lease, metadata).await?;
    Ok(id)
}

/// Makes the run `id` of a job, by an account, unless there is one: whether it made it.
pub(super) async fn insert_run_called(
    change: &mut StateChange,
    id: &str,
    (job, account): (&str, &str),
    state: JobRunState,
    lease: Duration,
    metadata: &Map<String, Value>,
) -> Result<bool> {
    let at = change.at();
    let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
    let sql = "INSERT INTO runs (id, job, state, account, started_at, lease, beats, beat_at, metadata) \
               VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql).bind(id.to_owned()).bind(job.to_owned()).bind(state.as_str()).bind(account.to_owned());
    let query = query.bind(at).bind(lease).bind(at).bind(Value::Object(metadata.clone()).to_string());
    let is_new = query.execute(change.sql()).await.map_err(|e| failed("write to", e))?.rows_affected() == 1;
    if is_new {
        note_state(change, job, id, state);
    }
    Ok(is_new)
}

/// Notes the event of a state that a run has from now on.
pub(crate) fn note_state(change: &mut StateChange, job: &str, run: &str, state: JobRunState) {
    let data = json!({"job_name": job, "run_id": run, "state": state});
    let (kind, subject, run) = (EventType::JOB_STATUS, Resource::job(job), Some(run.to_owned()));
    change.note(NewEvent { kind, subject, run, data });
}
