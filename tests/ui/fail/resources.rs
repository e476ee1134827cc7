//! Every mistake in what a body asks for, each at its place.
use datlake::{Result, file_creator, tracked};

#[file_creator(resources)]
fn nothing(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator(resources(cpus = "4", gpus, memory = 16, ram = "1GiB"))]
fn wrong(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator(resources(cpus = 0, gpus = -1, memory = "much", memory = "1GiB"))]
fn odd(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator(resources(cpus = 1.5, memory = "0GiB"))]
fn half(x: u32) -> Result<u32> {
    Ok(x)
}

#[tracked(resources(cpus = 1))]
fn helper() {}

fn main() {
    let _ = nothing::call(3).run();
}
