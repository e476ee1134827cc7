//! Jobs and runs over HTTP.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::items::{ItemRole, check_artifacts, check_items, note_artifacts};
use super::listing::{job_info, jobs, one_run, runs};
use super::queue::{Due, NewQueued, enqueue, take_turn};
use super::running::{RunEnd, cancel_run, end_run, heartbeat, note_more, run_of, start_run};
use super::wire::{
    JobInfo, JobRun, JobRunState, ListedJob, RunArtifacts, RunCompletion, RunCreation, RunEventCreation, RunHeartbeat,
    RunItems,
};
use crate::access::{AccessRole, Caller, Resource};
use crate::app::App;
use crate::database::failed;
use crate::events::{EventType, NewEvent, ServerEvent, StateChange};
use crate::http::{
    Asker, At, CreatedJson, JsonBody, List, OnceKey, PageAfter, Query, Right, Routes, StrictJson, check_name, list,
    most, object_of,
};
use crate::problem::{Problem, Reply};

/// A run that gives no heartbeat for so many seconds is lost, unless somebody says.
const LEASE: f64 = 300.0;
/// What somebody may say.
const LEASES: RangeInclusive<f64> = 0.1..=604_800.0;
/// What somebody may say of how much a queued run matters.
const PRIORITIES: RangeInclusive<i64> = -100..=100;

/// A job in a path.
#[derive(Deserialize, JsonSchema)]
struct AtJob {
    job: String,
}

/// A run in a path.
#[derive(Deserialize, JsonSchema)]
struct AtRun {
    job: String,
    run: String,
}

/// Which runs are listed.
#[derive(Deserialize, JsonSchema)]
struct AskedRuns {
    /// Those that stand so.
    state: Option<JobRunState>,
    /// Those behind this run: the `next_offset` of the page before.
    #[serde(default)]
    after: String,
    amount: Option<i64>,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let (reader, writer) = (Right::Job(AccessRole::Reader), Right::Job(AccessRole::Writer));
    let run = "/jobs/{job}/runs/{run}";
    routes
        .get("/jobs", Right::Account, "Lists jobs that may be read", list_jobs)
        .get("/jobs/{job}", reader, "Shows a job", show_job)
        .get("/jobs/{job}/runs", reader, "Lists runs of a job, the latest first", list_runs)
        .post(
            "/jobs/{job}/runs",
            writer,
            "Starts a run of a job, which comes into being, or queues one for a worker",
            start,
        )
        .get(run, reader, "Shows a run", show_run)
        .put(&format!("{run}/complete"), writer, "Ends a run; the same end again is fine", complete)
        .post(&format!("{run}/heartbeat"), writer, "Says that a run goes on", beat)
        .post(&format!("{run}/cancel"), writer, "Asks that a run ends that a worker has, or is to have", cancel)
        .post(&format!("{run}/inputs"), writer, "Notes what a run read", inputs)
        .post(&format!("{run}/outputs"), writer, "Notes what a run wrote", outputs)
        .post(&format!("{run}/artifacts"), writer, "Links what a run left behind, before its end", artifacts)
        .post(&format!("{run}/events"), writer, "Says that something happened in a run", event)
}

async fn list_jobs(
    State(app): State<App>,
    Asker(caller): Asker,
    Query(page): Query<PageAfter>,
) -> Reply<Json<List<ListedJob>>> {
    let (jobs, next) = jobs(app.database(), &caller, &page.after, most(page.amount)).await?;
    Ok(Json(list(jobs, next)))
}

async fn show_job(State(app): State<App>, At(at): At<AtJob>) -> Reply<Json<JobInfo>> {
    check_name("job", &at.job, "job")?;
    Ok(Json(job_info(app.database(), &at.job).await?))
}

async fn list_runs(
    State(app): State<App>,
    At(at): At<AtJob>,
    Query(asked): Query<AskedRuns>,
) -> Reply<Json<List<JobRun>>> {
    check_name("job", &at.job, "job")?;
    job_info(app.database(), &at.job).await?;
    let (runs, next) = runs(app.database(), &at.job, asked.state, &asked.after, most(asked.amount)).await?;
    Ok(Json(list(runs, next)))
}

async fn show_run(State(app): State<App>, At(at): At<AtRun>) -> Reply<Json<JobRun>> {
    check_name("job", &at.job, "job")?;
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    Ok(Json(one_run(&mut connection, &at.job, &at.run).await?))
}

async fn start(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtJob>,
    OnceKey(key): OnceKey,
    new: Option<JsonBody<RunCreation>>,
) -> Reply<CreatedJson<JobRun>> {
    check_name("job", &at.job, "job")?;
    let JsonBody(new) = new.unwrap_or_default();
    let lease = lease_of(new.lease_seconds)?;
    let metadata = object_of("metadata", new.metadata)?;
    let (queued, priority) = (new.queued, new.priority);
    if priority.is_some_and(|priority| !PRIORITIES.contains(&priority)) {
        return Err(Problem::bad_request("`priority` is from -100 to 100").of_field("priority"));
    }
    let mut change = app.change(&caller).await?;
    let asked = ("run", &at.job, lease.as_secs_f64(), &metadata, queued, priority);
    if let Some(before) = change.answered(key.as_deref(), &asked).await? {
        return Ok(CreatedJson(before));
    }
    let run = match queued {
        true => {
            let id = queue(&mut change, &at.job, priority, &metadata).await?;
            one_run(change.sql(), &at.job, &id).await?
        }
        false => start_run(&mut change, &at.job, &metadata, lease).await?,
    };
    Ok(CreatedJson(change.answer(run).await?))
}

