//! A run begins, gives heartbeats, and ends.

use std::time::Duration;

use datlake::Result;
use serde_json::{Map, Value, json};

use super::begin::{ensure_job, insert_run, insert_run_called, note_state};
use super::items::{AllItems, ItemRole, items_of, items_of_run, note_artifacts, note_items};
use super::queue::{WhichQueued, cancel_queued, try_again};
use super::stored::{StoredRun, stored_run};
use super::wire::{JobRun, JobRunState, RunArtifact, RunHeartbeat, RunItem};
use crate::access::{AccessRole, Caller, Resource};
use crate::database::{Database, failed, now_micros, rfc3339};
use crate::deliveries::settle_ended;
use crate::events::StateChange;
use crate::problem::{Problem, Reply};

/// What a run ends with.
#[derive(Clone, Debug)]
pub(crate) struct RunEnd {
    pub(crate) success: bool,
    pub(crate) artifacts: Vec<RunArtifact>,
    pub(crate) metadata: Map<String, Value>,
}

/// Starts a run of a job, which comes into being.
pub(crate) async fn start_run(
    change: &mut StateChange,
    job: &str,
    metadata: &Map<String, Value>,
    lease: Duration,
) -> Result<JobRun> {
    ensure_job(change, job).await?;
    let account = change.account().to_owned();
    let id = insert_run(change, job, &account, JobRunState::Running, lease, metadata).await?;
    Ok(StoredRun::begun(id, job, account, change.at(), lease, metadata.clone()).shown(AllItems::default()))
}

/// Starts the run `id` of a job, where there is none, or says that it goes on.
///
/// # Errors
/// 409 where it is a run of another job, 403 for others than who started it and operators.
pub(crate) async fn begin_run(
    change: &mut StateChange,
    job: &str,
    id: &str,
    lease: Duration,
    caller: &Caller,
) -> Reply<()> {
    ensure_job(change, job).await?;
    let state = JobRunState::Running;
    if insert_run_called(change, id, (job, caller.name()), state, lease, &Map::new()).await? {
        return Ok(());
    }
    let query = sqlx::query_as::<_, (String,)>("SELECT job FROM runs WHERE id = $1").bind(id.to_owned());
    let (of,) = query.fetch_one(change.sql()).await.map_err(|e| failed("read", e))?;
    if of != job {
        return Err(Problem::conflict(format!("there is a run {id} of another job")));
    }
    run_of(change, job, id, caller).await?;
    let sql = "UPDATE runs SET beats = beats + 1, beat_at = $1 WHERE id = $2 AND state = 'running'";
    let query = sqlx::query(sql).bind(change.at()).bind(id.to_owned());
    query.execute(change.sql()).await.map(drop).map_err(|e| failed("write to", e).into())
}

/// The run, which `caller` goes on with: it started or queued it, claimed it as a worker, or is an operator of the job.
///
/// # Errors
/// 404 where there is none, 403 for others.
pub(super) async fn run_of(change: &mut StateChange, job: &str, run: &str, caller: &Caller) -> Reply<StoredRun> {
    let found = stored_run(change.sql(), job, run).await?;
    check_owner(&found, caller)?;
    Ok(found)
}

/// The job and the id of a run that `caller` goes on with, wherever it is: in `job`, where that is said.
///
/// # Errors
/// As [`run_of`]; 403 for who may not write in that job.
pub(crate) async fn own_run(
    change: &mut StateChange,
    job: Option<&str>,
    run: &str,
    caller: &Caller,
) -> Reply<(String, String)> {
    let missing = || {
        let shown: String = run.chars().take(80).flat_map(char::escape_debug).collect();
        Problem::not_found(format!("there is no run `{shown}`")).of_field("run_id")
    };
    let id = uuid::Uuid::try_parse(run).map_err(|_| missing())?.to_string();
    let query = sqlx::query_as::<_, (String,)>("SELECT job FROM runs WHERE id = $1").bind(id);
    let found = query.fetch_optional(change.sql()).await.map_err(|e| failed("read", e))?;
    let (found,) = found.filter(|(found,)| job.is_none_or(|job| job == found)).ok_or_else(missing)?;
    let resource = Resource::job(&found);
    // What is not theirs to know is not there.
    if !caller.sees(&resource) {
        return Err(missing());
    }
    caller.needs(AccessRole::Writer, &resource)?;
    let run = run_of(change, &found, run, caller).await?;
    Ok((run.job, run.id))
}

fn check_owner(run: &StoredRun, caller: &Caller) -> Reply<()> {
    let claimed_by = run.queue.as_ref().and_then(|queue| queue.claimed_by.as_deref());
    if run.account == caller.name() || claimed_by == Some(caller.name()) {
        return Ok(());
    }
    caller.needs(AccessRole::Operator, &Resource::job(&run.job)).map_err(|problem| {
        let (status, message) = problem.into_parts();
        Problem::new(
            status,
            format!("the run {} was started by `{}`; for another's run, {message}", run.id, run.account),
        )
    })
}

