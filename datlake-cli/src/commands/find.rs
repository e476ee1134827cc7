//! `datlake find`: calls by what they were made of, by whom and when, and what they made.

use anyhow::Context as _;
use datlake::report::{Damage, FoundCalls};
use datlake::{Digest, Lake};
use serde::{Serialize, Serializer};

use super::calls;
use crate::answer::{Answer, Page, with_notes};
use crate::args::{FindHow, Shown};
use crate::failure::{ABSENT, FAILED};
use crate::text::{count, escape, time};

#[derive(Debug)]
pub(super) struct Answered {
    found: FoundCalls,
    /// What was wrong with the index.
    notes: Vec<String>,
    shown: Shown,
}

pub(super) fn run(lake: &Lake, how: FindHow) -> anyhow::Result<Answered> {
    let content = match &how.file {
        None => None,
        Some(path) => {
            let mut hasher = blake3::Hasher::new();
            let read = std::fs::File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
            read.with_context(|| format!("cannot read `{}`", path.display()))?;
            Some(Digest::from_bytes(*hasher.finalize().as_bytes()))
        }
    };
    let shown = how.shown;
    if how.anew {
        datlake_index::forget(lake)?;
    }
    let datlake_index::FoundByIndex { found, notes, .. } = datlake_index::find_calls(lake, &how.query(content))?;
    Ok(Answered { found, notes, shown })
}

impl Serialize for Answered {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.found.serialize(to)
    }
}

impl Answer for Answered {
    fn text(&self, page: &Page) -> String {
        let mut text = calls::shown(&self.found.calls, self.shown, page.columns);
        if !self.shown.csv {
            for file in &self.found.files {
                let at = time(&file.created_at);
                text.push_str(&format!(
                    "{}  is that content, {at} by {}\n",
                    escape(file.uid.as_str()),
                    escape(&file.originator)
                ));
            }
        }
        text
    }

    fn damaged(&self) -> &[Damage] {
        &self.found.damaged
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = with_notes(self.damaged(), &self.notes);
        if self.found.not_compared > 0 {
            let calls = count(self.found.not_compared, "call");
            warnings.push(format!(
                "{calls} cannot be compared: a parameter is secret, or too large to be kept in a record"
            ));
        }
        warnings
    }

    fn status(&self) -> u8 {
        if !self.damaged().is_empty() {
            FAILED
        } else if self.found.calls.is_empty() && self.found.files.is_empty() {
            ABSENT
        } else {
            0
        }
    }
}
