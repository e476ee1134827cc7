//! Traits, types and paths, written to be missed.

use crate::support::{Case, case, changes, keeps};

pub(crate) fn cases() -> Vec<Case> {
    vec![odd_traits(), odd_items(), odd_macros(), odd_paths()]
}

fn odd_traits() -> Case {
    case(
        "odd traits",
        r##"
mod deep { pub trait Base { fn base(&self) -> u64 { 1 } } pub trait Top: Base { fn top(&self) -> u64 { self.base() + 2 } } impl Base for u64 {} impl Top for u64 {} impl<T: Top> Top for Option<T> { fn top(&self) -> u64 { self.as_ref().map_or(3, |t| t.top()) } } impl<T: Top> Base for Option<T> {} }
fn generic<T: deep::Top>(t: T) -> u64 { t.top() }
trait Shape { type Unit: Unit; fn area(&self) -> u64; fn unit(&self) -> Self::Unit; }
trait Unit { fn factor(&self) -> u64 { 4 } }
struct Metre; impl Unit for Metre {} struct Foot; impl Unit for Foot { fn factor(&self) -> u64 { 5 } }
struct Square(u64); impl Shape for Square { type Unit = Foot; fn area(&self) -> u64 { self.0 } fn unit(&self) -> Foot { Foot } }
fn scaled<S: Shape>(s: &S) -> u64 where S::Unit: Unit { s.area() * s.unit().factor() }
trait Visit { fn visit(&mut self, n: u64); }
impl<F: FnMut(u64)> Visit for F { fn visit(&mut self, n: u64) { self(n + 6) } }
fn walk(v: &mut impl Visit, n: u64) { v.visit(n) }
trait Make { const KIND: u64; fn make() -> Self; }
impl Make for String { const KIND: u64 = 7; fn make() -> Self { text().to_owned() } }
impl Make for Vec<u8> { const KIND: u64 = 8; fn make() -> Self { vec![9] } }
fn text() -> &'static str { "made" }
fn made<T: Make>() -> (T, u64) { (T::make(), T::KIND) }
impl PartialEq<u64> for Square { fn eq(&self, o: &u64) -> bool { self.0 + 10 == *o } }
struct Sorted(u64); impl Eq for Sorted {} impl PartialEq for Sorted { fn eq(&self, o: &Self) -> bool { self.cmp(o).is_eq() } } impl PartialOrd for Sorted { fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> { Some(self.cmp(o)) } } impl Ord for Sorted { fn cmp(&self, o: &Self) -> std::cmp::Ordering { rank(o.0).cmp(&rank(self.0)) } }
fn rank(n: u64) -> u64 { n % 3 }
pub fn creator(n: u64) -> String {
    let mut seen = 0;
    walk(&mut |k| seen += k, n);
    let (word, kind): (String, _) = made();
    let mut sorted = vec![Sorted(1), Sorted(2), Sorted(3)];
    sorted.sort();
    format!("{} {} {seen} {word} {kind} {} {}", generic(Some(n)), scaled(&Square(n)), Square(1) == 11_u64, sorted[0].0)
}
"##,
        [
            changes("a supertrait's default", "{ 1 }", "{ 11 }"),
            changes("a default above it", "self.base() + 2", "self.base() + 20"),
            changes("a blanket impl for Option", "|t| t.top())", "|t| t.top() * 2)"),
            changes("an associated type's method", "{ 5 }", "{ 50 }"),
            changes("an impl for closures", "self(n + 6)", "self(n + 60)"),
            changes("a type that inference picks", "KIND: u64 = 7", "KIND: u64 = 70"),
            changes("its helper", "\"made\"", "\"named\""),
            changes("a comparison with a number", "self.0 + 10", "self.0 + 11"),
            changes("an order behind sort", "n % 3", "n % 2"),
            changes(
                "which type is associated",
                "type Unit = Foot; fn area(&self) -> u64 { self.0 } fn unit(&self) -> Foot { Foot }",
                "type Unit = Metre; fn area(&self) -> u64 { self.0 } fn unit(&self) -> Metre { Metre }",
            ),
        ],
    )
}

