//! What the handles of one repository share: what it is called, and what was read of it.

use std::cell::Cell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use datlake_core::catalog::{Author, Commit, GcEpoch, GcGuard};
use datlake_core::document::Content;
use datlake_core::lineage::Person;
use datlake_core::repository::{BranchName, BranchState, BranchTree, CommitRecord, RepositoryDocument};
use datlake_core::tree::{ChangedTree, Metarange, NotedTree, RangeRow, TreeChanges, TreeEntry, TreeRange};
use datlake_core::version::Moved;
use datlake_core::{Digest, Error, ErrorKind, Location, Result};
use datlake_store::{Staged, wait};

use super::pieces::{MadeOf, NewRange, Pieces};
use super::wishes::AppendQueue;
use crate::handle::Lake;
use crate::lake::{AtRest, in_parallel};
use crate::report::CommitInfo;
use crate::sync::lock;

/// So much of each kind is kept in memory, before all of it is forgotten.
const TREES: usize = 16;
const RANGES: usize = 256;
const COMMITS: usize = 1 << 14;
const QUEUES: usize = 1000;
const STATES: usize = 4;

type Uncommitted = (Arc<TreeChanges>, Arc<TreeChanges>);

pub(super) struct Shared {
    pub(super) lake: Lake,
    pub(super) document: RepositoryDocument,
    /// The digest of the document.
    pub(super) incarnation: Digest,
    /// Who changes something, where it is another than whoever runs the process.
    pub(super) person: Option<Person>,
    queues: Arc<Mutex<HashMap<String, Arc<AppendQueue>>>>,
    /// What branches have behind their trees, and what is noted of that, by the digest of the entry.
    uncommitted: Arc<Mutex<HashMap<Digest, Uncommitted>>>,
    pub(super) states: Arc<Mutex<HashMap<BranchName, BranchState>>>,
    trees: Arc<Mutex<HashMap<Digest, Arc<Metarange>>>>,
    ranges: Arc<Mutex<HashMap<Digest, Arc<TreeRange>>>>,
    commits: Arc<Mutex<HashMap<Digest, CommitRecord>>>,
}

/// A tree that a branch is to have, and what of it is new.
pub(super) struct NewTree {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// What is noted beside it: the metarange of that.
    pub(super) attributes: Option<(Digest, u64)>,
    pub(super) pieces: Pieces,
}

/// A tree, and what is noted beside it.
#[derive(Clone, Default)]
pub(super) struct Contents {
    pub(super) tree: Arc<Metarange>,
    pub(super) attributes: Arc<Metarange>,
}

impl Contents {
    pub(super) fn noted(&self) -> NotedTree<'_> {
        NotedTree { tree: &self.tree, attributes: &self.attributes }
    }
}

impl Shared {
    pub(super) fn new(lake: &Lake, document: RepositoryDocument, incarnation: Digest) -> Self {
        let (queues, uncommitted, states, trees, ranges, commits) = Default::default();
        Self {
            lake: lake.clone(),
            document,
            incarnation,
            person: None,
            queues,
            uncommitted,
            states,
            trees,
            ranges,
            commits,
        }
    }

    /// The same for somebody else, with all that was read.
    pub(super) fn on_behalf_of(&self, person: Person) -> Self {
        Self {
            lake: self.lake.clone(),
            document: self.document.clone(),
            incarnation: self.incarnation,
            person: Some(person),
            queues: Arc::clone(&self.queues),
            uncommitted: Arc::clone(&self.uncommitted),
            states: Arc::clone(&self.states),
            trees: Arc::clone(&self.trees),
            ranges: Arc::clone(&self.ranges),
            commits: Arc::clone(&self.commits),
        }
    }

    /// The commit `id`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where its content has gone; [`ErrorKind::Corrupt`] for what is no commit.
    pub(super) fn commit(&self, id: &Digest) -> Result<CommitRecord> {
        cached(&self.commits, COMMITS, *id, || {
            let bytes = self.lake.bytes_of(&Content::commit_alone(*id)).map_err(|error| match error.kind() {
                ErrorKind::MissingBlob => {
                    let message = format!("the repository `{}` has no commit {id}", self.document.name);
                    Error::new(ErrorKind::NotFound, message).because(error)
                }
                _ => error,
            })?;
            CommitRecord::parse(id, &bytes)
        })
    }

