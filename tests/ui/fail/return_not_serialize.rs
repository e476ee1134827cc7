//! What is returned is kept, so it must be serializable.
use datlake::{Result, file_creator};

struct Opaque;

#[file_creator]
fn creator(x: u32) -> Result<Opaque> {
    let _ = x;
    Ok(Opaque)
}

fn main() {}
