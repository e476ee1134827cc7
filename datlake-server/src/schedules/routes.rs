//! Schedules over HTTP.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::due::note;
use super::spec::{DueRule, ScheduleSpec};
use super::stored::{StoredSchedule, find_schedule, no_schedule, remove, schedule_of, set_paused, write};
use crate::access::{AccessRole, Caller};
use crate::app::App;
use crate::database::{Database, failed, rfc3339};
use crate::deliveries::of_job;
use crate::http::{Asker, At, JsonBody, NoContent, Query, Right, Routes, check_name};
use crate::jobs::{WhichQueued, cancel_queued, ensure_job};
use crate::problem::{Problem, Reply};

/// The most times that are shown.
const MOST: i64 = 100;

/// A job in a path.
#[derive(Deserialize, JsonSchema)]
struct AtScheduledJob {
    job: String,
}

/// A schedule.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ScheduleInfo {
    pub(crate) job_name: String,
    /// Who set it.
    pub(crate) account: String,
    /// Times are RFC 3339, in UTC.
    pub(crate) set_at: String,
    pub(crate) paused_at: Option<String>,
    /// The next time, where it is due at times.
    due_at: Option<String>,
    #[serde(flatten)]
    pub(crate) spec: ScheduleSpec,
}

/// How many times are asked for.
#[derive(Deserialize, JsonSchema)]
struct AskedTimes {
    /// 10 unless somebody says, and 100 at most.
    amount: Option<i64>,
}

/// The next times of a schedule.
#[derive(Serialize, JsonSchema)]
struct UpcomingTimes {
    job_name: String,
    /// Whether it is paused: nothing is due then.
    is_paused: bool,
    /// None where sources, or people, say when.
    times: Vec<String>,
}

impl From<StoredSchedule> for ScheduleInfo {
    fn from(stored: StoredSchedule) -> Self {
        let StoredSchedule { job, account, set_at, spec, paused_at, due_at } = stored;
        let due_at = due_at.filter(|_| paused_at.is_none()).map(rfc3339);
        Self { job_name: job, account, set_at: rfc3339(set_at), paused_at: paused_at.map(rfc3339), due_at, spec }
    }
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let (reader, operator) = (Right::Job(AccessRole::Reader), Right::Job(AccessRole::Operator));
    let at = "/jobs/{job}/schedule";
    routes
        .get(at, reader, "Shows the schedule of a job", show)
        .put(at, operator, "Sets when a job runs, and what a worker runs then", set)
        .delete(at, operator, "Removes the schedule of a job, and cancels its runs that wait", delete)
        .post(
            &format!("{at}/pause"),
            operator,
            "Pauses a schedule: nothing is due, and nothing that waits begins",
            pause,
        )
        .post(&format!("{at}/resume"), operator, "Goes on with a schedule that was paused", resume)
        .get(&format!("{at}/upcoming"), reader, "Shows the next times of a schedule", upcoming)
}

async fn show(State(app): State<App>, At(at): At<AtScheduledJob>) -> Reply<Json<ScheduleInfo>> {
    check_name("job", &at.job, "job")?;
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    Ok(Json(schedule_of(&mut connection, &at.job).await?.into()))
}

async fn set(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtScheduledJob>,
    JsonBody(spec): JsonBody<ScheduleSpec>,
) -> Reply<Json<ScheduleInfo>> {
    check_name("job", &at.job, "job")?;
    spec.check()?;
    let mut change = app.change(&caller).await?;
    let now = change.clock().await?;
    if matches!(spec.rule(now)?, DueRule::Sources) && of_job(change.sql(), &at.job).await?.is_none() {
        let message = format!("the job `{}` is of no dataflow, and has no sources", at.job.escape_debug());
        return Err(Problem::bad_request(message).of_field("when.sources_ready"));
    }
    ensure_job(&mut change, &at.job).await?;
    write(&mut change, &at.job, &spec, now).await?;
    note(&mut change, &at.job, json!({"what": "set"}));
    let set = schedule_of(change.sql(), &at.job).await?;
    change.commit().await?;
    Ok(Json(set.into()))
}

async fn delete(State(app): State<App>, Asker(caller): Asker, At(at): At<AtScheduledJob>) -> Reply<NoContent> {
    check_name("job", &at.job, "job")?;
    let mut change = app.change(&caller).await?;
    if !remove(&mut change, &at.job).await? {
        schedule_of(change.sql(), &at.job).await?;
    }
    cancel_queued(&mut change, &at.job, WhichQueued::All).await?;
    note(&mut change, &at.job, json!({"what": "removed"}));
    change.commit().await?;
    Ok(NoContent)
}

async fn pause(State(app): State<App>, Asker(caller): Asker, At(at): At<AtScheduledJob>) -> Reply<Json<ScheduleInfo>> {
    turn(&app, &caller, &at.job, true).await.map(Json)
}

async fn resume(State(app): State<App>, Asker(caller): Asker, At(at): At<AtScheduledJob>) -> Reply<Json<ScheduleInfo>> {
    turn(&app, &caller, &at.job, false).await.map(Json)
}

/// Pauses a schedule or goes on with it; what is so already is fine.
pub(crate) async fn turn(app: &App, caller: &Caller, job: &str, is_paused: bool) -> Reply<ScheduleInfo> {
    check_name("job", job, "job")?;
    let mut change = app.change(caller).await?;
    let now = change.clock().await?;
    let before = schedule_of(change.sql(), job).await?;
    set_paused(&mut change, &before, is_paused, now).await?;
    if before.paused_at.is_some() != is_paused {
        note(&mut change, job, json!({"what": if is_paused { "paused" } else { "resumed" }}));
    }
    let turned = schedule_of(change.sql(), job).await?;
    change.commit().await?;
    Ok(turned.into())
}

async fn upcoming(
    State(app): State<App>,
    At(at): At<AtScheduledJob>,
    Query(asked): Query<AskedTimes>,
) -> Reply<Json<UpcomingTimes>> {
    check_name("job", &at.job, "job")?;
    let most = usize::try_from(asked.amount.unwrap_or(10).clamp(1, MOST)).unwrap_or(1);
    let (schedule, times) = scheduled(app.database(), &at.job, most).await?.ok_or_else(|| no_schedule(&at.job))?;
    Ok(Json(UpcomingTimes { job_name: at.job, is_paused: schedule.paused_at.is_some(), times }))
}

/// The schedule of a job, and its next times: up to `most`, and none where sources, or people, say when. `None` where it has no schedule.
pub(crate) async fn scheduled(
    database: &Database,
    job: &str,
    most: usize,
) -> Reply<Option<(ScheduleInfo, Vec<String>)>> {
    let mut connection = database.pool().acquire().await.map_err(|e| failed("read", e))?;
    let now = database.clock(&mut connection).await?;
    let Some(schedule) = find_schedule(&mut connection, job).await? else { return Ok(None) };
    let times = match schedule.rule()? {
        DueRule::Times(rule) => rule.upcoming(now, most).into_iter().map(rfc3339).collect(),
        DueRule::Sources | DueRule::Asked => Vec::new(),
    };
    Ok(Some((schedule.into(), times)))
}
