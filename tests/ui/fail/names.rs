//! Names that clash with generated ones.
use datlake::{Result, file_creator};

#[file_creator]
fn reserved<__T: serde::Serialize>(__key: u32, (a, __b): (u32, u32), t: __T) -> Result<u32> {
    let _ = t;
    Ok(__key + a + __b)
}

#[file_creator]
fn str(x: u32) -> Result<u32> {
    Ok(x)
}

fn main() {}
