//! An error of the lake must fit into the creator's error.
use datlake::file_creator;

struct Mine;

#[file_creator]
fn creator(x: u32) -> Result<u32, Mine> {
    Ok(x)
}

fn main() {}
