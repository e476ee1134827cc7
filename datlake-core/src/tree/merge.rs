//! Three-way merges of trees, and of what is noted beside them.
//!
//! - What only one side changed is taken range by range, without reading a range: its row says that it is another. Entries are read
//!   where both changed something among the same paths.
//! - What is noted of a path is merged as the tree is. Where both changed it, it goes with the entry. Of what one side deleted and the
//!   other noted something of, a note may stay: nobody sees it.
//! - With several bases it is done entry by entry.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, ControlFlow};

use super::changes::{ChangedTree, LoadRange, Making, TreeChanges};
use super::diff::{Span, TreeDifference, diff, diff_rows};
use super::entry::TreeEntry;
use super::metarange::{Metarange, RangeRow};
use super::segments::Segments;
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

/// A tree, and what is noted beside it.
#[derive(Clone, Copy, Debug)]
pub struct NotedTree<'a> {
    /// The tree.
    pub tree: &'a Metarange,
    /// What is noted of its paths.
    pub attributes: &'a Metarange,
}

/// Reads ranges: those of trees, and those of what is noted.
pub struct LoadRanges<'a> {
    /// Of trees.
    pub tree: LoadRange<'a>,
    /// Of what is noted.
    pub attributes: LoadRange<'a>,
}

/// What comes of a merge.
#[derive(Debug)]
pub enum Merged {
    /// A tree, and what is noted beside it.
    Tree(ChangedTree, ChangedTree),
    /// Where nobody wins; sorted by path.
    Conflicts(Vec<Conflict>),
}

/// Merges what `theirs` has changed since `bases` into `ours`. With several bases it is a merge with each, and what comes out
/// differently is a conflict. Conflicts go to the `winner` of their path, if it has one.
///
/// # Errors
/// Those of `load`.
pub fn merge(
    bases: &[NotedTree<'_>],
    ours: NotedTree<'_>,
    theirs: NotedTree<'_>,
    winner: &dyn Fn(&str) -> Option<Winner>,
    load: LoadRanges<'_>,
) -> Result<Merged> {
    let mut conflicts = Conflicts { winner, won: BTreeMap::new(), left: Vec::new() };
    let [base] = bases else { return merge_all(bases, ours, theirs, &mut conflicts, load) };
    let mut both =
        |path: &str, ours: Option<TreeEntry>, theirs: Option<TreeEntry>| Ok(conflicts.takes(path, ours, theirs));
    let three = ThreeWay { base: base.tree, ours: ours.tree, theirs: theirs.tree };
    let tree = three.merged(&BTreeMap::new(), &mut both, load.tree)?;
    if !conflicts.left.is_empty() {
        return Ok(Merged::Conflicts(conflicts.left));
    }
    let mut follows = |path: &str, _: Option<TreeEntry>, _: Option<TreeEntry>| {
        let mut at = |tree: &Metarange| entry(tree, path, load.tree);
        let mine = at(ours.tree)?;
        Ok(mine == at(base.tree)? && mine != at(theirs.tree)?)
    };
    let three = ThreeWay { base: base.attributes, ours: ours.attributes, theirs: theirs.attributes };
    let attributes = three.merged(&conflicts.won, &mut follows, load.attributes)?;
    Ok(Merged::Tree(tree, attributes))
}

/// Where both sides changed something.
struct Conflicts<'a> {
    winner: &'a dyn Fn(&str) -> Option<Winner>,
    won: BTreeMap<String, Winner>,
    left: Vec<Conflict>,
}

impl Conflicts<'_> {
    /// Whether theirs is taken.
    fn takes(&mut self, path: &str, ours: Option<TreeEntry>, theirs: Option<TreeEntry>) -> bool {
        match (self.winner)(path) {
            Some(winner) => {
                self.won.insert(path.to_owned(), winner);
                winner == Winner::Theirs
            }
            None => {
                self.left.push(Conflict { path: path.to_owned(), ours, theirs });
                false
            }
        }
    }
}

/// Of a path that both sides changed, to these different things: whether theirs is taken.
type Both<'a> = &'a mut dyn FnMut(&str, Option<TreeEntry>, Option<TreeEntry>) -> Result<bool>;

struct ThreeWay<'a> {
    base: &'a Metarange,
    ours: &'a Metarange,
    theirs: &'a Metarange,
}

impl ThreeWay<'_> {
    /// Merges, where of the paths in `won` it is said whose they are.
    fn merged(&self, won: &BTreeMap<String, Winner>, both: Both<'_>, load: LoadRange<'_>) -> Result<ChangedTree> {
        let Self { base, ours, theirs } = self;
        let mut made = Making::default();
        for [b, o, t] in Segments::new([base.ranges(), ours.ranges(), theirs.ranges()]) {
            let (first, last) = hull(&[b, o, t]);
            let is_open = won.range::<str, _>((Bound::Included(first), Bound::Included(last))).next().is_some();
            if b == o && !is_open {
                made.unchanged(t, theirs, load)?;
            } else if (b == t || o == t) && !is_open {
                made.unchanged(o, ours, load)?;
            } else {
                let changes = changes(&[b, o, t], won, both, load)?;
                made.changed(o, ours, &changes, load)?;
            }
        }
        Ok(made.finish(&[base, ours, theirs]))
    }
}

