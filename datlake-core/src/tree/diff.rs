//! What differs between two trees. Ranges that both have are not read.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::changes::LoadRange;
use super::entry::TreeEntry;
use super::metarange::{Metarange, RangeRow};
use super::range::TreeRange;
use crate::{Digest, Result};

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
    diff_rows(before.ranges(), after.ranges(), span, load, visit)
}

/// The same of some ranges of two trees.
pub(super) fn diff_rows(
    before: &[RangeRow],
    after: &[RangeRow],
    span: Span<'_>,
    load: LoadRange<'_>,
    visit: &mut dyn FnMut(TreeDifference) -> ControlFlow<()>,
) -> Result<()> {
    let (one, other) = (digests(before), digests(after));
    let mut left = Walk::new(before, |row| span.meets(row) && !other.contains(&row.digest));
    let mut right = Walk::new(after, |row| span.meets(row) && !one.contains(&row.digest));
    loop {
        left.open(load)?;
        right.open(load)?;
        let (a, b) = (left.current(), right.current());
        let order = match (a, b) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((one, _)), Some((other, _))) => one.cmp(other),
        };
        let (a, b) = (a.filter(|_| order.is_le()), b.filter(|_| order.is_ge()));
        let entry = |at: Option<(&str, &TreeEntry)>| at.map(|(_, entry)| entry.clone());
        if a != b
            && let Some((path, _)) = a.or(b).filter(|(path, _)| span.has(path))
            && visit(TreeDifference { path: path.to_owned(), before: entry(a), after: entry(b) }).is_break()
        {
            return Ok(());
        }
        left.at += usize::from(order.is_le());
        right.at += usize::from(order.is_ge());
    }
}

/// A range that is read to find what differs, and one of the other tree that has some of the same paths, if there is one.
pub type RangePair = (RangeRow, Option<RangeRow>);

/// The ranges that are read to find what differs in `span`, about in that order, each once.
pub fn differing(before: &Metarange, after: &Metarange, span: Span<'_>) -> Vec<RangePair> {
    let (one, other) = (digests(before.ranges()), digests(after.ranges()));
    let left = before.ranges().iter().filter(|row| !other.contains(&row.digest)).map(|row| (row, false));
    let right = after.ranges().iter().filter(|row| !one.contains(&row.digest)).map(|row| (row, true));
    let mut rows: Vec<_> = left.chain(right).filter(|(row, _)| span.meets(row)).collect();
    rows.sort_by(|(one, _), (other, _)| one.first.cmp(&other.first));
    let (mut pairs, mut rows) = (Vec::new(), rows.into_iter().peekable());
    while let Some((row, is_after)) = rows.next() {
        let meets = |(next, is): &(&RangeRow, bool)| *is != is_after && next.first <= row.last;
        let partner = rows.next_if(meets);
        pairs.push((row.clone(), partner.map(|(next, _)| next.clone())));
    }
    pairs
}

fn digests(rows: &[RangeRow]) -> HashSet<Digest> {
    rows.iter().map(|row| row.digest).collect()
}

/// The entries of some ranges of a tree, one after the other.
struct Walk<'a> {
    rows: std::vec::IntoIter<&'a RangeRow>,
    open: Option<Arc<TreeRange>>,
    /// Of the entry in the range that is open.
    at: usize,
}

impl<'a> Walk<'a> {
    /// Walks through the ranges that are wanted.
    fn new(rows: &'a [RangeRow], is_wanted: impl Fn(&RangeRow) -> bool) -> Self {
        let rows: Vec<_> = rows.iter().filter(|row| is_wanted(row)).collect();
        Self { rows: rows.into_iter(), open: None, at: 0 }
    }

    /// Reads the next range, where the last one is at its end.
    fn open(&mut self, load: LoadRange<'_>) -> Result<()> {
        while self.current().is_none()
            && let Some(row) = self.rows.next()
        {
            (self.open, self.at) = (Some(load(row)?), 0);
        }
        Ok(())
    }

    fn current(&self) -> Option<(&str, &TreeEntry)> {
        self.open.as_ref()?.at(self.at)
    }
}
