//! Jobs and their runs.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;

use super::address::address;
use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::show::{At, Said, badge, changing, escape_lines, facts, json, more, table, took};
use crate::access::AccessRole;
use crate::app::App;
use crate::database::failed;
use crate::events::{ServerEvent, events_of_run, last_id};
use crate::http::{At as Path, Query, Right, check_name};
use crate::jobs::{JobRun, JobRunState, ListedRun, RunItem, RunItemKind, WhichRuns, jobs, latest_runs, one_run};
use crate::problem::Reply;
use crate::workers::{LogTail, log_tail};

/// So many rows a page has.
pub(super) const ROWS: usize = 100;
/// So much of the end of a log is shown, in bytes.
const LOG: i64 = 64 << 10;
/// So many events of a run.
const EVENTS: usize = 200;
/// So many characters of the data of an event.
const LONGEST: usize = 500;

#[derive(Deserialize)]
struct AtRun {
    job: String,
    run: String,
}

/// Which page of a list, and of runs those in which state.
#[derive(Deserialize)]
pub(super) struct RunsAsked {
    #[serde(default)]
    pub(super) after: String,
    #[serde(default)]
    pub(super) state: String,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    let reader = Right::Job(AccessRole::Reader);
    routes.get("/jobs", Right::Account, all_jobs).get("/runs", Right::Account, all_runs).get(
        "/jobs/{job}/runs/{run}",
        reader,
        show_run,
    )
}

async fn all_jobs(State(app): State<App>, visitor: Visitor, Query(asked): Query<RunsAsked>) -> Reply<Markup> {
    let (found, next) = jobs(app.database(), &visitor.caller, &asked.after, ROWS).await?;
    let rows = found.iter().map(|job| {
        html! {
            td { (job_link(&job.job_name)) }
            td { (Said(&job.account)) }
            td { (At(&job.created_at)) }
        }
    });
    let content = html! {
        h1 { "Jobs" }
        p { a href="/runs" { "All runs" } }
        (table("Jobs", &["Job", "First run by", "First run"], rows, "No job has reported a run to this server yet."))
        (more(next.as_deref(), &["jobs"], &[]))
    };
    Ok(visitor.page(Section::Jobs, "Jobs", content))
}

async fn all_runs(State(app): State<App>, visitor: Visitor, Query(asked): Query<RunsAsked>) -> Reply<Markup> {
    let which = match asked.state.as_str() {
        "running" => WhichRuns::Running,
        "unlucky" => WhichRuns::Unlucky,
        _ => WhichRuns::All,
    };
    let seen = last_id(app.database()).await?;
    let (found, next) = latest_runs(app.database(), &visitor.caller, which, &asked.after, ROWS).await?;
    let states = [("", "All"), ("running", "Running"), ("unlucky", "Failed or lost")];
    let content = html! {
        h1 { "Runs" }
        (choices("Which runs", &["runs"], &states, &asked.state))
        (changing("runs", table("Runs", &["State", "Job", "Run", "Started", "Took", "By"], run_rows(&found), "There is none.")))
        (more(next.as_deref(), &["runs"], &[("state", &asked.state)]))
    };
    Ok(visitor.live_page(Section::Jobs, "Runs", Some(("job_status", seen)), content))
}

/// Links among which one is chosen, by the word `state` of the query.
pub(super) fn choices(name: &str, at: &[&str], all: &[(&str, &str)], chosen: &str) -> Markup {
    html! {
        nav class="choices" aria-label=(name) {
            @for (state, shown) in all {
                a href=(address(at, &[("state", state)])) aria-current=[(*state == chosen).then_some("true")] { (shown) }
            }
        }
    }
}

async fn show_run(State(app): State<App>, visitor: Visitor, Path(at): Path<AtRun>) -> Reply<Markup> {
    check_name("job", &at.job, "job")?;
    let seen = last_id(app.database()).await?;
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    let run = one_run(&mut connection, &at.job, &at.run).await?;
    drop(connection);
    let mut events = events_of_run(app.database(), &run.run_id, 0, EVENTS as i64 + 1).await?;
    let has_more = events.len() > EVENTS;
    events.truncate(EVENTS);
    let log = log_tail(&app, &run.run_id, LOG).await?;
    let content = html! {
        p class="way" { a href="/jobs" { "Jobs" } " / " (job_link(&run.job_name)) }
        h1 { "Run " code { (run.run_id) } }
        (changing("state", state_of(&run)))
        section aria-labelledby="log" {
            h2 id="log" { "Log" }
            (changing("run-log", log_of(&run, log.as_ref())))
        }
        section aria-labelledby="inputs" {
            h2 id="inputs" { "Inputs" }
            (changing("run-inputs", items("Inputs", &run.inputs, "It noted no inputs.")))
        }
        section aria-labelledby="outputs" {
            h2 id="outputs" { "Outputs" }
            (changing("run-outputs", items("Outputs", &run.outputs, "It noted no outputs.")))
        }
        section aria-labelledby="artifacts" {
            h2 id="artifacts" { "Artifacts" }
            (changing("run-artifacts", artifacts_of(&run)))
        }
        section aria-labelledby="metadata" {
            h2 id="metadata" { "Metadata" }
            (changing("run-metadata", html! {
                @if run.metadata.is_empty() { p class="empty" { "It has none." } }
                @else { (json(&serde_json::Value::Object(run.metadata.clone()))) }
            }))
        }
        section aria-labelledby="events" {
            h2 id="events" { "Events" }
            (changing("run-events", html! {
                (event_table(&events, "Nothing happened yet."))
                @if has_more { p class="quiet" { "The first " (EVENTS) ": the API has all of them, at the address of the run." } }
            }))
        }
    };
    let shown: String = run.run_id.chars().take(8).collect();
    let title = format!("Run {shown} of {}", run.job_name);
    Ok(visitor.live_page(Section::Jobs, &title, Some(("", seen)), content))
}

