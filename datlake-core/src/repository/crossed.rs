//! Histories that cross: what is merged at each commit of one is what a reference makes of maps, whatever the best common ancestors are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use super::*;
use crate::Digest;
use crate::tree::reference::{Map, RangesByDigest, apply, file, merged};
use crate::tree::{Conflict, Metarange, TreeChanges, Winner};

/// How many branches a history has.
const LANES: usize = 3;

/// Something that happens to branches.
#[derive(Clone, Debug)]
enum Step {
    Change(usize, TreeChanges),
    /// One branch is merged into another.
    Merge(usize, usize, Option<Winner>),
    /// Each of two is merged into the other, as it was before.
    Cross(usize, usize, Option<Winner>, Option<Winner>),
}

struct Made {
    id: Digest,
    parents: Vec<usize>,
    map: Map,
    tree: Metarange,
}

/// A history, with all that was ever in it.
struct History {
    ranges: RangesByDigest,
    made: Vec<Made>,
    records: HashMap<Digest, CommitRecord>,
    /// The most best common ancestors that two commits had.
    most: usize,
}

fn changes() -> impl Strategy<Value = TreeChanges> {
    // Of few paths, and few contents: sides change the same, to the same, and back.
    let path = prop_oneof![(0..6u8).prop_map(|i| format!("m/{i}")), (0..200u8).prop_map(|i| format!("{i}"))];
    prop::collection::btree_map(path, prop::option::weighted(0.75, (0..3u8).prop_map(file)), 1..6)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lane = || 0..LANES;
    let winner = || prop_oneof![2 => Just(None), 1 => Just(Some(Winner::Ours)), 1 => Just(Some(Winner::Theirs))];
    let step = prop_oneof![
        4 => (lane(), changes()).prop_map(|(lane, changes)| Step::Change(lane, changes)),
        2 => (lane(), lane(), winner()).prop_map(|(into, from, winner)| Step::Merge(into, from, winner)),
        3 => (lane(), lane(), winner(), winner()).prop_map(|(a, b, one, other)| Step::Cross(a, b, one, other)),
    ];
    prop::collection::vec(step, 4..24)
}

impl History {
    fn new() -> Self {
        let map: Map =
            (0..200u8).map(|i| (format!("{i}"), file(0))).chain((0..3).map(|i| (format!("m/{i}"), file(0)))).collect();
        let mut ranges = RangesByDigest::default();
        let tree = ranges.tree(&map);
        let mut history = Self { ranges, made: Vec::new(), records: HashMap::new(), most: 0 };
        history.add(Vec::new(), map, tree);
        history
    }

    fn add(&mut self, parents: Vec<usize>, map: Map, tree: Metarange) -> usize {
        let ids: Vec<Digest> = parents.iter().map(|at| self.made[*at].id).collect();
        let generation = 1 + ids.iter().map(|id| self.records[id].generation).max().unwrap_or(0);
        let commit = CommitRecord {
            tree: Digest::of(&tree.to_bytes()),
            size: 0,
            parents: ids,
            generation,
            at: "2026-11-30T04:00:00Z".into(),
            committer: "ada@example.org".into(),
            message: self.made.len().to_string(),
            metadata: BTreeMap::new(),
            attributes: None,
        };
        let id = Digest::of(&commit.to_bytes().unwrap());
        self.records.insert(id, commit);
        self.made.push(Made { id, parents, map, tree });
        self.made.len() - 1
    }

    fn ancestors(&self, of: usize) -> BTreeSet<usize> {
        let (mut all, mut open) = (BTreeSet::new(), vec![of]);
        while let Some(at) = open.pop() {
            if all.insert(at) {
                open.extend(&self.made[at].parents);
            }
        }
        all
    }

    /// The best common ancestors, by their definition.
    fn best(&self, one: usize, other: usize) -> Vec<usize> {
        let common: BTreeSet<usize> = self.ancestors(one).intersection(&self.ancestors(other)).copied().collect();
        let is_best = |at: &usize| !common.iter().any(|by| by != at && self.ancestors(*by).contains(at));
        common.iter().copied().filter(is_best).collect()
    }

    fn change(&mut self, head: usize, changes: &TreeChanges) -> usize {
        let made = self.made[head].tree.with(changes, &mut self.ranges.load()).unwrap();
        self.ranges.keep(made.ranges);
        self.add(vec![head], apply(&self.made[head].map, changes), made.metarange)
    }

