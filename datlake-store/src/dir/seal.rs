//! Seals: how a blob that was written through a hard link is noticed without reading it.
//!
//! A sealed blob is read-only and bears a modification time that follows from its digest. A tool that overrides the mode
//! and writes leaves another time. A seal says nothing about failing disks, nor about malice: those need the digest.

use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime};

use datlake_core::{Digest, Error, ErrorKind, Location, Result};

use super::{DirStore, sys};

/// What is known of a local blob without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// As it was stored, unless the disk failed.
    Intact,
    /// There is none.
    Missing,
    /// Somebody has written to it, or only touched it: its digest tells.
    Touched,
}

/// The modification time of the blob `digest`: some even second between 2001 and 2018. Even, for FAT counts in twos.
pub(crate) fn time_of(digest: &Digest) -> SystemTime {
    let [a, b, c, d, ..] = *digest.as_bytes();
    let seconds = (u32::from_be_bytes([a, b, c, d]) % (1 << 29)) & !1;
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + u64::from(seconds))
}

/// Seals an open file as the blob `digest`.
pub(crate) fn seal(file: &File, digest: &Digest) -> io::Result<()> {
    file.set_permissions(sys::read_only(&file.metadata()?))?;
    let time = time_of(digest);
    file.set_times(std::fs::FileTimes::new().set_accessed(time).set_modified(time))
}

impl DirStore {
    /// Whether the blob `digest` of `size` bytes is here and as it was stored, judged by its size and its seal.
    ///
    /// # Errors
    /// Errors of the file system; [`ErrorKind::Corrupt`] where something else stands in its place.
    pub fn inspect(&self, digest: &Digest, size: u64) -> Result<Seal> {
        let at = Location::Blob(*digest);
        let look = || -> io::Result<Seal> {
            let found = match std::fs::metadata(self.path_of(&at)) {
                Ok(found) => found,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Seal::Missing),
                Err(e) => return Err(e),
            };
            if found.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let intact = found.len() == size && found.modified()? == time_of(digest);
            Ok(if intact { Seal::Intact } else { Seal::Touched })
        };
        look().map_err(|e| self.fault("inspect", &at, e))
    }

    /// Seals the blob `digest` again. Only after its bytes were hashed and have the right digest.
    ///
    /// # Errors
    /// [`ErrorKind::MissingBlob`] if there is none; errors of the file system.
    pub fn reseal(&self, digest: &Digest) -> Result<()> {
        let at = Location::Blob(*digest);
        match File::open(self.path_of(&at)).and_then(|file| seal(&file, digest)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(Error::new(
                ErrorKind::MissingBlob,
                format!("cannot seal {}: it is not there", self.name_of(&at.path())),
            )),
            done => done.map_err(|e| self.fault("seal", &at, e)),
        }
    }
}
