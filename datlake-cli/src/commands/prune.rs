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
    /// The earlier versions of names, as they are asked for.
    versions: Vec<Uid>,
    /// Calls that cannot be read: what they need stays only where another needs it too.
    damaged: Vec<Damage>,
}

impl Answer for Pruned {
    fn text(&self, page: &Page) -> String {
        let (how, made) = if self.dry_run { ("would remove", "made") } else { ("removed", "had made") };
        let versions = match self.versions.len() {
            0 => String::new(),
            some => count(some as u64, "earlier version"),
        };
        let files = files(self.files.len() as u64);
        let calls = format!("{}, which {made} {files}", count(self.calls as u64, "call"));
        let what = match (self.calls, &*versions) {
            (0, "") => return "nothing to prune\n".to_owned(),
            (0, versions) => versions.to_owned(),
            (_, "") => calls,
            (_, versions) => format!("{versions}, and {calls}"),
        };
        let one = |uid| format!("  {}\n", short(uid));
        let all = self.files.iter().chain(&self.versions).map(one);
        let listed = if self.dry_run { page.lines(all) } else { String::new() };
        format!("{how} {what}\n{listed}")
    }
}

/// What to prune, and how.
pub(super) struct PruneOptions {
    pub(super) superseded: bool,
    pub(super) older_than: Option<Duration>,
    pub(super) keep: Option<usize>,
    pub(super) versions_older_than: Option<Duration>,
    pub(super) keep_versions: Option<usize>,
    pub(super) dry_run: bool,
    pub(super) yes: bool,
}

pub(super) fn run(lake: &Lake, what: &PruneOptions, screen: &Screen) -> anyhow::Result<Pruned> {
    let mut prune = if what.superseded { Prune::superseded() } else { Prune::default() };
    (prune.keep, prune.older_than) = (what.keep.or(prune.keep), what.older_than);
    (prune.keep_versions, prune.versions_older_than) = (what.keep_versions, what.versions_older_than);
    let removal = lake.prunable(prune)?;
    if removal.asked.is_empty() {
        return Ok(Pruned { dry_run: what.dry_run, damaged: removal.damaged, ..Pruned::default() });
    }
    if !what.yes && !what.dry_run {
        rm::would_go(&removal, false, screen);
    }
    let removed = if what.dry_run {
        removal.files().cloned().collect()
    } else {
        rm::agreed(what.yes, screen, "Remove", removal.files().count())?;
        rm::files_and_values(lake.apply(&removal, false)?, &removal).0
    };
    let (versions, calls): (Vec<_>, Vec<_>) = removal.asked.iter().partition(|one| one.version.is_some());
    let is_version = |uid: &Uid| versions.iter().any(|one| one.files.contains(uid));
    let (versions, files) = removed.into_iter().partition(is_version);
    Ok(Pruned { dry_run: what.dry_run, calls: calls.len(), files, versions, damaged: removal.damaged })
}
