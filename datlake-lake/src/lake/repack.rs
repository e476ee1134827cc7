//! Packs that edits have left half empty, written anew.
//!
//! Packs and locations are added, and only then the locations that are no longer needed are removed: whoever reads finds one or the
//! other, and what ends early is done again. The old packs go by the next collection.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use datlake_core::catalog::Commit;
use datlake_core::tree::{InPack, PackLocations};
use datlake_core::{Digest, Error, ErrorKind, Location, Prefix, Result, Role, StoreExt as _};
use datlake_store::{Scratch, Staged, wait};

use super::open_pack::OpenPack;
use super::parallel::ONE_BY_ONE;
use super::{Lake, is_damage, refuse_in_body};
use crate::report::{PackUse, Repack};

/// A pack is written anew when one in so many of its bytes is unused.
const WORTH: u64 = 4;

/// What leads to one pack.
struct UsedPack {
    size: u64,
    /// How many bytes of it are files that something leads to.
    used: u64,
    locations: Vec<PackLocations>,
}

/// Packs that are being written.
struct Repacking<'a> {
    lake: &'a Lake,
    scratch: Scratch,
    /// Whose files are of ranges.
    pack: OpenPack<Digest>,
    /// Of each range, where its files rest now.
    places: BTreeMap<Digest, HashMap<Digest, InPack>>,
    put: Vec<(Digest, u64)>,
}

impl Lake {
    /// Writes packs of small files anew of which edits have left a quarter or more unused, here and at the remote. No tree has another
    /// digest by it, and no call another key. The next [collection](Lake::collect) removes the old packs.
    ///
    /// [`Lake::status`] says how much is unused. Packs that are damaged stay as they are.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] where the remote refuses to be written; [`ErrorKind::Context`] in a body; those of the stores.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_tree("sources", "src")?;
    /// assert_eq!(lake.repack()?.packs, 0); // nothing is unused
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn repack(&self) -> Result<Repack> {
        refuse_in_body("write packs anew")?;
        wait(self.contact_remote())?;
        let publishing = wait(self.local_view().publishing())?;
        wait(self.copy_locations())?;
        let mut repacking = Repacking::new(self)?;
        let (mut report, mut replaced) = (Repack::default(), Vec::new());
        for (pack, used) in self.packs_in_use()? {
            let is_worth = used.size.saturating_sub(used.used) >= used.size.div_ceil(WORTH) && used.size > 0;
            if !is_worth || !repacking.add(&used)? {
                continue;
            }
            report.packs += 1;
            report.before += used.size;
            replaced.extend(used.locations.iter().map(|locations| Location::PackedIn(locations.range(), pack)));
        }
        repacking.close()?;
        let locations = repacking.locations();
        let many = locations.len() > ONE_BY_ONE;
        wait(self.put_locations(&locations, many))?;
        if many {
            self.local_view().dir().sync()?;
        }
        if self.catalog().remote.is_some() && self.catalog().is_refused() {
            let message =
                format!("cannot write packs anew: {} refuses to be written", self.remote().unwrap_or_default());
            return Err(Error::new(ErrorKind::Denied, message));
        }
        let mut contents = repacking.put;
        report.after = contents.iter().map(|(_, size)| size).sum();
        for range in locations.iter().map(PackLocations::range).collect::<BTreeSet<_>>() {
            contents.extend(wait(self.size_of(&range))?.map(|size| (range, size)));
        }
        self.secured(publishing.since, &contents, |_| {
            wait(self.send_locations(&locations))?;
            Ok(Commit::Done(()))
        })?;
        for at in replaced {
            // There first: what is only here would be copied again.
            for store in [self.catalog().remote.as_ref(), Some(&self.catalog().local)].into_iter().flatten() {
                wait(store.remove(&at))?;
            }
        }
        Ok(report)
    }

