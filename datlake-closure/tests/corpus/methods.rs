//! Methods, traits, operators, closures of types.

use crate::support::{Case, case, changes, keeps, spurious};

pub(crate) fn cases() -> Vec<Case> {
    [inherent(), traits(), scopes(), foreign()].into_iter().flatten().collect()
}

const NARROW: &str = "an impl counts when its types are mentioned";

fn inherent() -> Vec<Case> {
    vec![inherent_methods(), a_type_that_is_never_named(), by_path_and_by_alias()]
}

fn inherent_methods() -> Case {
    case(
        "inherent methods",
        r##"
mod shapes {
    pub struct Square { side: u64 }
    impl Square {
        pub fn new(side: u64) -> Self { Self { side } }
        /// Around.
        pub fn perimeter(&self) -> u64 { self.side * Self::sides() }
        fn sides() -> u64 { 4 }
        pub fn unasked(&self) -> u64 { self.side * 55 }
        pub async fn later(&self) -> u64 { 1 }
    }
    impl Square { pub fn second(&self) -> u64 { 8 } }
    pub struct Circle;
    impl Circle { pub fn perimeter(&self) -> u64 { 6 } }
    pub fn make() -> Square { Square::new(7) }
}
mod unused { pub struct Square; impl Square { pub fn perimeter(&self) -> u64 { 5 } } }
pub fn creator(_: u64) -> u64 { let s = shapes::make(); s.perimeter() + s.second() }
"##,
        [
            changes("a method", "self.side * Self::sides()", "self.side * Self::sides() + 1"),
            changes("by Self", "{ 4 }", "{ 3 }"),
            changes("the constructor", "Self { side }", "Self { side: side + 1 }"),
            changes("of another impl of the type", "{ 8 }", "{ 9 }"),
            changes("what makes the value", "Square::new(7)", "Square::new(8)"),
            keeps("documentation", "/// Around.", "/// All around."),
            keeps("a method nobody calls", "* 55", "* 56"),
            keeps("of a type nobody mentions", "{ 6 }", "{ 7 }"),
            keeps("of a type of that name elsewhere", "{ 5 }", "{ 7 }"),
            keeps("a method added", "fn sides()", "pub fn added(&self) -> u64 { 1 }\n        fn sides()"),
            keeps("an async method", "{ 1 }", "{ 2 }"),
            keeps("a method's visibility", "fn sides()", "pub fn sides()"),
        ],
    )
}

fn a_type_that_is_never_named() -> Case {
    case(
        "a type that is never named",
        r##"
mod parts {
    pub struct Outer { inner: Inner }
    pub struct Inner { n: u64 }
    impl Outer { pub fn inner(&self) -> &Inner { &self.inner } }
    impl Inner { pub fn value(&self) -> u64 { self.n + 1 } pub fn other(&self) -> u64 { 2 } }
    pub fn outer(n: u64) -> Outer { Outer { inner: Inner { n } } }
    pub fn pair() -> (Left, Right) { (Left, Right) }
    pub struct Left; pub struct Right;
    impl Left { pub fn get(&self) -> u64 { 3 } }
    impl Right { pub fn get(&self) -> u64 { 4 } pub fn not(&self) -> u64 { 5 } }
}
pub fn creator(n: u64) -> u64 { let (l, r) = parts::pair(); parts::outer(n).inner().value() + l.get() + r.get() }
"##,
        [
            changes("by a field and a signature", "self.n + 1", "self.n + 2"),
            changes("out of a tuple", "{ 3 }", "{ 33 }"),
            changes("the other of the tuple", "{ 4 }", "{ 44 }"),
            keeps("not called", "{ 2 }", "{ 22 }"),
            keeps("not called either", "{ 5 }", "{ 55 }"),
        ],
    )
}

fn by_path_and_by_alias() -> Case {
    case(
        "by path and by alias",
        r##"
struct Maker;
type Short = Maker;
impl Short { fn short() -> u64 { 15 } fn long() -> u64 { 16 } }
impl Maker { fn by_path(&self) -> u64 { 17 } fn as_value(n: &u64) -> u64 { n + 18 } }
fn apply(f: fn(&u64) -> u64) -> u64 { f(&1) }
type Wrapped<T> = Vec<T>;
fn sum(list: Wrapped<Maker>) -> u64 { list.iter().map(Maker::by_path).sum() }
pub fn creator(_: u64) -> u64 { Short::short() + Maker::by_path(&Maker) + apply(Maker::as_value) + sum(vec![Maker]) + <Maker>::short() }
"##,
        [
            changes("through an alias", "{ 15 }", "{ 25 }"),
            keeps("beside it", "{ 16 }", "{ 26 }"),
            changes("by path", "{ 17 }", "{ 27 }"),
            changes("as a value", "n + 18", "n + 28"),
        ],
    )
}

