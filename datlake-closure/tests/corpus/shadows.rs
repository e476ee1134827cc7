//! Names that something hides, or that a macro brings into scope, written to be missed.

use crate::support::{Case, case, changes, keeps};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        made_beside_a_glob(),
        made_beside_what_is_around(),
        constants_of_a_macro_in_patterns(),
        imports_of_a_macro(),
        made_private(),
        private_methods(),
        names_that_derives_compose(),
        lets_and_blocks(),
    ]
}

fn made_beside_a_glob() -> Case {
    case(
        "made beside a glob",
        r##"
macro_rules! make_pub { ($n:ident, $v:expr) => { pub fn $n() -> u64 { $v } }; }
mod other { pub fn size() -> u64 { 1 } pub fn more() -> u64 { 2 } pub struct Kind; impl Kind { pub fn get() -> u64 { 3 } } }
use other::*;
macro_rules! make { ($n:ident, $v:expr) => { fn $n() -> u64 { $v } }; }
make!(size, 4);
macro_rules! make_kind { ($n:ident) => { struct $n; impl $n { fn get() -> u64 { 5 } } }; }
make_kind!(Kind);
mod far { pub mod deep { use crate::other::*; make_pub!(size, 6); pub fn ask() -> u64 { more() } } }
macro_rules! ask_for { ($n:ident) => { $n() }; }
pub fn creator(_: u64) -> u64 { ask_for!(size) + size() + Kind::get() * 10 + far::deep::size() * 100 + far::deep::ask() * 1000 }
"##,
        [
            changes("a function that hides a glob's", "make!(size, 4)", "make!(size, 40)"),
            changes("a type that hides a glob's", "{ 5 }", "{ 50 }"),
            changes("in a module, by its path", "make_pub!(size, 6)", "make_pub!(size, 60)"),
            changes("the glob's, where nothing hides it", "{ 2 }", "{ 20 }"),
        ],
    )
}

fn made_beside_what_is_around() -> Case {
    case(
        "made in a block",
        r##"
fn size() -> u64 { 1 }
macro_rules! make { ($n:ident, $v:expr) => { fn $n() -> u64 { $v } }; }
macro_rules! five { () => { fn five() -> u64 { 5 } }; }
fn five() -> u64 { 6 }
pub fn creator(_: u64) -> u64 { make!(size, two()); five!(); size() + five() }
fn two() -> u64 { 2 }
"##,
        [
            changes("in an argument", "{ 2 }", "{ 20 }"),
            changes("in the macro", "fn five() -> u64 { 5 }", "fn five() -> u64 { 50 }"),
            changes("the macro", "-> u64 { $v }", "-> u64 { $v + 1 }"),
        ],
    )
}

