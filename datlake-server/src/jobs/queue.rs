//! Runs that wait for a worker, and what becomes of what they were for once they end.
//!
//! A run is queued for a due time, because somebody asked, or because another failed. Locks are taken in one order: schedule, run, and what
//! `docs/adr/0054-dataflows.md` says behind that.

use std::time::Duration;

use datlake::{Error, ErrorKind, Result};
use serde_json::{Map, Value};

use super::begin::{insert_run, note_state};
use super::wire::JobRunState;
use crate::access::random;
use crate::database::failed;
use crate::events::StateChange;

/// The longest that is waited between two attempts, before jitter.
const LONGEST_WAIT: i64 = 3600 * 1_000_000;

/// What a run is for.
#[derive(Clone, Debug)]
pub(crate) enum Due {
    /// That time, in microseconds.
    Time(i64),
    /// What its dataflow's sources made ready; seen then.
    Sources(i64),
    /// Somebody asked then.
    Asked(i64),
}

/// A run that is to wait for a worker.
#[derive(Clone, Debug)]
pub(crate) struct NewQueued<'a> {
    pub(crate) job: &'a str,
    pub(crate) account: &'a str,
    pub(crate) due: Due,
    /// That of the schedule, where nothing is said.
    pub(crate) priority: Option<i64>,
    pub(crate) metadata: &'a Map<String, Value>,
}

/// A row that is written.
struct QueuedRow<'a> {
    due: String,
    due_at: i64,
    attempt: i64,
    run_before: Option<&'a str>,
    priority: i64,
    ready_at: i64,
    wait: i64,
}

/// Takes the turn of a job: nobody else queues or claims runs of it until this is committed. Whether its runs may overlap; `None` where it has no
/// schedule.
pub(crate) async fn take_turn(change: &mut StateChange, job: &str) -> Result<Option<bool>> {
    let sql = "UPDATE schedules SET turn = turn + 1 WHERE job = $1 RETURNING may_overlap";
    let row = sqlx::query_as::<_, (i64,)>(sql).bind(job.to_owned()).fetch_optional(change.sql()).await;
    Ok(row.map_err(|e| failed("write to", e))?.map(|(may_overlap,)| may_overlap != 0))
}

/// Whether a run of a job that has its turn waits for a worker.
pub(crate) async fn is_queued(change: &mut StateChange, job: &str) -> Result<bool> {
    goes_on(change, job, "SELECT id FROM runs WHERE job = $1 AND state = 'queued' LIMIT 1").await
}

/// Whether a run of a job that has its turn goes on.
pub(crate) async fn is_running(change: &mut StateChange, job: &str) -> Result<bool> {
    goes_on(change, job, "SELECT id FROM runs WHERE job = $1 AND state = 'running' LIMIT 1").await
}

async fn goes_on(change: &mut StateChange, job: &str, sql: &'static str) -> Result<bool> {
    let row = sqlx::query_as::<_, (String,)>(sql).bind(job.to_owned()).fetch_optional(change.sql()).await;
    Ok(row.map_err(|e| failed("read", e))?.is_some())
}

/// Queues the first attempt for what is due, of a job that has its turn: its id, or `None` where there was one for that already.
pub(crate) async fn enqueue(change: &mut StateChange, new: NewQueued<'_>) -> Result<Option<String>> {
    let NewQueued { job, account, due, priority, metadata } = new;
    let sql = "SELECT priority FROM schedules WHERE job = $1";
    let row = sqlx::query_as::<_, (i64,)>(sql).bind(job.to_owned()).fetch_optional(change.sql()).await;
    let usual = row.map_err(|e| failed("read", e))?.map_or(0, |(priority,)| priority);
    let due_at = match due {
        Due::Time(at) | Due::Sources(at) | Due::Asked(at) => at,
    };
    let text = match due {
        Due::Time(at) => format!("time/{at}"),
        Due::Sources(_) => format!("sources/{}", unique()?),
        Due::Asked(_) => format!("asked/{}", unique()?),
    };
    let sql = "SELECT run FROM queued_runs WHERE job = $1 AND due = $2 AND attempt = 1";
    let query = sqlx::query_as::<_, (String,)>(sql).bind(job.to_owned()).bind(text.clone());
    if query.fetch_optional(change.sql()).await.map_err(|e| failed("read", e))?.is_some() {
        return Ok(None);
    }
    let priority = priority.unwrap_or(usual);
    let row = QueuedRow { due: text, due_at, attempt: 1, run_before: None, priority, ready_at: 0, wait: 0 };
    insert(change, job, account, row, metadata).await.map(Some)
}

