//! More programs as people write them: sizes, facades, threads, texts.

use crate::support::{Case, case, changes, keeps, spurious};

pub(crate) fn cases() -> Vec<Case> {
    vec![sizes_in_types(), facades(), re_exports(), cells_and_threads(), text_formats(), configuration()]
}

fn sizes_in_types() -> Case {
    case(
        "sizes in types",
        r##"
const WIDTH: usize = 4; const HEIGHT: usize = rows(2); const DEPTH: usize = 9;
const fn rows(n: usize) -> usize { n + 1 }
struct Grid<const W: usize, const H: usize = HEIGHT> { cells: [[u64; W]; H] }
impl<const W: usize, const H: usize> Grid<W, H> { const AREA: usize = W * H; fn new() -> Self { Self { cells: [[fill(); W]; H] } } fn sum(&self) -> u64 { self.cells.iter().flatten().sum() } fn corner(&self) -> u64 { self.cells[0][0] } }
fn fill() -> u64 { 1 }
impl<const W: usize, const H: usize> Default for Grid<W, H> { fn default() -> Self { Self::new() } }
type Wide = Grid<{ WIDTH * 2 }>;
type Tall = Grid<1, DEPTH>;
struct Buffer<T, const N: usize>([T; N]);
impl<T: Copy + Into<u64>, const N: usize> Buffer<T, N> { fn total(&self) -> u64 { let mut n = 0; let mut at = 0; while at < N { n += self.0[at].into() * FACTOR; at += step::<N>(); } n } fn len(&self) -> usize { N } }
const FACTOR: u64 = 7;
const fn step<const N: usize>() -> usize { if N > LIMIT { 2 } else { 1 } }
const LIMIT: usize = 2;
const TABLE: [u64; 4] = { let mut table = [0; 4]; let mut at = 0; while at < 4 { table[at] = square(at as u64); at += 1; } table };
const fn square(n: u64) -> u64 { n * n }
const _: () = assert!(WIDTH > 0);
trait Shape { const SIDES: usize; fn around() -> [u8; 2] where Self: Sized { [Self::SIDES as u8; 2] } }
struct Square; impl Shape for Square { const SIDES: usize = 4; }
struct Hexagon; impl Shape for Hexagon { const SIDES: usize = 6; }
pub fn creator(n: u64) -> String { let grid: Wide = Default::default(); format!("{} {} {} {} {:?}", grid.sum(), Wide::AREA, Buffer([1_u32, 2, n as u32]).total(), TABLE[3], Square::around()) }
"##,
        [
            changes("a size in an alias", "WIDTH: usize = 4", "WIDTH: usize = 5"),
            changes("a default of a parameter", "n + 1 }", "n + 2 }"),
            keeps("another size", "DEPTH: usize = 9", "DEPTH: usize = 8"),
            changes("a function that fills", "{ 1 }\nimpl", "{ 2 }\nimpl"),
            changes("a constant in a generic method", "FACTOR: u64 = 7", "FACTOR: u64 = 8"),
            changes("a limit in a const function", "LIMIT: usize = 2", "LIMIT: usize = 3"),
            changes("a table that is computed", "n * n", "n * n + 1"),
            keeps("a method nobody calls", "self.cells[0][0]", "self.cells[0][0] + 1"),
            keeps("another method nobody calls", "fn len(&self) -> usize { N }", "fn len(&self) -> usize { N + 1 }"),
            changes("an associated constant in an array", "SIDES: usize = 4", "SIDES: usize = 5"),
            keeps("of a type nobody mentions", "SIDES: usize = 6", "SIDES: usize = 7"),
            keeps("an assertion", "WIDTH > 0", "WIDTH > 1"),
        ],
    )
}

