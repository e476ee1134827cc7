//! What a call made, as stores are to have it: the small files of its trees together in packs.
//!
//! - What something else than a tree names stays a blob of its own, and so does what the body put into the lake before it ended.
//! - Nothing is put here: whoever publishes the call puts the packs, and behind them what leads to them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use datlake_core::document::Content;
use datlake_core::lineage::Output;
use datlake_core::tree::{Metarange, PACKED_BELOW, PackLocations, TreeEntry, TreeRange};
use datlake_core::{Digest, Error, Result, Uid};
use datlake_store::{Staged, Stamp, offload};

use super::Lake;
use super::packing::{FoundEntry, Packing, PutRange, Source};
use super::packs::AtRest;
use crate::file::FolderEntry;

/// What a call made, at rest.
#[derive(Default)]
pub(super) struct MadeAtRest {
    /// All that it made: finished local files.
    pub(super) made: Vec<(Digest, PathBuf)>,
    /// Those that are to be blobs: packs among them.
    pub(super) blobs: Vec<(Digest, PathBuf)>,
    /// What leads to packs.
    pub(super) locations: Vec<PackLocations>,
    /// What is in the lake already, as others put it.
    pub(super) there: AtRest,
    /// The packs, until they are put.
    packs: Vec<Staged>,
}

impl MadeAtRest {
    /// All of it blobs.
    fn as_it_is(made: Vec<(Digest, PathBuf)>) -> Self {
        Self { blobs: made.clone(), made, ..Self::default() }
    }
}

/// A tree that a call made, as it was staged.
struct MadeTree {
    uid: Uid,
    ranges: Vec<MadeRange>,
}

/// A range of it.
struct MadeRange {
    bytes: Vec<u8>,
    entries: Vec<(String, TreeEntry)>,
}

impl Lake {
    /// What is to be put of `made`, the finished local files of a call with these `outputs`. With `anew` also what rests in packs already is
    /// packed. Where there is no tree among them nothing is read, and no thread is needed.
    pub(super) async fn made_at_rest(
        &self,
        outputs: &[Output],
        made: Vec<(Digest, PathBuf)>,
        anew: bool,
    ) -> Result<MadeAtRest> {
        if !outputs.iter().any(|output| output.tree) {
            return Ok(MadeAtRest::as_it_is(made));
        }
        let (lake, outputs) = (self.clone(), outputs.to_vec());
        offload(move || lake.made_in_packs(&outputs, made, anew)).await?
    }

    fn made_in_packs(&self, outputs: &[Output], made: Vec<(Digest, PathBuf)>, anew: bool) -> Result<MadeAtRest> {
        let paths: HashMap<Digest, &Path> = made.iter().map(|(digest, path)| (*digest, path.as_path())).collect();
        let trees = made_trees(outputs, &paths)?;
        if trees.is_empty() {
            return Ok(MadeAtRest::as_it_is(made));
        }
        let mut by_themselves: HashSet<Digest> = outputs.iter().map(|output| output.digest).collect();
        by_themselves.extend(trees.iter().flat_map(|tree| &tree.ranges).map(|range| Digest::of(&range.bytes)));
        let may_rest = |digest: &Digest, size: u64| -> Option<&Path> {
            paths.get(digest).copied().filter(|_| size < PACKED_BELOW && !by_themselves.contains(digest))
        };
        let (mut rest, mut packed) = (MadeAtRest::default(), HashSet::new());
        for tree in &trees {
            self.pack_tree(tree, &may_rest, anew, &mut rest, &mut packed)?;
        }
        rest.blobs = made.iter().filter(|(digest, _)| !packed.contains(digest)).cloned().collect();
        rest.blobs.extend(rest.packs.iter().map(|pack| (pack.digest, pack.path().to_owned())));
        rest.made = made;
        Ok(rest)
    }

