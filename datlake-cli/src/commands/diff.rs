//! `datlake diff`: what differs between how two files, or two values, were made; or between two runs.

use anyhow::bail;
use datlake::Lake;
use datlake::report::{BuildChange, CallDiff, CrateChange, Damage};

use super::differences::{pair, upstream};
use super::{checkout, objects, runs};
use crate::answer::{Answer, Page};
use crate::failure::refused;
use crate::text::{escape, paragraph};

pub(super) fn shown(lake: &Lake, was: &str, now: Option<&str>) -> anyhow::Result<Box<dyn Answer>> {
    if runs::is_run(was) {
        let Some(now) = now else {
            let error = refused(format!("nothing is there to compare `{was}` with"));
            bail!(error.with_hint("write two runs, as run:ID: `datlake runs` shows them"))
        };
        return Ok(Box::new(lake.compare_runs(runs::id(was), runs::id(now))?));
    }
    if now.is_none()
        && let Some(copy) = checkout::working_copy(lake, was)?
    {
        return Ok(Box::new(copy.changes()?));
    }
    match (lake.repository_address(was)?, now) {
        (Some(of), now) => Ok(Box::new(objects::diff(&of, now)?)),
        (None, Some(now)) => Ok(Box::new(lake.compare(was, now)?)),
        (None, None) => {
            let error = refused(format!("`{was}` is no branch, and nothing is there to compare it with"));
            bail!(error.with_hint(
                "write two files or calls, REPO@BRANCH for what is uncommitted there, or a folder that was checked out"
            ))
        }
    }
}

impl Answer for CallDiff {
    fn text(&self, page: &Page) -> String {
        let mut text = String::new();
        if let [asked, rest @ ..] = &*self.pairs {
            text.push_str(&pair(asked, page));
            text.push_str(&upstream(rest, self.left_out, page));
        }
        let mut say = |indent: usize, line: &str| text.push_str(&paragraph(line, indent, page.columns));
        if !self.build.is_empty() || !self.crates.is_empty() || self.lock_unknown {
            say(0, "Built with (no part of a key):");
        }
        for BuildChange { what, was, now, .. } in &self.build {
            say(2, &format!("{what}: {} → {}", or_none(was), or_none(now)));
        }
        for CrateChange { name, was, now, .. } in &self.crates {
            let (was, now) = (was.join(", "), now.join(", "));
            let how = if was == now { " (another source or checksum)" } else { "" };
            say(2, &format!("{}: {} → {}{how}", escape(name), or_none(&was), or_none(&now)));
        }
        if self.lock_unknown {
            say(2, "Cargo.lock: another, and not both are kept");
        }
        say(0, if self.same_result { "Both have the same result." } else { "They have different results." });
        text
    }

    fn damaged(&self) -> &[Damage] {
        &self.damaged
    }
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { escape(text).into_owned() }
}