fn traits() -> Vec<Case> {
    vec![
        impls_of_traits(),
        an_import_of_a_trait_is_swapped(),
        extension_traits_and_blankets(),
        supertraits_and_associated_items(),
    ]
}

fn impls_of_traits() -> Case {
    case(
        "impls of traits",
        r##"
mod shapes {
    pub trait Area { fn area(&self) -> u64; fn doubled(&self) -> u64 { self.area() * 2 } }
    pub struct Square(pub u64);
    pub struct Circle;
    impl Area for Square { fn area(&self) -> u64 { self.0 * self.0 + helper() } }
    impl Area for Circle { fn area(&self) -> u64 { 3 } }
    fn helper() -> u64 { 0 }
}
mod volumes {
    pub trait Volume { fn area(&self) -> u64; }
    impl Volume for super::shapes::Square { fn area(&self) -> u64 { 888 } }
}
use shapes::Area as _;
pub fn creator(n: u64) -> u64 { shapes::Square(n).area() + shapes::Square(n).doubled() }
"##,
        [
            changes("the impl", "self.0 * self.0", "self.0 * self.0 * 2"),
            changes("its helper", "{ 0 }", "{ 1 }"),
            changes("the default method", "self.area() * 2", "self.area() * 3"),
            changes("a default method overridden", "helper() } }", "helper() } fn doubled(&self) -> u64 { 1 } }"),
            keeps("for a type nobody mentions", "{ 3 }", "{ 4 }"),
            keeps("of a trait that is not in scope", "{ 888 }", "{ 889 }"),
            changes(
                "the import of the trait",
                "use shapes::Area as _;",
                "use shapes::Area as _; trait More { fn area(self) -> u64; } impl More for shapes::Square { fn area(self) -> u64 { 1 } }",
            ),
        ],
    )
}

fn an_import_of_a_trait_is_swapped() -> Case {
    case(
        "an import of a trait is swapped",
        r##"
mod shapes {
    pub trait Area { fn area(&self) -> u64 { 1 } }
    pub trait Volume { fn area(&self) -> u64 { 2 } }
    impl Area for u64 {}
    impl Volume for u64 {}
}
use shapes::Area as _;
pub fn creator(n: u64) -> u64 { n.area() }
"##,
        [
            changes("unnamed", "use shapes::Area as _;", "use shapes::Volume as _;"),
            changes("the method", "{ 1 }", "{ 3 }"),
            keeps("the other trait", "{ 2 }", "{ 3 }"),
        ],
    )
}

fn extension_traits_and_blankets() -> Case {
    case(
        "extension traits and blankets",
        r##"
use std::fmt::Display;
trait Shout { fn shout(&self) -> String { format!("{}!", self.raw()) } fn raw(&self) -> String; }
impl Shout for str { fn raw(&self) -> String { self.to_uppercase() } }
trait Tag { fn tag(&self) -> String; }
impl<T: Display> Tag for T { fn tag(&self) -> String { format!("[{self}]") } }
trait Step { fn go(&self) -> u64; }
impl<F: Fn() -> u64> Step for F { fn go(&self) -> u64 { self() + 41 } }
fn opaque() -> impl Fn() -> u64 { || 42 }
trait Unused { fn unused(&self) -> u64; }
impl<T: Display> Unused for T { fn unused(&self) -> u64 { 43 } }
pub fn creator(n: u64) -> String { format!("{} {} {}", "abc".shout(), n.tag(), opaque().go()) }
"##,
        [
            changes("a default method on str", "{}!", "{}!!"),
            changes("an impl for str", "self.to_uppercase()", "self.to_uppercase() + \"x\""),
            changes("a blanket impl", "\"[{self}]\"", "\"[[{self}]]\""),
            changes("an impl for closures", "self() + 41", "self() + 141"),
            changes("a closure behind impl Fn", "|| 42", "|| 142"),
            keeps("a blanket impl of another trait", "{ 43 }", "{ 143 }"),
        ],
    )
}

