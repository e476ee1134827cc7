//! A range: a piece of a tree's entries, one line for each.

use std::fmt::{Display, Write as _};

use super::entry::TreeEntry;
use super::metarange::RangeRow;
use super::{check_path, corrupt};
use crate::Result;

/// The first line.
const HEADER: &str = "datlake range 1\n";
/// The first line of a range of attributes.
const ATTRIBUTES: &str = "datlake attributes 1\n";

/// Entries of a tree, sorted by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRange(Vec<(String, TreeEntry)>);

impl TreeRange {
    /// Reads the range that `row` of a metarange of `tree` is about.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for bytes that are no range, or not that one.
    pub fn parse(bytes: &[u8], row: &RangeRow, tree: &dyn Display) -> Result<Self> {
        Self::parse_any(bytes, tree)?.of(row, tree)
    }

    /// As [`parse`](Self::parse), of the attributes of a commit.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_attributes(bytes: &[u8], row: &RangeRow, tree: &dyn Display) -> Result<Self> {
        Self::parse_as(ATTRIBUTES, bytes, tree)?.of(row, tree)
    }

    fn of(self, row: &RangeRow, tree: &dyn Display) -> Result<Self> {
        let is = |at: Option<&(String, TreeEntry)>, wanted: &str| at.is_some_and(|(path, _)| path == wanted);
        if is(self.0.first(), &row.first) && is(self.0.last(), &row.last) {
            return Ok(self);
        }
        Err(corrupt(tree, "range"))
    }

    /// Reads a range of `tree`, whichever it is.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for bytes that are no range.
    pub fn parse_any(bytes: &[u8], tree: &dyn Display) -> Result<Self> {
        Self::parse_as(HEADER, bytes, tree)
    }

    fn parse_as(header: &str, bytes: &[u8], tree: &dyn Display) -> Result<Self> {
        let wrong = || corrupt(tree, "range");
        let text = std::str::from_utf8(bytes).map_err(|e| wrong().because(e))?;
        let lines = text.strip_prefix(header).ok_or_else(wrong)?;
        let mut entries: Vec<(String, TreeEntry)> = Vec::new();
        for line in lines.split_terminator('\n') {
            let found = if header == HEADER { read(line) } else { read_attributes(line) };
            let (path, entry) = found.ok_or_else(wrong)?;
            check_path(path).map_err(|e| wrong().because(e))?;
            let leads_out = matches!(entry, TreeEntry::Link(_)) && entry.target(path).is_none();
            if leads_out || entries.last().is_some_and(|(before, _)| before.as_str() >= path) {
                return Err(wrong());
            }
            entries.push((path.to_owned(), entry));
        }
        let range = Self(entries);
        // Only the one spelling counts.
        if range.0.is_empty() || to_bytes(range.entries()) != bytes {
            return Err(wrong());
        }
        Ok(range)
    }

    /// Its entries.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &TreeEntry)> {
        self.0.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// Its entries, each with its path.
    pub fn into_entries(self) -> Vec<(String, TreeEntry)> {
        self.0
    }

    /// The first entry from `path` on, or behind it.
    pub fn first(&self, path: &str, behind: bool) -> Option<(&str, &TreeEntry)> {
        let at = self.0.partition_point(|(there, _)| there.as_str() < path || (behind && there == path));
        self.0.get(at).map(|(path, entry)| (path.as_str(), entry))
    }

    /// What is at `path`.
    pub fn get(&self, path: &str) -> Option<(&str, &TreeEntry)> {
        let at = self.0.binary_search_by(|(there, _)| there.as_str().cmp(path)).ok()?;
        self.0.get(at).map(|(path, entry)| (path.as_str(), entry))
    }
}

/// The entry of a line.
fn read(line: &str) -> Option<(&str, TreeEntry)> {
    let (kind, rest) = line.split_once(' ')?;
    match kind {
        "d" => Some((rest, TreeEntry::Folder)),
        "l" => {
            let (path, target) = rest.split_once('\t')?;
            Some((path, TreeEntry::Link(target.to_owned())))
        }
        "f" | "x" => {
            let (digest, rest) = rest.split_once(' ')?;
            let (size, path) = rest.split_once(' ')?;
            Some((path, TreeEntry::file(digest.parse().ok()?, size.parse().ok()?, kind == "x")))
        }
        _ => None,
    }
}

fn read_attributes(line: &str) -> Option<(&str, TreeEntry)> {
    let (path, noted) = line.split_once('\t')?;
    Some((path, TreeEntry::Attributes(serde_json::from_str(noted).ok()?)))
}

/// The content of a range with these `entries`, which are sorted by path.
pub fn to_bytes<'a>(entries: impl Iterator<Item = (&'a str, &'a TreeEntry)>) -> Vec<u8> {
    let mut entries = entries.peekable();
    let is_attributes = matches!(entries.peek(), Some((_, TreeEntry::Attributes(_))));
    let mut text = if is_attributes { ATTRIBUTES } else { HEADER }.to_owned();
    for (path, entry) in entries {
        // Writing to a string cannot fail.
        let _ = match entry {
            TreeEntry::File { digest, size, executable } => {
                writeln!(text, "{} {digest} {size} {path}", if *executable { 'x' } else { 'f' })
            }
            TreeEntry::Link(target) => writeln!(text, "l {path}\t{target}"),
            TreeEntry::Folder => writeln!(text, "d {path}"),
            TreeEntry::Attributes(noted) => writeln!(text, "{path}\t{}", noted.line()),
        };
    }
    text.into_bytes()
}
