//! Lists, read page by page while they are asked for.

use std::collections::VecDeque;
use std::fmt;

use datlake_core::Result;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::client::Client;
use super::http::Asked;

/// The most that a page has.
const PAGE: usize = 1000;

/// How much of a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    max_amount: Option<usize>,
    after: String,
    prefix: String,
    delimiter: String,
}

impl ListOptions {
    /// What begins with `prefix`.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..Self::default() }
    }

    /// So many at most.
    #[must_use]
    pub fn max_amount(mut self, amount: usize) -> Self {
        self.max_amount = Some(amount);
        self
    }

    /// What is behind `name`.
    #[must_use]
    pub fn after(mut self, name: impl Into<String>) -> Self {
        self.after = name.into();
        self
    }

    /// Paths that have it behind the prefix are one item, to the delimiter. Lists of names have none.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.delimiter = delimiter.into();
        self
    }
}

/// A list, which is read page by page. After an error it ends.
pub struct Listed<T> {
    client: Client,
    path: Asked,
    ask: Box<AsksPage<T>>,
    how: ListOptions,
    page: VecDeque<T>,
    is_over: bool,
}

/// Asks for a page.
type AsksPage<T> = dyn FnMut(&Client, Asked) -> Result<(Vec<T>, Pagination)> + Send;

#[derive(Deserialize)]
struct Page<T> {
    pagination: Pagination,
    results: Vec<T>,
}

#[derive(Deserialize)]
struct Pagination {
    has_more: bool,
    next_offset: String,
}

impl<T: Send + 'static> Listed<T> {
    pub(super) fn new<W: DeserializeOwned>(
        client: &Client,
        how: ListOptions,
        asked: Asked,
        make: impl Fn(W) -> T + Send + 'static,
    ) -> Self {
        let ask = move |client: &Client, asked: Asked| {
            let Page { pagination, results } = client.connection()?.get::<Page<W>>(asked)?;
            Ok((results.into_iter().map(&make).collect(), pagination))
        };
        let (client, page) = (client.clone(), VecDeque::new());
        Self { client, path: asked, ask: Box::new(ask), how, page, is_over: false }
    }

    fn more(&mut self) -> Result<()> {
        let most = self.how.max_amount.unwrap_or(PAGE).min(PAGE);
        let mut asked = self.path.clone().with("amount", most);
        for (name, value) in
            [("after", &self.how.after), ("prefix", &self.how.prefix), ("delimiter", &self.how.delimiter)]
        {
            if !value.is_empty() {
                asked = asked.with(name, value);
            }
        }
        let (items, pagination) = (self.ask)(&self.client, asked)?;
        // A page that leads nowhere would have no end.
        self.is_over = !pagination.has_more || pagination.next_offset == self.how.after;
        self.how.after = pagination.next_offset;
        self.page = items.into();
        Ok(())
    }
}

impl<T: Send + 'static> Iterator for Listed<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        while self.page.is_empty() && !self.is_over && self.how.max_amount != Some(0) {
            if let Err(error) = self.more() {
                self.is_over = true;
                return Some(Err(error));
            }
        }
        if self.how.max_amount == Some(0) {
            return None;
        }
        let item = self.page.pop_front()?;
        self.how.max_amount = self.how.max_amount.map(|left| left - 1);
        Some(Ok(item))
    }
}

impl<T> fmt::Debug for Listed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listed").field("how", &self.how).finish_non_exhaustive()
    }
}
