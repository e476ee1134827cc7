//! A metarange: the content of the file that a tree is, one line for each of its ranges.

use std::fmt::{Display, Write as _};

use super::{check_path, corrupt, number};
use crate::{Digest, Result};

/// The first line.
const HEADER: &str = "datlake tree 2\n";

/// The ranges of a tree, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metarange(Vec<RangeRow>);

/// What a tree says of one of its ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRow {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// How many files are in it.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub content: u64,
    /// Its first path.
    pub first: String,
    /// Its last path.
    pub last: String,
}

impl Metarange {
    /// The tree with these ranges, which are sorted by path.
    pub fn new(rows: Vec<RangeRow>) -> Self {
        Self(rows)
    }

    /// Reads the tree `tree`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for bytes that are no metarange.
    pub fn parse(bytes: &[u8], tree: &dyn Display) -> Result<Self> {
        let wrong = || corrupt(tree, "metarange");
        let text = std::str::from_utf8(bytes).map_err(|e| wrong().because(e))?;
        let lines = text.strip_prefix(HEADER).ok_or_else(wrong)?;
        if !(lines.is_empty() || lines.ends_with('\n')) {
            return Err(wrong());
        }
        let mut rows: Vec<RangeRow> = Vec::new();
        for line in lines.split_terminator('\n') {
            let row = read(line).ok_or_else(wrong)?;
            [&row.first, &row.last]
                .into_iter()
                .try_for_each(|path| check_path(path))
                .map_err(|e| wrong().because(e))?;
            if row.first > row.last || rows.last().is_some_and(|before| before.last >= row.first) {
                return Err(wrong());
            }
            rows.push(row);
        }
        Ok(Self(rows))
    }

    /// Its content.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = HEADER.to_owned();
        for RangeRow { digest, size, files, content, first, last } in &self.0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{digest} {size} {files} {content} {first}\t{last}");
        }
        text.into_bytes()
    }

    /// Its ranges.
    pub fn ranges(&self) -> &[RangeRow] {
        &self.0
    }

    /// The number of the range that has `path`, if any has.
    pub fn find(&self, path: &str) -> Option<usize> {
        let at = self.0.partition_point(|row| row.last.as_str() < path);
        self.0.get(at).filter(|row| row.first.as_str() <= path).map(|_| at)
    }
}

/// Takes the one spelling of a row.
fn read(line: &str) -> Option<RangeRow> {
    let mut parts = line.splitn(5, ' ');
    let digest = parts.next()?.parse().ok()?;
    let mut next = || number(parts.next()?);
    let (size, files, content) = (next()?, next()?, next()?);
    let (first, last) = parts.next()?.split_once('\t')?;
    Some(RangeRow { digest, size, files, content, first: first.to_owned(), last: last.to_owned() })
}
