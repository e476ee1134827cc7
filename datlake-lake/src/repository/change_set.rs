//! Changes that are committed at once, beside whatever else is uncommitted.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use datlake_core::repository::{BranchChanges, BranchState, EntryKind, Put};
use datlake_core::tree::{ObjectAttributes, Span, TreeDifference, TreeEntry};
use datlake_core::{Digest, Error, ErrorKind, Result};
use datlake_store::{Publishing, Staged, wait};

use super::branch::{BATCH, Branch, content_of};
use super::commit::{CommitMessage, NewCommit};
use super::reference::check_path;
use super::resolve::{Resolved, View};
use super::shared::{Contents, Pieces};
use crate::file::File;
use crate::report::CommitInfo;

/// Files that are put and deleted by [one commit](Branch::commit_all). Of several changes of a path the last counts. Nothing is read before
/// that.
///
/// ```
/// use datlake::ChangeSet;
///
/// let lake = datlake::Lake::temp()?;
/// let file = lake.add_bytes("tables/jan.csv", "x,1\n")?;
/// let main = lake.new_repository("sales").create()?.default_branch();
/// let january = ChangeSet::new().put("raw/jan.csv", &file).put_bytes("readme.md", "January").put_path("Cargo.toml", "Cargo.toml");
/// main.commit_all("January", &january)?;
/// main.commit_all("Without a readme", &ChangeSet::new().delete("readme.md"))?;
/// assert_eq!(main.list_all("")?.len(), 2);
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ChangeSet(BTreeMap<String, Change>);

#[derive(Clone, Debug)]
enum Change {
    Bytes(Vec<u8>),
    Copy {
        from: PathBuf,
        executable: bool,
    },
    File(File),
    /// What has no content.
    Entry(TreeEntry),
    Delete,
}

impl ChangeSet {
    /// No changes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `bytes` at `path`.
    #[must_use]
    pub fn put_bytes(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.with(path, Change::Bytes(bytes.into()))
    }

    /// Puts a copy of the file at `file` of this machine at `path`, as it is when it is committed.
    #[must_use]
    pub fn put_path(self, path: &str, file: impl AsRef<Path>) -> Self {
        self.put_copy(path, file.as_ref(), false)
    }

    /// Puts a file of the same lake at `path`, without copying it.
    #[must_use]
    pub fn put(self, path: &str, file: &File) -> Self {
        self.with(path, Change::File(file.clone()))
    }

    /// Deletes what is at `path`, if there is anything.
    #[must_use]
    pub fn delete(self, path: &str) -> Self {
        self.with(path, Change::Delete)
    }

    /// As [`put_path`](Self::put_path), and whether it may be executed.
    #[must_use]
    pub(super) fn put_copy(self, path: &str, file: &Path, executable: bool) -> Self {
        self.with(path, Change::Copy { from: file.to_owned(), executable })
    }

    /// Puts what has no content: a link, or an empty folder.
    #[must_use]
    pub(super) fn put_entry(self, path: &str, entry: TreeEntry) -> Self {
        self.with(path, Change::Entry(entry))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn with(mut self, path: &str, change: Change) -> Self {
        self.0.insert(path.to_owned(), change);
        self
    }
}

impl Branch {
    /// Commits `changes` and nothing else: all of them, or, where it fails, none. What others have uncommitted stays uncommitted, but at
    /// the paths that change.
    ///
    /// # Errors
    /// [`ErrorKind::Unchanged`] where the last commit has all that already; those of putting each: as [`Branch::put`],
    /// [`Branch::put_path`]; as [`Branch::commit`].
    ///
    /// ```
    /// use datlake::ChangeSet;
    ///
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("draft.txt", "of somebody else")?;
    /// let commit = main.commit_all("January", &ChangeSet::new().put_bytes("a.csv", "1").put_bytes("b.csv", "2"))?;
    /// assert_eq!(main.file("a.csv")?.read()?, b"1");
    /// assert_eq!(main.uncommitted(&Default::default())?.items[0].path, "draft.txt");
    /// # assert_eq!(commit.generation, 2);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn commit_all(&self, message: impl Into<CommitMessage>, changes: &ChangeSet) -> Result<CommitInfo> {
        self.commit_set(message.into(), changes, &|_, _| Ok(()))
    }

