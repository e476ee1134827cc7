//! The macro does not see what is in another file.
use datlake::tracked;

#[tracked]
#[path = "../files/elsewhere.rs"]
mod elsewhere;

fn main() {}
