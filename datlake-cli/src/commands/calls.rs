//! `datlake calls`: one paragraph or row for each.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use datlake::Lake;
use datlake::report::{CallEvent, CallRow, Outcome, OutputRow, Row};
use owo_colors::OwoColorize as _;
use serde::{Serialize, Serializer};

use super::runs::outcome;
use super::table;
use crate::answer::{Answer, Page, cannot_be_shown};
use crate::args::Shown;
use crate::failure::FAILED;
use crate::streamed::Streamed;
use crate::text::{bytes, dimmed, duration, escape, parameter, short, time};
use crate::value;

#[derive(Debug)]
pub(super) struct Calls {
    calls: Streamed<CallRow>,
    shown: Shown,
}

/// Those of the calls, the latest first, that were asked for.
pub(super) fn run(
    lake: &Lake,
    creator: Option<&str>,
    (failed, since, limit): (bool, Option<Duration>, Option<usize>),
    shown: Shown,
) -> anyhow::Result<Calls> {
    let begin = since.and_then(|age| SystemTime::now().checked_sub(age));
    let begin = begin.map(|begin| humantime::format_rfc3339_millis(begin.max(SystemTime::UNIX_EPOCH)).to_string());
    let is_asked = move |call: &CallRow| {
        let events = call.history.iter().map(|event| &event.at);
        // A call that is in the lake has succeeded since, or before.
        (!failed || !call.remembered && call.history.iter().any(|event| event.outcome == Outcome::Failed))
            && begin.as_ref().is_none_or(|begin| events.chain(&call.started_at).any(|at| at >= begin))
    };
    let rows = lake.history_rows(creator)?.filter(move |row| match row {
        Ok(Row::Whole(call)) => is_asked(call),
        _ => true,
    });
    let mut left = limit.unwrap_or(usize::MAX);
    let rows = rows.map_while(move |row| {
        if let Ok(Row::Whole(_)) = row {
            left = left.checked_sub(1)?;
        }
        Some(row)
    });
    Ok(Calls { calls: Streamed::new(rows), shown })
}

impl Serialize for Calls {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.calls.list(to, Some)
    }
}

impl Answer for Calls {
    fn text(&self, page: &Page) -> String {
        // Columns depend on all calls.
        shown(&self.calls.rest().collect::<Vec<_>>(), self.shown, page.columns)
    }

    fn write_text(&self, page: &Page, to: &mut dyn Write) -> io::Result<()> {
        match self.shown {
            Shown { table: false, csv: false, .. } => {
                self.calls.rest().try_for_each(|call| to.write_all(paragraph(&call, page.columns).as_bytes()))
            }
            _ => to.write_all(self.text(page).as_bytes()),
        }
    }

    fn failure(&self) -> Option<anyhow::Error> {
        self.calls.failure()
    }

    fn warnings(&self) -> Vec<String> {
        cannot_be_shown(&self.calls.damaged())
    }

    fn status(&self) -> u8 {
        if self.calls.damaged().is_empty() { 0 } else { FAILED }
    }
}

/// As a paragraph, or as a row, for each.
pub(super) fn shown(calls: &[CallRow], how: Shown, columns: usize) -> String {
    match how {
        Shown { table: true, .. } => table::text(calls),
        Shown { csv: true, .. } => table::csv(calls),
        Shown { .. } => calls.iter().map(|call| paragraph(call, columns)).collect(),
    }
}

fn paragraph(call: &CallRow, columns: usize) -> String {
    let mut text = String::new();
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
