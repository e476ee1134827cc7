//! Committing what a branch has, and discarding what is uncommitted.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use datlake_core::catalog::Author;
use datlake_core::repository::{BranchPoint, BranchState, BranchTree, CommitRecord, EntryKind};
use datlake_core::tree::{Span, TreeChanges, TreeDifference};
use datlake_core::{Digest, Error, ErrorKind, Result};
use datlake_store::{Publishing, wait};

use super::branch::Branch;
use super::pieces::{MadeOf, Pieces};
use super::reference::check_path;
use super::shared::{NewTree, info};
use crate::report::CommitInfo;

/// What a commit says: why, in words, and what else is noted.
///
/// ```
/// use datlake::CommitMessage;
///
/// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
/// main.put_bytes("a.csv", "1")?;
/// let commit = main.commit(CommitMessage::new("January").metadata("rows", "1"))?;
/// assert_eq!(commit.metadata["rows"], "1");
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitMessage {
    pub(super) text: String,
    pub(super) metadata: BTreeMap<String, String>,
}

impl CommitMessage {
    /// A message without more.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), metadata: BTreeMap::new() }
    }

    /// Notes something.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

impl<T: Into<String>> From<T> for CommitMessage {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// A commit that a branch is to be led to.
pub(super) struct NewCommit {
    pub(super) tree: NewTree,
    /// Besides the commit that the branch is led to now.
    pub(super) merged: Option<Digest>,
    /// Whose content it has, although it is no parent.
    pub(super) kept: Option<Digest>,
    pub(super) message: CommitMessage,
    /// The last entry whose changes it has, or that are put again behind it.
    pub(super) through: u64,
}

impl Branch {
    /// Commits all that is uncommitted.
    ///
    /// What others put there meanwhile is committed, too, or stays uncommitted.
    ///
    /// # Errors
    /// [`ErrorKind::Unchanged`] where nothing is uncommitted; [`ErrorKind::NotFound`] where there is no such branch, or it was
    /// deleted meanwhile; [`ErrorKind::Context`] in a body; [`ErrorKind::Unavailable`] offline.
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("a.csv", "1")?;
    /// assert_eq!(main.commit("January")?.message, "January");
    /// assert_eq!(main.commit("again").unwrap_err().kind(), datlake::ErrorKind::Unchanged);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn commit(&self, message: impl Into<CommitMessage>) -> Result<CommitInfo> {
        let (shared, message) = (self.shared(), message.into());
        let author = shared.author()?;
        loop {
            let publishing = wait(shared.lake.local_view().publishing())?;
            let state = self.state("commit")?;
            let tree = self.tree(&publishing, &state)?;
            if tree.digest == shared.commit(&state.commit)?.tree {
                return Err(Error::new(ErrorKind::Unchanged, format!("there is nothing to commit at {}", **self)));
            }
            let through = state.n;
            let new = NewCommit { tree, merged: None, kept: None, message: message.clone(), through };
            if let Some(commit) = self.land(&publishing, state, new, &author)? {
                return Ok(commit);
            }
        }
    }

    /// What it has with what is uncommitted, as a tree.
    pub(super) fn tree(&self, publishing: &Publishing, state: &BranchState) -> Result<NewTree> {
        let (shared, changes) = (self.shared(), state.changes());
        if changes.is_empty() {
            let (digest, size, attributes) = match state.tree {
                BranchTree::Point(BranchPoint { tree, size, attributes, .. }) => (tree, size, attributes),
                BranchTree::Commit(id) => {
                    let CommitRecord { tree, size, attributes, .. } = shared.commit(&id)?;
                    (tree, size, attributes)
                }
            };
            return Ok(NewTree { digest, size, attributes, pieces: Pieces::default() });
        }
        let of = shared.contents_at(state)?;
        // What was put since is blobs.
        let made_of = MadeOf { trees: &[&of.tree], put: &HashMap::new(), since: publishing.since };
        shared.changed(&of, &changes, &state.attributes(), &made_of)
    }

