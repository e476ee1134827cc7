//! `datlake runs`: one paragraph for each; and what differs between two.

use datlake::report::{
    BodyProcess, CreatorDiff, Damage, Outcome, ProcessUsage, RunCall, RunCallDiff, RunCounts, RunDiff, RunInfo, RunRow,
    Runs, Scheduled,
};
use owo_colors::OwoColorize as _;
use serde::{Serialize, Serializer};

use crate::answer::{Answer, Page, rows};
use crate::text::{bytes, count, dimmed, duration, escape, fill, paragraph, parameter, time};

/// How a run differs from a file, where either can be asked for.
const PREFIX: &str = "run:";

/// The run that is meant, with `run:` before it or without.
pub(super) fn id(text: &str) -> &str {
    text.strip_prefix(PREFIX).unwrap_or(text)
}

/// Whether an address is that of a run.
pub(super) fn is_run(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Digits of a run that are shown: its time, and enough to tell it from another of the same millisecond.
const SHORT: usize = 16;

#[derive(Debug)]
pub(super) struct List(pub(super) Runs);

impl Serialize for List {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        rows(&self.0.runs, &self.0.damaged, to)
    }
}

impl Answer for List {
    fn text(&self, page: &Page) -> String {
        self.0.runs.iter().map(|run| row(run, page.columns)).collect()
    }

    fn damaged(&self) -> &[Damage] {
        &self.0.damaged
    }
}

impl Answer for RunInfo {
    fn text(&self, page: &Page) -> String {
        let mut text = row(&self.row, page.columns);
        for call in &self.calls {
            let key = call.key.map(|key| format!("/{}", key.short())).unwrap_or_default();
            let times = if call.times > 1 { format!(" ×{}", call.times) } else { String::new() };
            let line = format!("{}{key}{times}{}", call.creator, how_long(call));
            let lines = fill(&escape(&line), page.columns.saturating_sub(14));
            for (at, line) in lines.iter().enumerate() {
                let what = if at == 0 { outcome(call.outcome) } else { "" };
                text.push_str(&format!("  {what:<10}  {line}\n"));
            }
            let Some(failure) = &call.failure else { continue };
            let params: Vec<_> = failure.params.iter().map(parameter).collect();
            let error = failure.error.lines().map(|line| format!("! {line}"));
            for paragraph in std::iter::once(params.join(", ")).chain(error).filter(|text| !text.is_empty()) {
                for line in fill(&escape(&paragraph), page.columns.saturating_sub(14)) {
                    text.push_str(&format!("  {:<10}  {line}\n", ""));
                }
            }
        }
        text
    }
}

impl Answer for RunDiff {
    fn text(&self, page: &Page) -> String {
        let mut text = format!("{}{}", row(&self.was, page.columns), row(&self.now, page.columns));
        let say = |indent: usize, line: &str| paragraph(line, indent, page.columns);
        for CreatorDiff { creator, was, now, .. } in &self.creators {
            let calls: Vec<_> = self.calls.iter().filter(|call| call.creator == *creator).collect();
            if counted(was) != counted(now) || !calls.is_empty() {
                text.push_str(&say(0, &format!("{creator}: {} → {}", in_words(was), in_words(now))));
            }
            let line = |call: &&RunCallDiff| {
                say(2, &format!("{}: {} → {}", call.key.short(), became(call.was), became(call.now)))
            };
            // What ran in the one and is skipped in the other is as it should be: how many there are says enough.
            let has_a_line = |call: &&&RunCallDiff| !matches!(call.now, Some(Outcome::Hit | Outcome::Kept));
            text.push_str(&page.lines(calls.iter().filter(has_a_line).map(line)));
        }
        text.push_str(&say(0, &format!("{} alike in both.", count(self.alike, "call"))));
        if self.calls.iter().any(|call| matches!(call.now, Some(Outcome::Executed | Outcome::Reproduced))) {
            text.push_str(&say(0, "`datlake explain CREATOR/KEY` says why a call ran."));
        }
        text
    }
}

/// How many calls ran, and so on.
fn counted(counts: &RunCounts) -> [u64; 4] {
    [counts.ran, counts.skipped, counts.failed, counts.unfinished]
}

