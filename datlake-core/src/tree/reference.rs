//! Trees beside maps: what is done by ranges is what is done entry by entry.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::Digest;

pub(crate) type Map = BTreeMap<String, TreeEntry>;

/// Trees by their ranges, and how many of those were read.
#[derive(Default)]
pub(crate) struct RangesByDigest {
    all: HashMap<Digest, Vec<u8>>,
    read: Cell<usize>,
}

impl RangesByDigest {
    pub(crate) fn tree(&mut self, map: &Map) -> Metarange {
        let mut entries = TreeEntries::default();
        map.iter().for_each(|(path, entry)| entries.insert(path, entry.clone()).unwrap());
        let TreeBytes { metarange, ranges } = entries.to_bytes();
        self.keep(ranges);
        Metarange::parse(&metarange, &"it").unwrap()
    }

    pub(crate) fn keep(&mut self, ranges: Vec<Vec<u8>>) {
        self.all.extend(ranges.into_iter().map(|bytes| (Digest::of(&bytes), bytes)));
    }

    /// What is noted beside a tree.
    fn noted(&mut self, map: &Map) -> Metarange {
        let all = map.iter().map(|(path, entry)| (path.clone(), Some(entry.clone()))).collect();
        let ChangedTree { metarange, ranges } = Metarange::default().with(&all, &mut |_| unreachable!()).unwrap();
        self.keep(ranges);
        metarange
    }

    pub(crate) fn load_noted(&self) -> impl FnMut(&RangeRow) -> Result<Arc<TreeRange>> {
        |row| {
            self.read.set(self.read.get() + 1);
            TreeRange::parse_attributes(&self.all[&row.digest][..], row, &"it").map(Arc::new)
        }
    }

    /// A merge of trees beside which nothing is noted.
    pub(crate) fn merged(
        &mut self,
        bases: &[&Metarange],
        ours: &Metarange,
        theirs: &Metarange,
        winner: &dyn Fn(&str) -> Option<Winner>,
    ) -> std::result::Result<Metarange, Vec<Conflict>> {
        let nothing = Metarange::default();
        let side = |tree| NotedTree { tree, attributes: &nothing };
        let bases: Vec<_> = bases.iter().map(|tree| side(tree)).collect();
        let outcome = {
            let load = LoadRanges { tree: &mut self.load(), attributes: &mut |_| unreachable!() };
            merge(&bases, side(ours), side(theirs), winner, load).unwrap()
        };
        match outcome {
            Merged::Conflicts(conflicts) => Err(conflicts),
            Merged::Tree(made, _) => {
                self.keep(made.ranges);
                Ok(made.metarange)
            }
        }
    }

    pub(crate) fn load(&self) -> impl FnMut(&RangeRow) -> Result<Arc<TreeRange>> {
        |row| {
            self.read.set(self.read.get() + 1);
            TreeRange::parse(&self.all[&row.digest][..], row, &"it").map(Arc::new)
        }
    }
}

pub(crate) fn file(content: u8) -> TreeEntry {
    TreeEntry::file(Digest::of(&[content]), 1, false)
}

fn note(n: &u8) -> TreeEntry {
    let metadata = [("n".to_owned(), n.to_string())].into();
    TreeEntry::Attributes(Box::new(ObjectAttributes { metadata, ..ObjectAttributes::default() }))
}

/// Enough paths for several ranges.
fn base() -> Map {
    (0..6000).map(|i| (format!("{:02}/{i}", i % 40), file(0))).collect()
}

/// Changes of a few paths, old and new; many of several of these are of the same.
fn changes() -> impl Strategy<Value = TreeChanges> {
    let near = prop_oneof![(0..40u16).prop_map(|i| i * 150), 0..6200u16];
    let path = prop_oneof![
        near.prop_map(|i| format!("{:02}/{i}", i % 40)),
        (0..4u8).prop_map(|i| format!("zz/{i}")),
        (0..4u8).prop_map(|i| format!("!/{i}")),
    ];
    prop::collection::btree_map(path, prop::option::weighted(0.7, (0..3u8).prop_map(file)), 0..40)
}

fn notes() -> impl Strategy<Value = TreeChanges> {
    let note = |(path, entry): (String, Option<TreeEntry>)| {
        (path, entry.and_then(|entry| entry.content()).map(|(content, _)| note(&content.as_bytes()[0])))
    };
    changes().prop_map(move |changes| changes.into_iter().map(note).collect())
}

