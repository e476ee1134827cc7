//! Trees whose small files rest in packs: what is moved and kept for them.
//!
//! A document refers to a tree, that to ranges, those to files. What stores have of the files is blobs and packs, and locations that
//! lead from a range to its packs. Whoever moves a tree moves what it is [at rest](AtRest).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use datlake_core::catalog::GcEpoch;
use datlake_core::document::Content;
use datlake_core::tree::{InPack, Metarange, PACKED_BELOW, PackLocations, TreeRange};
use datlake_core::{Digest, DigestSet, Document, ErrorKind, Location, Prefix, Result, Role, Store, StoreExt as _, Uid};
use datlake_store::wait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::content::{once, wanted};
use super::{AT_ONCE, Lake, lock};

/// Content as stores have it: with packs in the place of files that rest in them.
#[derive(Debug, Default)]
pub(crate) struct AtRest {
    /// Each once.
    pub(crate) contents: Vec<Content>,
    /// What leads to the packs.
    pub(crate) locations: Vec<PackLocations>,
    /// What is known to be at the remote already, and must stay there.
    pub(crate) there: Vec<Digest>,
    /// Packs that are likely to be there.
    pub(crate) likely: Vec<Digest>,
}

impl Lake {
    /// Where files of a range rest that is to be kept: asked for once, and by who is about to name them once `since` the last sweep.
    pub(crate) fn locations_of(&self, range: &Digest, since: Option<GcEpoch>) -> Result<Arc<[PackLocations]>> {
        if self.catalog().remote.is_none() {
            return self.local_view().locations_here(range);
        }
        if let Some(found) = lock(&self.0.located).known(range, since) {
            return Ok(found);
        }
        let found = wait(self.local_view().locations_there(range))?.into();
        self.note_located(range, since.unwrap_or_default(), &found);
        Ok(found)
    }

    /// Remembers where files of a range rest.
    pub(crate) fn note_located(&self, range: &Digest, since: GcEpoch, found: &Arc<[PackLocations]>) {
        lock(&self.0.located).note(range, since, found);
    }

    /// Where content rests that a range leads to, for who is about to name it `since` the last sweep.
    pub(crate) fn rests_at(
        &self,
        range: &Digest,
        since: GcEpoch,
        (digest, size): (&Digest, u64),
    ) -> Result<Option<InPack>> {
        let found = self.locations_of(range, Some(since))?;
        Ok(found.iter().find_map(|locations| locations.find(digest)).filter(|at| at.length == size))
    }

    /// `range`, if that leads to a pack with this content.
    pub(crate) fn resting_in(&self, range: Option<Digest>, (digest, size): (Digest, u64)) -> Result<Option<Digest>> {
        let Some(range) = range.filter(|_| size < PACKED_BELOW) else { return Ok(None) };
        let found = self.locations_of(&range, None)?;
        Ok(found.iter().any(|locations| locations.find(&digest).is_some()).then_some(range))
    }

    /// What stores have of `contents`, which are a [closure](Self::closure): of files in packs, the packs that are here; else the
    /// blobs that are here; else the packs of the remote.
    pub(crate) fn at_rest(&self, contents: Vec<Content>) -> Result<AtRest> {
        let mut rest = AtRest::default();
        let mut ranges = BTreeMap::<Digest, Vec<Content>>::new();
        for content in contents {
            match content.range {
                Some(range) => ranges.entry(range).or_default().push(content),
                None => rest.contents.push(content),
            }
        }
        let each = stream::iter(ranges).map(|(range, files)| self.range_at_rest(range, files)).buffered(AT_ONCE);
        let all: Vec<AtRest> = wait(each.try_collect())?;
        for AtRest { contents, locations, .. } in all {
            rest.contents.extend(contents);
            rest.locations.extend(locations);
        }
        rest.contents = once(rest.contents);
        Ok(rest)
    }

    /// The same for who pushes the document at `at`, which replaced another: the ranges of that one are at the remote, if it is.
    pub(super) fn at_rest_since(&self, at: &Location, mut contents: Vec<Content>) -> Result<AtRest> {
        let known = self.ranges_there(at)?;
        let mut there = Vec::new();
        contents.retain(|content| {
            let is_known = content.is_range() && known.contains(&content.digest);
            there.extend(is_known.then_some(content.digest));
            !is_known && content.range.is_none_or(|range| !known.contains(&range))
        });
        // In these rest files of ranges that are there, unless somebody has packed those anew.
        let mut likely = Vec::new();
        for range in &known {
            likely.extend(self.local_view().locations_here(range)?.iter().map(PackLocations::pack));
        }
        Ok(AtRest { there, likely, ..self.at_rest(contents)? })
    }

    /// The ranges of the tree that a replacement replaced, if that was pushed; as far as it is here.
    fn ranges_there(&self, at: &Location) -> Result<HashSet<Digest>> {
        let Some((log, n)) = at.entry_of() else { return Ok(HashSet::new()) };
        let before = log.entry(n.saturating_sub(1));
        let Some(bytes) = wait(self.catalog().local.get(&before))? else { return Ok(HashSet::new()) };
        if wait(self.catalog().is_unpushed(&before))? {
            return Ok(HashSet::new());
        }
        let document = Document::parse(&before, bytes)?;
        if wait(self.is_pruned(&document))? {
            return Ok(HashSet::new());
        }
        let contents = document.references.content;
        let all = self.follow(contents, |content| Ok(!content.is_range() && self.is_here(content)?))?;
        Ok(all.into_iter().filter(Content::is_range).map(|content| content.digest).collect())
    }

