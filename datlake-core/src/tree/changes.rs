//! Trees that are made of others by a few changes: only the ranges are read in which something changes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::entries::close;
use super::entry::TreeEntry;
use super::metarange::{Metarange, RangeRow};
use super::range::TreeRange;
use super::{check_path, ends_with};
use crate::Result;

/// What is at paths from now on; `None` for what is deleted.
pub type TreeChanges = BTreeMap<String, Option<TreeEntry>>;

/// Reads a range of a tree.
pub type LoadRange<'a> = &'a mut dyn FnMut(&RangeRow) -> Result<Arc<TreeRange>>;

/// A tree that was made of another.
#[derive(Debug)]
pub struct ChangedTree {
    /// The tree.
    pub metarange: Metarange,
    /// The content of the ranges that the other has not.
    pub ranges: Vec<Vec<u8>>,
}

impl Metarange {
    /// The tree with `changes`: byte for byte the one that is made of all its entries at once.
    ///
    /// # Errors
    /// Those of `load`; [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a path that no UID may have.
    pub fn with(&self, changes: &TreeChanges, load: LoadRange<'_>) -> Result<ChangedTree> {
        let mut made = Making::default();
        made.changed(self.ranges(), self, changes, load)?;
        Ok(made.finish(&[self]))
    }
}

/// A tree that is being made.
#[derive(Default)]
pub(super) struct Making {
    open: Vec<(String, TreeEntry)>,
    rows: Vec<RangeRow>,
    ranges: Vec<Vec<u8>>,
    /// A range that ends where its tree did: it stays as it is if nothing follows.
    end: Option<RangeRow>,
}

impl Making {
    /// Ranges of the tree `of`, as they are wherever they can be.
    pub(super) fn unchanged(&mut self, rows: &[RangeRow], of: &Metarange, load: LoadRange<'_>) -> Result<()> {
        rows.iter().try_for_each(|row| self.row(row, of, load))
    }

    fn row(&mut self, row: &RangeRow, of: &Metarange, load: LoadRange<'_>) -> Result<()> {
        self.go_on(load)?;
        let is_last = of.ranges().last().is_some_and(|last| last.last == row.last);
        match (self.open.is_empty(), is_last) {
            // Where one begins at the same path and nothing changes, it ends at the same path.
            (true, false) => self.rows.push(row.clone()),
            (true, true) => self.end = Some(row.clone()),
            (false, _) => load(row)?.entries().try_for_each(|(path, entry)| self.push(path, Some(entry)))?,
        }
        Ok(())
    }

    /// Some ranges of the tree `of` with `changes`.
    pub(super) fn changed(
        &mut self,
        rows: &[RangeRow],
        of: &Metarange,
        changes: &TreeChanges,
        load: LoadRange<'_>,
    ) -> Result<()> {
        let mut changes = changes.iter().peekable();
        for (at, row) in rows.iter().enumerate() {
            let is_last = at + 1 == rows.len();
            let mut here: BTreeMap<&str, &Option<TreeEntry>> = BTreeMap::new();
            while let Some((path, entry)) = changes.next_if(|(path, _)| is_last || **path <= row.last) {
                here.insert(path, entry);
            }
            if here.is_empty() {
                self.row(row, of, load)?;
                continue;
            }
            self.go_on(load)?;
            for (path, entry) in load(row)?.entries() {
                while let Some(new) = here.first_entry().filter(|new| **new.key() < *path) {
                    self.push(new.key(), new.get().as_ref())?;
                    new.remove();
                }
                match here.remove(path) {
                    Some(new) => self.push(path, new.as_ref())?,
                    None => self.push(path, Some(entry))?,
                }
            }
            for (path, new) in here {
                self.push(path, new.as_ref())?;
            }
        }
        if changes.peek().is_some() {
            self.go_on(load)?;
        }
        changes.try_for_each(|(path, new)| self.push(path, new.as_ref()))
    }

    /// Before more comes: what ended a tree ends this one no longer.
    fn go_on(&mut self, load: LoadRange<'_>) -> Result<()> {
        let Some(row) = self.end.take() else { return Ok(()) };
        load(&row)?.entries().try_for_each(|(path, entry)| self.push(path, Some(entry)))
    }

    fn push(&mut self, path: &str, entry: Option<&TreeEntry>) -> Result<()> {
        let Some(entry) = entry else { return Ok(()) };
        check_path(path)?;
        self.open.push((path.to_owned(), entry.clone()));
        if ends_with(path, self.open.len()) {
            self.close();
        }
        Ok(())
    }

    fn close(&mut self) {
        let mut open: Vec<_> = self.open.iter().map(|(path, entry)| (path.as_str(), entry)).collect();
        self.rows.extend(close(&mut open, &mut self.ranges));
        self.open.clear();
    }

    /// The tree, with the ranges that none of those has which it was made of.
    pub(super) fn finish(mut self, of: &[&Metarange]) -> ChangedTree {
        self.close();
        self.rows.extend(self.end.take());
        let known: HashSet<_> = of.iter().flat_map(|tree| tree.ranges()).map(|row| row.digest).collect();
        self.ranges.retain(|bytes| !known.contains(&crate::Digest::of(bytes)));
        ChangedTree { metarange: Metarange::new(self.rows), ranges: self.ranges }
    }
}