fn in_words(counts: &RunCounts) -> String {
    let all = counted(counts).into_iter().zip(["ran", "skipped", "failed", "unfinished"]);
    let said: Vec<String> =
        all.filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    match said.is_empty() {
        true => "no call".to_owned(),
        false if counts.spent_ms == 0 => said.join(", "),
        false => format!("{} in {}", said.join(", "), duration(counts.spent_ms)),
    }
}

fn became(end: Option<Outcome>) -> &'static str {
    end.map_or("not made", outcome)
}

fn row(run: &RunRow, columns: usize) -> String {
    let short = run.run.get(..SHORT).unwrap_or(&run.run);
    let mut text = format!("{}  {}\n", escape(short).bold(), escape(&run.program).bold());
    let mut paragraph = |line: &str| text.push_str(&dimmed(line, columns));
    let end = match &run.ended_at {
        Some(end) => format!("to {}", time(end)),
        None => "and goes on, or was killed".to_owned(),
    };
    paragraph(&format!("{} {end}", time(&run.started_at)));
    paragraph(&format!("by {} on {}", run.originator, run.host));
    if run.shared.is_some() {
        let RunRow { shared, place, given, used, .. } = run.clone();
        paragraph(&process(&BodyProcess { shared, place, given, used }));
    }
    paragraph(&counts(run));
    text
}

/// Which of its run a process was, where, and with what.
pub(super) fn process(process: &BodyProcess) -> String {
    let BodyProcess { shared, place: at, given, used: what } = process;
    let which = shared.as_ref().map_or_else(String::new, |shared| {
        let which = match (shared.rank, shared.of) {
            (Some(rank), Some(of)) => format!("process {rank} of {of}"),
            (Some(rank), None) => format!("process {rank}"),
            (None, _) => "one".to_owned(),
        };
        format!("{which} of {}", shared.id)
    });
    let at = at.as_ref().map(place).unwrap_or_default();
    let given = given.filter(|given| !given.is_unknown()).map(|given| format!(", with {given}")).unwrap_or_default();
    format!("{which}{at}{given}{}", what.map(used).unwrap_or_default())
}

fn place(place: &Scheduled) -> String {
    let mut text = format!(", on {}", place.by);
    for (what, value) in [("cluster", &place.cluster), ("node", &place.node), ("job", &place.job)] {
        if let Some(value) = value {
            text.push_str(&format!(", {what} {value}"));
        }
    }
    text
}

fn used(used: ProcessUsage) -> String {
    let cpu = used.cpu_ms.map(|ms| format!("{} on CPUs", duration(ms)));
    let memory = used.peak_memory.map(|size| format!("at most {} of memory", bytes(size)));
    let parts: Vec<String> = cpu.into_iter().chain(memory).collect();
    if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) }
}

fn counts(run: &RunRow) -> String {
    let mut text = format!("{} ran, {} skipped", run.ran, run.skipped);
    for (count, what) in [(run.failed, "failed"), (run.unfinished, "unfinished")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    if run.ran + run.failed > 0 {
        text.push_str(&format!("; bodies took {}", duration(run.spent_ms)));
    }
    if run.skipped > 0 {
        text.push_str(&format!("; skipping saved {}", duration(run.saved_ms)));
    }
    if run.unreadable > 0 {
        text.push_str(&format!("; {} lines cannot be read", run.unreadable));
    }
    text
}

fn how_long(call: &RunCall) -> String {
    let Some(ms) = call.duration_ms else { return String::new() };
    match call.outcome {
        Outcome::Hit | Outcome::Kept => format!(", saved {}", duration(ms.saturating_mul(call.times))),
        _ => format!(", took {}", duration(ms)),
    }
}

/// What became of a call, in a word.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Executed => "ran",
        Outcome::Hit => "skipped",
        Outcome::Adopted => "adopted",
        Outcome::Reproduced => "reproduced",
        Outcome::Failed => "failed",
        Outcome::Kept => "kept",
        Outcome::Unfinished => "unfinished",
    }
}
