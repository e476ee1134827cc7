//! Names that are bound in a body hide items.

use crate::support::{Case, case, changes, keeps, spurious};

pub(crate) fn cases() -> Vec<Case> {
    vec![lets(), closures_and_loops(), matched(), parameters_and_generics()]
}

fn lets() -> Case {
    case(
        "let",
        r##"
fn width(n: u64) -> u64 { n + 7 }
fn count() -> u64 { 102 }
fn after() -> u64 { 1 }
fn inner_block() -> u64 { 2 }
fn refutable() -> u64 { 3 }
fn chained() -> u64 { 4 }
fn diverging() -> u64 { 5 }
fn second() -> u64 { 6 }
const LIMIT: u64 = 8;
struct Pair { left: u64, right: u64 }
fn left() -> u64 { 9 }
fn right() -> u64 { 10 }
pub fn creator(n: u64) -> u64 {
    let width = n * 2;
    let count = count();
    let sum = width + count;
    let before = after();
    let after = 1;
    { let inner_block = 1; let _ = inner_block; }
    let x = inner_block();
    let y = if let Some(refutable) = Some(n) { refutable } else { refutable() };
    let z = if let Some(chained) = Some(n) && chained > 100 { chained } else { chained() };
    let Some(diverging) = Some(n) else { return diverging() };
    let (second, (third, _)) = (1, (2, 3));
    let Pair { left, right: other } = Pair { left: 1, right: right() };
    sum + before + after + x + y + z + diverging + second + third + left + other + LIMIT
}
"##,
        [
            keeps("a variable hides a function", "n + 7", "n + 17"),
            changes("its own value is outside of its scope", "{ 102 }", "{ 202 }"),
            changes("before the variable", "fn after() -> u64 { 1 }", "fn after() -> u64 { 11 }"),
            changes("behind the block of a variable", "{ 2 }", "{ 22 }"),
            spurious("a branch that is not taken", "if let", "{ 3 }", "{ 33 }"),
            changes("else of a chain", "{ 4 }", "{ 44 }"),
            keeps("a tuple", "{ 6 }", "{ 66 }"),
            keeps("a field's name", "{ 9 }", "{ 99 }"),
            changes("a field with another name", "{ 10 }", "{ 100 }"),
            changes("a constant", "LIMIT: u64 = 8", "LIMIT: u64 = 9"),
        ],
    )
}

fn closures_and_loops() -> Case {
    case(
        "closures and loops",
        r##"
fn shadow() -> u64 { 103 }
fn twice(n: u64) -> u64 { n * 2 }
fn typed(n: u64) -> u64 { n + 1 }
fn item() -> u64 { 3 }
fn over() -> Vec<u64> { vec![item2()] }
fn item2() -> u64 { 4 }
fn a() -> u64 { 5 }
fn b() -> u64 { 6 }
fn looped() -> Option<u64> { None }
fn mapped(n: u64) -> u64 { n + 8 }
fn moved() -> u64 { 9 }
pub fn creator(n: u64) -> u64 {
    let mut sum: u64 = [1].iter().map(|shadow| shadow + 1).sum();
    sum += shadow();
    let typed = |twice: u64| -> u64 { twice + 1 };
    sum += typed(twice(n));
    for item in over() { sum += item; }
    let curried = |a: u64| move |b: u64| a + b;
    sum += curried(1)(2);
    while let Some(looped) = looped() { sum += looped; }
    sum += [1].into_iter().map(mapped).sum::<u64>();
    let moved = move || { let moved = 1; moved };
    sum + moved()
}
"##,
        [
            changes("called beside a parameter of its name", "{ 103 }", "{ 203 }"),
            changes("called beside a typed parameter of its name", "n * 2", "n * 3"),
            keeps("a closure in a variable", "n + 1 }\nfn item", "n + 2 }\nfn item"),
            keeps("a loop's variable", "{ 3 }", "{ 33 }"),
            changes("what a loop goes over", "{ 4 }", "{ 44 }"),
            keeps("the outer of two closures", "{ 5 }", "{ 55 }"),
            keeps("the inner of two closures", "{ 6 }", "{ 66 }"),
            changes("a function passed on", "n + 8", "n + 18"),
            keeps("a variable and a closure of its name", "{ 9 }", "{ 99 }"),
            changes(
                "what a loop waits for",
                "{ None }",
                "{ static ONE: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1); (ONE.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 1).then_some(1) }",
            ),
        ],
    )
}

