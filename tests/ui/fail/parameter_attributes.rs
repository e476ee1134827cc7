//! Attributes of parameters.
use datlake::{Result, file_creator};

#[file_creator]
fn creator(
    #[skip]
    #[secret]
    a: u32,
    #[hidden] b: u32,
    #[skip]
    #[skip]
    c: u32,
    #[secret(always)] d: u32,
    #[cfg(unix)] e: u32,
    #[skip] output_uid: &str,
) -> Result<u32> {
    let _ = output_uid;
    Ok(a + b + c + d + e)
}

fn main() {}
