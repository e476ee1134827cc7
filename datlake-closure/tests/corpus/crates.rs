//! Other crates, editions, and the files of modules.

use crate::support::{Case, case, changes, keeps};

pub(crate) fn cases() -> Vec<Case> {
    [crates(), editions(), files()].into_iter().flatten().collect()
}

fn crates() -> Vec<Case> {
    vec![path_dependencies(), extern_crate(), a_module_hides_a_crate()]
}

fn path_dependencies() -> Case {
    case(
        "path dependencies",
        r##"
//- src/lib.rs deps:kit=helper,ground
use kit::more::*;
pub use kit::callback as cb;
struct Stepper;
impl cb::Step for Stepper { fn step(&self, n: u64) -> u64 { n + 43 } }
fn public(n: u64) -> u64 { n + 1 }
pub fn creator(n: u64) -> u64 {
    kit::public(n) + kit::exported() + kit::twice!(n) + (-kit::meter()).0 + cb::run(Stepper, n) + globbed() + kit::on_ground()
        + kit::soil().depth() + ::kit::SIZE + ground::floor()
}
//- helper/src/lib.rs deps:ground
//! A dependency.
mod inner;
pub mod callback { pub trait Step { fn step(&self, n: u64) -> u64; fn twice(&self, n: u64) -> u64 { self.step(self.step(n)) } } pub fn run<S: Step>(s: S, n: u64) -> u64 { s.twice(n) + 1 } }
pub use inner::deep::exported;
/// Adds.
pub fn public(n: u64) -> u64 {
    // a comment
    private(n) + 1
}
fn private(n: u64) -> u64 { n * 2 }
pub fn unrelated(n: u64) -> u64 { n * 77 }
#[macro_export]
macro_rules! twice { ($e:expr) => { $crate::double($e) }; }
#[doc(hidden)]
pub fn double(n: u64) -> u64 { n * 4 }
pub struct Meter(pub u64);
impl std::ops::Neg for Meter { type Output = Meter; fn neg(self) -> Meter { Meter(1000 - self.0) } }
pub fn meter() -> Meter { Meter(5) }
pub fn on_ground() -> u64 { ground::floor() }
pub fn soil() -> ground::Soil { ground::Soil }
pub mod more { pub fn globbed() -> u64 { 34 } pub fn other() -> u64 { 35 } }
pub const SIZE: u64 = 10;
//- helper/src/inner/mod.rs
pub mod deep;
//- helper/src/inner/deep.rs
pub fn exported() -> u64 { 9 }
//- ground/src/lib.rs
pub fn floor() -> u64 { 31 }
pub struct Soil;
impl Soil { pub fn depth(&self) -> u64 { 32 } pub fn width(&self) -> u64 { 33 } }
"##,
        [
            changes("a function", "private(n) + 1", "private(n) + 2"),
            changes("a private function", "n * 2 }", "n * 3 }"),
            keeps("a comment", "// a comment", "// another"),
            keeps("documentation", "/// Adds.", "/// Adds one."),
            keeps("an unrelated function", "n * 77", "n * 78"),
            changes("through files and re-exports", "{ 9 }", "{ 10 }"),
            changes("$crate in an exported macro", "n * 4", "n * 5"),
            changes("the macro", "$crate::double($e)", "$crate::double($e) + 1"),
            changes("an operator of a type that is never named", "1000 - self.0", "2000 - self.0"),
            changes("it calls back", "n + 43", "n + 44"),
            changes("a trait's default method", "self.step(self.step(n))", "self.step(self.step(self.step(n)))"),
            changes("by a glob", "{ 34 }", "{ 36 }"),
            keeps("beside it", "{ 35 }", "{ 36 }"),
            changes("a dependency's dependency", "{ 31 }", "{ 131 }"),
            changes("its method", "{ 32 }", "{ 132 }"),
            keeps("another method of it", "{ 33 }", "{ 133 }"),
            changes("a constant by a global path", "SIZE: u64 = 10", "SIZE: u64 = 11"),
            keeps("a function of one's own with the same name", "n + 1 }", "n + 2 }"),
        ],
    )
}

fn extern_crate() -> Case {
    case(
        "extern crate",
        r##"
//- src/lib.rs
extern crate helper as assistant;
#[macro_use]
extern crate tools;
extern crate self as me;
fn own() -> u64 { 1 }
pub fn creator(_: u64) -> u64 { assistant::help() + tool!() + me::own() }
//- helper/src/lib.rs
pub fn help() -> u64 { 2 }
//- tools/src/lib.rs
#[macro_export]
macro_rules! tool { () => { $crate::inside() + 3 }; }
pub fn inside() -> u64 { 4 }
"##,
        [
            changes("renamed", "{ 2 }", "{ 22 }"),
            changes("self", "{ 1 }", "{ 11 }"),
            changes("macro_use", "+ 3", "+ 33"),
            changes("what the macro calls", "{ 4 }", "{ 44 }"),
        ],
    )
}

