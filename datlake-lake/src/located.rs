//! Where files of ranges rest in packs, as it was found.

use std::collections::HashMap;
use std::sync::Arc;

use datlake_core::Digest;
use datlake_core::catalog::GcEpoch;
use datlake_core::tree::PackLocations;

/// So many places are remembered, before all are forgotten.
const PLACES: usize = 1 << 18;
/// Of so many ranges.
const RANGES: usize = 1 << 16;

/// What was found of ranges, each with the last sweep before that.
#[derive(Debug, Default)]
pub(crate) struct Located {
    found: HashMap<Digest, (GcEpoch, Arc<[PackLocations]>)>,
    places: usize,
}

impl Located {
    /// What is known of a range, for who may not have what was found before a sweep: `since` that.
    pub(crate) fn known(&self, range: &Digest, since: Option<GcEpoch>) -> Option<Arc<[PackLocations]>> {
        let (then, found) = self.found.get(range)?;
        since.is_none_or(|since| since == *then).then(|| Arc::clone(found))
    }

    pub(crate) fn note(&mut self, range: &Digest, since: GcEpoch, found: &Arc<[PackLocations]>) {
        self.places += found.iter().map(|locations| locations.files().len()).sum::<usize>();
        if self.places > PLACES || self.found.len() >= RANGES {
            *self = Self::default();
        }
        self.found.insert(*range, (since, Arc::clone(found)));
    }
}
