//! The parts of a value: the encoding of each is a slice of the encoding of the whole.
//!
//! The walk needs no stack of the thread, however deep a value is nested.

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
    /// How to get to it from the whole, as `.scores[3]`; empty for the whole.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        for within in self.within {
            match within.step {
                Step::Field(name) => path.push_str(&format!(".{name}")),
                Step::Entry(key) => path.push_str(&format!("[{key:?}]")),
                Step::Nth(at) => path.push_str(&format!("[{at}]")),
                Step::Same => {}
            }
        }
        path
    }
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
        match walk.step(&mut |_| {}) {
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
pub(crate) fn each_piece<'a>(bytes: &'a [u8], mut visit: impl FnMut(Piece<'_, 'a>)) -> Result<()> {
    let mut walk = Walk::new(bytes);
    while walk.step(&mut visit)? {}
    if walk.cursor.is_at_end() { Ok(()) } else { Err(walk.cursor.wrong("more bytes than one value")) }
}

struct Walk<'a> {
    cursor: Cursor<'a>,
    open: Vec<Within<'a>>,
    /// The weights of all leaves so far.
    leaves: Weight,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(bytes), open: Vec::new(), leaves: Weight::NOTHING }
    }

    /// Reads on, to the next value or end of one: whether there is more.
    fn step(&mut self, visit: &mut impl FnMut(Piece<'_, 'a>)) -> Result<bool> {
        let start = self.cursor.at;
        let tag = self.cursor.byte()?;
        if let Some(weight) = self.leaf(tag)? {
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
        self.open.push(Within { start, left, is_map, read: 0, step, weight: Weight::NOTHING });
        Ok(true)
    }

    /// The weight of a value that has no parts, behind its tag; `None` for any other.
    fn leaf(&mut self, tag: u8) -> Result<Option<Weight>> {
        let cursor = &mut self.cursor;
        let weight = match tag {
            tag::UNIT | tag::NONE | tag::FALSE | tag::TRUE => Weight::NOTHING,
            tag::INT => {
                let length = usize::from(cursor.byte()?);
                match (length, cursor.take(length)?.last()) {
                    (..=2, _) | (3, Some(0)) => Weight::LITTLE,
                    (..=5, _) => Weight::ORDINARY,
                    _ => Weight::DISTINCT,
                }
            }
            tag::F32 => {
                let value = f32::from_le_bytes(cursor.array()?);
                number(value.into(), |decimal| decimal as f32 == value)
            }
            tag::F64 => {
                let value = f64::from_le_bytes(cursor.array()?);
                number(value, |decimal| decimal == value)
            }
            tag::CHAR => {
                cursor.take(4)?;
                Weight::LITTLE
            }
            tag::STR | tag::BYTES => {
                let length = cursor.length()?;
                cursor.take(length)?;
                match length {
                    0 => Weight::NOTHING,
                    1..=3 => Weight::LITTLE,
                    4..=15 => Weight::ORDINARY,
                    _ => Weight::DISTINCT,
                }
            }
            tag::UNIT_VARIANT => {
                cursor.text()?;
                Weight::NOTHING
            }
            tag::FILE => {
                let flags = cursor.byte()?;
                if flags & !(file_flag::TREE | file_flag::CHOSEN) != 0 {
                    return Err(cursor.wrong("a malformed file"));
                }
                cursor.take(32)?;
                cursor.text()?;
                Weight::NOTHING
            }
            _ => return Ok(None),
        };
        Ok(Some(weight))
    }

    /// A value that began at `start` ends here, and so may those that it is the last of: whether there is more.
    fn complete(&mut self, mut start: usize, mut weight: Weight, visit: &mut impl FnMut(Piece<'_, 'a>)) -> bool {
        loop {
            let bytes = &self.cursor.bytes[start..self.cursor.at];
            visit(Piece { bytes, start, depth: self.open.len(), weight, within: &self.open });
            let Some(within) = self.open.last_mut() else { return false };
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