fn a_module_hides_a_crate() -> Case {
    case(
        "a module hides a crate",
        r##"
//- src/lib.rs
mod helper { pub fn help() -> u64 { 1 } }
pub fn creator(_: u64) -> u64 { crate::helper::help() + ::helper::other() }
//- helper/src/lib.rs
pub fn help() -> u64 { 2 }
pub fn other() -> u64 { 3 }
"##,
        [
            changes("the module's", "{ 1 }", "{ 11 }"),
            changes("the crate's, by a global path", "{ 3 }", "{ 33 }"),
            keeps("the crate's that is hidden", "{ 2 }", "{ 22 }"),
        ],
    )
}

fn editions() -> Vec<Case> {
    vec![case(
        "edition 2015",
        r##"
//- src/lib.rs edition:2015
extern crate helper;
mod a { pub fn one() -> u64 { 1 } pub mod b { use a::one; use helper::help; pub fn all() -> u64 { one() + help() + ::a::two() } } pub fn two() -> u64 { 2 } }
mod b { pub fn all() -> u64 { 9 } }
use a::b::all;
fn async() -> u64 { 4 }
trait Old { fn old(&self, u64) -> u64; }
impl Old for u64 { fn old(&self, n: u64) -> u64 { *self + n + 5 } }
pub fn creator(n: u64) -> u64 { all() + async() + n.old(1) }
//- helper/src/lib.rs edition:2015
pub fn help() -> u64 { 3 }
"##,
        [
            changes("a use begins at the root", "{ 1 }", "{ 11 }"),
            changes("a global path begins at the root", "{ 2 }", "{ 12 }"),
            changes("a crate", "{ 3 }", "{ 13 }"),
            changes("a function called async", "{ 4 }", "{ 14 }"),
            changes("a trait without names of parameters", "n + 5", "n + 15"),
            keeps("another module", "{ 9 }", "{ 19 }"),
        ],
    )]
}

fn files() -> Vec<Case> {
    vec![case(
        "files",
        r##"
//- src/lib.rs
#[path = "odd/place.rs"]
mod placed;
mod plain;
mod folder;
#[cfg_attr(on, path = "picked_on.rs")]
mod picked;
mod inline { pub mod below; #[path = "elsewhere.rs"] pub mod other; }
include!("included.rs");
pub fn creator(_: u64) -> String {
    let n = placed::odd() + placed::beside::get() + plain::get() + plain::child::get() + folder::get() + picked::picked() + inline::below::get() + inline::other::get() + included();
    format!("{n} {} {:?}", include_str!("../data/text.txt"), include_bytes!("../data/bytes.bin"))
}
//- src/odd/place.rs
pub mod beside;
pub fn odd() -> u64 { 1 }
//- src/odd/beside.rs
pub fn get() -> u64 { 2 }
//- src/plain.rs
pub mod child;
pub fn get() -> u64 { 3 }
pub fn not() -> u64 { 30 }
//- src/plain/child.rs
pub fn get() -> u64 { 4 }
//- src/folder/mod.rs
pub fn get() -> u64 { 5 }
//- src/picked_on.rs
pub fn picked() -> u64 { 6 }
//- src/picked.rs
pub fn picked() -> u64 { 60 }
//- src/inline/below.rs
pub fn get() -> u64 { 7 }
//- src/inline/elsewhere.rs
pub fn get() -> u64 { 8 }
//- src/included.rs
fn included() -> u64 { 9 }
//- data/text.txt
some text
//- data/bytes.bin
some bytes
//- data/other.txt
other text
"##,
        [
            changes("#[path]", "{ 1 }", "{ 11 }"),
            changes("a child of a #[path] module", "{ 2 }", "{ 12 }"),
            changes("a file", "{ 3 }", "{ 13 }"),
            changes("a file's child", "{ 4 }", "{ 14 }"),
            changes("a folder", "{ 5 }", "{ 15 }"),
            changes("cfg_attr(path)", "{ 6 }", "{ 16 }"),
            keeps("the file that is not picked", "{ 60 }", "{ 61 }"),
            changes("below an inline module", "{ 7 }", "{ 17 }"),
            changes("#[path] in an inline module", "{ 8 }", "{ 18 }"),
            changes("include!", "{ 9 }", "{ 19 }"),
            changes("include_str!", "some text", "one text"),
            changes("include_bytes!", "some bytes", "more bytes"),
            keeps("a file nobody includes", "other text", "another text"),
            keeps("what nobody calls in a file", "{ 30 }", "{ 31 }"),
        ],
    )]
}
