//! The graph of commits.
//!
//! A commit's generation is greater than those of all that it came from. So a walk in the order of generations, the greatest first, meets
//! a commit after all that came from it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::commit::CommitRecord;
use crate::{Digest, Error, ErrorKind, Result, Subject};

/// Reads a commit.
pub type LoadCommit<'a> = &'a mut dyn FnMut(&Digest) -> Result<CommitRecord>;

/// Commits to look at, the last first: by generation, then by date, then by id.
#[derive(Default)]
struct Open {
    order: BTreeSet<(u64, String, Reverse<Digest>)>,
    commits: HashMap<Digest, CommitRecord>,
}

impl Open {
    fn add(&mut self, id: Digest, below: Option<u64>, load: LoadCommit<'_>) -> Result<()> {
        if self.commits.contains_key(&id) {
            return Ok(());
        }
        let commit = load(&id)?;
        if below.is_some_and(|below| commit.generation >= below) {
            let message = format!("commit {id} is damaged: it is not older than what came from it");
            return Err(Error::new(ErrorKind::Corrupt, message).about(Subject::Digest(id)));
        }
        self.order.insert((commit.generation, commit.at.clone(), Reverse(id)));
        self.commits.insert(id, commit);
        Ok(())
    }

    fn next(&mut self) -> Option<(Digest, CommitRecord)> {
        let (_, _, Reverse(id)) = self.order.pop_last()?;
        Some((id, self.commits.remove(&id)?))
    }
}

/// A walk through a history, the latest commit first.
pub struct CommitWalk {
    open: Open,
}

impl CommitWalk {
    /// Begins with these commits.
    ///
    /// # Errors
    /// Those of `load`.
    pub fn of(ids: impl IntoIterator<Item = Digest>, load: LoadCommit<'_>) -> Result<Self> {
        let mut open = Open::default();
        for id in ids {
            open.add(id, None, load)?;
        }
        Ok(Self { open })
    }

    /// The next commit.
    ///
    /// # Errors
    /// Those of `load`; [`ErrorKind::Corrupt`] for generations that do not go down.
    pub fn next(&mut self, load: LoadCommit<'_>) -> Result<Option<(Digest, CommitRecord)>> {
        let Some((id, commit)) = self.open.next() else { return Ok(None) };
        for parent in &commit.parents {
            self.open.add(*parent, Some(commit.generation), load)?;
        }
        Ok(Some((id, commit)))
    }
}

/// From which of two commits one came, and whether something that came from it was found to be a common ancestor.
#[derive(Clone, Copy, Default)]
struct Reached {
    one: bool,
    other: bool,
    below: bool,
}

