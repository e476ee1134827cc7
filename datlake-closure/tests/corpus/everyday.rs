//! Programs as people write them: what an edit concerns, and what it leaves alone.

use crate::support::{Case, case, changes, keeps, spurious};

pub(crate) fn cases() -> Vec<Case> {
    vec![a_table_of_measurements(), a_parser(), a_simulation(), a_registry_of_models(), wrappers(), a_state_machine()]
}

fn a_table_of_measurements() -> Case {
    case(
        "a table of measurements",
        r##"
//- src/lib.rs
mod read;
mod clean;
mod report;
pub mod units { pub const KELVIN: f64 = 273.15; pub const MILE: f64 = 1.609; pub fn to_kelvin(c: f64) -> f64 { c + KELVIN } pub fn to_miles(km: f64) -> f64 { km / MILE } }
use clean::{Cleaned, clean};
pub fn creator(n: u64) -> String { let rows = read::rows(DATA); let Cleaned { rows, dropped } = clean(&rows, n as f64); format!("{} {dropped}", report::line(&rows)) }
pub fn other_step(n: u64) -> String { report::table(&read::rows(DATA), n) }
const DATA: &str = include_str!("../data/rows.csv");
//- data/rows.csv
a,1.5
b,20
c,x
//- data/unused.csv
d,4
//- src/read.rs
use std::str::FromStr;
#[derive(Clone, Debug, PartialEq)]
pub struct Row { pub name: String, pub value: f64 }
#[derive(Debug)] pub enum Bad { Columns, Number }
impl FromStr for Row {
    type Err = Bad;
    fn from_str(line: &str) -> Result<Self, Bad> {
        let (name, value) = line.split_once(SEPARATOR).ok_or(Bad::Columns)?;
        Ok(Self { name: name.trim().to_owned(), value: value.trim().parse().map_err(|_| Bad::Number)? })
    }
}
const SEPARATOR: char = ',';
pub fn rows(text: &str) -> Vec<Row> { text.lines().filter_map(|line| line.parse().ok()).collect() }
pub fn count(text: &str) -> usize { text.lines().count() }
impl Row { pub fn is_named(&self, name: &str) -> bool { self.name == name } }
//- src/clean.rs
use crate::read::Row;
use crate::units::to_kelvin;
pub struct Cleaned { pub rows: Vec<Row>, pub dropped: usize }
/// Keeps what is below a limit.
pub fn clean(rows: &[Row], limit: f64) -> Cleaned {
    let kept: Vec<Row> = rows.iter().filter(|row| is_sane(row, limit)).map(|row| Row { value: to_kelvin(row.value), ..row.clone() }).collect();
    Cleaned { dropped: rows.len() - kept.len(), rows: kept }
}
fn is_sane(row: &Row, limit: f64) -> bool { row.value.is_finite() && row.value < limit * SLACK }
const SLACK: f64 = 2.0;
pub fn strict(rows: &[Row]) -> bool { rows.iter().all(|row| row.value < STRICT) }
const STRICT: f64 = 0.5;
#[cfg(test)]
mod tests { #[test] fn it_keeps() { assert!(super::clean(&[], 1.0).rows.is_empty()); } }
//- src/report.rs
use crate::read::Row;
pub fn line(rows: &[Row]) -> String { rows.iter().map(|row| format!("{}={:.*}", row.name, DIGITS, row.value)).collect::<Vec<_>>().join(" ") }
pub fn table(rows: &[Row], n: u64) -> String { format!("{n}: {}", rows.len()) }
static DIGITS: usize = 2;
pub fn title() -> &'static str { "Rows" }
"##,
        [
            changes("an embedded file", "b,20", "b,2"),
            keeps("another file beside it", "d,4", "d,5"),
            changes("a separator", "SEPARATOR: char = ','", "SEPARATOR: char = '.'"),
            changes("a parser behind parse()", "name.trim().to_owned()", "name.trim().to_uppercase()"),
            keeps("a reader of another step", "text.lines().count()", "text.lines().count() + 1"),
            keeps("a method nobody calls", "self.name == name", "self.name != name"),
            changes("a limit", "SLACK: f64 = 2.0", "SLACK: f64 = 0.1"),
            keeps("another limit", "STRICT: f64 = 0.5", "STRICT: f64 = 0.6"),
            keeps("a test", "clean(&[], 1.0)", "clean(&[], 2.0)"),
            keeps("documentation", "/// Keeps what is below a limit.", "/// Keeps what is below a limit, twice."),
            changes("a unit", "KELVIN: f64 = 273.15", "KELVIN: f64 = 273.0"),
            keeps("another unit", "MILE: f64 = 1.609", "MILE: f64 = 1.61"),
            keeps("another conversion", "km / MILE", "km / MILE + 0.0"),
            changes("a static in a format", "DIGITS: usize = 2", "DIGITS: usize = 3"),
            keeps("another step", "report::table(&read::rows(DATA), n)", "report::table(&read::rows(DATA), n + 1)"),
            keeps("what another step alone calls", "\"{n}: {}\"", "\"{n}: {} rows\""),
            keeps("a title nobody shows", "\"Rows\"", "\"Table\""),
        ],
    )
}

fn a_parser() -> Case {
    case(
        "a parser",
        r##"
use std::iter::Peekable;
use std::str::Chars;
#[derive(Debug, Clone, PartialEq)] enum Token { Number(u64), Plus, Times, Open, Close, Word(String) }
struct Lexer<'a> { chars: Peekable<Chars<'a>> }
impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self { Self { chars: text.chars().peekable() } }
    fn number(&mut self) -> u64 { let mut n = 0; while let Some(d) = self.chars.peek().and_then(|c| c.to_digit(RADIX)) { n = n * RADIX as u64 + d as u64; self.chars.next(); } n }
    fn word(&mut self) -> String { let mut word = String::new(); while let Some(c) = self.chars.next_if(|c| is_word(*c)) { word.push(c); } word }
    fn rest(self) -> String { self.chars.collect() }
}
const RADIX: u32 = 10;
fn is_word(c: char) -> bool { c.is_alphabetic() || c == '_' }
impl Iterator for Lexer<'_> {
    type Item = Token;
    fn next(&mut self) -> Option<Token> {
        while self.chars.next_if(|c| is_blank(*c)).is_some() {}
        Some(match *self.chars.peek()? { '0'..='9' => Token::Number(self.number()), c if is_word(c) => Token::Word(self.word()), '+' => self.one(Token::Plus), '*' => self.one(Token::Times), '(' => self.one(Token::Open), _ => self.one(Token::Close) })
    }
}
trait One { fn one(&mut self, token: Token) -> Token; }
impl One for Lexer<'_> { fn one(&mut self, token: Token) -> Token { self.chars.next(); token } }
fn is_blank(c: char) -> bool { c == ' ' }
fn sum(tokens: &mut Peekable<Lexer<'_>>, names: &dyn Fn(&str) -> u64) -> u64 { let mut n = product(tokens, names); while tokens.next_if_eq(&Token::Plus).is_some() { n += product(tokens, names); } n }
fn product(tokens: &mut Peekable<Lexer<'_>>, names: &dyn Fn(&str) -> u64) -> u64 { let mut n = atom(tokens, names); while tokens.next_if_eq(&Token::Times).is_some() { n *= atom(tokens, names); } n }
fn atom(tokens: &mut Peekable<Lexer<'_>>, names: &dyn Fn(&str) -> u64) -> u64 { match tokens.next() { Some(Token::Number(n)) => n, Some(Token::Word(word)) => names(&word), Some(Token::Open) => { let n = sum(tokens, names); tokens.next(); n } _ => missing() } }
fn missing() -> u64 { 0 }
fn show(tokens: &[Token]) -> String { format!("{tokens:?}") }
fn value_of(name: &str, n: u64) -> u64 { match name { "n" => n, "two" => TWO, _ => unknown() } }
const TWO: u64 = 2;
fn unknown() -> u64 { "no such name".len() as u64 }
pub fn creator(n: u64) -> u64 { let names = move |word: &str| value_of(word, n); sum(&mut Lexer::new("12 + n * (two + 3)").peekable(), &names) }
"##,
        [
            changes("a method that next calls", "n * RADIX as u64 + d as u64", "n * RADIX as u64 + d as u64 + 1"),
            keeps("a method nobody calls", "self.chars.collect()", "self.chars.skip(1).collect()"),
            changes("what a name means", "\"n\" => n,", "\"n\" => n + 1,"),
            changes("a constant behind a closure", "TWO: u64 = 2", "TWO: u64 = 20"),
            changes("a trait of one's own", "self.chars.next(); token", "self.chars.next(); self.chars.next(); token"),
            keeps("a function for debugging", "{tokens:?}", "{tokens:#?}"),
            spurious("a branch that is not taken", "an error's text", "no such name", "unknown name"),
            spurious(
                "a branch that is not taken",
                "what is missing",
                "missing() -> u64 { 0 }",
                "missing() -> u64 { 1 }",
            ),
            keeps("a lint", "fn missing()", "#[allow(clippy::all)] fn missing()"),
        ],
    )
}

fn a_simulation() -> Case {
    case(
        "a simulation",
        r##"
use std::ops::{Add, AddAssign, Index, IndexMut, Mul, Neg, Sub};
#[derive(Clone, Copy, Debug, Default, PartialEq)] struct Vector { x: i64, y: i64 }
impl Add for Vector { type Output = Self; fn add(self, o: Self) -> Self { Self { x: self.x + o.x, y: self.y + o.y } } }
impl Sub for Vector { type Output = Self; fn sub(self, o: Self) -> Self { self + -o } }
impl Neg for Vector { type Output = Self; fn neg(self) -> Self { Self { x: -self.x, y: -self.y } } }
impl Mul<i64> for Vector { type Output = Self; fn mul(self, by: i64) -> Self { Self { x: self.x * by, y: self.y * by } } }
impl Mul<Vector> for i64 { type Output = Vector; fn mul(self, v: Vector) -> Vector { v * self * TWICE } }
const TWICE: i64 = 2;
impl AddAssign for Vector { fn add_assign(&mut self, o: Self) { *self = *self + o; } }
impl std::iter::Sum for Vector { fn sum<I: Iterator<Item = Self>>(all: I) -> Self { all.fold(Self::default(), |a, b| a + b) } }
#[derive(Default)] struct World { bodies: Vec<Body>, wind: Vector }
#[derive(Clone, Default)] struct Body { at: Vector, speed: Vector, kind: Kind }
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)] enum Kind { #[default] Rock, Leaf }
impl Index<usize> for World { type Output = Body; fn index(&self, at: usize) -> &Body { &self.bodies[at % self.bodies.len()] } }
impl IndexMut<usize> for World { fn index_mut(&mut self, at: usize) -> &mut Body { let n = self.bodies.len(); &mut self.bodies[at % n] } }
impl World {
    fn step(&mut self) { let wind = self.wind; for body in &mut self.bodies { body.step(wind); } }
    fn centre(&self) -> Vector { self.bodies.iter().map(|body| body.at).sum() }
    fn furthest(&self) -> i64 { self.bodies.iter().map(|body| body.at.x.abs()).max().unwrap_or_default() }
    fn with(mut self, body: Body) -> Self { self.bodies.push(body); self }
}
impl Body { fn step(&mut self, wind: Vector) { self.at += self.speed; if self.kind == Kind::Leaf { self.at += 3 * wind; } } fn stop(&mut self) { self.speed = Vector::default(); } }
struct Seen(usize);
impl Drop for Seen { fn drop(&mut self) { LAST.with(|last| last.set(self.0)); } }
thread_local! { static LAST: std::cell::Cell<usize> = const { std::cell::Cell::new(0) }; }
fn run(steps: u64) -> World { let mut world = World { wind: Vector { x: 1, y: 0 }, ..World::default() }.with(Body::default()).with(Body { kind: Kind::Leaf, speed: Vector { x: 0, y: 1 }, ..Body::default() }); for _ in 0..steps { world.step(); } world[7].speed = Vector { x: 5, y: 5 }; world.step(); world }
pub fn creator(n: u64) -> String { let world = run(n); let seen = format!("{:?} {:?}", world.centre(), world[3].at - Vector { x: 1, y: 1 }); drop(Seen(world.bodies.len())); format!("{seen} {}", LAST.with(|last| last.get())) }
"##,
        [
            changes("an operator", "self.x + o.x", "self.x + o.x + 1"),
            changes("an operator behind another", "x: -self.x", "x: self.x"),
            changes("of a foreign type with one of ours", "v * self * TWICE", "v * self * TWICE * 2"),
            changes("a constant in it", "TWICE: i64 = 2", "TWICE: i64 = 3"),
            changes("an assigning operator", "*self = *self + o", "*self = *self + o + o"),
            changes("an index", "&mut self.bodies[at % n]", "&mut self.bodies[(at + 1) % n]"),
            keeps("a method nobody calls", "body.at.x.abs()", "body.at.y.abs()"),
            keeps(
                "a method of another type nobody calls",
                "self.speed = Vector::default()",
                "self.at = Vector::default()",
            ),
            changes(
                "a method of a name that two types have",
                "self.at += self.speed",
                "self.at += self.speed + self.speed",
            ),
            changes("a builder", "self.bodies.push(body); self", "self.bodies.insert(0, body); self"),
            changes("Drop", "last.set(self.0)", "last.set(self.0 + 1)"),
            changes("a default variant", "#[default] Rock, Leaf", "Rock, #[default] Leaf"),
            changes("a field's default by update", "wind: Vector { x: 1, y: 0 }", "wind: Vector { x: 2, y: 0 }"),
        ],
    )
}

