//! A call whose body ends its process: after some, the others of the run leave it alone.
//!
//! Among machines the claims themselves count, see [`datlake_core::claim`]. Among the processes of one machine the lock's file does, which
//! a holder that dies leaves behind.

use datlake_core::claim::{self, MOST_DEATHS};
use datlake_core::{Error, ErrorKind, Subject};
use datlake_lake::CallId;
use datlake_lake::shared_run;

/// What the file of a lock says of its holder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HolderNote {
    /// For people.
    pub(super) shown: String,
    pub(super) run: Option<String>,
    /// How many processes of that run held the call before, and died.
    pub(super) deaths: u64,
}

impl HolderNote {
    /// That of this process, after a holder that died and `left` this note; whether it `counts`.
    pub(super) fn here(shown: String, counts: bool, left: Option<&str>) -> Self {
        let run = shared_run::here().filter(|_| counts).map(|shared| shared.id.clone());
        Self { deaths: left.map_or(0, |left| Self::parse(left).deaths_in(run.as_deref())), shown, run }
    }

    /// How many processes of `run` have died, if this holder has.
    fn deaths_in(&self, run: Option<&str>) -> u64 {
        claim::deaths(run, self.run.as_deref(), self.deaths)
    }

    /// A line for people, and one that counts.
    pub(super) fn text(&self) -> String {
        match &self.run {
            Some(run) => format!("{}\n{} {run}", self.shown, self.deaths),
            None => self.shown.clone(),
        }
    }

    pub(super) fn parse(text: &str) -> Self {
        let (shown, counts) = text.split_once('\n').unwrap_or((text, ""));
        let counts = counts.split_once(' ').and_then(|(deaths, run)| Some((deaths.parse().ok()?, run.to_owned())));
        let (deaths, run) = counts.map_or((0, None), |(deaths, run)| (deaths, Some(run)));
        Self { shown: shown.to_owned(), run, deaths }
    }
}

/// Whether so many processes died in a call's body that nobody of their run takes it over.
pub(super) fn is_set_aside(deaths: u64) -> bool {
    deaths >= MOST_DEATHS
}

/// The error of a call that is set aside, whose last holder was `last`.
pub(super) fn set_aside(call: &CallId, last: &str) -> Error {
    let message = format!(
        "{} is set aside: {MOST_DEATHS} processes of this run ended in its body, the last of them {last}",
        call.function()
    );
    let hint = "see what those processes said last: they may have run out of memory; the next run tries the call again";
    let about = Subject::Call(call.creator.clone(), call.key);
    Error::new(ErrorKind::SetAside, message).about(about).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        for (run, deaths) in [(None, 0), (Some("20261129-3f9a".to_owned()), 2)] {
            let note = HolderNote { shown: "process 7 on n1 since then".to_owned(), run, deaths };
            assert_eq!(HolderNote::parse(&note.text()), note);
        }
        for text in ["", "a line\nand another", "a line\n3"] {
            assert_eq!(HolderNote::parse(text).deaths_in(Some("x")), 0, "{text:?}");
        }
    }
}
