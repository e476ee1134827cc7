//! The parts of a value: the encoding of each is a slice of the encoding of the whole.
//!
//! The walk needs no stack of the thread, however deep a value is nested.

use std::fmt::Write as _;

use super::cursor::Cursor;
use super::{file_flag, tag};
use crate::Result;

/// How much a value tells: whether two that are equal are likely to be one.
///
/// Truth values, units, names of variants and files tell nothing (lineage has the files); small whole numbers and very short
/// texts little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Weight(u32);

impl Weight {
    const NOTHING: Self = Self(0);
    const LITTLE: Self = Self(1);
    const ORDINARY: Self = Self(4);
    const DISTINCT: Self = Self(16);

    /// Whether a value that a call returned can be recognised among arguments.
    pub(crate) fn is_telling(self) -> bool {
        self.0 >= 2
    }

    /// Whether even a part of it can: people write `0.1` by themselves, and not `0.7313708498984762`.
    pub(crate) fn is_distinct(self) -> bool {
        self >= Self::DISTINCT
    }

    fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// One value within another.
pub(crate) struct Piece<'w, 'a> {
    /// Its encoding.
    pub(crate) bytes: &'a [u8],
    /// Where that begins.
    pub(crate) start: usize,
    /// In how many others it is.
    pub(crate) depth: usize,
    pub(crate) weight: Weight,
    within: &'w [Within<'a>],
}

impl Piece<'_, '_> {
    /// How to get to it from the whole, as `.scores[3]`, or `[key 3]` for a key of a map; empty for the whole.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        for within in self.within {
            // Text takes whatever is written.
            let _ = match within.step {
                _ if within.is_map && within.read % 2 == 0 => write!(path, "[key {}]", within.read / 2),
                Step::Field(name) => write!(path, ".{name}"),
                Step::Entry(key) => write!(path, "[{key:?}]"),
                Step::Nth(at) => write!(path, "[{at}]"),
                Step::Same => Ok(()),
            };
        }
        path
    }
}

/// Whether a value that begins like `encoding` is a file.
pub(crate) fn is_file(encoding: &[u8]) -> bool {
    encoding.first() == Some(&tag::FILE)
}

/// A value that is not read to its end.
struct Within<'a> {
    start: usize,
    /// Values or fields that are still to come, where that is written in front.
    left: Option<usize>,
    /// Whether its values are keys and values of a map, in turn.
    is_map: bool,
    /// Values so far.
    read: usize,
    /// How to get to the value that is read now.
    step: Step<'a>,
    weight: Weight,
    /// Whether nobody wants more leaves of it.
    is_enough: bool,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Same,
    Nth(usize),
    Field(&'a str),
    Entry(&'a str),
}

/// Whether the value that is encoded as `bytes` tells more than a truth value or a small number does, so that it can be
/// recognised where it comes again.
///
/// ```
/// use datlake_core::canonical::{encode, is_telling};
/// for trivial in [encode(&())?, encode(&true)?, encode(&7)?, encode(&1.0)?, encode(&"yes")?, encode(&[0_u8; 0])?] {
///     assert!(!is_telling(&trivial.bytes));
/// }
/// for telling in [encode(&0.75)?, encode(&70_000)?, encode(&"ridge")?, encode(&[1, 2])?] {
///     assert!(is_telling(&telling.bytes));
/// }
/// # Ok::<(), datlake_core::Error>(())
/// ```
pub fn is_telling(bytes: &[u8]) -> bool {
    let mut walk = Walk::new(bytes);
    while !walk.leaves.is_telling() {
        match walk.step(&mut |_| true) {
            Ok(true) => {}
            Ok(false) | Err(_) => break,
        }
    }
    walk.leaves.is_telling()
}

/// Shows each value in the one that is encoded as `bytes`, parts before wholes, and that one itself last.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) where `bytes` is not exactly one canonical value.
#[cfg(test)]
pub(crate) fn each_piece<'a>(bytes: &'a [u8], mut visit: impl FnMut(Piece<'_, 'a>)) -> Result<()> {
    each_of_interest(bytes, |piece| {
        visit(piece);
        true
    })
}

