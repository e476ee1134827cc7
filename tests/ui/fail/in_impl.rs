//! Not even without `self` does a creator stand in an `impl`.
use datlake::{Result, file_creator};

struct Shop;

impl Shop {
    #[file_creator]
    fn report(month: u32) -> Result<u32> {
        Ok(month)
    }
}

fn main() {}
