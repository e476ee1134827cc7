//! What counts part by part: functions of traits, code under a `cfg`, values behind `dyn`, statics of a thread.

use crate::support::{Case, case, changes, keeps, spurious};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        defaults(),
        by_other_names(),
        called_by_std(),
        traits_across_crates(),
        handed_to_macros(),
        made_or_not(),
        under_conditions(),
        conditions_elsewhere(),
        of_a_thread(),
    ]
}

fn defaults() -> Case {
    case(
        "functions of traits",
        r##"
trait Named { fn name(&self) -> String { prefix() } fn shout(&self) -> String { format!("{}!", self.name()) } fn whisper(&self) -> String { "psst".to_owned() } }
fn prefix() -> String { "n".to_owned() }
trait Model: Named {
    const RATE: u64 = 3;
    type Out;
    fn fit(&self, n: u64) -> u64 { self.step(n) * Self::RATE }
    fn step(&self, n: u64) -> u64 { n + 1 }
    fn reset(&self) -> u64 { 40 }
    fn out(&self) -> Self::Out;
}
struct Line(u64);
impl Named for Line { fn name(&self) -> String { inner::label() } }
mod inner { pub fn label() -> String { "line".to_owned() } pub fn other() -> String { "other".to_owned() } }
impl Model for Line { type Out = u64; fn step(&self, n: u64) -> u64 { fn twice(n: u64) -> u64 { n * 2 } twice(n) + self.0 } fn out(&self) -> u64 { 50 } fn reset(&self) -> u64 { 41 } }
struct Flat;
impl Named for Flat {}
impl Model for Flat { type Out = u8; fn out(&self) -> u8 { 51 } }
fn fitted<M: Model>(m: &M, n: u64) -> String { format!("{}{}", m.fit(n), m.shout()) }
pub fn creator(n: u64) -> String { format!("{} {}", fitted(&Line(1), n), fitted(&Flat, n)) }
"##,
        [
            changes(
                "a default that a generic function calls",
                "self.step(n) * Self::RATE",
                "self.step(n) + Self::RATE",
            ),
            changes("a default that a default calls", "{ n + 1 }", "{ n + 2 }"),
            changes("a function in the place of a default", "twice(n) + self.0", "twice(n) + self.0 + 1"),
            changes("a function in its body", "n * 2 }", "n * 3 }"),
            changes("a default that a trait above has", "\"{}!\"", "\"{}?\""),
            changes("what a default calls", "\"n\"", "\"no\""),
            changes("what takes the place of that", "inner::label()", "inner::other()"),
            changes("a constant of the trait", "RATE: u64 = 3", "RATE: u64 = 4"),
            changes(
                "an override that is new",
                "impl Named for Flat {}",
                "impl Named for Flat { fn shout(&self) -> String { String::new() } }",
            ),
            changes(
                "an override that goes",
                "fn step(&self, n: u64) -> u64 { fn twice(n: u64) -> u64 { n * 2 } twice(n) + self.0 }",
                "",
            ),
            changes("a constant in an impl", "type Out = u8;", "type Out = u8; const RATE: u64 = 5;"),
            keeps("a default nobody calls", "{ 40 }", "{ 42 }"),
            keeps("another trait's default nobody calls", "\"psst\"", "\"pst\""),
            keeps("a function of an impl nobody calls", "{ 50 }", "{ 52 }"),
            keeps("an override nobody calls", "{ 41 }", "{ 43 }"),
            keeps("a default nobody calls goes", " fn whisper(&self) -> String { \"psst\".to_owned() }", ""),
        ],
    )
}