    /// How much of the packs on this machine is used.
    pub(crate) fn pack_use(&self) -> Result<PackUse> {
        let mut sum = PackUse::default();
        for (pack, used) in self.packs_in_use()? {
            if self.local_view().place_of(&pack).exists() {
                sum.packs += 1;
                sum.bytes += used.size;
                sum.unused += used.size.saturating_sub(used.used);
            }
        }
        Ok(sum)
    }

    /// What leads to packs, by what is here and can be read.
    fn packs_in_use(&self) -> Result<BTreeMap<Digest, UsedPack>> {
        let mut ranges = BTreeSet::new();
        for prefix in Prefix::of_roles(&[Role::Attached]) {
            let here = wait(self.catalog().local.locations(&prefix))?;
            ranges.extend(here.into_iter().filter_map(|at| Some(at.attached()?.0)));
        }
        let mut packs = BTreeMap::<Digest, UsedPack>::new();
        for range in ranges {
            for locations in self.local_view().locations_here(&range)?.iter() {
                let (size, used) = (locations.pack_size(), 0);
                let pack = packs.entry(locations.pack()).or_insert(UsedPack { size, used, locations: Vec::new() });
                pack.locations.push(locations.clone());
            }
        }
        for pack in packs.values_mut() {
            let files = pack.locations.iter().flat_map(PackLocations::files);
            let places: BTreeSet<(u64, u64)> = files.map(|(_, offset, length)| (*offset, *length)).collect();
            pack.used = places.iter().map(|(_, length)| length).sum();
        }
        Ok(packs)
    }

    /// Copies the locations that the remote has to this machine.
    async fn copy_locations(&self) -> Result<()> {
        let Some(remote) = &self.catalog().remote else { return Ok(()) };
        for prefix in Prefix::of_roles(&[Role::Attached]) {
            let there = remote.locations(&prefix).await?.into_iter();
            for range in there.filter_map(|at| Some(at.attached()?.0)).collect::<BTreeSet<_>>() {
                self.local_view().locations_there(&range).await?;
            }
        }
        Ok(())
    }
}

impl<'a> Repacking<'a> {
    fn new(lake: &'a Lake) -> Result<Self> {
        let scratch = lake.local_view().scratch()?;
        let (pack, places, put) = Default::default();
        Ok(Self { lake, scratch, pack, places, put })
    }

    /// Adds the used files of a pack, unless it is damaged or gone.
    fn add(&mut self, used: &UsedPack) -> Result<bool> {
        let Some(first) = used.locations.first() else { return Ok(false) };
        let bytes = match self.lake.bytes_of(&first.content()) {
            Err(error) if is_damage(&error) => return Ok(false),
            bytes => bytes?,
        };
        let mut files = Vec::new();
        for locations in &used.locations {
            for (digest, offset, length) in locations.files() {
                let file =
                    bytes.get(*offset as usize..(offset + length) as usize).filter(|file| Digest::of(file) == *digest);
                let Some(file) = file else { return Ok(false) };
                files.push((locations.range(), *digest, file));
            }
        }
        for (range, digest, file) in files {
            if self.pack.is_full() && !self.pack.has(&digest) {
                self.close()?;
            }
            self.pack.add(range, digest, file);
        }
        Ok(true)
    }

    /// Puts the pack into the lake.
    fn close(&mut self) -> Result<()> {
        let pack = std::mem::take(&mut self.pack);
        for (range, file, at) in pack.close(|bytes| self.put(bytes))? {
            self.places.entry(range).or_default().insert(file, at);
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(Digest, u64)> {
        let staged = Staged::from_bytes(&self.scratch, bytes)?;
        wait(self.lake.local_view().restore(&staged.digest, staged.size, staged.path()))?;
        self.put.push((staged.digest, staged.size));
        Ok((staged.digest, staged.size))
    }

    fn locations(&self) -> Vec<PackLocations> {
        self.places.iter().flat_map(|(range, places)| PackLocations::of_range(*range, places)).collect()
    }
}
