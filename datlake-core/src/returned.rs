//! Which values a process got from calls, so that they are recognised among the arguments of others.
//!
//! A call that is found hands over the encoding that checking it has made anyway; nothing is computed before a call misses.
//! A call that returned what it was given did not make that: the value leads to the call that did.
//! All that is kept is bounded: what is forgotten makes no edge, and what was never known neither.

mod filter;
mod rest;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::filter::{Filter, Sample};
use self::rest::{StandIn, rest};
use crate::canonical::{self, Piece, each_of_interest, each_wanted};
use crate::key::{ArgumentBytes, LARGE};
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
/// Bytes of the way to a part; where it is longer, nothing says which part it is.
const WAY: usize = 256;
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
    /// What is left of arguments without what lineage leads to, as in [`Lineage::rests`](crate::lineage::Lineage::rests).
    pub rests: BTreeMap<String, Digest>,
}

impl ValueInputs {
    /// Adds one, unless there are too many: whether it was added.
    pub fn add(&mut self, value: ValueInput) -> bool {
        let has_room = self.values.len() < EDGES;
        match has_room {
            true => self.values.push(value),
            false => self.left_out += 1,
        }
        has_room
    }

    /// Adds the values that were found in an argument.
    fn add_found(&mut self, argument: &str, call: CallKey, found: &[FoundValue<'_>]) -> Edges {
        // A call that returned what stands in many places of an argument is one edge.
        let (mut seen, mut edges) = (HashSet::from([call]), Edges::default());
        for FoundValue { at, returned, .. } in found {
            for Returned { maker, part } in returned {
                if !seen.insert(maker.by.key) {
                    continue;
                }
                let ReturnedBy { creator, key, digest } = maker.by.clone();
                let (argument, at) = (Some(argument.to_owned()), at.clone());
                let value = ValueInput { argument, at, creator, key, digest, part: part.is_some() };
                match self.add(value) {
                    true => drop(edges.places.insert(key, edges.places.len())),
                    false => edges.left_out = true,
                }
            }
        }
        edges
    }
}

/// Where the edges of an argument stand among one another, by the calls that they lead to.
#[derive(Default)]
struct Edges {
    places: HashMap<CallKey, usize>,
    /// Whether there are more than are kept.
    left_out: bool,
}

#[derive(Debug, Default)]
struct Pending {
    values: VecDeque<Noted>,
    bytes: usize,
}

/// A call that returned, and what.
#[derive(Debug)]
struct Noted {
    answer: Arc<CallValue>,
    length: usize,
    encoding: Option<Box<[u8]>>,
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
    /// Which part it is of what the call returned; `None` where it is all of that.
    part: Option<Way>,
}

/// The way to a part; `None` where that is too long to be kept.
type Way = Option<Arc<str>>;

impl Returned {
    /// Whether the call was given what one of the `others` returned, and so passed it on.
    fn is_passed_on(&self, others: &[Self]) -> bool {
        let given = |other: &Self| self.maker.given.binary_search(&other.maker.by.key).is_ok();
        !self.maker.given.is_empty() && others.iter().any(given)
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.maker.by, self.part.is_some()) == (&other.maker.by, other.part.is_some())
    }
}

/// A value in an argument that calls returned.
struct FoundValue<'a> {
    start: usize,
    /// Empty where it was not kept.
    bytes: &'a [u8],
    at: String,
    returned: Vec<Returned>,
}

impl<'a> FoundValue<'a> {
    fn whole(bytes: &'a [u8], returned: Vec<Returned>) -> Self {
        Self { start: 0, bytes, at: String::new(), returned }
    }

    /// What stands for it where the edges to its calls are these. `None` where there are none, and `Some(None)` where nothing says
    /// which part it is.
    fn stand_in(&self, edges: &Edges) -> Option<Option<StandIn>> {
        let mut calls = Vec::new();
        for Returned { maker, part } in &self.returned {
            let Some(place) = edges.places.get(&maker.by.key) else { continue };
            match part {
                Some(None) => return Some(None),
                Some(Some(way)) => calls.push((*place, Some(&**way))),
                None => calls.push((*place, None)),
            }
        }
        (!calls.is_empty()).then(|| Some(StandIn::new(calls.into_iter())))
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
        let encoding = room.then(|| encoding.into_boxed_slice());
        pending.values.push_back(Noted { answer: Arc::clone(answer), length, encoding });
    }

