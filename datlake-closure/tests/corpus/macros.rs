//! Macros of one's own, of dependencies, procedural ones; calls among items; attributes.

use crate::support::{Case, case, changes, keeps, spurious};

pub(crate) fn cases() -> Vec<Case> {
    [bodies(), items(), around_items(), imports(), textual(), methods(), procedural(), attributes()]
        .into_iter()
        .flatten()
        .collect()
}

fn bodies() -> Vec<Case> {
    vec![case(
        "macros in a body",
        r##"
#[macro_use]
mod macros {
    macro_rules! plus_one { ($e:expr) => { $e + 1 }; }
    macro_rules! chained { ($e:expr) => { plus_one!($crate::macros::called($e)) }; }
    macro_rules! never { () => { 99 }; }
    macro_rules! names { ($($name:ident),*) => { 0 $(+ $name())* }; }
    pub fn called(n: u64) -> u64 { n * 3 }
}
fn named_a() -> u64 { 5 }
fn named_b() -> u64 { 6 }
fn key_a() -> u64 { 101 }
fn shown() -> u64 { 7 }
fn unhygienic() -> u64 { 8 }
macro_rules! map_of { ($($k:ident => $v:expr),*) => {{ let mut m = std::collections::BTreeMap::new(); $(m.insert($k(), $v);)* m }}; }
macro_rules! by_word { (small) => { 1 }; (big) => { big_one() }; }
macro_rules! uses_name { () => { unhygienic() }; }
fn big_one() -> u64 { 9 }
const WIDTH: usize = 10;
macro_rules! op { ($a:expr, $op:tt, $b:expr) => { $a $op $b }; }
#[derive(Clone, Copy)] struct Bits(u64);
impl std::ops::BitXor for Bits { type Output = u64; fn bitxor(self, o: Self) -> u64 { self.0 * o.0 + 44 } }
pub fn creator(n: u64) -> String {
    macro_rules! local { ($x:expr) => { $x * local_helper() }; }
    let map = map_of! { key_a => 1 };
    format!("{} {} {map:?} {} {} {:>WIDTH$} {} {}", plus_one!(n), chained!(n), names!(named_a, named_b), by_word!(big), shown(), uses_name!(), op!(Bits(2), ^, Bits(3)) + local!(2))
}
fn local_helper() -> u64 { 11 }
"##,
        [
            changes("the macro", "$e + 1", "$e + 2"),
            changes("a $crate path in a macro's macro", "n * 3", "n * 4"),
            changes("a name in the arguments", "{ 5 }", "{ 55 }"),
            changes("the other name", "{ 6 }", "{ 66 }"),
            changes("a function before an arrow", "{ 101 }", "{ 201 }"),
            changes("in the branch that is taken", "{ 9 }", "{ 99 }"),
            changes("an argument of format!", "{ 7 }", "{ 77 }"),
            changes("a width in a format string", "WIDTH: usize = 10", "WIDTH: usize = 11"),
            changes("a name in the macro's body", "{ 8 }", "{ 88 }"),
            changes("an operator as an argument", "o.0 + 44", "o.0 + 45"),
            changes("a macro in the body", "$x * local_helper()", "$x + local_helper()"),
            changes("what it calls", "{ 11 }", "{ 12 }"),
            keeps("a macro nobody calls", "{ 99 }", "{ 98 }"),
            spurious("a macro counts as a whole", "a branch that is not taken", "(small) => { 1 }", "(small) => { 2 }"),
            keeps("documentation of a macro", "macro_rules! by_word", "/// Says.\nmacro_rules! by_word"),
        ],
    )]
}

fn items() -> Vec<Case> {
    vec![macros_that_make_items(), macros_of_a_dependency_among_items()]
}