/// The best common ancestors of two commits, sorted: those from which no other common ancestor came. One where one of the two came from
/// the other; several where histories cross; none where they have nothing in common.
///
/// # Errors
/// Those of `load`; [`ErrorKind::Corrupt`] for generations that do not go down.
pub fn merge_bases(one: Digest, other: Digest, load: LoadCommit<'_>) -> Result<Vec<Digest>> {
    let mut reached = BTreeMap::<Digest, Reached>::new();
    reached.entry(one).or_default().one = true;
    reached.entry(other).or_default().other = true;
    let (mut open, mut found) = (Open::default(), Vec::new());
    open.add(one, None, load)?;
    open.add(other, None, load)?;
    // What is left is below a common ancestor.
    while open.commits.keys().any(|id| reached.get(id).is_some_and(|reached| !reached.below)) {
        let Some((id, commit)) = open.next() else { break };
        let mut now = reached.get(&id).copied().unwrap_or_default();
        if now.one && now.other && !now.below {
            found.push(id);
            now.below = true;
        }
        for parent in commit.parents {
            let parent_reached = reached.entry(parent).or_default();
            parent_reached.one |= now.one;
            parent_reached.other |= now.other;
            parent_reached.below |= now.below;
            open.add(parent, Some(commit.generation), load)?;
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether one of `later` is `earlier`, or came from it.
///
/// # Errors
/// Those of `load`.
pub fn came_from(later: impl IntoIterator<Item = Digest>, earlier: Digest, load: LoadCommit<'_>) -> Result<bool> {
    let generation = load(&earlier)?.generation;
    let mut history = CommitWalk::of(later, load)?;
    while let Some((id, commit)) = history.next(load)? {
        if id == earlier {
            return Ok(true);
        }
        if commit.generation < generation {
            return Ok(false);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A history: each commit is made of some before it.
    fn graph(parents: &[Vec<usize>]) -> (Vec<Digest>, HashMap<Digest, CommitRecord>) {
        let (mut ids, mut all) = (Vec::new(), HashMap::<Digest, CommitRecord>::new());
        for (at, parents) in parents.iter().enumerate() {
            let parents: Vec<Digest> = parents.iter().map(|at| ids[*at]).collect();
            let generation = 1 + parents.iter().map(|id| all[id].generation).max().unwrap_or(0);
            let commit = CommitRecord {
                tree: Digest::of(b""),
                size: 0,
                parents,
                generation,
                at: "2026-11-29T09:00:00Z".into(),
                committer: "ada@example.org".into(),
                message: at.to_string(),
                metadata: BTreeMap::new(),
                attributes: None,
            };
            let id = Digest::of(&commit.to_bytes().unwrap());
            ids.push(id);
            all.insert(id, commit);
        }
        (ids, all)
    }

    fn bases(parents: &[Vec<usize>], one: usize, other: usize) -> Vec<usize> {
        let (ids, all) = graph(parents);
        let found = merge_bases(ids[one], ids[other], &mut |id| Ok(all[id].clone())).unwrap();
        let mut found: Vec<usize> = found.iter().map(|id| ids.iter().position(|at| at == id).unwrap()).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn the_best_common_ancestors_are_found() {
        let line = [vec![], vec![0], vec![1], vec![1]];
        assert_eq!(bases(&line, 2, 3), [1]);
        assert_eq!(bases(&line, 0, 3), [0]);
        assert_eq!(bases(&line, 3, 3), [3]);
        let criss_cross = [vec![], vec![0], vec![0], vec![1, 2], vec![2, 1]];
        assert_eq!(bases(&criss_cross, 3, 4), [1, 2]);
        assert_eq!(bases(&[vec![], vec![]], 0, 1), [] as [usize; 0]);
    }

    fn ancestors(parents: &[Vec<usize>], of: usize) -> BTreeSet<usize> {
        let mut all: BTreeSet<usize> = [of].into();
        for parent in &parents[of] {
            all.extend(ancestors(parents, *parent));
        }
        all
    }

    proptest! {
        #[test]
        fn they_are_those_of_the_definition(
            picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()), 1..9),
            one: prop::sample::Index,
            other: prop::sample::Index,
        ) {
            let mut parents: Vec<Vec<usize>> = vec![vec![]];
            for (a, b, merges) in picks {
                let (a, b) = (a.index(parents.len()), b.index(parents.len()));
                parents.push(if merges && a != b { vec![a, b] } else { vec![a] });
            }
            let (one, other) = (one.index(parents.len()), other.index(parents.len()));
            let common: BTreeSet<usize> =
                ancestors(&parents, one).intersection(&ancestors(&parents, other)).copied().collect();
            let is_best = |at: &usize| !common.iter().any(|by| by != at && ancestors(&parents, *by).contains(at));
            let best: Vec<usize> = common.iter().copied().filter(is_best).collect();
            prop_assert_eq!(bases(&parents, one, other), best);
            let (ids, all) = graph(&parents);
            let came = came_from([ids[one]], ids[other], &mut |id| Ok(all[id].clone())).unwrap();
            prop_assert_eq!(came, ancestors(&parents, one).contains(&other));
            let mut load = |id: &Digest| Ok(all[id].clone());
            let mut history = CommitWalk::of([ids[one]], &mut load).unwrap();
            let mut seen = BTreeSet::new();
            let mut last = u64::MAX;
            while let Some((id, commit)) = history.next(&mut load).unwrap() {
                prop_assert!(commit.generation <= last && seen.insert(id));
                last = commit.generation;
            }
            prop_assert_eq!(seen.len(), ancestors(&parents, one).len());
        }
    }
}