    /// The values among the arguments of a call that is about to run, as far as this process got them from calls.
    pub fn inputs(&self, identity: &Identity) -> ValueInputs {
        let mut known = lock(&self.known);
        let Pending { values, .. } = std::mem::take(&mut *lock(&self.pending));
        values.into_iter().for_each(|noted| known.learn(noted));
        let mut inputs = ValueInputs::default();
        for (argument, bytes) in identity.contents() {
            let found = match bytes {
                ArgumentBytes::Digest(digest) => {
                    Vec::from_iter(known.at(&Mark::long(&digest)).map(|by| FoundValue::whole(&[], by)))
                }
                ArgumentBytes::Whole(bytes) => known.within(bytes),
            };
            let edges = inputs.add_found(argument, identity.key, &found);
            let ArgumentBytes::Whole(bytes) = bytes else { continue };
            // What is shown shows its files.
            let hides_files = bytes.len() > LARGE && identity.inputs().iter().any(|(of, _)| *of == argument);
            if let Some(rest) = known.rest(bytes, &found, &edges, hides_files)
                && inputs.rests.insert(argument.to_owned(), rest).is_some()
            {
                // An expression of `key(…)` is called as an argument is.
                inputs.rests.remove(argument);
            }
        }
        inputs
    }
}

impl KnownValues {
    fn learn(&mut self, Noted { answer, length, encoding }: Noted) {
        let (by, mut given) = (ReturnedBy::of(&answer), answer.given());
        given.sort_unstable();
        given.dedup();
        self.make_room(1 + given.len());
        let maker = Arc::new(Maker { by, given });
        let Some(encoding) = encoding else {
            let (mark, sample) = (Mark::long(&maker.by.digest), Sample::of_length(length));
            return self.add(mark, sample, Returned { maker, part: None });
        };
        let mut learned: [Vec<(&[u8], Option<Way>)>; PART_DEPTH + 1] = Default::default();
        let walked = each_of_interest(&encoding, |piece| {
            let counts = match piece.depth {
                0 => piece.weight.is_telling(),
                _ => piece.weight.is_distinct(),
            };
            let parts = learned.get_mut(piece.depth).filter(|parts| parts.len() < PARTS);
            let is_wanted = parts.is_some();
            if let Some(parts) = parts.filter(|_| counts) {
                let way = || Some(piece.path()).filter(|way| way.len() <= WAY).map(Arc::from);
                parts.push((piece.bytes, (piece.depth > 0).then(way)));
            }
            is_wanted
        });
        let [mut whole, parts @ ..] = learned;
        let Some(whole) = whole.pop().filter(|_| walked.is_ok()) else { return };
        // What is nearest to the whole is the likeliest to be handed on.
        let parts = parts.into_iter().flatten().take(PARTS);
        for (bytes, part) in std::iter::once(whole).chain(parts) {
            let mark = match part.is_some() || bytes.len() <= 32 {
                true => Mark::of(bytes),
                false => Mark::long(&maker.by.digest),
            };
            self.add(mark, Sample::of(bytes), Returned { maker: Arc::clone(&maker), part });
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
    fn within<'a>(&self, argument: &'a [u8]) -> Vec<FoundValue<'a>> {
        if self.latest.values.is_empty() && self.earlier.values.is_empty() {
            return Vec::new();
        }
        if let Some(returned) = self.find(argument) {
            return vec![FoundValue::whole(argument, returned)];
        }
        let mut found: Vec<FoundValue<'a>> = Vec::new();
        // Which of these were found last: values that are repeated are looked up once.
        let mut recent = [0; RECENT];
        let visit = |part: Piece<'_, 'a>| {
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
                found.push(FoundValue { start: part.start, bytes: part.bytes, at: part.path(), returned });
            }
        };
        // Its encoding was just written.
        drop(each_wanted(argument, |bytes| self.may_have(bytes), visit));
        found
    }

    /// What is left of an argument without its files and what was `found` in it. `None` where that is all of it, or nothing of it, and
    /// where it does not tell all.
    fn rest(&self, argument: &[u8], found: &[FoundValue<'_>], edges: &Edges, hides_files: bool) -> Option<Digest> {
        let is_whole =
            |one: &FoundValue<'_>| one.bytes.len() == argument.len() && one.returned.iter().all(|by| by.part.is_none());
        if edges.left_out || found.first().is_some_and(is_whole) {
            return None;
        }
        let mut stand_ins = HashMap::new();
        for one in found {
            if let Some(stand_in) = one.stand_in(edges) {
                stand_ins.insert(one.bytes, stand_in?);
            }
        }
        if stand_ins.is_empty() && !hides_files {
            return None;
        }
        rest(argument, &stand_ins, |bytes| self.may_have(bytes))
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
        if found.iter().any(|one| one.part.is_none()) {
            found.retain(|one| one.part.is_none());
        }
        // What tells them apart where the calls have other keys comes first.
        found.sort_by(|a, b| (&a.part, &a.maker.by).cmp(&(&b.part, &b.maker.by)));
        found.dedup_by(|a, b| a.is_same(b));
        found.truncate(ALIKE);
        (!found.is_empty()).then_some(found)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
