//! Every mistake in the options, each at its place.
use datlake::{Result, file_creator, tracked};

#[file_creator(depend_on(helper), version = "2", name = "", name = "b", on_change = "ask")]
fn first(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator(version, depends_on, key(), on_error = "return", on_change = "keep",, info = 3)]
fn second(x: u32) -> Result<u32> {
    Ok(x)
}

#[file_creator(name = "a/../b", version = -1, depends_on(3, Model::fit, crate::Model::<u8>::fit))]
fn third(x: u32) -> Result<u32> {
    Ok(x)
}

#[tracked(version = 2)]
fn fourth() {}

fn main() {
    let _ = first::call(3).run();
}
