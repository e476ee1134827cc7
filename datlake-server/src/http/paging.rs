//! How lists are cut into pages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most that a page has.
pub(crate) const MOST: usize = 1000;
/// What it has unless somebody says.
const USUAL: usize = 100;

/// A page of a list.
#[derive(Serialize, JsonSchema)]
pub(crate) struct List<T> {
    pub(crate) pagination: Pagination,
    pub(crate) results: Vec<T>,
}

/// Where a page ends.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Pagination {
    /// Whether there is another page.
    pub(crate) has_more: bool,
    /// What to say as `after` for that.
    pub(crate) next_offset: String,
    pub(crate) results: usize,
    pub(crate) max_per_page: usize,
}

/// Which page is asked for.
#[derive(Clone, Default, Deserialize, JsonSchema)]
pub(crate) struct PageAfter {
    /// What is behind this: the `next_offset` of the page before.
    #[serde(default)]
    pub(crate) after: String,
    /// So many at most: 100 unless somebody says, and 1000 if that is less than 1 or more than 1000.
    pub(crate) amount: Option<i64>,
}

/// How much a page has that is asked for as `amount`.
pub(crate) fn most(amount: Option<i64>) -> usize {
    match amount {
        None => USUAL,
        Some(amount) => usize::try_from(amount).ok().filter(|amount| (1..=MOST).contains(amount)).unwrap_or(MOST),
    }
}

/// A page, and behind what the next one begins.
pub(crate) fn list<T>(results: Vec<T>, next: Option<String>) -> List<T> {
    let (has_more, count) = (next.is_some(), results.len());
    let pagination = Pagination { has_more, next_offset: next.unwrap_or_default(), results: count, max_per_page: MOST };
    List { pagination, results }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_as_many_as_is_said() {
        for (amount, expected) in [(None, 100), (Some(0), 1000), (Some(-1), 1000), (Some(7), 7), (Some(1001), 1000)] {
            assert_eq!(most(amount), expected);
        }
    }
}
