//! Which encodings may be known. Most parts of an argument are not, and a filter is all that is asked about them.

/// Bits of a filter, as a power of two: where a generation knows all that it can, one part in eight is looked up in vain.
const BITS: u32 = 19;

/// A Bloom filter with one hash, of an encoding's length and a few of its bytes. It lies to those who choose values for that: they
/// wait longer, and get the same answer.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// Empty before something is known.
    bits: Vec<u64>,
    /// Lengths below 64 of encodings that were added: a bit for each.
    short: u64,
}

/// What a filter asks about an encoding; the same for all filters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    length: usize,
    hash: u64,
}

impl Sample {
    /// Of the encoding `bytes`.
    #[inline]
    pub(super) fn of(bytes: &[u8]) -> Self {
        let length = bytes.len();
        let some = match (bytes.last_chunk::<8>(), bytes.get(length / 2..).and_then(|half| half.first_chunk::<8>())) {
            (Some(last), Some(middle)) if length > 32 => {
                u64::from_le_bytes(*last) ^ u64::from_le_bytes(*middle).rotate_left(32)
            }
            (Some(last), _) => u64::from_le_bytes(*last),
            (None, _) => bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        };
        Self::new(length, some)
    }

    /// Of any encoding of that length, of which nothing else is known.
    pub(super) fn of_length(length: usize) -> Self {
        Self::new(length, 0)
    }

    #[inline]
    fn new(length: usize, some: u64) -> Self {
        let hash = some.wrapping_add((length as u64).rotate_left(48)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self { length, hash }
    }

    /// Whether its encoding is too long to be its own mark.
    pub(super) fn is_long(self) -> bool {
        self.length > 32
    }

    /// A number below `count`, which is at most 2⁶.
    #[inline]
    pub(super) fn slot(self, count: usize) -> usize {
        (self.hash >> 58) as usize % count
    }

    #[inline]
    fn bit(self) -> (usize, u64) {
        let bit = (self.hash >> (64 - BITS)) as usize;
        (bit / 64, 1 << (bit % 64))
    }
}

impl Filter {
    /// An encoding with this sample is known.
    pub(super) fn add(&mut self, sample: Sample) {
        self.bits.resize(1 << (BITS - 6), 0);
        let (word, bit) = sample.bit();
        self.bits[word] |= bit;
        if sample.length < 64 {
            self.short |= 1 << sample.length;
        }
    }

    /// Whether an encoding with this sample may be known.
    #[inline]
    pub(super) fn may_have(&self, sample: Sample) -> bool {
        let (word, bit) = sample.bit();
        self.bits.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Whether encodings of this length may be known: always for the longer ones.
    #[inline]
    pub(super) fn may_have_length(&self, length: usize) -> bool {
        length >= 64 || self.short >> length & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_may_be_there_and_little_else() {
        let mut filter = Filter::default();
        let encodings = |from: u64| {
            (from..from + 10_000)
                .map(|n| [&[6][..], &(n as f64 / 7.3).to_le_bytes(), &vec![7; n as usize % 90]].concat())
        };
        assert!(!encodings(0).any(|bytes| filter.may_have(Sample::of(&bytes))));
        for bytes in encodings(0) {
            filter.add(Sample::of(&bytes));
            assert!(filter.may_have(Sample::of(&bytes)) && filter.may_have_length(bytes.len()));
        }
        let wrong = encodings(10_000).filter(|bytes| bytes.len() == 9 && filter.may_have(Sample::of(bytes))).count();
        assert!(wrong < 20, "{wrong} of 111");
        assert!(!filter.may_have_length(8));
        for short in [&[][..], &[1], &[1, 2, 3]] {
            filter.add(Sample::of(short));
            assert!(filter.may_have(Sample::of(short)) && filter.may_have_length(short.len()));
        }
    }
}
