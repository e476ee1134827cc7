//! Two ranges, read only where they differ: a version of a range says nearly all that the one before it says, byte for byte.
//!
//! Invariant: what both have in common they have at the same paths, so that to compare what is left is to compare the ranges.

use std::fmt::Display;

use super::corrupt;
use super::metarange::RangeRow;
use super::range::{HEADER, TreeRange};
use crate::Result;

/// So many bytes are compared at a time.
const STRIDE: usize = 4 << 10;

/// The content of a range, and what its tree says of it.
pub type UnreadRange<'a> = (&'a [u8], &'a RangeRow);

impl TreeRange {
    /// Reads of each of two ranges the entries between the lines that both begin with and those that both end with.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) where one begins or ends otherwise than `tree` says, and where the lines that are
    /// read are none of a range.
    pub fn parse_unlike(one: UnreadRange<'_>, other: UnreadRange<'_>, tree: &dyn Display) -> Result<[Self; 2]> {
        check_ends(one, tree)?;
        check_ends(other, tree)?;
        let ((one, _), (other, _)) = (one, other);
        let start = common_start(one, other);
        let end = common_end(&one[start..], &other[start..]);
        let between = |bytes: &[u8]| match &bytes[start..bytes.len() - end] {
            [] => Ok(Self::default()),
            lines => Self::parse_any([HEADER.as_bytes(), lines].concat(), tree),
        };
        Ok([between(one)?, between(other)?])
    }
}

/// Looks at the first line, and at the last.
fn check_ends((bytes, row): UnreadRange<'_>, tree: &dyn Display) -> Result<()> {
    let wrong = || corrupt(tree, "range");
    let lines = bytes.strip_prefix(HEADER.as_bytes()).and_then(|lines| lines.strip_suffix(b"\n")).ok_or_else(wrong)?;
    let first = lines.split(|b| *b == b'\n').next().unwrap_or_default();
    let last = lines.rsplit(|b| *b == b'\n').next().unwrap_or_default();
    for (line, path) in [(first, &row.first), (last, &row.last)] {
        let read = TreeRange::parse_any([HEADER.as_bytes(), line, b"\n"].concat(), tree)?;
        if read.at(0).is_none_or(|(there, _)| there != path) {
            return Err(wrong());
        }
    }
    Ok(())
}

/// How many bytes both begin with, in whole lines.
fn common_start(one: &[u8], other: &[u8]) -> usize {
    let pairs = || one.chunks_exact(STRIDE).zip(other.chunks_exact(STRIDE));
    let strides = pairs().take_while(|(one, other)| one == other).count() * STRIDE;
    let alike = one[strides..].iter().zip(&other[strides..]).take_while(|(one, other)| one == other).count();
    let common = &one[..strides + alike];
    common.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1)
}

/// How many bytes both end with, in whole lines.
fn common_end(one: &[u8], other: &[u8]) -> usize {
    let pairs = || one.rchunks_exact(STRIDE).zip(other.rchunks_exact(STRIDE));
    let strides = pairs().take_while(|(one, other)| one == other).count() * STRIDE;
    let (left, right) = (&one[..one.len() - strides], &other[..other.len() - strides]);
    let alike = left.iter().rev().zip(right.iter().rev()).take_while(|(one, other)| one == other).count();
    let common = &one[one.len() - strides - alike..];
    // What is before the first end of a line may be the end of a line that begins otherwise.
    common.iter().position(|b| *b == b'\n').map_or(0, |end| common.len() - end - 1)
}
