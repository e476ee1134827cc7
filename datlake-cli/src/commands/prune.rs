//! `datlake prune`

use std::time::Duration;

use datlake::Lake;
use datlake::Prune;

use super::{Pruned, Report, rm};
use crate::print::Screen;

/// What to prune, and how.
pub(super) struct What {
    pub(super) superseded: bool,
    pub(super) older_than: Option<Duration>,
    pub(super) keep: Option<usize>,
    pub(super) yes: bool,
}

pub(super) fn run(lake: &Lake, what: &What, screen: &Screen) -> anyhow::Result<Report> {
    let mut prune = if what.superseded { Prune::superseded() } else { Prune::default() };
    (prune.keep, prune.older_than) = (what.keep.or(prune.keep), what.older_than);
    let removal = lake.prunable(prune)?;
    if removal.asked.is_empty() {
        return Ok(Report::Pruned(Pruned { calls: 0, files: Vec::new() }));
    }
    if !what.yes {
        screen.would_go(&removal, false);
    }
    rm::agreed(what.yes, screen, "Remove", removal.files().count())?;
    let files = lake.apply(&removal, false)?;
    Ok(Report::Pruned(Pruned { calls: removal.asked.len(), files }))
}
