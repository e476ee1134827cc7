//! Ranges that are read before they are asked for, several at a time: far away each takes as long as all.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use datlake_core::tree::{Metarange, RangePair, RangeRow, Span, TreeDifference, TreeRange, diff, differing};
use datlake_core::{Digest, Result};

use super::shared::Shared;
use crate::lake::in_parallel;

/// So many pairs are read together at first: of a page of many differences few may be looked at.
const FIRST: usize = 2;
/// And so many in the end.
const MOST: usize = 16;

impl Shared {
    /// Shows `visit` each path in `span` at which two trees differ, in order, until it breaks.
    pub(super) fn differences(
        &self,
        before: &Metarange,
        after: &Metarange,
        span: Span<'_>,
        visit: &mut dyn FnMut(TreeDifference) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut ahead = Ahead::new(self, differing(before, after, span));
        diff(before, after, span, &mut |row| ahead.range(row), visit)
    }
}

/// Reads ranges of trees, which are asked for about in the order in which they are expected. Of two that are compared with each other
/// only the lines are read that one of them has.
struct Ahead<'a> {
    shared: &'a Shared,
    expected: Vec<RangePair>,
    /// The first that was not read.
    at: usize,
    together: usize,
    read: HashMap<Digest, Arc<TreeRange>>,
}

impl<'a> Ahead<'a> {
    fn new(shared: &'a Shared, expected: Vec<RangePair>) -> Self {
        Self { shared, expected, at: 0, together: FIRST, read: HashMap::new() }
    }

    fn range(&mut self, row: &RangeRow) -> Result<Arc<TreeRange>> {
        let is_it = |(one, other): &RangePair| one.digest == row.digest || other.as_ref() == Some(row);
        let left = self.expected.get(self.at..).unwrap_or_default();
        if !self.read.contains_key(&row.digest)
            && let Some(skipped) = left.iter().position(is_it)
        {
            let next = &left[skipped..];
            let next = &next[..self.together.min(next.len())];
            let read = in_parallel(next, |pair| self.pair(pair))?;
            self.at += skipped + next.len();
            self.together = MOST.min(2 * self.together);
            self.read.extend(read.into_iter().flatten());
        }
        self.read.remove(&row.digest).map_or_else(|| self.shared.range(row), Ok)
    }

    fn pair(&self, (one, other): &RangePair) -> Result<Vec<(Digest, Arc<TreeRange>)>> {
        let Some(other) = other else { return Ok(vec![(one.digest, self.shared.range(one)?)]) };
        let read = self.shared.unlike(one, other)?;
        Ok(vec![(one.digest, read[0].clone()), (other.digest, read[1].clone())])
    }
}
