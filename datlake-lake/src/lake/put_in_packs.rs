//! Files on their way into a commit: the small ones together in packs.
//!
//! What the lake has already is not packed: a file that is a blob here, and one that rests in a pack of what the commit is made of. Nothing
//! leads to the packs yet; whoever puts the ranges does that, by the [places](PutInPacks::places).

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake_core::tree::{InPack, PACKED_BELOW};
use datlake_core::{Digest, Result};
use datlake_store::{Scratch, Seal, Staged, Stamp, read_small};

use super::Lake;
use super::open_pack::OpenPack;
use super::packing::PACKS;
use super::parallel::in_parallel_by;
use crate::event::Event;

/// So many files are put one after the other.
const GROUP: usize = 8192;

/// Where the bytes of a file are that is to be put.
#[derive(Clone, Copy)]
pub(crate) enum FileSource<'a> {
    Bytes(&'a [u8]),
    Path(&'a Path),
}

/// A file that is to be put: what people call it, and where its bytes are.
pub(crate) type FileToPut<'a> = (&'a str, FileSource<'a>);

/// Where a file rests already, by its path, digest and size.
pub(crate) type RestsAt<'a> = &'a (dyn Fn(&str, &Digest, u64) -> Result<Option<InPack>> + Sync);

/// Files that were put.
#[derive(Default)]
pub(crate) struct PutInPacks {
    /// Digest and size of each, in order.
    pub(crate) contents: Vec<(Digest, u64)>,
    /// The blobs that were put or found: packs, and files that rest in none.
    pub(crate) blobs: Vec<(Digest, u64)>,
    /// The files that rest in packs, and where.
    pub(crate) places: HashMap<Digest, InPack>,
    unsynced: bool,
}

impl Lake {
    /// Puts files into the lake, where they last, several at a time.
    ///
    /// # Errors
    /// Those of reading them, of the stores, and of `rests_at`.
    pub(crate) fn put_in_packs(&self, files: &[FileToPut<'_>], rests_at: RestsAt<'_>) -> Result<PutInPacks> {
        let scratch = self.local_view().scratch()?;
        let (groups, done): (Vec<_>, _) = (files.chunks(GROUP).collect(), AtomicUsize::new(0));
        let put = in_parallel_by(PACKS, &groups, |group| {
            let (pack, put) = Default::default();
            let mut putting = Putting { lake: self, scratch: &scratch, rests_at, all: files.len(), pack, put };
            for file in *group {
                putting.file(file)?;
                self.emit(&Event::Adding { done: done.fetch_add(1, Ordering::Relaxed) + 1, all: files.len() });
            }
            putting.close()?;
            Ok(putting.put)
        })?;
        let mut all = PutInPacks::default();
        for put in put {
            all.contents.extend(put.contents);
            all.blobs.extend(put.blobs);
            all.places.extend(put.places);
            all.unsynced |= put.unsynced;
        }
        if all.unsynced {
            self.local_view().dir().sync()?;
        }
        Ok(all)
    }
}

struct Putting<'a> {
    lake: &'a Lake,
    scratch: &'a Scratch,
    rests_at: RestsAt<'a>,
    /// How many files there are in all.
    all: usize,
    pack: OpenPack<()>,
    put: PutInPacks,
}

impl Putting<'_> {
    fn file(&mut self, (path, source): &FileToPut<'_>) -> Result<()> {
        let read = match source {
            FileSource::Path(from) => match read_small(from, PACKED_BELOW, Stamp::unseen(0))? {
                Some(bytes) => bytes,
                None => return self.blob(&Staged::copy_of(self.scratch, from)?, path),
            },
            FileSource::Bytes(bytes) if bytes.len() as u64 >= PACKED_BELOW => {
                return self.blob(&Staged::from_bytes(self.scratch, bytes)?, path);
            }
            FileSource::Bytes(bytes) => bytes.to_vec(),
        };
        let (digest, size) = (Digest::of(&read), read.len() as u64);
        if self.pack.has(&digest) {
            self.put.contents.push((digest, size));
            return Ok(());
        }
        if self.lake.local_view().dir().inspect(&digest, size)? == Seal::Intact {
            // A blob here need not be one at the remote.
            return self.blob(&Staged::from_bytes(self.scratch, &read)?, path);
        }
        self.put.contents.push((digest, size));
        if let Some(at) = (self.rests_at)(path, &digest, size)? {
            self.put.places.insert(digest, at);
            return Ok(());
        }
        self.pack.add((), digest, &read);
        if self.pack.is_full() { self.close() } else { Ok(()) }
    }

    fn blob(&mut self, staged: &Staged, path: &str) -> Result<()> {
        let (unsynced, content) = self.lake.put(staged, &path, self.all)?;
        self.put.unsynced |= unsynced;
        self.put.contents.push(content);
        self.put.blobs.push(content);
        Ok(())
    }

    /// Puts the pack, or where it has few files each of them.
    fn close(&mut self) -> Result<()> {
        let Self { lake, scratch, all, put, .. } = self;
        let places = std::mem::take(&mut self.pack).close(|bytes| {
            let (unsynced, content) = lake.put(&Staged::from_bytes(scratch, bytes)?, &"a pack of small files", *all)?;
            put.unsynced |= unsynced;
            put.blobs.push(content);
            Ok(content)
        })?;
        self.put.places.extend(places.into_iter().map(|((), file, at)| (file, at)));
        Ok(())
    }
}
