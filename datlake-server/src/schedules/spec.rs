//! What a schedule says, and what of it is refused.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::rule::TimeRule;
use crate::http::StrictJson;
use crate::problem::{Problem, Reply};

/// The most arguments of a command, and names of variables.
const MOST: usize = 1000;
/// The most bytes of all arguments of a command.
const LONGEST: usize = 64 << 10;
/// The longest and the shortest that something may take, in seconds: a week; a second.
const SECONDS: RangeInclusive<f64> = 1.0..=604_800.0;
const INTERVALS: RangeInclusive<f64> = 1.0..=31_622_400.0;
const MICROS: f64 = 1_000_000.0;

/// When a job runs, and what a worker runs then.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleSpec {
    /// When it is due. Without it, it runs where somebody queues a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<ScheduleTimes>,
    /// What a worker runs.
    pub(crate) run: ScheduledCommand,
    /// Of runs that wait, those with more come first: from -100 to 100, 0 unless somebody says.
    #[serde(default)]
    pub(crate) priority: i64,
    /// A run that takes longer is ended, and has failed: up to a week, a day unless somebody says.
    #[serde(default = "a_day")]
    pub(crate) timeout_seconds: f64,
    /// So many runs are tried for what was due once, until one succeeds: up to 100, 1 unless somebody says.
    #[serde(default = "once")]
    pub(crate) max_attempts: i64,
    /// So long is waited before the second attempt, and twice as long before each that follows, to an hour: 10 unless somebody says.
    #[serde(default = "ten")]
    pub(crate) backoff_seconds: f64,
    /// What becomes of times that passed while no server was there.
    #[serde(default)]
    pub(crate) missed: MissedTimes,
    /// Whether a run may begin while another of the job goes on. Without it, what is due then waits for its end, once.
    #[serde(default)]
    pub(crate) may_overlap: bool,
}

/// When a job is due: by a line of cron, at an interval, or once its sources are ready.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleTimes {
    /// Five fields, as `30 2 * * 1-5`: minute, hour, day, month, weekday.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cron: Option<String>,
    /// Of the line of cron: one of IANA's, as `Europe/Berlin`; `UTC` unless somebody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_zone: Option<String>,
    /// Each time that so many seconds have passed since it was set: from 1 to 31622400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) every_seconds: Option<f64>,
    /// Once a run of its dataflow would claim something: the job is that of a dataflow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) sources_ready: bool,
}

/// What a worker runs: a command, or a creator of a program.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduledCommand {
    /// A program and its arguments, as the system starts it: no shell is between.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) command: Vec<String>,
    /// A creator that a program offers, in place of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) creator: Option<ScheduledCreator>,
    /// The names of variables of the worker that the program gets: no values are kept here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) environment: Vec<String>,
    /// Where it runs; a folder of its own unless somebody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<String>,
}

/// A creator, as a program offers it whose `main` begins with `datlake::start()`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduledCreator {
    /// The program and its arguments, as of a command.
    pub(crate) program: Vec<String>,
    /// The name of the creator, or the end of it, as `word_count`.
    pub(crate) name: String,
    /// Its arguments, by the names of its parameters. Files are texts: a UID, or `REPO@REF:PATH`. A secret is `{"$env": "NAME"}`, a
    /// variable that `environment` names. 64 KiB at most.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "strict")]
    pub(crate) params: Map<String, Value>,
}

/// What becomes of times that passed while no server was there, or the clock jumped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MissedTimes {
    /// One run, for the last of them.
    #[default]
    RunOnce,
    /// None: the next time is the first.
    Skip,
}

/// What makes a job due.
#[derive(Clone, Debug)]
pub(super) enum DueRule {
    Times(TimeRule),
    Sources,
    Asked,
}

fn a_day() -> f64 {
    86_400.0
}

fn once() -> i64 {
    1
}

fn ten() -> f64 {
    10.0
}

impl ScheduleSpec {
    /// What makes a job due whose schedule was set at `set_at`.
    ///
    /// # Errors
    /// 400 for what is none.
    pub(super) fn rule(&self, set_at: i64) -> Reply<DueRule> {
        let Some(when) = &self.when else { return Ok(DueRule::Asked) };
        let wrong = |message: &str| Problem::bad_request(message).of_field("when");
        match (&when.cron, when.every_seconds, when.sources_ready) {
            (Some(line), None, false) => {
                let zone = when.time_zone.as_deref().unwrap_or("UTC");
                Ok(DueRule::Times(TimeRule::cron(line, zone, set_at)?))
            }
            _ if when.time_zone.is_some() => {
                Err(Problem::bad_request("`time_zone` is that of a line of `cron`").of_field("when.time_zone"))
            }
            (None, Some(seconds), false) => {
                within("when.every_seconds", seconds, &INTERVALS)?;
                let every = micros(seconds);
                Ok(DueRule::Times(TimeRule::Every { first: set_at.saturating_add(every), every }))
            }
            (None, None, true) => Ok(DueRule::Sources),
            (None, None, false) => Err(wrong("`when` has one of `cron`, `every_seconds` and `sources_ready`")),
            _ => Err(wrong("`when` has one of `cron`, `every_seconds` and `sources_ready`, not several")),
        }
    }

