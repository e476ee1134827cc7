//! What cannot be tracked.
use datlake::tracked;

#[tracked]
trait Shape {}

#[tracked]
type Alias = u32;

struct Square;

#[tracked]
impl Shape for Square {}

impl Square {
    #[tracked]
    fn area(&self) -> u32 {
        4
    }
}

#[tracked]
const _: u32 = 3;

#[tracked]
use std::fmt::Debug as _;

#[tracked]
macro_rules! shout {
    () => {};
}

#[tracked(info = other)]
struct Circle;

fn main() {
    let _: Alias = Square.area();
    let _ = Circle;
    shout!();
}
