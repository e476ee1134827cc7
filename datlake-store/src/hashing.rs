//! Bytes that are hashed as they pass.

use std::fmt::Display;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use datlake_core::{Digest, Error, ErrorKind, Result, Subject};

use crate::in_parts;

/// The digest and size of a file. One that grows meanwhile is hashed as it was when it was opened, if it is large.
pub fn hash_file(path: &Path) -> Result<(Digest, u64)> {
    let failed = |e| Error::io("read", path.display(), e);
    let file = std::fs::File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if found.is_file() && in_parts::is_large(found.len()) {
        let read = |range: Range<u64>, bytes: &mut [u8]| file.read_exact_at(bytes, range.start).map_err(failed);
        return Ok((in_parts::digest(found.len(), read)?, found.len()));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(failed)?;
    Ok((Digest::from_bytes(*hasher.finalize().as_bytes()), hasher.count()))
}

/// Hashes and counts what passes through.
#[derive(Debug)]
pub(crate) struct Hashing<W> {
    pub(crate) inner: W,
    pub(crate) hasher: Box<blake3::Hasher>,
}

impl<W> Hashing<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, hasher: Box::default() }
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::from_bytes(*self.hasher.finalize().as_bytes())
    }

    pub(crate) fn size(&self) -> u64 {
        self.hasher.count()
    }
}

impl Hashing<std::fs::File> {
    /// Goes on behind what the file holds, which is read.
    pub(crate) fn behind(mut file: std::fs::File) -> io::Result<Self> {
        let mut hasher = Box::<blake3::Hasher>::default();
        hasher.update_reader(&mut file)?;
        Ok(Self { inner: file, hasher })
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.hasher.update(&buf[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Makes sure that what was just read to be sent to `place` is the content `digest`: a disk may have changed it under its seal.
///
/// # Errors
/// [`ErrorKind::Corrupt`] where it is not.
pub(crate) fn is_still(digest: &Digest, found: Digest, place: &dyn Display) -> Result<()> {
    if found == *digest {
        return Ok(());
    }
    let message = format!(
        "the content {digest} is damaged on this machine, and was not sent to {place}: its bytes have the digest {found}"
    );
    let hint = "`datlake verify` says which files are concerned, and `datlake repair` heals them where there is a copy";
    Err(Error::new(ErrorKind::Corrupt, message).about(Subject::Digest(*digest)).with_hint(hint))
}

/// Hashes content whose size is known, and refuses what comes behind that: a store may have anything in its place.
#[derive(Debug)]
pub(crate) struct Expecting<W> {
    pub(crate) hash: Hashing<W>,
    size: u64,
    /// Whether more came.
    pub(crate) exceeded: bool,
}

impl<W> Expecting<W> {
    pub(crate) fn new(hash: Hashing<W>, size: u64) -> Self {
        Self { hash, size, exceeded: false }
    }
}

impl<W: Write> Write for Expecting<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.hash.size() + buf.len() as u64 > self.size {
            self.exceeded = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.hash.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hash.flush()
    }
}