fn odd_items() -> Case {
    case(
        "odd items",
        r##"
const _: () = { impl Hidden { fn secret(&self) -> u64 { 1 } } };
struct Hidden;
fn unrelated() { impl Extra for Hidden { fn extra(&self) -> u64 { 2 } } struct Inside; impl Inside { fn nothing(&self) -> u64 { 3 } } let _ = Inside.nothing(); }
trait Extra { fn extra(&self) -> u64; }
static TABLE: [fn(u64) -> u64; 2] = [four, |n| five(n)];
fn four(n: u64) -> u64 { n + 4 } fn five(n: u64) -> u64 { n + 5 }
union Bits { whole: u64, parts: [u32; 2] }
impl Bits { fn low(&self) -> u32 { unsafe { self.parts[LOW] } } }
const LOW: usize = 0;
enum Tree { Leaf = 6, Node = { 3 + seven() } }
const fn seven() -> isize { 7 }
impl Tree { const ALL: [fn() -> Self; 2] = [Self::leaf, Self::node]; fn leaf() -> Self { Self::Leaf } fn node() -> Self { Self::Node } }
type Callback<'a> = Box<dyn Fn(u64) -> u64 + 'a>;
fn call(back: Callback<'_>) -> u64 { back(8) }
fn times(n: u64) -> impl Fn(u64) -> u64 { let by = by(); move |k| k * n * by }
fn by() -> u64 { 9 }
struct Guard<'a>(&'a std::cell::Cell<u64>);
impl Drop for Guard<'_> { fn drop(&mut self) { self.0.set(self.0.get() + step()); } }
fn step() -> u64 { 10 }
fn guarded() -> u64 { let cell = std::cell::Cell::new(0); { let _guard = Guard(&cell); } cell.get() }
fn shadow(four: u64) -> u64 { four + { fn four() -> u64 { 11 } four() } }
mod r#type { pub fn r#match() -> u64 { 12 } }
fn größe() -> u64 { 13 }
pub fn creator(n: u64) -> u64 {
    let bits = Bits { whole: 0x0000_0002_0000_0001 };
    Hidden.secret() + Hidden.extra() + TABLE.iter().map(|f| f(n)).sum::<u64>() + u64::from(bits.low()) + Tree::ALL.map(|f| f() as u64).iter().sum::<u64>() + call(Box::new(times(n))) + guarded() + shadow(n) + r#type::r#match() + größe()
}
"##,
        [
            changes("an impl in a constant", "{ 1 }", "{ 10 }"),
            changes("an impl in a function nobody calls", "{ 2 }", "{ 20 }"),
            keeps("a type in that function", "{ 3 }", "{ 30 }"),
            changes("a function in a table", "n + 4", "n + 40"),
            changes("behind a closure in a table", "n + 5", "n + 50"),
            changes("an index of a union", "LOW: usize = 0", "LOW: usize = 1"),
            changes("a discriminant's function", "{ 7 }", "{ 8 }"),
            changes("a constant of functions", "[Self::leaf, Self::node]", "[Self::leaf, Self::leaf]"),
            changes("a function that returns a closure", "{ 9 }", "{ 90 }"),
            changes("Drop of a local", "{ 10 }", "{ 100 }"),
            changes("a function inside that hides a parameter", "{ 11 }", "{ 110 }"),
            changes("raw names", "{ 12 }", "{ 120 }"),
            changes("names that are not ASCII", "{ 13 }", "{ 130 }"),
        ],
    )
}

