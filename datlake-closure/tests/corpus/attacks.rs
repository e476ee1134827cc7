//! Code written to be missed.

use crate::support::{Case, case, changes, keeps, spurious};

pub(crate) fn cases() -> Vec<Case> {
    [heads(), hidden(), bound(), shadowed(), errors(), loops(), visits()].into_iter().flatten().collect()
}

fn heads() -> Vec<Case> {
    vec![case(
        "impls for odd types",
        r##"
trait Size { fn size(&self) -> u64; }
impl<T, const N: usize> Size for [T; N] { fn size(&self) -> u64 { N as u64 + 1 } }
impl<A: Size, B: Size> Size for (A, B) { fn size(&self) -> u64 { self.0.size() * self.1.size() + 2 } }
impl Size for fn() -> u64 { fn size(&self) -> u64 { self() + 3 } }
impl<'a, T: Size + ?Sized> Size for &'a T { fn size(&self) -> u64 { (**self).size() + 4 } }
impl Size for u8 { fn size(&self) -> u64 { 5 } }
impl<T: Size> Size for Option<T> { fn size(&self) -> u64 { self.as_ref().map_or(6, |t| t.size()) } }
impl<T: ?Sized + Size> Size for Box<T> { fn size(&self) -> u64 { T::size(self) + 7 } }
impl Size for str { fn size(&self) -> u64 { 8 } }
struct Wrap<T>(T);
impl<T> Size for Wrap<Vec<T>> { fn size(&self) -> u64 { self.0.len() as u64 + 9 } }
impl Wrap<u8> { fn special(&self) -> u64 { 10 } }
impl Wrap<u16> { fn special(&self) -> u64 { 11 } }
fn seven() -> u64 { 7 }
pub fn creator(n: u64) -> u64 {
    let pointer: fn() -> u64 = seven;
    let boxed: Box<dyn Size> = Box::new(1_u8);
    [n, n].size() + (1_u8, 2_u8).size() + pointer.size() + Size::size(&&1_u8) + Some(1_u8).size() + boxed.size() + "x".size() + Wrap(vec![1]).size() + Wrap(1_u8).special()
}
"##,
        [
            changes("an array", "N as u64 + 1", "N as u64 + 10"),
            changes("a tuple", "self.1.size() + 2", "self.1.size() + 20"),
            changes("a function pointer", "self() + 3", "self() + 30"),
            changes("a reference", "(**self).size() + 4", "(**self).size() + 40"),
            changes("a primitive", "{ 5 }", "{ 50 }"),
            changes("a foreign generic", "|t| t.size()", "|t| t.size() + 1"),
            changes("a box", "T::size(self) + 7", "T::size(self) + 70"),
            changes("str", "{ 8 }", "{ 80 }"),
            changes("nested generics", "as u64 + 9", "as u64 + 90"),
            changes("a method of one instance", "{ 10 }", "{ 100 }"),
            spurious(
                "the type is mentioned and the name is called",
                "the same of another instance",
                "{ 11 }",
                "{ 110 }",
            ),
            changes("behind a pointer", "{ 7 }", "{ 70 }"),
        ],
    )]
}

fn hidden() -> Vec<Case> {
    vec![reached_without_a_name(), functions_in_values()]
}

