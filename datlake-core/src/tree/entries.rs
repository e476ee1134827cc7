//! The entries of a tree, in the order of their paths' bytes.

use std::collections::BTreeMap;

use super::entry::TreeEntry;
use super::metarange::{Metarange, RangeRow};
use super::{check_path, ends_with, range};
use crate::{Digest, Error, ErrorKind, Result};

/// Entries that become a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeEntries(BTreeMap<String, TreeEntry>);

/// What a tree is made of.
#[derive(Debug)]
pub struct TreeBytes {
    /// The content of the tree itself.
    pub metarange: Vec<u8>,
    /// The content of each of its ranges.
    pub ranges: Vec<Vec<u8>>,
}

impl TreeEntries {
    /// Puts an entry in.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a path no UID may have, one that is there, what would be a folder and something else, and a
    /// link that leads out of the tree.
    pub fn insert(&mut self, path: &str, entry: TreeEntry) -> Result<()> {
        check_path(path)?;
        let wrong =
            |why: &str| Err(Error::new(ErrorKind::InvalidInput, format!("cannot put `{path}` into the tree: {why}")));
        if matches!(entry, TreeEntry::Link(_)) && entry.target(path).is_none() {
            return wrong("the link leads out of it");
        }
        if let TreeEntry::Addressed(file) = &entry
            && !file.is_valid()
        {
            return wrong("its address cannot stand there");
        }
        if matches!(entry, TreeEntry::Attributes(_)) {
            return wrong("a tree has no attributes");
        }
        if self.0.contains_key(path) {
            return wrong("there is something at that path");
        }
        let mut folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        if folders.any(|folder| self.0.contains_key(folder)) || self.has_below(path) {
            return wrong("one path would be a folder and something else");
        }
        self.0.insert(path.to_owned(), entry);
        Ok(())
    }

    fn has_below(&self, folder: &str) -> bool {
        let from = format!("{folder}/");
        self.0.range(from.clone()..).next().is_some_and(|(path, _)| path.starts_with(&from))
    }

    /// The content of the tree and of its ranges.
    pub fn to_bytes(&self) -> TreeBytes {
        let (mut ranges, mut rows) = (Vec::new(), Vec::new());
        let mut open = Vec::new();
        for (path, entry) in &self.0 {
            open.push((path.as_str(), entry));
            if ends_with(path, open.len()) {
                rows.extend(close(&mut open, &mut ranges));
            }
        }
        rows.extend(close(&mut open, &mut ranges));
        TreeBytes { metarange: Metarange::new(rows).to_bytes(), ranges }
    }
}

/// Ends a range: its row in the metarange.
pub(super) fn close(open: &mut Vec<(&str, &TreeEntry)>, ranges: &mut Vec<Vec<u8>>) -> Option<RangeRow> {
    let entries = std::mem::take(open);
    let (first, last) = (entries.first()?.0.to_owned(), entries.last()?.0.to_owned());
    let sizes: Vec<u64> = entries.iter().filter_map(|(_, entry)| entry.size()).collect();
    let bytes = range::to_bytes(entries.into_iter());
    let (digest, size, files) = (Digest::of(&bytes), bytes.len() as u64, sizes.len() as u64);
    ranges.push(bytes);
    Some(RangeRow {
        digest,
        size,
        files,
        content: sizes.iter().fold(0, |sum, size| sum.saturating_add(*size)),
        first,
        last,
    })
}
