//! What a branch has at some entry of its log.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::entry::{BranchChanges, BranchEntry, BranchPoint, EntryKind, Put};
use crate::tree::TreeChanges;
use crate::{Digest, LogId};

/// A branch at an entry of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchState {
    /// Its log.
    pub log: LogId,
    /// The number of the entry; 0 for the branch's document.
    pub n: u64,
    /// The digest of that.
    pub digest: Digest,
    /// The commit that it is led to.
    pub commit: Digest,
    /// The entry that led there, or discarded changes since.
    pub base: u64,
    /// What it had at the entry `tree_at`.
    pub tree: BranchTree,
    /// The entry behind which `changes` begin.
    pub tree_at: u64,
    /// The changes since, each by the number of its entry: many have the same.
    changes: BTreeMap<u64, Arc<BranchChanges>>,
}

/// What a branch had at an entry of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchTree {
    /// The tree of a commit.
    Commit(Digest),
    /// What an entry says.
    Point(BranchPoint),
}

impl BranchState {
    /// The branch as it was created, with this commit.
    pub fn created(log: LogId, commit: Digest) -> Self {
        let (digest, tree) = (log.first(), BranchTree::Commit(commit));
        Self { log, n: 0, digest, commit, base: 0, tree, tree_at: 0, changes: BTreeMap::new() }
    }

    /// The branch after the entry `n + 1`. `None` where it covers changes that are not known here: they are to be read.
    #[must_use]
    pub fn after(mut self, entry: BranchEntry, digest: Digest) -> Option<Self> {
        let n = entry.n;
        match entry.what {
            EntryKind::Changes(changes) => drop(self.changes.insert(n, Arc::new(changes))),
            EntryKind::Commit { through, .. } if through < self.tree_at => return None,
            EntryKind::Commit { commit, through, .. } => {
                (self.commit, self.base) = (commit, n);
                (self.tree, self.tree_at) = (BranchTree::Commit(commit), through);
                self.changes.retain(|n, _| *n > through);
            }
            EntryKind::State(point) => {
                (self.commit, self.base) = (point.commit, point.base);
                (self.tree, self.tree_at) = (BranchTree::Point(point), n);
                self.changes.clear();
            }
        }
        (self.n, self.digest) = (n, digest);
        Some(self)
    }

    /// What changed behind the tree, the last change of each path.
    pub fn changes(&self) -> TreeChanges {
        Put::files(&self.put())
    }

    /// What is noted beside that, of each path at which something changed.
    pub fn attributes(&self) -> TreeChanges {
        Put::noted(&self.put())
    }

    fn put(&self) -> BranchChanges {
        let all = self.changes.values().flat_map(|changes| changes.iter());
        all.map(|(path, put)| (path.clone(), put.clone())).collect()
    }

    /// How many entries are read for it.
    pub fn entries(&self) -> u64 {
        self.n - self.tree_at
    }
}
