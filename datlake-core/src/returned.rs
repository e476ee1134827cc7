//! Which values a process got from calls, so that they are recognised among the arguments of others.
//!
//! A call that is found hands over the encoding that checking it has made anyway; nothing is computed before a call misses.
//! A call that returned what it was given did not make that: the value leads to the call that did.
//! All that is kept is bounded: what is forgotten makes no edge, and what was never known neither.

mod filter;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::filter::{Filter, Sample};
use crate::canonical::{self, Piece, each_of_interest, each_wanted};
use crate::key::ArgumentBytes;
use crate::lineage::ValueInput;
use crate::record::CallValue;
use crate::{CallKey, CreatorName, Digest, Identity};

/// Bytes of encodings that wait to be looked into; of more, the values are known as wholes alone.
const PENDING_BYTES: usize = 16 << 20;
/// Values that wait.
const PENDING: usize = 1 << 16;
/// Values and parts that a generation knows. There are two, so that what is used stays known.
const GENERATION: usize = 1 << 16;
/// Of what a call returned: how deep, and how many parts are known.
const PART_DEPTH: usize = 3;
const PARTS: usize = 256;
/// How deep values in arguments are recognised.
const DEPTH: usize = 8;
/// Calls that returned alike, for one value.
const ALIKE: usize = 8;
/// Edges of one call.
const EDGES: usize = 1000;
/// Values that are known again where they come again in an argument.
const RECENT: usize = 64;

/// A call that returned a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReturnedBy {
    /// The creator.
    pub creator: CreatorName,
    /// The key that its record is kept under.
    pub key: CallKey,
    /// Canonical digest of all that it returned.
    pub digest: Digest,
}

impl ReturnedBy {
    /// The call that has this answer.
    pub fn of(answer: &CallValue) -> Self {
        Self { creator: answer.creator.clone(), key: answer.key, digest: answer.value_digest }
    }
}

/// The values that a process got from the calls of one lake.
#[derive(Debug, Default)]
pub struct ReturnedValues {
    pending: Mutex<Pending>,
    known: Mutex<KnownValues>,
}

/// Values among the arguments of a call that other calls returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueInputs {
    /// Arguments in order, values in the order of the encoding.
    pub values: Vec<ValueInput>,
    /// How many more there were.
    pub left_out: u64,
}

impl ValueInputs {
    /// Adds one, unless there are too many.
    pub fn add(&mut self, value: ValueInput) {
        match self.values.len() < EDGES {
            true => self.values.push(value),
            false => self.left_out += 1,
        }
    }
}

#[derive(Debug, Default)]
struct Pending {
    values: VecDeque<Noted>,
    bytes: usize,
}

/// A call that returned, and what.
#[derive(Debug)]
struct Noted {
    by: ReturnedBy,
    /// Which calls it was given values of is read from there.
    answer: Option<Arc<CallValue>>,
    length: usize,
    encoding: Option<Vec<u8>>,
}

/// A call that returned, and the calls whose values it was given, in order.
#[derive(Debug)]
struct Maker {
    by: ReturnedBy,
    given: Vec<CallKey>,
}

#[derive(Debug, Default)]
struct KnownValues {
    latest: Generation,
    earlier: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    values: HashMap<Mark, Vec<Returned>>,
    /// Of all encodings; of those that did not wait, of the lengths alone.
    filter: Filter,
    count: usize,
}

#[derive(Clone, Debug)]
struct Returned {
    maker: Arc<Maker>,
    is_part: bool,
}

impl Returned {
    /// Whether the call was given what one of the `others` returned, and so passed it on.
    fn is_passed_on(&self, others: &[Self]) -> bool {
        let given = |other: &Self| self.maker.given.binary_search(&other.maker.by.key).is_ok();
        !self.maker.given.is_empty() && others.iter().any(given)
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.maker.by, self.is_part) == (&other.maker.by, other.is_part)
    }
}

/// A value in an argument that calls returned.
struct Found {
    start: usize,
    at: String,
    returned: Vec<Returned>,
}

impl Found {
    fn whole(returned: Vec<Returned>) -> Self {
        Self { start: 0, at: String::new(), returned }
    }
}