    fn pack_tree<'a>(
        &self,
        tree: &'a MadeTree,
        may_rest: &dyn Fn(&Digest, u64) -> Option<&'a Path>,
        anew: bool,
        rest: &mut MadeAtRest,
        packed: &mut HashSet<Digest>,
    ) -> Result<()> {
        let all = tree.ranges.iter().flat_map(|range| &range.entries);
        let found: Vec<FoundEntry<'_>> = all.map(|(path, entry)| as_found(path, entry, may_rest)).collect();
        if !found.iter().any(|found| matches!(found, (_, Source::Path(_), FolderEntry::File { .. }))) {
            return Ok(());
        }
        let (put, packs) = Packing::of_made(self, &tree.uid, &found, anew)?.put_all()?;
        let new: HashSet<Digest> = packs.iter().map(|pack| pack.digest).collect();
        let mut earlier = HashSet::new();
        for (MadeRange { bytes, .. }, PutRange { places, is_known, .. }) in tree.ranges.iter().zip(put.ranges) {
            packed.extend(places.keys());
            rest.locations.extend(PackLocations::of_range(Digest::of(bytes), &places));
            earlier.extend(places.values().map(|at| (at.pack, at.pack_size)).filter(|(pack, _)| !new.contains(pack)));
            if is_known {
                let mut range = Content::range(Digest::of(bytes), bytes.len() as u64, tree.uid.to_string());
                let mut files = range.references(bytes)?;
                files.retain(|file| may_rest(&file.digest, file.size.unwrap_or(u64::MAX)).is_some());
                packed.extend(files.iter().map(|file| file.digest));
                let known = self.at_rest(files)?;
                rest.there.contents.extend(known.contents);
                rest.there.locations.extend(known.locations);
            }
        }
        let earlier = earlier.into_iter().map(|(pack, size)| Content::range(pack, size, tree.uid.to_string()));
        rest.there.contents.extend(earlier.map(|pack| Content { reads: None, ..pack }));
        rest.packs.extend(packs);
        Ok(())
    }
}

fn as_found<'a>(
    path: &'a str,
    entry: &'a TreeEntry,
    may_rest: &dyn Fn(&Digest, u64) -> Option<&'a Path>,
) -> FoundEntry<'a> {
    match entry {
        TreeEntry::File { digest, size, executable, .. } => {
            let source = may_rest(digest, *size).map_or(Source::Known(digest), Source::Path);
            (path, source, FolderEntry::File { executable: *executable, stamp: Stamp::unseen(*size) })
        }
        TreeEntry::Link(target) => (path, Source::Path(Path::new("")), FolderEntry::Link(target.clone())),
        _ => (path, Source::Path(Path::new("")), FolderEntry::Folder),
    }
}

/// The entries of the tree `output`, whose documents are among the local files that were made with it.
pub(crate) fn made_entries(output: &Output, made: &HashMap<Digest, PathBuf>) -> Result<BTreeMap<String, TreeEntry>> {
    let paths = made.iter().map(|(digest, path)| (*digest, path.as_path())).collect();
    let trees = made_trees(std::slice::from_ref(output), &paths)?;
    Ok(trees.into_iter().flat_map(|tree| tree.ranges).flat_map(|range| range.entries).collect())
}

/// The trees among `outputs` that were made and not passed on, each once.
fn made_trees(outputs: &[Output], paths: &HashMap<Digest, &Path>) -> Result<Vec<MadeTree>> {
    let read = |path: &Path| std::fs::read(path).map_err(|e| Error::io("read", path.display(), e));
    let (mut trees, mut seen) = (Vec::new(), HashSet::new());
    for output in outputs.iter().filter(|output| output.tree) {
        let Some(path) = paths.get(&output.digest).filter(|_| seen.insert(output.digest)) else { continue };
        let mut ranges = Vec::new();
        for row in Metarange::parse(&read(path)?, &output.uid)?.ranges() {
            // A body writes all of them.
            let Some(path) = paths.get(&row.digest) else { continue };
            let bytes = read(path)?;
            let entries = TreeRange::parse(bytes.as_slice(), row, &output.uid)?.into_entries();
            ranges.push(MadeRange { bytes, entries });
        }
        trees.push(MadeTree { uid: output.uid.clone(), ranges });
    }
    Ok(trees)
}
