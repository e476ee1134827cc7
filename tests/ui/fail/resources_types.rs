//! What a body asks for is a constant `u64`.
use datlake::{Result, file_creator};

const CORES: u32 = 4;

#[file_creator(resources(cpus = CORES))]
fn narrow(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator(resources(memory = x))]
fn by_argument(x: u64) -> Result<u64> {
    Ok(x)
}

fn main() {}
