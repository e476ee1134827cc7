//! A file that lies outside of every lake: where, and by what it is known to be the file that was meant.
//!
//! Invariant: an address says nothing of who may open it. Whoever reads one asks their own configuration first, for the tree that has
//! it may be somebody else's.

use serde::{Deserialize, Serialize};

/// A file whose content is nowhere in the lake: it was imported without being read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddressedFile {
    /// Its URL: `file://` and a path, or that of a bucket's object, with `%` and two digits for what a URL cannot have.
    pub address: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed last, in nanoseconds since 1970.
    pub modified: u64,
    /// What the store says of it that changes with its content, as S3's ETag, without quotes; empty in a folder, where the time counts.
    pub tag: String,
}

/// How many files lie outside of the lake.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FilesOutside {
    /// How many files.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
}

impl FilesOutside {
    /// One file more.
    #[must_use]
    pub fn and(self, file: &AddressedFile) -> Self {
        self.with(Self { files: 1, bytes: file.size })
    }

    /// These and `others`.
    #[must_use]
    pub fn with(self, others: Self) -> Self {
        Self { files: self.files + others.files, bytes: self.bytes.saturating_add(others.bytes) }
    }
}

impl AddressedFile {
    /// What clients compare: the tag, or where there is none, time and size.
    pub fn checksum(&self) -> String {
        match self.tag.is_empty() {
            true => format!("{:x}-{:x}", self.modified, self.size),
            false => self.tag.clone(),
        }
    }

    /// Whether `now` is what it was: by the tag, and where there is none, by the time.
    pub fn is_same(&self, now: &Self) -> bool {
        let is_same = if self.tag.is_empty() { self.modified == now.modified } else { self.tag == now.tag };
        is_same && self.size == now.size
    }

    /// The line of a range, behind its first letter.
    pub(super) fn line(&self, path: &str) -> String {
        let Self { address, size, modified, tag } = self;
        format!("{size} {modified} {path}\t{address}\t{tag}")
    }

    /// The path of such a line, and what is there.
    pub(super) fn of_line(line: &str) -> Option<(&str, Self)> {
        let (size, rest) = line.split_once(' ')?;
        let (modified, rest) = rest.split_once(' ')?;
        let mut parts = rest.split('\t');
        let (path, address, tag) = (parts.next()?, parts.next()?, parts.next()?);
        let (address, tag) = (address.to_owned(), tag.to_owned());
        let file = Self { address, size: size.parse().ok()?, modified: modified.parse().ok()?, tag };
        (parts.next().is_none() && file.is_valid()).then_some((path, file))
    }

    /// Whether it can stand in a range.
    pub fn is_valid(&self) -> bool {
        let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        // Tags may have blanks, and anything else that a header may have.
        let is_tag = self.tag.len() <= 1000 && !self.tag.chars().any(char::is_control);
        is_tag && self.address.len() <= 4000 && is_plain(&self.address) && self.address.contains("://")
    }
}
