//! Steps whose own code changes, or code that they depend on.

use datlake::{Result, file_creator};

#[file_creator]
pub fn body(n: u32) -> Result<u32> {
    Ok(n + 1)
}

fn helper(n: u32) -> u32 {
    n + 2
}

#[file_creator]
pub fn helped(n: u32) -> Result<u32> {
    Ok(helper(n))
}

fn deep(n: u32) -> u32 {
    n + 3
}

fn shallow(n: u32) -> u32 {
    deep(n) * 2
}

#[file_creator]
pub fn helped_deeply(n: u32) -> Result<u32> {
    Ok(shallow(n))
}

const LIMIT: u32 = 5;

#[file_creator]
pub fn limited(n: u32) -> Result<u32> {
    Ok(n.min(LIMIT))
}

static TABLE: [u32; 3] = [7, 8, 9];

#[file_creator]
pub fn looked_up(at: usize) -> Result<u32> {
    Ok(TABLE[at])
}

pub struct Window {
    pub width: u8,
}

#[file_creator]
pub fn sized() -> Result<usize> {
    Ok(size_of::<Window>())
}

mod stats {
    pub struct Mean(pub f64);

    impl Mean {
        pub fn of(values: &[f64]) -> Self {
            Self(values.iter().sum::<f64>() / values.len() as f64)
        }
    }
}

#[file_creator]
pub fn mean(values: &[f64]) -> Result<f64> {
    Ok(stats::Mean::of(values).0)
}

#[file_creator]
pub fn nested(n: u32) -> Result<u32> {
    Ok(n + 4)
}

#[file_creator]
pub fn nesting(n: u32) -> Result<u32> {
    Ok(nested(n)? * 2)
}

#[file_creator(version = 1)]
pub fn pinned(n: u32) -> Result<u32> {
    Ok(n + 5)
}

#[file_creator(version = 1)]
pub fn released(n: u32) -> Result<u32> {
    Ok(n + 6)
}
