//! Rows of a list, read while they are asked for.

use std::fmt;

use datlake_core::{Error, ErrorKind, Result};
use datlake_store::offload_method;

use crate::report::{Damage, Row};
use crate::scope;

/// Rows that are read while somebody goes through them: however many there are, a few are held.
///
/// An error ends them. What only is damaged is a row, and ends nothing.
///
/// ```
/// use datlake::Lake;
/// use datlake::report::Row;
///
/// let lake = Lake::temp()?;
/// for name in ["a", "b", "c"] {
///     lake.add_bytes(name, name)?;
/// }
/// let mut sum = 0;
/// for row in lake.unpushed_rows()? {
///     match row? {
///         Row::Whole(file) => sum += file.size,
///         Row::Damaged { damaged } => println!("{} cannot be read: {}", damaged.what, damaged.error),
///     }
/// }
/// assert_eq!(sum, 3);
/// # Ok::<(), datlake::Error>(())
/// ```
#[must_use]
pub struct Rows<T> {
    ready: std::vec::IntoIter<Row<T>>,
    /// Reads some more; `None` where there are no more.
    more: Option<Box<ReadMore<T>>>,
    /// Whether somebody stopped waiting while more were read.
    is_cut: bool,
}

type ReadMore<T> = dyn FnMut() -> Result<Option<Vec<Row<T>>>> + Send;

impl<T> Rows<T> {
    /// The rows that `more` reads, some at a time.
    pub(super) fn new(more: impl FnMut() -> Result<Option<Vec<Row<T>>>> + Send + 'static) -> Self {
        Self { ready: Vec::new().into_iter(), more: Some(Box::new(more)), is_cut: false }
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// The one that ends them; [`ErrorKind::Context`] after a future of this was dropped before it was ready.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("a", "a")?;
    /// let mut rows = lake.file_rows_async("").await?;
    /// assert!(rows.next_async().await?.is_some() && rows.next_async().await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next_async(&mut self) -> Result<Option<Row<T>>>
    where
        T: Send + 'static,
    {
        loop {
            if let Some(row) = self.ready.next() {
                return Ok(Some(row));
            }
            if self.is_cut {
                return Err(Error::new(
                    ErrorKind::Context,
                    "nobody waited for the rows that were read last: list anew",
                ));
            }
            let Some(mut more) = self.more.take() else { return Ok(None) };
            let here = scope::polled_here();
            self.is_cut = true;
            let (rows, more) = offload_method(move || here.run(|| (more(), more))).await?;
            self.is_cut = false;
            let Some(rows) = rows? else { return Ok(None) };
            (self.ready, self.more) = (rows.into_iter(), Some(more));
        }
    }

    /// All of them, and what is damaged.
    ///
    /// # Errors
    /// The one that ends them.
    pub fn all(self) -> Result<(Vec<T>, Vec<Damage>)> {
        let (mut rows, mut damaged) = (Vec::new(), Vec::new());
        for row in self {
            match row? {
                Row::Whole(row) => rows.push(row),
                Row::Damaged { damaged: one } => damaged.push(one),
            }
        }
        Ok((rows, damaged))
    }
}

impl<T> Iterator for Rows<T> {
    type Item = Result<Row<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.ready.next() {
                return Some(Ok(row));
            }
            match self.more.as_mut()?() {
                Ok(Some(rows)) => self.ready = rows.into_iter(),
                end => {
                    self.more = None;
                    return end.err().map(Err);
                }
            }
        }
    }
}

impl<T> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}
