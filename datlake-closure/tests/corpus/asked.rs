//! Operators, formats and ends of iterators: they count once something asks for them.

use crate::support::{Case, case, changes, keeps, spurious};

pub(crate) fn cases() -> Vec<Case> {
    vec![operators(), numbers_as_text(), asked_by_others()]
}

/// Of traits that std calls of no type of ours by itself.
fn operators() -> Case {
    case(
        "operators that something asks for",
        r##"
use std::ops::{self, Add, AddAssign, BitXor, Div, Mul, Rem, Shl as Left, Sub, SubAssign};
#[derive(Clone, Copy)] struct N(u64);
impl Add for N { type Output = N; fn add(self, o: N) -> N { N(self.0 + o.0 + 1) } }
impl Sub for N { type Output = N; fn sub(self, o: N) -> N { N(self.0.wrapping_sub(o.0).wrapping_add(2)) } }
impl Mul for N { type Output = N; fn mul(self, o: N) -> N { N(self.0.wrapping_mul(o.0).wrapping_add(3)) } }
impl Div for N { type Output = N; fn div(self, o: N) -> N { N(4) } }
impl Rem for N { type Output = N; fn rem(self, o: N) -> N { N(5) } }
impl BitXor for N { type Output = N; fn bitxor(self, o: N) -> N { N(6) } }
impl Left for N { type Output = N; fn shl(self, o: N) -> N { N(7) } }
impl ops::Shr for N { type Output = N; fn shr(self, o: N) -> N { N(8) } }
impl AddAssign for N { fn add_assign(&mut self, o: N) { self.0 = 9; } }
impl SubAssign for N { fn sub_assign(&mut self, o: N) { self.0 = 10; } }
impl ops::BitOrAssign for N { fn bitor_assign(&mut self, o: N) { self.0 = 11; } }
fn sum<T>(a: T, b: T) -> T where T: Add<Output = T> { a + b }
macro_rules! calculate { ($a:expr, $op:tt, $b:expr) => { $a $op $b }; }
fn by_path<T>(a: T, b: T) -> T where T: Left<Output = T> { Left::shl(a, b) }
fn never(a: N, b: N) -> N { let mut c = a / b; c -= b; c | a; c }
impl ops::BitOr for N { type Output = N; fn bitor(self, o: N) -> N { self } }
pub fn creator(n: u64) -> String { let (a, mut b) = (N(n), N(2)); b += a; format!("{} {} {} {} {} {}", sum(a, a).0, [a, a].into_iter().reduce(Sub::sub).unwrap().0, calculate!(a, %, b).0, by_path(a, b).0, b.0, a.bitxor(b).0) }
"##,
        [
            changes("in a generic function", "o.0 + 1)", "o.0 + 11)"),
            changes("by its path as a value", "wrapping_add(2)", "wrapping_add(12)"),
            keeps("by nobody", "wrapping_add(3)", "wrapping_add(13)"),
            keeps("by nobody that is reached", "{ N(4) }", "{ N(14) }"),
            changes("by a token that a macro is given", "{ N(5) }", "{ N(15) }"),
            changes("as a method", "{ N(6) }", "{ N(16) }"),
            changes("by its path under another name", "{ N(7) }", "{ N(17) }"),
            keeps("the other way round, by nobody", "{ N(8) }", "{ N(18) }"),
            changes("with an assignment", "self.0 = 9", "self.0 = 19"),
            keeps("with an assignment, by nobody", "self.0 = 10", "self.0 = 20"),
            changes("once something asks", "sum(a, a).0", "(a * a).0"),
        ],
    )
}

fn numbers_as_text() -> Case {
    case(
        "formats and ends that something asks for",
        r##"
use std::fmt::{self, Formatter, Result as Done, UpperExp as Large};
struct N(u64);
impl fmt::LowerHex for N { fn fmt(&self, f: &mut Formatter<'_>) -> Done { write!(f, "1:{}", self.0) } }
impl fmt::UpperHex for N { fn fmt(&self, f: &mut Formatter<'_>) -> Done { write!(f, "2:{}", self.0) } }
impl fmt::Octal for N { fn fmt(&self, f: &mut Formatter<'_>) -> Done { write!(f, "3:{}", self.0) } }
impl fmt::Binary for N { fn fmt(&self, f: &mut Formatter<'_>) -> Done { write!(f, "4:{}", self.0) } }
impl Large for N { fn fmt(&self, f: &mut Formatter<'_>) -> Done { write!(f, "5:{}", self.0) } }
struct Outer(N);
impl fmt::Display for Outer { fn fmt(&self, f: &mut Formatter<'_>) -> Done { write!(f, "{:>#8o}", self.0)?; Large::fmt(&self.0, f) } }
struct Down(u64);
impl Iterator for Down { type Item = u64; fn next(&mut self) -> Option<u64> { self.0 = self.0.checked_sub(1)?; Some(self.0 + 6) } }
impl DoubleEndedIterator for Down { fn next_back(&mut self) -> Option<u64> { self.0 = self.0.checked_sub(1)?; Some(self.0 + 7) } }
fn last_first(of: impl DoubleEndedIterator<Item = u64>) -> Vec<u64> { of.rev().collect() }
pub fn creator(n: u64) -> String { format!("{:04x} {:?} {} {}", N(n), last_first(Down(2)), Outer(N(n)), Down(1).next().unwrap()) }
"##,
        [
            changes("with a width", "1:{}", "10:{}"),
            keeps("in capital letters, by nobody", "2:{}", "20:{}"),
            changes("in an impl that is reached", "3:{}", "30:{}"),
            keeps("in another base, by nobody", "4:{}", "40:{}"),
            changes("by another name of the trait", "5:{}", "50:{}"),
            changes("an iterator", "self.0 + 6", "self.0 + 60"),
            changes("its other end", "self.0 + 7", "self.0 + 70"),
            changes("once something asks", "{:04x}", "{:04X}"),
        ],
    )
}

/// Other people's code can ask for what nothing here writes.
fn asked_by_others() -> Case {
    case(
        "operators that others ask for",
        r##"
//- src/lib.rs deps:num_traits=num-traits
use std::ops::{Add, Mul, Sub};
#[derive(Clone, Copy, PartialEq)] struct N(u64);
impl Add for N { type Output = N; fn add(self, o: N) -> N { N(self.0 | o.0 | 16) } }
impl Mul for N { type Output = N; fn mul(self, o: N) -> N { N(self.0 | o.0 | 32) } }
impl Sub for N { type Output = N; fn sub(self, o: N) -> N { N(3) } }
impl num_traits::One for N { fn one() -> N { N(1) } }
pub fn creator(n: u64) -> u64 { num_traits::pow(N(n), 3).0 }
"##,
        [
            changes("an operator that its function uses", "self.0 | o.0 | 32", "self.0 | o.0 | 64"),
            spurious("a registry crate can ask for any operator", "one that it does not use", "{ N(3) }", "{ N(4) }"),
        ],
    )
}