fn a_registry_of_models() -> Case {
    case(
        "a registry of models",
        r##"
use std::collections::BTreeMap;
trait Model { fn fit(&mut self, data: &[u64]); fn predict(&self, x: u64) -> u64; fn name(&self) -> String { format!("{}{}", prefix(), std::any::type_name::<Self>().rsplit("::").next().unwrap_or_default()) } fn describe(&self) -> String { "a model".to_owned() } }
fn prefix() -> &'static str { "m:" }
#[derive(Default)] struct Mean { value: u64 }
#[derive(Default)] struct Nearest { known: Vec<u64> }
impl Model for Mean { fn fit(&mut self, data: &[u64]) { self.value = data.iter().sum::<u64>() / data.len() as u64; } fn predict(&self, _: u64) -> u64 { self.value } }
impl Model for Nearest { fn fit(&mut self, data: &[u64]) { self.known = data.to_vec(); self.known.sort_by_key(order); } fn predict(&self, x: u64) -> u64 { self.known.iter().copied().min_by_key(|k| distance(*k, x)).unwrap_or(x) } fn name(&self) -> String { "nearest".to_owned() } }
fn order(n: &u64) -> std::cmp::Reverse<u64> { std::cmp::Reverse(*n) }
fn distance(a: u64, b: u64) -> u64 { a.abs_diff(b) }
struct Boosted<M> { inner: M, rounds: u64 }
impl<M: Model> Model for Boosted<M> { fn fit(&mut self, data: &[u64]) { for _ in 0..self.rounds { self.inner.fit(data); } } fn predict(&self, x: u64) -> u64 { self.inner.predict(x) + bonus(self.rounds) } }
fn bonus(n: u64) -> u64 { n * 10 }
struct Idle; impl Idle { fn fit(&self) -> u64 { 99 } }
type Make = fn() -> Box<dyn Model>;
static MODELS: &[(&str, Make)] = &[("mean", mean), ("nearest", || Box::new(Nearest::default())), ("boosted", boosted)];
fn mean() -> Box<dyn Model> { Box::new(Mean::default()) }
fn boosted() -> Box<dyn Model> { Box::new(Boosted { inner: Mean { value: 1 }, rounds: ROUNDS }) }
const ROUNDS: u64 = 2;
fn all() -> BTreeMap<&'static str, Box<dyn Model>> { MODELS.iter().map(|(name, make)| (*name, make())).collect() }
fn score(model: &dyn Model, data: &[u64]) -> u64 { data.iter().map(|x| model.predict(*x).abs_diff(*x)).sum() }
fn weight(model: &dyn Model) -> u64 { model.describe().len() as u64 }
pub fn creator(n: u64) -> String { let data = [n, n + 1, n + 7]; all().into_iter().map(|(key, mut model)| { model.fit(&data); format!("{key}/{}={}", model.name(), score(&*model, &data)) }).collect::<Vec<_>>().join(" ") }
"##,
        [
            changes("a distance behind a closure", "a.abs_diff(b)", "a + b"),
            changes("a wrapper's bonus", "n * 10", "n * 11"),
            changes("its rounds", "ROUNDS: u64 = 2", "ROUNDS: u64 = 3"),
            changes("a default method's helper", "\"m:\"", "\"model:\""),
            changes("a method that takes a default's place", "\"nearest\".to_owned()", "\"near\".to_owned()"),
            keeps("a method of that name that is no model's", "{ 99 }", "{ 98 }"),
            keeps("a function nobody calls", "model.describe().len() as u64", "model.describe().len() as u64 + 1"),
            keeps("a default method nobody calls", "\"a model\"", "\"some model\""),
            changes("a key", "(\"mean\", mean)", "(\"average\", mean)"),
        ],
    )
}

