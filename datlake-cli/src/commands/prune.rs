//! `datlake prune`

use std::time::Duration;

use datlake::report::Damage;
use datlake::{Lake, Prune, Uid};
use serde::Serialize;

use super::rm;
use crate::answer::{Answer, Page};
use crate::screen::Screen;
use crate::text::{count, files};

/// What was removed.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Pruned {
    /// How many calls.
    calls: usize,
    /// The files that they had made.
    files: Vec<Uid>,
    /// Calls that cannot be read: what they need stays only where another needs it too.
    damaged: Vec<Damage>,
}

impl Answer for Pruned {
    fn text(&self, _: &Page) -> String {
        let made = files(self.files.len() as u64);
        match self.calls {
            0 => "nothing to prune\n".to_owned(),
            some => format!(
                "removed {}, which had made {made}
",
                count(some as u64, "call")
            ),
        }
    }
}

/// What to prune, and how.
pub(super) struct PruneOptions {
    pub(super) superseded: bool,
    pub(super) older_than: Option<Duration>,
    pub(super) keep: Option<usize>,
    pub(super) yes: bool,
}

pub(super) fn run(lake: &Lake, what: &PruneOptions, screen: &Screen) -> anyhow::Result<Pruned> {
    let mut prune = if what.superseded { Prune::superseded() } else { Prune::default() };
    (prune.keep, prune.older_than) = (what.keep.or(prune.keep), what.older_than);
    let removal = lake.prunable(prune)?;
    if removal.asked.is_empty() {
        return Ok(Pruned { damaged: removal.damaged, ..Pruned::default() });
    }
    if !what.yes {
        rm::would_go(&removal, false, screen);
    }
    rm::agreed(what.yes, screen, "Remove", removal.files().count())?;
    let files = lake.apply(&removal, false)?;
    Ok(Pruned { calls: removal.asked.len(), files, damaged: removal.damaged })
}
