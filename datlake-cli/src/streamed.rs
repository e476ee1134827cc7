//! Rows of an answer that are read while they are shown, however many there are.

use std::sync::{Mutex, MutexGuard, PoisonError};

use datlake::report::{Damage, Row};
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};

/// Rows that are shown once. What is damaged stands behind them, in JSON and in warnings.
pub(crate) struct Streamed<T>(Mutex<Reading<T>>);

struct Reading<T> {
    rows: Box<dyn Iterator<Item = datlake::Result<Row<T>>> + Send>,
    damaged: Vec<Damage>,
    failure: Option<datlake::Error>,
}

impl<T> Streamed<T> {
    pub(crate) fn new(rows: impl Iterator<Item = datlake::Result<Row<T>>> + Send + 'static) -> Self {
        Self(Mutex::new(Reading { rows: Box::new(rows), damaged: Vec::new(), failure: None }))
    }

    fn reading(&self) -> MutexGuard<'_, Reading<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next row; `None` at the end, which may be a [failure](Self::failure).
    pub(crate) fn next(&self) -> Option<T> {
        let mut reading = self.reading();
        while reading.failure.is_none() {
            match reading.rows.next()? {
                Ok(Row::Whole(row)) => return Some(row),
                Ok(Row::Damaged { damaged }) => reading.damaged.push(damaged),
                Err(error) => reading.failure = Some(error),
            }
        }
        None
    }

    /// The rows that are left.
    pub(crate) fn rest(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.next())
    }

    /// What could not be read so far.
    pub(crate) fn damaged(&self) -> Vec<Damage> {
        self.reading().damaged.clone()
    }

    /// What ended the rows too early.
    pub(crate) fn failure(&self) -> Option<anyhow::Error> {
        self.reading().failure.take().map(anyhow::Error::new)
    }

    /// Writes the list of what `shown` makes of each row, and behind it what could not be read.
    pub(crate) fn list<R: Serialize, S: Serializer>(
        &self,
        to: S,
        shown: impl FnMut(T) -> Option<R>,
    ) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        self.write_rows(&mut list, shown)?;
        for damaged in self.damaged() {
            list.serialize_element(&Row::<()>::Damaged { damaged })?;
        }
        list.end()
    }

    /// A list that broke off is not closed, so that nobody takes it for all.
    fn write_rows<R: Serialize, S: SerializeSeq>(
        &self,
        list: &mut S,
        mut shown: impl FnMut(T) -> Option<R>,
    ) -> Result<(), S::Error> {
        for row in self.rest() {
            if let Some(row) = shown(row) {
                list.serialize_element(&row)?;
            }
        }
        match self.reading().failure {
            Some(_) => Err(S::Error::custom("the list broke off")),
            None => Ok(()),
        }
    }
}

/// The rows alone.
impl<T: Serialize> Serialize for Streamed<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        self.write_rows(&mut list, Some)?;
        list.end()
    }
}

impl<T> std::fmt::Debug for Streamed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streamed").finish_non_exhaustive()
    }
}