    async fn range_at_rest(&self, range: Digest, mut files: Vec<Content>) -> Result<AtRest> {
        let mut rest = AtRest::default();
        let here = self.local_view().locations_here(&range)?;
        let is_here = |locations: &&PackLocations| self.local_view().place_of(&locations.pack()).exists();
        rest.cover(here.iter().filter(is_here), &mut files);
        let mut missing = Vec::new();
        for file in files {
            match self.catalog().local.size(&Location::Blob(file.digest)).await? {
                Some(_) => rest.contents.push(file),
                None => missing.push(file),
            }
        }
        if !missing.is_empty() {
            rest.cover(self.local_view().locations_there(&range).await?.iter(), &mut missing);
            rest.contents.extend(missing);
        }
        Ok(rest)
    }

    /// Puts locations where their packs are by now, before anything names their ranges. Those of `many` objects are yet to be made to
    /// last.
    pub(crate) async fn put_locations(&self, locations: &[PackLocations], many: bool) -> Result<()> {
        let put = stream::iter(locations)
            .map(async |one| self.catalog().put_attached(&one.at(), &one.to_bytes()?, many).await);
        put.buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }).await
    }

    /// Sends locations to the remote, behind their packs.
    pub(crate) async fn send_locations(&self, locations: &[PackLocations]) -> Result<()> {
        let Some(remote) = self.catalog().remote.as_ref().filter(|_| !self.catalog().is_refused()) else {
            return Ok(());
        };
        let one = |one: PackLocations| async move {
            match remote.create(&one.at(), &one.to_bytes()?).await {
                Err(error) if error.kind() == ErrorKind::Denied => {
                    self.catalog().refused.store(true, Ordering::Release);
                    Ok(())
                }
                sent => sent.map(drop),
            }
        };
        let send = stream::iter(locations.to_vec()).map(one);
        send.buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }).await
    }

    /// A file of a tree was used: should anything but that tree name it, its range leads to it.
    pub(crate) fn note_range(&self, file: Digest, range: Digest) {
        lock(&self.0.ranges).insert(file, range);
    }

    /// The range by which a file of a tree that was used is found.
    pub(super) fn noted_range(&self, file: &Digest) -> Option<Digest> {
        lock(&self.0.ranges).get(file).copied()
    }

    /// The range in which the tree `tree`, or an earlier version of it, has the content of the file `path`.
    pub(crate) fn range_in(&self, tree: &Uid, path: &str, file: &Digest) -> Result<Option<Digest>> {
        let catalog = self.catalog();
        let mut trees: Vec<_> = wait(catalog.file(tree))?.into_iter().collect();
        if tree.is_chosen() {
            trees.extend(wait(catalog.versions(tree))?.into_iter().filter_map(|version| version.file));
        }
        for tree in trees.iter().filter(|tree| tree.tree) {
            let mut content = Content::of(tree);
            let mut ranges = self.references_of(&mut content)?;
            // The right one first.
            if let Some(at) = Metarange::parse(&self.bytes_of(&content)?, &content.what)?.find(path) {
                ranges.swap(0, at);
            }
            for range in ranges {
                let entries = TreeRange::parse_any(self.bytes_of(&range)?, &range.what)?;
                if entries.entries().any(|(_, entry)| entry.content().is_some_and(|(digest, _)| digest == *file)) {
                    return Ok(Some(range.digest));
                }
            }
        }
        Ok(None)
    }

    /// Whether the remote has content.
    pub(super) async fn is_there(&self, content: &Content) -> Result<bool> {
        let Some(remote) = self.catalog().remote.as_ref().filter(|_| !self.catalog().is_refused()) else {
            return Ok(false);
        };
        Ok(remote.size(&Location::Blob(content.digest)).await? == content.size)
    }

    /// Makes sure that a file is a blob of its own here, where something else than its tree is about to name it.
    pub(super) async fn own(&self, content: &Content) -> Result<()> {
        self.local_view().own(wanted(content, content.size.unwrap_or(0), &|_| {})).await
    }
}

impl AtRest {
    /// Takes of `locations` what leads to some of the `files`, and leaves those that none leads to.
    fn cover<'a>(&mut self, locations: impl Iterator<Item = &'a PackLocations>, files: &mut Vec<Content>) {
        let mut locations: Vec<&PackLocations> = locations.collect();
        // The fewest packs, about.
        locations.sort_by_key(|locations| std::cmp::Reverse(locations.files().len()));
        for locations in locations {
            let before = files.len();
            files.retain(|file| locations.find(&file.digest).is_none_or(|at| Some(at.length) != file.size));
            if files.len() < before {
                self.contents.push(locations.content());
                self.locations.push(locations.clone());
            }
        }
    }
}

/// What is attached to the content of a store that `digests` has.
pub(super) async fn attached_to(store: &dyn Store, digests: &DigestSet) -> Result<Vec<Location>> {
    let mut found = Vec::new();
    for prefix in Prefix::of_roles(&[Role::Attached]) {
        let attached = store.locations(&prefix).await?.into_iter();
        found.extend(attached.filter(|at| at.attached().is_some_and(|(content, _)| digests.contains(&content))));
    }
    Ok(found)
}
