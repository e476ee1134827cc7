//! Sets and maps: entries are written as they come, then put in the order of their bytes, and their files with them, unless
//! their own order counts.

use std::ops::Range;

use super::buffer::{Encoder, write_len};
use crate::FileRef;

/// The entries of a set or a map, while they are written to the end of the encoder's buffer.
pub(super) struct Entries {
    start: Mark,
    ends: Vec<Mark>,
}

#[derive(Clone, Copy)]
struct Mark {
    bytes: usize,
    files: usize,
}

impl Mark {
    fn at_end_of(encoder: &Encoder<'_>) -> Self {
        Self { bytes: encoder.bytes.len(), files: encoder.files.len() }
    }
}

impl Entries {
    pub(super) fn start(encoder: &Encoder<'_>, expected: Option<usize>) -> Self {
        // What a `Serialize` promises of its length is not to be believed without a bound.
        let ends = Vec::with_capacity(expected.unwrap_or(0).min(1024));
        Self { start: Mark::at_end_of(encoder), ends }
    }

    /// What was written since the last entry is one more.
    pub(super) fn close_entry(&mut self, encoder: &Encoder<'_>) {
        self.ends.push(Mark::at_end_of(encoder));
    }

    /// Puts `tag` before the entries and their count behind them.
    pub(super) fn finish_ordered(self, encoder: &mut Encoder<'_>, tag: u8) {
        encoder.bytes.insert(self.start.bytes, tag);
        encoder.end(self.ends.len());
    }

    /// Writes `tag`, the count and the sorted entries in place of what came in any order.
    pub(super) fn finish(self, encoder: &mut Encoder<'_>, tag: u8) {
        let Self { start, ends } = self;
        let bytes = encoder.bytes.split_off(start.bytes);
        let files = encoder.files.split_off(start.files);

        let entry_bytes = |index: usize| &bytes[range(start, &ends, index, |mark| mark.bytes - start.bytes)];
        let entry_files = |index: usize| &files[range(start, &ends, index, |mark| mark.files - start.files)];
        let mut order: Vec<usize> = (0..ends.len()).collect();
        order.sort_unstable_by(|&a, &b| {
            // Entries with the same bytes may still hold different files: equal in content, not in origin.
            entry_bytes(a)
                .cmp(entry_bytes(b))
                .then_with(|| entry_files(a).iter().map(file_order).cmp(entry_files(b).iter().map(file_order)))
        });

        encoder.bytes.push(tag);
        write_len(encoder.bytes, ends.len());
        for index in order {
            encoder.bytes.extend_from_slice(entry_bytes(index));
            encoder.files.extend_from_slice(entry_files(index));
        }
    }
}

fn range(start: Mark, ends: &[Mark], index: usize, part: impl Fn(Mark) -> usize) -> Range<usize> {
    let from = if index == 0 { start } else { ends[index - 1] };
    part(from)..part(ends[index])
}

/// An order for files that are the same in every respect that counts.
pub(super) fn file_order(file: &FileRef) -> impl Ord + use<'_> {
    (&file.digest, file.tree, &file.name, &file.uid, file.stage)
}