fn by_other_names() -> Case {
    case(
        "functions of traits by other names",
        r##"
trait Area { fn area(&self) -> u64 { 1 } fn edge(&self) -> u64 { 2 } fn corner() -> u64 { 3 } fn middle() -> u64 { 4 } fn inside(&self) -> u64 { 5 } fn outside(&self) -> u64 { 6 } fn around(&self) -> u64 { 7 } fn beside(&self) -> u64 { 8 } fn above(&self) -> u64 { 9 } fn below(&self) -> u64 { 10 } fn alone() -> u64 { 11 } fn never(&self) -> u64 { 12 } }
struct Square;
impl Area for Square {}
type Alias = Square;
use self::Area as Space;
macro_rules! ask { ($of:expr, $name:ident) => { $of.$name() }; (path $name:ident) => { <Square as Area>::$name() }; }
macro_rules! always { ($of:expr) => { $of.around() }; }
impl Square { fn own(&self) -> u64 { Self::middle() } }
struct Outer<T: Area>(T);
impl<T: Area> std::fmt::Display for Outer<T> { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{}", self.0.beside()) } }
static SEEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
impl<T: Area> Drop for Outer<T> { fn drop(&mut self) { SEEN.store(self.0.above(), std::sync::atomic::Ordering::Relaxed) } }
fn pick(f: fn(&Square) -> u64) -> u64 { f(&Square) }
fn generic<T: Area>() -> u64 { T::alone() }
pub fn creator(_: u64) -> String { let text = format!("{} {} {} {} {} {} {} {} {} {}", pick(Area::area), pick(<Square as Space>::edge), Alias::corner(), Square.own(), ask!(Square, inside), always!(Square), Outer(Square), pick(Square::outside), generic::<Square>(), [Square].iter().map(Space::below).sum::<u64>()); format!("{text} {}", SEEN.load(std::sync::atomic::Ordering::Relaxed)) }
"##,
        [
            changes("the trait's path as a value", "{ 1 }", "{ 101 }"),
            changes("under another name", "{ 2 }", "{ 102 }"),
            changes("by an alias of the type", "{ 3 }", "{ 103 }"),
            changes("by Self in an impl", "{ 4 }", "{ 104 }"),
            changes("by a name that a macro is given", "{ 5 }", "{ 105 }"),
            changes("by the type's path as a value", "{ 6 }", "{ 106 }"),
            changes("by a name that a macro has", "{ 7 }", "{ 107 }"),
            changes("by a Display that format! calls", "{ 8 }", "{ 108 }"),
            changes("by a Drop", "{ 9 }", "{ 109 }"),
            changes("by the trait's other name", "{ 10 }", "{ 110 }"),
            changes("by a type parameter", "{ 11 }", "{ 111 }"),
            keeps("by nobody", "{ 12 }", "{ 112 }"),
            changes(
                "an override under another name",
                "impl Area for Square {}",
                "impl Area for Square { fn edge(&self) -> u64 { 22 } }",
            ),
        ],
    )
}

/// The standard library calls these of each other: an impl of its traits counts as one.
fn called_by_std() -> Case {
    case(
        "functions that std's traits call of each other",
        r##"
use std::cmp::Ordering;
use std::io::{self, Read, Write};
struct Version(u64);
impl PartialEq for Version { fn eq(&self, o: &Self) -> bool { self.0 == o.0 } fn ne(&self, o: &Self) -> bool { self.0 % 2 != o.0 % 2 } }
impl Eq for Version {}
impl PartialOrd for Version { fn partial_cmp(&self, o: &Self) -> Option<Ordering> { Some(self.cmp(o)) } fn lt(&self, o: &Self) -> bool { self.0 + 1 < o.0 } }
impl Ord for Version { fn cmp(&self, o: &Self) -> Ordering { self.0.cmp(&o.0) } fn max(self, o: Self) -> Self { if self.0 > o.0 { self } else { o } } }
struct Source(u8);
impl Read for Source { fn read(&mut self, into: &mut [u8]) -> io::Result<usize> { if self.0 == 0 { return Ok(0); } self.0 -= 1; into[0] = b'a'; Ok(1) } }
struct Sink(Vec<u8>);
impl Write for Sink { fn write(&mut self, from: &[u8]) -> io::Result<usize> { self.0.extend(from); Ok(from.len()) } fn flush(&mut self) -> io::Result<()> { Ok(()) } fn write_all(&mut self, from: &[u8]) -> io::Result<()> { self.0.push(b'<'); self.0.extend(from); Ok(()) } }
struct Count(u64);
impl Iterator for Count { type Item = u64; fn next(&mut self) -> Option<u64> { self.0 = self.0.checked_sub(1)?; Some(self.0) } fn fold<B, F: FnMut(B, u64) -> B>(self, first: B, f: F) -> B { (0..self.0 + 1).fold(first, f) } fn size_hint(&self) -> (usize, Option<usize>) { (self.0 as usize, Some(self.0 as usize)) } }
impl ExactSizeIterator for Count {}
#[derive(Debug)] struct Copied(u64);
impl Clone for Copied { fn clone(&self) -> Self { Copied(self.0) } fn clone_from(&mut self, from: &Self) { self.0 = from.0 + 100; } }
pub fn creator(n: u64) -> String {
    let mut text = String::new();
    Source(3).read_to_string(&mut text).unwrap();
    let mut sink = Sink(Vec::new());
    write!(sink, "{n}").unwrap();
    let mut copies = vec![Copied(1)];
    copies.clone_from_slice(&[Copied(2)]);
    format!("{} {} {} {text} {:?} {} {} {copies:?}", Version(1) != Version(3), Version(1) < Version(2), [Version(1), Version(4)].into_iter().max().unwrap().0, sink.0, Count(n).sum::<u64>(), Count(n).len())
}
"##,
        [
            changes("ne by !=", "self.0 % 2 != o.0 % 2", "self.0 != o.0"),
            changes("lt by <", "self.0 + 1 < o.0", "self.0 < o.0"),
            changes("cmp by max of an iterator", "self.0.cmp(&o.0)", "o.0.cmp(&self.0)"),
            changes("read by read_to_string", "b'a'", "b'b'"),
            changes("write_all by write!", "b'<'", "b'['"),
            changes("fold by sum", "self.0 + 1)", "self.0 + 2)"),
            changes(
                "size_hint by len",
                "(self.0 as usize, Some(self.0 as usize))",
                "(self.0 as usize + 1, Some(self.0 as usize + 1))",
            ),
            changes("clone_from by clone_from_slice", "from.0 + 100", "from.0 + 200"),
        ],
    )
}

fn traits_across_crates() -> Case {
    case(
        "traits across crates",
        r##"
//- src/lib.rs deps:kit
use kit::Model;
struct Mine;
impl Model for Mine { fn fit(&self) -> u64 { 1 } fn report(&self) -> String { "mine".to_owned() } fn scale(&self) -> u64 { 3 } }
struct Plain;
impl Model for Plain { fn fit(&self) -> u64 { 2 } }
pub fn creator(n: u64) -> String { format!("{} {}", kit::run(&Mine, n), kit::run(&Plain, n)) }
//- kit/src/lib.rs
pub trait Model { fn fit(&self) -> u64; fn report(&self) -> String { title() } fn scale(&self) -> u64 { 4 } fn idle(&self) -> u64 { 5 } }
fn title() -> String { "model".to_owned() }
pub fn run(m: &dyn Model, n: u64) -> String { format!("{} {}", m.fit() * n, m.report()) }
"##,
        [
            changes("what the other crate calls", "{ 1 }", "{ 11 }"),
            changes("in the place of a default of that crate", "\"mine\"", "\"own\""),
            changes("a default of that crate", "{ title() }", "{ title() + \"!\" }"),
            keeps("what that crate does not call", "{ 3 }", "{ 13 }"),
            keeps("a default that nobody calls", "{ 4 }", "{ 14 }"),
            keeps("nor that", "{ 5 }", "{ 15 }"),
            changes("what that crate calls then", "m.fit() * n", "m.fit() * m.scale() * n"),
        ],
    )
}

/// What macros and attributes get counts as one: they can call what nothing names.
fn handed_to_macros() -> Case {
    case(
        "traits that macros get",
        r##"
//- src/lib.rs deps:mac
#[mac::extended]
pub trait Ranked { fn rank(&self) -> u64; fn bonus(&self) -> u64 { 1 } }
pub struct Item;
impl Ranked for Item { fn rank(&self) -> u64 { 2 } }
pub trait Described { fn describe(&self) -> u64 { 3 } fn idle(&self) -> u64 { 4 } }
#[derive(mac::Describe)]
pub struct Thing;
pub trait Counted { fn count(&self) -> u64 { 5 } fn twice(&self) -> u64 { self.count() * 2 } }
#[mac::extension]
impl Vec<u64> { fn total(&self) -> u64 { self.iter().sum::<u64>() + 7 } fn nothing(&self) -> u64 { 8 } }
#[mac::overriding]
impl Counted for Thing { fn recount(&self) -> u64 { 6 } }
pub fn creator(_: u64) -> String { format!("{} {} {} {}", Item.extended(), Thing.described(), Thing.twice(), vec![1_u64].total()) }
//- mac/src/lib.rs proc
use proc_macro::TokenStream;
#[proc_macro_attribute]
pub fn extended(_: TokenStream, item: TokenStream) -> TokenStream {
    let text = item.to_string();
    let (head, rest) = text.split_once('{').unwrap();
    format!("{head}{{ fn extended(&self) -> u64 {{ self.rank() + self.bonus() }} {rest}").parse().unwrap()
}
#[proc_macro_derive(Describe)]
pub fn describe(_: TokenStream) -> TokenStream {
    "impl Described for Thing {} impl Thing { pub fn described(&self) -> u64 { Described::describe(self) } }".parse().unwrap()
}
#[proc_macro_attribute]
pub fn extension(_: TokenStream, item: TokenStream) -> TokenStream {
    let text = item.to_string();
    let head = "trait Extension { fn total(&self) -> u64; fn nothing(&self) -> u64; }";
    format!("{head} {}", text.replacen("impl", "impl Extension for", 1)).parse().unwrap()
}
#[proc_macro_attribute]
pub fn overriding(_: TokenStream, item: TokenStream) -> TokenStream { item.to_string().replace("recount", "count").parse().unwrap() }
"##,
        [
            changes("a default that an attribute's code calls", "{ 1 }", "{ 11 }"),
            changes("an impl's function that it calls", "{ 2 }", "{ 12 }"),
            changes("a default that a derive's code calls", "{ 3 }", "{ 13 }"),
            keeps("a default that nothing names", "{ 4 }", "{ 14 }"),
            changes("a method that an attribute gives to a type of std", "<u64>() + 7", "<u64>() + 17"),
            keeps("another that nobody calls", "{ 8 }", "{ 18 }"),
            changes("a function that an attribute renames", "{ 6 }", "{ 16 }"),
        ],
    )
}

fn made_or_not() -> Case {
    case(
        "trait objects that are made",
        r##"
//- src/lib.rs deps:kit
use kit::Plugin;
trait Rule { fn apply(&self, n: u64) -> u64; }
struct Add; impl Rule for Add { fn apply(&self, n: u64) -> u64 { n + 1 } }
#[derive(Default)] struct Double; impl Rule for Double { fn apply(&self, n: u64) -> u64 { n * 2 } }
struct Square; impl Rule for Square { fn apply(&self, n: u64) -> u64 { n * n } }
struct Unused; impl Rule for Unused { fn apply(&self, n: u64) -> u64 { n + 70 } }
impl Rule for u64 { fn apply(&self, n: u64) -> u64 { self + n + 80 } }
impl<F: Fn(u64) -> u64> Rule for F { fn apply(&self, n: u64) -> u64 { self(n) + 90 } }
fn boxed(rule: impl Rule + 'static) -> Box<dyn Rule> { Box::new(rule) }
fn rules() -> Vec<Box<dyn Rule>> { vec![boxed(Add), default_of::<Double>(), hidden(), Box::new(7_u64), Box::new(|n| n + 3)] }
fn default_of<T: Rule + Default + 'static>() -> Box<dyn Rule> { Box::new(T::default()) }
fn hidden() -> Box<dyn Rule> { make() }
fn make() -> Box<Square> { Box::new(Square) }
fn run(rules: &[Box<dyn Rule>], n: u64) -> u64 { rules.iter().fold(n, |n, rule| rule.apply(n)) }
trait Held { fn get(&self) -> u64; }
struct Holder { held: Option<Box<dyn Held>> }
struct One; impl Held for One { fn get(&self) -> u64 { 5 } }
struct Two; impl Held for Two { fn get(&self) -> u64 { 6 } }
fn holder() -> Holder { Holder { held: Some(Box::new(One)) } }
struct Idle; impl Plugin for Idle { fn value(&self) -> u64 { 100 } }
pub fn creator(n: u64) -> String { let any: Box<dyn Plugin> = kit::make(); format!("{} {} {}", run(&rules(), n), holder().held.unwrap().get(), any.value()) }
//- kit/src/lib.rs
pub trait Plugin { fn value(&self) -> u64; }
struct Inner; impl Plugin for Inner { fn value(&self) -> u64 { 200 } }
struct Other; impl Plugin for Other { fn value(&self) -> u64 { 300 } }
pub fn make() -> Box<dyn Plugin> { Box::new(Inner) }
pub fn other() -> Box<dyn Plugin> { Box::new(Other) }
"##,
        [
            changes("handed on by a function", "n + 1 }", "n + 2 }"),
            changes("made by a default", "n * 2 }", "n * 3 }"),
            changes("made far away", "n * n }", "n * n + 1 }"),
            keeps("made by nobody", "n + 70", "n + 71"),
            changes("a number", "self + n + 80", "self + n + 81"),
            changes("a closure", "self(n) + 90", "self(n) + 91"),
            changes("in a field", "{ 5 }", "{ 15 }"),
            spurious(
                "a field's dyn opens a trait to all its implementors",
                "for a field, by nobody",
                "{ 6 }",
                "{ 16 }",
            ),
            changes("made in another crate", "{ 200 }", "{ 201 }"),
            keeps("there by nobody", "{ 300 }", "{ 301 }"),
            keeps("of that crate's trait, by nobody", "{ 100 }", "{ 101 }"),
            changes("the one that is made", "Box::new(Inner)", "Box::new(Other)"),
        ],
    )
}

fn under_conditions() -> Case {
    case(
        "code under a condition",
        r##"
//- features
fast=on slow=off deep=off
//- src/lib.rs
#[cfg(feature = "fast")] const STEP: u64 = 1;
#[cfg(not(feature = "fast"))] const STEP: u64 = 2;
#[cfg(all(feature = "fast", not(feature = "slow")))] fn both() -> u64 { 3 }
#[cfg(not(all(feature = "fast", not(feature = "slow"))))] fn both() -> u64 { 4 }
struct Scale(u64);
#[cfg(feature = "slow")] impl Scale { fn get(&self) -> u64 { self.0 + 5 } }
#[cfg(not(feature = "slow"))] impl Scale { fn get(&self) -> u64 { self.0 + 6 } }
impl Scale { #[cfg(feature = "fast")] fn more(&self) -> u64 { 7 } #[cfg(not(feature = "fast"))] fn more(&self) -> u64 { 8 } }
#[cfg_attr(feature = "slow", allow(dead_code))] fn always() -> u64 { 9 }
#[cfg_attr(feature = "slow", must_use)] fn plain() -> u64 { 10 }
mod outer { #[cfg(feature = "deep")] pub mod inner { pub fn get() -> u64 { 11 } } #[cfg(not(feature = "deep"))] pub mod inner { pub fn get() -> u64 { 12 } } }
trait Depth { #[cfg(feature = "deep")] fn depth(&self) -> u64 { 13 } #[cfg(not(feature = "deep"))] fn depth(&self) -> u64 { 14 } }
impl Depth for Scale {}
macro_rules! other_way { ($(#[cfg($when:meta)] $item:item)*) => { $(#[cfg(not($when))] $item)* }; }
other_way! { #[cfg(feature = "slow")] fn turned() -> u64 { 15 } #[cfg(not(feature = "slow"))] fn turned() -> u64 { 16 } }
#[cfg(feature = "slow")] impl std::fmt::Display for Scale { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "slow {}", self.0) } }
#[cfg(not(feature = "slow"))] impl std::fmt::Display for Scale { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "quick {}", self.0) } }
pub fn creator(n: u64) -> String { let s = Scale(n); format!("{STEP} {} {} {} {} {} {} {} {} {s}", both(), s.get(), s.more(), always(), plain(), outer::inner::get(), s.depth(), turned()) }
"##,
        [
            changes("a constant", "STEP: u64 = 1", "STEP: u64 = 21"),
            keeps("a constant that is not compiled", "STEP: u64 = 2", "STEP: u64 = 22"),
            changes("under two features", "{ 3 }", "{ 23 }"),
            keeps("under the opposite", "{ 4 }", "{ 24 }"),
            keeps("in an impl that is not compiled", "self.0 + 5", "self.0 + 25"),
            changes("in the other impl", "self.0 + 6", "self.0 + 26"),
            changes("a method", "{ 7 }", "{ 27 }"),
            keeps("a method that is not compiled", "{ 8 }", "{ 28 }"),
            changes("under an attribute that does not hold", "{ 9 }", "{ 29 }"),
            changes("under another", "{ 10 }", "{ 30 }"),
            keeps("in a module that is not compiled", "{ 11 }", "{ 31 }"),
            changes("in the other module", "{ 12 }", "{ 32 }"),
            keeps("a trait's function that is not compiled", "{ 13 }", "{ 33 }"),
            changes("the other function", "{ 14 }", "{ 34 }"),
            changes("what a macro compiles the other way round", "{ 15 }", "{ 35 }"),
            spurious("a macro's arguments count as they are", "what it leaves out", "{ 16 }", "{ 36 }"),
            keeps("a trait's impl that is not compiled", "slow {}", "slower {}"),
            changes("the other impl", "quick {}", "quicker {}"),
            changes("another feature", "fast=on", "fast=off"),
            changes("a feature that decides alone", "deep=off", "deep=on"),
            changes(
                "a condition",
                "#[cfg(feature = \"fast\")] const STEP: u64 = 1;\n#[cfg(not(feature = \"fast\"))] const STEP",
                "#[cfg(feature = \"slow\")] const STEP: u64 = 1;\n#[cfg(not(feature = \"slow\"))] const STEP",
            ),
        ],
    )
}

fn conditions_elsewhere() -> Case {
    case(
        "code under a condition in another crate",
        r##"
//- features
wide=on
//- src/lib.rs deps:kit
pub fn creator(_: u64) -> u64 { kit::system() + kit::wide() + kit::checked() + kit::turned() }
//- kit/src/lib.rs
#[cfg(all(unix, not(windows)))] pub fn system() -> u64 { 1 }
#[cfg(windows)] pub fn system() -> u64 { 2 }
#[cfg(feature = "wide")] pub fn wide() -> u64 { 3 }
#[cfg(not(feature = "wide"))] pub fn wide() -> u64 { 4 }
#[cfg(debug_assertions)] pub fn checked() -> u64 { 5 }
#[cfg(not(debug_assertions))] pub fn checked() -> u64 { 6 }
macro_rules! other_way { ($(#[cfg($when:meta)] $item:item)*) => { $(#[cfg(not($when))] $item)* }; }
other_way! { #[cfg(windows)] pub fn turned() -> u64 { 7 } #[cfg(not(windows))] pub fn turned() -> u64 { 8 } }
"##,
        [
            changes("of this system", "{ 1 }", "{ 11 }"),
            keeps("of another system", "{ 2 }", "{ 12 }"),
            spurious(
                "a dependency's features are not asked here",
                "under a feature that only this crate has",
                "{ 3 }",
                "{ 13 }",
            ),
            changes("without that feature", "{ 4 }", "{ 14 }"),
            changes("under what a profile decides", "{ 5 }", "{ 15 }"),
            spurious("a profile can differ for each package", "under its opposite", "{ 6 }", "{ 16 }"),
            changes("turned by a macro", "{ 7 }", "{ 17 }"),
        ],
    )
}

fn of_a_thread() -> Case {
    case(
        "statics of a thread",
        r##"
use std::cell::{Cell, RefCell};
thread_local! {
    /// Counted.
    pub static FIRST: Cell<u64> = Cell::new(first());
    #[allow(dead_code)]
    static SECOND: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static THIRD: Cell<u64> = const { Cell::new(LIMIT) };
    static LAST: Cell<u64> = Cell::new(last())
}
std::thread_local!(static FAR: Cell<u64> = Cell::new(4));
fn first() -> u64 { 1 }
const LIMIT: u64 = 2;
fn last() -> u64 { 3 }
mod own { macro_rules! thread_local { ($(static $name:ident = $value:expr;)*) => { $(pub fn $name() -> u64 { $value + base() })* }; } thread_local! { static one = 10; static two = 20; } fn base() -> u64 { 30 } }
pub fn creator(n: u64) -> String { FIRST.set(FIRST.get() + n); format!("{} {} {} {}", FIRST.get(), LAST.get(), FAR.get(), own::one()) }
"##,
        [
            changes("what fills one", "{ 1 }", "{ 11 }"),
            keeps("what fills another", "LIMIT: u64 = 2", "LIMIT: u64 = 12"),
            keeps("another", "Vec::new()", "Vec::<u64>::new()"),
            changes("the last", "{ 3 }", "{ 13 }"),
            changes("by a path", "Cell::new(4)", "Cell::new(14)"),
            changes("of a macro of that name", "one = 10", "one = 11"),
            changes("what that macro names", "{ 30 }", "{ 31 }"),
        ],
    )
}
