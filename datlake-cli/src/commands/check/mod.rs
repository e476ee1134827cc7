//! `datlake check`: whether calls come out as they did.

mod asking;

use std::collections::{BTreeMap, HashSet};

use datlake::checking::CheckRequest;
use datlake::report::{Check, CheckDifference, CheckOutcome, CheckedCall, FirstDifference, human_duration};
use datlake::{Lake, RecordedCall};
use owo_colors::OwoColorize as _;

use self::asking::{Answered, CallName, ask};
use crate::answer::{Answer, Page};
use crate::args::CheckHow;
use crate::screen::Screen;
use crate::text::{escape, paragraph, time};

/// Has the program make the calls again.
pub(super) fn run(lake: &Lake, how: &CheckHow, screen: &Screen) -> anyhow::Result<Check> {
    let which: Vec<&str> = how.which.iter().map(String::as_str).collect();
    let calls = RecordedCall::named(lake, &which)?;
    let mut request = CheckRequest { calls: calls.clone(), changed: how.changed, at_once: how.jobs.into() };
    let (mut check, mut found) = (Check::default(), Vec::new());
    while !request.calls.is_empty() {
        let (answered, status) = ask(&request, how, screen)?;
        let program = how.program[0].to_string_lossy();
        let program = escape(&program);
        let Some(Answered { checked, unchanged, begun, is_whole }) = answered else {
            anyhow::bail!(
                "`{program}` ended ({status}) and made no call again: begin its `main` with `datlake::start()?;`"
            );
        };
        check.unchanged += unchanged.len() as u64;
        let named = |call: &CheckedCall| (call.creator.clone(), call.key);
        let mut done: HashSet<CallName> = checked.iter().map(named).chain(unchanged).collect();
        found.extend(checked);
        if is_whole {
            break;
        }
        if begun.is_empty() {
            anyhow::bail!("`{program}` ended ({status}) between two calls: what it said above tells why");
        }
        if request.at_once == 1 {
            for (creator, key) in begun {
                let Some(recorded) = RecordedCall::find(lake, &creator, &key)? else { continue };
                let why = Some(format!("it ended the program ({status})"));
                found.push(CheckedCall::new(&recorded.lineage, CheckOutcome::Failed, why, Vec::new(), None, None));
                done.insert((creator, key));
            }
        }
        // One of several ended it: which, shows when they are made one by one.
        request.at_once = 1;
        request.calls.retain(|call| !done.contains(call));
    }
    let order: BTreeMap<CallName, usize> = calls.into_iter().enumerate().map(|(at, call)| (call, at)).collect();
    found.sort_by_key(|call| order.get(&(call.creator.clone(), call.key)).copied());
    check.calls = found;
    Ok(check)
}

impl Answer for Check {
    fn text(&self, page: &Page) -> String {
        let of = |outcome| self.calls.iter().filter(move |call| call.outcome == outcome);
        let count = |outcome| of(outcome).count();
        let (same, different) = (count(CheckOutcome::Same), count(CheckOutcome::Different));
        let (failed, not_made) = (count(CheckOutcome::Failed), count(CheckOutcome::NotMade));
        let made = same + different + failed;
        let mut text = format!("{} made again: {same} the same", calls(made));
        let said = |count: usize, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
        text.push_str(&said(different, "different"));
        text.push_str(&said(failed, "failed"));
        text.push('\n');
        let elsewhere = self
            .calls
            .iter()
            .filter(|call| call.outcome != CheckOutcome::NotMade && call.environment_changed == Some(true));
        match elsewhere.count() {
            0 => {}
            one => text.push_str(&format!("{one} of them in another environment than they were recorded in\n")),
        }
        if self.unchanged > 0 {
            let left_out = calls(usize::try_from(self.unchanged).unwrap_or(usize::MAX));
            text.push_str(&format!("{left_out} left out: made in the environment that the program has\n"));
        }
        let told = of(CheckOutcome::Different).chain(of(CheckOutcome::Failed)).map(|call| shown(call, page));
        text.push_str(&page.lines(told));
        if not_made > 0 {
            text.push_str(&format!("{} not made again\n", calls(not_made)));
        }
        let mut why = BTreeMap::<(&str, &str), usize>::new();
        for call in of(CheckOutcome::NotMade) {
            *why.entry((call.creator.as_str(), call.why.as_deref().unwrap_or_default())).or_default() += 1;
        }
        let whys = why.into_iter().map(|((creator, why), count)| {
            paragraph(&format!("{} of {}: {}", calls(count), escape(creator), escape(why)), 2, page.columns)
        });
        text.push_str(&page.lines(whys));
        text
    }

    fn status(&self) -> u8 {
        u8::from(self.calls.iter().any(|call| matches!(call.outcome, CheckOutcome::Different | CheckOutcome::Failed)))
    }
}

fn calls(count: usize) -> String {
    format!("{count} call{}", if count == 1 { "" } else { "s" })
}

/// A call that came out otherwise, or failed.
fn shown(call: &CheckedCall, page: &Page) -> String {
    let name = format!("{}/{}", escape(call.creator.as_str()), call.key.short());
    let took = |ms| human_duration(std::time::Duration::from_millis(ms));
    let now = call.now_ms.map(|now| format!(", now {}", took(now))).unwrap_or_default();
    let recorded = format!(
        "recorded {} by {}, took {}{now}",
        time(&call.started_at),
        escape(&call.originator),
        took(call.duration_ms)
    );
    let mut text = format!("{}\n{}", name.bold(), paragraph(&recorded, 2, page.columns));
    if let Some(why) = &call.why {
        text.push_str(&paragraph(&format!("failed: {}", escape(why)), 2, page.columns));
    }
    for difference in &call.differences {
        text.push_str(&paragraph(&what_differs(difference), 2, page.columns));
        let Some(FirstDifference { was, now, .. }) = &difference.first else { continue };
        for (label, line) in [("was", was), ("now", now)] {
            text.extend(line.as_ref().map(|line| format!("    {label}  {}\n", escape(line))));
        }
    }
    text
}

fn what_differs(difference: &CheckDifference) -> String {
    let CheckDifference { uid, name, was, now, first, .. } = difference;
    let what = match (uid, name) {
        (Some(uid), Some(name)) => format!("{} ({})", escape(name), escape(uid)),
        _ => "the value".to_owned(),
    };
    let (was, now) = match (was, now) {
        (Some(was), Some(now)) => (was, now),
        (Some(_), None) => return format!("{what} was returned, and is not now"),
        _ => return format!("{what} is returned now, and was not"),
    };
    let Some(FirstDifference { path, byte, line, .. }) = first else {
        return format!(
            "{what}: digest was {}, is {}; what was recorded cannot be compared with",
            was.short(),
            now.short()
        );
    };
    let within = path.as_ref().filter(|path| !path.is_empty()).map(|path| format!(" at {}", escape(path)));
    let byte = byte.map(|byte| format!(" after {byte} bytes"));
    let line = line.map(|line| format!(", in line {line}"));
    let place = [within, byte, line].into_iter().flatten().collect::<String>();
    format!("{what} differs{place}: digest was {}, is {}", was.short(), now.short())
}
