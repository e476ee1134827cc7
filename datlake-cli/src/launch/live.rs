//! What a terminal shows below the processes' lines while they run: one line for each, and one for each creator.

use std::collections::HashMap;
use std::time::SystemTime;

use datlake::report::{CallNow, ProcessState, SharedRunState};
use owo_colors::OwoColorize as _;

use super::State;
use crate::text::{count, cut, duration, escape};

/// Of more processes, or creators, how many have lines of their own.
const SHOWN: usize = 16;

/// The lines, at most `columns` wide.
pub(super) fn lines(states: &[State], seen: &SharedRunState, now: SystemTime, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let by_rank: HashMap<u64, &ProcessState> =
        seen.processes.iter().filter_map(|process| Some((process.rank?, process))).collect();
    let running: Vec<_> = (0..).zip(states).filter(|(_, state)| **state == State::Running).collect();
    for (rank, _) in running.iter().take(SHOWN) {
        lines.push(format!("{rank:>4}  {}", doing(by_rank.get(rank).copied(), now)));
    }
    if running.len() > SHOWN {
        lines.push(format!("      and {} more", count((running.len() - SHOWN) as u64, "process")));
    }
    let pending = states.iter().filter(|state| **state == State::Pending).count() as u64;
    if pending > 0 {
        lines.push(format!("      {} to begin", count(pending, "process")));
    }
    for creator in seen.creators.iter().take(SHOWN) {
        let mut line = format!("{}: {} done", creator.creator, creator.done);
        for (number, what) in
            [(creator.running, "running"), (creator.waiting, "waited for"), (creator.failed, "failed")]
        {
            if number > 0 {
                line.push_str(&format!(", {number} {what}"));
            }
        }
        lines.push(line);
    }
    let cut_short = |line: String| cut(&escape(&line), columns).dimmed().to_string();
    lines.into_iter().map(cut_short).collect()
}

/// What a process does, and since when.
fn doing(process: Option<&ProcessState>, now: SystemTime) -> String {
    let Some(process) = process else { return "has not asked the lake for anything".to_owned() };
    let call = |call: &CallNow| {
        let since = humantime::parse_rfc3339(&call.since).ok().and_then(|since| now.duration_since(since).ok());
        let since = since.map_or_else(String::new, |time| format!(" for {}", duration(time.as_secs() * 1000)));
        format!("{}/{}{since}", call.creator.function(), call.key.short())
    };
    let what = match (&*process.running, &*process.waiting) {
        ([one], _) => format!("runs {}", call(one)),
        ([first, ..], _) => format!("runs {}, and {} more", call(first), process.running.len() - 1),
        ([], [first, ..]) => format!("waits for {}", call(first)),
        ([], []) if process.ended_at.is_some() => "has done its calls".to_owned(),
        ([], []) => "is between calls".to_owned(),
    };
    format!("{what}; {} ran", count(process.ran, "call"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_process_has_a_line_and_each_creator() {
        let since = "2026-11-29T08:00:00Z";
        let call =
            |key: u8| json!({"creator": "shop/shop::train", "key": format!("{key:02x}").repeat(32), "since": since});
        let process = |rank: u64, running: &[u8], waiting: &[u8]| {
            let calls = |keys: &[u8]| keys.iter().map(|key| call(*key)).collect::<Vec<_>>();
            json!({"rank": rank, "run": "5a", "host": "n1", "pid": 7, "started_at": since, "ended_at": null, "ran": 3,
                "failed": 0, "running": calls(running), "waiting": calls(waiting)})
        };
        let seen = json!({"id": "x", "processes": [process(0, &[1], &[]), process(1, &[], &[1]), process(2, &[], &[])],
            "creators": [{"creator": "shop/shop::train", "done": 9, "running": 1, "waiting": 1, "failed": 0}]});
        let seen: SharedRunState = serde_json::from_value(seen).unwrap();
        let now = humantime::parse_rfc3339("2026-11-29T08:01:01Z").unwrap();
        let ended = State::Ended(super::super::End::Code(0));
        let lines = lines(&[State::Running, State::Running, ended, State::Running], &seen, now, 60);
        let plain = anstream::adapter::strip_str(&lines.join("\n")).to_string();
        insta::assert_snapshot!(plain);
    }
}
