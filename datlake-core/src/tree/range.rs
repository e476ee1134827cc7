//! A range: a piece of a tree's entries, one line for each.

use std::fmt::{Display, Write as _};
use std::ops::Range;

use super::addressed::AddressedFile;
use super::entry::TreeEntry;
use super::metarange::RangeRow;
use super::{check_path, corrupt, number};
use crate::Result;

/// The first line.
pub(super) const HEADER: &str = "datlake range 1\n";
/// The first line of a range of attributes.
const ATTRIBUTES: &str = "datlake attributes 1\n";

/// Entries of a tree, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeRange {
    text: String,
    entries: Vec<Line>,
}

/// An entry, and where its path is in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    path: Range<usize>,
    entry: TreeEntry,
}

impl TreeRange {
    /// Reads the range that `row` of a metarange of `tree` is about.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for bytes that are no range, or not that one.
    pub fn parse(bytes: impl Into<Vec<u8>>, row: &RangeRow, tree: &dyn Display) -> Result<Self> {
        Self::parse_any(bytes, tree)?.of(row, tree)
    }

    /// As [`parse`](Self::parse), of the attributes of a commit.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_attributes(bytes: impl Into<Vec<u8>>, row: &RangeRow, tree: &dyn Display) -> Result<Self> {
        Self::parse_as(ATTRIBUTES, bytes.into(), tree)?.of(row, tree)
    }

    fn of(self, row: &RangeRow, tree: &dyn Display) -> Result<Self> {
        let is = |line: Option<&Line>, wanted: &str| line.is_some_and(|line| self.path(line) == wanted);
        if is(self.entries.first(), &row.first) && is(self.entries.last(), &row.last) {
            return Ok(self);
        }
        Err(corrupt(tree, "range"))
    }

    /// Reads a range of `tree`, whichever it is.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for bytes that are no range.
    pub fn parse_any(bytes: impl Into<Vec<u8>>, tree: &dyn Display) -> Result<Self> {
        Self::parse_as(HEADER, bytes.into(), tree)
    }

    fn parse_as(header: &str, bytes: Vec<u8>, tree: &dyn Display) -> Result<Self> {
        let wrong = || corrupt(tree, "range");
        let text = String::from_utf8(bytes).map_err(|e| wrong().because(e))?;
        let lines = text.strip_prefix(header).filter(|lines| lines.ends_with('\n')).ok_or_else(wrong)?;
        let (mut before, mut again) = ("", String::new());
        let mut entries = Vec::with_capacity(lines.bytes().filter(|b| *b == b'\n').count());
        for line in lines.split_terminator('\n') {
            let found = if header == HEADER { read(line) } else { read_attributes(line) };
            let (path, entry) = found.ok_or_else(wrong)?;
            check_path(path).map_err(|e| wrong().because(e))?;
            let leads_out = matches!(entry, TreeEntry::Link(_)) && entry.target(path).is_none();
            if leads_out || before >= path || !is_spelled(line, path, &entry, &mut again) {
                return Err(wrong());
            }
            // Where it is in the text that it is a piece of.
            let start = path.as_ptr().addr() - text.as_ptr().addr();
            entries.push(Line { path: start..start + path.len(), entry });
            before = path;
        }
        Ok(Self { text, entries })
    }

    fn path(&self, line: &Line) -> &str {
        &self.text[line.path.clone()]
    }

    fn pair<'a>(&'a self, line: &'a Line) -> (&'a str, &'a TreeEntry) {
        (self.path(line), &line.entry)
    }

    /// Its entries.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &TreeEntry)> {
        self.entries.iter().map(|line| self.pair(line))
    }

    /// The entry of this number.
    pub(super) fn at(&self, n: usize) -> Option<(&str, &TreeEntry)> {
        self.entries.get(n).map(|line| self.pair(line))
    }

    /// Its entries, each with its path.
    pub fn into_entries(self) -> Vec<(String, TreeEntry)> {
        let Self { text, entries } = self;
        entries.into_iter().map(|line| (text[line.path].to_owned(), line.entry)).collect()
    }

    /// The first entry from `path` on, or behind it.
    pub fn first(&self, path: &str, behind: bool) -> Option<(&str, &TreeEntry)> {
        let is_before = |line: &Line| self.path(line) < path || (behind && self.path(line) == path);
        self.at(self.entries.partition_point(is_before))
    }

    /// What is at `path`.
    pub fn get(&self, path: &str) -> Option<(&str, &TreeEntry)> {
        self.first(path, false).filter(|(there, _)| *there == path)
    }
}

/// The entry of a line.
fn read(line: &str) -> Option<(&str, TreeEntry)> {
    if let Some(file) = read_file(line) {
        return Some(file);
    }
    let (kind, rest) = line.split_once(' ')?;
    match kind {
        "d" => Some((rest, TreeEntry::Folder)),
        "a" => AddressedFile::of_line(rest).map(|(path, file)| (path, TreeEntry::Addressed(file.into()))),
        "l" => {
            let (path, target) = rest.split_once('\t')?;
            Some((path, TreeEntry::Link(target.to_owned())))
        }
        _ => None,
    }
}

/// A file, of which a tree has very many: where what stands is known but for the length of its size.
fn read_file(line: &str) -> Option<(&str, TreeEntry)> {
    let (digest, rest) = (line.get(2..66)?, line.get(67..)?);
    let is_executable = match (line.as_bytes().first_chunk()?, line.as_bytes()[66]) {
        (b"f ", b' ') => false,
        (b"x ", b' ') => true,
        _ => return None,
    };
    let end = rest.bytes().position(|b| b == b' ')?;
    let (size, path) = (number(&rest[..end])?, &rest[end + 1..]);
    Some((path, TreeEntry::file(digest.parse().ok()?, size, is_executable)))
}

/// Whether `line` is how an entry is written: only the one spelling counts.
fn is_spelled(line: &str, path: &str, entry: &TreeEntry, again: &mut String) -> bool {
    // Of these `read_file` takes one spelling.
    if matches!(entry, TreeEntry::File { .. }) {
        return true;
    }
    again.clear();
    write(again, path, entry);
    again.strip_suffix('\n') == Some(line)
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
        write(&mut text, path, entry);
    }
    text.into_bytes()
}

/// Writes the line of an entry.
fn write(text: &mut String, path: &str, entry: &TreeEntry) {
    // Writing to a string cannot fail.
    let _ = match entry {
        TreeEntry::File { digest, size, executable } => {
            writeln!(text, "{} {digest} {size} {path}", if *executable { 'x' } else { 'f' })
        }
        TreeEntry::Addressed(file) => writeln!(text, "a {}", file.line(path)),
        TreeEntry::Link(target) => writeln!(text, "l {path}\t{target}"),
        TreeEntry::Folder => writeln!(text, "d {path}"),
        TreeEntry::Attributes(noted) => writeln!(text, "{path}\t{}", noted.line()),
    };
}
