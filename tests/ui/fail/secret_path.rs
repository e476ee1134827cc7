//! A path counts by name only where that is said; what is secret has no name.
use std::path::Path;

use datlake::{Result, file_creator};

#[file_creator]
fn creator(
    #[secret] a: &Path,
    #[secret]
    #[by_name]
    b: &Path,
) -> Result<u32> {
    let _ = (a, b);
    Ok(1)
}

fn main() {}
