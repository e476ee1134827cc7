//! Type parameters, trait objects, paths of types.

use crate::support::{Case, case, changes, keeps, spurious};

pub(crate) fn cases() -> Vec<Case> {
    [generic(), dynamic(), paths()].into_iter().flatten().collect()
}

fn generic() -> Vec<Case> {
    vec![generic_helpers(), generic_creators()]
}

fn generic_helpers() -> Case {
    case(
        "generic helpers",
        r##"
trait Area { fn area(&self) -> u64; }
struct Square(u64); struct Round;
impl Area for Square { fn area(&self) -> u64 { self.0 * self.0 } }
impl Area for Round { fn area(&self) -> u64 { 7 } }
fn total<A: Area>(a: &A) -> u64 { a.area() * 2 }
fn wheres<A>(a: &A) -> u64 where A: Area { a.area() + 3 }
struct Holder<T>(T);
impl<T: Area> Holder<T> { fn held(&self) -> u64 { self.0.area() + 4 } }
impl<T> Holder<T> { fn other(&self) -> u64 { 5 } }
impl<T: Area> Area for Holder<T> { fn area(&self) -> u64 { self.0.area() + 6 } }
fn each(all: &[Box<dyn Fn(u64) -> u64>]) -> u64 { all.iter().map(|f| f(1)).sum() }
fn first(n: u64) -> u64 { n + 10 }
pub fn creator(n: u64) -> u64 {
    let add = move |m: u64| m + n;
    total(&Square(n)) + wheres(&Square(1)) + Holder(Square(2)).held() + total(&Holder(Square(1))) + each(&[Box::new(first), Box::new(add)])
}
"##,
        [
            changes("the helper", "a.area() * 2", "a.area() * 3"),
            changes("a where clause's", "a.area() + 3", "a.area() + 4"),
            changes("the impl", "self.0 * self.0", "self.0 * self.0 + 1"),
            changes("a method of a generic type", "self.0.area() + 4", "self.0.area() + 5"),
            changes("an impl for a generic type", "self.0.area() + 6", "self.0.area() + 7"),
            keeps("another method of the generic type", "{ 5 }", "{ 55 }"),
            keeps("another type's impl", "{ 7 }", "{ 77 }"),
            changes("a function in a box", "n + 10", "n + 11"),
        ],
    )
}

fn generic_creators() -> Case {
    case(
        "generic creators",
        r##"
pub trait Model { fn predict(&self) -> u64; }
struct Known;
impl Model for Known { fn predict(&self) -> u64 { 1 } }
struct Other(u64);
impl Model for Other { fn predict(&self) -> u64 { self.0 + helper() } }
fn helper() -> u64 { 2 }
trait Unrelated { fn predict(&self) -> u64; }
impl Unrelated for Known { fn predict(&self) -> u64 { 3 } }
impl Model for i32 { fn predict(&self) -> u64 { by_number() } }
fn by_number() -> u64 { 4 }
pub fn creator<M: Model + serde::Serialize>(n: M) -> u64 { n.predict() }
"##,
        [
            changes("the implementor that is passed", "{ 4 }", "{ 44 }"),
            spurious("whoever calls it chooses the type", "another implementor", "{ 1 }", "{ 11 }"),
            spurious("whoever calls it chooses the type", "another implementor's helper", "{ 2 }", "{ 22 }"),
            spurious("a trait in scope has a method of this name", "of another trait", "{ 3 }", "{ 33 }"),
        ],
    )
}

fn dynamic() -> Vec<Case> {
    vec![trait_objects(), impls_for_trait_objects()]
}

fn trait_objects() -> Case {
    case(
        "trait objects",
        r##"
trait Plugin { fn value(&self) -> u64 { base() } }
fn base() -> u64 { 20 }
struct A; struct B; struct Stranger;
impl Plugin for A {}
impl Plugin for B { fn value(&self) -> u64 { 30 } }
impl Plugin for Stranger { fn value(&self) -> u64 { 40 } }
fn every() -> Vec<Box<dyn Plugin>> { vec![Box::new(A), Box::new(B)] }
trait Never { fn value(&self) -> u64 { 50 } }
impl Never for A {}
pub fn creator(_: u64) -> u64 { every().iter().map(|p: &Box<dyn Plugin>| p.value()).sum() }
"##,
        [
            changes("an implementor", "{ 30 }", "{ 31 }"),
            changes("a default method's helper", "{ 20 }", "{ 22 }"),
            changes(
                "a method added to an impl",
                "impl Plugin for A {}",
                "impl Plugin for A { fn value(&self) -> u64 { 1 } }",
            ),
            keeps("an implementor nobody makes", "{ 40 }", "{ 41 }"),
            spurious("a trait in scope has a method of this name", "another trait's method", "{ 50 }", "{ 51 }"),
        ],
    )
}

fn impls_for_trait_objects() -> Case {
    case(
        "impls for trait objects",
        r##"
trait Plugin { fn value(&self) -> u64; }
struct A;
impl Plugin for A { fn value(&self) -> u64 { 1 } }
impl dyn Plugin { fn twice(&self) -> u64 { self.value() * 2 } }
impl std::fmt::Display for dyn Plugin { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "<{}>", self.twice()) } }
pub fn creator(_: u64) -> String { let p: &dyn Plugin = &A; p.to_string() }
"##,
        [
            changes("Display for dyn", "\"<{}>\"", "\"<<{}>>\""),
            changes("a method of dyn", "self.value() * 2", "self.value() * 3"),
            changes("an implementor", "{ 1 }", "{ 2 }"),
        ],
    )
}

fn paths() -> Vec<Case> {
    vec![case(
        "paths of types",
        r##"
trait Zero { const ZERO: u64; fn zero() -> u64 { Self::ZERO } }
impl Zero for u32 { const ZERO: u64 = 1; }
impl Zero for u16 { const ZERO: u64 = 2; }
struct Own; impl Zero for Own { const ZERO: u64 = 3; }
struct Kept; impl Zero for Kept { const ZERO: u64 = 4; }
impl Own { fn nested() -> Inner { Inner } }
struct Inner; impl Inner { fn end(self) -> u64 { Self::start() + 5 } fn start() -> u64 { 6 } }
mod far { pub struct Far; impl Far { pub fn go() -> u64 { 7 } } pub trait Walk { fn walk() -> u64; } impl Walk for Far { fn walk() -> u64 { 8 } } }
use far::Walk;
pub fn creator(_: u64) -> u64 { u32::zero() + <u32 as Zero>::ZERO + Own::zero() + <Own>::nested().end() + far::Far::go() + far::Far::walk() + Vec::<Own>::new().len() as u64 }
"##,
        [
            changes("a trait's constant of a primitive", "ZERO: u64 = 1", "ZERO: u64 = 11"),
            spurious(
                "impls for foreign types count with their trait",
                "of another primitive",
                "ZERO: u64 = 2",
                "ZERO: u64 = 12",
            ),
            changes("of a type of one's own", "ZERO: u64 = 3", "ZERO: u64 = 13"),
            keeps("of a type nobody mentions", "ZERO: u64 = 4", "ZERO: u64 = 14"),
            changes("<Type>::name", "Self::start() + 5", "Self::start() + 6"),
            changes("Self::name", "{ 6 }", "{ 66 }"),
            changes("module::Type::name", "{ 7 }", "{ 77 }"),
            changes("module::Type::name of a trait in scope", "{ 8 }", "{ 88 }"),
        ],
    )]
}