/// Tells encodings apart: a short one is its own mark, of a long one the digest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Mark(u8, [u8; 32]);

impl Mark {
    const LONG: u8 = 33;

    fn of(bytes: &[u8]) -> Self {
        match bytes.len() {
            short @ ..=32 => {
                let mut own = [0; 32];
                own[..short].copy_from_slice(bytes);
                Self(short as u8, own)
            }
            _ => Self::long(&canonical::digest(bytes)),
        }
    }

    fn long(digest: &Digest) -> Self {
        Self(Self::LONG, *digest.as_bytes())
    }
}

impl ReturnedValues {
    /// A call was found or made, with this answer: it returned the value with this encoding.
    pub fn note(&self, answer: &Arc<CallValue>, encoding: Vec<u8>) {
        self.wait(ReturnedBy::of(answer), Some(Arc::clone(answer)), encoding);
    }

    fn wait(&self, by: ReturnedBy, answer: Option<Arc<CallValue>>, encoding: Vec<u8>) {
        // Of nothing less is a part distinct.
        if !canonical::is_telling(&encoding) {
            return;
        }
        let mut pending = lock(&self.pending);
        if pending.values.len() >= PENDING
            && let Some(Noted { length, encoding: Some(_), .. }) = pending.values.pop_front()
        {
            pending.bytes -= length;
        }
        let length = encoding.len();
        let room = pending.bytes + length <= PENDING_BYTES;
        pending.bytes += if room { length } else { 0 };
        pending.values.push_back(Noted { by, answer, length, encoding: room.then_some(encoding) });
    }

    /// The values among the arguments of a call that is about to run, as far as this process got them from calls.
    pub fn inputs(&self, identity: &Identity) -> ValueInputs {
        let mut known = lock(&self.known);
        let Pending { values, .. } = std::mem::take(&mut *lock(&self.pending));
        values.into_iter().for_each(|noted| known.learn(noted));
        let mut found = ValueInputs::default();
        if known.latest.values.is_empty() && known.earlier.values.is_empty() {
            return found;
        }
        for (argument, bytes) in identity.contents() {
            // A call that returned what stands in many places of an argument is one edge.
            let mut calls = HashSet::from([identity.key]);
            let within = match bytes {
                ArgumentBytes::Digest(digest) => Vec::from_iter(known.at(&Mark::long(&digest)).map(Found::whole)),
                ArgumentBytes::Whole(bytes) => known.within(bytes),
            };
            for Found { at, returned, .. } in within {
                for Returned { maker, is_part } in returned {
                    if !calls.insert(maker.by.key) {
                        continue;
                    }
                    let ReturnedBy { creator, key, digest } = maker.by.clone();
                    let argument = Some(argument.to_owned());
                    found.add(ValueInput { argument, at: at.clone(), creator, key, digest, part: is_part });
                }
            }
        }
        found
    }
}

impl KnownValues {
    fn learn(&mut self, Noted { by, answer, length, encoding }: Noted) {
        let mut given = answer.map_or_else(Vec::new, |answer| answer.given());
        given.sort_unstable();
        given.dedup();
        self.make_room(1 + given.len());
        let maker = Arc::new(Maker { by, given });
        let Some(encoding) = encoding else {
            let (mark, sample) = (Mark::long(&maker.by.digest), Sample::of_length(length));
            return self.add(mark, sample, Returned { maker, is_part: false });
        };
        let mut learned: [Vec<&[u8]>; PART_DEPTH + 1] = Default::default();
        let walked = each_of_interest(&encoding, |piece| {
            let counts = match piece.depth {
                0 => piece.weight.is_telling(),
                _ => piece.weight.is_distinct(),
            };
            let parts = learned.get_mut(piece.depth).filter(|parts| parts.len() < PARTS);
            let is_wanted = parts.is_some();
            parts.filter(|_| counts).into_iter().for_each(|parts| parts.push(piece.bytes));
            is_wanted
        });
        let [whole, parts @ ..] = learned;
        let Some(whole) = whole.first().filter(|_| walked.is_ok()) else { return };
        // What is nearest to the whole is the likeliest to be handed on.
        let parts = parts.into_iter().flatten().take(PARTS).map(|bytes| (bytes, true));
        for (bytes, is_part) in std::iter::once((*whole, false)).chain(parts) {
            let mark = match is_part || bytes.len() <= 32 {
                true => Mark::of(bytes),
                false => Mark::long(&maker.by.digest),
            };
            self.add(mark, Sample::of(bytes), Returned { maker: Arc::clone(&maker), is_part });
        }
    }

