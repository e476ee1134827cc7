//! `datlake prune`

use std::time::Duration;

use datlake::report::Damage;
use datlake::{Lake, Prune, Uid};
use serde::Serialize;

use super::rm;
use crate::answer::{Answer, Page};
use crate::screen::Screen;
use crate::text::{count, files, short};

/// What was removed.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Pruned {
    /// Whether nothing was removed, and this is what would be.
    dry_run: bool,
    /// How many calls.
    calls: usize,
    /// The files that they had made.
    files: Vec<Uid>,
    /// Calls that cannot be read: what they need stays only where another needs it too.
    damaged: Vec<Damage>,
}

impl Answer for Pruned {
    fn text(&self, page: &Page) -> String {
        let (how, made) = if self.dry_run { ("would remove", "made") } else { ("removed", "had made") };
        match self.calls {
            0 => "nothing to prune\n".to_owned(),
            some => {
                let files = files(self.files.len() as u64);
                let one = |uid| format!("  {}\n", short(uid));
                let listed = if self.dry_run { page.lines(self.files.iter().map(one)) } else { String::new() };
                format!("{how} {}, which {made} {files}\n{listed}", count(some as u64, "call"))
            }
        }
    }
}

/// What to prune, and how.
pub(super) struct PruneOptions {
    pub(super) superseded: bool,
    pub(super) older_than: Option<Duration>,
    pub(super) keep: Option<usize>,
    pub(super) dry_run: bool,
    pub(super) yes: bool,
}

pub(super) fn run(lake: &Lake, what: &PruneOptions, screen: &Screen) -> anyhow::Result<Pruned> {
    let mut prune = if what.superseded { Prune::superseded() } else { Prune::default() };
    (prune.keep, prune.older_than) = (what.keep.or(prune.keep), what.older_than);
    let removal = lake.prunable(prune)?;
    if removal.asked.is_empty() {
        return Ok(Pruned { dry_run: what.dry_run, damaged: removal.damaged, ..Pruned::default() });
    }
    if !what.yes && !what.dry_run {
        rm::would_go(&removal, false, screen);
    }
    let files = if what.dry_run {
        removal.files().cloned().collect()
    } else {
        rm::agreed(what.yes, screen, "Remove", removal.files().count())?;
        rm::files_and_values(lake.apply(&removal, false)?, &removal).0
    };
    Ok(Pruned { dry_run: what.dry_run, calls: removal.asked.len(), files, damaged: removal.damaged })
}
