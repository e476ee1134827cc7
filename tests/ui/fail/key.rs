//! What stands in `key(…)` is an expression over the arguments, and its value must be serializable.
use datlake::{Result, file_creator};

struct Opaque;

#[file_creator(key(x + 1, Opaque, missing))]
fn creator(x: u32) -> Result<u32> {
    Ok(x)
}

fn main() {}