fn facades() -> Case {
    case(
        "facades",
        r##"
//- src/lib.rs deps:kit=helper
mod prelude { pub use crate::ops::{self, *}; pub use kit::prelude::*; pub(crate) use std::collections::BTreeMap as Table; }
pub mod ops { pub fn double(n: u64) -> u64 { n * 2 } pub fn half(n: u64) -> u64 { n / 2 } pub mod deep { pub fn triple(n: u64) -> u64 { n * 3 } pub fn idle(n: u64) -> u64 { n } } }
use prelude::*;
pub fn creator(n: u64) -> u64 { let mut table = Table::new(); table.insert("a", double(n)); ops::deep::triple(n) + table["a"] + n.scaled() + Wide::of(n).width() + tidy!(n) }
//- helper/src/lib.rs deps:ground
pub mod prelude { pub use crate::scale::Scaled; pub use crate::shapes::*; pub use ground::Wide; pub use crate::tidy; }
mod scale { pub trait Scaled { fn scaled(&self) -> u64; fn idle(&self) -> u64 { 8 } } impl Scaled for u64 { fn scaled(&self) -> u64 { *self * super::scale_by() } } impl Scaled for u32 { fn scaled(&self) -> u64 { 4 } } }
fn scale_by() -> u64 { 5 }
mod shapes { pub struct Circle(pub u64); impl Circle { pub fn area(&self) -> u64 { self.0 * 6 } } }
#[macro_export] macro_rules! tidy { ($n:expr) => { $crate::hidden::tidied($n) }; }
#[doc(hidden)] pub mod hidden { pub fn tidied(n: u64) -> u64 { n + 7 } pub fn other(n: u64) -> u64 { n + 70 } }
//- ground/src/lib.rs
pub struct Wide(u64);
impl Wide { pub fn of(n: u64) -> Self { Self(n + 11) } pub fn width(&self) -> u64 { self.0 + 12 } pub fn depth(&self) -> u64 { self.0 + 13 } }
pub fn unrelated() -> u64 { 14 }
"##,
        [
            changes("by a glob of a glob", "n * 2", "n * 20"),
            keeps("beside it", "n / 2", "n / 3"),
            changes("a module by a glob", "n * 3", "n * 30"),
            keeps(
                "in that module",
                "triple(n: u64) -> u64 { n * 3 } pub fn idle(n: u64) -> u64 { n }",
                "triple(n: u64) -> u64 { n * 3 } pub fn idle(n: u64) -> u64 { n + 1 }",
            ),
            changes(
                "a trait's method by another crate's prelude",
                "scale_by() -> u64 { 5 }",
                "scale_by() -> u64 { 6 }",
            ),
            spurious("impls for foreign types count with their trait", "for another number", "{ 4 }", "{ 40 }"),
            keeps("a type that nobody mentions", "self.0 * 6", "self.0 * 60"),
            changes("a function behind a macro", "n + 7 }", "n + 8 }"),
            keeps("beside it", "n + 70", "n + 71"),
            changes("through two crates", "n + 11", "n + 110"),
            changes("its method", "self.0 + 12", "self.0 + 120"),
            keeps("another method", "self.0 + 13", "self.0 + 130"),
            keeps("a function nobody calls", "{ 14 }", "{ 15 }"),
            changes("another macro's path", "$crate::hidden::tidied($n)", "$crate::hidden::other($n)"),
        ],
    )
}

fn re_exports() -> Case {
    case(
        "re-exports",
        r##"
mod one { pub fn pick() -> u64 { 1 } pub fn rest() -> u64 { 2 } pub struct Item; impl Item { pub fn get(&self) -> u64 { 3 } } pub const SIZE: u64 = 4; }
mod two { pub fn pick() -> u64 { 10 } pub fn rest() -> u64 { 20 } pub struct Item; impl Item { pub fn get(&self) -> u64 { 30 } } pub const SIZE: u64 = 40; }
mod api { pub use super::one::{pick, Item}; pub use super::two::{rest as left_over, SIZE}; pub mod v2 { pub use super::super::two::*; pub use super::pick; } }
pub use api::v2 as latest;
use api::*;
pub fn creator(_: u64) -> u64 { pick() + Item.get() * 100 + left_over() + SIZE + latest::pick() + latest::Item.get() }
"##,
        [
            changes("what is re-exported", "pub use super::one::{pick, Item}", "pub use super::two::{pick, Item}"),
            changes("under another name", "rest as left_over", "pick as left_over"),
            changes("what hides a glob's", "pub use super::pick; }", "}"),
            changes("the first", "{ 1 }", "{ 11 }"),
            keeps("not re-exported", "pub fn rest() -> u64 { 2 }", "pub fn rest() -> u64 { 22 }"),
            changes("the second's", "{ 20 }", "{ 21 }"),
            keeps("hidden by a name", "{ 10 }", "{ 12 }"),
            changes("a type's method", "{ 3 }", "{ 33 }"),
            changes("a type of the same name", "{ 30 }", "{ 31 }"),
            keeps("a constant of the same name", "SIZE: u64 = 4; }\nmod two", "SIZE: u64 = 5; }\nmod two"),
            changes("the constant", "SIZE: u64 = 40", "SIZE: u64 = 41"),
            keeps("an import in another order", "{pick, Item}", "{Item, pick}"),
        ],
    )
}

