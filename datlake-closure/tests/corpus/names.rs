//! Paths, imports, modules, preludes, re-exports; constants and types; other crates.

use crate::support::{Case, case, changes, keeps, spurious};

pub(crate) fn cases() -> Vec<Case> {
    [own(), imports(), globs(), nested(), values()].into_iter().flatten().collect()
}

fn own() -> Vec<Case> {
    vec![case(
        "own body",
        r##"
/// Documentation.
pub fn creator(n: u64) -> u64 {
    // A comment.
    let text = "a  b // no comment";
    let list = [n, 2, 3];
    helper(n) + list.len() as u64 + text.len() as u64 + if n > 2 { 1 } else { 0 }
}
#[inline]
fn helper(n: u64) -> u64 { other(n, 1) + 100 }
fn other(a: u64, b: u64) -> u64 { a + b }
fn unrelated(n: u64) -> u64 { n + 8 }
struct Unrelated { field: u64 }
impl Unrelated { fn other(&self) -> u64 { self.field } }
#[cfg(test)]
mod tests { #[test] fn some() { assert_eq!(1, 1); } }
"##,
        [
            changes("own body", "if n > 2 { 1 }", "if n > 2 { 2 }"),
            changes("a literal in the body", "a  b", "a b"),
            keeps("a comment", "// A comment.", "// Another /* one."),
            keeps("documentation", "/// Documentation.", "/// More\n/// of it."),
            keeps("a block comment, nested", "// A comment.", "/* a /* b */ c */"),
            keeps("layout", "helper(n) + list", "helper( n )\n\n\t+ list"),
            keeps("a trailing comma in a call", "other(n, 1)", "other(n, 1,)"),
            keeps("a trailing comma in a list", "[n, 2, 3]", "[\n n,\n 2,\n 3,\n]"),
            keeps("a trailing comma in parameters", "(a: u64, b: u64)", "(a: u64, b: u64,)"),
            changes("a helper", "+ 100", "+ 101"),
            changes("a helper's helper", "a + b", "a * b"),
            keeps("an unrelated function", "n + 8", "n + 9"),
            keeps("an unrelated method of a called name", "self.field", "self.field + 1"),
            keeps("a unit test", "assert_eq!(1, 1)", "assert_eq!(2, 2)"),
            keeps("a lint attribute", "fn helper", "#[allow(clippy::all)]\nfn helper"),
            keeps("documentation of a helper", "fn helper", "/// Helps.\nfn helper"),
            keeps("visibility of a helper", "fn helper", "pub(crate) fn helper"),
            keeps("an inline hint", "#[inline]", "#[inline(always)]"),
            keeps("must_use", "fn helper", "#[must_use]\nfn helper"),
            keeps("rustfmt::skip", "fn helper", "#[rustfmt::skip]\nfn helper"),
            keeps("an item added", "fn unrelated", "fn added() -> u64 { 1 }\nfn unrelated"),
            keeps("lines above", "fn helper", "\n\n\n// more\nfn helper"),
            keeps("carriage returns", "\nfn helper(n: u64)", "\r\nfn helper(n: u64)"),
            spurious(
                "a parameter's name is among the tokens",
                "a parameter renamed",
                "fn helper(n: u64) -> u64 { other(n, 1)",
                "fn helper(m: u64) -> u64 { other(m, 1)",
            ),
        ],
    )]
}

fn imports() -> Vec<Case> {
    vec![imports_case(), modules_of_one_name(), super_and_self(), a_circle_of_imports()]
}

fn imports_case() -> Case {
    case(
        "imports",
        r##"
mod units {
    pub mod metric { pub fn scale(n: u64) -> u64 { factor() * n } fn factor() -> u64 { 10 } }
    pub mod imperial { pub fn scale(n: u64) -> u64 { 12 * n } pub fn first() -> u64 { 1 } pub fn second() -> u64 { 2 } }
    mod far { pub mod away { pub fn reexported() -> u64 { 60 } } }
    pub use far::away::reexported;
    pub use self::far::away as near;
    pub fn unused() -> u64 { 3 }
}
mod extra { pub fn unneeded() -> u64 { 1 } }
use units::imperial::{first as alpha, second as beta};
use units::metric::scale as sized;
use units::{self as all, near::reexported as again, reexported};
use std::cmp::max;
pub fn creator(n: u64) -> u64 {
    sized(n) + alpha() * 10 + beta() + reexported() + again() + all::imperial::scale(n) + max(n, 1) + self::units::near::reexported()
        + crate::units::metric::scale(1)
}
"##,
        [
            changes("through a renamed import", "factor() * n", "factor() * n + 1"),
            changes("a private helper behind it", "{ 10 }", "{ 11 }"),
            changes("an import leads elsewhere", "metric::scale as sized", "imperial::scale as sized"),
            changes("two renames swapped", "first as alpha, second as beta", "second as alpha, first as beta"),
            changes("through re-exports", "{ 60 }", "{ 61 }"),
            changes("by its full path", "12 * n", "13 * n"),
            changes("std's function replaced by an import", "use std::cmp::max", "use std::cmp::min as max"),
            keeps("a function nobody calls", "{ 3 }", "{ 4 }"),
            keeps("an import nobody uses", "use std::cmp::max", "use extra::unneeded;\nuse std::cmp::max"),
            keeps(
                "an import of std nobody uses",
                "use std::cmp::max",
                "use std::collections::HashMap;\nuse std::cmp::max",
            ),
            keeps(
                "imports reordered",
                "{self as all, near::reexported as again, reexported}",
                "{reexported, near::reexported as again, self as all}",
            ),
            keeps("an import split in two", "use units::{self as all, near", "use units as all;\nuse units::{near"),
        ],
    )
}

fn modules_of_one_name() -> Case {
    case(
        "modules of one name",
        r##"
mod a { pub mod tools { pub fn get() -> u64 { 1 } } pub fn here() -> u64 { tools::get() } }
mod b { pub mod tools { pub fn get() -> u64 { 2 } } pub fn here() -> u64 { tools::get() } pub fn up() -> u64 { super::a::tools::get() } }
mod tools { pub fn get() -> u64 { 3 } }
pub fn creator(_: u64) -> u64 { b::here() + b::up() }
"##,
        [
            changes("the one that is meant", "{ 2 }", "{ 22 }"),
            changes("through super", "{ 1 }", "{ 11 }"),
            keeps("the one at the root", "{ 3 }", "{ 33 }"),
        ],
    )
}

fn super_and_self() -> Case {
    case(
        "super and self",
        r##"
fn root() -> u64 { 1 }
mod outer {
    pub fn around() -> u64 { 2 }
    pub mod inner {
        use super::super::root as up;
        use self::deep::below;
        mod deep { pub fn below() -> u64 { 3 } pub fn not() -> u64 { 4 } }
        pub fn all() -> u64 { up() + super::around() + below() }
    }
}
pub fn creator(_: u64) -> u64 { outer::inner::all() }
"##,
        [
            changes("super::super", "{ 1 }", "{ 10 }"),
            changes("super", "{ 2 }", "{ 20 }"),
            changes("self", "{ 3 }", "{ 30 }"),
            keeps("beside it", "{ 4 }", "{ 40 }"),
        ],
    )
}

fn a_circle_of_imports() -> Case {
    case(
        "a circle of imports",
        r##"
mod a { pub use crate::b::*; pub fn of_a() -> u64 { 1 } }
mod b { pub use crate::c::*; pub fn of_b() -> u64 { 2 } }
mod c { pub use crate::a::*; pub fn of_c() -> u64 { 3 } pub fn unused() -> u64 { 4 } }
pub fn creator(_: u64) -> u64 { a::of_c() + b::of_a() + c::of_b() }
"##,
        [
            changes("one way round", "{ 1 }", "{ 10 }"),
            changes("the other", "{ 2 }", "{ 20 }"),
            changes("two steps", "{ 3 }", "{ 30 }"),
            keeps("what nobody calls", "{ 4 }", "{ 40 }"),
        ],
    )
}

fn globs() -> Vec<Case> {
    vec![
        globs_case(),
        variants_by_glob(),
        a_function_and_a_module_of_one_name(),
        a_glob_s_function_beside_a_module_of_its_name(),
    ]
}

fn globs_case() -> Case {
    case(
        "globs",
        r##"
mod stars { pub fn starred() -> u64 { 50 } pub fn unstarred() -> u64 { 51 } }
mod more { pub use super::stars::*; pub fn starred() -> u64 { 52 } }
mod unused { pub fn starred() -> u64 { 53 } }
use more::*;
pub const WIDE: u64 = 3;
mod sub { use super::*; pub fn wide() -> u64 { WIDE + starred() } }
pub fn creator(_: u64) -> u64 { starred() + sub::wide() }
"##,
        [
            changes("the named one", "{ 52 }", "{ 55 }"),
            changes("a name hides the glob's", "pub const", "fn starred() -> u64 { 1 }\npub const"),
            changes("through super::*", "WIDE: u64 = 3", "WIDE: u64 = 4"),
            keeps("the one that is hidden by a name", "{ 50 }", "{ 56 }"),
            keeps("another item of the glob", "{ 51 }", "{ 57 }"),
            keeps("the same name elsewhere", "{ 53 }", "{ 58 }"),
            changes("the glob leads elsewhere", "use more::*", "use unused::*"),
        ],
    )
}

fn variants_by_glob() -> Case {
    case(
        "variants by glob",
        r##"
enum Mode { Fast, Slow }
impl Mode { fn speed(&self) -> u64 { match self { Self::Fast => 2, Self::Slow => 1 } } fn unused(&self) -> u64 { 5 } }
use Mode::*;
#[repr(u8)] #[derive(Clone, Copy)] enum Level { Low, High }
pub fn creator(_: u64) -> u64 { Fast.speed() + Slow.speed() * 10 + Level::High as u64 }
"##,
        [
            changes("a method by a variant", "Self::Fast => 2", "Self::Fast => 3"),
            changes("discriminants", "Low, High", "High, Low"),
            keeps("a method nobody calls", "{ 5 }", "{ 6 }"),
        ],
    )
}

fn a_function_and_a_module_of_one_name() -> Case {
    case(
        "a function and a module of one name",
        r##"
mod lib { pub mod both { pub fn inside() -> u64 { 1 } } pub fn both() -> u64 { 2 } }
mod other { pub fn both() -> u64 { 4 } }
use lib::both;
pub fn creator(_: u64) -> u64 { both() + both::inside() }
"##,
        [
            changes("the function", "{ 2 }", "{ 3 }"),
            changes("the module's", "{ 1 }", "{ 3 }"),
            keeps("elsewhere", "{ 4 }", "{ 5 }"),
        ],
    )
}

fn a_glob_s_function_beside_a_module_of_its_name() -> Case {
    case(
        "a glob's function beside a module of its name",
        r##"
mod lib { pub fn both() -> u64 { 2 } }
mod both { pub fn inside() -> u64 { 1 } }
use lib::*;
pub fn creator(_: u64) -> u64 { both() + both::inside() }
"##,
        [changes("the function", "{ 2 }", "{ 3 }"), changes("the module's", "{ 1 }", "{ 3 }")],
    )
}

fn nested() -> Vec<Case> {
    vec![items_in_bodies(), modules_in_bodies()]
}

fn items_in_bodies() -> Case {
    case(
        "items in bodies",
        r##"
mod tools { pub fn in_block() -> u64 { 100 } pub fn second() -> u64 { 101 } }
fn local() -> u64 { 1 }
fn unit() -> u64 { 2 }
struct Point(u64);
impl Point { fn get(&self) -> u64 { self.0 + 3 } }
fn elsewhere() { impl std::ops::Mul<u64> for Point { type Output = u64; fn mul(self, n: u64) -> u64 { n * 16 } } }
pub fn creator(n: u64) -> u64 {
    { use tools::in_block as ib; let _ = ib(); }
    use tools::second;
    fn local() -> u64 { inner() }
    fn inner() -> u64 { 7 }
    struct Point(u64);
    impl Point { fn get(&self) -> u64 { self.0 + helper() } }
    fn helper() -> u64 { super_helper() }
    const SIDE: u64 = BASE * 2;
    let sum = { use tools::in_block as ib; local() + second() + Point(n).get() + SIDE + ib() + unit() };
    sum + crate::Point(1) * 2
}
fn super_helper() -> u64 { 9 }
const BASE: u64 = 4;
"##,
        [
            changes("an import in a block", "{ 100 }", "{ 200 }"),
            changes("an import in the body", "{ 101 }", "{ 201 }"),
            changes("a function in the body", "{ 7 }", "{ 8 }"),
            keeps("the function that it hides", "fn local() -> u64 { 1 }", "fn local() -> u64 { 11 }"),
            spurious(
                "the type is mentioned and the name is called",
                "a method of the type that is hidden",
                "self.0 + 3",
                "self.0 + 4",
            ),
            changes("through an impl in the body", "{ 9 }", "{ 10 }"),
            changes("a constant in the body", "BASE: u64 = 4", "BASE: u64 = 5"),
            changes("an impl in another function's body", "n * 16", "n * 17"),
            changes("beside all that", "{ 2 }", "{ 3 }"),
        ],
    )
}

fn modules_in_bodies() -> Case {
    case(
        "modules in bodies",
        r##"
pub fn creator(_: u64) -> u64 {
    mod inner { pub fn get() -> u64 { super::outside() } }
    enum Kind { A, B }
    impl Kind { fn n(&self) -> u64 { match self { Kind::A => 1, Kind::B => two() } } }
    inner::get() + Kind::B.n()
}
fn outside() -> u64 { 5 }
fn two() -> u64 { 2 }
fn n() -> u64 { 3 }
"##,
        [
            changes("super of a module in a body", "{ 5 }", "{ 6 }"),
            changes("through a method of a type in a body", "{ 2 }", "{ 4 }"),
            keeps("a function with the method's name", "{ 3 }", "{ 6 }"),
        ],
    )
}

fn values() -> Vec<Case> {
    vec![constants_and_types(), pointers_and_raw_names()]
}

fn constants_and_types() -> Case {
    case(
        "constants and types",
        r##"
pub const LIMIT: u64 = BASE * 2;
const BASE: u64 = 35;
pub type Num = u16;
const WIDE: usize = 3;
const UNUSED: u64 = 1;
static TABLE: &[fn(u64) -> u64] = &[one, two];
fn one(n: u64) -> u64 { n + 1 }
fn two(n: u64) -> u64 { n + 2 }
static START: std::sync::LazyLock<u64> = std::sync::LazyLock::new(|| start());
fn start() -> u64 { 45 }
const FN: fn() -> u64 = late;
fn late() -> u64 { 46 }
struct Grid<const N: usize>;
impl<const N: usize> Grid<N> { fn cells(&self) -> usize { N * N } }
const SIDE: usize = 3;
struct Square { side: u64 }
impl Square { pub const SIDES: u64 = 4; const OTHER: u64 = 5; fn around(&self) -> u64 { self.side * Self::SIDES } }
union Bits { whole: u64, part: u8 }
#[allow(non_upper_case_globals)]
const limit: u64 = 3;
pub fn creator(n: u64) -> String {
    let size = [0_u8; WIDE].len();
    let called: u64 = TABLE.iter().map(|f| f(n)).sum();
    let part = unsafe { Bits { whole: 257 }.part };
    let matched = match n { limit => 1, _ => 2 };
    format!("{LIMIT} {size} {called} {} {} {} {} {part} {matched} {}", Num::MAX, *START, FN(), Grid::<SIDE>.cells(), Square { side: 2 }.around())
}
"##,
        [
            changes("captured by a format string", "LIMIT: u64 = BASE * 2", "LIMIT: u64 = BASE * 3"),
            changes("a constant's constant", "BASE: u64 = 35", "BASE: u64 = 36"),
            changes("an alias", "type Num = u16", "type Num = u32"),
            changes("an array's length", "WIDE: usize = 3", "WIDE: usize = 4"),
            changes("a function in a table", "n + 2", "n + 3"),
            changes("the table", "&[one, two]", "&[two, two]"),
            changes("behind a LazyLock", "{ 45 }", "{ 47 }"),
            changes("a function in a constant", "{ 46 }", "{ 48 }"),
            changes("a const generic argument", "SIDE: usize = 3", "SIDE: usize = 4"),
            changes("a method of a const generic type", "N * N", "N * N * N"),
            changes("an associated constant", "SIDES: u64 = 4", "SIDES: u64 = 6"),
            keeps("another associated constant", "OTHER: u64 = 5", "OTHER: u64 = 6"),
            changes("a union's fields", "whole: u64, part: u8", "whole: u64, part: u16"),
            changes("a constant in a pattern, in lower case", "limit: u64 = 3", "limit: u64 = 4"),
            keeps("a constant nobody uses", "UNUSED: u64 = 1", "UNUSED: u64 = 2"),
        ],
    )
}

fn pointers_and_raw_names() -> Case {
    case(
        "pointers and raw names",
        r##"
#[repr(C)] struct Head { small: u8, wide: u32 }
fn size() -> usize { let p: *const Head = std::ptr::null(); std::mem::size_of_val(&p) + size_of_head::<Head>(p) }
fn size_of_head<T>(_: *const T) -> usize { std::mem::size_of::<T>() }
fn r#loop() -> u64 { 20 }
fn größe() -> u64 { 21 }
fn plain() -> u64 { 22 }
pub fn creator(_: u64) -> u64 { size() as u64 + r#loop() + größe() + r#plain() }
"##,
        [
            changes("a type behind *const", "wide: u32", "wide: u64"),
            changes("a raw identifier", "{ 20 }", "{ 30 }"),
            changes("a unicode identifier", "{ 21 }", "{ 31 }"),
            changes("a raw identifier for a plain one", "{ 22 }", "{ 32 }"),
        ],
    )
}
