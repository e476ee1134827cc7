//! Macros of macros, what is handed to macros, and many crates, written to be missed.

use crate::support::{Case, case, changes, keeps, missed, spurious};

pub(crate) fn cases() -> Vec<Case> {
    [more_macros(), handed_over(), more_crates()].into_iter().flatten().collect()
}

fn more_macros() -> Vec<Case> {
    vec![case(
        "macros of macros",
        r##"
macro_rules! outer { ($($rest:tt)*) => { inner!(@start $($rest)*) }; }
macro_rules! inner { (@start $name:ident $($rest:tt)*) => { $name() + inner!(@more $($rest)*) }; (@more $($name:ident)*) => { 0 $(+ $name())* + tail() }; }
fn tail() -> u64 { 1 } fn alpha() -> u64 { 2 } fn beta() -> u64 { 3 } fn unused() -> u64 { 4 }
macro_rules! callback { ($mac:ident, $v:expr) => { $mac!($v) }; }
macro_rules! add_five { ($v:expr) => { $v + five() }; }
fn five() -> u64 { 5 }
macro_rules! enum_of { ($name:ident { $($variant:ident = $value:expr),* }) => { enum $name { $($variant),* } impl $name { fn value(&self) -> u64 { match self { $(Self::$variant => $value),* } } } }; }
enum_of!(Colour { Red = red(), Blue = 7 });
fn red() -> u64 { 6 }
macro_rules! in_module { ($name:ident) => { mod $name { pub fn get() -> u64 { super::outside() } } }; }
in_module!(made);
fn outside() -> u64 { 8 }
macro_rules! with_trait { ($($t:ty),*) => { trait Made { fn made(&self) -> u64; } $(impl Made for $t { fn made(&self) -> u64 { *self as u64 + nine() } })* }; }
with_trait!(u8, u16);
fn nine() -> u64 { 9 }
macro_rules! closure { ($x:ident => $body:expr) => { (|$x: u64| $body)(10) }; }
fn in_closure(n: u64) -> u64 { n + 11 }
pub fn creator(_: u64) -> u64 { outer!(alpha beta) + callback!(add_five, 1) + Colour::Red.value() + made::get() + 1_u8.made() + closure!(x => in_closure(x)) }
"##,
        [
            changes("at the end of a chain", "{ 1 }", "{ 10 }"),
            changes("the first argument", "{ 2 }", "{ 20 }"),
            changes("the second", "{ 3 }", "{ 30 }"),
            keeps("not an argument", "{ 4 }", "{ 40 }"),
            changes("a macro handed over", "$v + five()", "$v * five()"),
            changes("what it calls", "{ 5 }", "{ 50 }"),
            changes("an enum: a value", "{ 6 }", "{ 60 }"),
            changes("an enum: definition", "$(Self::$variant => $value),*", "$(Self::$variant => $value + 1),*"),
            changes("a module", "{ 8 }", "{ 80 }"),
            changes("a trait and its impls", "{ 9 }", "{ 90 }"),
            changes("a closure's body as an argument", "n + 11", "n + 110"),
        ],
    )]
}

fn handed_over() -> Vec<Case> {
    vec![modules_handed_over(), keywords_handed_over(), where_code_stands()]
}

fn modules_handed_over() -> Case {
    case(
        "modules handed over",
        r##"
//- src/lib.rs deps:mac
macro_rules! from_module { ($m:ident) => { $m::get() + $m::more() }; }
macro_rules! from_path { ($($m:ident)::+, $f:ident) => { $($m)::+::$f() }; }
mod source { pub fn get() -> u64 { 1 } pub fn more() -> u64 { helper() } fn helper() -> u64 { 2 } pub mod inner { pub fn last() -> u64 { 3 } } }
mod other { pub fn get() -> u64 { 4 } }
#[derive(mac::With)]
#[with(module = "format")]
struct Value;
mod format { pub fn write() -> u64 { 5 } }
const _: () = { impl Held for Value { fn held(&self) -> u64 { held() } } };
trait Held { fn held(&self) -> u64; }
fn held() -> u64 { 6 }
pub fn creator(_: u64) -> u64 { from_module!(source) + from_path!(source::inner, last) + Value.with() + Value.held() + include!("body.rs") }
fn in_body() -> u64 { 7 }
//- src/body.rs
{
    // More than a few tokens.
    let list = [1_u64, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30];
    let sum: u64 = list.iter().sum();
    sum + in_body()
}
//- src/unused.rs
fn in_body() -> u64 { 8 }
//- mac/src/lib.rs proc
use proc_macro::TokenStream;
#[proc_macro_derive(With, attributes(with))]
pub fn with(input: TokenStream) -> TokenStream {
    let text = input.to_string();
    let module = text.split('"').nth(1).unwrap();
    format!("impl Value {{ fn with(&self) -> u64 {{ {module}::write() }} }}").parse().unwrap()
}
"##,
        [
            changes("a function of a module", "fn get() -> u64 { 1 }", "fn get() -> u64 { 10 }"),
            changes("its private helper", "{ 2 }", "{ 20 }"),
            changes("of an inner module", "{ 3 }", "{ 30 }"),
            keeps("of another module", "{ 4 }", "{ 40 }"),
            changes("of a module named in an attribute's string", "{ 5 }", "{ 50 }"),
            changes("an impl in an unnamed constant", "{ 6 }", "{ 60 }"),
            changes("at the end of included code", "{ 7 }", "{ 70 }"),
            keeps("a comment in included code", "// More", "// Not more"),
            keeps("a file nobody declares", "{ 8 }", "{ 80 }"),
        ],
    )
}

