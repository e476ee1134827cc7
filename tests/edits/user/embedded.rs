//! Steps that change with what is around the program's text.

use datlake::{Result, file_creator};

#[file_creator]
pub fn included() -> Result<String> {
    Ok(include_str!("words.txt").trim().to_owned())
}

const WORDS: &[u8] = include_bytes!("words.txt");

#[file_creator]
pub fn included_below() -> Result<usize> {
    Ok(WORDS.len())
}

#[file_creator]
pub fn region() -> Result<String> {
    Ok(env!("EDITS_REGION").to_owned())
}

#[file_creator]
pub fn scale() -> Result<Option<String>> {
    Ok(option_env!("EDITS_SCALE").map(str::to_owned))
}

#[file_creator]
pub fn gated() -> Result<String> {
    #[cfg(feature = "fast")]
    let speed = "fast";
    #[cfg(not(feature = "fast"))]
    let speed = "slow";
    Ok(speed.to_owned())
}

#[file_creator]
pub fn gated_value() -> Result<bool> {
    Ok(cfg!(feature = "fast"))
}

fn steps() -> u32 {
    if cfg!(feature = "fast") { 1 } else { 10 }
}

#[file_creator]
pub fn gated_helper() -> Result<u32> {
    Ok(steps())
}