pub(crate) fn apply(map: &Map, changes: &TreeChanges) -> Map {
    let mut map = map.clone();
    for (path, entry) in changes {
        match entry {
            Some(entry) => drop(map.insert(path.clone(), entry.clone())),
            None => drop(map.remove(path)),
        }
    }
    map
}

fn differences(one: &Map, other: &Map, span: Span<'_>) -> Vec<TreeDifference> {
    let mut paths: Vec<&String> = one.keys().chain(other.keys()).filter(|path| span.has(path)).collect();
    paths.sort();
    paths.dedup();
    let at = |path: &String| TreeDifference {
        path: path.clone(),
        before: one.get(path).cloned(),
        after: other.get(path).cloned(),
    };
    paths.into_iter().map(at).filter(|found| found.before != found.after).collect()
}

/// A merge, path by path.
pub(crate) fn merged(
    bases: &[Map],
    ours: &Map,
    theirs: &Map,
    winner: &dyn Fn(&str) -> Option<Winner>,
) -> (Map, Vec<String>) {
    let (mut result, mut conflicts) = (ours.clone(), Vec::new());
    let mut paths: Vec<&String> = bases.iter().chain([ours, theirs]).flat_map(Map::keys).collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        let (mine, other) = (ours.get(path), theirs.get(path));
        // What a merge with one base would leave there; `None` for a conflict.
        let one = |base: &Map| match base.get(path) {
            base if base == other || mine == other => Some(mine),
            base if base == mine => Some(other),
            _ => None,
        };
        let all: Vec<_> = bases.iter().map(one).collect();
        let left = match all[0] {
            Some(left) if all.iter().all(|one| *one == Some(left)) => left,
            _ => match winner(path) {
                Some(Winner::Ours) => mine,
                Some(Winner::Theirs) => other,
                None => {
                    conflicts.push(path.clone());
                    mine
                }
            },
        };
        match left {
            Some(entry) => drop(result.insert(path.clone(), entry.clone())),
            None => drop(result.remove(path)),
        }
    }
    (result, conflicts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(debug_assertions) { 24 } else { 256 }, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_with_changes_is_the_tree_that_is_made_at_once(first in changes(), second in changes(), empties: bool) {
        let mut ranges = RangesByDigest::default();
        let mut map = if empties { Map::new() } else { base() };
        let mut tree = ranges.tree(&map);
        for changes in [&first, &second] {
            let made = tree.with(changes, &mut ranges.load()).unwrap();
            ranges.keep(made.ranges);
            map = apply(&map, changes);
            prop_assert_eq!(&made.metarange, &ranges.tree(&map));
            prop_assert_eq!(Metarange::parse(&made.metarange.to_bytes(), &"it").unwrap(), made.metarange.clone());
            tree = made.metarange;
        }
    }

    #[test]
    fn a_difference_by_ranges_is_that_of_the_entries(
        first in changes(),
        second in changes(),
        prefix in prop_oneof![Just(""), Just("07/"), Just("zz/1"), Just("07/1")],
        after in prop_oneof![Just(""), Just("07/3"), Just("zz")],
    ) {
        let mut ranges = RangesByDigest::default();
        let (one, other) = (apply(&base(), &first), apply(&base(), &second));
        let (left, right) = (ranges.tree(&one), ranges.tree(&other));
        let span = Span { prefix, after };
        let mut found = Vec::new();
        diff(&left, &right, span, &mut ranges.load(), &mut |difference| {
            found.push(difference);
            ControlFlow::Continue(())
        })
        .unwrap();
        prop_assert_eq!(found, differences(&one, &other, span));
    }

    #[test]
    fn a_merge_by_ranges_is_that_of_the_entries(
        bases in prop::collection::vec(changes(), 1..3),
        ours in changes(),
        theirs in changes(),
        notes in (notes(), notes(), notes()),
        wins in prop_oneof![Just(None), Just(Some(Winner::Ours)), Just(Some(Winner::Theirs))],
        only in prop_oneof![Just(""), Just("zz/")],
    ) {
        let mut ranges = RangesByDigest::default();
        let bases: Vec<Map> = bases.iter().map(|changes| apply(&base(), changes)).collect();
        let (ours, theirs) = (apply(&bases[0], &ours), apply(&bases[bases.len() - 1], &theirs));
        let noted = base().keys().step_by(3).map(|path| (path.clone(), note(&0))).collect();
        let noted: Map = apply(&noted, &notes.0);
        let (mine, other) = (Side::of(ours, apply(&noted, &notes.1), &mut ranges), Side::of(theirs, apply(&noted, &notes.2), &mut ranges));
        let bases: Vec<Side> = bases.into_iter().map(|map| Side::of(map, noted.clone(), &mut ranges)).collect();
        let winner = |path: &str| wins.filter(|_| path.starts_with(only));
        let maps: Vec<Map> = bases.iter().map(|side| side.map.clone()).collect();
        let (expected, conflicts) = merged(&maps, &mine.map, &other.map, &winner);
        let trees: Vec<_> = bases.iter().map(Side::tree).collect();
        let outcome = {
            let load = LoadRanges { tree: &mut ranges.load(), attributes: &mut ranges.load_noted() };
            merge(&trees, mine.tree(), other.tree(), &winner, load).unwrap()
        };
        match outcome {
            Merged::Conflicts(found) => {
                for conflict in &found {
                    prop_assert_eq!(&conflict.ours, &mine.map.get(&conflict.path).cloned());
                    prop_assert_eq!(&conflict.theirs, &other.map.get(&conflict.path).cloned());
                }
                prop_assert_eq!(found.into_iter().map(|conflict| conflict.path).collect::<Vec<_>>(), conflicts);
            }
            Merged::Tree(tree, attributes) => {
                prop_assert_eq!(conflicts, Vec::<String>::new());
                ranges.keep(tree.ranges);
                ranges.keep(attributes.ranges);
                prop_assert_eq!(&tree.metarange, &ranges.tree(&expected));
                if let [base] = &bases[..] {
                    let mut noted = Map::new();
                    for row in attributes.metarange.ranges() {
                        let range = ranges.load_noted()(row).unwrap();
                        noted.extend(range.entries().map(|(path, entry)| (path.to_owned(), entry.clone())));
                    }
                    for path in expected.keys() {
                        prop_assert_eq!(noted.get(path), noted_after(base, &mine, &other, path, &winner), "{}", path);
                    }
                }
            }
        }
    }
}