fn supertraits_and_associated_items() -> Case {
    case(
        "supertraits and associated items",
        r##"
trait Base { fn base(&self) -> u64 { 1 } }
trait Sub: Base { fn sub(&self) -> u64 { self.base() + 1 } }
struct Leaf;
impl Base for Leaf {}
impl Sub for Leaf {}
fn use_sub(s: &impl Sub) -> u64 { s.sub() }
trait Visit { type Out; const SEED: u64 = 5; fn visit(&self) -> Self::Out; }
struct Reply(u64);
impl Reply { fn finish(self) -> u64 { self.0 + 18 } }
impl Visit for Leaf { type Out = Reply; fn visit(&self) -> Reply { Reply(Self::SEED) } }
trait Make { fn make() -> u64; }
struct Maker; struct OtherMaker;
impl Make for Maker { fn make() -> u64 { 8 } }
impl Make for OtherMaker { fn make() -> u64 { 9 } }
fn made_by<M: Make>() -> u64 { M::make() + 1 }
trait Widen { type Out: Into<u64>; fn widen(self) -> Self::Out; }
struct Small(u64); struct Wide(u64); struct Narrow(u8);
impl From<Wide> for u64 { fn from(w: Wide) -> u64 { w.0 } }
impl From<Narrow> for u64 { fn from(w: Narrow) -> u64 { u64::from(w.0) } }
impl From<u64> for Wide { fn from(n: u64) -> Self { Self(n) } }
impl From<u64> for Narrow { fn from(n: u64) -> Self { Self(n as u8) } }
impl Widen for Small { type Out = Wide; fn widen(self) -> Self::Out { self.0.into() } }
pub fn creator(_: u64) -> u64 { use_sub(&Leaf) + Leaf.visit().finish() + made_by::<Maker>() + <Maker as Make>::make() + u64::from(Small(300).widen()) }
"##,
        [
            changes("a supertrait's default", "fn base(&self) -> u64 { 1 }", "fn base(&self) -> u64 { 2 }"),
            changes(
                "an impl of the supertrait",
                "impl Base for Leaf {}",
                "impl Base for Leaf { fn base(&self) -> u64 { 5 } }",
            ),
            changes("a method of an associated type", "self.0 + 18", "self.0 + 19"),
            changes("a trait's constant", "SEED: u64 = 5", "SEED: u64 = 6"),
            changes("a static method by a type parameter", "{ 8 }", "{ 88 }"),
            keeps("of a type that is no argument", "{ 9 }", "{ 99 }"),
            changes("an associated type", "type Out = Wide;", "type Out = Narrow;"),
        ],
    )
}

fn scopes() -> Vec<Case> {
    vec![case(
        "traits in scope",
        r##"
mod inner {
    pub trait ByPrelude { fn by_prelude(&self) -> u64 { 37 } }
    pub trait ByBlock { fn by_block(&self) -> u64 { 38 } }
    pub trait BySuper { fn by_super(&self) -> u64 { 39 } }
    pub trait Nowhere { fn by_super(&self) -> u64 { 40 } fn by_block(&self) -> u64 { 41 } }
    pub trait Renamed { fn by_name(&self) -> u64 { 42 } }
    impl ByPrelude for u64 {} impl ByBlock for u64 {} impl BySuper for u64 {} impl Nowhere for u64 {} impl Renamed for u64 {}
}
mod prelude { pub use super::inner::ByPrelude as _; pub use super::inner::Renamed as Other; }
use prelude::*;
use inner::BySuper;
mod nested { use super::*; pub fn call(n: u64) -> u64 { n.by_super() + n.by_prelude() } }
pub fn creator(n: u64) -> u64 {
    let block = { use inner::ByBlock; n.by_block() };
    block + n.by_prelude() + nested::call(n) + n.by_name()
}
"##,
        [
            changes("by a prelude", "{ 37 }", "{ 137 }"),
            changes("by an import in a block", "{ 38 }", "{ 138 }"),
            changes("by super::*", "{ 39 }", "{ 139 }"),
            keeps("nowhere", "{ 40 }", "{ 140 }"),
            keeps("nowhere either", "{ 41 }", "{ 141 }"),
            changes("renamed in a prelude", "{ 42 }", "{ 142 }"),
            changes("the block's import", "use inner::ByBlock;", "use inner::Nowhere as _;"),
        ],
    )]
}