/// Queues the next attempt for what a run was for that has failed or is lost, where the schedule of its job allows one more.
pub(super) async fn try_again(change: &mut StateChange, job: &str, run: &str) -> Result<()> {
    type Row = (String, i64, i64, i64, String, i64, i64, String);
    let sql = "SELECT q.due, q.due_at, q.attempt, q.priority, s.account, s.max_attempts, s.backoff, q.metadata \
               FROM queued_runs q JOIN schedules s ON s.job = q.job WHERE q.run = $1";
    let row = sqlx::query_as::<_, Row>(sql).bind(run.to_owned()).fetch_optional(change.sql()).await;
    let Some(row) = row.map_err(|e| failed("read", e))? else { return Ok(()) };
    let (due, due_at, before, priority, account, max_attempts, backoff, metadata) = row;
    // One that was lost has another behind it, and may still say that it failed.
    let query =
        sqlx::query_as::<_, (String,)>("SELECT run FROM queued_runs WHERE run_before = $1").bind(run.to_owned());
    let has_next = query.fetch_optional(change.sql()).await.map_err(|e| failed("read", e))?.is_some();
    if before >= max_attempts || has_next {
        return Ok(());
    }
    let wait = waits(backoff, before, u64::from_le_bytes(random()?))?;
    let ready_at = change.clock().await?.saturating_add(wait);
    let metadata = serde_json::from_str(&metadata).map_err(|e| Error::new(ErrorKind::Corrupt, e.to_string()))?;
    let row = QueuedRow { due, due_at, attempt: before + 1, run_before: Some(run), priority, ready_at, wait };
    insert(change, job, &account, row, &metadata).await.map(drop)
}

/// How long the attempt behind so many waits: twice as long each time, to an hour, and up to half of that more, so that what failed together does not come
/// back together.
fn waits(backoff: i64, attempts: i64, random: u64) -> Result<i64> {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(40);
    let wait = backoff.saturating_mul(1_i64 << doublings).min(LONGEST_WAIT);
    let half = u64::try_from(wait / 2).map_err(|e| Error::new(ErrorKind::Value, e.to_string()))?;
    Ok(wait + i64::try_from(random % (half + 1)).unwrap_or(0))
}

fn unique() -> Result<String> {
    let random: [u8; 16] = random()?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn insert(
    change: &mut StateChange,
    job: &str,
    account: &str,
    row: QueuedRow<'_>,
    metadata: &Map<String, Value>,
) -> Result<String> {
    let id = insert_run(change, job, account, JobRunState::Queued, Duration::ZERO, metadata).await?;
    let sql = "INSERT INTO queued_runs (run, job, due, due_at, attempt, run_before, priority, ready_at, wait, metadata, is_waiting, log_size) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, 0)";
    let query = sqlx::query(sql).bind(id.clone()).bind(job.to_owned()).bind(row.due).bind(row.due_at);
    let query = query.bind(row.attempt).bind(row.run_before.map(str::to_owned)).bind(row.priority);
    let query = query.bind(row.ready_at).bind(row.wait).bind(Value::Object(metadata.clone()).to_string());
    query.execute(change.sql()).await.map_err(|e| failed("write to", e))?;
    Ok(id)
}

/// Ends runs that wait for a worker: those that `only` names, or all of a job. Nobody starts them any more.
pub(crate) async fn cancel_queued(change: &mut StateChange, job: &str, which: WhichQueued<'_>) -> Result<usize> {
    let (sql, of): (&'static str, &str) = match which {
        WhichQueued::Run(run) => (
            "UPDATE runs SET state = 'cancelled', ended_at = $1, cancel_at = $1 WHERE state = 'queued' AND id = $2 RETURNING id",
            run,
        ),
        WhichQueued::Behind(run) => (
            "UPDATE runs SET state = 'cancelled', ended_at = $1, cancel_at = $1 WHERE state = 'queued' \
             AND id IN (SELECT run FROM queued_runs WHERE run_before = $2) RETURNING id",
            run,
        ),
        WhichQueued::All => (
            "UPDATE runs SET state = 'cancelled', ended_at = $1, cancel_at = $1 WHERE state = 'queued' AND job = $2 RETURNING id",
            job,
        ),
    };
    let rows = sqlx::query_as::<_, (String,)>(sql).bind(change.at()).bind(of.to_owned()).fetch_all(change.sql()).await;
    let rows = rows.map_err(|e| failed("write to", e))?;
    for (run,) in &rows {
        let query = sqlx::query("UPDATE queued_runs SET is_waiting = 0 WHERE run = $1").bind(run.clone());
        query.execute(change.sql()).await.map_err(|e| failed("write to", e))?;
        note_state(change, job, run, JobRunState::Cancelled);
    }
    Ok(rows.len())
}

/// Which runs that wait are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WhichQueued<'a> {
    Run(&'a str),
    /// The attempt behind that run.
    Behind(&'a str),
    /// All of the job.
    All,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_wait_longer_each_time_and_never_for_ever() {
        let second = 1_000_000;
        for (attempts, least) in [(1, second), (2, 2 * second), (3, 4 * second), (100, LONGEST_WAIT)] {
            for random in [0, 7, u64::MAX] {
                let wait = waits(second, attempts, random).unwrap();
                assert!((least..=least + least / 2).contains(&wait), "{attempts} {wait}");
            }
        }
        assert_eq!(waits(0, 5, u64::MAX).unwrap(), 0);
    }
}
