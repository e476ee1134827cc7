//! A job: when it runs by itself, what waits and which worker has it, the buttons of its operators, and its runs.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::address::address;
use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::jobs::{ROWS, RunsAsked, choices, end_of, run_link};
use super::show::{At, Said, badge, changing, facts, more, table, took};
use crate::access::{AccessRole, Resource};
use crate::app::App;
use crate::events::last_id;
use crate::http::{At as Path, Query, Right, check_name};
use crate::jobs::{JobRun, JobRunState, job_info, queue_run, runs};
use crate::problem::Reply;
use crate::schedules::{ScheduleInfo, ScheduleSpec, ScheduledCommand, ScheduledCreator, scheduled, turn};

/// So many of the next times are shown.
const TIMES: usize = 5;
/// So many runs that wait, and as many that workers have.
const SHOWN: usize = 20;

#[derive(Deserialize)]
struct AtJob {
    job: String,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    let operator = Right::Job(AccessRole::Operator);
    routes
        .get("/jobs/{job}", Right::Job(AccessRole::Reader), one_job)
        .post("/jobs/{job}/schedule/pause", operator, pause)
        .post("/jobs/{job}/schedule/resume", operator, resume)
        .post("/jobs/{job}/queue", Right::Job(AccessRole::Writer), queue)
}

async fn one_job(
    State(app): State<App>,
    visitor: Visitor,
    Path(AtJob { job }): Path<AtJob>,
    Query(asked): Query<RunsAsked>,
) -> Reply<Markup> {
    check_name("job", &job, "job")?;
    let seen = last_id(app.database()).await?;
    let info = job_info(app.database(), &job).await?;
    let schedule = schedule_of(&app, &visitor, &job).await?;
    let (found, next) = runs(app.database(), &job, JobRunState::of(&asked.state), &asked.after, ROWS).await?;
    let states = [
        ("", "All"),
        ("queued", "Queued"),
        ("running", "Running"),
        ("succeeded", "Succeeded"),
        ("failed", "Failed"),
        ("lost", "Lost"),
        ("cancelled", "Cancelled"),
    ];
    let rows = found.iter().map(|run| {
        html! {
            td { (badge(run.state.as_str())) }
            td { (run_link(&run.job_name, &run.run_id)) }
            td { (At(&run.started_at)) }
            td class="number" { (took(&run.started_at, end_of(run.state, run.ended_at.as_deref(), &run.started_at))) }
            td class="number" { (run.inputs.len()) }
            td class="number" { (run.outputs.len()) }
            td { (Said(&run.account)) }
        }
    });
    let counts = [
        ("running", info.runs.running),
        ("succeeded", info.runs.succeeded),
        ("failed", info.runs.failed),
        ("lost", info.runs.lost),
    ];
    let content = html! {
        p class="way" { a href="/jobs" { "Jobs" } }
        h1 { (Said(&job)) }
        (changing("counts", html! {
            p { @for (word, count) in counts { @if count > 0 { (badge(word)) " " (count) " " } } }
        }))
        (schedule)
        h2 { "Runs" }
        (choices("Which runs", &["jobs", &job], &states, &asked.state))
        (changing("runs", table("Runs", &["State", "Run", "Started", "Took", "Inputs", "Outputs", "By"], rows, "There is none.")))
        (more(next.as_deref(), &["jobs", &job], &[("state", &asked.state)]))
    };
    Ok(visitor.live_page(Section::Jobs, &job, Some(("job_status,schedule", seen)), content))
}

async fn pause(State(app): State<App>, visitor: Visitor, Path(AtJob { job }): Path<AtJob>) -> Reply<Response> {
    turn(&app, &visitor.caller, &job, true).await?;
    Ok(back(&job))
}

async fn resume(State(app): State<App>, visitor: Visitor, Path(AtJob { job }): Path<AtJob>) -> Reply<Response> {
    turn(&app, &visitor.caller, &job, false).await?;
    Ok(back(&job))
}

async fn queue(State(app): State<App>, visitor: Visitor, Path(AtJob { job }): Path<AtJob>) -> Reply<Response> {
    check_name("job", &job, "job")?;
    queue_run(&app, &visitor.caller, &job).await?;
    Ok(back(&job))
}

fn back(job: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, address(&["jobs", job], &[]))]).into_response()
}

