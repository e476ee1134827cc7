//! The entries of a tree, in the order of their paths' bytes.

use std::collections::BTreeMap;

use super::entry::TreeEntry;
use super::metarange::{Metarange, RangeRow};
use super::{check_path, ends_with, range};
use crate::{Digest, Error, ErrorKind, Result};

/// Entries that become a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeEntries(BTreeMap<String, TreeEntry>);

/// A range of a tree, as it is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeBytes {
    /// What the tree says of it.
    pub row: RangeRow,
    /// Its content.
    pub bytes: Vec<u8>,
}

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
        check_entry(path, &entry)?;
        if self.0.contains_key(path) {
            return Err(wrong(path, TWICE));
        }
        if folders_of(path).any(|folder| self.0.contains_key(folder)) || self.has_below(path) {
            return Err(wrong(path, BOTH));
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

const TWICE: &str = "there is something at that path";
const BOTH: &str = "one path would be a folder and something else";

fn wrong(path: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("cannot put `{path}` into the tree: {why}"))
}

fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// Whether a tree may have `entry` at `path`.
fn check_entry(path: &str, entry: &TreeEntry) -> Result<()> {
    check_path(path)?;
    match entry {
        TreeEntry::Link(_) if entry.target(path).is_none() => Err(wrong(path, "the link leads out of it")),
        TreeEntry::Addressed(file) if !file.is_valid() => Err(wrong(path, "its address cannot stand there")),
        TreeEntry::Attributes(_) => Err(wrong(path, "a tree has no attributes")),
        _ => Ok(()),
    }
}

/// Whether `sorted`, whose paths `path` tells, can be the paths of one tree.
///
/// # Errors
/// As [`TreeEntries::insert`].
pub fn check_sorted<T>(sorted: &[T], path: impl Fn(&T) -> &str) -> Result<()> {
    for (at, one) in sorted.iter().enumerate() {
        let name = path(one);
        if at > 0 && path(&sorted[at - 1]) >= name {
            return Err(wrong(name, TWICE));
        }
        if folders_of(name).any(|folder| sorted[..at].binary_search_by(|other| path(other).cmp(folder)).is_ok()) {
            return Err(wrong(name, BOTH));
        }
    }
    Ok(())
}

impl RangeBytes {
    /// The range of `entries`, sorted by path, which [end](super::ends) where a range does; `None` of none.
    ///
    /// # Errors
    /// As [`TreeEntries::insert`], of each by itself.
    pub fn of(entries: &[(&str, TreeEntry)]) -> Result<Option<Self>> {
        entries.iter().try_for_each(|(path, entry)| check_entry(path, entry))?;
        Ok(Self::made(entries.iter().map(|(path, entry)| (*path, entry)).collect()))
    }

    fn made(entries: Vec<(&str, &TreeEntry)>) -> Option<Self> {
        let (first, last) = (entries.first()?.0.to_owned(), entries.last()?.0.to_owned());
        let sizes: Vec<u64> = entries.iter().filter_map(|(_, entry)| entry.size()).collect();
        let bytes = range::to_bytes(entries.into_iter());
        let content = sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
        let (digest, size, files) = (Digest::of(&bytes), bytes.len() as u64, sizes.len() as u64);
        Some(Self { row: RangeRow { digest, size, files, content, first, last }, bytes })
    }
}

/// Ends a range: its row in the metarange.
pub(super) fn close(open: &mut Vec<(&str, &TreeEntry)>, ranges: &mut Vec<Vec<u8>>) -> Option<RangeRow> {
    let RangeBytes { row, bytes } = RangeBytes::made(std::mem::take(open))?;
    ranges.push(bytes);
    Some(row)
}