fn constants_of_a_macro_in_patterns() -> Case {
    case(
        "constants of a macro in patterns",
        r##"
macro_rules! consts { ($($n:ident = $v:expr;)*) => { $(#[allow(non_upper_case_globals)] const $n: u64 = $v;)* }; }
consts! { LIMIT = 3; OTHER = 4; }
consts! { small = 5; }
macro_rules! states { ($($n:ident),*) => { #[derive(Clone, Copy)] pub enum State { $($n),* } pub use State::*; }; }
mod state { states!(Open, Shut); pub fn of(n: u64) -> State { if n > 2 { Open } else { Shut } } }
use state::*;
const HIGH: u64 = 9;
fn word(state: State) -> u64 { match state { Open => 10, Shut => 20 } }
pub fn creator(n: u64) -> u64 {
    let a = match n { LIMIT => 10, HIGH => 11, _ => 20 };
    let b = match n + 2 { small => 100, _ => 200 };
    a + b + word(of(n))
}
"##,
        [
            changes("in an arm", "LIMIT = 3", "LIMIT = 4"),
            keeps("another of the macro's, spaced otherwise", "OTHER = 4", "OTHER  =  4"),
            changes("with a lower-case name", "small = 5", "small = 6"),
            changes("a variant of a macro's enum", "Open => 10", "Open => 15"),
            changes("what makes it", "n > 2", "n > 20"),
        ],
    )
}

fn imports_of_a_macro() -> Case {
    case(
        "imports of a macro",
        r##"
macro_rules! import_all { ($m:ident) => { use crate::$m::*; use crate::far::Far as _; }; }
mod tools { pub fn size() -> u64 { 1 } pub fn count() -> u64 { 2 } pub trait Go { fn go(&self) -> u64 { 3 } } impl Go for u64 {} pub mod inner { pub fn last() -> u64 { 4 } } pub fn unused() -> u64 { 5 } }
macro_rules! prelude { () => { use crate::tools::Go; use crate::tools::size; }; }
prelude!();
macro_rules! bring { ($($p:path),*) => { $(use $p;)* }; }
bring!(crate::tools::count, crate::tools::inner);
mod below { import_all!(tools); pub fn ask() -> u64 { size() + 6.go_far() } mod hidden { } }
mod far { pub trait Far { fn go_far(&self) -> u64 { 7 } } impl Far for i32 {} }
pub fn creator(n: u64) -> u64 { n.go() + size() + count() + inner::last() + below::ask() }
"##,
        [
            changes("a function", "{ 1 }", "{ 10 }"),
            changes("a function that the call names", "{ 2 }", "{ 20 }"),
            changes("a trait", "{ 3 }", "{ 30 }"),
            changes("a module", "{ 4 }", "{ 40 }"),
            keeps("beside them", "{ 5 }", "{ 50 }"),
            changes("a trait without a name", "{ 7 }", "{ 70 }"),
        ],
    )
}

fn made_private() -> Case {
    case(
        "made private",
        r##"
mod a { pub fn other() -> u64 { 1 } fn size_of_val(_: &u64) -> usize { 100 } pub(self) fn count() -> u64 { 200 } fn shared() -> u64 { 300 } pub fn used() -> u64 { shared() } }
use a::*;
fn count() -> u64 { 3 }
fn ask() -> u64 { use crate::a::*; count() + used() }
pub fn creator(n: u64) -> u64 { size_of_val(&n) as u64 + other() + ask() }
"##,
        [
            changes("a glob's function that hides the prelude's", "fn size_of_val", "pub fn size_of_val"),
            changes("a glob's function that hides one around", "pub(self) fn count", "pub(crate) fn count"),
            keeps("what is seen either way", "fn shared", "pub fn shared"),
            keeps("what is seen from everywhere", "pub fn other", "pub(crate) fn other"),
        ],
    )
}

fn private_methods() -> Case {
    case(
        "private methods",
        r##"
mod a {
    pub struct Names(pub Vec<u64>);
    impl std::ops::Deref for Names { type Target = Vec<u64>; fn deref(&self) -> &Vec<u64> { &self.0 } }
    impl Names { fn len(&self) -> usize { self.0.len() * 100 } fn inside(&self) -> u64 { 5 } pub fn twice(&self) -> u64 { self.inside() * 2 } }
}
use a::Names;
pub fn creator(n: u64) -> u64 { let names = Names(vec![n, n]); names.len() as u64 + names.twice() }
"##,
        [
            changes("a method that hides a target's", "fn len", "pub fn len"),
            keeps("a method that its module alone calls", "fn inside", "pub fn inside"),
            keeps("a method that is seen everywhere", "pub fn twice", "pub(crate) fn twice"),
        ],
    )
}

fn names_that_derives_compose() -> Case {
    case(
        "names that derives compose",
        r##"
//- src/lib.rs deps:mac
use mac::{builder, Builder};
#[derive(Builder)]
pub struct Chart { title: u64, }
#[derive(Builder)]
pub struct Unused { title: u64, other: u64 }
#[builder]
fn plot_line() -> u64 { 6 }
pub fn creator(_: u64) -> u64 { ChartBuilder::new().fields() + plot_line_built() }
//- mac/src/lib.rs proc
use proc_macro::TokenStream;
#[proc_macro_derive(Builder)]
pub fn derive(input: TokenStream) -> TokenStream {
    let text = input.to_string();
    let name = text.split("struct").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let fields = text.matches(':').count();
    format!("pub struct {name}Builder; impl {name}Builder {{ pub fn new() -> Self {{ Self }} pub fn fields(&self) -> u64 {{ {fields} }} }}").parse().unwrap()
}
#[proc_macro_attribute]
pub fn builder(_: TokenStream, input: TokenStream) -> TokenStream {
    let text = input.to_string();
    let name = text.split("fn").nth(1).unwrap().split('(').next().unwrap().trim().to_owned();
    format!("{text} fn {name}_built() -> u64 {{ {name}() * 10 }}").parse().unwrap()
}
"##,
        [
            changes("a type that a derive composes", "{ title: u64, }", "{ title: u64, more: u64 }"),
            changes("a function that an attribute composes", "{ 6 }", "{ 7 }"),
            changes("the macro", "name}() * 10", "name}() * 11"),
            keeps("another type under the same derive", "other: u64", "another: u64"),
        ],
    )
}

fn lets_and_blocks() -> Case {
    case(
        "lets and blocks",
        r##"
fn limit() -> u64 { 1 } fn size() -> u64 { 2 } fn rate() -> u64 { 3 } fn total() -> u64 { 4 } fn name() -> u64 { 5 } fn kind() -> u64 { 6 } fn part() -> u64 { 7 } fn last() -> u64 { 8 }
struct Pair { limit: u64, size: u64 }
fn find(n: u64) -> Option<u64> { if n > 100 { Some(n) } else { None } }
fn first(n: u64) -> u64 { let Some(limit) = find(n) else { return limit() }; limit }
fn second(n: u64) -> u64 { let Pair { limit, size: s } = Pair { limit: n, size: n }; limit + s + size() }
fn third(n: u64) -> u64 { let rate = { let rate = n; rate } + rate(); rate }
fn fourth(n: u64) -> u64 { if let Some(total) = find(n) && total > 1 { total } else { total() } }
fn fifth(n: u64) -> u64 { let f = |name: u64| -> u64 { name + 1 }; f(n) + { let kind = 1; kind } + name() }
fn sixth(n: u64) -> u64 { 'kind: { if n > 1 { break 'kind kind(); } 0 } }
fn seventh(n: u64) -> u64 { let mut v = vec![n]; while let Some(part) = v.pop() { if part > 100 { return part; } } part() }
fn eighth(n: u64) -> u64 { let g = |last| last; let h = move || last(); g(n) + h() }
pub fn creator(n: u64) -> u64 { first(n) + second(n) + third(n) + fourth(n) + fifth(n) + sixth(n) + seventh(n) + eighth(n) }
"##,
        [
            changes("behind let … else", "{ 1 }", "{ 10 }"),
            changes("a field's name", "{ 2 }", "{ 20 }"),
            changes("in the value of its own let", "{ 3 }", "{ 30 }"),
            changes("behind a chain of conditions", "{ 4 }", "{ 40 }"),
            changes("behind a closure with a type", "{ 5 }", "{ 50 }"),
            changes("behind a label of its name", "{ 6 }", "{ 60 }"),
            changes("behind while let", "{ 7 }", "{ 70 }"),
            changes("in a closure without parameters", "{ 8 }", "{ 80 }"),
        ],
    )
}
