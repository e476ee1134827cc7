//! Mistakes in a body are the compiler's to explain, where they stand.
use datlake::{File, Result, file_creator};

#[file_creator]
fn types(file: &File, x: u32) -> Result<u32> {
    let y: String = x;
    file.no_such_method();
    drop(y);
    Ok(x)
}

#[file_creator]
fn missing(x: u32) -> Result<u32> {
    x + 1;
}

#[file_creator]
fn moved(x: String) -> Result<String> {
    drop(x);
    Ok(x)
}

#[file_creator]
async fn asynchronous(x: u32) -> Result<u32> {
    let y: String = x;
    Ok(y.await)
}

fn main() {}