fn reached_without_a_name() -> Case {
    case(
        "reached without a name",
        r##"
mod deep {
    pub trait Score { fn score(&self) -> u64; fn label(&self) -> String { format!("<{}>", self.score()) } }
    pub trait Bonus { fn bonus(&self) -> u64 { 1 } }
    pub struct Player { pub points: Points }
    #[derive(Clone, Default)]
    pub struct Points(pub u64);
    impl Score for Player { fn score(&self) -> u64 { self.points.total() } }
    impl Points { pub fn total(&self) -> u64 { self.0 * 2 } }
    impl Bonus for Player {}
    impl<T: Bonus> Bonus for Vec<T> { fn bonus(&self) -> u64 { self.iter().map(Bonus::bonus).sum::<u64>() + 3 } }
    pub fn players(n: u64) -> Vec<Player> { vec![Player { points: Points(n) }, Player { points: Points::default() }] }
    pub fn best<T: Score>(all: &[T]) -> Option<&T> { all.iter().max_by_key(|p| Score::score(*p)) }
    pub fn bonus_of(all: &Vec<Player>) -> u64 { Bonus::bonus(all) }
    impl std::iter::FromIterator<Player> for Team { fn from_iter<I: IntoIterator<Item = Player>>(all: I) -> Self { Team(all.into_iter().map(|p| p.points.0 + 4).sum()) } }
    pub struct Team(pub u64);
    impl std::ops::AddAssign<u64> for Team { fn add_assign(&mut self, n: u64) { self.0 += n * 5; } }
    impl std::ops::Not for Team { type Output = u64; fn not(self) -> u64 { self.0 + 6 } }
    impl AsRef<u64> for Team { fn as_ref(&self) -> &u64 { &self.0 } }
    impl std::borrow::Borrow<u64> for Points { fn borrow(&self) -> &u64 { &self.0 } }
    impl PartialEq<u64> for Team { fn eq(&self, n: &u64) -> bool { self.0 == *n + 7 } }
    impl std::hash::Hash for Points { fn hash<H: std::hash::Hasher>(&self, h: &mut H) { h.write_u64(self.0 + 8); } }
    pub fn hash(p: &Points) -> u64 { use std::hash::{DefaultHasher, Hash as _, Hasher as _}; let mut h = DefaultHasher::new(); p.hash(&mut h); h.finish() }
    impl std::ops::Deref for Team { type Target = Points; fn deref(&self) -> &Points { static P: Points = Points(9); &P } }
}
pub fn creator(n: u64) -> String {
    use deep::Score as _;
    let all = deep::players(n);
    let label = deep::best(&all).map(|p| p.label());
    let bonus = deep::bonus_of(&all);
    let hash = deep::hash(&all[0].points);
    let mut team: deep::Team = all.into_iter().collect();
    team += 1;
    let equal = team == 30;
    let (inside, total) = (*team.as_ref(), team.total());
    format!("{label:?} {bonus} {hash} {equal} {inside} {total} {}", !team)
}
"##,
        [
            changes("a default method on an element", "\"<{}>\"", "\"<<{}>>\""),
            changes("a field's method", "self.0 * 2", "self.0 * 3"),
            changes("a trait's default by its path", "{ 1 }", "{ 2 }"),
            changes("an impl for Vec", "sum::<u64>() + 3", "sum::<u64>() + 4"),
            changes("a function that chooses", "max_by_key", "min_by_key"),
            changes("FromIterator by collect", "p.points.0 + 4", "p.points.0 + 5"),
            changes("AddAssign", "n * 5", "n * 6"),
            changes("Not", "self.0 + 6", "self.0 + 7"),
            changes("AsRef", "fn as_ref(&self) -> &u64 { &self.0 }", "fn as_ref(&self) -> &u64 { &1 }"),
            changes("PartialEq with another type", "*n + 7", "*n - 14"),
            changes("Hash", "self.0 + 8", "self.0 + 9"),
            changes("a static in Deref", "Points(9)", "Points(10)"),
            changes(
                "a derive",
                "#[derive(Clone, Default)]\n    pub struct Points",
                "impl Default for Points { fn default() -> Self { Points(90) } }\n    #[derive(Clone)]\n    pub struct Points",
            ),
            spurious(
                "an impl counts when its types are mentioned",
                "Borrow nobody uses",
                "fn borrow(&self) -> &u64 { &self.0 }",
                "fn borrow(&self) -> &u64 { &2 }",
            ),
        ],
    )
}

