//! Steps that look for nothing by themselves, and stop declaring what they call.

use datlake::{Result, file_creator, tracked};

#[tracked]
fn used(n: u32) -> u32 {
    n + 1
}

#[file_creator(closure = "none", depends_on(used))]
pub fn declared(n: u32) -> Result<u32> {
    Ok(used(n))
}

#[tracked(depends_on(used))]
fn between(n: u32) -> u32 {
    used(n) * 2
}

#[file_creator(closure = "none", depends_on(between))]
pub fn declared_below(n: u32) -> Result<u32> {
    Ok(between(n))
}