fn state_of(run: &JobRun) -> Markup {
    let ended = end_of(run.state, run.ended_at.as_deref(), &run.started_at);
    let lease = match run.state {
        JobRunState::Running | JobRunState::Lost => Some(html! { (At(&run.lease_until)) }),
        _ => None,
    };
    facts(&[
        ("State", Some(badge(run.state.as_str()))),
        ("Started", Some(html! { (At(&run.started_at)) " by " (Said(&run.account)) })),
        ("Ended", run.ended_at.as_ref().map(|at| html! { (At(at)) })),
        ("Took", Some(took(&run.started_at, ended))),
        (
            if run.state == JobRunState::Lost { "Its lease ran out" } else { "Lost, unless it gives a sign before" },
            lease,
        ),
    ])
}

/// Until when a run went on; `None` while it does. When one was lost, nobody knows.
pub(super) fn end_of<'a>(state: JobRunState, ended: Option<&'a str>, started: &'a str) -> Option<&'a str> {
    if matches!(state, JobRunState::Queued | JobRunState::Running) { None } else { ended.or(Some(started)) }
}

/// What it says while it runs, and the artifacts that are logs.
fn log_of(run: &JobRun, tail: Option<&LogTail>) -> Markup {
    let mut logs = run.artifacts.iter().filter(|artifact| artifact.r#type == "log").peekable();
    let goes_on = matches!(run.state, JobRunState::Queued | JobRunState::Running);
    html! {
        @if let Some(LogTail { text, left_out }) = tail {
            @if *left_out > 0 { p class="quiet" { (left_out) " bytes are before this." } }
            // Nothing happens for each line: whoever looks asks for it.
            pre tabindex="0" aria-label="End of the log" data-grows[goes_on] { (escape_lines(text)) }
        } @else if logs.peek().is_none() {
            p class="empty" { "It left no log behind." }
        }
        @if logs.peek().is_some() {
            ul { @for log in logs { li { (uri(&log.uri)) } } }
        }
    }
}

fn artifacts_of(run: &JobRun) -> Markup {
    let rows =
        run.artifacts.iter().map(|artifact| html! { td { (Said(&artifact.r#type)) } td { (uri(&artifact.uri)) } });
    table("Artifacts", &["Type", "Where"], rows, "It left nothing behind.")
}

fn items(name: &str, items: &[RunItem], empty: &str) -> Markup {
    let rows = items.iter().map(|item| {
        let kind = match item.kind {
            RunItemKind::Table => "table",
            RunItemKind::Dataset => "dataset",
            RunItemKind::Uri => "URI",
            RunItemKind::File => "file",
        };
        html! { td { (kind) } td { (Said(&item.name)) } td { (uri(&item.uri)) } }
    });
    table(name, &["Kind", "Name", "Where"], rows, empty)
}

/// Where something is. What is in the lake has a page; anything else is text: nobody knows what another program does with it.
pub(super) fn uri(uri: &str) -> Markup {
    html! {
        code class="long" {
            @match uri.strip_prefix("lake://") {
                Some(name) => a href=(address(&["file"], &[("uid", name)])) { (Said(uri)) },
                None => (Said(uri)),
            }
        }
    }
}

/// Events, in the order in which they are given.
pub(super) fn event_table(events: &[ServerEvent], empty: &str) -> Markup {
    let rows = events.iter().map(|event| {
        html! {
            td { (At(&event.time)) }
            td { (Said(&event.r#type)) }
            td { (Said(&event.subject)) }
            td { (Said(&event.account)) }
            td { code class="long" { (Said(&shortened(&event.data.to_string()))) } }
        }
    });
    table("Events", &["Time", "Type", "About", "By", "Data"], rows, empty)
}

/// The beginning of what may be very long.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Rows of runs of several jobs.
pub(super) fn run_rows(runs: &[ListedRun]) -> impl Iterator<Item = Markup> {
    runs.iter().map(|run| {
        html! {
            td { (badge(run.state.as_str())) }
            td { (job_link(&run.job_name)) }
            td { (run_link(&run.job_name, &run.run_id)) }
            td { (At(&run.started_at)) }
            td class="number" { (took(&run.started_at, end_of(run.state, run.ended_at.as_deref(), &run.started_at))) }
            td { (Said(&run.account)) }
        }
    })
}

pub(super) fn job_link(job: &str) -> Markup {
    html! { a href=(address(&["jobs", job], &[])) { (Said(job)) } }
}

/// By the end of its id: what begins it is the time.
pub(super) fn run_link(job: &str, run: &str) -> Markup {
    let shown = run.get(run.len().saturating_sub(8)..).unwrap_or(run);
    html! { a href=(address(&["jobs", job, "runs", run], &[])) title=(run) { code { "…" (shown) } } }
}