fn cells_and_threads() -> Case {
    case(
        "cells and threads",
        r##"
use std::sync::{Arc, LazyLock, Mutex, OnceLock, mpsc};
use std::thread;
static WEIGHTS: LazyLock<Vec<u64>> = LazyLock::new(|| (0..SIZE).map(weight).collect());
static UNUSED: LazyLock<u64> = LazyLock::new(|| never());
fn never() -> u64 { 1 }
const SIZE: u64 = 4;
fn weight(n: u64) -> u64 { n * n + 2 }
static FIRST: OnceLock<u64> = OnceLock::new();
fn first() -> u64 { *FIRST.get_or_init(compute) }
fn compute() -> u64 { 3 }
fn spread(n: u64) -> u64 { let (send, receive) = mpsc::channel(); let workers: Vec<_> = (0..3).map(|id| { let send = send.clone(); thread::spawn(move || send.send(job(id, n)).unwrap()) }).collect(); drop(send); for worker in workers { worker.join().unwrap(); } receive.iter().sum() }
fn job(id: u64, n: u64) -> u64 { id * 5 + n }
fn shared(n: u64) -> u64 { let total = Arc::new(Mutex::new(Total::default())); thread::scope(|scope| { for id in 0..n { let total = &total; scope.spawn(move || total.lock().unwrap().add(id)); } }); let found = total.lock().unwrap(); found.value() }
#[derive(Default)] struct Total { sum: u64, calls: u64 }
impl Total { fn add(&mut self, n: u64) { self.sum += n + 6; self.calls += 1; } fn value(&self) -> u64 { self.sum } fn mean(&self) -> u64 { self.sum / self.calls } }
async fn later(n: u64) -> u64 { let more = async move { wait(n).await + 7 }; more.await }
async fn wait(n: u64) -> u64 { Ready(n).await }
struct Ready(u64);
impl Future for Ready { type Output = u64; fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<u64> { std::task::Poll::Ready(self.0 + 8) } }
fn block<F: Future>(f: F) -> F::Output { let mut f = std::pin::pin!(f); let mut context = std::task::Context::from_waker(std::task::Waker::noop()); loop { if let std::task::Poll::Ready(value) = f.as_mut().poll(&mut context) { return value; } } }
pub fn creator(n: u64) -> u64 { WEIGHTS.iter().sum::<u64>() + first() + spread(n) + shared(n) + block(later(n)) }
"##,
        [
            changes("in a LazyLock", "n * n + 2", "n * n + 3"),
            changes("its size", "SIZE: u64 = 4", "SIZE: u64 = 5"),
            keeps("in a LazyLock nobody asks", "never() -> u64 { 1 }", "never() -> u64 { 2 }"),
            changes("in a OnceLock", "{ 3 }", "{ 33 }"),
            changes("in a thread", "id * 5 + n", "id * 6 + n"),
            changes("in a scoped thread behind a lock", "n + 6", "n + 60"),
            keeps("a method nobody calls", "self.sum / self.calls", "self.sum * self.calls"),
            changes("in an async block", ".await + 7", ".await + 70"),
            changes("a future", "self.0 + 8", "self.0 + 80"),
        ],
    )
}

fn text_formats() -> Case {
    case(
        "text formats",
        r##"
use std::fmt::{self, Debug, Display, Write as _};
struct Money { cents: i64 }
impl Display for Money { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { let Money { cents } = self; write!(f, "{}{SYMBOL}{:02}", cents / HUNDRED, cents % HUNDRED) } }
const SYMBOL: char = '.'; const HUNDRED: i64 = 100;
impl Debug for Money { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.debug_struct(type_of()).field("cents", &self.cents).finish() } }
fn type_of() -> &'static str { "Money" }
struct Padded<'a>(&'a dyn Display, usize);
impl Display for Padded<'_> { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { let text = self.0.to_string(); for _ in text.len()..self.1 { f.write_char(pad())?; } f.write_str(&text) } }
fn pad() -> char { '_' }
struct Html(String);
impl fmt::Write for Html { fn write_str(&mut self, text: &str) -> fmt::Result { self.0.push_str(&text.replace('<', ESCAPED)); Ok(()) } }
const ESCAPED: &str = "&lt;";
macro_rules! row { ($out:expr, $($cell:expr),*) => {{ $( write!($out, "<{}>", $cell).unwrap(); )* close(&mut $out); }}; }
fn close(out: &mut Html) { out.0.push('\n'); }
fn precision() -> usize { 2 }
fn unused(n: f64) -> String { format!("{n:.0$}", UNUSED) }
const UNUSED: usize = 3;
pub fn creator(n: u64) -> String {
    let money = Money { cents: 12_345 + n as i64 };
    let (width, digits) = (9, precision());
    let mut html = Html(String::new());
    row!(html, money, Padded(&money, width));
    let mut out = String::new();
    writeln!(out, "{money:?} {:>width$} {:.digits$}", "x", 1.23456).unwrap();
    assert!(n < 100, "{}", failure(n));
    out + &html.0 + &[1, 2].map(label).concat()
}
fn failure(n: u64) -> String { format!("{n} is too many") }
fn label(n: u64) -> String { format!("#{n}") }
"##,
        [
            changes("a constant in a format string", "SYMBOL: char = '.'", "SYMBOL: char = ','"),
            changes("a constant in an argument", "HUNDRED: i64 = 100", "HUNDRED: i64 = 1000"),
            changes("Debug", "\"Money\"", "\"Cents\""),
            changes("Display behind dyn", "{ '_' }", "{ ' ' }"),
            changes("a writer of one's own", "\"&lt;\"", "\"&#60;\""),
            changes("a macro's statement", "\"<{}>\"", "\"<<{}>>\""),
            changes("a function in it", "out.0.push('\\n')", "out.0.push(';')"),
            changes("a precision", "precision() -> usize { 2 }", "precision() -> usize { 3 }"),
            keeps("a format nobody writes", "{n:.0$}", "{n:.0$}!"),
            keeps("its constant", "UNUSED: usize = 3", "UNUSED: usize = 4"),
            changes("a function that is mapped", "\"#{n}\"", "\"n{n}\""),
            spurious("a branch that is not taken", "a message of an assertion", "is too many", "is a lot"),
        ],
    )
}

