//! Putting the files of a folder into the lake, or those of a tree that a call made: small ones together into packs, others each by itself.
//!
//! - What is in the lake already is not written again: a file that is a blob, one that rests in a pack of the tree that the name leads
//!   to so far, and the files of a range that has locations.
//! - The same folder makes the same packs: a pack begins with a range, or where the one before it is full.
//! - What is known of the files of a range is held until their packs are put, and what leads to these, and the range: no more than some packs are
//!   of.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datlake_core::document::Content;
use datlake_core::tree::{
    self, InPack, Metarange, PACK_MOST, PACK_SIZE, PACKED_BELOW, PackLocations, RangeBytes, RangeRow, TreeEntry,
};
use datlake_core::{Digest, Result, Uid};
use datlake_store::{Scratch, Seal, Staged, Stamp, read_small, wait};

use super::content::once;
use super::open_pack::OpenPack;
use super::packs::AtRest;
use super::parallel::{ONE_BY_ONE, in_parallel, in_parallel_by};
use super::{Lake, lock};
use crate::event::Event;
use crate::file::FolderEntry;

/// So many packs are filled at a time, each in memory.
pub(super) const PACKS: usize = 4;

/// Where the content of a file comes from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// It is read there.
    Path(&'a Path),
    /// It is read at its path from this folder.
    Below(&'a Path),
    /// It is put otherwise, or there already: its digest.
    Known(&'a Digest),
}

/// What is in a folder: a path in it, and what is there.
pub(super) type FoundEntry<'a> = (&'a str, Source<'a>, FolderEntry);

/// Where packs go.
enum PackPlace {
    /// Into the lake, at once, and with them what is too large for packs, what leads to packs, and the ranges.
    Lake,
    /// To who puts them later. What is in none is put by others.
    Later(Mutex<Vec<Staged>>),
}

/// A folder on its way into the lake.
pub(super) struct Packing<'a> {
    lake: &'a Lake,
    uid: &'a Uid,
    /// Sorted by path.
    found: &'a [FoundEntry<'a>],
    /// The ranges of the tree, by their entries in `found`.
    ranges: Vec<Range<usize>>,
    /// What the name leads to so far.
    before: Option<Metarange>,
    scratch: Scratch,
    files: usize,
    /// About how many objects are put: packs and other blobs, ranges and what leads from them to packs, and the tree.
    objects: usize,
    done: AtomicUsize,
    target: PackPlace,
    /// Whether what rests in packs already is packed again: these may be damaged.
    anew: bool,
    /// Packs that are in the lake, or not.
    packs: Mutex<HashMap<Digest, bool>>,
}

/// What was put.
#[derive(Default)]
pub(super) struct PutFiles {
    /// Each range, in order.
    pub(super) ranges: Vec<PutRange>,
    /// What the tree is at rest by now but for its ranges, where it was put into the lake.
    pub(super) rest: AtRest,
}

/// A range whose files were put.
pub(super) struct PutRange {
    pub(super) row: RangeRow,
    /// Where its files rest, unless what leads there was put.
    pub(super) places: HashMap<Digest, InPack>,
    /// Whether all its small files rest where locations lead that are here.
    pub(super) is_known: bool,
}

/// A range whose files are on their way.
#[derive(Default)]
struct OpenRange {
    places: HashMap<Digest, InPack>,
    /// The range, and whether it is known, once all its files are in packs or put.
    made: Option<(RangeBytes, bool)>,
}

/// Ranges that are put one after the other.
struct PackGroup<'a, 'b> {
    packing: &'b Packing<'a>,
    ranges: Range<usize>,
    /// Whose files are of the ranges by number.
    pack: OpenPack<usize>,
    /// How many packs are full.
    closed: usize,
    /// The ranges of which files may be in the pack, from this number on. The last one is being filled.
    open: Vec<OpenRange>,
    first_open: usize,
    put: PutFiles,
    /// The blobs that were put, and not found.
    blobs: HashSet<Digest>,
}

