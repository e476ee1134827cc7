//! Steps whose text stays what it is, while a name in it comes to mean another thing.

use datlake::{Result, file_creator};

mod pair {
    pub fn double(n: u32) -> u32 {
        n * 2
    }

    pub fn triple(n: u32) -> u32 {
        n * 3
    }
}

use pair::{double as a, triple as b};

#[file_creator]
pub fn aliased(n: u32) -> Result<(u32, u32)> {
    Ok((a(n), b(n)))
}

mod left {
    const STEP: u32 = 1;

    pub fn pick(n: u32) -> u32 {
        n + STEP
    }
}

mod right {
    const STEP: u32 = 2;

    pub fn pick(n: u32) -> u32 {
        n + STEP
    }
}

use left::pick;

#[file_creator]
pub fn imported(n: u32) -> Result<u32> {
    Ok(pick(n))
}

#[file_creator]
pub fn argument(count: u32) -> Result<u32> {
    Ok(count)
}
