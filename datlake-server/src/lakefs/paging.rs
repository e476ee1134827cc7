//! How lists are cut into pages.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::http::{List, list, most};

/// How much of a list is asked for.
#[derive(Clone, Default, Deserialize, JsonSchema)]
pub(super) struct Paging {
    /// Names that begin with this.
    #[serde(default)]
    pub(super) prefix: String,
    /// What is behind this.
    #[serde(default)]
    pub(super) after: String,
    /// So many at most: 100 unless somebody says, and 1000 if that is less than 1 or more than 1000.
    amount: Option<i64>,
}

/// Whether something is asked for, as clients in each language spell it: Python's write `True`.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Ok(true),
        "false" | "f" | "0" => Ok(false),
        _ => Err(serde::de::Error::custom("it is `true` or `false`")),
    }
}

impl Paging {
    pub(super) fn asked(prefix: String, after: String, amount: Option<i64>) -> Self {
        Self { prefix, after, amount }
    }

    pub(super) fn most(&self) -> usize {
        most(self.amount)
    }

    /// The page of `all`, which are sorted by name.
    pub(super) fn cut<T>(&self, all: Vec<T>, name: impl Fn(&T) -> &str) -> List<T> {
        let is_asked = |item: &T| name(item).starts_with(&self.prefix) && name(item) > self.after.as_str();
        let mut asked = all.into_iter().filter(is_asked);
        let results: Vec<T> = asked.by_ref().take(self.most()).collect();
        let next = asked.next().and(results.last()).map(|last| name(last).to_owned());
        list(results, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_all_there_is_each_once() {
        let all = || ["a", "b1", "b2", "b3", "c"].map(str::to_owned).to_vec();
        let (mut paging, mut seen) =
            (Paging { prefix: "b".to_owned(), amount: Some(2), ..Paging::default() }, Vec::new());
        loop {
            let page = paging.cut(all(), |name| name);
            assert_eq!(page.pagination.results, page.results.len());
            seen.extend(page.results);
            if !page.pagination.has_more {
                break;
            }
            paging.after = page.pagination.next_offset;
        }
        assert_eq!(seen, ["b1", "b2", "b3"]);
    }
}