fn macros_that_make_items() -> Case {
    case(
        "macros that make items",
        r##"
macro_rules! make_fn { ($n:ident, $v:expr) => { fn $n() -> u64 { $v * 2 } }; }
macro_rules! impl_len { ($t:ident, $v:expr) => { impl $t { fn length(&self) -> u64 { $v + 1 } } }; }
macro_rules! impls { ($($t:ty => $v:expr),*) => { $(impl Sized2 for $t { fn size(&self) -> u64 { $v } })* }; }
macro_rules! define_macro { ($n:ident, $v:expr) => { macro_rules! $n { () => { $v + inner_of_defined() } } }; }
macro_rules! fixed { () => { fn fixed_name() -> u64 { 61 } }; }
macro_rules! types { ($($t:ident),*) => { $(struct $t; impl $t { fn get() -> u64 { type_helper() } })* }; }
macro_rules! module { ($m:ident { $($body:tt)* }) => { mod $m { $($body)* } }; }
make_fn!(made, 3);
make_fn!(unmade, 4);
struct Square; struct Round;
impl_len!(Square, 4);
impl_len!(Round, 5);
trait Sized2 { fn size(&self) -> u64; }
struct Odd; struct Even;
impls!(Odd => 11, Even => 12);
define_macro!(defined, 4);
fn inner_of_defined() -> u64 { 1 }
fixed!();
types!(Alpha, Beta);
fn type_helper() -> u64 { 71 }
module!(written { pub fn inside() -> u64 { 81 } });
macro_rules! constant { ($n:ident = $v:expr) => { const $n: u64 = $v; }; }
constant!(MADE = 91);
constant!(NOT_MADE = 92);
pub fn creator(_: u64) -> u64 {
    made() + Square.length() + Odd.size() + defined!() + fixed_name() + Alpha::get() + written::inside() + MADE
}
"##,
        [
            changes("the arguments", "make_fn!(made, 3)", "make_fn!(made, 4)"),
            changes("the definition", "$v * 2", "$v * 3"),
            keeps("another call", "make_fn!(unmade, 4)", "make_fn!(unmade, 5)"),
            changes("an impl: definition", "$v + 1 } }", "$v + 2 } }"),
            changes("an impl: arguments", "impl_len!(Square, 4)", "impl_len!(Square, 5)"),
            keeps("an impl of a type nobody mentions", "impl_len!(Round, 5)", "impl_len!(Round, 6)"),
            changes("a row", "Odd => 11", "Odd => 13"),
            spurious("a call counts as a whole", "the other row", "Even => 12", "Even => 13"),
            changes("a macro made by a macro: value", "define_macro!(defined, 4)", "define_macro!(defined, 5)"),
            changes("a macro made by a macro: helper", "{ 1 }", "{ 2 }"),
            changes("a name that the macro has", "{ 61 }", "{ 62 }"),
            changes("a type's helper", "{ 71 }", "{ 72 }"),
            changes("a module", "{ 81 }", "{ 82 }"),
            changes("a constant", "MADE = 91", "MADE = 93"),
            keeps("another constant", "NOT_MADE = 92", "NOT_MADE = 93"),
        ],
    )
}

fn macros_of_a_dependency_among_items() -> Case {
    case(
        "macros of a dependency among items",
        r##"
//- src/lib.rs
helper::make_fn!(made, 3);
use helper::make_const;
make_const! { WIDE = 5 }
helper::registry! { One => 1, Two => 2 }
pub fn creator(_: u64) -> u64 { made() + WIDE + table(2) }
//- helper/src/lib.rs
#[macro_export]
macro_rules! make_fn { ($n:ident, $v:expr) => { fn $n() -> u64 { $v * $crate::factor() } }; }
#[macro_export]
macro_rules! make_const { ($n:ident = $v:expr) => { const $n: u64 = $v + 1; }; }
#[macro_export]
macro_rules! registry { ($($n:ident => $v:expr),*) => { fn table(n: u64) -> u64 { [$($v),*].into_iter().map(|v: u64| v * n).sum() } }; }
pub fn factor() -> u64 { 7 }
pub fn not() -> u64 { 8 }
"##,
        [
            changes("the arguments", "made, 3", "made, 4"),
            changes("the definition", "$v * $crate", "$v + $crate"),
            changes("what it calls", "{ 7 }", "{ 9 }"),
            changes("an imported macro", "$v + 1", "$v + 2"),
            changes("a name that only the macro has", "v * n", "v + n"),
            changes("a row", "Two => 2", "Two => 3"),
            keeps("beside it", "{ 8 }", "{ 9 }"),
        ],
    )
}