    /// The tree whose metarange has this digest and size.
    pub(super) fn tree(&self, digest: Digest, size: u64) -> Result<Arc<Metarange>> {
        cached(&self.trees, TREES, digest, || {
            let what = format!("a tree of the repository `{}`", self.document.name);
            let bytes = self.lake.bytes_of(&Content::tree(digest, size, what.clone()))?;
            Metarange::parse(&bytes, &what).map(Arc::new)
        })
    }

    /// The tree of a commit.
    pub(super) fn tree_of(&self, id: &Digest) -> Result<Arc<Metarange>> {
        let commit = self.commit(id)?;
        self.tree(commit.tree, commit.size)
    }

    /// The tree of a commit, and what is noted beside it.
    pub(super) fn contents_of(&self, id: &Digest) -> Result<Contents> {
        let CommitRecord { tree, size, attributes, .. } = self.commit(id)?;
        self.contents((tree, size), attributes)
    }

    /// What changed behind the tree of a branch, and what is noted beside that.
    pub(super) fn uncommitted(&self, state: &BranchState) -> Uncommitted {
        let all = || Ok::<_, Infallible>((Arc::new(state.changes()), Arc::new(state.attributes())));
        let Ok(uncommitted) = cached(&self.uncommitted, STATES, state.digest, all);
        uncommitted
    }

    /// What a branch has with its uncommitted changes, up to the tree behind which these are listed.
    pub(super) fn contents_at(&self, state: &BranchState) -> Result<Contents> {
        match state.tree {
            BranchTree::Commit(id) => self.contents_of(&id),
            BranchTree::Point(point) => self.contents((point.tree, point.size), point.attributes),
        }
    }

    pub(super) fn contents(&self, tree: (Digest, u64), attributes: Option<(Digest, u64)>) -> Result<Contents> {
        let attributes = attributes.map_or_else(|| Ok(Arc::default()), |(digest, size)| self.tree(digest, size))?;
        Ok(Contents { tree: self.tree(tree.0, tree.1)?, attributes })
    }

    /// What is noted of an object in `attributes`.
    pub(super) fn noted(&self, attributes: &Metarange, path: &str) -> Result<Option<TreeEntry>> {
        let Some(row) = attributes.find(path).and_then(|at| attributes.ranges().get(at)) else { return Ok(None) };
        Ok(self.range_of_attributes(row)?.get(path).map(|(_, entry)| entry.clone()))
    }

    pub(super) fn range(&self, row: &RangeRow) -> Result<Arc<TreeRange>> {
        self.read_range(row, TreeRange::parse)
    }

    pub(super) fn range_of_attributes(&self, row: &RangeRow) -> Result<Arc<TreeRange>> {
        self.read_range(row, TreeRange::parse_attributes)
    }

    fn read_range(
        &self,
        row: &RangeRow,
        parse: fn(Vec<u8>, &RangeRow, &dyn fmt::Display) -> Result<TreeRange>,
    ) -> Result<Arc<TreeRange>> {
        cached(&self.ranges, RANGES, row.digest, || parse(self.range_bytes(row)?, row, &self.of_a_tree()).map(Arc::new))
    }

    /// Two ranges, to be compared: of each the entries that the other has not, and some that it has.
    pub(super) fn unlike(&self, one: &RangeRow, other: &RangeRow) -> Result<[Arc<TreeRange>; 2]> {
        let bytes = [self.range_bytes(one)?, self.range_bytes(other)?];
        let read = TreeRange::parse_unlike((&bytes[0], one), (&bytes[1], other), &self.of_a_tree())?;
        Ok(read.map(Arc::new))
    }

    fn range_bytes(&self, row: &RangeRow) -> Result<Vec<u8>> {
        self.lake.bytes_of(&Content::range(row.digest, row.size, self.of_a_tree()))
    }

