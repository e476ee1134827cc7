//! The one place that prints: an answer as text for people or as JSON, and what there is to say besides.
//!
//! Results go to standard output, everything else to standard error. Text carries its colours, and what writes it takes
//! them out where they are not wanted: in pipes, under `NO_COLOR`, with `--color never`.

mod live;

use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};
use owo_colors::OwoColorize as _;

use crate::answer::{Answer, Page};
use crate::failure::Failure;
use crate::pager::Paged;
use crate::text::escape;

pub(crate) use live::Live;

/// Where results are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    color: ColorChoice,
    page: Page,
}

impl Screen {
    pub(crate) fn new(color: clap::ColorChoice, verbose: bool) -> Self {
        let color = match color {
            clap::ColorChoice::Auto => ColorChoice::Auto,
            clap::ColorChoice::Always => ColorChoice::Always,
            clap::ColorChoice::Never => ColorChoice::Never,
        };
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let limit = columns.or_else(terminal).map(|width| width.clamp(40, 400));
        Self { color, page: Page { columns: limit.unwrap_or(80), limit, verbose } }
    }

    /// Shows what a command found or did.
    pub(crate) fn show(&self, answer: &dyn Answer, json: bool) -> anyhow::Result<()> {
        let shown = match json || answer.is_for_programs() {
            true => self.write(answer, json),
            false => {
                let mut paged = Paged::new(AutoStream::new(io::stdout(), self.color).current_choice());
                answer.write_text(&self.page, &mut paged).and_then(|()| paged.finish())
            }
        };
        if let Some(failure) = answer.failure() {
            return Err(failure);
        }
        shown?;
        answer.warnings().iter().for_each(|warning| self.warning(warning));
        Ok(())
    }

    /// Writes an answer for a program.
    fn write(&self, answer: &dyn Answer, json: bool) -> io::Result<()> {
        let mut out = self.bytes();
        match json {
            true => answer.json(&mut out).map_err(io::Error::from).and_then(|()| out.write_all(b"\n"))?,
            false => answer.write_text(&self.page, &mut out)?,
        }
        out.flush()
    }

    /// Says lines about what may be very many.
    pub(crate) fn list(&self, lines: impl IntoIterator<Item = String>) {
        let text = self.page.lines(lines.into_iter().map(|line| line + "\n"));
        text.lines().for_each(|line| self.say(line));
    }

    /// Shows a failure; its exit status.
    pub(crate) fn error(&self, error: &anyhow::Error, json: bool) -> u8 {
        let failure = Failure::new(error);
        match serde_json::to_string(&failure) {
            Ok(object) if json => self.say(&object),
            _ => {
                self.say(&format!("{} {}", "datlake:".red().bold(), escape(&failure.message)));
                failure.hint.iter().for_each(|hint| self.say(&format!("{} {}", "hint:".cyan(), escape(hint))));
            }
        }
        failure.status()
    }

    pub(crate) fn warning(&self, text: &str) {
        self.say(&format!("{} {}", "datlake: warning:".yellow(), escape(text)));
    }

    /// Asks on a terminal; the next line of standard input, `None` at its end.
    pub(crate) fn asks(&self, question: &str) -> io::Result<Option<String>> {
        if io::stdin().is_terminal() {
            let _ = write!(io::stderr(), "{question} ");
        }
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer)?;
        Ok((read > 0).then(|| answer.trim().to_owned()))
    }

    /// Standard error may be gone; that is no reason to stop.
    pub(crate) fn say(&self, line: &str) {
        let _ = writeln!(AutoStream::new(io::stderr(), self.color), "{line}");
    }

    /// Standard output for content, as it is.
    pub(crate) fn bytes(&self) -> impl Write + use<> {
        io::BufWriter::with_capacity(64 << 10, io::stdout())
    }
}
