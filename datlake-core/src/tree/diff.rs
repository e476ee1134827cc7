//! What differs between two trees. Ranges that both have are not read.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::changes::LoadRange;
use super::entry::TreeEntry;
use super::metarange::{Metarange, RangeRow};
use crate::Result;

/// A path at which two trees differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeDifference {
    /// The path.
    pub path: String,
    /// What the first tree has there.
    pub before: Option<TreeEntry>,
    /// What the second has.
    pub after: Option<TreeEntry>,
}

/// A part of the paths of a tree: those that begin with `prefix`, and are behind `after`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span<'a> {
    /// What the paths begin with.
    pub prefix: &'a str,
    /// What the paths are behind, in the order of their bytes; all are behind the empty one.
    pub after: &'a str,
}

impl Span<'_> {
    /// Whether `path` is in it.
    pub fn has(&self, path: &str) -> bool {
        path > self.after && path.starts_with(self.prefix)
    }

    /// Whether a range may have some of it.
    fn meets(&self, row: &RangeRow) -> bool {
        let (first, last) = (row.first.as_str(), row.last.as_str());
        last > self.after && last >= self.prefix && (first <= self.prefix || first.starts_with(self.prefix))
    }
}

/// Shows `visit` each path in `span` at which the trees differ, in order, until it breaks.
///
/// # Errors
/// Those of `load`.
pub fn diff(
    before: &Metarange,
    after: &Metarange,
    span: Span<'_>,
    load: LoadRange<'_>,
    visit: &mut dyn FnMut(TreeDifference) -> ControlFlow<()>,
) -> Result<()> {
    let (one, other) = (digests(before), digests(after));
    let mut left = Walk::new(before, |row| span.meets(row) && !other.contains(&row.digest));
    let mut right = Walk::new(after, |row| span.meets(row) && !one.contains(&row.digest));
    let (mut a, mut b) = (left.next(load)?, right.next(load)?);
    loop {
        let difference = match (a.take(), b.take()) {
            (None, None) => return Ok(()),
            (Some((path, before)), None) => TreeDifference { path, before: Some(before), after: None },
            (None, Some((path, after))) => TreeDifference { path, before: None, after: Some(after) },
            (Some((path, before)), Some(right)) if path < right.0 => {
                b = Some(right);
                TreeDifference { path, before: Some(before), after: None }
            }
            (Some(left), Some((path, after))) if path < left.0 => {
                a = Some(left);
                TreeDifference { path, before: None, after: Some(after) }
            }
            (Some((path, before)), Some((_, after))) => {
                TreeDifference { path, before: Some(before), after: Some(after) }
            }
        };
        if difference.before.is_some() {
            a = left.next(load)?;
        }
        if difference.after.is_some() {
            b = right.next(load)?;
        }
        let differs = difference.before != difference.after && span.has(&difference.path);
        if differs && visit(difference).is_break() {
            return Ok(());
        }
    }
}

fn digests(tree: &Metarange) -> HashSet<crate::Digest> {
    tree.ranges().iter().map(|row| row.digest).collect()
}

/// The entries of some ranges of a tree, one after the other.
struct Walk<'a> {
    rows: std::vec::IntoIter<&'a RangeRow>,
    open: std::vec::IntoIter<(String, TreeEntry)>,
}

impl<'a> Walk<'a> {
    /// Walks through the ranges that are wanted.
    fn new(tree: &'a Metarange, is_wanted: impl Fn(&RangeRow) -> bool) -> Self {
        let rows: Vec<_> = tree.ranges().iter().filter(|row| is_wanted(row)).collect();
        Self { rows: rows.into_iter(), open: Vec::new().into_iter() }
    }

    /// The next entry.
    fn next(&mut self, load: LoadRange<'_>) -> Result<Option<(String, TreeEntry)>> {
        loop {
            if let Some(entry) = self.open.next() {
                return Ok(Some(entry));
            }
            let Some(row) = self.rows.next() else { return Ok(None) };
            self.open = load(row)?.into_entries().into_iter();
        }
    }
}
