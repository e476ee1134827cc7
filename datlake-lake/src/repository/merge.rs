//! Merging, and what is a merge with another base: reverting and cherry-picking.

use std::collections::HashMap;

use datlake_core::repository::{BranchState, CommitRecord, merge_bases};
use datlake_core::tree::{Conflict, LoadRanges, Merged, NotedTree, Winner, merge};
use datlake_core::{Digest, Error, ErrorKind, Result};
use datlake_store::wait;

use super::branch::Branch;
use super::commit::{CommitMessage, NewCommit};
use super::item::object;
use super::pieces::MadeOf;
use super::reference::Reference;
use super::resolve::Resolved;
use super::shared::Contents;
use crate::report::{MergeConflict, MergeResult};
use crate::setters::setters;

/// Who wins where both sides of a merge changed a path to different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeWinner {
    /// What is merged.
    Source,
    /// The branch that it is merged into.
    Destination,
}

/// How a merge, a revert or a cherry-pick is done.
#[derive(Clone, Debug, Default)]
pub struct MergeOptions {
    message: Option<CommitMessage>,
    winner: Option<MergeWinner>,
    /// By what paths begin with; the longest counts.
    winners: Vec<(String, MergeWinner)>,
    parent: Option<usize>,
}

impl MergeOptions {
    setters! {
        /// Who wins where both sides changed a path. Without this, such a path is a conflict.
        winner: Some(MergeWinner);
        /// Which parent of a merge a revert or a cherry-pick compares it with, from 1.
        parent: Some(usize);
    }

    /// What the commit says, in place of what it would say.
    #[must_use]
    pub fn message(mut self, message: impl Into<CommitMessage>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Who wins at paths that begin with `prefix`; of several prefixes the longest counts.
    #[must_use]
    pub fn winner_below(mut self, prefix: &str, winner: MergeWinner) -> Self {
        self.winners.push((prefix.to_owned(), winner));
        self
    }

    fn wins(&self, path: &str) -> Option<Winner> {
        let below = self.winners.iter().filter(|(prefix, _)| path.starts_with(prefix));
        let winner = below.max_by_key(|(prefix, _)| prefix.len()).map(|(_, winner)| *winner).or(self.winner)?;
        Some(match winner {
            MergeWinner::Source => Winner::Theirs,
            MergeWinner::Destination => Winner::Ours,
        })
    }
}

/// What is merged into a branch.
struct Merging {
    bases: Vec<Contents>,
    theirs: Contents,
    /// The commit that becomes a parent.
    merged: Option<Digest>,
    /// What keeps content that is merged, and is no parent.
    kept: Option<Digest>,
    message: CommitMessage,
}

impl Branch {
    /// Merges the commit that `source` leads to into this branch: what changed there since the two had something in common. Where both
    /// changed a path to different things and nobody [wins](MergeOptions::winner), that is a conflict, and nothing is changed.
    ///
    /// Where the two have several best common ancestors, the merge is done with each of them, and what comes out differently is a conflict.
    ///
    /// # Errors
    /// [`ErrorKind::Unchanged`] where there is nothing to merge; [`ErrorKind::Uncommitted`] where this branch has uncommitted
    /// changes; [`ErrorKind::InvalidInput`] where the two have nothing in common; as [`Reference::commit_info`];
    /// [`ErrorKind::Unavailable`] offline.
    ///
    /// ```
    /// use datlake::{MergeOptions, report::MergeResult};
    ///
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// let (main, dev) = (sales.branch("main"), sales.branch("dev").create("main")?);
    /// dev.put_bytes("a.csv", "1")?;
    /// dev.commit("one")?;
    /// let MergeResult::Merged(commit) = main.merge("dev", &MergeOptions::default())? else { panic!() };
    /// assert_eq!((commit.parents.len(), main.read("a.csv")?), (2, b"1".to_vec()));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn merge(&self, source: &str, how: &MergeOptions) -> Result<MergeResult> {
        let shared = self.shared();
        let source = Reference::any(shared, source);
        self.merged(how, &|state| {
            let from = source.resolved("merge")?;
            shared.check_whole(&from)?;
            let bases = merge_bases(state.commit, from.commit, &mut shared.load_commit())?;
            if bases.is_empty() {
                let message = format!("cannot merge {source} into {}: they have no commit in common", **self);
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            if bases == [from.commit] {
                return Err(self.unchanged(&source));
            }
            let bases = bases.iter().map(|base| shared.contents_of(base)).collect::<Result<_>>()?;
            let message = format!("Merge '{}' into '{}'", source.expression(), self.name());
            let (theirs, merged) = (shared.contents_of(&from.commit)?, Some(from.commit));
            Ok(Merging { bases, theirs, merged, kept: None, message: message.into() })
        })
    }

    /// Takes back what the commit that `commit` leads to has changed. Of a merge, [the parent](MergeOptions::parent) has to be said with
    /// which it is compared.
    ///
    /// # Errors
    /// As [`Branch::merge`]; [`ErrorKind::InvalidInput`] for a merge without the number of a parent, or a commit without parents.
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("a.csv", "1")?;
    /// main.commit("one")?;
    /// main.revert("main", &Default::default())?;
    /// assert!(!main.exists("a.csv")?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn revert(&self, commit: &str, how: &MergeOptions) -> Result<MergeResult> {
        let reference = Reference::any(self.shared(), commit);
        self.merged(how, &|_| {
            let (of, resolved, parent) = self.with_parent(&reference, how, "revert")?;
            let title = of.message.lines().next().unwrap_or_default();
            let message = format!("Revert \"{title}\"\n\nThis reverts commit {}.", resolved.commit);
            let (base, theirs) = (self.shared().contents_of(&resolved.commit)?, self.shared().contents_of(&parent)?);
            Ok(Merging { bases: vec![base], theirs, merged: None, kept: Some(parent), message: message.into() })
        })
    }