/// What one side of a merge has.
struct Side {
    map: Map,
    noted: Map,
    tree: Metarange,
    attributes: Metarange,
}

impl Side {
    fn of(map: Map, noted: Map, ranges: &mut RangesByDigest) -> Self {
        let (tree, attributes) = (ranges.tree(&map), ranges.noted(&noted));
        Self { map, noted, tree, attributes }
    }

    fn tree(&self) -> NotedTree<'_> {
        NotedTree { tree: &self.tree, attributes: &self.attributes }
    }
}

/// What is noted of a path after a merge, for itself.
fn noted_after<'a>(
    base: &Side,
    ours: &'a Side,
    theirs: &'a Side,
    path: &str,
    winner: &dyn Fn(&str) -> Option<Winner>,
) -> Option<&'a TreeEntry> {
    let [was, mine, other] = [base, ours, theirs].map(|side| side.map.get(path));
    let (before, one, two) = (base.noted.get(path), ours.noted.get(path), theirs.noted.get(path));
    if was != mine && was != other && mine != other {
        return if winner(path) == Some(Winner::Theirs) { two } else { one };
    }
    match (one == two || two == before, one == before) {
        (true, _) => one,
        (false, true) => two,
        // Both noted something: it goes with the entry.
        (false, false) if was == mine && mine != other => two,
        (false, false) => one,
    }
}

#[test]
fn only_ranges_in_which_something_changes_are_read() {
    let mut ranges = RangesByDigest::default();
    let tree = ranges.tree(&base());
    assert!(tree.ranges().len() > 3);
    let one = [("07/7".to_owned(), Some(file(1)))].into();
    let made = tree.with(&one, &mut ranges.load()).unwrap();
    assert_eq!((ranges.read.take(), made.ranges.len()), (1, 1));
    ranges.keep(made.ranges);
    diff(&tree, &made.metarange, Span::default(), &mut ranges.load(), &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(ranges.read.take(), 2);
    let other = tree.with(&[("39/39".to_owned(), None)].into(), &mut ranges.load()).unwrap();
    ranges.keep(other.ranges);
    ranges.read.set(0);
    ranges.merged(&[&tree], &made.metarange, &other.metarange, &|_| None).unwrap();
    // They changed different ranges.
    assert_eq!(ranges.read.get(), 0);
}
