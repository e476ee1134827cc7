//! What a command found or did: data, which is shown as text or as JSON.

use std::fmt;
use std::io::{self, Write};

use datlake::report::{Damage, Row};
use serde::{Serialize, Serializer};

use crate::failure::FAILED;

/// How much room text has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) columns: usize,
    /// The same, where there is a terminal or somebody said so: what is written for a program is never cut.
    pub(crate) limit: Option<usize>,
    /// Whether everything is listed, however much it is.
    pub(crate) verbose: bool,
}

/// As many rows are listed of what may be very many.
const MANY: usize = 20;

impl Page {
    /// How much is listed of what may be very many.
    pub(crate) fn most(&self) -> usize {
        if self.verbose { usize::MAX } else { MANY }
    }

    /// Lines: all of them, or the first and how many more there are.
    pub(crate) fn lines(&self, lines: impl IntoIterator<Item = String>) -> String {
        let mut lines = lines.into_iter();
        // One more line would say as much as the line that says there is one more.
        let shown: Vec<String> = lines.by_ref().take(if self.verbose { usize::MAX } else { MANY + 1 }).collect();
        match lines.count() {
            0 => shown.concat(),
            more => format!("{}  and {} more: -v lists all\n", shown[..MANY].concat(), more + 1),
        }
    }
}

/// The answer of a command. What is only damaged does not hide the rest; it is warned of, and the exit status tells.
pub(crate) trait Answer: Json + fmt::Debug + Send + Sync {
    /// For people.
    fn text(&self, page: &Page) -> String;

    /// The same, written as it comes where it may be very much.
    fn write_text(&self, page: &Page, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(self.text(page).as_bytes())
    }

    /// Why what was shown is not all, where it was read while it was shown.
    fn failure(&self) -> Option<anyhow::Error> {
        None
    }

    /// Whether the text is one that programs read: then it is written as it is, without a pager, and whatever characters are in it.
    fn is_for_programs(&self) -> bool {
        false
    }

    /// What could not be read.
    fn damaged(&self) -> &[Damage] {
        &[]
    }

    /// Warnings, which go to standard error.
    fn warnings(&self) -> Vec<String> {
        cannot_be_shown(self.damaged())
    }

    /// The exit status.
    fn status(&self) -> u8 {
        if self.damaged().is_empty() { 0 } else { FAILED }
    }
}

/// Warnings of what is damaged, and of what was wrong with the index.
pub(crate) fn with_notes(damaged: &[Damage], notes: &[String]) -> Vec<String> {
    let notes = notes.iter().map(|note| crate::text::escape(note).into_owned());
    cannot_be_shown(damaged).into_iter().chain(notes).collect()
}

pub(crate) fn cannot_be_shown(damaged: &[Damage]) -> Vec<String> {
    damaged.iter().map(|damage| format!("{} cannot be shown: {}", damage.what, damage.error)).collect()
}

/// For programs.
pub(crate) trait Json {
    fn json(&self, to: &mut dyn Write) -> serde_json::Result<()>;
}

impl<T: Serialize> Json for T {
    fn json(&self, to: &mut dyn Write) -> serde_json::Result<()> {
        serde_json::to_writer_pretty(to, self)
    }
}

/// The command has written bytes and has no answer.
impl Answer for () {
    fn text(&self, _: &Page) -> String {
        String::new()
    }
}

/// Writes a list, and what could not be read behind it.
pub(crate) fn rows<T: Serialize, S: Serializer>(rows: &[T], damaged: &[Damage], to: S) -> Result<S::Ok, S::Error> {
    let damaged = damaged.iter().map(|damaged| Row::Damaged { damaged: damaged.clone() });
    to.collect_seq(rows.iter().map(Row::Whole).chain(damaged))
}

/// A failure after something was done, which is a result too.
#[derive(Debug)]
pub(crate) struct Partly {
    pub(crate) done: Box<dyn Answer>,
    pub(crate) error: anyhow::Error,
}

impl Partly {
    /// The failure, with what was done before it if that is `some`thing.
    pub(crate) fn of(done: impl Answer + 'static, some: bool, error: anyhow::Error) -> anyhow::Error {
        if some { Self { done: Box::new(done), error }.into() } else { error }
    }
}

impl fmt::Display for Partly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

impl std::error::Error for Partly {}