impl<'a> Packing<'a> {
    /// Of what somebody adds.
    pub(super) fn new(lake: &'a Lake, uid: &'a Uid, found: &'a [FoundEntry<'a>]) -> Result<Self> {
        Self::of(lake, uid, found, PackPlace::Lake, false)
    }

    /// Of what a call made: packs are only written, and are [taken](Self::put_all) by who puts them.
    pub(super) fn of_made(lake: &'a Lake, uid: &'a Uid, found: &'a [FoundEntry<'a>], anew: bool) -> Result<Self> {
        Self::of(lake, uid, found, PackPlace::Later(Mutex::default()), anew)
    }

    fn of(lake: &'a Lake, uid: &'a Uid, found: &'a [FoundEntry<'a>], target: PackPlace, anew: bool) -> Result<Self> {
        let mut ranges = Vec::new();
        let mut begin = 0;
        for end in tree::ends(found.iter().map(|(path, ..)| *path)) {
            ranges.push(begin..end);
            begin = end;
        }
        let files = found.iter().filter(|(.., entry)| matches!(entry, FolderEntry::File { .. })).count();
        let scratch = lake.local_view().scratch()?;
        let (done, packs) = Default::default();
        let before = if anew { None } else { before(lake, uid) };
        let mut packing =
            Self { lake, uid, found, ranges, before, scratch, files, objects: 0, done, target, anew, packs };
        let large =
            |entry: &FolderEntry| matches!(entry, FolderEntry::File { stamp, .. } if stamp.size() >= PACKED_BELOW);
        let blobs = packing.groups().len() + found.iter().filter(|(.., entry)| large(entry)).count();
        packing.objects = blobs + 2 * packing.ranges.len() + 1;
        Ok(packing)
    }

    /// About how many objects are put, with what the caller puts for the tree.
    pub(super) fn objects(&self) -> usize {
        self.objects
    }

    /// Puts all files, with several hands: what was put, and the packs that are to be put by others. Those of
    /// [many](Self::objects) are yet to be made to last.
    pub(super) fn put_all(self) -> Result<(PutFiles, Vec<Staged>)> {
        let groups = in_parallel_by(PACKS, &self.groups(), |ranges| PackGroup::new(&self, ranges.clone()).put_all())?;
        let mut all = PutFiles::default();
        for PutFiles { ranges, rest } in groups {
            all.ranges.extend(ranges);
            all.rest.contents.extend(rest.contents);
            all.rest.locations.extend(rest.locations);
        }
        all.rest.contents = once(all.rest.contents);
        let later = match self.target {
            PackPlace::Lake => Vec::new(),
            PackPlace::Later(packs) => packs.into_inner().unwrap_or_else(PoisonError::into_inner),
        };
        Ok((all, later))
    }

    /// Ranges whose small files fill a pack together.
    fn groups(&self) -> Vec<Range<usize>> {
        let small = |(.., entry): &FoundEntry<'_>| match entry {
            FolderEntry::File { stamp, .. } => Some(stamp.size()).filter(|size| *size < PACKED_BELOW),
            _ => None,
        };
        let (mut groups, mut begin, mut bytes, mut files) = (Vec::new(), 0, 0, 0);
        for (at, range) in self.ranges.iter().enumerate() {
            for size in self.found[range.clone()].iter().filter_map(small) {
                (bytes, files) = (bytes + size, files + 1);
            }
            if bytes >= PACK_SIZE || files >= PACK_MOST || at + 1 == self.ranges.len() {
                groups.push(begin..at + 1);
                (begin, bytes, files) = (at + 1, 0, 0);
            }
        }
        groups
    }

    /// Whether the lake has a pack.
    fn has_pack(&self, at: &InPack) -> Result<bool> {
        if let Some(known) = lock(&self.packs).get(&at.pack) {
            return Ok(*known);
        }
        let pack = Content::range(at.pack, at.pack_size, String::new());
        let is_here = self.lake.local_view().dir().inspect(&at.pack, at.pack_size)? == Seal::Intact;
        let is_there = is_here
            || match (wait(self.lake.is_there(&pack)), &self.target) {
                // What a call made is kept, whatever the remote says.
                (Err(_), PackPlace::Later(_)) => false,
                (is_there, _) => is_there?,
            };
        lock(&self.packs).insert(at.pack, is_there);
        Ok(is_there)
    }
}

impl<'a, 'b> PackGroup<'a, 'b> {
    fn new(packing: &'b Packing<'a>, ranges: Range<usize>) -> Self {
        let (pack, closed, open, put, blobs) = Default::default();
        Self { packing, first_open: ranges.start, ranges, pack, closed, open, put, blobs }
    }

    fn put_all(mut self) -> Result<PutFiles> {
        for range in self.ranges.clone() {
            self.put_range(range)?;
        }
        self.close()?;
        Ok(self.put)
    }