fn functions_in_values() -> Case {
    case(
        "functions in values",
        r##"
struct Handler { run: fn(u64) -> u64, then: Box<dyn Fn(u64) -> u64> }
const HANDLERS: [(&str, fn(u64) -> u64); 2] = [("one", one), ("two", self::two)];
fn one(n: u64) -> u64 { n + 1 }
fn two(n: u64) -> u64 { n + 2 }
fn three(n: u64) -> u64 { n + 3 }
fn four(n: u64) -> u64 { n + 4 }
fn make() -> Handler { Handler { run: three, then: Box::new(|n| four(n)) } }
fn maker() -> impl Fn(u64) -> u64 { let k = five(); move |n| n * k }
fn five() -> u64 { 5 }
fn recursive(n: u64) -> u64 { if n == 0 { six() } else { recursive(n - 1) } }
fn six() -> u64 { 6 }
struct Table; impl Table { const ROWS: &'static [fn() -> u64] = &[Self::row, Table::other]; fn row() -> u64 { 7 } fn other() -> u64 { 8 } fn third() -> u64 { 9 } }
fn default_of<T: Default + Into<u64>>() -> u64 { T::default().into() }
#[derive(Default)] struct Nine(u64);
impl From<Nine> for u64 { fn from(n: Nine) -> u64 { n.0 + 10 } }
pub fn creator(n: u64) -> u64 {
    let h = make();
    let picked = HANDLERS.iter().find(|(name, _)| *name == "two").map_or(0, |(_, f)| f(n));
    picked + (h.run)(n) + (h.then)(n) + maker()(n) + recursive(3) + Table::ROWS.iter().map(|f| f()).sum::<u64>() + default_of::<Nine>()
}
"##,
        [
            changes("in a constant", "n + 2", "n + 20"),
            spurious("all of a table counts", "another in the constant", "n + 1 }", "n + 10 }"),
            changes("in a field", "n + 3", "n + 30"),
            changes("in a closure in a box", "n + 4", "n + 40"),
            changes("captured", "{ 5 }", "{ 50 }"),
            changes("at the end of a recursion", "{ 6 }", "{ 60 }"),
            changes("by Self in an associated constant", "{ 7 }", "{ 70 }"),
            changes("by its type there", "{ 8 }", "{ 80 }"),
            keeps("not there", "{ 9 }", "{ 90 }"),
            changes("Into of a type argument", "n.0 + 10", "n.0 + 100"),
        ],
    )
}

fn bound() -> Vec<Case> {
    vec![case(
        "patterns of every sort",
        r##"
fn first() -> u64 { 1 } fn last() -> u64 { 2 } fn rest() -> u64 { 3 } fn by_ref() -> u64 { 4 } fn inner() -> u64 { 5 }
fn level() -> u64 { 6 } fn arm() -> u64 { 7 } fn next_arm() -> u64 { 8 } fn late() -> u64 { 9 } fn field() -> u64 { 10 }
fn key() -> u64 { 11 } fn value() -> u64 { 12 } fn acc() -> u64 { 13 } fn found() -> u64 { 14 } fn one() -> u64 { 15 }
fn guard() -> bool { true }
struct S { field: u64, other: u64 }
pub fn creator(n: u64) -> u64 {
    let list = [n, 2, 3];
    let [first, .., last] = list;
    let a = if let [rest @ .., _] = &list[..] { rest.len() as u64 } else { 0 };
    let ref by_ref = n;
    let b = match (n, Some(2)) {
        (inner, Some(level)) if inner > 100 => { inner + level }
        (arm, _) if guard() => arm + next_arm(),
        (next_arm, _) => next_arm,
    };
    let c = { let late = 3; late } + late();
    let S { field, other: renamed } = S { field: n, other: field() };
    let d: u64 = [(1, 2)].iter().map(|(key, value)| key * value).sum();
    let e = list.iter().fold(0, |acc, v| acc + v) + acc();
    let f = list.iter().position(|found| *found == 2).map_or(found(), |found| found as u64);
    let g = (|one: u64| one + 1)(1) + one();
    let h = loop { let key = 1; break key + value(); };
    first + last + a + *by_ref + b + c + field + renamed + d + e + f + g + h
}
"##,
        [
            keeps("first of a slice", "fn first() -> u64 { 1 }", "fn first() -> u64 { 100 }"),
            keeps("last of a slice", "{ 2 }", "{ 200 }"),
            keeps("a rest", "{ 3 }", "{ 300 }"),
            keeps("ref", "{ 4 }", "{ 400 }"),
            keeps("a tuple in an arm", "{ 5 }", "{ 500 }"),
            keeps("an option in an arm", "{ 6 }", "{ 600 }"),
            keeps("an arm with a guard", "{ 7 }", "{ 700 }"),
            changes("called in an arm, bound in the next", "{ 8 }", "{ 800 }"),
            changes("behind a block that binds it", "{ 9 }", "{ 900 }"),
            changes("in the value of a pattern that binds it", "{ 10 }", "{ 1000 }"),
            keeps("a closure's tuple", "fn key() -> u64 { 11 }", "fn key() -> u64 { 110 }"),
            changes("behind a closure that binds it", "{ 12 }", "{ 120 }"),
            changes("behind a fold", "{ 13 }", "{ 130 }"),
            spurious("a branch that is not taken", "between closures", "{ 14 }", "{ 140 }"),
            changes("behind a closure in parentheses", "{ 15 }", "{ 150 }"),
            changes("a guard", "{ true }", "{ false }"),
        ],
    )]
}

fn shadowed() -> Vec<Case> {
    vec![case(
        "std's names taken",
        r##"
mod mine {
    #[derive(Debug)] pub enum Option { Some(u64), None }
    pub struct Vec; impl Vec { pub fn new() -> u64 { 1 } }
    pub fn drop(n: u64) -> u64 { n + 2 }
    pub type Result = u64;
    pub trait Iterator { fn next(&self) -> u64 { 3 } }
    impl Iterator for u64 {}
    macro_rules! vec { ($e:expr) => { $e + 4 } }
    pub(crate) use vec;
    pub mod std { pub fn size() -> u64 { 5 } }
    pub struct String(pub u64);
    impl ::std::fmt::Display for String { fn fmt(&self, f: &mut ::std::fmt::Formatter) -> ::std::fmt::Result { write!(f, "s{}", self.0) } }
}
use mine::Option::{self, *};
use mine::{drop, std, vec, Iterator, Result, String, Vec};
fn kind(n: u64) -> Option { if n == 0 { None } else { Some(n + 6) } }
fn number() -> Result { 7 }
pub fn creator(n: u64) -> ::std::string::String { format!("{:?} {} {} {} {} {} {} {}", kind(n), Vec::new(), drop(n), n.next(), vec!(n), std::size(), String(n), number()) }
"##,
        [
            changes("an enum", "Some(n + 6)", "Some(n + 60)"),
            changes("a type's method", "{ 1 }", "{ 10 }"),
            changes("a function", "n + 2", "n + 20"),
            changes("a trait", "{ 3 }", "{ 30 }"),
            changes("a macro", "$e + 4", "$e + 40"),
            changes("a module called std", "{ 5 }", "{ 50 }"),
            changes("Display of a type called String", "s{}", "S{}"),
            changes("an alias", "{ 7 }", "{ 70 }"),
        ],
    )]
}

fn errors() -> Vec<Case> {
    vec![case(
        "errors",
        r##"
use std::error::Error;
use std::fmt;
#[derive(Debug)] enum Failure { Parse(std::num::ParseIntError), Small(u64) }
impl fmt::Display for Failure { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { match self { Self::Parse(e) => write!(f, "parse: {e}"), Self::Small(n) => write!(f, "{} is {}", n, word(*n)) } } }
impl Error for Failure { fn source(&self) -> Option<&(dyn Error + 'static)> { match self { Self::Parse(e) => Some(e), Self::Small(_) => None } } }
impl From<std::num::ParseIntError> for Failure { fn from(e: std::num::ParseIntError) -> Self { adapt(e) } }
fn adapt(e: std::num::ParseIntError) -> Failure { let _ = adapted(); Failure::Parse(e) }
fn adapted() -> u64 { 1 }
fn word(n: u64) -> &'static str { if n == 1 { "one" } else { "small" } }
fn parse(text: &str) -> Result<u64, Failure> { let n: u64 = text.trim().parse()?; if n < LEAST { Err(Failure::Small(n)) } else { Ok(n) } }
const LEAST: u64 = 10;
fn boxed(text: &str) -> Result<u64, Box<dyn Error>> { Ok(parse(text)? + 2) }
fn chain(e: &dyn Error) -> usize { 1 + e.source().map_or(0, chain) }
pub fn creator(n: u64) -> String {
    let results = [boxed("x"), boxed("3"), boxed(" 12 ")];
    let texts: Vec<String> = results.iter().map(|r| match r { Ok(n) => n.to_string(), Err(e) => format!("{e} ({})", chain(e.as_ref())) }).collect();
    format!("{n} {texts:?}")
}
"##,
        [
            changes("Display behind Box<dyn Error>", "parse: {e}", "parsing: {e}"),
            changes("source()", "Self::Parse(e) => Some(e)", "Self::Parse(_) => None"),
            changes("a helper of Display", "\"small\"", "\"tiny\""),
            spurious("the value is not used", "a helper of From", "{ 1 }", "{ 10 }"),
            changes("a limit", "LEAST: u64 = 10", "LEAST: u64 = 1"),
            changes("behind two ?", "parse(text)? + 2", "parse(text)? + 3"),
        ],
    )]
}

fn loops() -> Vec<Case> {
    vec![case(
        "iterators of one's own",
        r##"
trait Pairs: Iterator { fn pairs(self) -> Paired<Self> where Self: Sized { Paired { inner: self, done: limit() } } }
impl<I: Iterator> Pairs for I {}
fn limit() -> u64 { 2 }
struct Paired<I> { inner: I, done: u64 }
impl<I: Iterator> Iterator for Paired<I> {
    type Item = (I::Item, I::Item);
    fn next(&mut self) -> Option<Self::Item> { if self.done == 0 { return None; } self.done -= step(); Some((self.inner.next()?, self.inner.next()?)) }
}
fn step() -> u64 { 1 }
struct Countdown(u64);
impl Iterator for Countdown { type Item = u64; fn next(&mut self) -> Option<u64> { self.0 = self.0.checked_sub(1)?; Some(self.0) } fn size_hint(&self) -> (usize, Option<usize>) { (hint(), None) } }
fn hint() -> usize { 0 }
impl DoubleEndedIterator for Countdown { fn next_back(&mut self) -> Option<u64> { back() } }
fn back() -> Option<u64> { None }
struct Grid { rows: Vec<Vec<u64>> }
impl<'a> IntoIterator for &'a Grid { type Item = &'a Vec<u64>; type IntoIter = std::slice::Iter<'a, Vec<u64>>; fn into_iter(self) -> Self::IntoIter { self.rows[skip()..].iter() } }
fn skip() -> usize { 0 }
pub fn creator(n: u64) -> String {
    let grid = Grid { rows: vec![vec![n], vec![n + 1]] };
    let mut sum = 0;
    for row in &grid { sum = sum * 10 + row[0]; }
    format!("{:?} {sum}", Countdown(9).pairs().map(|(a, b)| a * b).collect::<Vec<_>>())
}
"##,
        [
            changes("a limit in a blanket trait", "{ 2 }", "{ 3 }"),
            changes("in next", "{ 1 }", "{ 2 }"),
            changes("the iterator below", "Some(self.0) }", "Some(self.0 + 1) }"),
            changes("IntoIterator for a reference", "fn skip() -> usize { 0 }", "fn skip() -> usize { 1 }"),
            keeps("an end that is not asked", "Option<u64> { None }", "Option<u64> { Some(1) }"),
        ],
    )]
}

fn visits() -> Vec<Case> {
    vec![case(
        "visitors and builders",
        r##"
mod ast {
    pub enum Node { Leaf(u64), Sum(Box<Node>, Box<Node>), Named { name: &'static str, node: Box<Node> } }
    pub trait Visitor { type Output; fn leaf(&mut self, n: u64) -> Self::Output; fn sum(&mut self, a: &Node, b: &Node) -> Self::Output; fn named(&mut self, _name: &str, node: &Node) -> Self::Output { node.accept(self) } }
    impl Node { pub fn accept<V: Visitor + ?Sized>(&self, v: &mut V) -> V::Output { match self { Node::Leaf(n) => v.leaf(*n), Node::Sum(a, b) => v.sum(a, b), Node::Named { name, node } => v.named(name, node) } } }
}
mod eval {
    use super::ast::{Node, Visitor};
    pub struct Eval { pub depth: u64 }
    impl Visitor for Eval { type Output = u64; fn leaf(&mut self, n: u64) -> u64 { self.depth += 1; n * factor() } fn sum(&mut self, a: &Node, b: &Node) -> u64 { a.accept(self) + b.accept(self) } }
    fn factor() -> u64 { 2 }
    pub struct Print;
    impl Visitor for Print { type Output = String; fn leaf(&mut self, n: u64) -> String { format!("{n}") } fn sum(&mut self, a: &Node, b: &Node) -> String { format!("{}+{}", a.accept(self), b.accept(self)) } }
}
#[derive(Default)] struct Builder { parts: Vec<u64>, scale: Option<u64> }
impl Builder {
    fn part(mut self, n: u64) -> Self { self.parts.push(n); self }
    fn scale(mut self, n: u64) -> Self { self.scale = Some(n); self }
    fn finish(self) -> u64 { self.parts.iter().sum::<u64>() * self.scale.unwrap_or_else(Self::usual) }
    fn usual() -> u64 { 3 }
    fn unused(self) -> u64 { 4 }
}
pub fn creator(n: u64) -> String {
    use ast::Node::{Leaf, Named, Sum};
    let tree = Sum(Box::new(Leaf(n)), Box::new(Named { name: "x", node: Box::new(Leaf(2)) }));
    let mut eval = eval::Eval { depth: 0 };
    let value = tree.accept(&mut eval);
    format!("{value} {} {}", eval.depth, Builder::default().part(1).part(n).finish())
}
"##,
        [
            changes("a visitor's method", "self.depth += 1", "self.depth += 2"),
            changes("its helper", "{ 2 }", "{ 20 }"),
            changes("a trait's default", "{ node.accept(self) }", "{ node.accept(self); node.accept(self) }"),
            changes("the dispatch", "Node::Sum(a, b) => v.sum(a, b)", "Node::Sum(a, b) => v.sum(b, b)"),
            keeps("another visitor", "format!(\"{n}\")", "format!(\"{n}!\")"),
            changes("a builder's step", "self.parts.push(n)", "self.parts.push(n + 1)"),
            changes("a function as a value", "{ 3 }", "{ 30 }"),
            keeps("a step nobody takes", "self.scale = Some(n)", "self.scale = Some(n + 1)"),
            keeps("another end", "{ 4 }", "{ 40 }"),
        ],
    )]
}
