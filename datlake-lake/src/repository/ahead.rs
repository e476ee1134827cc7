//! Ranges that are read before they are asked for, several at a time: far away each takes as long as all.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use datlake_core::tree::{Metarange, RangeRow, Span, TreeDifference, TreeRange, diff, differing};
use datlake_core::{Digest, Result};

use super::shared::Shared;
use crate::lake::in_parallel;

/// So many are read together at first: of a page of many differences few may be looked at.
const FIRST: usize = 4;
/// And so many in the end.
const MOST: usize = 32;

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

/// Reads ranges of trees, which are asked for about in the order in which they are expected.
struct Ahead<'a> {
    shared: &'a Shared,
    expected: Vec<RangeRow>,
    /// The first that was not read.
    at: usize,
    together: usize,
    read: HashMap<Digest, Arc<TreeRange>>,
}

impl<'a> Ahead<'a> {
    fn new(shared: &'a Shared, expected: Vec<RangeRow>) -> Self {
        Self { shared, expected, at: 0, together: FIRST, read: HashMap::new() }
    }

    fn range(&mut self, row: &RangeRow) -> Result<Arc<TreeRange>> {
        let left = self.expected.get(self.at..).unwrap_or_default();
        if !self.read.contains_key(&row.digest)
            && let Some(skipped) = left.iter().position(|next| next.digest == row.digest)
        {
            let next = &left[skipped..];
            let next = &next[..self.together.min(next.len())];
            let read = in_parallel(next, |row| Ok((row.digest, self.shared.range(row)?)))?;
            self.at += skipped + next.len();
            self.together = MOST.min(2 * self.together);
            self.read.extend(read);
        }
        self.read.remove(&row.digest).map_or_else(|| self.shared.range(row), Ok)
    }
}
