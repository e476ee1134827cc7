//! Files of trees that rest in packs of one store, as those who verify it see them.

use std::collections::{BTreeMap, HashSet};

use datlake_core::tree::PackLocations;
use datlake_core::{Digest, Error, Location, Prefix, Result, Role, Side, Store, WHOLE};
use futures_util::{StreamExt as _, stream};

use super::super::places::places;
use super::super::{AT_ONCE, Lake, concerns_one};
use super::named::NamedContent;
use crate::sorted::{Sorted, Sorter};

/// What is larger is not read into memory: a pack is not.
const LARGEST: u64 = 64 << 20;

/// Which files are where in the packs of a store.
pub(super) struct PackedFiles {
    /// The packs that something leads to, and how large they should be.
    pub(super) packs: BTreeMap<Digest, u64>,
    /// How many documents were read.
    pub(super) documents: u64,
    /// The files with the range, the size and the pack of each.
    files: Sorted,
    /// The packs with the digest, offset and length of each of their files.
    places: Sorted,
    /// What leads to packs and cannot be read, with its range.
    pub(super) damaged: Vec<(Location, Digest, Error)>,
}

/// What leads to packs, while it is read.
#[derive(Default)]
struct ReadingPacks {
    packs: BTreeMap<Digest, u64>,
    documents: u64,
    files: Sorter,
    places: Sorter,
    damaged: Vec<(Location, Digest, Error)>,
}

impl PackedFiles {
    /// Reads what leads to packs from the ranges that are `named`.
    pub(super) async fn of(store: &dyn Store, named: &NamedContent) -> Result<Self> {
        let mut reading = ReadingPacks::default();
        for prefix in Prefix::of_roles(&[Role::Attached]) {
            let mut attached = places(store, &prefix, &[Role::Attached], |_| {}).await?.iter().peekable();
            if attached.peek().is_none() {
                continue;
            }
            let mut named = named.iter().peekable();
            // Both are by the digests of ranges.
            let mut of_named = Vec::new();
            for at in attached {
                let at = at?;
                let Some((range, _)) = at.attached() else { continue };
                let is_before = |named: &Result<(Digest, _)>| named.as_ref().is_ok_and(|(digest, _)| *digest < range);
                while named.next_if(is_before).is_some() {}
                match named.peek() {
                    Some(Ok((digest, _))) if *digest == range => of_named.push(at),
                    Some(Err(_)) => return Err(named.next().and_then(Result::err).unwrap_or_else(unread)),
                    _ => continue,
                }
                if of_named.len() == AT_ONCE {
                    reading.read(store, std::mem::take(&mut of_named)).await?;
                }
            }
            reading.read(store, of_named).await?;
        }
        let ReadingPacks { packs, documents, files, places, damaged } = reading;
        Ok(Self { packs, documents, files: files.sorted()?, places: places.sorted()?, damaged })
    }

    /// The files in packs, by their digests.
    pub(super) fn files(&self) -> ByDigest {
        ByDigest(self.files.iter().peekable())
    }

    /// What is in packs, by the digests of the packs.
    pub(super) fn places(&self) -> ByDigest {
        ByDigest(self.places.iter().peekable())
    }

    /// The files in the pack `digest`, of which these are the `places`, if it is one.
    pub(super) fn in_pack(&self, digest: &Digest, places: &[Vec<u8>]) -> Option<InOnePack> {
        self.packs.get(digest).filter(|size| **size <= LARGEST)?;
        Some(InOnePack(places.iter().filter_map(|place| read_place(place)).collect()))
    }
}