    fn put_range(&mut self, range: usize) -> Result<()> {
        let packing = self.packing;
        let entries = &packing.found[packing.ranges[range].clone()];
        let before = self.before(entries)?;
        let (filled, closed) = (self.pack.filled(), self.closed);
        self.open.push(OpenRange::default());
        let mut made = Vec::with_capacity(entries.len());
        for (name, source, entry) in entries {
            let entry = match entry {
                FolderEntry::File { executable, stamp } => {
                    let (digest, size) = match source {
                        Source::Known(digest) => (**digest, stamp.size()),
                        Source::Path(path) => self.put_file(name, path, *stamp, range, &before)?,
                        Source::Below(folder) => self.put_file(name, &folder.join(name), *stamp, range, &before)?,
                    };
                    TreeEntry::file(digest, size, *executable)
                }
                FolderEntry::Link(target) => TreeEntry::Link(target.clone()),
                FolderEntry::Folder => TreeEntry::Folder,
            };
            made.push((*name, entry));
        }
        let Some(bytes) = RangeBytes::of(&made)? else { return Ok(()) };
        let mut is_known = self.closed == closed && self.pack.has_more_files_than(filled) && !packing.anew;
        is_known = is_known && self.is_known(entries, &made, &bytes.row.digest)?;
        if is_known {
            // As it was before: what leads to its files is there.
            self.pack.take_back(filled);
        }
        if let Some(open) = self.open.last_mut() {
            open.made = Some((bytes, is_known));
        }
        if self.pack.is_full() { self.close() } else { Ok(()) }
    }

    /// Puts a file, or adds it to the pack: its digest and size.
    fn put_file(
        &mut self,
        name: &str,
        path: &Path,
        stamp: Stamp,
        range: usize,
        before: &[Arc<[PackLocations]>],
    ) -> Result<(Digest, u64)> {
        let packing = self.packing;
        let content = match read_small(path, PACKED_BELOW, stamp)? {
            None => {
                let staged = Staged::copy_of(&packing.scratch, path)?;
                self.put_blob(&staged, name)?
            }
            Some(bytes) => {
                let digest = Digest::of(&bytes);
                self.add(range, digest, &bytes, before)?;
                (digest, bytes.len() as u64)
            }
        };
        if let PackPlace::Lake = packing.target {
            let done = packing.done.fetch_add(1, Ordering::Relaxed) + 1;
            packing.lake.emit(&Event::Adding { done, all: packing.files });
        }
        Ok(content)
    }

