//! BLAKE3 in its mode of deriving keys, with the context hashed once for a process instead of once for each value.

use std::sync::OnceLock;

use blake3::Hasher;
use blake3::hazmat::{ContextKey, HasherExt as _, hash_derive_key_context};

/// The hash function that `blake3::derive_key` is with one context.
pub(crate) struct DerivedHash {
    context: &'static str,
    key: OnceLock<ContextKey>,
}

impl DerivedHash {
    pub(crate) const fn new(context: &'static str) -> Self {
        Self { context, key: OnceLock::new() }
    }

    pub(crate) fn hash(&self, bytes: &[u8]) -> [u8; 32] {
        let key = self.key.get_or_init(|| hash_derive_key_context(self.context));
        Hasher::new_from_context_key(key).update(bytes).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_blake3_derives() {
        static HASH: DerivedHash = DerivedHash::new("datlake tests");
        for length in [0, 1, 64, 1000, 1024, 1025, 100_000] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            assert_eq!(HASH.hash(&bytes), blake3::derive_key("datlake tests", &bytes), "{length}");
        }
    }
}
