//! What a body may ask for.
use datlake::{Lake, Result, file_creator};

const CORES: u64 = 1;
const GIB: u64 = 1 << 30;

#[file_creator(resources(cpus = 1))]
fn plain(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator(resources(cpus = CORES, memory = 2 * GIB / 1024,), version = 2)]
async fn constants(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator(resources(cpus = N))]
fn generic<const N: u64>(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator(on_error = "panic", resources(memory = "1 MB"))]
fn bare(x: u32) -> u32 {
    x
}

#[file_creator(closure = "none")]
fn with_nothing(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator(closure = "none", resources(cpus = 1, gpus = 0 + 0, memory = "1KB"))]
fn with_something(x: u32) -> Result<u32> {
    Ok(x)
}

fn main() -> Result<()> {
    assert_eq!(with_nothing::info().code_hash, with_something::info().code_hash, "no part of the key");
    let lake = Lake::temp()?;
    let _current = lake.enter();
    assert_eq!((plain(1)?, generic::<1>(2)?, bare(3)), (1, 2, 3));
    let _ = constants::call(4);
    Ok(())
}
