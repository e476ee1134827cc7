//! How much of which content came in ranges.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use datlake_core::Digest;

use super::Wanted;

/// At most one part in so many of content is fetched in ranges.
const SHARE: u64 = 2;

/// How many bytes of which content were fetched in ranges.
#[derive(Debug, Default)]
pub(super) struct Fetched(Mutex<HashMap<Digest, u64>>);

impl Fetched {
    /// Counts `length` more bytes; `false` where that is more than the share of the whole.
    pub(super) fn add(&self, wanted: Wanted<'_>, length: u64) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fetched = all.get(wanted.digest).copied().unwrap_or(0).saturating_add(length);
        let few = fetched <= wanted.size / SHARE;
        match few {
            true => all.insert(*wanted.digest, fetched),
            false => all.remove(wanted.digest),
        };
        few
    }
}