/// The schedule of a job, and what waits for workers; nothing where it has none.
async fn schedule_of(app: &App, visitor: &Visitor, job: &str) -> Reply<Markup> {
    let Some((schedule, times)) = scheduled(app.database(), job, TIMES).await? else { return Ok(html! {}) };
    let (waiting, more) = runs(app.database(), job, Some(JobRunState::Queued), "", SHOWN).await?;
    let (running, _) = runs(app.database(), job, Some(JobRunState::Running), "", SHOWN).await?;
    let claimed = running.iter().filter(|run| run.queue.is_some());
    let rows = claimed.chain(&waiting).map(queue_row);
    Ok(html! {
        section aria-labelledby="schedule" {
            h2 id="schedule" { "Schedule" }
            (changing("job-schedule", html! {
                (facts(&facts_of(&schedule, &times)))
                (buttons(visitor, &schedule))
            }))
        }
        section aria-labelledby="queue" {
            h2 id="queue" { "What waits, and what workers have" }
            (changing("job-queue", html! {
                (table("Runs for workers", &["State", "Run", "Due", "Attempt", "Worker"], rows, "Nothing waits, and no worker has a run."))
                @if more.is_some() {
                    p { a href=(address(&["jobs", job], &[("state", "queued")])) { "All that wait" } }
                }
            }))
        }
    })
}

fn queue_row(run: &JobRun) -> Markup {
    let queue = run.queue.as_ref();
    html! {
        td { (badge(run.state.as_str())) }
        td { (run_link(&run.job_name, &run.run_id)) }
        td { @if let Some(queue) = queue { (At(&queue.due_at)) } }
        td class="number" { @if let Some(queue) = queue { (queue.attempt) } }
        td { @if let Some(worker) = queue.and_then(|queue| queue.worker.as_ref()) { (Said(worker)) } }
    }
}

fn facts_of(schedule: &ScheduleInfo, times: &[String]) -> Vec<(&'static str, Option<Markup>)> {
    let ScheduleSpec { run, priority, max_attempts, .. } = &schedule.spec;
    vec![
        ("When", Some(when(&schedule.spec))),
        (
            "Paused",
            schedule.paused_at.as_ref().map(|at| html! { "since " (At(at)) ": nothing is due, and nothing begins" }),
        ),
        (
            "Next, in UTC",
            (!times.is_empty() && schedule.paused_at.is_none()).then(|| {
                html! {
                    ul class="plain" { @for at in times { li { (At(at)) } } }
                }
            }),
        ),
        ("Runs", Some(what(run))),
        ("In", run.directory.as_ref().map(|directory| html! { code { (Said(directory)) } })),
        (
            "With",
            (!run.environment.is_empty())
                .then(|| html! { @for name in &run.environment { code { (Said(name)) } " " } }),
        ),
        ("Attempts", (*max_attempts > 1).then(|| html! { "up to " (max_attempts) })),
        ("Priority", (*priority != 0).then(|| html! { (priority) })),
        ("Set", Some(html! { (At(&schedule.set_at)) " by " (Said(&schedule.account)) })),
    ]
}

/// What a worker runs.
fn what(run: &ScheduledCommand) -> Markup {
    let Some(ScheduledCreator { program, name, params }) = &run.creator else {
        return html! { code class="long" { @for argument in &run.command { (Said(argument)) " " } } };
    };
    html! {
        "creator " code { (Said(name)) } " of " code class="long" { @for argument in program { (Said(argument)) " " } }
        @if !params.is_empty() {
            ul class="plain" {
                @for (name, value) in params { li { code class="long" { (Said(name)) " = " (Said(&value.to_string())) } } }
            }
        }
    }
}

/// What makes it due.
fn when(spec: &ScheduleSpec) -> Markup {
    let Some(when) = &spec.when else { return html! { "whenever somebody queues a run" } };
    html! {
        @if let Some(line) = &when.cron {
            code { (Said(line)) } " in " (Said(when.time_zone.as_deref().unwrap_or("UTC")))
        } @else if let Some(seconds) = when.every_seconds {
            "every " (seconds) " s"
        } @else {
            "once its sources have something for it"
        }
    }
}

/// What who looks at it may do.
fn buttons(visitor: &Visitor, schedule: &ScheduleInfo) -> Markup {
    let (job, of_job) = (&schedule.job_name, Resource::job(&schedule.job_name));
    let may = |role| visitor.caller.needs(role, &of_job).is_ok();
    let button = |action: &[&str], word: &str| {
        visitor.form(&address(&[&["jobs", job], action].concat(), &[]), html! { button type="submit" { (word) } })
    };
    html! {
        div class="choices" {
            @if may(AccessRole::Writer) { (button(&["queue"], "Run now")) }
            @if may(AccessRole::Operator) {
                @match schedule.paused_at {
                    Some(_) => (button(&["schedule", "resume"], "Resume")),
                    None => (button(&["schedule", "pause"], "Pause")),
                }
            }
        }
    }
}
