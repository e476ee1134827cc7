//! Locations: where in a pack files of a range rest.
//!
//! A pack is a blob: the contents of small files, one behind the other. No range and no tree names it. The document here does, for as
//! long as the range is kept; there may be several for one range, with other packs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::envelope;
use crate::document::references::{Content, Document, Part, References};
use crate::{Digest, Error, ErrorKind, Location, Result};

/// Files of a tree that are smaller than this rest in packs.
pub const PACKED_BELOW: u64 = 256 << 10;
/// A pack ends with the file by which it has so many bytes.
pub const PACK_SIZE: u64 = 16 << 20;
/// It ends with so many files, however small: what is known of them is held until it is put.
pub const PACK_MOST: usize = 16 << 10;
/// Fewer files are no pack: each is a blob.
pub const PACK_FEWEST: usize = 8;

/// Where the bytes of a file are in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InPack {
    /// The pack.
    pub pack: Digest,
    /// The size of the pack in bytes.
    pub pack_size: u64,
    /// How many bytes of the pack come before.
    pub offset: u64,
    /// How many bytes the file has.
    pub length: u64,
}

/// Which files of one range rest in one pack, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackLocations {
    range: Digest,
    pack: Digest,
    size: u64,
    /// Sorted by digest.
    files: Vec<(Digest, u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct LocationsV1 {
    size: u64,
    files: Vec<(Digest, u64, u64)>,
}

impl PackLocations {
    /// Says that `files`, each with its offset and length, rest in `pack`, which has `size` bytes.
    pub fn new(range: Digest, pack: Digest, size: u64, files: impl IntoIterator<Item = (Digest, u64, u64)>) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort_unstable();
        files.dedup_by_key(|(digest, ..)| *digest);
        Self { range, pack, size, files }
    }

    /// Says where files of one range rest: one of these for each pack.
    pub fn of_range<'a>(range: Digest, places: impl IntoIterator<Item = (&'a Digest, &'a InPack)>) -> Vec<Self> {
        let mut packs = BTreeMap::<(Digest, u64), Vec<(Digest, u64, u64)>>::new();
        for (file, at) in places {
            packs.entry((at.pack, at.pack_size)).or_default().push((*file, at.offset, at.length));
        }
        packs.into_iter().map(|((pack, size), files)| Self::new(range, pack, size, files)).collect()
    }

    /// Reads the document at `locations/<range>/<pack>`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] and [`ErrorKind::Format`] for bytes that are no locations.
    pub fn parse(range: &Digest, pack: &Digest, bytes: &[u8]) -> Result<Self> {
        let at = Location::PackedIn(*range, *pack).path();
        let (LocationsV1 { size, files }, _) = envelope::open("locations", bytes, &at)?;
        let is_within =
            |(_, offset, length): &(Digest, u64, u64)| offset.checked_add(*length).is_some_and(|end| end <= size);
        let is_sorted = files.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if files.is_empty() || !is_sorted || !files.iter().all(is_within) {
            return Err(Error::new(ErrorKind::Corrupt, format!("`{at}` is damaged: it is no list of files in a pack")));
        }
        Ok(Self { range: *range, pack: *pack, size, files })
    }

    pub(crate) fn document(at: &Location, range: &Digest, pack: &Digest, bytes: Vec<u8>) -> Result<Document> {
        let locations = Self::parse(range, pack, &bytes)?;
        let digest = envelope::claimed(&bytes).unwrap_or_else(|| Digest::of(&bytes));
        let content = vec![locations.content()];
        Ok(Document::new(at, digest, bytes, References { content, ..References::default() }))
    }

    /// The pack as content.
    pub fn content(&self) -> Content {
        let what = format!("pack {}", self.pack.short());
        Content { size: Some(self.size), ..Content::apart(self.pack, what, Part::File) }
    }

    /// Where the document is.
    pub fn at(&self) -> Location {
        Location::PackedIn(self.range, self.pack)
    }

    /// Its bytes.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(envelope::seal("locations", &LocationsV1 { size: self.size, files: self.files.clone() })?.0)
    }

    /// The range whose files these are.
    pub fn range(&self) -> Digest {
        self.range
    }

    /// The pack.
    pub fn pack(&self) -> Digest {
        self.pack
    }

    /// The size of the pack in bytes.
    pub fn pack_size(&self) -> u64 {
        self.size
    }

    /// The files, sorted by digest, each with its offset and length in bytes.
    pub fn files(&self) -> &[(Digest, u64, u64)] {
        &self.files
    }

    /// Where a file is, if it is one of these.
    pub fn find(&self, file: &Digest) -> Option<InPack> {
        let at = self.files.binary_search_by(|(digest, ..)| digest.cmp(file)).ok()?;
        let (_, offset, length) = self.files[at];
        Some(InPack { pack: self.pack, pack_size: self.size, offset, length })
    }
}
