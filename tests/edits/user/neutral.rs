//! Steps whose code stays what it is, whatever is done to their text.

use datlake::{Result, file_creator, tracked};

/// Adds one.
#[file_creator]
pub fn documented(n: u32) -> Result<u32> {
    Ok(n + 1)
}

#[file_creator]
pub fn commented(n: u32) -> Result<u32> {
    // Two.
    Ok(n + 2)
}

#[file_creator]
pub fn formatted(numbers: &[u32]) -> Result<u32> {
    Ok(numbers.iter().map(|n| n * 2).sum())
}

#[file_creator]
pub fn allowed(n: u32) -> Result<u32> {
    let sum = n + 3;
    Ok(sum)
}

#[file_creator]
pub fn listing(a: u32, b: u32) -> Result<Vec<u32>> {
    Ok(vec![a, b])
}

/// A helper.
#[tracked]
fn low(n: u32) -> u32 {
    n - 1
}

#[tracked]
fn high(n: u32) -> u32 {
    n + 1
}

#[file_creator(depends_on(low, high))]
pub fn ordered(n: u32) -> Result<(u32, u32)> {
    Ok((low(n), high(n)))
}

/// Calls another creator, whose text is part of its code.
#[file_creator]
pub fn enclosing(n: u32) -> Result<u32> {
    documented(n)
}

#[file_creator]
pub fn shown(n: u32) -> Result<u32> {
    Ok(n + 4)
}