fn wrappers() -> Case {
    case(
        "wrappers",
        r##"
use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
struct Guarded<T> { value: T, reads: std::cell::Cell<u64> }
impl<T> Deref for Guarded<T> { type Target = T; fn deref(&self) -> &T { self.reads.set(self.reads.get() + by()); &self.value } }
impl<T> DerefMut for Guarded<T> { fn deref_mut(&mut self) -> &mut T { &mut self.value } }
fn by() -> u64 { 1 }
impl<T> Guarded<T> { fn new(value: T) -> Self { Self { value, reads: Default::default() } } fn count(this: &Self) -> u64 { this.reads.get() } fn into_inner(self) -> T { self.value } }
struct Names(Vec<String>);
impl Names { fn first(&self) -> &str { &self.0[FIRST] } fn last(&self) -> &str { &self.0[self.0.len() - 1] } }
const FIRST: usize = 0;
#[derive(PartialEq, Eq, Hash, Clone)] struct Key(String);
impl Borrow<str> for Key { fn borrow(&self) -> &str { &self.0 } }
impl From<&str> for Key { fn from(text: &str) -> Self { Self(shape(text)) } }
fn shape(text: &str) -> String { text.to_lowercase() }
impl AsRef<[u8]> for Key { fn as_ref(&self) -> &[u8] { self.0.as_bytes() } }
fn bytes(of: impl AsRef<[u8]>) -> usize { of.as_ref().len() }
fn cow(text: &str) -> Cow<'_, str> { if text.len() > LONG { Cow::Owned(cut(text)) } else { Cow::Borrowed(text) } }
const LONG: usize = 3;
fn cut(text: &str) -> String { text[..LONG].to_owned() }
impl Extend<u64> for Bag { fn extend<I: IntoIterator<Item = u64>>(&mut self, all: I) { for n in all { self.0.push(n * scale()); } } }
impl FromIterator<u64> for Bag { fn from_iter<I: IntoIterator<Item = u64>>(all: I) -> Self { let mut bag = Bag(vec![seed()]); bag.extend(all); bag } }
impl IntoIterator for Bag { type Item = u64; type IntoIter = std::vec::IntoIter<u64>; fn into_iter(self) -> Self::IntoIter { self.0.into_iter() } }
struct Bag(Vec<u64>);
fn scale() -> u64 { 2 } fn seed() -> u64 { 5 }
impl PartialOrd for Bag { fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> { weight(self).partial_cmp(&weight(o)) } }
impl PartialEq for Bag { fn eq(&self, o: &Self) -> bool { weight(self) == weight(o) } }
fn weight(bag: &Bag) -> usize { bag.0.len() }
pub fn creator(n: u64) -> String {
    let mut names = Guarded::new(Names(vec!["Ada".to_owned(), "Grace".to_owned()]));
    names.0.push("Lin".to_owned());
    let seen = format!("{} {}", names.first(), names.last());
    let map: HashMap<Key, u64> = HashMap::from([("One".into(), n)]);
    let bag: Bag = (0..n).collect();
    let more = bag > Bag(vec![1, 2, 3]);
    format!("{seen} {} {:?} {} {} {more} {}", Guarded::count(&names), map.get("one"), bytes(Key("xyz".to_owned())), cow("long text"), bag.into_iter().sum::<u64>())
}
"##,
        [
            changes("Deref with an effect", "by() -> u64 { 1 }", "by() -> u64 { 2 }"),
            changes("a method behind Deref", "FIRST: usize = 0", "FIRST: usize = 1"),
            keeps(
                "a method of the wrapper nobody calls",
                "fn into_inner(self) -> T { self.value }",
                "fn into_inner(self) -> T { let value = self.value; value }",
            ),
            changes("From behind into()", "text.to_lowercase()", "text.to_uppercase()"),
            changes("AsRef behind impl Trait", "self.0.as_bytes()", "&self.0.as_bytes()[1..]"),
            changes("a limit in Cow", "LONG: usize = 3", "LONG: usize = 4"),
            changes("Extend behind FromIterator", "scale() -> u64 { 2 }", "scale() -> u64 { 3 }"),
            changes("FromIterator", "seed() -> u64 { 5 }", "seed() -> u64 { 6 }"),
            changes("PartialOrd", "bag.0.len() }", "100 - bag.0.len() }"),
            changes("IntoIterator", "self.0.into_iter() }", "{ let mut all = self.0; all.pop(); all.into_iter() } }"),
            spurious(
                "an impl counts when its types are mentioned",
                "PartialEq that is not asked",
                "weight(self) == weight(o)",
                "weight(self) != weight(o)",
            ),
        ],
    )
}