fn around_items() -> Vec<Case> {
    vec![case(
        "macros around items",
        r##"
//- src/lib.rs
macro_rules! gated { ($($item:item)*) => { $(#[allow(unused)] $item)* }; }
macro_rules! choose { (if #[cfg($c:meta)] { $($a:item)* } else { $($b:item)* }) => { $(#[cfg($c)] $a)* $(#[cfg(not($c))] $b)* }; }
macro_rules! changed { (struct $n:ident; $($rest:item)*) => { struct $n; impl $n { fn added(&self) -> u64 { 1 } } $($rest)* }; }
macro_rules! tree { () => { pub mod leaf; pub mod twig { pub fn get() -> u64 { super::outside() } } }; }
gated! { mod first; pub use first::reexported as again; fn beside() -> u64 { 2 } fn not_beside() -> u64 { 3 } }
choose! { if #[cfg(on)] { mod second; use second::get as picked; } else { fn picked() -> u64 { 4 } } }
changed! { struct Made; fn rest() -> u64 { 5 } }
tree!();
fn outside() -> u64 { 6 }
pub fn creator(_: u64) -> u64 { again() + beside() + picked() + Made.added() + rest() + leaf::get() + twig::get() + self::first::deep::get() }
//- src/first.rs
pub fn reexported() -> u64 { 7 }
pub fn other() -> u64 { 8 }
pub mod deep { pub fn get() -> u64 { 9 } }
//- src/second.rs
pub fn get() -> u64 { 10 }
//- src/leaf.rs
pub fn get() -> u64 { 11 }
pub fn other() -> u64 { 12 }
"##,
        [
            changes("a re-export in a macro", "{ 7 }", "{ 70 }"),
            changes("a function in a macro", "{ 2 }", "{ 20 }"),
            keeps("another function in it", "{ 3 }", "{ 30 }"),
            keeps("another function of the module", "{ 8 }", "{ 80 }"),
            changes("a module's module", "{ 9 }", "{ 90 }"),
            changes("a module by a choice", "{ 10 }", "{ 100 }"),
            changes("what the macro adds", "{ 1 }", "{ 100 }"),
            changes("what it hands on", "{ 5 }", "{ 50 }"),
            changes(
                "what a macro does to all of its items",
                "$(#[allow(unused)] $item)* }; }",
                "$(#[allow(unused)] $item)* #[allow(unused)] struct Extra; impl Drop for Made { fn drop(&mut self) { print!(\"dropped\") } } }; }",
            ),
            changes("a file's module that a macro declares", "{ 11 }", "{ 110 }"),
            keeps("beside it", "{ 12 }", "{ 120 }"),
            changes("a module that a macro makes", "{ 6 }", "{ 60 }"),
        ],
    )]
}

fn imports() -> Vec<Case> {
    vec![case(
        "imports in macros",
        r##"
mod arch { pub mod wide { pub mod search { pub struct One; impl One { pub fn find() -> u64 { 1 } } pub fn free() -> u64 { 2 } } } pub mod narrow { pub mod search { pub struct One; impl One { pub fn find() -> u64 { 3 } } } } }
macro_rules! choose { ($t:ident, $f:ident) => {{ use crate::arch::{narrow, wide as broad}; if 1 > 2 { 0 } else { broad::search::$t::$f() + narrow::search::$t::$f() } }}; }
macro_rules! function { ($f:ident) => {{ use $crate::arch::wide; wide::search::$f() }}; }
struct One; impl One { fn find() -> u64 { 4 } }
pub fn creator(_: u64) -> u64 { choose!(One, find) + function!(free) }
"##,
        [
            changes("renamed", "{ 1 }", "{ 10 }"),
            changes("plain", "{ 3 }", "{ 30 }"),
            changes("a function by $crate", "{ 2 }", "{ 20 }"),
            spurious("a word handed over may mean what it means here", "the type of that name here", "{ 4 }", "{ 40 }"),
        ],
    )]
}

fn textual() -> Vec<Case> {
    vec![case(
        "scopes of macros",
        r##"
macro_rules! twice { ($e:expr) => { $e * 2 }; }
mod sub { pub fn get(n: u64) -> u64 { twice!(n) } pub mod below { macro_rules! own { () => { 3 } } pub fn get() -> u64 { own!() } } }
mod private { macro_rules! hidden { () => { 4 } } pub(crate) use hidden; }
#[macro_export]
macro_rules! exported { () => { $crate::outside() } }
pub fn outside() -> u64 { 5 }
pub fn creator(n: u64) -> u64 { sub::get(n) + sub::below::get() + private::hidden!() + crate::exported!() }
"##,
        [
            changes("textual", "$e * 2", "$e * 3"),
            changes("in a module", "{ 3 }", "{ 33 }"),
            changes("by a use", "{ 4 }", "{ 44 }"),
            changes("by $crate", "{ 5 }", "{ 55 }"),
            changes("a later one hides it", "mod sub", "macro_rules! twice { ($e:expr) => { $e * 9 }; }\nmod sub"),
        ],
    )]
}

fn methods() -> Vec<Case> {
    vec![case(
        "methods through macros",
        r##"
struct Quad { side: u64 }
impl Quad { fn perimeter(&self) -> u64 { self.side * 4 } fn area(&self) -> u64 { self.side * self.side } fn unasked(&self) -> u64 { 5 } }
macro_rules! call { ($x:expr, $m:ident) => { $x.$m() }; }
macro_rules! area { ($x:expr) => { $x.area() }; }
macro_rules! of_type { ($t:ty) => { <$t>::born() }; }
impl Quad { fn born() -> u64 { 6 } }
trait Far { fn far(&self) -> u64 { 7 } }
impl Far for Quad {}
macro_rules! far { ($x:expr) => { $x.far() }; }
macro_rules! field { ($s:ident . $f:ident) => { $s.$f + 1 }; }
pub fn creator(n: u64) -> u64 { let q = Quad { side: n }; call!(q, perimeter) + area!(q) + of_type!(Quad) + far!(q) + field!(q.side) }
"##,
        [
            changes("a method's name as an argument", "self.side * 4", "self.side * 3"),
            changes("a method in the macro", "self.side * self.side", "self.side + self.side"),
            changes("of a type as an argument", "{ 6 }", "{ 66 }"),
            changes("of a trait", "{ 7 }", "{ 77 }"),
            keeps("a method nobody calls", "{ 5 }", "{ 55 }"),
        ],
    )]
}

fn procedural() -> Vec<Case> {
    vec![case(
        "procedural macros of one's own",
        r##"
//- src/lib.rs deps:mac
mac::make!(zebra 5);
mac::make_struct!(Made 6);
fn made_helper() -> u64 { 2 }
#[derive(mac::Describe)]
#[describe(with = "described_by")]
struct Named;
fn described_by() -> &'static str { "named" }
#[derive(mac::Checked)]
struct Item;
fn check_item() -> u64 { 19 }
fn unrelated_to_it() -> u64 { 20 }
pub fn creator(_: u64) -> String { format!("{} {} {} {} {}", get_zebra(), Made::made(), Named.described(), Item::checked(), mac::core_value!()) }
//- mac/src/lib.rs deps:maccore proc
use proc_macro::TokenStream;
mod emit;
/// `#[describe(with = "function")]`
#[proc_macro_derive(Describe, attributes(describe))]
pub fn describe(input: TokenStream) -> TokenStream { emit::describe(input.to_string()).parse().unwrap() }
#[proc_macro]
pub fn make(input: TokenStream) -> TokenStream {
    let mut it = input.into_iter();
    let (n, v) = (it.next().unwrap(), it.next().unwrap());
    format!("fn get_{n}() -> u64 {{ {v} }}").parse().unwrap()
}
#[proc_macro]
pub fn make_struct(input: TokenStream) -> TokenStream {
    let mut it = input.into_iter();
    let (n, v) = (it.next().unwrap(), it.next().unwrap());
    format!("struct {n}; impl {n} {{ fn made() -> u64 {{ {v} + made_helper() }} }}").parse().unwrap()
}
#[proc_macro_derive(Checked)]
pub fn checked(input: TokenStream) -> TokenStream {
    let name = input.to_string().split("struct").nth(1).unwrap().split_whitespace().next().unwrap().trim_end_matches(';').to_owned();
    format!("impl {name} {{ fn checked() -> u64 {{ check_{}() }} }}", name.to_lowercase()).parse().unwrap()
}
#[proc_macro]
pub fn core_value(_: TokenStream) -> TokenStream { maccore::value().to_string().parse().unwrap() }
//- mac/src/emit.rs
pub fn describe(input: String) -> String {
    let with = input.split('"').nth(1).unwrap();
    let name = input.split("struct").nth(1).unwrap().split_whitespace().next().unwrap().trim_end_matches(';');
    format!("impl {name} {{ pub fn described(&self) -> String {{ format!(\"<{{}}>\", {with}()) }} }}")
}
//- maccore/src/lib.rs
pub fn value() -> u64 { 33 }
"##,
        [
            changes("a derive, in another file", "<{{}}>", "<<{{}}>>"),
            changes("a function named in an attribute", "{ \"named\" }", "{ \"renamed\" }"),
            changes("a function whose name is composed", "zebra 5", "zebra 6"),
            changes("a type", "Made 6", "Made 7"),
            changes("a function named only in the macro's code", "{ 2 }", "{ 3 }"),
            changes("the macro's path dependency", "{ 33 }", "{ 34 }"),
            keeps("documentation of a macro", "/// `#[describe(with = \"function\")]`", "/// Describes."),
            keeps("an unrelated function", "{ 20 }", "{ 21 }"),
            changes("a function whose name a derive composes", "{ 19 }", "{ 29 }"),
        ],
    )]
}

fn attributes() -> Vec<Case> {
    vec![case(
        "attributes",
        r##"
#[repr(u8)]
#[derive(Clone, Copy)]
#[allow(dead_code)]
enum Level { Low = base(), High }
const fn base() -> u8 { 3 }
#[derive(Default)]
#[repr(C)]
struct Mixed { a: u8, b: u32 }
#[deprecated(note = "old")]
fn old() -> u64 { 1 }
#[cfg_attr(on, derive(Debug))]
struct Shown(u64);
#[cfg_attr(not(on), derive(Debug))]
struct Hidden;
pub fn creator(_: u64) -> String { format!("{} {} {} {:?}", Level::High as u8, std::mem::size_of::<Mixed>(), old(), Shown(2)) }
"##,
        [
            changes("a function in a discriminant", "{ 3 }", "{ 4 }"),
            changes("repr", "#[repr(C)]", "#[repr(C, packed)]"),
            keeps("a lint", "#[allow(dead_code)]", "#[allow(unused)]"),
            keeps("a deprecation", "note = \"old\"", "note = \"very old\""),
            keeps(
                "an attribute of what nobody uses",
                "#[cfg_attr(not(on), derive(Debug))]",
                "#[cfg_attr(not(on), derive(Clone))]",
            ),
        ],
    )]
}