    /// Makes a commit and leads the branch there. `None` where somebody else led it elsewhere, or discarded changes: then it is to be
    /// made anew.
    pub(super) fn land(
        &self,
        publishing: &Publishing,
        mut state: BranchState,
        new: NewCommit,
        author: &Author,
    ) -> Result<Option<CommitInfo>> {
        let (shared, NewCommit { tree, merged, kept, message, through }) = (self.shared(), new);
        let parents: Vec<Digest> = [state.commit].into_iter().chain(merged).collect();
        let mut generation = 0;
        for parent in &parents {
            generation = generation.max(shared.commit(parent)?.generation);
        }
        let commit = CommitRecord {
            tree: tree.digest,
            size: tree.size,
            parents,
            generation: generation + 1,
            at: crate::provenance::now(),
            committer: author.by.person.email.clone(),
            message: message.text,
            metadata: message.metadata,
            attributes: tree.attributes,
        };
        let (id, piece) = shared.put_commit(&commit)?;
        let pieces = || {
            let mut pieces = tree.pieces.clone();
            pieces.push(piece);
            // The branch keeps what it had; of the other side all that it has is to be kept.
            pieces.extend(merged.map(|id| shared.history(id)).transpose()?.unwrap_or_default());
            pieces.extend(kept.map(|id| shared.tree_pieces(&id)).transpose()?.unwrap_or_default());
            Ok(pieces)
        };
        let base = state.base;
        loop {
            let kind = EntryKind::Commit { commit: id, base, through };
            if self.append_entry(publishing, &state, kind, author, &pieces)?.is_some() {
                wait(shared.lake.note_made_remote());
                shared.lake.note_published();
                return Ok(Some(info(id, commit)));
            }
            state = self.state("commit")?;
            if state.base != base || state.tree_at > through {
                return Ok(None);
            }
        }
    }

    /// Discards all that is uncommitted: how many paths that were.
    ///
    /// # Errors
    /// As [`Branch::commit`], but for nothing that is uncommitted: that is 0.
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("a.csv", "1")?;
    /// assert_eq!((main.reset()?, main.exists("a.csv")?), (1, false));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn reset(&self) -> Result<usize> {
        self.discard(&|_| true, "")
    }

    /// Discards what is uncommitted at paths that begin with `prefix`: how many those were.
    ///
    /// # Errors
    /// As [`Branch::reset`].
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("raw/a.csv", "1")?;
    /// main.put_bytes("b.csv", "1")?;
    /// assert_eq!((main.reset_prefix("raw/")?, main.exists("b.csv")?), (1, true));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn reset_prefix(&self, prefix: &str) -> Result<usize> {
        self.discard(&|_| true, prefix)
    }

    /// Discards what is uncommitted at `path`: whether anything was.
    ///
    /// # Errors
    /// As [`Branch::reset`].
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("a.csv", "1")?;
    /// assert!(main.reset_object("a.csv")? && !main.reset_object("a.csv")?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn reset_object(&self, path: &str) -> Result<bool> {
        check_path(path)?;
        Ok(self.discard(&|changed| changed == path, path)? > 0)
    }

    fn discard(&self, is_meant: &dyn Fn(&str) -> bool, prefix: &str) -> Result<usize> {
        let (shared, author) = (self.shared(), self.shared().author()?);
        loop {
            let publishing = wait(shared.lake.local_view().publishing())?;
            let state = self.state("reset a branch")?;
            let head = shared.contents_of(&state.commit)?;
            let now = self.tree(&publishing, &state)?;
            let contents = shared.contents((now.digest, now.size), now.attributes)?;
            let mut changes = TreeChanges::new();
            let mut visit = |TreeDifference { path, after, .. }: TreeDifference| {
                if is_meant(&path) {
                    changes.insert(path, after);
                }
                ControlFlow::Continue(())
            };
            shared.differences(&contents.tree, &head.tree, Span { prefix, after: "" }, &mut visit)?;
            if changes.is_empty() {
                return Ok(0);
            }
            let noted = shared.noted_of(&changes, &head.attributes)?;
            let trees = [&*contents.tree, &*head.tree];
            let made_of = MadeOf { trees: &trees, put: &HashMap::new(), since: publishing.since };
            let NewTree { digest, size, attributes, mut pieces } =
                shared.changed(&contents, &changes, &noted, &made_of)?;
            pieces.extend(now.pieces);
            let (commit, base) = (state.commit, state.n + 1);
            let point = BranchPoint { commit, base, tree: digest, size, attributes, discards: true };
            let kind = EntryKind::State(point);
            if self.append_entry(&publishing, &state, kind, &author, &|| Ok(pieces.clone()))?.is_some() {
                return Ok(changes.len());
            }
        }
    }
}
