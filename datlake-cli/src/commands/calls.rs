//! `datlake calls`: one paragraph or row for each.

use std::time::{Duration, SystemTime};

use datlake::report::{CallEvent, CallRow, Damage, History, Outcome, OutputRow};
use owo_colors::OwoColorize as _;
use serde::{Serialize, Serializer};

use super::runs::outcome;
use super::table;
use crate::answer::{Answer, Page, rows};
use crate::args::Shown;
use crate::text::{bytes, dimmed, duration, escape, parameter, short, time};
use crate::value;

#[derive(Debug)]
pub(super) struct Calls(pub(super) History, pub(super) Shown);

impl Serialize for Calls {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        rows(&self.0.calls, &self.0.damaged, to)
    }
}

impl Answer for Calls {
    fn text(&self, page: &Page) -> String {
        shown(&self.0.calls, self.1, page.columns)
    }

    fn damaged(&self) -> &[Damage] {
        &self.0.damaged
    }
}

/// Leaves those of `calls`, the latest first, that were asked for.
pub(super) fn narrow(calls: &mut Vec<CallRow>, failed: bool, since: Option<Duration>, limit: Option<usize>) {
    if failed {
        // A call that is in the lake has succeeded since, or before.
        calls.retain(|call| !call.remembered && call.history.iter().any(|event| event.outcome == Outcome::Failed));
    }
    if let Some(begin) = since.and_then(|age| SystemTime::now().checked_sub(age)) {
        let begin = humantime::format_rfc3339_millis(begin.max(SystemTime::UNIX_EPOCH)).to_string();
        calls.retain(|call| {
            let events = call.history.iter().map(|event| &event.at);
            events.chain(&call.started_at).any(|at| *at >= begin)
        });
    }
    calls.truncate(limit.unwrap_or(usize::MAX));
}

/// As a paragraph, or as a row, for each.
pub(super) fn shown(calls: &[CallRow], how: Shown, columns: usize) -> String {
    match how {
        Shown { table: true, .. } => table::text(calls),
        Shown { csv: true, .. } => table::csv(calls),
        Shown { .. } => paragraphs(calls, columns),
    }
}

fn paragraphs(calls: &[CallRow], columns: usize) -> String {
    let mut text = String::new();
    for call in calls {
        text.push_str(&format!("{}/{}\n", escape(call.creator.as_str()).bold(), call.key.short().bold()));
        let mut paragraph = |line: &str| text.push_str(&dimmed(line, columns));
        match (&call.started_at, &call.originator, call.duration_ms) {
            (Some(at), Some(by), Some(ms)) => paragraph(&format!("{} by {by}, took {}", time(at), duration(ms))),
            _ => paragraph("not in the lake"),
        }
        let params: Vec<_> = call.params.iter().map(parameter).collect();
        if !params.is_empty() {
            paragraph(&params.join(", "));
        }
        for output in &call.outputs {
            paragraph(&format!("→ {}", shown_output(output)));
        }
        if let Some(value) = call.value.as_ref().filter(|_| call.outputs.is_empty()) {
            paragraph(&format!("→ {}", value::line(value)));
        }
        for line in since(&call.history) {
            paragraph(&line);
        }
        let failure = call.history.first().and_then(|event| event.failure.as_ref());
        for line in failure.into_iter().flat_map(|failure| failure.error.lines()) {
            paragraph(&format!("! {line}"));
        }
    }
    text
}

/// What became of a call on this machine: how often, and who last saw it.
fn since(history: &[CallEvent]) -> Vec<String> {
    let mut outcomes = Vec::new();
    for event in history {
        if !outcomes.contains(&event.outcome) {
            outcomes.push(event.outcome);
        }
    }
    let line = |which: Outcome| {
        let mut events = history.iter().filter(|event| event.outcome == which);
        let last = events.next()?;
        let times = events.fold(last.times, |times, event| times.saturating_add(event.times));
        let times = if times > 1 { format!(" ×{times}, last") } else { String::new() };
        Some(format!("{}{times} {} by {}", outcome(which), time(&last.at), last.originator))
    };
    outcomes.into_iter().filter_map(line).collect()
}

fn shown_output(output: &OutputRow) -> String {
    let name = if output.uid.is_chosen() { short(&output.uid) } else { output.name.clone() };
    let what = if output.tree { "tree".to_owned() } else { bytes(output.size) };
    format!("{name} ({what})")
}
