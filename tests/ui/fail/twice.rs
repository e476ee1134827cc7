//! A creator is tracked, and a creator, once.
use datlake::{Result, file_creator, tracked};

#[file_creator]
#[tracked]
fn inner(x: u32) -> Result<u32> {
    Ok(x)
}

#[tracked]
#[file_creator]
fn outer(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator]
#[file_creator]
fn doubly(x: u32) -> Result<u32> {
    Ok(x)
}

fn main() {
    let _ = (inner(1), outer(1), doubly(1));
}