/// Shows each value in the one that is encoded as `bytes`, parts before wholes, and that one itself last. Where `visit` answers
/// `false`, it gets no more leaves that stand beside the piece, unless they count for the weight of what they stand in: large
/// arrays are passed over.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) where `bytes` is not exactly one canonical value.
pub(crate) fn each_of_interest<'a>(bytes: &'a [u8], mut visit: impl FnMut(Piece<'_, 'a>) -> bool) -> Result<()> {
    let mut walk = Walk::new(bytes);
    while walk.step(&mut visit)? {
        if walk.open.last().is_some_and(|within| within.is_enough && within.weight.is_distinct()) {
            walk.pass_leaves(&|_| false);
        }
    }
    walk.ended()
}

/// The same for those whose encoding `is_wanted`, without their weights: what costs little is to pass over the others.
///
/// # Errors
/// As [`each_of_interest`].
pub(crate) fn each_wanted<'a>(
    bytes: &'a [u8],
    is_wanted: impl Fn(&[u8]) -> bool,
    mut visit: impl FnMut(Piece<'_, 'a>),
) -> Result<()> {
    let mut walk = Walk { weighs: false, ..Walk::new(bytes) };
    let mut visit = |piece: Piece<'_, 'a>| {
        if is_wanted(piece.bytes) {
            visit(piece);
        }
        true
    };
    loop {
        walk.pass_leaves(&is_wanted);
        if !walk.step(&mut visit)? {
            return walk.ended();
        }
    }
}

