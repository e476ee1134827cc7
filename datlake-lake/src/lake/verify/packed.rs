//! Files of trees that rest in packs of one store, as those who verify it see them.

use std::collections::{BTreeMap, HashMap, HashSet};

use datlake_core::tree::PackLocations;
use datlake_core::{Digest, Error, Location, Prefix, Result, Role, Side, Store, StoreExt as _, WHOLE};
use futures_util::{StreamExt as _, stream};

use super::super::{AT_ONCE, Lake, concerns_one};

/// What is larger is not read into memory: a pack is not.
const LARGEST: u64 = 64 << 20;

/// Which files are where in the packs of a store.
#[derive(Default)]
pub(super) struct PackedFiles {
    packs: HashMap<Digest, InOnePack>,
    /// How many documents were read.
    pub(super) documents: u64,
    /// The files of each range, with their sizes.
    files: HashSet<(Digest, Digest, u64)>,
}

/// The files in one pack: offset and length of each.
#[derive(Default)]
pub(super) struct InOnePack {
    size: u64,
    files: Vec<(Digest, u64, u64)>,
}

impl PackedFiles {
    /// Reads what leads to packs from the ranges that are `named`, and what of it cannot be read, with its range. Packs that are not in
    /// what is `there` are looked for unless that is `all`.
    pub(super) async fn of(
        store: &dyn Store,
        named: impl Fn(&Digest) -> bool,
        there: &mut BTreeMap<Digest, u64>,
        all: bool,
    ) -> Result<(Self, Vec<(Location, Digest, Error)>)> {
        let (mut packed, mut damaged) = (Self::default(), Vec::new());
        for prefix in Prefix::of_roles(&[Role::Attached]) {
            let mut attached = store.locations(&prefix).await?;
            attached.retain(|at| at.attached().is_some_and(|(range, _)| named(&range)));
            let one = |at: Location| async move {
                let bytes = store.get(&at).await;
                (at, bytes)
            };
            let mut read = stream::iter(attached).map(one).buffered(AT_ONCE);
            while let Some((at, bytes)) = read.next().await {
                let (Some((range, pack)), Some(bytes)) = (at.attached(), bytes?) else { continue };
                packed.documents += 1;
                match PackLocations::parse(&range, &pack, &bytes) {
                    Ok(locations) => {
                        if !all
                            && !there.contains_key(&pack)
                            && let Some(size) = store.size(&Location::Blob(pack)).await?
                        {
                            there.insert(pack, size);
                        }
                        packed.add(&locations, there);
                    }
                    Err(error) if concerns_one(&error) => damaged.push((at, range, error)),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok((packed, damaged))
    }

    fn add(&mut self, locations: &PackLocations, there: &BTreeMap<Digest, u64>) {
        if there.contains_key(&locations.pack()) {
            let known = self.packs.entry(locations.pack()).or_default();
            known.size = locations.pack_size();
            known.files.extend(locations.files());
            let range = locations.range();
            self.files.extend(locations.files().iter().map(|(digest, _, length)| (range, *digest, *length)));
        }
    }

    /// Whether a file rests in a pack that is there, and its range leads to that. Of an empty one there is nothing to lead to.
    pub(super) fn has(&self, range: Option<&Digest>, file: &Digest, size: Option<u64>) -> bool {
        let (Some(range), Some(size)) = (range, size) else { return false };
        size == 0 || self.files.contains(&(*range, *file, size))
    }

    /// The files in the pack `digest`, if it is one.
    pub(super) fn in_pack(&self, digest: &Digest) -> Option<&InOnePack> {
        self.packs.get(digest).filter(|pack| pack.size <= LARGEST)
    }
}

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
        let mut damaged: Vec<Digest> = self.files.iter().filter(is_damaged).map(|(digest, ..)| *digest).collect();
        damaged.sort_unstable();
        damaged.dedup();
        Ok((Some((Digest::of(&bytes), bytes.len() as u64)), damaged))
    }
}