fn odd_macros() -> Case {
    case(
        "odd macros",
        r##"
macro_rules! expr_or { ($e:expr, $d:path) => { $e.unwrap_or_else($d) }; }
fn fallback() -> u64 { 1 }
macro_rules! dispatch { ($($name:literal => $f:path),* $(,)?) => { fn dispatch(name: &str) -> u64 { match name { $($name => $f(),)* _ => other() } } }; }
dispatch! { "a" => handlers::a, "b" => handlers::b }
mod handlers { pub fn a() -> u64 { 2 } pub fn b() -> u64 { 3 } pub fn c() -> u64 { 4 } }
fn other() -> u64 { 5 }
macro_rules! counted { () => { 0 }; ($head:tt $($tail:tt)*) => { one() + counted!($($tail)*) }; }
fn one() -> u64 { 6 }
macro_rules! with { ($name:ident in $body:block) => {{ let $name = seven(); $body }}; }
fn seven() -> u64 { 7 }
macro_rules! struct_with { ($(#[$m:meta])* $name:ident { $($field:ident : $t:ty = $v:expr),* }) => { $(#[$m])* struct $name { $($field: $t),* } impl Default for $name { fn default() -> Self { Self { $($field: $v),* } } } }; }
struct_with! { #[derive(Debug)] Settings { depth: u64 = eight(), width: u64 = 9 } }
fn eight() -> u64 { 8 }
macro_rules! define { ($vis:vis fn $name:ident() -> $t:ty = $e:expr;) => { $vis fn $name() -> $t { $e } }; }
mod defined { define! { pub(super) fn ten() -> u64 = super::eleven(); } }
fn eleven() -> u64 { 11 }
macro_rules! method { ($t:ident . $m:ident => $e:expr) => { impl $t { fn $m(&self) -> u64 { $e } } }; }
struct Point; method!(Point.length => twelve());
fn twelve() -> u64 { 12 }
macro_rules! assert_small { ($e:expr) => { debug_assert!($e < limit()); }; }
fn limit() -> u64 { 1000 }
pub fn creator(n: u64) -> String {
    let thirteen = 13;
    assert_small!(n);
    format!("{} {} {} {} {:?} {} {} {thirteen}", expr_or!(None::<u64>, fallback), dispatch("b"), counted!(a b c), with!(x in { x + n }), Settings::default(), defined::ten(), Point.length())
}
"##,
        [
            changes("a path that is handed over", "{ 1 }", "{ 10 }"),
            changes("a handler", "{ 3 }", "{ 30 }"),
            keeps("what is no handler", "{ 4 }", "{ 40 }"),
            changes("a recursion", "{ 6 }", "{ 60 }"),
            changes("a variable that a macro binds", "{ 7 }", "{ 70 }"),
            changes("a value of a field", "{ 8 }", "{ 80 }"),
            changes("behind a function that a macro defines", "{ 11 }", "{ 110 }"),
            changes("a method that a macro defines", "{ 12 }", "{ 120 }"),
            changes("which handler", "\"b\" => handlers::b", "\"b\" => handlers::c"),
        ],
    )
}

fn odd_paths() -> Case {
    case(
        "odd paths",
        r##"
mod a { pub mod b { pub mod c { pub fn f() -> u64 { 1 } pub struct S<T>(pub T); impl<T: Copy + Into<u64>> S<T> { pub fn g(&self) -> u64 { self.0.into() + super::super::h() } pub fn of(t: T) -> Self { S(t) } } } pub use self::c as renamed; pub use c::S as Shorter; } pub fn h() -> u64 { 2 } pub use super::z::*; }
mod z { pub fn y() -> u64 { 3 } pub use super::x as w; pub enum E { One, Two(u64) } pub use E::Two as Second; impl E { pub fn v(&self) -> u64 { match self { Self::One => 4, Second(n) => n + 5 } } } }
pub mod x { pub fn u() -> u64 { 6 } pub(crate) mod t { pub use crate::a::b::renamed::f as s; } }
extern crate self as me;
use me::a::{self as first, b::{self, renamed::{self as inner, f}}};
fn local() -> u64 { use crate::x::{t::s, u}; fn u2() -> u64 { u() } s() + u2() }
fn typed() -> u64 { <b::Shorter<u32>>::of(7).g() + b::Shorter::<u8>::of(8).g() + <b::c::S<u16> as Clone2>::k(&inner::S::of(9)) }
trait Clone2 { fn k(&self) -> u64; } impl Clone2 for b::Shorter<u16> { fn k(&self) -> u64 { u64::from(self.0) + 10 } }
pub fn creator(n: u64) -> u64 { f() + first::y() + a::w::u() * n + local() + typed() + a::E::Two(n).v() + first::Second(1).v() + { use first::E::*; One.v() } }
"##,
        [
            changes("through renames of modules", "{ 1 }", "{ 10 }"),
            changes("super::super from a method", "{ 2 }", "{ 20 }"),
            changes("a glob of a module beside", "{ 3 }", "{ 30 }"),
            changes("a renamed module by a glob", "{ 6 }", "{ 60 }"),
            changes("a renamed variant in a pattern", "n + 5", "n + 50"),
            changes("a variant by a glob in a block", "Self::One => 4", "Self::One => 40"),
            changes("an impl for a renamed type", "+ 10 }", "+ 100 }"),
            changes("which is renamed", "pub use crate::a::b::renamed::f as s", "pub use crate::a::h as s"),
        ],
    )
}
