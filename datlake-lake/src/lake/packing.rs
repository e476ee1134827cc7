//! Putting the files of a folder into the lake, or those of a tree that a call made: small ones together into packs, others each by itself.
//!
//! - What is in the lake already is not written again: a file that is a blob, one that rests in a pack of the tree that the name leads
//!   to so far, and the files of a range that has locations.
//! - The same folder makes the same packs: a pack begins with a range, or where the one before it is full.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datlake_core::document::Content;
use datlake_core::tree::{self, InPack, Metarange, PACK_SIZE, PACKED_BELOW, PackLocations, TreeEntry};
use datlake_core::{Digest, Result, Uid};
use datlake_store::{Scratch, Seal, Staged, read_small, wait};

use super::open_pack::OpenPack;
use super::parallel::in_parallel_by;
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
    /// It is put otherwise, or there already: its digest.
    Known(&'a Digest),
}

/// What is in a folder: a path in it, and what is there.
pub(super) type FoundEntry<'a> = (&'a str, Source<'a>, FolderEntry);

/// Where packs go.
enum PackPlace {
    /// Into the lake, at once, and with them what is too large for packs.
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
    /// Of each range, its entries: of files, digest and size.
    contents: Vec<Vec<Option<(Digest, u64)>>>,
    /// Of each range, where its files rest.
    places: Vec<HashMap<Digest, InPack>>,
    /// Of each range, whether all its small files rest where locations lead that are here.
    known: Vec<bool>,
    put: HashSet<Digest>,
}