struct Walk<'a> {
    cursor: Cursor<'a>,
    open: Vec<Within<'a>>,
    /// Whether weights are of interest.
    weighs: bool,
    /// The weights of all leaves so far.
    leaves: Weight,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(bytes), open: Vec::new(), weighs: true, leaves: Weight::NOTHING }
    }

    fn ended(&self) -> Result<()> {
        if self.cursor.is_at_end() { Ok(()) } else { Err(self.cursor.wrong("more bytes than one value")) }
    }

    /// Passes over leaves that nobody wants and that follow one another in a sequence: large arrays are little else.
    fn pass_leaves(&mut self, is_wanted: &impl Fn(&[u8]) -> bool) {
        let Some(within) = self.open.last_mut() else { return };
        let (false, Step::Nth(_)) = (within.is_map, within.step) else { return };
        // The last value of what has its length in front also ends that.
        let most = within.left.map_or(usize::MAX, |left| left - 1);
        let (mut rest, mut passed) = (&self.cursor.bytes[self.cursor.at..], 0);
        while passed < most
            && let Some((leaf, behind)) = short_leaf(rest)
            && !is_wanted(leaf)
        {
            (rest, passed) = (behind, passed + 1);
        }
        self.cursor.at = self.cursor.bytes.len() - rest.len();
        within.read += passed;
        within.step = Step::Nth(within.read);
        within.left = within.left.map(|left| left - passed);
    }

    /// Reads on, to the next value or end of one: whether there is more.
    fn step(&mut self, visit: &mut impl FnMut(Piece<'_, 'a>) -> bool) -> Result<bool> {
        let start = self.cursor.at;
        let tag = self.cursor.byte()?;
        if self.leaf(tag)? {
            let weight = match self.weighs {
                true => weight(&self.cursor.bytes[start..self.cursor.at]),
                false => Weight::NOTHING,
            };
            self.leaves = self.leaves.and(weight);
            return Ok(self.complete(start, weight, visit));
        }
        let (left, is_map, step) = match tag {
            tag::END => {
                self.cursor.length()?;
                let Some(ended) = self.open.pop() else { return Err(self.cursor.wrong("an end of nothing")) };
                return Ok(self.complete(ended.start, ended.weight, visit));
            }
            tag::FIELD => {
                let name = self.cursor.text()?;
                if let Some(within) = self.open.last_mut() {
                    within.step = Step::Field(name);
                }
                return Ok(true);
            }
            tag::SOME => (Some(1), false, Step::Same),
            tag::NEWTYPE_VARIANT => (Some(1), false, Step::Field(self.cursor.text()?)),
            tag::SEQ | tag::TUPLE | tag::STRUCT => (None, false, Step::Nth(0)),
            tag::TUPLE_VARIANT | tag::STRUCT_VARIANT => {
                self.cursor.text()?;
                (None, false, Step::Nth(0))
            }
            tag::ORDERED_MAP => (None, true, Step::Nth(0)),
            tag::SET => (Some(self.cursor.length()?), false, Step::Nth(0)),
            tag::MAP => (Some(self.cursor.length()?.saturating_mul(2)), true, Step::Nth(0)),
            _ => return Err(self.cursor.wrong("an unknown tag")),
        };
        if left == Some(0) {
            return Ok(self.complete(start, Weight::NOTHING, visit));
        }
        self.open.push(Within { start, left, is_map, read: 0, step, weight: Weight::NOTHING, is_enough: false });
        Ok(true)
    }

    /// Reads a value that has no parts, behind its tag; `false` for any other.
    fn leaf(&mut self, tag: u8) -> Result<bool> {
        let cursor = &mut self.cursor;
        match tag {
            tag::UNIT | tag::NONE | tag::FALSE | tag::TRUE => {}
            tag::INT => {
                let length = usize::from(cursor.byte()?);
                cursor.take(length)?;
            }
            tag::F32 | tag::CHAR => drop(cursor.take(4)?),
            tag::F64 => drop(cursor.take(8)?),
            tag::STR | tag::BYTES => {
                let length = cursor.length()?;
                cursor.take(length)?;
            }
            tag::UNIT_VARIANT => drop(cursor.text()?),
            tag::FILE => {
                let flags = cursor.byte()?;
                if flags & !(file_flag::TREE | file_flag::CHOSEN) != 0 {
                    return Err(cursor.wrong("a malformed file"));
                }
                cursor.take(32)?;
                cursor.text()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A value that began at `start` ends here, and so may those that it is the last of: whether there is more.
    fn complete(
        &mut self,
        mut start: usize,
        mut weight: Weight,
        visit: &mut impl FnMut(Piece<'_, 'a>) -> bool,
    ) -> bool {
        loop {
            let bytes = &self.cursor.bytes[start..self.cursor.at];
            let more = visit(Piece { bytes, start, depth: self.open.len(), weight, within: &self.open });
            let Some(within) = self.open.last_mut() else { return false };
            within.is_enough |= !more;
            within.weight = within.weight.and(weight);
            within.read += 1;
            match (within.is_map, within.step) {
                (true, _) if within.read % 2 == 1 => within.step = entry(bytes, within.read / 2),
                (false, Step::Nth(_)) => within.step = Step::Nth(within.read),
                _ => {}
            }
            match &mut within.left {
                Some(1) => (start, weight) = (within.start, within.weight),
                Some(left) => {
                    *left -= 1;
                    return true;
                }
                None => return true,
            }
            self.open.pop();
        }
    }
}

/// How to get to the value of a map whose key this is, the `nth`.
fn entry(key: &[u8], nth: usize) -> Step<'_> {
    let text = key.strip_prefix(&[tag::STR]).and_then(|key| Cursor::new(key).text().ok());
    text.map_or(Step::Nth(nth), Step::Entry)
}

/// Splits off a number, a truth value or a short text, if one is in front.
#[inline]
fn short_leaf(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = match *bytes {
        [tag::F64, ..] => 9,
        [tag::F32 | tag::CHAR, ..] => 5,
        // Of a length below 128, which is one byte.
        [tag::INT | tag::STR | tag::BYTES, length @ ..0x80, ..] => 2 + usize::from(length),
        [tag::UNIT | tag::NONE | tag::FALSE | tag::TRUE, ..] => 1,
        _ => return None,
    };
    bytes.split_at_checked(length)
}

/// The weight of a value that has no parts.
fn weight(leaf: &[u8]) -> Weight {
    match *leaf {
        [tag::INT, length, .., last] => match (length, last) {
            (..=2, _) | (3, 0) => Weight::LITTLE,
            (..=5, _) => Weight::ORDINARY,
            _ => Weight::DISTINCT,
        },
        [tag::F32, a, b, c, d] => {
            let value = f32::from_le_bytes([a, b, c, d]);
            number(value.into(), |decimal| decimal as f32 == value)
        }
        [tag::F64, ref bytes @ ..] => {
            let value = bytes.first_chunk().map_or(0.0, |bytes| f64::from_le_bytes(*bytes));
            number(value, |decimal| decimal == value)
        }
        [tag::INT | tag::CHAR, ..] => Weight::LITTLE,
        // Behind the length, which is one byte of a text that is short.
        [tag::STR | tag::BYTES, _, ref content @ ..] => match content.len() {
            0 => Weight::NOTHING,
            1..=3 => Weight::LITTLE,
            4..=15 => Weight::ORDINARY,
            _ => Weight::DISTINCT,
        },
        _ => Weight::NOTHING,
    }
}

/// `is` says whether a number is this one.
fn number(value: f64, is: impl Fn(f64) -> bool) -> Weight {
    const FEW_DECIMALS: f64 = 1e6;
    if !value.is_finite() || (value.fract() == 0.0 && value.abs() < 65_536.0) {
        return Weight::LITTLE;
    }
    let readable = is((value * FEW_DECIMALS).round() / FEW_DECIMALS);
    // Thresholds and rates that people write may be very small, and few of what a program computes is.
    if readable || value.abs() < 1e-3 || value.abs() > 1e9 { Weight::ORDINARY } else { Weight::DISTINCT }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use serde::Serialize;

    use super::*;
    use crate::canonical::encode;

    #[derive(Serialize)]
    enum Kind {
        Plain,
        Wrapped(Vec<f64>),
        Pair(u8, String),
        Named { rate: f64 },
    }

    #[derive(Serialize)]
    struct Model {
        weights: Vec<f64>,
        kinds: (Kind, Kind, Kind, Kind),
        by_name: BTreeMap<String, Option<Vec<u32>>>,
        set: HashSet<u32>,
        nothing: (),
    }

    fn model() -> Model {
        let kinds = (Kind::Plain, Kind::Wrapped(vec![0.5]), Kind::Pair(1, "x".into()), Kind::Named { rate: 0.25 });
        let by_name = BTreeMap::from([("a".to_owned(), None), ("b".to_owned(), Some(vec![1, 2]))]);
        Model { weights: vec![0.5, 1.5], kinds, by_name, set: HashSet::from([7]), nothing: () }
    }

    #[test]
    fn every_part_is_the_encoding_of_what_is_there() {
        let whole = encode(&model()).unwrap().bytes;
        let mut found = BTreeMap::new();
        each_piece(&whole, |part| drop(found.insert(part.path(), part.bytes.to_vec()))).unwrap();
        let mut expect = |path: &str, bytes: Vec<u8>| assert_eq!(found.remove(path), Some(bytes), "{path}");
        expect("", whole.clone());
        expect(".weights", encode(&[0.5, 1.5][..]).unwrap().bytes);
        expect(".weights[1]", encode(&1.5).unwrap().bytes);
        expect(".kinds[1]", encode(&Kind::Wrapped(vec![0.5])).unwrap().bytes);
        expect(".kinds[1].Wrapped", encode(&vec![0.5]).unwrap().bytes);
        expect(".kinds[2][1]", encode("x").unwrap().bytes);
        expect(".kinds[3].rate", encode(&0.25).unwrap().bytes);
        expect(".by_name[\"b\"][1]", encode(&2).unwrap().bytes);
        expect(".set[0]", encode(&7).unwrap().bytes);
        expect(".nothing", encode(&()).unwrap().bytes);
    }

    #[test]
    fn what_is_wanted_is_shown_as_it_is_among_all() {
        let texts: Vec<String> = (0..300).map(|n| "x".repeat(n % 140)).collect();
        let numbers: (Vec<f64>, Vec<f32>, [i64; 4]) = (vec![0.5; 40], vec![0.5, 2.0], [0, 200, 70_000, i64::MIN]);
        let chars = (vec!['a', 'b'], vec![true, false], vec![(), ()], vec![Some(1), None, None, Some(2)]);
        let set: HashSet<u32> = (0..40).collect();
        let whole = encode(&(model(), texts, numbers, chars, set, vec![vec![1, 2], vec![], vec![3]])).unwrap().bytes;
        let seen = |piece: Piece<'_, '_>| (piece.path(), piece.start, piece.depth, piece.bytes.to_vec());
        let mut all = Vec::new();
        each_piece(&whole, |piece| all.push(seen(piece))).unwrap();
        for (_, _, _, one) in &all {
            let mut shown = Vec::new();
            each_wanted(&whole, |bytes| bytes == one, |piece| shown.push(seen(piece))).unwrap();
            assert_eq!(shown, all.iter().filter(|seen| seen.3 == *one).cloned().collect::<Vec<_>>());
        }
        let mut shown = Vec::new();
        each_wanted(&whole, |_| true, |piece| shown.push(seen(piece))).unwrap();
        assert_eq!(shown, all);
        for cut in 0..whole.len() {
            assert!(each_wanted(&whole[..cut], |_| false, |_| {}).is_err(), "{cut}");
        }
    }

    #[test]
    fn leaves_that_nobody_wants_are_passed_over_and_all_else_is_as_it_is() {
        let rows: Vec<Vec<f64>> = (0..6_u8).map(|n| vec![f64::from(n) / 7.3; 40]).collect();
        let whole = encode(&(rows, vec![true; 60], model())).unwrap().bytes;
        let seen = |piece: &Piece<'_, '_>| (piece.path(), piece.weight.is_distinct(), piece.bytes.to_vec());
        let (mut all, mut some, mut leaves) = (Vec::new(), Vec::new(), Vec::new());
        each_piece(&whole, |piece| all.push(seen(&piece))).unwrap();
        each_of_interest(&whole, |piece| {
            let is_leaf = piece.bytes[0] == tag::F64 || piece.bytes.len() == 1;
            let list = if is_leaf { &mut leaves } else { &mut some };
            list.push(seen(&piece));
            !is_leaf
        })
        .unwrap();
        let is_leaf = |(_, _, bytes): &&(String, bool, Vec<u8>)| bytes[0] == tag::F64 || bytes.len() == 1;
        assert_eq!(some, all.iter().filter(|seen| !is_leaf(seen)).cloned().collect::<Vec<_>>());
        // Truth values weigh nothing, and so all of them count.
        assert!((60..110).contains(&leaves.len()), "{}", leaves.len());
        assert!(leaves.iter().all(|leaf| all.contains(leaf)));
        for cut in 0..whole.len() {
            assert!(each_of_interest(&whole[..cut], |_| false).is_err(), "{cut}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused_and_depth_costs_no_stack() {
        let whole = encode(&model()).unwrap().bytes;
        for cut in 0..whole.len() {
            assert!(each_piece(&whole[..cut], |_| {}).is_err(), "{cut}");
        }
        let deep = [vec![tag::SOME; 1_000_000], vec![tag::UNIT]].concat();
        let mut parts = 0;
        each_piece(&deep, |_| parts += 1).unwrap();
        assert_eq!(parts, 1_000_001);
    }

    #[test]
    fn what_people_write_is_not_distinct() {
        let distinct = |bytes: &[u8]| {
            let mut distinct = false;
            each_piece(bytes, |part| distinct = part.weight.is_distinct()).unwrap();
            distinct
        };
        for written in [0.1, 0.25, 3e-4, 1e-8, 2.5e10, 123.456] {
            assert!(!distinct(&encode(&written).unwrap().bytes), "{written}");
        }
        assert!(!distinct(&encode(&0.1_f32).unwrap().bytes));
        assert!(distinct(&encode(&(1.0 / 3.0)).unwrap().bytes) && distinct(&encode(&(2.0_f32 / 3.0)).unwrap().bytes));
        assert!(distinct(&encode(&[0.1, 0.2, 0.3, 0.4]).unwrap().bytes));
    }
}
