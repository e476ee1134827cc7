//! A module has the name already: `info = …` is the way out.
use datlake::{Result, file_creator};

mod stats {}

#[file_creator]
fn stats(x: u32) -> Result<u32> {
    Ok(x)
}

fn main() {}
