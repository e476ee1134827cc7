//! Very many digests in little memory.

use std::collections::HashSet;

use crate::Digest;

/// A set of digests by their first half: 16 bytes each, and a little more for those that were added last. Two digests with the same
/// first half do not happen by chance. Whoever made some on purpose
/// would have content kept that nobody names, or listed as there: nothing is lost by it.
#[derive(Clone, Debug, Default)]
pub struct DigestSet {
    /// Each once, in order.
    sorted: Vec<Half>,
    /// What was added since.
    last: HashSet<Half>,
}

type Half = [u8; 16];

/// So many, or a quarter of all, are added before all are put in order anew.
const LAST: usize = 1 << 14;

impl DigestSet {
    /// Adds a digest: whether it was not there.
    pub fn insert(&mut self, digest: &Digest) -> bool {
        if self.contains(digest) {
            return false;
        }
        self.last.insert(half(digest));
        if self.last.len() > LAST.max(self.sorted.len() / 4) {
            let last = std::mem::take(&mut self.last);
            self.merge(last);
        }
        true
    }

    /// Whether it was added.
    pub fn contains(&self, digest: &Digest) -> bool {
        let half = half(digest);
        self.last.contains(&half) || self.sorted.binary_search(&half).is_ok()
    }

    /// Adds all of another.
    pub fn absorb(&mut self, other: Self) {
        let Self { sorted, last } = other;
        self.merge(sorted.into_iter().chain(last));
    }

    fn merge(&mut self, more: impl IntoIterator<Item = Half>) {
        self.sorted.extend(more);
        self.sorted.sort_unstable();
        self.sorted.dedup();
    }
}

impl Extend<Digest> for DigestSet {
    fn extend<I: IntoIterator<Item = Digest>>(&mut self, digests: I) {
        for digest in digests {
            self.insert(&digest);
        }
    }
}

impl FromIterator<Digest> for DigestSet {
    fn from_iter<I: IntoIterator<Item = Digest>>(digests: I) -> Self {
        let mut set = Self::default();
        set.extend(digests);
        set
    }
}

fn half(digest: &Digest) -> Half {
    let mut half = [0; 16];
    half.copy_from_slice(&digest.as_bytes()[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_what_was_added_and_nothing_else() {
        let digest = |n: usize| Digest::of(&n.to_le_bytes());
        let (mut set, many) = (DigestSet::default(), 3 * LAST);
        for n in 0..many {
            assert!(set.insert(&digest(n)), "{n}");
            assert!(!set.insert(&digest(n / 2)), "{n}");
        }
        let mut other: DigestSet = (many - 10..many + 10).map(digest).collect();
        other.absorb(set);
        assert!((0..many + 10).all(|n| other.contains(&digest(n))));
        assert!(!(many + 10..2 * many).any(|n| other.contains(&digest(n))));
    }
}
