//! Outputs are named once, by texts.
use datlake::{File, Result, file_creator};

#[file_creator]
fn twice(file: File, output_uid: &str, output_uids: &[&str]) -> Result<File> {
    let _ = (output_uid, output_uids);
    Ok(file)
}

#[file_creator]
fn number(file: File, output_uid: u32) -> Result<File> {
    let _ = output_uid;
    Ok(file)
}

#[file_creator]
fn numbers(file: File, output_uids: Vec<u32>) -> Result<Vec<File>> {
    let _ = output_uids;
    Ok(vec![file])
}

fn main() {}