    /// As [`commit_all`](Self::commit_all), if `check` allows it: it sees the last commit and what the branch has, and does so anew
    /// whenever somebody else was first.
    pub(super) fn commit_set(
        &self,
        message: CommitMessage,
        changes: &ChangeSet,
        check: &dyn Fn(&Contents, &BranchState) -> Result<()>,
    ) -> Result<CommitInfo> {
        changes.0.keys().try_for_each(|path| check_path(path))?;
        let shared = self.shared();
        let state = self.state("commit")?;
        // Before all is read that is refused afterwards.
        check(&shared.contents_of(&state.commit)?, &state)?;
        let publishing = wait(shared.lake.local_view().publishing())?;
        let (changes, contents) = self.brought(changes)?;
        loop {
            let state = self.state("commit")?;
            let head = shared.commit(&state.commit)?;
            let before = shared.contents((head.tree, head.size), head.attributes)?;
            check(&before, &state)?;
            let mut tree = shared.changed(&before, &Put::files(&changes), &Put::noted(&changes))?;
            if tree.digest == head.tree {
                return Err(Error::new(ErrorKind::Unchanged, format!("{} has all of that already", **self)));
            }
            tree.pieces.extend(contents.iter().copied());
            let through = state.n;
            let Some(state) = self.keep_uncommitted(&publishing, state, &|path| Ok(changes.contains_key(path)))? else {
                continue;
            };
            let new = NewCommit { tree, merged: None, kept: None, message: message.clone(), through };
            if let Some(commit) = self.land(&publishing, state, new, &shared.author()?)? {
                return Ok(commit);
            }
        }
    }

    /// Brings the content of `changes` into the lake.
    fn brought(&self, changes: &ChangeSet) -> Result<(BranchChanges, Pieces)> {
        let (lake, now) = (&self.shared().lake, self.put_now()?);
        let (mut brought, mut contents) = (BranchChanges::new(), Pieces::new());
        let mut copied = self.copied(changes)?;
        for (path, change) in &changes.0 {
            let (attributes, (digest, size), executable) = match change {
                Change::Delete => {
                    brought.insert(path.clone(), None);
                    continue;
                }
                Change::Entry(entry) => {
                    let put = Put { file: entry.clone(), attributes: ObjectAttributes::default() };
                    brought.insert(path.clone(), Some(put));
                    continue;
                }
                Change::File(file) => {
                    let content = content_of(lake, path, file)?;
                    wait(lake.see_to(std::slice::from_ref(&content)))?;
                    let attributes = ObjectAttributes { from: file.uid().cloned(), ..now.clone() };
                    (attributes, (content.digest, file.len()), false)
                }
                Change::Bytes(bytes) => {
                    let staged = Staged::from_bytes(&lake.local_view().scratch()?, bytes)?;
                    let _sends = lake.sends([(staged.digest, path.clone())]);
                    wait(lake.local_view().restore(&staged.digest, staged.size, staged.path()))?;
                    (now.clone(), (staged.digest, staged.size), false)
                }
                Change::Copy { executable, .. } => match copied.remove(path.as_str()) {
                    Some(content) => (now.clone(), content, *executable),
                    None => continue,
                },
            };
            brought.insert(path.clone(), Some(Put { file: TreeEntry::file(digest, size, executable), attributes }));
            contents.push((digest, size));
        }
        Ok((brought, contents))
    }

    /// Puts the files of this machine into the lake, many at a time: digest and size of each, by the path that it is put at.
    fn copied<'a>(&self, changes: &'a ChangeSet) -> Result<HashMap<&'a str, (Digest, u64)>> {
        let copies = changes.0.iter().filter_map(|(path, change)| match change {
            Change::Copy { from, .. } => Some((path.as_str(), from.as_path())),
            _ => None,
        });
        let copies: Vec<(&str, &Path)> = copies.collect();
        let contents = self.shared().lake.put_all(&copies)?;
        Ok(copies.into_iter().map(|(path, _)| path).zip(contents).collect())
    }

    /// Puts what is uncommitted once more, but at the paths that `changes_at` names: a commit that covers all that was there before leaves it
    /// uncommitted then. `None` where somebody else was first.
    pub(super) fn keep_uncommitted(
        &self,
        publishing: &Publishing,
        mut state: BranchState,
        changes_at: &dyn Fn(&str) -> Result<bool>,
    ) -> Result<Option<BranchState>> {
        let shared = self.shared();
        let head = shared.tree_of(&state.commit)?;
        let now = self.tree(&state)?;
        let view: View = shared.view(&Resolved::branch(state.clone()))?;
        let mut paths: Vec<String> = state.changes().into_keys().collect();
        let mut visit = |TreeDifference { path, .. }: TreeDifference| {
            paths.push(path);
            ControlFlow::Continue(())
        };
        let tree = shared.tree(now.digest, now.size)?;
        shared.differences(&head, &tree, Span { prefix: "", after: "" }, &mut visit)?;
        paths.sort();
        paths.dedup();
        let mut kept = Vec::with_capacity(paths.len());
        for path in paths {
            if !changes_at(&path)? {
                kept.push(path);
            }
        }
        for batch in kept.chunks(BATCH) {
            let (mut changes, mut contents) = (BranchChanges::new(), Pieces::new());
            for path in batch {
                let put = match shared.entry(&view, path)? {
                    Some(file) => Some(Put { file, attributes: shared.attributes(&view, path)? }),
                    None => None,
                };
                contents.extend(put.as_ref().and_then(|put| put.file.content()));
                changes.insert(path.clone(), put);
            }
            let (what, author) = (EntryKind::Changes(changes), shared.author()?);
            match self.append_entry(publishing, &state, what, &author, &|| Ok(contents.clone()))? {
                Some(next) => state = next,
                None => return Ok(None),
            }
        }
        Ok(Some(state))
    }
}
