//! `datlake outbox`: what a receiver of events has not got yet.

use datlake::report::{Damage, Outbox, OwedRow, SentEvents};
use serde::{Serialize, Serializer};

use crate::answer::{Answer, Page, cannot_be_shown, rows};
use crate::failure::FAILED;
use crate::text::{count, escape, paragraph};

#[derive(Debug)]
pub(super) struct List(pub(super) Outbox);

impl Serialize for List {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        rows(&self.0.runs, &self.0.damaged, to)
    }
}

impl Answer for List {
    fn text(&self, page: &Page) -> String {
        match self.0.runs.as_slice() {
            [] if self.0.damaged.is_empty() => "nothing waits to be sent\n".to_owned(),
            runs => runs.iter().map(|run| row(run, page.columns)).collect(),
        }
    }

    fn damaged(&self) -> &[Damage] {
        &self.0.damaged
    }
}

fn row(run: &OwedRow, columns: usize) -> String {
    let mut line = format!("{}: {} for {}", run.run, waits(run.waiting), escape(&run.to));
    let what = [
        run.goes_on.then(|| "it goes on".to_owned()),
        (run.sent > 0).then(|| format!("{} sent", count(run.sent, "event"))),
        (run.refused > 0).then(|| format!("{} refused", run.refused)),
        run.failure.as_deref().map(|why| escape(why).into_owned()),
    ];
    for what in what.into_iter().flatten() {
        line.push_str(&format!("; {what}"));
    }
    paragraph(&line, 0, columns)
}

fn waits(waiting: u64) -> String {
    match waiting {
        1 => "1 event waits".to_owned(),
        waiting => format!("{} wait", count(waiting, "event")),
    }
}

impl Answer for SentEvents {
    fn text(&self, _: &Page) -> String {
        let to = escape(&self.to);
        let mut text = match (self.events, self.runs) {
            (0, 0) => format!("nothing was sent to {to}\n"),
            (events, runs) => format!("sent {} of {} to {to}\n", count(events, "event"), count(runs, "run")),
        };
        if self.left > 0 {
            text.push_str(&format!("{} left, see `datlake outbox`\n", count(self.left, "run")));
        }
        text
    }

    fn warnings(&self) -> Vec<String> {
        let refused = (self.refused > 0).then(|| {
            format!(
                "{} refused; they are kept in refused.jsonl, in the outbox of the lake's home",
                count(self.refused, "event")
            )
        });
        let failed = self.failure.as_ref().map(|why| format!("{} takes nothing more: {why}", self.to));
        refused.into_iter().chain(failed).chain(cannot_be_shown(&self.damaged)).collect()
    }

    fn status(&self) -> u8 {
        if self.failure.is_some() || !self.damaged.is_empty() { FAILED } else { 0 }
    }
}