impl ReadingPacks {
    async fn read(&mut self, store: &dyn Store, some: Vec<Location>) -> Result<()> {
        let one = |at: Location| async move {
            let bytes = store.get(&at).await;
            (at, bytes)
        };
        let mut read = stream::iter(some).map(one).buffered(AT_ONCE);
        while let Some((at, bytes)) = read.next().await {
            let (Some((range, pack)), Some(bytes)) = (at.attached(), bytes?) else { continue };
            self.documents += 1;
            match PackLocations::parse(&range, &pack, &bytes) {
                Ok(locations) => self.add(&locations)?,
                Err(error) if concerns_one(&error) => self.damaged.push((at, range, error)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn add(&mut self, locations: &PackLocations) -> Result<()> {
        let (pack, range) = (locations.pack(), locations.range());
        self.packs.insert(pack, locations.pack_size());
        for (digest, offset, length) in locations.files() {
            let (offset, length) = (offset.to_be_bytes(), length.to_be_bytes());
            let file = [digest.as_bytes(), range.as_bytes(), &length[..], pack.as_bytes()].concat();
            self.files.push(&file)?;
            self.places.push(&[pack.as_bytes(), digest.as_bytes(), &offset[..], &length].concat())?;
        }
        Ok(())
    }
}

/// What begins with digests, in their order.
pub(super) struct ByDigest(std::iter::Peekable<crate::sorted::InOrder>);

impl ByDigest {
    /// All that begins with `digest`, without it. The digests that are asked for come in order.
    pub(super) fn of(&mut self, digest: &Digest) -> Result<Vec<Vec<u8>>> {
        let is_up_to = |item: &Result<Vec<u8>>| item.as_ref().map_or(true, |item| item[..32] <= digest.as_bytes()[..]);
        let mut found = Vec::new();
        while let Some(item) = self.0.next_if(is_up_to) {
            let item = item?;
            found.extend(item.strip_prefix(digest.as_bytes()).map(<[u8]>::to_vec));
        }
        Ok(found)
    }
}

/// Whether `files`, those of one digest, have one in a pack that is `there`, to which its range leads. Of an empty one there is
/// nothing to lead to.
pub(super) fn has(files: &[Vec<u8>], there: &HashSet<Digest>, range: Option<&Digest>, size: Option<u64>) -> bool {
    let (Some(range), Some(size)) = (range, size) else { return false };
    let is_it = |file: &Vec<u8>| {
        let pack = file.get(40..).and_then(|pack| pack.first_chunk()).map(|pack| Digest::from_bytes(*pack));
        file[..32] == range.as_bytes()[..]
            && file[32..40] == size.to_be_bytes()
            && pack.is_some_and(|pack| there.contains(&pack))
    };
    size == 0 || files.iter().any(is_it)
}

fn read_place(place: &[u8]) -> Option<(Digest, u64, u64)> {
    let (digest, rest) = place.split_first_chunk::<32>()?;
    let (offset, rest) = rest.split_first_chunk()?;
    Some((Digest::from_bytes(*digest), u64::from_be_bytes(*offset), u64::from_be_bytes(*rest.first_chunk()?)))
}

fn unread() -> Error {
    Error::new(datlake_core::ErrorKind::Io, "cannot read a temporary file of the content that documents name")
}

/// The files in one pack: digest, offset and length of each.
pub(super) struct InOnePack(Vec<(Digest, u64, u64)>);

impl InOnePack {
    /// Reads the pack: its real digest and size, and the files that have other bytes in it.
    pub(super) async fn read_through(
        &self,
        lake: &Lake,
        side: Side,
        pack: &Digest,
    ) -> Result<(Option<(Digest, u64)>, Vec<Digest>)> {
        let store = match (side, &lake.catalog().remote) {
            (Side::Remote, Some(remote)) => remote,
            _ => &lake.catalog().local,
        };
        let mut bytes = Vec::new();
        if store.fetch(&Location::Blob(*pack), WHOLE, &mut bytes).await?.is_none() {
            return Ok((None, Vec::new()));
        }
        let is_damaged = |(digest, offset, length): &&(Digest, u64, u64)| {
            let from = usize::try_from(*offset).unwrap_or(usize::MAX);
            let to = from.saturating_add(usize::try_from(*length).unwrap_or(usize::MAX));
            bytes.get(from..to).is_none_or(|bytes| Digest::of(bytes) != *digest)
        };
        let mut damaged: Vec<Digest> = self.0.iter().filter(is_damaged).map(|(digest, ..)| *digest).collect();
        damaged.sort_unstable();
        damaged.dedup();
        Ok((Some((Digest::of(&bytes), bytes.len() as u64)), damaged))
    }
}