fn a_state_machine() -> Case {
    case(
        "a state machine",
        r##"
use std::fmt;
use std::marker::PhantomData;
struct Closed; struct Open;
struct Door<S> { count: u64, state: PhantomData<S> }
impl Door<Closed> { fn new() -> Self { Self { count: start(), state: PhantomData } } fn open(self) -> Door<Open> { Door { count: self.count + OPENED, state: PhantomData } } fn lock(self) -> u64 { 77 } }
impl Door<Open> { fn close(self) -> Door<Closed> { Door { count: self.count * 2, state: PhantomData } } fn paint(&self) -> u64 { 78 } }
impl<S: Named> Door<S> { fn show(&self) -> String { format!("{}:{}", S::NAME, self.count) } }
const fn start() -> u64 { 1 }
const OPENED: u64 = 3;
trait Named { const NAME: &'static str; const LONG: &'static str = "long"; }
impl Named for Closed { const NAME: &'static str = "closed"; }
impl Named for Open { const NAME: &'static str = "open"; }
#[derive(Clone, Copy, Debug, PartialEq)] enum Light { Red { wait: u64 }, Green(u64), Off }
impl Light {
    const FIRST: Self = Self::Red { wait: WAIT };
    fn next(self) -> Self { use Light::*; match self { Red { wait: 0 } => Green(GREEN), Red { wait } => Red { wait: wait - 1 }, Green(0) => Light::FIRST, Green(n) => Green(n - 1), Off => Off } }
    fn is_off(self) -> bool { matches!(self, Self::Off) }
}
const WAIT: u64 = 1; const GREEN: u64 = 2; const UNUSED: u64 = 4;
impl fmt::Display for Light { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { match self { Light::Red { wait } => write!(f, "R{wait}"), Light::Green(n) => write!(f, "G{n}"), Light::Off => f.write_str(off()) } } }
fn off() -> &'static str { "-" }
impl fmt::LowerHex for Light { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{:x}", hex(self)) } }
fn hex(_: &Light) -> u64 { 255 }
impl From<Light> for u64 { fn from(light: Light) -> u64 { match light { Light::Red { .. } => 1, Light::Green(n) => n, Light::Off => 0 } } }
pub fn creator(n: u64) -> String { let door = Door::new().open(); let seen = door.show(); let lights: Vec<String> = std::iter::successors(Some(Light::FIRST), |light| Some(light.next())).take(n as usize + 3).map(|light| light.to_string()).collect(); format!("{seen} {} {}", door.close().show(), lights.join("")) }
"##,
        [
            changes("a state's method", "self.count + OPENED", "self.count + OPENED + 1"),
            changes("a constant of it", "OPENED: u64 = 3", "OPENED: u64 = 4"),
            changes("another state's method", "self.count * 2", "self.count * 3"),
            keeps("a state's method nobody calls", "{ 77 }", "{ 76 }"),
            keeps("another's", "{ 78 }", "{ 79 }"),
            changes("an associated constant", "NAME: &'static str = \"open\"", "NAME: &'static str = \"OPEN\""),
            changes("a constant of an enum", "WAIT: u64 = 1", "WAIT: u64 = 2"),
            changes("in an arm", "GREEN: u64 = 2", "GREEN: u64 = 1"),
            keeps("a constant nobody names", "UNUSED: u64 = 4", "UNUSED: u64 = 5"),
            changes("Display behind to_string", "\"G{n}\"", "\"g{n}\""),
            keeps("a method nobody calls", "matches!(self, Self::Off)", "!matches!(self, Self::Off)"),
            keeps("another format", "{ 255 }", "{ 254 }"),
            spurious(
                "an impl counts when its types are mentioned",
                "a conversion nobody asks for",
                "Light::Red { .. } => 1",
                "Light::Red { .. } => 2",
            ),
            spurious("a branch that is not taken", "a helper of an arm", "\"-\"", "\"_\""),
        ],
    )
}
