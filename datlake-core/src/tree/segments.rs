//! Several trees side by side: which of their ranges are about the same paths.

use super::metarange::RangeRow;

/// The ranges of several trees in pieces: no range of one piece has paths between those of another.
pub(super) struct Segments<'a, const N: usize>([&'a [RangeRow]; N]);

impl<'a, const N: usize> Segments<'a, N> {
    pub(super) fn new(trees: [&'a [RangeRow]; N]) -> Self {
        Self(trees)
    }
}

impl<'a, const N: usize> Iterator for Segments<'a, N> {
    type Item = [&'a [RangeRow]; N];

    fn next(&mut self) -> Option<Self::Item> {
        let heads = self.0.iter().filter_map(|rows| rows.first());
        let mut last = heads.map(|row| row.first.as_str()).min()?;
        let mut taken = [0; N];
        loop {
            let before = taken;
            for (rows, taken) in self.0.iter().zip(&mut taken) {
                while let Some(row) = rows.get(*taken).filter(|row| row.first.as_str() <= last) {
                    last = last.max(&row.last);
                    *taken += 1;
                }
            }
            if taken == before {
                break;
            }
        }
        let mut found = [&[][..]; N];
        for ((rows, taken), found) in self.0.iter_mut().zip(taken).zip(&mut found) {
            (*found, *rows) = rows.split_at(taken);
        }
        Some(found)
    }
}