/// Queues a run of a job for a worker, now.
///
/// # Errors
/// 409 where it has no schedule, which says what a worker runs.
pub(crate) async fn queue_run(app: &App, caller: &Caller, job: &str) -> Reply<()> {
    let mut change = app.change(caller).await?;
    queue(&mut change, job, None, &Map::new()).await?;
    Ok(change.commit().await?)
}

/// Queues a run of a job, because somebody asked.
async fn queue(
    change: &mut StateChange,
    job: &str,
    priority: Option<i64>,
    metadata: &Map<String, Value>,
) -> Reply<String> {
    if take_turn(change, job).await?.is_none() {
        let message = format!(
            "the job `{}` has no schedule, which says what a worker runs: an operator of it sets one",
            job.escape_debug()
        );
        return Err(Problem::conflict(message).of_field("queued"));
    }
    let (due, account) = (Due::Asked(change.clock().await?), change.account().to_owned());
    let queued = enqueue(change, NewQueued { job, account: &account, due, priority, metadata }).await?;
    queued.ok_or_else(|| Problem::internal(&"two runs that somebody asked for are one"))
}

async fn cancel(State(app): State<App>, Asker(caller): Asker, At(at): At<AtRun>) -> Reply<Json<JobRun>> {
    check_name("job", &at.job, "job")?;
    let mut change = app.change(&caller).await?;
    cancel_run(&mut change, &at.job, &at.run, &caller).await?;
    let run = one_run(change.sql(), &at.job, &at.run).await?;
    change.commit().await?;
    Ok(Json(run))
}

/// How long a run may be silent.
///
/// # Errors
/// 400 for what is too short or too long.
pub(crate) fn lease_of(said: Option<f64>) -> Reply<Duration> {
    let lease = said.unwrap_or(LEASE);
    if LEASES.contains(&lease) {
        return Ok(Duration::from_secs_f64(lease));
    }
    let message = format!("`lease_seconds` is {lease}: it is from {} to {}", LEASES.start(), LEASES.end());
    Err(Problem::bad_request(message).of_field("lease_seconds"))
}

async fn complete(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtRun>,
    JsonBody(said): JsonBody<RunCompletion>,
) -> Reply<Json<JobRun>> {
    check_name("job", &at.job, "job")?;
    let artifacts = said.artifacts.unwrap_or_default();
    check_artifacts(&artifacts)?;
    let end = RunEnd { success: said.success, artifacts, metadata: object_of("metadata", said.metadata)? };
    let mut change = app.change(&caller).await?;
    let run = end_run(&mut change, &at.job, &at.run, end, &caller).await?;
    change.commit().await?;
    Ok(Json(run))
}

async fn beat(State(app): State<App>, Asker(caller): Asker, At(at): At<AtRun>) -> Reply<Json<RunHeartbeat>> {
    check_name("job", &at.job, "job")?;
    Ok(Json(heartbeat(app.database(), &at.job, &at.run, &caller).await?))
}

async fn inputs(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtRun>,
    JsonBody(said): JsonBody<RunItems>,
) -> Reply<Json<JobRun>> {
    note(&app, &caller, &at, ItemRole::Input, said).await
}

async fn outputs(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtRun>,
    JsonBody(said): JsonBody<RunItems>,
) -> Reply<Json<JobRun>> {
    note(&app, &caller, &at, ItemRole::Output, said).await
}

async fn artifacts(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtRun>,
    JsonBody(said): JsonBody<RunArtifacts>,
) -> Reply<Json<JobRun>> {
    check_name("job", &at.job, "job")?;
    check_artifacts(&said.artifacts)?;
    let mut change = app.change(&caller).await?;
    let run = run_of(&mut change, &at.job, &at.run, &caller).await?;
    note_artifacts(&mut change, &run.id, &said.artifacts).await?;
    let run = one_run(change.sql(), &at.job, &at.run).await?;
    change.commit().await?;
    Ok(Json(run))
}

async fn note(app: &App, caller: &Caller, at: &AtRun, role: ItemRole, said: RunItems) -> Reply<Json<JobRun>> {
    check_name("job", &at.job, "job")?;
    check_items("items", &said.items)?;
    let mut change = app.change(caller).await?;
    note_more(&mut change, &at.job, &at.run, role, &said.items, caller).await?;
    let run = one_run(change.sql(), &at.job, &at.run).await?;
    change.commit().await?;
    Ok(Json(run))
}

async fn event(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtRun>,
    OnceKey(key): OnceKey,
    JsonBody(new): JsonBody<RunEventCreation>,
) -> Reply<CreatedJson<ServerEvent>> {
    check_name("job", &at.job, "job")?;
    let StrictJson(data) = new.data;
    let kind = EventType::custom(new.r#type.clone())?;
    let mut change = app.change(&caller).await?;
    let asked = ("run event", &at.job, &at.run, &new.r#type, &data);
    if let Some(before) = change.answered(key.as_deref(), &asked).await? {
        return Ok(CreatedJson(before));
    }
    let run = run_of(&mut change, &at.job, &at.run, &caller).await?;
    change.note(NewEvent::custom(kind, Resource::job(&at.job), Some(run.id), data)?);
    Ok(CreatedJson(change.answer_event().await?))
}
