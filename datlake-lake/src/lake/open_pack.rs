//! A pack of small files while it is filled.

use std::collections::HashMap;

use datlake_core::tree::{InPack, PACK_FEWEST, PACK_MOST, PACK_SIZE, PACKED_BELOW};
use datlake_core::{Digest, Result};

/// A pack that is being filled. `O` says which range a file is of.
pub(super) struct OpenPack<O> {
    bytes: Vec<u8>,
    /// Each with its offset and length.
    files: Vec<(Digest, u64, u64)>,
    inside: HashMap<Digest, usize>,
    owners: Vec<(O, Digest)>,
}

/// How far an open pack was filled.
#[derive(Clone, Copy)]
pub(super) struct Filled {
    bytes: usize,
    files: usize,
    owners: usize,
}

impl<O> Default for OpenPack<O> {
    fn default() -> Self {
        let (bytes, files, inside, owners) = Default::default();
        Self { bytes, files, inside, owners }
    }
}

impl<O> OpenPack<O> {
    pub(super) fn has(&self, file: &Digest) -> bool {
        self.inside.contains_key(file)
    }

    /// Whether it has enough files for a pack.
    pub(super) fn is_worth_it(&self) -> bool {
        self.files.len() >= PACK_FEWEST
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() as u64 >= PACK_SIZE || self.files.len() >= PACK_MOST
    }

    /// Adds a file of `owner`, whose bytes are in the pack once.
    pub(super) fn add(&mut self, owner: O, file: Digest, bytes: &[u8]) {
        if !self.has(&file) {
            if self.bytes.is_empty() {
                // As much as it may come to hold: growing it would hold twice as much.
                self.bytes.reserve((PACK_SIZE + PACKED_BELOW) as usize);
            }
            self.inside.insert(file, self.files.len());
            self.files.push((file, self.bytes.len() as u64, bytes.len() as u64));
            self.bytes.extend_from_slice(bytes);
        }
        self.owners.push((owner, file));
    }

    pub(super) fn filled(&self) -> Filled {
        Filled { bytes: self.bytes.len(), files: self.files.len(), owners: self.owners.len() }
    }

    pub(super) fn has_more_files_than(&self, filled: Filled) -> bool {
        self.files.len() > filled.files
    }

    /// Takes out what was added since it was `filled` so far.
    pub(super) fn take_back(&mut self, filled: Filled) {
        self.bytes.truncate(filled.bytes);
        self.owners.truncate(filled.owners);
        for (file, ..) in self.files.drain(filled.files..) {
            self.inside.remove(&file);
        }
    }

    /// Puts the pack, or where it has few files each of them: where the files of each owner are in the pack.
    pub(super) fn close(self, mut put: impl FnMut(&[u8]) -> Result<(Digest, u64)>) -> Result<Vec<(O, Digest, InPack)>> {
        let is_worth_it = self.is_worth_it();
        let Self { bytes, files, inside, owners } = self;
        if !is_worth_it {
            for (_, offset, length) in files {
                put(&bytes[offset as usize..(offset + length) as usize])?;
            }
            return Ok(Vec::new());
        }
        let (pack, pack_size) = put(&bytes)?;
        let place = |(owner, file): (O, Digest)| {
            let (_, offset, length) = files[*inside.get(&file)?];
            Some((owner, file, InPack { pack, pack_size, offset, length }))
        };
        Ok(owners.into_iter().filter_map(place).collect())
    }
}