    /// Counts so many more.
    fn make_room(&mut self, count: usize) {
        if self.latest.count >= GENERATION {
            self.earlier = std::mem::take(&mut self.latest);
        }
        self.latest.count += count;
    }

    fn add(&mut self, mark: Mark, sample: Sample, returned: Returned) {
        // Of a long one no more than its length may be known.
        let is_passed_on = |of: &Generation| {
            (sample.is_long() || of.filter.may_have(sample))
                && of.values.get(&mark).is_some_and(|calls| returned.is_passed_on(calls))
        };
        if is_passed_on(&self.latest) || is_passed_on(&self.earlier) {
            return;
        }
        self.make_room(1);
        let calls = self.latest.values.entry(mark).or_default();
        if calls.iter().any(|known| known.is_same(&returned)) {
            return;
        }
        // The latest are the likeliest.
        if calls.len() == ALIKE {
            calls.remove(0);
        }
        calls.push(returned);
        self.latest.filter.add(sample);
    }

    /// Whether the value with this encoding may be known.
    #[inline]
    fn may_have(&self, bytes: &[u8]) -> bool {
        let length = bytes.len();
        let of_length = |known: &Generation| known.filter.may_have_length(length);
        // The second is empty most of the time.
        if !of_length(&self.latest) && !of_length(&self.earlier) {
            return false;
        }
        let may_have = |sample| self.latest.filter.may_have(sample) || self.earlier.filter.may_have(sample);
        may_have(Sample::of(bytes)) || (length > 32 && may_have(Sample::of_length(length)))
    }

    /// The known values in an argument, in order: of those that stand in others, the outermost.
    fn within(&self, argument: &[u8]) -> Vec<Found> {
        if let Some(returned) = self.find(argument) {
            return vec![Found::whole(returned)];
        }
        let mut found: Vec<Found> = Vec::new();
        // Which of these were found last: where the same values come again and again, they are looked up once.
        let mut recent = [0; RECENT];
        let visit = |part: Piece<'_, '_>| {
            if !(1..=DEPTH).contains(&part.depth) {
                return;
            }
            let recent = &mut recent[Sample::of(part.bytes).slot(RECENT)];
            // No encoding begins another.
            if found.get(*recent).is_some_and(|one| argument[one.start..].starts_with(part.bytes)) {
                return;
            }
            if let Some(returned) = self.at(&Mark::of(part.bytes)) {
                // What is in it came with it.
                found.truncate(found.partition_point(|one| one.start < part.start));
                *recent = found.len();
                found.push(Found { start: part.start, at: part.path(), returned });
            }
        };
        // Its encoding was just written.
        drop(each_wanted(argument, |bytes| self.may_have(bytes), visit));
        found
    }

    /// The calls that returned the value with this encoding.
    fn find(&self, bytes: &[u8]) -> Option<Vec<Returned>> {
        self.may_have(bytes).then(|| self.at(&Mark::of(bytes)))?
    }

    /// The calls that returned the value with this mark: those that returned just that, else those that returned more.
    fn at(&self, mark: &Mark) -> Option<Vec<Returned>> {
        let generations = [&self.latest, &self.earlier];
        if !generations.iter().any(|generation| generation.values.contains_key(mark)) {
            return None;
        }
        let mut found: Vec<Returned> =
            generations.iter().filter_map(|generation| generation.values.get(mark)).flatten().cloned().collect();
        // Whoever passed it on may have been learned first.
        let makers: Vec<Returned> = found.iter().filter(|one| !one.is_passed_on(&found)).cloned().collect();
        if !makers.is_empty() {
            found = makers;
        }
        if found.iter().any(|one| !one.is_part) {
            found.retain(|one| !one.is_part);
        }
        found.sort_by(|a, b| a.maker.by.cmp(&b.maker.by));
        found.dedup_by(|a, b| a.is_same(b));
        found.truncate(ALIKE);
        (!found.is_empty()).then_some(found)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, KeyBuilder};

