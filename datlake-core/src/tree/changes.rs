//! Trees that are made of others by a few changes: only the ranges are read in which something changes.

use std::collections::{BTreeMap, HashSet};

use super::entries::close;
use super::entry::TreeEntry;
use super::metarange::{Metarange, RangeRow};
use super::range::TreeRange;
use super::{check_path, ends_with};
use crate::Result;

/// What is at paths from now on; `None` for what is deleted.
pub type TreeChanges = BTreeMap<String, Option<TreeEntry>>;

/// Reads a range of a tree.
pub type LoadRange<'a> = &'a mut dyn FnMut(&RangeRow) -> Result<TreeRange>;

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
        let (mut made, mut changes) = (Making::default(), changes.iter().peekable());
        for (at, row) in self.ranges().iter().enumerate() {
            let is_last = at + 1 == self.ranges().len();
            let mut here: BTreeMap<&str, &Option<TreeEntry>> = BTreeMap::new();
            while let Some((path, entry)) = changes.next_if(|(path, _)| is_last || **path <= row.last) {
                here.insert(path, entry);
            }
            // Where one begins at the same path and nothing changes, it ends at the same path.
            if here.is_empty() && made.open.is_empty() {
                made.rows.push(row.clone());
                continue;
            }
            for (path, entry) in load(row)?.entries() {
                while let Some(new) = here.first_entry().filter(|new| **new.key() < *path) {
                    made.push(new.key(), new.get().as_ref())?;
                    new.remove();
                }
                match here.remove(path) {
                    Some(new) => made.push(path, new.as_ref())?,
                    None => made.push(path, Some(entry))?,
                }
            }
            for (path, new) in here {
                made.push(path, new.as_ref())?;
            }
        }
        for (path, new) in changes {
            made.push(path, new.as_ref())?;
        }
        made.close();
        let known: HashSet<_> = self.ranges().iter().map(|row| row.digest).collect();
        made.ranges.retain(|bytes| !known.contains(&crate::Digest::of(bytes)));
        Ok(ChangedTree { metarange: Metarange::new(made.rows), ranges: made.ranges })
    }
}

/// A tree that is being made.
#[derive(Default)]
struct Making {
    open: Vec<(String, TreeEntry)>,
    rows: Vec<RangeRow>,
    ranges: Vec<Vec<u8>>,
}

impl Making {
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
}