/// Ends a run, also one that is lost. The same end again is fine.
///
/// # Errors
/// 404 where there is none, 403 for others than who started it and operators, 409 where it ended otherwise.
pub(crate) async fn end_run(
    change: &mut StateChange,
    job: &str,
    run: &str,
    end: RunEnd,
    caller: &Caller,
) -> Reply<JobRun> {
    let mut found = run_of(change, job, run, caller).await?;
    let ending = json!({"success": end.success, "artifacts": end.artifacts, "metadata": end.metadata});
    let mut said = end.metadata;
    let inputs = items_of("metadata.inputs", said.remove("inputs"))?;
    let outputs = items_of("metadata.outputs", said.remove("outputs"))?;
    let mut metadata = found.metadata.clone();
    metadata.extend(said);
    let state = if end.success { JobRunState::Succeeded } else { JobRunState::Failed };
    // Whoever comes second waits for the first here, and then sees what that has written.
    let sql = "UPDATE runs SET state = CASE WHEN cancel_at IS NOT NULL AND $1 = 'failed' THEN 'cancelled' ELSE $1 END, \
               ended_at = $2, metadata = $3, ending = $4 WHERE id = $5 AND state IN ('running', 'lost') RETURNING state";
    let query = sqlx::query_as::<_, (String,)>(sql)
        .bind(state.as_str())
        .bind(change.at())
        .bind(Value::Object(metadata.clone()).to_string());
    let query = query.bind(ending.to_string()).bind(found.id.clone());
    let done = query.fetch_optional(change.sql()).await.map_err(|e| failed("write to", e))?;
    let Some((state,)) = done else { return ended_before(change, job, run, &ending).await };
    let state = JobRunState::of(&state).unwrap_or(JobRunState::Failed);
    settle_ended(change, &found.id, end.success).await?;
    note_items(change, job, &found.id, ItemRole::Input, &inputs).await?;
    note_items(change, job, &found.id, ItemRole::Output, &outputs).await?;
    note_artifacts(change, &found.id, &end.artifacts).await?;
    note_state(change, job, &found.id, state);
    match state {
        JobRunState::Failed => try_again(change, job, &found.id).await?,
        // One that was lost has done after all what another one was queued for.
        JobRunState::Succeeded if found.queue.is_some() => {
            cancel_queued(change, job, WhichQueued::Behind(&found.id)).await?;
        }
        _ => {}
    }
    (found.state, found.ended_at, found.metadata) = (state, Some(change.at()), metadata);
    Ok(shown(change, found).await?)
}

async fn shown(change: &mut StateChange, run: StoredRun) -> Result<JobRun> {
    let items = items_of_run(change.sql(), &run.id).await?;
    Ok(run.shown(items))
}

/// The run, where it ended as is said now.
async fn ended_before(change: &mut StateChange, job: &str, run: &str, ending: &Value) -> Reply<JobRun> {
    let found = stored_run(change.sql(), job, run).await?;
    if found.ending.as_ref() == Some(ending) {
        return Ok(shown(change, found).await?);
    }
    if found.state == JobRunState::Queued {
        let message = format!("the run {} waits for a worker: cancel it, where it is not to run", found.id);
        return Err(Problem::conflict(message));
    }
    let at = found.ended_at.map(rfc3339).unwrap_or_default();
    let state = found.state.as_str();
    Err(Problem::conflict(format!("the run {} {state} at {at}, with another success, artifacts or metadata", found.id)))
}

/// Asks that a run ends. One that waits for a worker is cancelled at once; whoever runs one learns it by the answer to its next heartbeat.
///
/// # Errors
/// 404 where there is none, 403 for others than who queued it and operators, 409 for one that no worker runs, or that has ended.
pub(crate) async fn cancel_run(change: &mut StateChange, job: &str, run: &str, caller: &Caller) -> Reply<()> {
    let found = run_of(change, job, run, caller).await?;
    if found.state == JobRunState::Cancelled || cancel_queued(change, job, WhichQueued::Run(&found.id)).await? > 0 {
        return Ok(());
    }
    // Its end waits for this, or this for its end.
    let sql = "UPDATE runs SET cancel_at = COALESCE(cancel_at, $1) WHERE id = $2 AND state IN ('running', 'lost') \
               AND EXISTS (SELECT 1 FROM queued_runs q WHERE q.run = runs.id)";
    let query = sqlx::query(sql).bind(change.at()).bind(found.id.clone()).execute(change.sql()).await;
    if query.map_err(|e| failed("write to", e))?.rows_affected() == 1 {
        // What would try again what is lost is not wanted either.
        cancel_queued(change, job, WhichQueued::Behind(&found.id)).await?;
        return Ok(());
    }
    let found = stored_run(change.sql(), job, run).await?;
    let message = match (found.state, &found.queue) {
        (JobRunState::Cancelled, _) => return Ok(()),
        (_, None) => format!("no worker runs the run {}: whoever started it ends it", found.id),
        (state, Some(_)) => {
            let at = found.ended_at.map(rfc3339).unwrap_or_default();
            format!("the run {} {} at {at}: there is nothing to cancel", found.id, state.as_str())
        }
    };
    Err(Problem::conflict(message))
}

/// Notes what a run read or wrote while it goes on, or after that.
pub(super) async fn note_more(
    change: &mut StateChange,
    job: &str,
    run: &str,
    role: ItemRole,
    items: &[RunItem],
    caller: &Caller,
) -> Reply<()> {
    let found = run_of(change, job, run, caller).await?;
    Ok(note_items(change, job, &found.id, role, items).await?)
}

/// A heartbeat: what runs has its whole lease again. It is no event.
pub(super) async fn heartbeat(database: &Database, job: &str, run: &str, caller: &Caller) -> Reply<RunHeartbeat> {
    let read = async || {
        let mut connection = database.pool().acquire().await.map_err(|e| failed("read", e))?;
        stored_run(&mut connection, job, run).await
    };
    let mut found = read().await?;
    check_owner(&found, caller)?;
    let now = now_micros();
    let sql = "UPDATE runs SET beats = beats + 1, beat_at = $1 WHERE id = $2 AND state = 'running'";
    match database.write(sqlx::query(sql).bind(now).bind(found.id.clone())).await? {
        0 => found = read().await?,
        _ => found.beat_at = now,
    }
    Ok(RunHeartbeat {
        state: found.state,
        lease_until: found.lease_until(),
        is_cancelled: found.is_cancelled,
        run_id: found.id,
    })
}