    /// Where files of the tree that the name leads to so far rest, near these entries.
    fn before(&self, entries: &[FoundEntry<'_>]) -> Result<Vec<Arc<[PackLocations]>>> {
        let (Some(before), Some((first, ..)), Some((last, ..))) =
            (&self.packing.before, entries.first(), entries.last())
        else {
            return Ok(Vec::new());
        };
        let near = before.ranges().iter().filter(|row| row.first.as_str() <= *last && row.last.as_str() >= *first);
        near.map(|row| self.packing.lake.local_view().locations_here(&row.digest)).collect()
    }

    /// Adds a small file to the pack, unless the lake has it.
    fn add(&mut self, range: usize, digest: Digest, bytes: &[u8], before: &[Arc<[PackLocations]>]) -> Result<()> {
        let length = bytes.len() as u64;
        if self.pack.has(&digest) {
            self.pack.add(range, digest, bytes);
            return Ok(());
        }
        if self.packing.lake.local_view().dir().inspect(&digest, length)? == Seal::Intact {
            return Ok(());
        }
        for at in before.iter().flat_map(|locations| locations.iter()).filter_map(|locations| locations.find(&digest)) {
            if at.length == length && self.packing.has_pack(&at)? {
                self.places_of(range).insert(digest, at);
                return Ok(());
            }
        }
        if self.pack.is_full() {
            self.close()?;
        }
        self.pack.add(range, digest, bytes);
        Ok(())
    }

    /// Whether the range with these entries, which are `made` of what was found, has locations of all its small files already.
    fn is_known(&self, found: &[FoundEntry<'_>], made: &[(&str, TreeEntry)], range: &Digest) -> Result<bool> {
        let dir = self.packing.lake.local_view().dir();
        let locations = self.packing.lake.local_view().locations_here(range)?;
        let ours = found.iter().zip(made).filter(|((_, source, _), _)| !matches!(source, Source::Known(_)));
        let small = ours.filter_map(|(_, (_, entry))| entry.content()).filter(|(_, size)| *size < PACKED_BELOW);
        for (digest, size) in small {
            let mut is_there = dir.inspect(&digest, size)? == Seal::Intact;
            for at in locations.iter().filter_map(|locations| locations.find(&digest)) {
                is_there = is_there || self.packing.has_pack(&at)?;
            }
            if !is_there {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn places_of(&mut self, range: usize) -> &mut HashMap<Digest, InPack> {
        &mut self.open[range - self.first_open].places
    }

    /// Puts the pack, and what only waited for it.
    fn close(&mut self) -> Result<()> {
        self.closed += 1;
        let pack = std::mem::take(&mut self.pack);
        let packing = self.packing;
        if matches!(packing.target, PackPlace::Lake) || pack.is_worth_it() {
            let put = |bytes: &[u8]| {
                let staged = Staged::from_bytes(&packing.scratch, bytes)?;
                match &packing.target {
                    PackPlace::Lake => self.put_blob(&staged, packing.uid.as_str()),
                    PackPlace::Later(packs) => {
                        let content = (staged.digest, staged.size);
                        lock(packs).push(staged);
                        Ok(content)
                    }
                }
            };
            for (range, file, at) in pack.close(put)? {
                self.places_of(range).insert(file, at);
            }
        }
        self.settle()
    }

    /// Ends the ranges whose files all rest somewhere: all but the one that is being filled.
    fn settle(&mut self) -> Result<()> {
        let count = self.open.iter().take_while(|open| open.made.is_some()).count();
        self.first_open += count;
        let mut settled: Vec<(RangeBytes, PutRange)> = self
            .open
            .drain(..count)
            .filter_map(|OpenRange { places, made }| {
                let (bytes, is_known) = made?;
                let row = bytes.row.clone();
                Some((bytes, PutRange { row, places, is_known }))
            })
            .collect();
        if let PackPlace::Lake = self.packing.target {
            self.put_ranges(&settled)?;
            settled.iter_mut().for_each(|(_, range)| range.places = HashMap::new());
        }
        self.put.ranges.extend(settled.into_iter().map(|(_, range)| range));
        Ok(())
    }

    /// Puts what leads to the packs of ranges, sees that the remote has what was here before, and puts the ranges.
    fn put_ranges(&mut self, ranges: &[(RangeBytes, PutRange)]) -> Result<()> {
        let Packing { lake, uid, objects, scratch, .. } = self.packing;
        let each = ranges.iter().flat_map(|(_, range)| PackLocations::of_range(range.row.digest, &range.places));
        wait(lake.put_locations(&each.collect::<Vec<_>>(), *objects > ONE_BY_ONE))?;
        let mut files = Vec::new();
        for (RangeBytes { row, bytes }, _) in ranges {
            files.extend(Content::range(row.digest, row.size, uid.to_string()).references(bytes)?);
        }
        let AtRest { contents, locations, .. } = lake.at_rest(files)?;
        let found: Vec<&Content> = contents.iter().filter(|content| !self.blobs.contains(&content.digest)).collect();
        in_parallel(&found, |content| wait(lake.send_found(content)))?;
        // Without a remote none is sent.
        if lake.catalog().remote.is_some() {
            wait(lake.send_locations(&locations))?;
            self.put.rest.locations.extend(locations);
        }
        self.put.rest.contents.extend(contents);
        in_parallel(ranges, |(range, _)| lake.put(&Staged::from_bytes(scratch, &range.bytes)?, uid, *objects))?;
        Ok(())
    }

    fn put_blob(&mut self, staged: &Staged, what: &str) -> Result<(Digest, u64)> {
        let (_, content) = self.packing.lake.put(staged, &what, self.packing.objects)?;
        self.blobs.insert(content.0);
        Ok(content)
    }
}

/// The tree that a name leads to so far. Where it cannot be read, files are packed again that are in the lake.
fn before(lake: &Lake, uid: &Uid) -> Option<Metarange> {
    let file = wait(lake.catalog().here().file(uid)).ok().flatten().filter(|file| file.tree)?;
    let content = Content::of(&file);
    Metarange::parse(&lake.bytes_of(&content).ok()?, uid).ok()
}
