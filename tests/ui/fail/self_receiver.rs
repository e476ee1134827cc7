//! A creator is a free function.
use datlake::{Result, file_creator};

struct Shop;

impl Shop {
    #[file_creator]
    fn report(&self, month: u32) -> Result<u32> {
        Ok(month)
    }
}

fn main() {}
