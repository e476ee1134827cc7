//! What documents name beside what a store has, by digests: one way through both, however much it is.

use std::collections::HashSet;
use std::iter::Peekable;
use std::time::SystemTime;

use datlake_core::{Digest, Entry, Error, Location, Prefix, Result, Store, StoreExt as _};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::named::{NamedContent, OfOne, Wanted};
use super::packed::{ByDigest, PackedFiles, has};
use crate::lake::AT_ONCE;
use crate::sorted::{InOrder, Sorted, Sorter};

/// The content of a store, with its size.
pub(super) struct Stored {
    sizes: Sorted,
    /// The packs among it.
    packs: HashSet<Digest>,
    pub(super) blobs: u64,
}

/// One digest that is named, or that the store has.
pub(super) struct Joined {
    pub(super) digest: Digest,
    /// What is wanted of it, for each range that leads to it and does not lead to a pack that has it.
    pub(super) missed: Vec<Wanted>,
    /// What is wanted of it at all.
    pub(super) wanted: Option<Wanted>,
    /// Its size in the store; `None` where it has none of it by itself.
    pub(super) found: Option<u64>,
    /// What is in it, where it is a pack.
    pub(super) places: Vec<Vec<u8>>,
}

impl Stored {
    /// All of it where `all` is meant, else what is `named` and the packs; each time is shown to `visit`.
    pub(super) async fn of(
        store: &dyn Store,
        all: bool,
        named: &NamedContent,
        packed: &PackedFiles,
        mut visit: impl FnMut(SystemTime) + Send,
    ) -> Result<Self> {
        let mut adding = Adding { sizes: Sorter::default(), packs: HashSet::new(), packed, blobs: 0, failed: None };
        if all {
            let gather = |entry: Entry| {
                visit(entry.modified);
                if let Some(digest) = entry.location.content() {
                    adding.add(digest, entry.size);
                }
            };
            store.each(&Prefix::Blobs, gather).await?;
        } else {
            let digests = named.iter().map(|named| named.map(|(digest, _)| digest));
            let mut digests = digests.chain(packed.packs.keys().copied().map(Ok));
            loop {
                let some: Vec<Digest> = digests.by_ref().take(AT_ONCE).collect::<Result<_>>()?;
                if some.is_empty() {
                    break;
                }
                let sizes = stream::iter(some)
                    .map(async |digest| Ok::<_, Error>((digest, store.size(&Location::Blob(digest)).await?)))
                    .buffer_unordered(AT_ONCE);
                let sizes: Vec<_> = sizes.try_collect().await?;
                for (digest, size) in sizes {
                    size.into_iter().for_each(|size| adding.add(digest, size));
                }
            }
        }
        let Adding { sizes, packs, blobs, failed, .. } = adding;
        match failed {
            Some(error) => Err(error),
            None => {
                let sizes = sizes.sorted()?;
                // A pack may be named too.
                let blobs = if all { blobs } else { sizes.iter().count() as u64 };
                Ok(Self { sizes, packs, blobs })
            }
        }
    }

    /// Everything, in the order of the digests.
    pub(super) fn beside<'a>(
        &'a self,
        named: &NamedContent,
        packed: &PackedFiles,
    ) -> impl Iterator<Item = Result<Joined>> + use<'a> {
        let (files, places) = (packed.files(), packed.places());
        Join { named: named_iter(named), stored: self.sizes.iter().peekable(), packs: &self.packs, files, places }
    }
}

struct Adding<'a> {
    sizes: Sorter,
    packs: HashSet<Digest>,
    packed: &'a PackedFiles,
    blobs: u64,
    failed: Option<Error>,
}

impl Adding<'_> {
    fn add(&mut self, digest: Digest, size: u64) {
        if self.packed.packs.contains_key(&digest) {
            self.packs.insert(digest);
        }
        self.blobs += 1;
        let item = [&digest.as_bytes()[..], &size.to_be_bytes()].concat();
        self.failed = self.failed.take().or(self.sizes.push(&item).err());
    }
}

type NamedIter = Box<dyn Iterator<Item = Result<OfOne>> + Send>;

fn named_iter(named: &NamedContent) -> Peekable<NamedIter> {
    let named: NamedIter = Box::new(named.iter());
    named.peekable()
}

struct Join<'a> {
    named: Peekable<NamedIter>,
    stored: Peekable<InOrder>,
    packs: &'a HashSet<Digest>,
    files: ByDigest,
    places: ByDigest,
}

impl Join<'_> {
    fn step(&mut self) -> Result<Option<Joined>> {
        let named = self.named.peek().and_then(|named| named.as_ref().ok()).map(|(digest, _)| *digest);
        let stored = self.stored.peek().and_then(|stored| stored.as_ref().ok()).and_then(|item| digest_of(item));
        let digest = match (named, stored) {
            (Some(named), Some(stored)) => named.min(stored),
            (Some(one), None) | (None, Some(one)) => one,
            // The end, or an error.
            (None, None) => {
                self.named.next().transpose()?;
                self.stored.next().transpose()?;
                return Ok(None);
            }
        };
        let of_it = |named: &Result<(Digest, _)>| named.as_ref().is_ok_and(|(of, _)| *of == digest);
        let named = self.named.next_if(of_it).transpose()?.map(|(_, named)| named).unwrap_or_default();
        let is_it = |item: &Result<Vec<u8>>| item.as_ref().is_ok_and(|item| digest_of(item) == Some(digest));
        let item = self.stored.next_if(is_it).transpose()?;
        let found = item.and_then(|item| Some(u64::from_be_bytes(*item[32..].first_chunk()?)));
        let (files, places) = (self.files.of(&digest)?, self.places.of(&digest)?);
        let (mut missed, mut wanted) = (Vec::new(), None);
        for (range, one) in named {
            // What is a blob by itself is one thing, whatever ranges lead to it.
            let counts = match found {
                Some(_) => wanted.is_none(),
                None => !has(&files, self.packs, range.as_ref(), one.size),
            };
            if counts {
                missed.push(one.clone());
            }
            wanted.get_or_insert(one);
        }
        Ok(Some(Joined { digest, missed, wanted, found, places }))
    }
}

impl Iterator for Join<'_> {
    type Item = Result<Joined>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

fn digest_of(item: &[u8]) -> Option<Digest> {
    item.first_chunk().map(|digest| Digest::from_bytes(*digest))
}