/// Ranges that are put one after the other.
struct PackGroup<'a, 'b> {
    packing: &'b Packing<'a>,
    ranges: Range<usize>,
    /// Whose files are of the ranges by number.
    pack: OpenPack<usize>,
    /// How many packs are full.
    closed: usize,
    put: PutFiles,
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
        for group in groups {
            all.contents.extend(group.contents);
            all.places.extend(group.places);
            all.known.extend(group.known);
            all.put.extend(group.put);
        }
        let later = match self.target {
            PackPlace::Lake => Vec::new(),
            PackPlace::Later(packs) => packs.into_inner().unwrap_or_else(PoisonError::into_inner),
        };
        Ok((all, later))
    }

    /// Ranges whose small files fill a pack together.
    fn groups(&self) -> Vec<Range<usize>> {
        let small = |entry: &FolderEntry| match entry {
            FolderEntry::File { stamp, .. } if stamp.size() < PACKED_BELOW => stamp.size(),
            _ => 0,
        };
        let (mut groups, mut begin, mut bytes) = (Vec::new(), 0, 0);
        for (at, range) in self.ranges.iter().enumerate() {
            bytes += self.found[range.clone()].iter().map(|(.., entry)| small(entry)).sum::<u64>();
            if bytes >= PACK_SIZE || at + 1 == self.ranges.len() {
                groups.push(begin..at + 1);
                (begin, bytes) = (at + 1, 0);
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
        let (pack, closed, put) = Default::default();
        Self { packing, ranges, pack, closed, put }
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
        let mut contents = Vec::with_capacity(entries.len());
        self.put.places.push(HashMap::new());
        for (name, source, entry) in entries {
            let FolderEntry::File { stamp, .. } = entry else {
                contents.push(None);
                continue;
            };
            let path = match source {
                Source::Path(path) => path,
                Source::Known(digest) => {
                    contents.push(Some((**digest, stamp.size())));
                    continue;
                }
            };
            let content = match read_small(path, PACKED_BELOW, *stamp)? {
                None => {
                    let staged = Staged::copy_of(&packing.scratch, path)?;
                    self.put_blob(&staged, name)?
                }
                Some(bytes) => {
                    let digest = Digest::of(&bytes);
                    self.add(digest, &bytes, &before)?;
                    (digest, bytes.len() as u64)
                }
            };
            contents.push(Some(content));
            if let PackPlace::Lake = packing.target {
                let done = packing.done.fetch_add(1, Ordering::Relaxed) + 1;
                packing.lake.emit(&Event::Adding { done, all: packing.files });
            }
        }
        let mut is_known = self.closed == closed && self.pack.has_more_files_than(filled) && !packing.anew;
        is_known = is_known && self.is_known(entries, &contents)?;
        if is_known {
            // As it was before: what leads to its files is there.
            self.pack.take_back(filled);
        }
        self.put.known.push(is_known);
        self.put.contents.push(contents);
        if self.pack.is_full() {
            self.close()?;
        }
        Ok(())
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
    fn add(&mut self, digest: Digest, bytes: &[u8], before: &[Arc<[PackLocations]>]) -> Result<()> {
        let (range, length) = (self.put.places.len() - 1, bytes.len() as u64);
        if self.pack.has(&digest) {
            self.pack.add(range, digest, bytes);
            return Ok(());
        }
        if self.packing.lake.local_view().dir().inspect(&digest, length)? == Seal::Intact {
            return Ok(());
        }
        for at in before.iter().flat_map(|locations| locations.iter()).filter_map(|locations| locations.find(&digest)) {
            if at.length == length && self.packing.has_pack(&at)? {
                self.put.places[range].insert(digest, at);
                return Ok(());
            }
        }
        if self.pack.is_full() {
            self.close()?;
        }
        self.pack.add(range, digest, bytes);
        Ok(())
    }

    /// Whether the range with these entries has locations of all its small files already.
    fn is_known(&self, entries: &[FoundEntry<'_>], contents: &[Option<(Digest, u64)>]) -> Result<bool> {
        let entry = |entry: &FolderEntry, content: &Option<(Digest, u64)>| match (entry, content) {
            (FolderEntry::File { executable, .. }, Some((digest, size))) => {
                TreeEntry::file(*digest, *size, *executable)
            }
            (FolderEntry::Link(target), _) => TreeEntry::Link(target.clone()),
            _ => TreeEntry::Folder,
        };
        let all: Vec<_> =
            entries.iter().zip(contents).map(|((name, _, found), content)| (*name, entry(found, content))).collect();
        let range = Digest::of(&tree::range_bytes(all.iter().map(|(name, entry)| (*name, entry))));
        let locations = self.packing.lake.local_view().locations_here(&range)?;
        let ours = entries.iter().zip(contents).filter(|((_, source, _), _)| matches!(source, Source::Path(_)));
        let ours = ours.filter_map(|(_, content)| content.as_ref());
        for (digest, size) in ours.filter(|(_, size)| *size < PACKED_BELOW) {
            let mut is_there = self.packing.lake.local_view().dir().inspect(digest, *size)? == Seal::Intact;
            for at in locations.iter().filter_map(|locations| locations.find(digest)) {
                is_there = is_there || self.packing.has_pack(&at)?;
            }
            if !is_there {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts the pack into the lake.
    fn close(&mut self) -> Result<()> {
        self.closed += 1;
        let pack = std::mem::take(&mut self.pack);
        if let PackPlace::Later(_) = self.packing.target
            && !pack.is_worth_it()
        {
            return Ok(());
        }
        let put = |bytes: &[u8]| {
            let staged = Staged::from_bytes(&self.packing.scratch, bytes)?;
            match &self.packing.target {
                PackPlace::Lake => self.put_blob(&staged, self.packing.uid.as_str()),
                PackPlace::Later(packs) => {
                    let content = (staged.digest, staged.size);
                    lock(packs).push(staged);
                    Ok(content)
                }
            }
        };
        for (range, file, at) in pack.close(put)? {
            self.put.places[range].insert(file, at);
        }
        Ok(())
    }

    fn put_blob(&mut self, staged: &Staged, what: &str) -> Result<(Digest, u64)> {
        let (_, content) = self.packing.lake.put(staged, &what, self.packing.objects)?;
        self.put.put.insert(content.0);
        Ok(content)
    }
}

impl PutFiles {
    /// Of each range, where its files rest, and whether it rested somewhere before.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (&HashMap<Digest, InPack>, bool)> {
        self.places.iter().zip(self.known.iter().copied())
    }

    /// Digest and size of each entry that is a file.
    pub(super) fn contents(&self) -> impl Iterator<Item = Option<(Digest, u64)>> {
        self.contents.iter().flatten().copied()
    }

    /// Whether content was put, and not found.
    pub(super) fn has_put(&self, digest: &Digest) -> bool {
        self.put.contains(digest)
    }

    /// What leads to its files from each of the `ranges`, which are those `from` this number on.
    pub(super) fn locations(&self, from: usize, ranges: &[Vec<u8>]) -> Vec<PackLocations> {
        let each = ranges.iter().zip(self.places.iter().skip(from));
        each.flat_map(|(range, places)| PackLocations::of_range(Digest::of(range), places)).collect()
    }
}

/// The tree that a name leads to so far. Where it cannot be read, files are packed again that are in the lake.
fn before(lake: &Lake, uid: &Uid) -> Option<Metarange> {
    let file = wait(lake.catalog().here().file(uid)).ok().flatten().filter(|file| file.tree)?;
    let content = Content::of(&file);
    Metarange::parse(&lake.bytes_of(&content).ok()?, uid).ok()
}
