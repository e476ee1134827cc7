//! Sorting what memory should not hold: byte strings, each once, in files of this process's own where they are many.
//!
//! Invariant: what is held does not grow with what is sorted, but for a buffer for each part that was written to the file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::{Arc, Mutex};

use datlake_core::{Error, Result};

use crate::sync::lock;

/// So many bytes are held before they go to the file.
const HELD: usize = 2 << 20;
/// So much of a part is read at a time.
const CHUNK: usize = 16 << 10;

/// Byte strings that are being gathered.
#[derive(Default)]
pub(crate) struct Sorter {
    held: Held,
    file: Option<BufWriter<File>>,
    written: u64,
    parts: Vec<Part>,
}

/// Byte strings one behind the other, and where each is.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    places: Vec<(u32, u32)>,
}

/// What was sorted and written at once, in the file.
#[derive(Clone, Copy)]
struct Part {
    start: u64,
    end: u64,
}

/// Byte strings in order. It is gone through as often as somebody wants to.
#[derive(Clone)]
pub(crate) struct Sorted(Arc<Gathered>);

struct Gathered {
    held: Held,
    file: Option<Mutex<File>>,
    parts: Vec<Part>,
}

/// One way through them.
pub(crate) struct InOrder {
    all: Sorted,
    /// What comes next of each part, and of what is held, which has the number behind theirs.
    next: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
    readers: Vec<PartReader>,
    held: usize,
    last: Option<Vec<u8>>,
}

struct PartReader {
    part: Part,
    ahead: Vec<u8>,
    at: usize,
}

impl Held {
    fn get(&self, at: usize) -> Option<&[u8]> {
        self.places.get(at).map(|place| self.of(*place))
    }

    fn of(&self, (start, length): (u32, u32)) -> &[u8] {
        &self.bytes[start as usize..][..length as usize]
    }

    fn sort(&mut self) {
        let mut places = std::mem::take(&mut self.places);
        places.sort_unstable_by(|a, b| self.of(*a).cmp(self.of(*b)));
        places.dedup_by(|a, b| self.of(*a) == self.of(*b));
        self.places = places;
    }
}

impl Sorter {
    /// Adds one.
    ///
    /// # Errors
    /// Those of writing to a temporary file.
    pub(crate) fn push(&mut self, item: &[u8]) -> Result<()> {
        let held = self.held.bytes.len() + self.held.places.len() * size_of::<(u32, u32)>();
        if held + item.len() > HELD && !self.held.places.is_empty() {
            self.write_out().map_err(|e| Error::io("write to", "a temporary file", e))?;
        }
        // Of one item, however long, the file has the length in four bytes too.
        let (start, length) = (self.held.bytes.len() as u32, item.len() as u32);
        self.held.bytes.extend_from_slice(item);
        self.held.places.push((start, length));
        Ok(())
    }

    fn write_out(&mut self) -> std::io::Result<()> {
        self.held.sort();
        let file = match &mut self.file {
            Some(file) => file,
            file => file.insert(BufWriter::with_capacity(CHUNK, tempfile::tempfile()?)),
        };
        let start = self.written;
        for place in &self.held.places {
            let item = self.held.of(*place);
            file.write_all(&place.1.to_le_bytes())?;
            file.write_all(item)?;
            self.written += 4 + item.len() as u64;
        }
        self.parts.push(Part { start, end: self.written });
        self.held.bytes.clear();
        self.held.places.clear();
        Ok(())
    }

    /// All that were added, in order, each once.
    ///
    /// # Errors
    /// Those of writing to a temporary file.
    pub(crate) fn sorted(mut self) -> Result<Sorted> {
        self.held.sort();
        let file = match self.file {
            None => None,
            Some(file) => {
                let file = file.into_inner().map_err(|e| Error::io("write to", "a temporary file", e.into_error()))?;
                Some(Mutex::new(file))
            }
        };
        Ok(Sorted(Arc::new(Gathered { held: self.held, file, parts: self.parts })))
    }
}

