//! The schedule of a job of a server.

use anyhow::bail;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::call::params;
use crate::answer::{Answer, Page};
use crate::args::ScheduleHow;
use crate::failure::refused;
use crate::text::escape;
use crate::worker::{ServerApi, at_job};

/// The schedule of a job.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ServedSchedule {
    job_name: String,
    /// Who set it.
    account: String,
    set_at: String,
    paused_at: Option<String>,
    /// The next time, where it is due at times.
    due_at: Option<String>,
    /// What makes it due; nothing where somebody queues its runs.
    when: Option<ServedTimes>,
    run: ServedWork,
}

/// What makes a job due.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ServedTimes {
    cron: Option<String>,
    time_zone: Option<String>,
    every_seconds: Option<f64>,
    #[serde(default)]
    sources_ready: bool,
}

/// What a worker runs.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ServedWork {
    #[serde(default)]
    command: Vec<String>,
    creator: Option<ServedCreator>,
    #[serde(default)]
    environment: Vec<String>,
    directory: Option<String>,
}

/// A creator that a program offers.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ServedCreator {
    program: Vec<String>,
    name: String,
    #[serde(default)]
    params: Map<String, Value>,
}

/// Sets the schedule of a job, or shows it.
pub(super) fn set_or_show(api: &ServerApi, how: &ScheduleHow) -> anyhow::Result<ServedSchedule> {
    let path = format!("{}/schedule", at_job(&how.job));
    if !how.program.is_empty() {
        return api.put(&path, &spec(how)?);
    }
    if says_something(how) {
        let error = refused("no program is named that a worker is to run");
        bail!(error.with_hint("write it behind `--`; without anything else the schedule is shown"));
    }
    api.get(&path)
}

fn says_something(how: &ScheduleHow) -> bool {
    let ScheduleHow { cron, every, creator, environment, directory, priority, timeout, attempts, backoff, .. } = how;
    let said = [cron.is_some(), every.is_some(), creator.is_some(), !environment.is_empty(), directory.is_some()];
    let numbers = [priority.is_some(), timeout.is_some(), attempts.is_some(), backoff.is_some()];
    said.into_iter().chain(numbers).any(|said| said) || how.sources_ready || how.skip_missed || how.may_overlap
}

fn spec(how: &ScheduleHow) -> anyhow::Result<Value> {
    let mut run = match &how.creator {
        Some(name) => {
            json!({"creator": {"program": how.program, "name": name, "params": params(&how.params)?}})
        }
        None => json!({"command": how.program}),
    };
    run["environment"] = json!(how.environment);
    let mut spec = json!({"run": run, "may_overlap": how.may_overlap});
    if let Some(directory) = &how.directory {
        spec["run"]["directory"] = json!(directory);
    }
    if let Some(cron) = &how.cron {
        spec["when"] = json!({"cron": cron});
        if let Some(zone) = &how.time_zone {
            spec["when"]["time_zone"] = json!(zone);
        }
    }
    if let Some(every) = how.every {
        spec["when"] = json!({"every_seconds": every.as_secs_f64()});
    }
    if how.sources_ready {
        spec["when"] = json!({"sources_ready": true});
    }
    if how.skip_missed {
        spec["missed"] = json!("skip");
    }
    let numbers = [
        ("priority", how.priority.map(|n| json!(n))),
        ("timeout_seconds", how.timeout.map(|time| json!(time.as_secs_f64()))),
        ("max_attempts", how.attempts.map(|n| json!(n))),
        ("backoff_seconds", how.backoff.map(|time| json!(time.as_secs_f64()))),
    ];
    for (name, value) in numbers {
        if let Some(value) = value {
            spec[name] = value;
        }
    }
    Ok(spec)
}

impl Answer for ServedSchedule {
    fn text(&self, _: &Page) -> String {
        let when = match &self.when {
            None => "whenever somebody queues a run".to_owned(),
            Some(ServedTimes { cron: Some(line), time_zone, .. }) => {
                format!("{} in {}", escape(line), escape(time_zone.as_deref().unwrap_or("UTC")))
            }
            Some(ServedTimes { every_seconds: Some(seconds), .. }) => format!("every {seconds} s"),
            Some(_) => "once its sources have something for it".to_owned(),
        };
        let next = match (&self.paused_at, &self.due_at) {
            (Some(at), _) => format!("; paused since {at}"),
            (None, Some(at)) => format!("; next {at}"),
            (None, None) => String::new(),
        };
        let words = |words: &[String]| words.iter().map(|word| escape(word).into_owned()).collect::<Vec<_>>().join(" ");
        let what = match &self.run.creator {
            None => words(&self.run.command),
            Some(ServedCreator { program, name, params }) => {
                let params: Vec<String> = params
                    .iter()
                    .map(|(name, value)| format!("{} = {}", escape(name), escape(&value.to_string())))
                    .collect();
                format!("{}({}) of {}", escape(name), params.join(", "), words(program))
            }
        };
        format!("{}: {when}{next}\n  {what}\n", escape(&self.job_name))
    }
}