    fn of_a_tree(&self) -> String {
        format!("a tree of the repository `{}`", self.document.name)
    }

    /// Reads ranges, for the core.
    pub(super) fn load(&self) -> impl FnMut(&RangeRow) -> Result<Arc<TreeRange>> {
        |row| self.range(row)
    }

    /// The same of what is noted.
    pub(super) fn load_attributes(&self) -> impl FnMut(&RangeRow) -> Result<Arc<TreeRange>> {
        |row| self.range_of_attributes(row)
    }

    /// Reads commits, for the core.
    pub(super) fn load_commit(&self) -> impl FnMut(&Digest) -> Result<CommitRecord> {
        |id| self.commit(id)
    }

    /// A tree with changes, and what is noted beside it of each path at which something changes: put into the lake.
    pub(super) fn changed(
        &self,
        of: &Contents,
        changes: &TreeChanges,
        noted: &TreeChanges,
        made_of: &MadeOf<'_>,
    ) -> Result<NewTree> {
        let tree = of.tree.with(changes, &mut self.load())?;
        self.put_changed(tree, of.attributes.with(noted, &mut self.load_attributes())?, made_of)
    }

    /// A tree that was made of others, and what is noted beside it: put into the lake.
    pub(super) fn put_changed(
        &self,
        tree: ChangedTree,
        attributes: ChangedTree,
        made_of: &MadeOf<'_>,
    ) -> Result<NewTree> {
        let mut pieces = Pieces::default();
        let rows: HashMap<Digest, &RangeRow> = tree.metarange.ranges().iter().map(|row| (row.digest, row)).collect();
        let new = tree.ranges.iter().filter_map(|bytes| {
            let digest = Digest::of(bytes);
            let row = rows.get(&digest)?;
            Some(NewRange { digest, bytes, span: (row.first.clone(), row.last.clone()) })
        });
        pieces.lead_to_packs(&self.lake, &new.collect::<Vec<_>>(), made_of)?;
        let (digest, size) = self.put_tree(tree, &mut pieces)?;
        let attributes = match attributes.metarange.ranges() {
            [] => None,
            _ => Some(self.put_tree(attributes, &mut pieces)?),
        };
        Ok(NewTree { digest, size, attributes, pieces })
    }

    fn put_tree(&self, tree: ChangedTree, pieces: &mut Pieces) -> Result<(Digest, u64)> {
        let ChangedTree { metarange, ranges } = tree;
        pieces.extend(in_parallel(&ranges, |bytes| put(&self.lake, bytes))?.into_iter().collect());
        let piece = self.put_metarange(metarange)?;
        pieces.push(piece);
        Ok(piece)
    }

    /// Puts a tree whose ranges are in the lake: its digest and size.
    pub(super) fn put_metarange(&self, metarange: Metarange) -> Result<(Digest, u64)> {
        let (digest, size) = put(&self.lake, &metarange.to_bytes())?;
        lock(&self.trees).insert(digest, Arc::new(metarange));
        Ok((digest, size))
    }

    /// What is noted in `attributes` of each path at which something changes.
    pub(super) fn noted_of(&self, changes: &TreeChanges, attributes: &Metarange) -> Result<TreeChanges> {
        changes.keys().map(|path| Ok((path.clone(), self.noted(attributes, path)?))).collect()
    }

    /// Puts a commit into the lake, as one of this repository: its id, and what is new.
    pub(super) fn put_commit(&self, commit: &CommitRecord) -> Result<(Digest, (Digest, u64))> {
        let piece = put(&self.lake, &commit.to_bytes()?)?;
        wait(self.lake.catalog().mark_commit(&self.incarnation, &piece.0))?;
        Ok((piece.0, piece))
    }

    /// Who waits for a change of this branch in this process.
    pub(super) fn queue(&self, branch: &str) -> Arc<AppendQueue> {
        let mut queues = lock(&self.queues);
        if queues.len() > QUEUES {
            // Those that nobody stands in.
            queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        }
        Arc::clone(queues.entry(branch.to_owned()).or_default())
    }