fn configuration() -> Case {
    case(
        "configuration",
        r##"
//- src/lib.rs
mod config;
pub mod model;
#[cfg(test)] mod testing;
use config::{Config, Level::{self, *}};
use model::train;
pub fn creator(n: u64) -> String { let config = Config::default().with_level(High).validated(); format!("{} {:?}", train(&config, n), level(&config)) }
fn level(config: &Config) -> Level { match config.level { Low | Medium => Low, High => LEVEL } }
const LEVEL: Level = Level::Medium;
pub fn evaluate(n: u64) -> u64 { model::eval::score(n) }
//- src/config.rs
#[derive(Clone, Debug)]
pub struct Config { pub rate: u64, pub rounds: u64, pub level: Level, pub notes: &'static str }
#[derive(Clone, Copy, Debug, PartialEq)] pub enum Level { Low, Medium, High }
impl Default for Config { fn default() -> Self { Self { rate: RATE, rounds: 3, level: Level::Low, notes: NOTES } } }
const RATE: u64 = 5;
const NOTES: &str = "none";
impl Config {
    pub fn with_level(self, level: Level) -> Self { Self { level, ..self } }
    pub fn with_rate(self, rate: u64) -> Self { Self { rate: rate.min(MOST), ..self } }
    pub fn validated(self) -> Self { assert!(self.rounds < MOST); Self { rounds: self.rounds + (self.level as u64), ..self } }
}
const MOST: u64 = 10;
//- src/model/mod.rs
use super::config::Config;
mod layers;
pub mod eval;
pub fn train(config: &Config, n: u64) -> u64 { (0..config.rounds).fold(n, |state, round| layers::forward(state, config.rate) + round) }
//- src/model/layers.rs
pub(super) fn forward(n: u64, rate: u64) -> u64 { activate(n * rate) }
fn activate(n: u64) -> u64 { if n > self::limits::CAP { self::limits::CAP } else { n } }
pub(super) fn backward(n: u64) -> u64 { n / 2 }
mod limits { pub(super) const CAP: u64 = 100_000; #[allow(unused)] pub const FLOOR: u64 = 1; }
//- src/model/eval.rs
pub fn score(n: u64) -> u64 { super::layers::backward(n) }
//- src/testing.rs
pub fn config() -> crate::config::Config { crate::config::Config::default() }
"##,
        [
            changes("a default", "RATE: u64 = 5", "RATE: u64 = 6"),
            changes("a number of rounds", "rounds: 3", "rounds: 4"),
            changes("an order of variants", "enum Level { Low, Medium, High }", "enum Level { High, Low, Medium }"),
            keeps("a builder's step nobody takes", "rate.min(MOST)", "rate.max(MOST)"),
            changes(
                "a validation with an effect",
                "self.rounds + (self.level as u64)",
                "self.rounds + 2 * (self.level as u64)",
            ),
            spurious("the value is not used", "a limit that holds either way", "MOST: u64 = 10", "MOST: u64 = 11"),
            spurious("the value is not used", "a field nobody reads", "\"none\"", "\"some\""),
            changes("a layer", "activate(n * rate)", "activate(n * rate + 1)"),
            changes("a cap", "CAP: u64 = 100_000", "CAP: u64 = 100"),
            keeps("another limit", "FLOOR: u64 = 1", "FLOOR: u64 = 2"),
            keeps("a layer of another step", "n / 2", "n / 3"),
            keeps("another step's module", "super::layers::backward(n)", "super::layers::backward(n) + 1"),
            keeps(
                "a module of tests",
                "crate::config::Config::default() }",
                "crate::config::Config::default().validated() }",
            ),
            keeps("another step", "model::eval::score(n)", "model::eval::score(n) + 1"),
            changes("a constant in an arm", "Level::Medium;", "Level::Low;"),
        ],
    )
}