    /// Does what the commit that `commit` leads to has changed here again. Of a merge, [the parent](MergeOptions::parent) has to be said
    /// with which it is compared.
    ///
    /// # Errors
    /// As [`Branch::revert`].
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// let dev = sales.branch("dev").create("main")?;
    /// dev.put_bytes("a.csv", "1")?;
    /// dev.commit("one")?;
    /// sales.branch("main").cherry_pick("dev", &Default::default())?;
    /// assert_eq!(sales.branch("main").read("a.csv")?, b"1");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn cherry_pick(&self, commit: &str, how: &MergeOptions) -> Result<MergeResult> {
        let reference = Reference::any(self.shared(), commit);
        self.merged(how, &|_| {
            let (of, resolved, parent) = self.with_parent(&reference, how, "cherry-pick")?;
            let (base, theirs) = (self.shared().contents_of(&parent)?, self.shared().contents_of(&resolved.commit)?);
            let message = CommitMessage { text: of.message, metadata: of.metadata };
            Ok(Merging { bases: vec![base], theirs, merged: None, kept: Some(resolved.commit), message })
        })
    }

    /// A commit, and the parent with which it is compared.
    fn with_parent(
        &self,
        reference: &Reference,
        how: &MergeOptions,
        what: &str,
    ) -> Result<(CommitRecord, Resolved, Digest)> {
        let shared = self.shared();
        let resolved = reference.resolved(what)?;
        shared.check_whole(&resolved)?;
        let commit = shared.commit(&resolved.commit)?;
        let wrong = |why: &str| {
            let message = format!("cannot {what} commit {}: {why}", resolved.commit);
            Err(Error::new(ErrorKind::InvalidInput, message))
        };
        let parent = match (commit.parents.as_slice(), how.parent) {
            ([], _) => return wrong("it is the first one, and has no parent"),
            ([parent], None | Some(1)) => *parent,
            (_, None) => return wrong("it is a merge; say which parent it is compared with"),
            (parents, Some(n)) => match n.checked_sub(1).and_then(|at| parents.get(at)) {
                Some(parent) => *parent,
                None => return wrong(&format!("it has no parent {n}")),
            },
        };
        Ok((commit, resolved, parent))
    }

    /// Merges what there is to merge, which is asked for anew whenever somebody else led the branch elsewhere.
    fn merged(&self, how: &MergeOptions, what: &dyn Fn(&BranchState) -> Result<Merging>) -> Result<MergeResult> {
        let (shared, author) = (self.shared(), self.shared().author()?);
        loop {
            let publishing = wait(shared.lake.local_view().publishing())?;
            let state = self.state("change a branch")?;
            let head = shared.commit(&state.commit)?;
            let now = self.tree(&publishing, &state)?;
            if now.digest != head.tree {
                let error = Error::new(ErrorKind::Uncommitted, format!("{} has uncommitted changes", **self));
                return Err(error.with_hint("commit or reset them first"));
            }
            let Merging { bases, theirs, merged, kept, message } = what(&state)?;
            // What is noted beside files may be uncommitted.
            let ours = shared.contents((head.tree, head.size), now.attributes)?;
            let (merged_tree, attributes) = match self.merge_contents(&bases, &ours, &theirs, how)? {
                Merged::Tree(tree, attributes) => (tree, attributes),
                Merged::Conflicts(all) => return Ok(MergeResult::Conflicts(all.into_iter().map(conflict).collect())),
            };
            if merged_tree.metarange == *ours.tree {
                return Err(Error::new(ErrorKind::Unchanged, format!("nothing changes at {}", **self)));
            }
            let trees = [&ours, &theirs].into_iter().chain(&bases).map(|contents| &*contents.tree).collect::<Vec<_>>();
            let made_of = MadeOf { trees: &trees, put: &HashMap::new(), since: publishing.since };
            let mut tree = shared.put_changed(merged_tree, attributes, &made_of)?;
            tree.pieces.extend(now.pieces);
            let message = how.message.clone().unwrap_or(message);
            let through = state.n;
            let new = NewCommit { tree, merged, kept, message, through };
            if let Some(commit) = self.land(&publishing, state, new, &author)? {
                return Ok(MergeResult::Merged(commit));
            }
        }
    }

    fn merge_contents(
        &self,
        bases: &[Contents],
        ours: &Contents,
        theirs: &Contents,
        how: &MergeOptions,
    ) -> Result<Merged> {
        let (shared, winner) = (self.shared(), |path: &str| how.wins(path));
        let (mut tree, mut attributes) = (shared.load(), shared.load_attributes());
        let load = LoadRanges { tree: &mut tree, attributes: &mut attributes };
        let bases: Vec<NotedTree<'_>> = bases.iter().map(Contents::noted).collect();
        merge(&bases, ours.noted(), theirs.noted(), &winner, load)
    }

    fn unchanged(&self, source: &Reference) -> Error {
        Error::new(ErrorKind::Unchanged, format!("{} has all that {source} has", **self))
    }
}

fn conflict(Conflict { path, ours, theirs }: Conflict) -> MergeConflict {
    let info = |entry: Option<_>| entry.as_ref().and_then(|entry| object(&path, entry));
    MergeConflict { ours: info(ours), theirs: info(theirs), path }
}
