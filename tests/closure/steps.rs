use std::ops::Add;

use datlake::{Result, file_creator};

#[derive(Clone, Copy)]
struct Count(u64);

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(twice!(self.0) + other.0)
    }
}

macro_rules! twice {
    ($n:expr) => {
        $n * 2
    };
}
use twice;

/// A step.
#[file_creator]
pub fn step(n: u64) -> Result<u64> {
    let words = include_str!("../words.txt").split(' ').count() as u64;
    Ok((Count(kit::help(n)) + Count(words)).0)
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn counts_are_added() {
        assert_eq!((Count(1) + Count(2)).0, 4);
    }
}
