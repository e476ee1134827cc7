//! Trees that are made of others by very many changes, which nobody holds.

use std::collections::HashSet;
use std::iter::Peekable;

use super::changes::LoadRange;
use super::entries::close;
use super::entry::TreeEntry;
use super::metarange::{Metarange, RangeRow};
use super::{check_path, ends_with};
use crate::{Digest, Error, ErrorKind, Result};

/// A path at which something changes, and what is there from now on.
pub type TreeChange = (String, Option<TreeEntry>);

impl Metarange {
    /// The tree with `changes`, which come sorted by path, each path once: none of it is held but the range that is being made. `put` gets
    /// the content of each range that this tree has not.
    ///
    /// # Errors
    /// Those of `load`, `put` and the changes; [`ErrorKind::InvalidInput`] for a path that no UID may have, and for paths out of order.
    pub fn with_sorted(
        &self,
        changes: impl Iterator<Item = Result<TreeChange>>,
        load: LoadRange<'_>,
        put: &mut dyn FnMut(Vec<u8>) -> Result<()>,
    ) -> Result<Self> {
        let known = self.ranges().iter().map(|row| row.digest).collect();
        let mut made = Streamed { open: Vec::new(), rows: Vec::new(), known, put };
        let mut changes = SortedChanges { left: changes.peekable(), last: None };
        for (at, row) in self.ranges().iter().enumerate() {
            let is_last = at + 1 == self.ranges().len();
            let is_changed = changes.has(|path| is_last || path <= row.last.as_str())?;
            // Where one begins at the same path and nothing changes, it ends at the same path.
            if !is_changed && made.open.is_empty() {
                made.rows.push(row.clone());
                continue;
            }
            for (path, entry) in load(row)?.entries() {
                while let Some((new_path, new)) = changes.next_if(|new| new < path)? {
                    made.push(new_path, new)?;
                }
                match changes.next_if(|new| new == path)? {
                    Some((path, new)) => made.push(path, new)?,
                    None => made.push(path.to_owned(), Some(entry.clone()))?,
                }
            }
        }
        while let Some((path, new)) = changes.next_if(|_| true)? {
            made.push(path, new)?;
        }
        made.close()?;
        Ok(Self::new(made.rows))
    }
}

/// Changes that are still to be made.
struct SortedChanges<I: Iterator<Item = Result<TreeChange>>> {
    left: Peekable<I>,
    last: Option<String>,
}

impl<I: Iterator<Item = Result<TreeChange>>> SortedChanges<I> {
    /// Whether the next one is at such a path.
    fn has(&mut self, is_meant: impl Fn(&str) -> bool) -> Result<bool> {
        match self.left.peek() {
            Some(Ok((path, _))) => Ok(is_meant(path)),
            Some(Err(error)) => Err(error.clone()),
            None => Ok(false),
        }
    }

    /// The next one, if it is at such a path.
    fn next_if(&mut self, is_meant: impl Fn(&str) -> bool) -> Result<Option<TreeChange>> {
        if !self.has(is_meant)? {
            return Ok(None);
        }
        let Some(next) = self.left.next().transpose()? else { return Ok(None) };
        if self.last.as_ref().is_some_and(|last| *last >= next.0) {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is not behind the path before it", next.0)));
        }
        self.last = Some(next.0.clone());
        Ok(Some(next))
    }
}

/// A tree that is being made.
struct Streamed<'a> {
    open: Vec<(String, TreeEntry)>,
    rows: Vec<RangeRow>,
    /// Ranges that are there.
    known: HashSet<Digest>,
    put: &'a mut dyn FnMut(Vec<u8>) -> Result<()>,
}

impl Streamed<'_> {
    fn push(&mut self, path: String, entry: Option<TreeEntry>) -> Result<()> {
        let Some(entry) = entry else { return Ok(()) };
        check_path(&path)?;
        let ends = ends_with(&path, self.open.len() + 1);
        self.open.push((path, entry));
        if ends { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<()> {
        let mut open: Vec<_> = self.open.iter().map(|(path, entry)| (path.as_str(), entry)).collect();
        let mut ranges = Vec::new();
        if let Some(row) = close(&mut open, &mut ranges) {
            if !self.known.contains(&row.digest) {
                ranges.into_iter().try_for_each(&mut self.put)?;
            }
            self.rows.push(row);
        }
        self.open.clear();
        Ok(())
    }
}