fn matched() -> Case {
    case(
        "match",
        r##"
#[allow(non_upper_case_globals)]
const limit: u64 = 3;
fn by_guard(n: u64) -> bool { n == 3 }
fn armed(n: u64) -> u64 { n + 104 }
fn other() -> u64 { 1 }
fn bound() -> u64 { 2 }
fn in_struct() -> u64 { 3 }
fn alternative() -> u64 { 4 }
enum Shape { Dot, Line { in_struct: u64 }, Box(u64, u64) }
fn make(n: u64) -> Shape { if n == 1 { Shape::Dot } else if n == 2 { Shape::Box(1, 2) } else { Shape::Line { in_struct: n } } }
pub fn creator(n: u64) -> u64 {
    let first = match n { limit => 1, other if by_guard(other) => 2, armed => armed };
    let second = match n { 9 => 0, n => armed(n) };
    let third = match make(n) {
        Shape::Dot => bound(),
        Shape::Line { in_struct } => { in_struct }
        Shape::Box(alternative, bound) | Shape::Box(bound, alternative) if bound > 0 => alternative + bound,
        Shape::Box(..) => 7,
    };
    let fourth = match n { whole @ 1..=5 => { whole } _ => 8 };
    let fifth = matches!(make(n), Shape::Line { in_struct: 3 }) as u64;
    first * 10000 + second * 1000 + third * 100 + fourth * 10 + fifth
}
"##,
        [
            changes("a constant in a pattern", "limit: u64 = 3", "limit: u64 = 4"),
            keeps("a function in a guard that is not reached", "fn other() -> u64 { 1 }", "fn other() -> u64 { 10 }"),
            changes("a function called in another arm", "n + 104", "n + 105"),
            keeps("a field's shorthand", "{ 3 }", "{ 33 }"),
            keeps("or-patterns", "{ 4 }", "{ 44 }"),
        ],
    )
}

fn parameters_and_generics() -> Case {
    case(
        "parameters and generics",
        r##"
fn default_param(n: u64) -> u64 { n }
fn n() -> u64 { 1 }
fn nested_name() -> u64 { 106 }
struct T; impl T { fn make() -> u64 { 2 } }
trait Make { fn make() -> u64; }
struct Good; impl Make for Good { fn make() -> u64 { 3 } }
fn by<T: Make>() -> u64 { T::make() }
const N: usize = 4;
fn size<const N: usize>(_: [u8; N]) -> usize { N }
struct Holder<T>(T);
impl<T: Copy + Into<u64>> Holder<T> { fn get(&self) -> u64 { self.0.into() } }
pub fn creator(n: u64) -> u64 {
    fn inner(x: u64) -> u64 { x + nested_name() }
    let nested_name = 5;
    default_param(n) + inner(nested_name) + by::<Good>() + size([0; 2]) as u64 + Holder(7_u8).get()
}
"##,
        [
            keeps("a parameter hides a function", "fn n() -> u64 { 1 }", "fn n() -> u64 { 11 }"),
            changes("a nested function does not see variables", "{ 106 }", "{ 206 }"),
            keeps("a type parameter hides a type", "{ 2 }", "{ 22 }"),
            changes("what the type parameter is", "{ 3 }", "{ 33 }"),
            keeps("a const parameter hides a constant", "N: usize = 4", "N: usize = 5"),
        ],
    )
}