fn foreign() -> Vec<Case> {
    vec![operators_and_std_s_traits(), conversions_and_loops(), derives()]
}

fn operators_and_std_s_traits() -> Case {
    case(
        "operators and std's traits",
        r##"
use std::cell::Cell;
struct Money(u64);
impl std::ops::Add for Money { type Output = Money; fn add(self, o: Money) -> Money { Money(self.0 + o.0 + FEE) } }
const FEE: u64 = 0;
impl std::ops::Sub for Money { type Output = Money; fn sub(self, o: Money) -> Money { Money(self.0 - o.0) } }
thread_local! { static DROPPED: Cell<u64> = const { Cell::new(0) }; }
struct Guard(u64);
impl Drop for Guard { fn drop(&mut self) { DROPPED.with(|d| d.set(d.get() + self.0 * 3)); } }
struct Wrapper(u64);
impl Wrapper { fn inside(&self) -> u64 { self.0 + 1 } }
struct Boxed(Wrapper);
impl std::ops::Deref for Boxed { type Target = Wrapper; fn deref(&self) -> &Wrapper { &self.0 } }
struct Countdown(u64);
impl Iterator for Countdown { type Item = u64; fn next(&mut self) -> Option<u64> { if self.0 == 0 { None } else { self.0 -= 1; Some(self.0 + 1) } } }
struct Settings { a: u64, b: u64 }
impl Default for Settings { fn default() -> Self { Self { a: 0, b: 21 } } }
struct Celsius(u64);
impl From<u64> for Celsius { fn from(n: u64) -> Self { Self(n + 2) } }
impl std::fmt::Display for Celsius { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{} C", self.0) } }
struct Bag(Vec<u64>);
impl std::ops::Index<usize> for Bag { type Output = u64; fn index(&self, i: usize) -> &u64 { &self.0[i] } }
#[derive(PartialEq, Eq)]
struct Ordered(u64);
impl PartialOrd for Ordered { fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> { Some(self.cmp(o)) } }
impl Ord for Ordered { fn cmp(&self, o: &Self) -> std::cmp::Ordering { self.0.cmp(&o.0) } }
struct Stranger;
impl Drop for Stranger { fn drop(&mut self) { panic!() } }
pub fn creator(n: u64) -> String {
    let sum = (Money(1) + Money(2)).0;
    { let _guard = Guard(n); }
    let mut ordered = [Ordered(1), Ordered(2)];
    ordered.sort();
    let mut counted = 0;
    for c in Countdown(2) { counted = counted * 10 + c; }
    let settings = Settings { a: 1, ..Default::default() };
    format!("{sum} {} {} {} {} {} {} {} {}", DROPPED.get(), Boxed(Wrapper(3)).inside(), Countdown(3).sum::<u64>(), settings.a + settings.b, Celsius(4), Celsius::from(5).0, Bag(vec![1, 2])[0], ordered[0].0 + counted)
}
"##,
        [
            changes("an operator", "self.0 + o.0 + FEE", "self.0 + o.0 + FEE + 1"),
            changes("its constant", "FEE: u64 = 0", "FEE: u64 = 2"),
            keeps("an operator nobody uses", "self.0 - o.0", "self.0 - o.0 + 1"),
            changes("Drop", "self.0 * 3", "self.0 * 4"),
            changes("through Deref", "self.0 + 1 }", "self.0 + 2 }"),
            changes(
                "a method that wins over Deref",
                "impl std::ops::Deref for Boxed",
                "impl Boxed { fn inside(&self) -> u64 { 0 } }\nimpl std::ops::Deref for Boxed",
            ),
            changes("Iterator", "Some(self.0 + 1)", "Some(self.0 + 2)"),
            changes("Default", "b: 21", "b: 23"),
            changes("From", "Self(n + 2)", "Self(n + 3)"),
            changes("Display", "\"{} C\"", "\"{} K\""),
            changes("Index", "&self.0[i]", "&self.0[i + 1]"),
            changes("Ord", "self.0.cmp(&o.0)", "o.0.cmp(&self.0)"),
            keeps("of a type nobody mentions", "panic!()", "unreachable!()"),
            changes(
                "Drop added",
                "struct Wrapper(u64);",
                "struct Wrapper(u64);\nimpl Drop for Money { fn drop(&mut self) { DROPPED.set(9); } }",
            ),
        ],
    )
}

fn conversions_and_loops() -> Case {
    case(
        "conversions and loops",
        r##"
use std::str::FromStr;
struct Leaf;
impl From<Leaf> for String { fn from(_: Leaf) -> String { "leaf".into() } }
struct Odd;
impl FromStr for Odd { type Err = u64; fn from_str(s: &str) -> Result<Self, u64> { if s == "odd" { Ok(Odd) } else { Err(17) } } }
#[derive(Debug)]
struct Failed(u64);
impl From<u64> for Failed { fn from(n: u64) -> Self { Failed(n + 1) } }
fn failing() -> Result<u64, Failed> { let _: Odd = "even".parse::<Odd>()?; Ok(1) }
struct Stack(Vec<u64>);
impl IntoIterator for Stack { type Item = u64; type IntoIter = std::iter::Map<std::vec::IntoIter<u64>, fn(u64) -> u64>; fn into_iter(self) -> Self::IntoIter { self.0.into_iter().map(tripled) } }
fn tripled(n: u64) -> u64 { n * 3 }
impl Extend<Leaf> for Stack { fn extend<I: IntoIterator<Item = Leaf>>(&mut self, _: I) { self.0.push(1) } }
struct Total(u64);
impl std::iter::Sum<u64> for Total { fn sum<I: Iterator<Item = u64>>(all: I) -> Self { Total(all.fold(0, |a, b| a + b)) } }
struct Ready;
impl std::future::IntoFuture for Ready { type Output = u64; type IntoFuture = std::future::Ready<u64>; fn into_future(self) -> Self::IntoFuture { std::future::ready(61) } }
async fn wait() -> u64 { Ready.await }
pub fn creator(_: u64) -> String {
    let mut sum = 0;
    for v in Stack(vec![1]) { sum += v; }
    let tripled = |n: u64| n;
    let total: Total = [1, 2].into_iter().sum();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let waited = std::pin::pin!(wait()).as_mut().poll(&mut cx);
    format!("{} {} {sum} {} {} {waited:?}", String::from(Leaf), failing().unwrap_err().0, tripled(1), total.0)
}
"##,
        [
            changes("From for a foreign type", "\"leaf\".into()", "\"leaf2\".into()"),
            changes("FromStr by parse", "Err(17)", "Err(18)"),
            changes("From by ?", "Failed(n + 1)", "Failed(n + 2)"),
            changes("IntoIterator in a loop; a variable has its helper's name", "n * 3", "n * 4"),
            spurious(NARROW, "an impl nobody uses", "self.0.push(1)", "self.0.push(2)"),
            changes("Sum", "a + b", "a * 2 + b"),
            changes("IntoFuture by await", "ready(61)", "ready(62)"),
        ],
    )
}

fn derives() -> Case {
    case(
        "derives",
        r##"
#[derive(PartialEq, PartialOrd)]
struct Pair { left: u64, right: Inner }
#[derive(Debug)]
struct Inner(u64);
impl PartialEq for Inner { fn eq(&self, o: &Self) -> bool { self.0 == o.0 } }
impl PartialOrd for Inner { fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> { self.0.partial_cmp(&o.0) } }
#[derive(Default, Debug)]
enum Kind { #[default] First, Second }
pub fn creator(_: u64) -> String {
    let less = Pair { left: 1, right: Inner(2) } < Pair { left: 1, right: Inner(1) };
    format!("{less} {:?}", Kind::default())
}
"##,
        [
            changes("an impl that a derive calls", "self.0.partial_cmp(&o.0)", "o.0.partial_cmp(&self.0)"),
            changes("an attribute of a derive", "#[default] First, Second", "First, #[default] Second"),
            changes(
                "a derive replaced by hand",
                "#[derive(Default, Debug)]\nenum",
                "impl std::fmt::Debug for Kind { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { f.write_str(\"hand\") } }\n#[derive(Default)]\nenum",
            ),
            spurious(
                "derives are tokens of the type",
                "a derive nobody uses",
                "#[derive(Debug)]\nstruct Inner",
                "#[derive(Debug, Clone)]\nstruct Inner",
            ),
        ],
    )
}
