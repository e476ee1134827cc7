//! What a creator returns must be able to fail, and be known.
use datlake::{Result, file_creator};

#[file_creator]
fn nothing() {}

#[file_creator]
fn plain(x: u32) -> u32 {
    x
}

#[file_creator]
fn generic<T: serde::Serialize>(x: T) -> T {
    x
}

#[file_creator]
fn hidden(x: u32) -> Result<impl Iterator<Item = u32>> {
    Ok(0..x)
}

#[file_creator(on_error = "panic")]
fn never() -> ! {
    loop {}
}

fn main() {
    nothing();
    nothing::call().run();
}