fn keywords_handed_over() -> Case {
    case(
        "keywords handed over",
        r##"
macro_rules! Word { [use] => { Use }; [let] => { Let }; [fn] => { Fun }; [dyn] => { Dynamic }; [|] => { Bar } }
struct Use; struct Let; struct Fun; struct Dynamic; struct Bar;
trait Peek { fn peek(&self) -> u64; }
impl Peek for Use { fn peek(&self) -> u64 { 1 } }
impl Peek for Let { fn peek(&self) -> u64 { 2 } }
impl Peek for Fun { fn peek(&self) -> u64 { 3 } }
impl Peek for Dynamic { fn peek(&self) -> u64 { 4 } }
impl Peek for Bar { fn peek(&self) -> u64 { 5 } }
pub struct Both; #[allow(non_snake_case)] fn Held() -> Held2 { Held2 }
struct Held2;
mod both { pub struct Group { pub n: u64 } #[allow(non_snake_case)] pub fn Group(n: u64) -> Group { Group { n } } impl super::Peek for Group { fn peek(&self) -> u64 { self.n + 6 } } }
fn after_use() -> u64 { 7 } fn after_let() -> u64 { 8 } fn after_bar() -> u64 { 9 }
pub fn creator(n: u64) -> u64 {
    let a = if Peek::peek(&Word![use]) > 100 || Word![fn].peek() > 100 { 0 } else { after_use() };
    let b = if Word![let].peek() > 100 { 0 } else { after_let() } + (Word![|].peek() | after_bar());
    a + b + Word![dyn].peek() + both::Group(n).peek()
}
"##,
        [
            changes("behind use", "{ 7 }", "{ 70 }"),
            changes("behind let", "{ 8 }", "{ 80 }"),
            changes("behind a bar", "{ 9 }", "{ 70 }"),
            changes("dyn", "{ 4 }", "{ 40 }"),
            changes("a type and a function of one name", "self.n + 6", "self.n + 60"),
        ],
    )
}

fn where_code_stands() -> Case {
    case(
        "where code stands",
        r##"
fn above() -> u64 { 1 }
fn here() -> u32 { line!() }
pub fn creator(_: u64) -> String { format!("{} {}", here(), module_path!()) }
"##,
        [missed(
            "lines count for nothing, also where code asks for them",
            "a line above line!()",
            "fn above",
            "\nfn above",
        )],
    )
}

fn more_crates() -> Vec<Case> {
    vec![case(
        "across crates",
        r##"
//- src/lib.rs deps:model,score
use model::prelude::*;
use score::Rank;
struct Mine(u64);
impl Named for Mine { fn name(&self) -> String { format!("mine{}", self.0) } }
impl From<Mine> for model::Id { fn from(m: Mine) -> Self { model::Id(m.0 + 1) } }
pub fn creator(n: u64) -> String { let item = model::item(n); format!("{} {} {} {} {}", item.describe(), item.rank(), score::of(&item), Mine(n).describe(), model::id_of(Mine(n))) }
//- model/src/lib.rs
pub mod prelude { pub use crate::traits::Named; pub use crate::traits::Described as _; }
mod traits {
    pub trait Named { fn name(&self) -> String; }
    pub trait Described { fn describe(&self) -> String; fn unused(&self) -> u64 { 2 } }
    impl<T: Named> Described for T { fn describe(&self) -> String { format!("[{}]", self.name()) } }
}
pub struct Item { pub n: u64, tags: Vec<Tag> }
struct Tag(u64);
impl traits::Named for Item { fn name(&self) -> String { self.tags.iter().map(|t| t.text()).collect() } }
impl Tag { fn text(&self) -> String { format!("t{}", self.0) } }
pub fn item(n: u64) -> Item { Item { n, tags: vec![Tag(n)] } }
pub struct Id(pub u64);
pub fn id_of(id: impl Into<Id>) -> u64 { id.into().0 * 3 }
#[cfg(feature = "big")] pub fn gated() -> u64 { 4 }
//- score/src/lib.rs deps:model
pub trait Rank { fn rank(&self) -> u64; }
impl Rank for model::Item { fn rank(&self) -> u64 { self.n * weight() } }
fn weight() -> u64 { 5 }
pub fn of(item: &model::Item) -> u64 { item.rank() + 6 }
impl Rank for u64 { fn rank(&self) -> u64 { 7 } }
"##,
        [
            changes("a blanket impl by a prelude", "\"[{}]\"", "\"[[{}]]\""),
            changes("a private type's method", "t{}", "tag{}"),
            changes("an impl in a third crate", "self.n * weight()", "self.n + weight()"),
            changes("its helper", "{ 5 }", "{ 50 }"),
            changes("a function that calls it", "item.rank() + 6", "item.rank() + 60"),
            changes("one's own impl of their trait", "mine{}", "my{}"),
            changes("one's own conversion to their type", "m.0 + 1", "m.0 + 10"),
            changes("a generic function there", "id.into().0 * 3", "id.into().0 * 4"),
            spurious("impls for foreign types count with their trait", "an impl for a primitive", "{ 7 }", "{ 70 }"),
            keeps("a feature nobody names", "{ 4 }", "{ 40 }"),
        ],
    )]
}