    static CODE: Code = Code {
        package: "shop",
        package_version: "1.0.0",
        manifest_dir: "",
        module: "shop",
        name: "report",
        given_name: None,
        file: "src/lib.rs",
        line: 1,
        blob: [0; 20],
        own: [1; 32],
        conditions: &[],
        embedded: &[],
        dependencies: &[],
        found: None,
        lock: None,
        features: &[],
        cfg: &[],
    };

    fn identity<T: serde::Serialize>(argument: &T) -> Identity {
        let mut key = KeyBuilder::new(&CODE).unwrap();
        key.arg("argument", argument);
        key.finish().unwrap()
    }

    /// Notes that the call number `n` returned `value`.
    fn note<T: serde::Serialize>(returned: &ReturnedValues, n: u32, value: &T) {
        let encoded = canonical::encode(value).unwrap();
        let key = CallKey::from_bytes(blake3::hash(&n.to_le_bytes()).into());
        let by = ReturnedBy { creator: CreatorName::new("shop/shop::train").unwrap(), key, digest: encoded.digest() };
        returned.wait(by, None, encoded.bytes);
    }

    #[test]
    fn of_very_many_values_a_thousand_are_edges() {
        let returned = ReturnedValues::default();
        let values: Vec<f64> = (0..100_000).map(|n| f64::from(n) / 3.1 + 0.013).collect();
        (0..1010).for_each(|n| note(&returned, n, &values[90_000 + n as usize]));
        let found = returned.inputs(&identity(&values));
        assert_eq!((found.values.len(), found.left_out), (1000, 10));
        assert_eq!(found.values[0].at, "[90000]");
        // One call that returned all of them is one edge.
        note(&returned, 5000, &values);
        let found = returned.inputs(&identity(&(values, 1)));
        assert_eq!((found.values.len(), &*found.values[0].at), (1, "[0]"));
    }

    #[test]
    fn a_value_that_comes_again_is_an_edge_also_where_it_came_within_another() {
        let returned = ReturnedValues::default();
        let (row, value) = (vec![0.1234567, 2.0], 0.7654321);
        note(&returned, 1, &value);
        note(&returned, 2, &(&row, value));
        // First in what another call returned, then by itself.
        let argument = ((&row, value), vec![value; 100], &row);
        let found = returned.inputs(&identity(&argument));
        let found: Vec<_> = found.values.iter().map(|value| (&*value.at, value.part)).collect();
        assert_eq!(found, [("[0]", false), ("[1][0]", false)]);
    }

    #[test]
    fn what_is_known_is_bounded_and_the_latest_stays() {
        let returned = ReturnedValues::default();
        let many = 3 * GENERATION as u32;
        for n in 0..many {
            note(&returned, n, &(f64::from(n) / 7.1));
            if n % 1000 == 0 {
                returned.inputs(&identity(&()));
            }
        }
        let known = |n: u32| returned.inputs(&identity(&(f64::from(n) / 7.1))).values.len();
        assert_eq!((known(0), known(many - 1)), (0, 1));
        let known = lock(&returned.known);
        assert!(known.latest.count <= GENERATION + 2 && known.earlier.count <= GENERATION + 2);
    }

    #[test]
    fn values_that_are_too_many_to_wait_are_known_as_wholes() {
        let returned = ReturnedValues::default();
        let large: Vec<Vec<f64>> =
            (0..40_u32).map(|n| (0..100_000).map(|k| f64::from(n + k) / 3.1).collect()).collect();
        (0..).zip(&large).for_each(|(n, value)| note(&returned, n, value));
        assert!(lock(&returned.pending).bytes <= PENDING_BYTES);
        for value in [&large[0], &large[39]] {
            assert_eq!(returned.inputs(&identity(value)).values.len(), 1);
        }
    }
}
