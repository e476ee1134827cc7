//! `const`, `unsafe`, `extern` and variadic functions, each with all of its mistakes.
use datlake::{Result, file_creator};

#[file_creator]
const fn constant(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator]
unsafe fn dangerous(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator]
extern "C" fn foreign(x: u32) -> u32 {
    x
}

#[file_creator(on_error = "panic")]
const unsafe fn both(x: &mut u32) -> u32 {
    *x
}

fn main() {
    constant(3).unwrap();
    constant::call(3).run().unwrap();
}
