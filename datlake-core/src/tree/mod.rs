//! What is in a tree: a *metarange*, the content of the file that a tree is, lists *ranges*, each a piece of its sorted entries.
//!
//! Where a range ends is said by the path it ends with, so that equal stretches of two trees are the same range: one file changed in
//! a million makes one range and one metarange.

mod addressed;
mod attributes;
mod changes;
mod diff;
mod entries;
mod entry;
mod locations;
mod merge;
mod metarange;
mod range;
mod segments;
mod sorted_changes;
mod unlike;

pub use addressed::{AddressedFile, FilesOutside};
pub use attributes::ObjectAttributes;
pub use changes::{ChangedTree, LoadRange, TreeChanges};
pub use diff::{RangePair, Span, TreeDifference, diff, differing};
pub use entries::{RangeBytes, TreeBytes, TreeEntries, check_sorted};
pub use entry::TreeEntry;
pub use locations::{InPack, PACK_FEWEST, PACK_MOST, PACK_SIZE, PACKED_BELOW, PackLocations};
pub use merge::{Conflict, LoadRanges, Merged, NotedTree, Winner, merge};
pub use metarange::{Metarange, RangeRow};
pub use range::{TreeRange, to_bytes as range_bytes};
pub use sorted_changes::TreeChange;
pub use unlike::UnreadRange;

use crate::uid::is_plain;
use crate::{Error, ErrorKind, Result, Uid};

/// A range ends behind a path whose hash is a multiple of this: so many entries are in one, on average.
const ENDS: u64 = 1024;
/// Fewer entries are only in the last range.
const FEWEST: usize = 64;
/// A range ends with so many, whatever their paths.
const MOST: usize = 8192;

/// Whether a range of `entries` ends with the entry `path`.
fn ends_with(path: &str, entries: usize) -> bool {
    let hash = blake3::hash(path.as_bytes());
    let first = hash.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    entries >= MOST || (entries >= FEWEST && first.is_multiple_of(ENDS))
}

/// Where ranges end among the sorted `paths` of a tree: behind which of them.
pub fn ends<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let (mut ends, mut open, mut at) = (Vec::new(), 0, 0);
    for path in paths {
        (open, at) = (open + 1, at + 1);
        if ends_with(path, open) {
            ends.push(at);
            open = 0;
        }
    }
    if open > 0 {
        ends.push(at);
    }
    ends
}

/// A number as it is written in trees: in digits, the first of which is no 0 but that of 0 itself.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

pub(crate) fn check_path(path: &str) -> Result<()> {
    // Of a million paths nearly all are plain.
    if is_plain(path) { Ok(()) } else { Uid::chosen(path).map(drop) }
}

/// What a tree's damaged bytes are an error of.
fn corrupt(tree: &dyn std::fmt::Display, what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("`{tree}` is no {what} of a tree"))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) mod reference;
