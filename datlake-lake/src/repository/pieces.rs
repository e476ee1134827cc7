//! What of a commit is to be kept until a branch leads to it, with what leads to packs.
//!
//! Locations lead from a range to its packs. So whoever makes a range of others makes its locations of theirs: else nobody who reads the new
//! one finds its files.

use std::collections::{BTreeSet, HashMap};

use datlake_core::catalog::GcEpoch;
use datlake_core::tree::{InPack, Metarange, PackLocations, RangeRow, TreeEntry, TreeRange};
use datlake_core::{Digest, Result};
use datlake_store::wait;

use crate::handle::Lake;
use crate::lake::in_parallel;

/// Content that a commit refers to, as stores have it.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    /// Each with its size in bytes.
    contents: Vec<(Digest, u64)>,
    /// What leads from ranges to the packs among it.
    locations: Vec<PackLocations>,
}

impl Pieces {
    pub(super) fn new(contents: Vec<(Digest, u64)>, locations: Vec<PackLocations>) -> Self {
        Self { contents, locations }
    }

    pub(super) fn push(&mut self, content: (Digest, u64)) {
        self.contents.push(content);
    }

    pub(super) fn extend(&mut self, others: Self) {
        self.contents.extend(others.contents);
        self.locations.extend(others.locations);
    }

    /// Adds what leads to packs, and these.
    fn add_locations(&mut self, locations: Vec<PackLocations>) {
        self.contents.extend(locations.iter().map(|one| (one.pack(), one.pack_size())));
        self.locations.extend(locations);
    }

    pub(super) fn contents(self) -> Vec<(Digest, u64)> {
        self.contents
    }

    pub(super) fn locations(self) -> Vec<PackLocations> {
        self.locations
    }
}

impl FromIterator<(Digest, u64)> for Pieces {
    fn from_iter<T: IntoIterator<Item = (Digest, u64)>>(contents: T) -> Self {
        Self { contents: contents.into_iter().collect(), locations: Vec::new() }
    }
}

/// Where files of new ranges may rest.
pub(super) struct MadeOf<'a> {
    /// The trees whose files they have, each at its path.
    pub(super) trees: &'a [&'a Metarange],
    /// Files that were put just now.
    pub(super) put: &'a HashMap<Digest, InPack>,
    /// Before all of that was read and put.
    pub(super) since: GcEpoch,
}

impl MadeOf<'_> {
    /// The ranges that have files at the paths from `first` to `last`.
    fn near<'b>(&'b self, (first, last): &'b (String, String)) -> impl Iterator<Item = &'b RangeRow> {
        self.trees.iter().flat_map(move |tree| {
            let rows = tree.ranges();
            let begin = rows.partition_point(|row| row.last < *first);
            rows[begin..].iter().take_while(move |row| row.first <= *last)
        })
    }
}

/// A range that is about to be put.
pub(super) struct NewRange<'a> {
    pub(super) digest: Digest,
    pub(super) bytes: &'a [u8],
    /// The first path in it, and the last.
    pub(super) span: (String, String),
}

/// The first path in a range, and the last.
pub(super) fn span(bytes: &[u8]) -> Result<Option<(String, String)>> {
    let range = TreeRange::parse_any(bytes, &"a new range")?;
    let Some((first, _)) = range.entries().next() else { return Ok(None) };
    let last = range.entries().last().map_or(first, |(path, _)| path);
    Ok(Some((first.to_owned(), last.to_owned())))
}

impl Pieces {
    /// Puts what leads from new ranges to the packs of their files, and adds both.
    pub(super) fn lead_to_packs(&mut self, lake: &Lake, ranges: &[NewRange<'_>], of: &MadeOf<'_>) -> Result<()> {
        let near: BTreeSet<Digest> =
            ranges.iter().flat_map(|range| of.near(&range.span)).map(|row| row.digest).collect();
        // Far away each is a round trip.
        let near: Vec<Digest> = near.into_iter().collect();
        let found = in_parallel(&near, |range| Ok((*range, lake.locations_of(range, Some(of.since))?)))?;
        let found: HashMap<Digest, _> = found.into_iter().filter(|(_, locations)| !locations.is_empty()).collect();
        let located = in_parallel(ranges, |range| {
            let rows = of.near(&range.span).filter_map(|row| found.get(&row.digest));
            let known: Vec<&PackLocations> = rows.flat_map(|locations| locations.iter()).collect();
            let locations = located(range, &known, of.put)?;
            wait(lake.put_locations(&locations, false))?;
            lake.note_located(&range.digest, of.since, &locations.clone().into());
            Ok(locations)
        })?;
        located.into_iter().for_each(|locations| self.add_locations(locations));
        Ok(())
    }
}

/// What leads to the files of `range` that rest in packs.
fn located(
    range: &NewRange<'_>,
    known: &[&PackLocations],
    put: &HashMap<Digest, InPack>,
) -> Result<Vec<PackLocations>> {
    if known.is_empty() && put.is_empty() {
        return Ok(Vec::new());
    }
    let mut places = HashMap::new();
    for (_, entry) in TreeRange::parse_any(range.bytes, &"a new range")?.entries() {
        let TreeEntry::File { digest, size, .. } = entry else { continue };
        let rests = known.iter().find_map(|locations| locations.find(digest).filter(|at| at.length == *size));
        if let Some(at) = put.get(digest).copied().or(rests) {
            places.insert(*digest, at);
        }
    }
    Ok(PackLocations::of_range(range.digest, &places))
}
