//! Which run a worker gets: of those that wait, those with the highest priority first, of the same priority the job whose turn was longest ago, and of a job the
//! one that waits longest.

use std::time::Duration;

use datlake::{Error, ErrorKind, Result};
use serde_json::json;

use super::wire::ClaimedRun;
use crate::access::{AccessRole, Caller, Callers, Pattern, Resource};
use crate::database::{Database, failed};
use crate::dataflows::ReadyRecord;
use crate::deliveries::{claim as claim_deliveries, of_job};
use crate::events::{EventType, NewEvent, StateChange};
use crate::jobs::{JobRunState, is_running, note_state, one_run};
use crate::problem::Reply;
use crate::schedules::{ScheduleSpec, ScheduledCommand};

/// The most jobs whose turn is looked at.
const MOST: i64 = 10_000;

/// Who claims.
pub(super) struct Claimant<'a> {
    pub(super) caller: &'a Caller,
    /// What people call it.
    pub(super) worker: &'a str,
    /// Which jobs it runs.
    pub(super) jobs: &'a Pattern,
    pub(super) lease: Duration,
}

/// A schedule whose turn it is.
struct Turn {
    account: String,
    spec: ScheduleSpec,
    may_overlap: bool,
}

/// The first run of each job that waits and may begin.
const WAITING: &str = "SELECT w.job, w.run FROM queued_runs w JOIN schedules s ON s.job = w.job \
    WHERE w.is_waiting = 1 AND w.ready_at <= $1 AND s.paused_at IS NULL \
    AND NOT EXISTS (SELECT 1 FROM queued_runs e WHERE e.job = w.job AND e.is_waiting = 1 AND e.ready_at <= $1 \
    AND (e.priority > w.priority OR (e.priority = w.priority AND e.run < w.run))) \
    AND (s.may_overlap = 1 OR NOT EXISTS (SELECT 1 FROM runs r WHERE r.job = w.job AND r.state = 'running')) \
    ORDER BY w.priority DESC, s.claimed_at, w.run LIMIT $2";

/// Claims a run; `None` where none may begin now.
pub(super) async fn claim(
    database: &Database,
    callers: &Callers,
    claimant: &Claimant<'_>,
) -> Reply<Option<ClaimedRun>> {
    let mut connection = database.pool().acquire().await.map_err(|e| failed("read", e))?;
    let now = database.clock(&mut connection).await?;
    let query = sqlx::query_as::<_, (String, String)>(WAITING).bind(now).bind(MOST).fetch_all(&mut *connection).await;
    let waiting = query.map_err(|e| failed("read", e))?;
    drop(connection);
    for (job, run) in waiting {
        let resource = Resource::job(&job);
        let is_its = claimant.jobs.covers(&resource) && claimant.caller.needs(AccessRole::Writer, &resource).is_ok();
        if is_its && let Some(claimed) = claim_one(database, callers, claimant, &job, &run).await? {
            return Ok(Some(claimed));
        }
    }
    Ok(None)
}

/// Claims that run, unless another worker has it, or another run of the job goes on.
async fn claim_one(
    database: &Database,
    callers: &Callers,
    claimant: &Claimant<'_>,
    job: &str,
    run: &str,
) -> Reply<Option<ClaimedRun>> {
    let mut change = StateChange::begin(database, claimant.caller.name()).await?;
    let Some(turn) = take(&mut change, job).await? else { return Ok(None) };
    let setter = callers.named(&turn.account).await?;
    if setter.is_none_or(|setter| setter.needs(AccessRole::Operator, &Resource::job(job)).is_err()) {
        pause(change, job, &turn.account).await?;
        return Ok(None);
    }
    if !turn.may_overlap && is_running(&mut change, job).await? {
        return Ok(None);
    }
    if !begin(&mut change, claimant, run).await? {
        return Ok(None);
    }
    note_state(&mut change, job, run, JobRunState::Running);
    let dataflow_queue_list = match of_job(change.sql(), job).await? {
        None => None,
        Some(dataflow) => {
            let claimed = claim_deliveries(&mut change, &dataflow, run).await?;
            Some(claimed.into_iter().map(ReadyRecord::from).collect())
        }
    };
    let found = one_run(change.sql(), job, run).await?;
    change.commit().await?;
    let ScheduleSpec { run: ScheduledCommand { command, creator, environment, directory }, timeout_seconds, .. } =
        turn.spec;
    Ok(Some(ClaimedRun {
        run: found,
        command,
        creator,
        environment,
        directory,
        timeout_seconds,
        lease_seconds: claimant.lease.as_secs_f64(),
        dataflow_queue_list,
    }))
}

/// Takes the turn of a job, which is then behind the others of its priority.
async fn take(change: &mut StateChange, job: &str) -> Result<Option<Turn>> {
    let sql = "UPDATE schedules SET turn = turn + 1, claimed_at = (SELECT MAX(claimed_at) + 1 FROM schedules) \
               WHERE job = $1 AND paused_at IS NULL RETURNING account, spec, may_overlap";
    let row = sqlx::query_as::<_, (String, String, i64)>(sql).bind(job.to_owned()).fetch_optional(change.sql()).await;
    let Some((account, spec, may_overlap)) = row.map_err(|e| failed("write to", e))? else { return Ok(None) };
    let unreadable =
        |e| Error::new(ErrorKind::Corrupt, format!("the schedule of `{}` is unreadable: {e}", job.escape_debug()));
    let spec = serde_json::from_str(&spec).map_err(unreadable)?;
    Ok(Some(Turn { account, spec, may_overlap: may_overlap != 0 }))
}

/// The run is that worker's from now on: whether it is.
async fn begin(change: &mut StateChange, claimant: &Claimant<'_>, run: &str) -> Result<bool> {
    let lease = i64::try_from(claimant.lease.as_micros()).unwrap_or(i64::MAX);
    let sql = "UPDATE runs SET state = 'running', started_at = $1, beat_at = $1, beats = beats + 1, lease = $2 \
               WHERE id = $3 AND state = 'queued'";
    let query = sqlx::query(sql).bind(change.at()).bind(lease).bind(run.to_owned()).execute(change.sql()).await;
    if query.map_err(|e| failed("write to", e))?.rows_affected() == 0 {
        return Ok(false);
    }
    let sql = "UPDATE queued_runs SET is_waiting = 0, worker = $1, claimed_by = $2 WHERE run = $3";
    let query = sqlx::query(sql).bind(claimant.worker.to_owned()).bind(claimant.caller.name().to_owned());
    let query = query.bind(run.to_owned()).execute(change.sql());
    query.await.map_err(|e| failed("write to", e))?;
    Ok(true)
}

/// Whoever set a schedule and may not any more has nothing run.
async fn pause(mut change: StateChange, job: &str, account: &str) -> Result<()> {
    let sql = "UPDATE schedules SET paused_at = $1 WHERE job = $2";
    let query = sqlx::query(sql).bind(change.at()).bind(job.to_owned()).execute(change.sql()).await;
    query.map_err(|e| failed("write to", e))?;
    let why = format!(
        "`{account}`, who set it, is no operator of the job any more: an operator sets it again, and resumes it"
    );
    let data = json!({"job_name": job, "what": "paused", "why": why});
    change.note(NewEvent { kind: EventType::SCHEDULE, subject: Resource::job(job), run: None, data });
    change.commit().await
}
