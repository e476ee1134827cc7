//! Where steps stand before they move.

use datlake::{Result, file_creator};

#[file_creator]
pub fn moved(n: u32) -> Result<u32> {
    Ok(n + 1)
}

#[file_creator(name = "edits/moved_by_name")]
pub fn moved_by_name(n: u32) -> Result<u32> {
    Ok(n + 2)
}
