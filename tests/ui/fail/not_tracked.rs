//! `depends_on` names tracked items.
use datlake::{Result, file_creator};

fn helper() -> u32 {
    3
}

struct Config;

mod stats {}

#[file_creator(depends_on(helper, Config, mod stats))]
fn creator() -> Result<u32> {
    Ok(helper())
}

fn main() {}
