//! Three-way merges of trees.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::changes::{LoadRange, TreeChanges};
use super::diff::{Span, TreeDifference, diff};
use super::entry::TreeEntry;
use super::metarange::Metarange;
use crate::Result;

/// A path that both sides changed, to different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The path.
    pub path: String,
    /// What ours has there.
    pub ours: Option<TreeEntry>,
    /// What theirs has.
    pub theirs: Option<TreeEntry>,
}

/// Who wins where both sides changed a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Winner {
    /// What is merged into.
    Ours,
    /// What is merged.
    Theirs,
}

/// What comes of a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// What changes in ours.
    pub changes: TreeChanges,
    /// Where nobody wins; sorted by path. Ours is left as it is there.
    pub conflicts: Vec<Conflict>,
}

/// What theirs asks for at a path, seen from one base.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Keep,
    Take,
    Conflict,
}

/// Merges what `theirs` has changed since `bases` into `ours`. With several bases it is a merge with each, and what comes out
/// differently is a conflict. Conflicts go to the `winner` of their path, if it has one.
///
/// # Errors
/// Those of `load`.
pub fn merge(
    bases: &[impl Borrow<Metarange>],
    ours: &Metarange,
    theirs: &Metarange,
    winner: &dyn Fn(&str) -> Option<Winner>,
    load: LoadRange<'_>,
) -> Result<Merged> {
    let mut wishes: Vec<BTreeMap<String, Wish>> = Vec::new();
    let mut seen = BTreeMap::<String, (Option<TreeEntry>, Option<TreeEntry>)>::new();
    for base in bases {
        let (mut mine, changed) = (all(base.borrow(), ours, load)?, all(base.borrow(), theirs, load)?);
        let mut wished = BTreeMap::new();
        for (path, TreeDifference { before, after: theirs, .. }) in changed {
            let (ours, wish) = match mine.remove(&path) {
                None => (before, Wish::Take),
                Some(TreeDifference { after: ours, .. }) if ours == theirs => (ours, Wish::Keep),
                Some(TreeDifference { after: ours, .. }) => (ours, Wish::Conflict),
            };
            wished.insert(path.clone(), wish);
            seen.insert(path, (ours, theirs));
        }
        wishes.push(wished);
    }
    let mut merged = Merged::default();
    for (path, (ours, theirs)) in seen {
        let all: BTreeSet<bool> = wishes.iter().map(|wished| wished.get(&path) == Some(&Wish::Take)).collect();
        let is_conflict = all.len() > 1 || wishes.iter().any(|wished| wished.get(&path) == Some(&Wish::Conflict));
        let takes = match (ours == theirs, is_conflict) {
            (true, _) => false,
            (false, false) => all.contains(&true),
            (false, true) => match winner(&path) {
                Some(winner) => winner == Winner::Theirs,
                None => {
                    merged.conflicts.push(Conflict { path, ours, theirs });
                    continue;
                }
            },
        };
        if takes {
            merged.changes.insert(path, theirs);
        }
    }
    Ok(merged)
}

/// All that differs.
fn all(before: &Metarange, after: &Metarange, load: LoadRange<'_>) -> Result<BTreeMap<String, TreeDifference>> {
    let mut found = BTreeMap::new();
    diff(before, after, Span::default(), load, &mut |difference| {
        found.insert(difference.path.clone(), difference);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
