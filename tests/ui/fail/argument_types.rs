//! Arguments that cannot be part of a key.
use std::path::{Path, PathBuf};

use datlake::{Result, file_creator};

#[file_creator]
fn paths(one: &Path, many: Vec<(PathBuf, u32)>, #[by_name] fine: &Path) -> Result<u32> {
    let _ = (one, many, fine);
    Ok(1)
}

#[file_creator]
fn changed(x: &mut u32, y: Option<&mut Vec<u8>>) -> Result<u32> {
    let _ = y;
    Ok(*x)
}

#[file_creator]
fn anything(x: impl std::fmt::Debug, y: u32) -> Result<u32> {
    let _ = (x, y);
    Ok(1)
}

fn main() {}
