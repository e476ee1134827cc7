//! Maps by digests: hashing what is a hash already would cost more than all else there is to a look-up.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::CallKey;

/// A map by the keys of calls.
pub type ByKey<V> = HashMap<CallKey, V, ByDigest>;

/// Takes a digest's first bytes for its hash.
pub type ByDigest = BuildHasherDefault<FirstBytes>;

/// See [`ByDigest`].
#[derive(Clone, Copy, Debug, Default)]
pub struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some((first, _)) = bytes.split_first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length of the digest, or what else is beside it.
    fn write_usize(&mut self, _: usize) {}
}
