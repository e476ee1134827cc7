//! The content of an object, wherever it is.

use std::ops::Range;

use datlake_core::catalog::FileMeta;
use datlake_core::tree::{AddressedFile, TreeEntry};
use datlake_core::{Error, ErrorKind, Result, Uid};
use datlake_store::Reader;

use super::item::FoundPut;
use super::outside::ReadOutside;
use crate::file::File;
use crate::handle::Lake;

/// The content of an object.
pub(super) enum ObjectContent {
    /// In the lake. The file is not handed out: no lineage leads to it yet.
    Kept(File),
    /// Outside of it.
    Outside(ReadOutside),
}

impl ObjectContent {
    /// The content of what is at `path`, which people call `address`; `None` for what is no file.
    pub(super) fn of(lake: &Lake, address: &str, path: &str, found: &FoundPut) -> Result<Option<Self>> {
        let entry = &found.put.file;
        if let TreeEntry::Addressed(file) = entry {
            return ReadOutside::new(lake, file).map(Self::Outside).map(Some);
        }
        let Some((digest, size)) = entry.content() else { return Ok(None) };
        // A long path may be no UID with what stands before it.
        let uid = Uid::chosen(address).or_else(|_| Uid::chosen(path))?;
        let range = lake.resting_in(found.range, (digest, size))?;
        Ok(Some(Self::Kept(File::ranged(
            lake,
            FileMeta { name: path.to_owned(), uid, digest, size, tree: false },
            range,
        ))))
    }

    pub(super) fn open(self) -> Result<Reader> {
        match self {
            Self::Kept(file) => file.open(),
            Self::Outside(file) => Ok(file.reader()),
        }
    }

    pub(super) fn read(self) -> Result<Vec<u8>> {
        match self {
            Self::Kept(file) => file.read(),
            Self::Outside(file) => file.read_all(),
        }
    }

    pub(super) fn read_range(self, range: Range<u64>) -> Result<Vec<u8>> {
        match self {
            Self::Kept(file) => file.read_range(range),
            Self::Outside(file) => file.read_clamped(range),
        }
    }
}

impl ReadOutside {
    fn read_all(&self) -> Result<Vec<u8>> {
        self.read(0..self.file().size)
    }

    fn read_clamped(&self, Range { start, end }: Range<u64>) -> Result<Vec<u8>> {
        let AddressedFile { address, size, .. } = self.file();
        if start > end {
            let message = format!("cannot read bytes {start}..{end} of `{address}`: the range ends before it starts");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        self.read(start.min(*size)..end.min(*size))
    }
}
