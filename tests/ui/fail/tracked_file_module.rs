//! The macro does not see what is in another file.
use datlake::tracked;

#[tracked]
mod elsewhere;

fn main() {}
