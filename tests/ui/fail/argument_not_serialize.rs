//! The error stands at the argument's type.
use datlake::{Result, file_creator};

struct Opaque;

#[file_creator]
fn creator(fine: u32, not: Opaque) -> Result<u32> {
    let _ = not;
    Ok(fine)
}

fn main() {
    creator(1, Opaque).unwrap();
}
