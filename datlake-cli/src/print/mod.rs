//! The one place that prints: a report as text for people, or as JSON.
//!
//! Results go to standard output, everything else to standard error. Text carries its colours, and what writes it takes
//! them out where they are not wanted: in pipes, under `NO_COLOR`, with `--color never`.

mod ancestry;
mod boxes;
mod calls;
mod config;
mod descent;
mod done;
mod explain;
mod files;
mod gc;
mod health;
mod info;
mod progress;
mod runs;
mod sync;
mod text;

use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};
use datlake::config::Changed;
use datlake::report::{Damage, Removable, Removal};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::commands::{Related, Report};
use crate::failure;
pub(crate) use progress::Counter;
use text::clean;

/// The smallest download that is told of, in bytes.
const LARGE: u64 = 1 << 20;

/// Where results are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    color: ColorChoice,
    /// In columns.
    width: usize,
    /// The same, where there is a terminal or somebody said so: what is written for a program is never cut.
    limit: Option<usize>,
}

impl Screen {
    pub(crate) fn new(color: ColorChoice) -> Self {
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let limit = columns.or_else(terminal).map(|width| width.clamp(40, 400));
        Self { color, width: limit.unwrap_or(80), limit }
    }

    /// Shows the result of a command.
    pub(crate) fn report(&self, report: &Report, json: bool) -> io::Result<()> {
        let mut out = self.stdout();
        match report {
            Report::Info(info) if json => write_json(&mut out, info)?,
            Report::Info(info) => out.write_all(info::text(info, self.width).as_bytes())?,
            Report::Files { listing, .. } if json => write_json(&mut out, &listing.files)?,
            Report::Files { listing, long, .. } => out.write_all(files::text(listing, *long, self.limit).as_bytes())?,
            Report::Added(added) if json => write_json(&mut out, added)?,
            Report::Added(added) => out.write_all(done::added(added).as_bytes())?,
            Report::Got(got) if json => write_json(&mut out, got)?,
            Report::Got(got) => out.write_all(done::got(got).as_bytes())?,
            Report::Paths(paths) if json => write_json(&mut out, paths)?,
            Report::Paths(paths) => out.write_all(done::paths(paths).as_bytes())?,
            Report::Url(url) if json => write_json(&mut out, url)?,
            Report::Url(url) => writeln!(out, "{}", url.url)?,
            Report::Removed(removed) if json => write_json(&mut out, removed)?,
            Report::Removed(removed) => out.write_all(done::removed(removed).as_bytes())?,
            Report::Calls(history) if json => write_json(&mut out, &history.calls)?,
            Report::Calls(history) => out.write_all(calls::text(&history.calls, self.width).as_bytes())?,
            Report::Runs(runs) if json => write_json(&mut out, &runs.runs)?,
            Report::Runs(runs) => out.write_all(runs::list(&runs.runs, self.width).as_bytes())?,
            Report::Run(run) if json => write_json(&mut out, run)?,
            Report::Run(run) => out.write_all(runs::one(run, self.width).as_bytes())?,
            Report::Explanation(explanation) if json => write_json(&mut out, explanation)?,
            Report::Explanation(explanation) => out.write_all(explain::text(explanation, self.width).as_bytes())?,
            Report::Related(related) if json => write_json(&mut out, related)?,
            Report::Related(related) => {
                if let Some(up) = &related.up {
                    out.write_all(ancestry::text(up, self.width).as_bytes())?;
                }
                if let Some(down) = &related.down {
                    out.write_all(descent::text(down, related.up.is_some(), self.width).as_bytes())?;
                }
            }
            Report::Settings(settings) if json => write_json(&mut out, settings)?,
            Report::Settings(settings) => out.write_all(config::text(settings, self.width).as_bytes())?,
            Report::Checked(check) if json => write_json(&mut out, check)?,
            Report::Checked(check) => out.write_all(config::checked(check).as_bytes())?,
            Report::Changed(changed) if json => write_json(&mut out, changed)?,
            Report::Changed(changed) => out.write_all(config::changed(changed).as_bytes())?,
            Report::Contexts(contexts) if json => write_json(&mut out, contexts)?,
            Report::Contexts(contexts) => out.write_all(config::contexts(contexts, self.width).as_bytes())?,
            Report::Context(_, context) if json => write_json(&mut out, context)?,
            Report::Context(done, context) => out.write_all(config::context(done, context).as_bytes())?,
            Report::Status(status) if json => write_json(&mut out, status)?,
            Report::Status(status) => out.write_all(sync::status(status).as_bytes())?,
            Report::Pushed(push) if json => write_json(&mut out, push)?,
            Report::Pushed(push) => out.write_all(sync::pushed(push).as_bytes())?,
            Report::Pulled(pull) if json => write_json(&mut out, pull)?,
            Report::Pulled(pull) => out.write_all(sync::pulled(pull).as_bytes())?,
            Report::Mirrored(mirrored) if json => write_json(&mut out, mirrored)?,
            Report::Mirrored(mirrored) => out.write_all(sync::mirrored(mirrored).as_bytes())?,
            Report::Verified(verified) if json => write_json(&mut out, verified)?,
            Report::Verified(verified) => out.write_all(health::verified(verified).as_bytes())?,
            Report::Repaired(repaired) if json => write_json(&mut out, repaired)?,
            Report::Repaired(repaired) => out.write_all(health::repaired(repaired).as_bytes())?,
            Report::Cleaned(tidied) if json => write_json(&mut out, tidied)?,
            Report::Cleaned(tidied) => out.write_all(health::tidied(tidied).as_bytes())?,
            Report::Pruned(pruned) if json => write_json(&mut out, pruned)?,
            Report::Pruned(pruned) => out.write_all(health::pruned(pruned).as_bytes())?,
            Report::Collected(collected) if json => write_json(&mut out, collected)?,
            Report::Collected(collected) => out.write_all(gc::collected(collected).as_bytes())?,
            Report::Evicted(evicted) if json => write_json(&mut out, evicted)?,
            Report::Evicted(evicted) => out.write_all(health::evicted(evicted).as_bytes())?,
            Report::Written => {}
        }
        out.flush()?;
        match report {
            Report::Files { listing, remote, waiting, .. } => {
                self.damaged(&listing.damaged);
                if let Some(warning) = files::not_in_sync(&listing.files, waiting, remote.as_deref()) {
                    self.warning(&warning);
                }
            }
            Report::Url(url) if url.temporary => {
                self.warning(
                    "the credentials that signed it are temporary: the URL ends when they do, if that is earlier",
                );
            }
            Report::Calls(history) => self.damaged(&history.damaged),
            Report::Runs(runs) => self.damaged(&runs.damaged),
            Report::Related(Related { down: Some(down), .. }) => self.damaged(&down.damaged),
            Report::Changed(changed) => self.hidden(changed),
            Report::Explanation(explanation) => self.damaged(&explanation.damaged),
            Report::Status(status) => self.damaged(&status.damaged),
            Report::Pulled(pull) => self.damaged(&pull.damaged),
            Report::Repaired(repaired) => {
                if let Err(lost) = repaired.healed() {
                    self.warning(&lost.to_string());
                }
            }
            Report::Mirrored(mirrored) => sync::not_copied(mirrored).iter().for_each(|warning| self.warning(warning)),
            Report::Pushed(push) => sync::not_sent(push).iter().for_each(|warning| self.warning(warning)),
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn error(&self, error: &anyhow::Error) {
        let hint = failure::hint(error).map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
        self.say(&format!("{} {}{hint}", "datlake:".red().bold(), clean(&format!("{error:#}"))));
    }

    /// Says on a terminal that content came from the remote or went there, where that is worth a line.
    fn transferred_all(&self, how: &str, file: &str, size: u64) {
        if size >= LARGE {
            self.say(&format!("{how} {} ({})", clean(file), text::bytes(size)));
        }
    }

    /// What shows on a terminal what comes and goes.
    pub(crate) fn watching(&self) -> progress::Watching {
        progress::Watching::new(*self)
    }

    /// What shows how far a transfer is, on a terminal.
    pub(crate) fn transfer(&self, what: &str) -> Box<dyn FnMut(u64, Option<u64>)> {
        progress::bytes(what)
    }

    /// What shows how many of so many files are done, on a terminal.
    pub(crate) fn counter(&self, what: &str, files: usize) -> Counter {
        Counter::new(what, files)
    }

    /// Takes away what a transfer showed.
    pub(crate) fn transferred(&self) {
        progress::wipe();
    }

    /// Shows what would be removed.
    pub(crate) fn would_go(&self, removal: &Removal, cascade: bool) {
        let rows = |rows: &[Removable]| rows.iter().for_each(|row| self.say(&format!("  {}", done::removable(row))));
        rows(&removal.asked);
        if !removal.downstream.is_empty() {
            self.say(if cascade { "Made from that, and would go too:" } else { "Made from that:" });
            rows(&removal.downstream);
        }
        self.damaged(&removal.damaged);
    }

    /// Asks whether so many files shall go.
    pub(crate) fn asks_to_remove(&self, count: usize, how: &str) -> bool {
        let what = match count {
            0 => "this call".to_owned(),
            1 => "this file".to_owned(),
            many => format!("these {}", files::files(many as u64)),
        };
        let _ = write!(io::stderr(), "{how} {what}? [y/N] ");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    /// Asks on a terminal; the next line of standard input, `None` at its end.
    pub(crate) fn asks(&self, question: &str, value: &str) -> io::Result<Option<String>> {
        if io::stdin().is_terminal() {
            let _ = io::stderr().write_all(format!("{question} [{}]: ", clean(value)).as_bytes());
        }
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer)?;
        Ok((read > 0).then(|| answer.trim().to_owned()))
    }

    /// Warns where something wins over a change.
    pub(crate) fn hidden(&self, changed: &Changed) {
        if let Some(source) = &changed.hidden_by {
            self.warning(&format!("`{}` is still taken from {}, which wins", changed.key, config::source(source)));
        }
    }

    pub(crate) fn warning(&self, text: &str) {
        self.say(&format!("{} {}", "datlake: warning:".yellow(), clean(text)));
    }

    fn damaged(&self, damaged: &[Damage]) {
        for Damage { what, error, .. } in damaged {
            self.warning(&format!("{what} cannot be shown: {error}"));
        }
    }

    /// Standard error may be gone; that is no reason to stop.
    fn say(&self, line: &str) {
        let _ = writeln!(AutoStream::new(io::stderr(), self.color), "{line}");
    }

    /// Standard output for content, as it is.
    pub(crate) fn bytes(&self) -> impl Write {
        io::BufWriter::with_capacity(64 << 10, io::stdout())
    }

    fn stdout(&self) -> impl Write {
        io::BufWriter::with_capacity(64 << 10, AutoStream::new(io::stdout(), self.color))
    }
}

fn write_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}