/// The first and the last path of some ranges.
fn hull<'a>(all: &[&'a [RangeRow]]) -> (&'a str, &'a str) {
    let first = all.iter().filter_map(|rows| Some(rows.first()?.first.as_str())).min();
    let last = all.iter().filter_map(|rows| Some(rows.last()?.last.as_str())).max();
    (first.unwrap_or_default(), last.unwrap_or_default())
}

/// What changes in ours, of ranges of the three.
fn changes(
    [base, ours, theirs]: &[&[RangeRow]; 3],
    won: &BTreeMap<String, Winner>,
    both: Both<'_>,
    load: LoadRange<'_>,
) -> Result<TreeChanges> {
    let (mut mine, changed) = (all(base, ours, load)?, all(base, theirs, load)?);
    let mut changes = TreeChanges::new();
    for (path, TreeDifference { after: theirs, .. }) in changed {
        let takes = match (mine.remove(&path), won.get(&path)) {
            (Some(TreeDifference { after: ours, .. }), _) if ours == theirs => false,
            (_, Some(winner)) => *winner == Winner::Theirs,
            (None, None) => true,
            (Some(TreeDifference { after: ours, .. }), None) => both(&path, ours, theirs.clone())?,
        };
        if takes {
            changes.insert(path, theirs);
        }
    }
    // Where theirs is as it was.
    let given = mine.into_iter().filter(|(path, _)| won.get(path) == Some(&Winner::Theirs));
    changes.extend(given.map(|(path, difference)| (path, difference.before)));
    Ok(changes)
}

/// All that differs.
fn all(before: &[RangeRow], after: &[RangeRow], load: LoadRange<'_>) -> Result<BTreeMap<String, TreeDifference>> {
    let mut found = BTreeMap::new();
    diff_rows(before, after, Span::default(), load, &mut |difference| {
        found.insert(difference.path.clone(), difference);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// What a tree has at a path.
fn entry(tree: &Metarange, path: &str, load: LoadRange<'_>) -> Result<Option<TreeEntry>> {
    let Some(row) = tree.find(path).and_then(|at| tree.ranges().get(at)) else { return Ok(None) };
    Ok(load(row)?.get(path).map(|(_, entry)| entry.clone()))
}

/// What theirs asks for at a path, seen from one base.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Keep,
    Take,
    Conflict,
}

/// With any number of bases, entry by entry.
fn merge_all(
    bases: &[NotedTree<'_>],
    ours: NotedTree<'_>,
    theirs: NotedTree<'_>,
    conflicts: &mut Conflicts<'_>,
    load: LoadRanges<'_>,
) -> Result<Merged> {
    let mut wishes: Vec<BTreeMap<String, Wish>> = Vec::new();
    let mut seen = BTreeMap::<String, (Option<TreeEntry>, Option<TreeEntry>)>::new();
    for base in bases {
        let mut mine = all(base.tree.ranges(), ours.tree.ranges(), load.tree)?;
        let mut wished = BTreeMap::new();
        diff(base.tree, theirs.tree, Span::default(), load.tree, &mut |difference| {
            let TreeDifference { path, before, after: theirs } = difference;
            let (ours, wish) = match mine.remove(&path) {
                None => (before, Wish::Take),
                Some(TreeDifference { after: ours, .. }) if ours == theirs => (ours, Wish::Keep),
                Some(TreeDifference { after: ours, .. }) => (ours, Wish::Conflict),
            };
            wished.insert(path.clone(), wish);
            seen.insert(path, (ours, theirs));
            ControlFlow::Continue(())
        })?;
        wishes.push(wished);
    }
    let (mut changes, mut noted) = (TreeChanges::new(), TreeChanges::new());
    for (path, (ours, their)) in seen {
        let all: BTreeSet<bool> = wishes.iter().map(|wished| wished.get(&path) == Some(&Wish::Take)).collect();
        let is_conflict = all.len() > 1 || wishes.iter().any(|wished| wished.get(&path) == Some(&Wish::Conflict));
        let takes = match (ours == their, is_conflict) {
            (true, _) => false,
            (false, false) => all.contains(&true),
            (false, true) => conflicts.takes(&path, ours, their.clone()),
        };
        if takes {
            noted.insert(path.clone(), entry(theirs.attributes, &path, load.attributes)?);
            changes.insert(path, their);
        }
    }
    if !conflicts.left.is_empty() {
        return Ok(Merged::Conflicts(std::mem::take(&mut conflicts.left)));
    }
    let (tree, attributes) = (ours.tree.with(&changes, load.tree)?, ours.attributes.with(&noted, load.attributes)?);
    Ok(Merged::Tree(tree, attributes))
}
