//! Jobs of a server: what runs there, and the runs that workers are to have.

use std::io::{self, Write};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::schedules;
use super::server::Done;
use crate::answer::{Answer, Page};
use crate::args::{Job, JobHow};
use crate::text::escape;
use crate::worker::{ServerApi, at, at_job};

/// The most that a page of a list has.
const PAGE: usize = 1000;

/// A job of a server.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ServedJob {
    job_name: String,
    account: String,
    created_at: String,
}

/// A run of a job of a server.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ServedRun {
    run_id: String,
    job_name: String,
    state: String,
    account: String,
    started_at: String,
    ended_at: Option<String>,
    /// What a run has that was queued for a worker.
    #[serde(default)]
    queue: Option<ServedQueue>,
}

/// What a run has that was queued for a worker.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ServedQueue {
    due_at: String,
    attempt: i64,
    #[serde(default)]
    run_before: Option<String>,
    #[serde(default)]
    worker: Option<String>,
    is_cancelled: bool,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
struct ServedPage<T> {
    pagination: ServedPagination,
    results: Vec<T>,
}

#[derive(Debug, Deserialize)]
struct ServedPagination {
    has_more: bool,
    next_offset: String,
}

pub(super) fn run(how: &JobHow, to: &mut dyn Write) -> anyhow::Result<Box<dyn Answer>> {
    let api = &ServerApi::new(how.server.as_deref())?;
    Ok(match &how.command {
        Job::List => Box::new(all::<ServedJob>(api, "/jobs", usize::MAX)?),
        Job::Runs { job, state, limit } => {
            let state = state.as_ref().map_or_else(String::new, |state| format!("state={state}&"));
            Box::new(all::<ServedRun>(api, &format!("{}/runs?{state}", at_job(job)), *limit)?)
        }
        Job::Schedule(how) => Box::new(schedules::set_or_show(api, how)?),
        Job::Unschedule { job } => {
            api.delete(&format!("{}/schedule", at_job(job)))?;
            Box::new(Done::of(format!("removed the schedule of {job}")))
        }
        Job::Queue { job, priority } => {
            let body = json!({"queued": true, "priority": priority});
            Box::new(api.post::<ServedRun>(&format!("{}/runs", at_job(job)), &body)?)
        }
        Job::Cancel { job, run } => Box::new(api.post::<ServedRun>(&format!("{}/cancel", at(job, run)), &json!({}))?),
        Job::Pause { job } => turned(api, job, "pause")?,
        Job::Resume { job } => turned(api, job, "resume")?,
        Job::Log { job, run, follow, offset } => {
            let mut log = api.stream(&format!("{}/log?offset={offset}&follow={follow}", at(job, run)))?;
            copy(&mut log, to).with_context(|| format!("the log of {run} broke off"))?;
            Box::new(())
        }
    })
}

fn turned(api: &ServerApi, job: &str, what: &str) -> anyhow::Result<Box<dyn Answer>> {
    api.post::<Value>(&format!("{}/schedule/{what}", at_job(job)), &json!({}))?;
    let done = if what == "pause" { "paused the schedule of" } else { "went on with the schedule of" };
    Ok(Box::new(Done::of(format!("{done} {job}"))))
}

/// All of a list, to so many.
fn all<T: serde::de::DeserializeOwned>(api: &ServerApi, path: &str, most: usize) -> anyhow::Result<Vec<T>> {
    let (mut all, mut after) = (Vec::new(), String::new());
    let begins = if path.contains('?') { "" } else { "?" };
    loop {
        let amount = PAGE.min(most - all.len()).max(1);
        let encoded = percent_encoding::utf8_percent_encode(&after, percent_encoding::NON_ALPHANUMERIC);
        let page: ServedPage<T> = api.get(&format!("{path}{begins}amount={amount}&after={encoded}"))?;
        all.extend(page.results);
        if !page.pagination.has_more || all.len() >= most {
            return Ok(all);
        }
        after = page.pagination.next_offset;
    }
}

/// Bytes as they come, each seen at once.
fn copy(from: &mut impl io::Read, to: &mut dyn Write) -> io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(()),
            length => to.write_all(&piece[..length]).and_then(|()| to.flush())?,
        }
    }
}

impl Answer for Vec<ServedJob> {
    fn text(&self, page: &Page) -> String {
        page.lines(self.iter().map(|job| format!("{}  {}\n", escape(&job.job_name), escape(&job.account))))
    }
}

impl ServedRun {
    fn line(&self) -> String {
        let Self { run_id, state, started_at, queue, .. } = self;
        let mut more = String::new();
        if let Some(ServedQueue { attempt, worker, is_cancelled, .. }) = queue {
            if *attempt > 1 {
                more.push_str(&format!("  attempt {attempt}"));
            }
            if let Some(worker) = worker {
                more.push_str(&format!("  on {}", escape(worker)));
            }
            if *is_cancelled && state == "running" {
                more.push_str("  to be cancelled");
            }
        }
        format!("{run_id}  {state:9}  {started_at}{more}\n")
    }
}

impl Answer for ServedRun {
    fn text(&self, _: &Page) -> String {
        self.line()
    }
}

impl Answer for Vec<ServedRun> {
    fn text(&self, page: &Page) -> String {
        page.lines(self.iter().map(ServedRun::line))
    }
}