    /// Refuses what no worker could do.
    ///
    /// # Errors
    /// 400, of that field.
    pub(super) fn check(&self) -> Reply<()> {
        let ScheduledCommand { command, creator, environment, directory } = &self.run;
        let wrong = |field: &str, message: String| Problem::bad_request(message).of_field(field);
        match creator {
            None => check_command("run.command", command)?,
            Some(creator) if command.is_empty() => creator.check()?,
            Some(_) => return Err(wrong("run", "`run` has a `command` or a `creator`, not both".to_owned())),
        }
        if environment.len() > MOST {
            return Err(wrong("run.environment", format!("`run.environment` has more than {MOST} names")));
        }
        if let Some(at) = environment.iter().position(|name| !is_variable(name)) {
            let message = "`run.environment` has names of variables alone: their values are those of the worker";
            return Err(wrong(&format!("run.environment[{at}]"), message.to_owned()));
        }
        let is_absolute = |path: &String| path.starts_with('/') && path.len() <= 4000 && !path.contains('\0');
        if !directory.as_ref().is_none_or(is_absolute) {
            return Err(wrong("run.directory", "`run.directory` is a path that begins with `/`".to_owned()));
        }
        if !(-100..=100).contains(&self.priority) {
            return Err(wrong("priority", "`priority` is from -100 to 100".to_owned()));
        }
        if !(1..=100).contains(&self.max_attempts) {
            return Err(wrong("max_attempts", "`max_attempts` is from 1 to 100".to_owned()));
        }
        within("timeout_seconds", self.timeout_seconds, &SECONDS)?;
        within("backoff_seconds", self.backoff_seconds, &(0.0..=3600.0))
    }

    /// How long is waited before the second attempt, in microseconds.
    pub(super) fn backoff(&self) -> i64 {
        micros(self.backoff_seconds)
    }
}

impl ScheduledCreator {
    fn check(&self) -> Reply<()> {
        let Self { program, name, params } = self;
        check_command("run.creator.program", program)?;
        if !(1..=1000).contains(&name.len()) || name.chars().any(char::is_control) {
            let message = "`run.creator.name` is the name of a creator, or the end of one, as `word_count`";
            return Err(Problem::bad_request(message).of_field("run.creator.name"));
        }
        let field = "run.creator.params";
        if let Some(name) = params.keys().find(|name| name.is_empty() || name.chars().any(char::is_control)) {
            let message = format!("`{}` is no name of a parameter", name.escape_debug());
            return Err(Problem::bad_request(message).of_field(field));
        }
        if serde_json::to_vec(params).map_or(usize::MAX, |json| json.len()) > LONGEST {
            return Err(Problem::bad_request(format!("`{field}` has more than {LONGEST} bytes")).of_field(field));
        }
        Ok(())
    }
}

fn check_command(field: &str, command: &[String]) -> Reply<()> {
    let wrong = |field: &str, message: String| Problem::bad_request(message).of_field(field);
    if command.first().is_none_or(String::is_empty) {
        return Err(wrong(field, format!("`{field}` names no program")));
    }
    if command.len() > MOST || command.iter().map(String::len).sum::<usize>() > LONGEST {
        return Err(wrong(field, format!("`{field}` has more than {MOST} arguments, or {LONGEST} bytes")));
    }
    if let Some(at) = command.iter().position(|argument| argument.contains('\0')) {
        return Err(wrong(&format!("{field}[{at}]"), "an argument has a null byte".to_owned()));
    }
    Ok(())
}

/// JSON objects in which nothing is said twice.
fn strict<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    match StrictJson::deserialize(deserializer)?.0 {
        Value::Object(params) => Ok(params),
        _ => Err(D::Error::custom("`params` is a JSON object")),
    }
}

fn micros(seconds: f64) -> i64 {
    // It is checked: far below what the type holds.
    (seconds * MICROS) as i64
}

fn within(field: &str, seconds: f64, range: &RangeInclusive<f64>) -> Reply<()> {
    if range.contains(&seconds) {
        return Ok(());
    }
    let message = format!("`{field}` is {seconds}: it is from {} to {}", range.start(), range.end());
    Err(Problem::bad_request(message).of_field(field))
}

fn is_variable(name: &str) -> bool {
    (1..=200).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}