    /// Merges, compares, and commits what came of it; where something is left in conflict the branch stays where it is.
    fn merge(&mut self, ours: usize, theirs: usize, winner: Option<Winner>) -> Result<usize, TestCaseError> {
        let mut load = |id: &Digest| Ok(self.records[id].clone());
        let found = merge_bases(self.made[ours].id, self.made[theirs].id, &mut load).unwrap();
        let best = self.best(ours, theirs);
        let ids: BTreeSet<Digest> = best.iter().map(|at| self.made[*at].id).collect();
        prop_assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), ids);
        self.most = self.most.max(best.len());
        // In the order in which they are found.
        let at = |id: &Digest| self.made.iter().find(|made| made.id == *id).unwrap();
        let trees: Vec<&Metarange> = found.iter().map(|id| &at(id).tree).collect();
        let maps: Vec<Map> = found.iter().map(|id| at(id).map.clone()).collect();
        let (mine, other) = (&self.made[ours], &self.made[theirs]);
        // Only some paths have a winner.
        let wins = |path: &str| winner.filter(|_| !path.ends_with('5'));
        let (mine, other) = (mine.tree.clone(), (other.tree.clone(), other.id));
        let trees: Vec<Metarange> = trees.into_iter().cloned().collect();
        let trees: Vec<&Metarange> = trees.iter().collect();
        let by_ranges = self.ranges.merged(&trees, &mine, &other.0, &wins);
        let (expected, conflicts) = merged(&maps, &self.made[ours].map, &self.made[theirs].map, &wins);
        self.is_the_same_from_the_other_side(&trees, &mine, &other.0)?;
        let merged = match by_ranges {
            Ok(merged) => merged,
            Err(found) => {
                let named: Vec<String> = found.into_iter().map(|conflict| conflict.path).collect();
                prop_assert_eq!(named, conflicts);
                return Ok(ours);
            }
        };
        prop_assert_eq!(conflicts, Vec::<String>::new());
        prop_assert_eq!(&merged, &self.ranges.tree(&expected));
        match found == [other.1] {
            true => Ok(ours),
            false => Ok(self.add(vec![ours, theirs], expected, merged)),
        }
    }

    /// Whoever merges into the other branch meets the same conflicts, and gets the same where there is none.
    fn is_the_same_from_the_other_side(
        &mut self,
        bases: &[&Metarange],
        mine: &Metarange,
        other: &Metarange,
    ) -> Result<(), TestCaseError> {
        let nobody = |_: &str| None;
        let here = self.ranges.merged(bases, mine, other, &nobody);
        let there = self.ranges.merged(bases, other, mine, &nobody);
        let turned = |found: Conflict| Conflict { path: found.path, ours: found.theirs, theirs: found.ours };
        prop_assert_eq!(here, there.map_err(|all| all.into_iter().map(turned).collect::<Vec<_>>()));
        Ok(())
    }
}

/// The most best common ancestors that two commits of the history had.
fn check(steps: &[Step]) -> Result<usize, TestCaseError> {
    let mut history = History::new();
    let mut heads = [0; LANES];
    for step in steps {
        match step {
            Step::Change(lane, changes) => heads[*lane] = history.change(heads[*lane], changes),
            Step::Merge(into, from, winner) => heads[*into] = history.merge(heads[*into], heads[*from], *winner)?,
            Step::Cross(a, b, one, other) => {
                let (mine, theirs) = (heads[*a], heads[*b]);
                heads[*a] = history.merge(mine, theirs, *one)?;
                heads[*b] = history.merge(theirs, mine, *other)?;
            }
        }
    }
    Ok(history.most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(debug_assertions) { 48 } else { 512 }, ..ProptestConfig::default() })]

    #[test]
    fn a_merge_is_that_of_the_reference_however_histories_cross(steps in steps()) {
        check(&steps)?;
    }
}

#[test]
fn a_history_that_crosses_has_several_best_common_ancestors() {
    let change = |lane, path: &str, to: Option<u8>| Step::Change(lane, [(path.to_owned(), to.map(file))].into());
    let cross = |one, other| Step::Cross(0, 1, one, other);
    // Both sides decided the conflict for themselves: neither counts.
    let (ours, both) = (Some(Winner::Ours), Step::Merge(0, 1, None));
    let steps = [change(0, "m/1", Some(1)), change(1, "m/1", Some(2)), cross(ours, ours), change(0, "1", None), both];
    assert_eq!(check(&steps).unwrap(), 2);
    let wide = [change(0, "1", None), change(1, "2", None), change(2, "3", None), Step::Cross(0, 1, None, None)];
    let more = [
        Step::Cross(1, 2, None, None),
        Step::Cross(0, 2, None, None),
        change(1, "4", None),
        Step::Cross(1, 0, None, None),
    ];
    assert!(check(&[&wide[..], &more].concat()).unwrap() >= 2);
}