    /// Whoever changes something now.
    pub(super) fn author(&self) -> Result<Author> {
        author(&self.lake, self.person.as_ref())
    }

    /// All that a history refers to.
    pub(super) fn history(&self, id: Digest) -> Result<Pieces> {
        self.at_rest(self.lake.closure(vec![Content::history(id)])?)
    }

    /// All that a commit has in its tree.
    pub(super) fn tree_pieces(&self, id: &Digest) -> Result<Pieces> {
        self.at_rest(self.lake.closure(self.commit(id)?.contents(id))?)
    }

    fn at_rest(&self, all: Vec<Content>) -> Result<Pieces> {
        let AtRest { contents, locations, .. } = self.lake.at_rest(all)?;
        let contents = contents.into_iter().map(|content| (content.digest, content.size.unwrap_or(0))).collect();
        Ok(Pieces::new(contents, locations))
    }

    /// Names `pieces`, as [`Lake::secured_all`] does.
    pub(super) fn secured<T>(
        &self,
        since: GcEpoch,
        pieces: &(dyn Fn() -> Result<Pieces> + Sync),
        name: impl Fn(&GcGuard) -> Result<Commit<T>>,
    ) -> Result<T> {
        let (contents, again) = (|| Ok(pieces()?.contents()), Cell::new(false));
        self.lake.secured_all(since, &contents, |secured| {
            // What was swept in between took what leads to packs along.
            if again.replace(true) {
                wait(self.lake.send_locations(&pieces()?.locations()))?;
            }
            name(secured)
        })
    }

    pub(super) fn info(&self, id: Digest) -> Result<CommitInfo> {
        Ok(info(id, self.commit(&id)?))
    }

    /// Whether the repository is still there.
    pub(super) fn check(&self) -> Result<()> {
        let now = wait(self.lake.catalog().repository(&self.document.name))?;
        match now.is_some_and(|(_, digest)| digest == self.incarnation) {
            true => Ok(()),
            false => Err(gone(format!("the repository `{}` was deleted", self.document.name))),
        }
    }

    pub(super) fn at_branch(&self, name: &BranchName) -> Location {
        Location::Branch(self.incarnation, name.clone())
    }
}

/// Puts content into a lake.
pub(super) fn put(lake: &Lake, bytes: &[u8]) -> Result<(Digest, u64)> {
    let view = lake.local_view();
    let staged = Staged::from_bytes(&view.scratch()?, bytes)?;
    wait(view.restore(&staged.digest, staged.size, staged.path()))?;
    Ok((staged.digest, staged.size))
}

/// Whoever changes something in a lake now: `person`, or whoever runs the process.
pub(super) fn author(lake: &Lake, person: Option<&Person>) -> Result<Author> {
    let provenance = lake.provenance();
    let person = person.map_or_else(|| provenance.person(), |person| Ok(person.clone()))?;
    let host = provenance.host().to_owned();
    Ok(Author { nonce: lake.nonce(), by: Moved { person, host, at: crate::provenance::now() } })
}

pub(super) fn info(id: Digest, commit: CommitRecord) -> CommitInfo {
    let CommitRecord { tree, parents, generation, at, committer, message, metadata, .. } = commit;
    CommitInfo { id, parents, generation, at, committer, message, metadata, tree }
}

pub(super) fn gone(message: String) -> Error {
    Error::new(ErrorKind::NotFound, message)
}

fn cached<K: Hash + Eq, V: Clone, E>(
    known: &Mutex<HashMap<K, V>>,
    most: usize,
    key: K,
    read: impl FnOnce() -> Result<V, E>,
) -> Result<V, E> {
    if let Some(found) = lock(known).get(&key) {
        return Ok(found.clone());
    }
    let found = read()?;
    let mut known = lock(known);
    if known.len() >= most {
        known.clear();
    }
    known.insert(key, found.clone());
    Ok(found)
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Repository").field(&self.document.name.as_str()).finish()
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        self.incarnation == other.incarnation && self.lake == other.lake
    }
}

impl Eq for Shared {}