impl Sorted {
    /// From the first on.
    pub(crate) fn iter(&self) -> InOrder {
        let readers: Vec<_> =
            self.0.parts.iter().map(|part| PartReader { part: *part, ahead: Vec::new(), at: 0 }).collect();
        InOrder { all: self.clone(), next: BinaryHeap::new(), readers, held: usize::MAX, last: None }
    }
}

impl InOrder {
    /// Puts what comes next of one of the parts, or of what is held, among what comes next at all.
    fn refill(&mut self, from: usize) -> std::io::Result<()> {
        let item = match (self.readers.get_mut(from), &self.all.0.file) {
            (Some(reader), Some(file)) => reader.next(file)?,
            _ => {
                self.held += 1;
                self.all.0.held.get(self.held - 1).map(<[u8]>::to_vec)
            }
        };
        self.next.extend(item.map(|item| Reverse((item, from))));
        Ok(())
    }

    fn step(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        if self.held == usize::MAX {
            self.held = 0;
            (0..=self.readers.len()).try_for_each(|from| self.refill(from))?;
        }
        while let Some(Reverse((item, from))) = self.next.pop() {
            self.refill(from)?;
            if self.last.as_ref() != Some(&item) {
                self.last = Some(item.clone());
                return Ok(Some(item));
            }
        }
        Ok(None)
    }
}

impl Iterator for InOrder {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().map_err(|e| Error::io("read", "a temporary file", e)).transpose()
    }
}

impl PartReader {
    fn next(&mut self, file: &Mutex<File>) -> std::io::Result<Option<Vec<u8>>> {
        if self.at == self.ahead.len() && self.part.start == self.part.end {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.read(file, &mut length)?;
        let mut item = vec![0; u32::from_le_bytes(length) as usize];
        self.read(file, &mut item)?;
        Ok(Some(item))
    }

    fn read(&mut self, file: &Mutex<File>, mut into: &mut [u8]) -> std::io::Result<()> {
        while !into.is_empty() {
            if self.at == self.ahead.len() {
                self.ahead.clear();
                self.at = 0;
                let wanted = (self.part.end - self.part.start).min(CHUNK as u64);
                if wanted == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                let mut file = lock(file);
                file.seek(SeekFrom::Start(self.part.start))?;
                (&mut *file).take(wanted).read_to_end(&mut self.ahead)?;
                self.part.start += wanted;
                continue;
            }
            let some = into.len().min(self.ahead.len() - self.at);
            into[..some].copy_from_slice(&self.ahead[self.at..self.at + some]);
            self.at += some;
            into = &mut into[some..];
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_many_is_in_order_and_each_once() {
        let mut sorter = Sorter::default();
        let item = |n: u32| [&n.wrapping_mul(2_654_435_761).to_be_bytes()[..], &[b'x'; 60]].concat();
        for n in (0..300_000).chain(0..1000) {
            sorter.push(&item(n)).unwrap();
        }
        assert!(sorter.parts.len() > 1, "nothing went to the file");
        let sorted = sorter.sorted().unwrap();
        let mut wanted: Vec<_> = (0..300_000).map(item).collect();
        wanted.sort_unstable();
        for _ in 0..2 {
            assert!(sorted.iter().map(Result::unwrap).eq(wanted.iter().cloned()));
        }
    }

    #[test]
    fn what_is_few_stays_in_memory() {
        let mut sorter = Sorter::default();
        for item in ["b", "", "a", "b"] {
            sorter.push(item.as_bytes()).unwrap();
        }
        assert!(sorter.file.is_none());
        let all: Vec<_> = sorter.sorted().unwrap().iter().map(Result::unwrap).collect();
        assert_eq!(all, [&b""[..], b"a", b"b"]);
    }

    #[test]
    fn one_that_is_larger_than_what_is_held() {
        let mut sorter = Sorter::default();
        let large = vec![1; HELD + 1];
        for item in [&large[..], b"a", &large, b"\0"] {
            sorter.push(item).unwrap();
        }
        let all: Vec<_> = sorter.sorted().unwrap().iter().map(Result::unwrap).collect();
        assert!(all == [b"\0".to_vec(), large, b"a".to_vec()]);
    }
}
