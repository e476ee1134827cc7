//! Changes that are committed at once, beside whatever else is uncommitted.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use datlake_core::document::Content;
use datlake_core::repository::{BranchChanges, BranchState, EntryKind, Put};
use datlake_core::tree::{InPack, ObjectAttributes, PACK_FEWEST, Span, TreeDifference, TreeEntry};
use datlake_core::{Digest, Error, ErrorKind, Result};
use datlake_store::{Publishing, wait};

use super::branch::{Branch, content_of};
use super::commit::{CommitMessage, NewCommit};
use super::pieces::{MadeOf, Pieces};
use super::reference::check_path;
use super::resolve::{Resolved, View};
use super::shared::Contents;
use super::wishes::BATCH;
use crate::file::File;
use crate::lake::FileSource;
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

/// Changes with their content in the lake, that content, and where files rest that were put into packs.
type Brought = (BranchChanges, Pieces, HashMap<Digest, InPack>);

/// Digest and size of each file, by the path that it is put at, and where those rest that are in packs.
type PutFiles<'a> = (HashMap<&'a str, (Digest, u64)>, HashMap<Digest, InPack>);

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
        let (changes, contents, put) = self.brought(changes, &publishing)?;
        loop {
            let state = self.state("commit")?;
            let head = shared.commit(&state.commit)?;
            let before = shared.contents((head.tree, head.size), head.attributes)?;
            check(&before, &state)?;
            let changed = before.tree.with(&Put::files(&changes), &mut shared.load())?;
            if changed.metarange == *before.tree {
                return Err(Error::new(ErrorKind::Unchanged, format!("{} has all of that already", **self)));
            }
            let noted = before.attributes.with(&Put::noted(&changes), &mut shared.load_attributes())?;
            let made_of = MadeOf { trees: &[&before.tree], put: &put, since: publishing.since };
            let mut tree = shared.put_changed(changed, noted, &made_of)?;
            tree.pieces.extend(contents.clone());
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

    /// Brings the content of `changes` into the lake: what changes, what is there for it, and where files rest that were packed.
    fn brought(&self, changes: &ChangeSet, publishing: &Publishing) -> Result<Brought> {
        let (lake, now) = (&self.shared().lake, self.put_now()?);
        let (mut brought, mut pieces) = (BranchChanges::new(), Pieces::default());
        // A few would keep a whole pack, should its tree go.
        let rests_in_tree = |change: &&Change| matches!(change, Change::File(file) if file.range().is_some());
        let are_many = changes.0.values().filter(rests_in_tree).take(PACK_FEWEST).count() == PACK_FEWEST;
        let (mut contents, mut places) = self.put_files(changes, publishing, &mut pieces)?;
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
                    // It stays where it rests, and is kept there.
                    let rests = |range| lake.rests_at(range, publishing.since, (&content.digest, file.len()));
                    match content.range.as_ref().filter(|_| are_many).map(rests).transpose()?.flatten() {
                        Some(at) => drop(places.insert(content.digest, at)),
                        None => {
                            wait(lake.see_to(std::slice::from_ref(&content)))?;
                            pieces.push((content.digest, file.len()));
                        }
                    }
                    let attributes = ObjectAttributes { from: file.uid().cloned(), ..now.clone() };
                    (attributes, (content.digest, file.len()), false)
                }
                Change::Bytes(_) | Change::Copy { .. } => match contents.remove(path.as_str()) {
                    Some(content) => (now.clone(), content, matches!(change, Change::Copy { executable: true, .. })),
                    None => continue,
                },
            };
            brought.insert(path.clone(), Some(Put { file: TreeEntry::file(digest, size, executable), attributes }));
        }
        Ok((brought, pieces, places))
    }

    /// Puts what is no file of the lake yet, many at a time: digest and size of each, by the path that it is put at, and where those rest that
    /// are in packs.
    fn put_files<'a>(
        &self,
        changes: &'a ChangeSet,
        publishing: &Publishing,
        pieces: &mut Pieces,
    ) -> Result<PutFiles<'a>> {
        let shared = self.shared();
        let source = |(path, change): (&'a String, &'a Change)| match change {
            Change::Copy { from, .. } => Some((path.as_str(), FileSource::Path(from))),
            Change::Bytes(bytes) => Some((path.as_str(), FileSource::Bytes(bytes))),
            _ => None,
        };
        let files: Vec<(&str, FileSource<'_>)> = changes.0.iter().filter_map(source).collect();
        let before = shared.tree_of(&self.state("commit")?.commit)?;
        let rests_at = |path: &str, digest: &Digest, size: u64| {
            let Some(row) = before.find(path).and_then(|at| before.ranges().get(at)) else { return Ok(None) };
            shared.lake.rests_at(&row.digest, publishing.since, (digest, size))
        };
        let put = shared.lake.put_in_packs(&files, &rests_at)?;
        put.blobs.into_iter().for_each(|content| pieces.push(content));
        Ok((files.iter().map(|(path, _)| *path).zip(put.contents).collect(), put.places))
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
        let now = self.tree(publishing, &state)?;
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
            let (mut changes, mut contents) = (BranchChanges::new(), Pieces::default());
            for path in batch {
                let put = match shared.entry(&view, path)? {
                    Some(file) => Some(Put { file, attributes: shared.attributes(&view, path)? }),
                    None => None,
                };
                if let Some((digest, size)) = put.as_ref().and_then(|put| put.file.content()) {
                    let range = shared.lake.resting_in(shared.range_of(&view, path), (digest, size))?;
                    if range.is_some() {
                        // What an entry names is a blob of its own.
                        let content = Content { range, ..Content::put(digest, size, path.clone()) };
                        wait(shared.lake.see_to(&[content]))?;
                    }
                    contents.push((digest, size));
                }
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
