//! The entries of a branch's log: what was uploaded and deleted, commits, and what was discarded.
//!
//! - *Changes* are a batch of puts and deletes, by path. They are uncommitted until a commit covers them.
//! - A *commit* says: commit K, made from what was there up to the entry `through`. Changes behind that are uncommitted still. It is
//!   created only where nothing but changes and checkpoints lies between the entry `base`, which led to K's first parent, and itself.
//! - A *state* says what the branch has at that point: who reads from the end reads no further. One that `discards` is a barrier
//!   as a commit is: what was made of the changes before it is made anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::names::BranchName;
use crate::document::envelope;
use crate::document::references::{Content, Document, References};
use crate::tree::{ObjectAttributes, TreeChanges, TreeEntry};
use crate::version::Moved;
use crate::{Digest, Error, ErrorKind, Location, LogId, Result};

/// An entry of the log of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchEntry {
    /// Who wrote it.
    pub nonce: String,
    /// Its number, from 1.
    pub n: u64,
    /// The digest of the entry before it; of the first, that of the branch's document.
    pub before: Digest,
    /// Who, and when.
    pub by: Moved,
    /// What it does.
    pub what: EntryKind,
}

/// What is put at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// A file.
    pub file: TreeEntry,
    /// What is noted beside its content.
    pub attributes: ObjectAttributes,
}

impl Put {
    /// What changes in a tree.
    pub fn files(changes: &BranchChanges) -> TreeChanges {
        changes.iter().map(|(path, put)| (path.clone(), put.as_ref().map(|put| put.file.clone()))).collect()
    }

    /// What changes in what is noted beside it.
    pub fn noted(changes: &BranchChanges) -> TreeChanges {
        let noted = |put: &Self| {
            let is_noted = !put.attributes.is_empty();
            is_noted.then(|| TreeEntry::Attributes(put.attributes.clone().into()))
        };
        changes.iter().map(|(path, put)| (path.clone(), put.as_ref().and_then(noted))).collect()
    }
}

/// What is put at paths, or deleted there.
pub type BranchChanges = BTreeMap<String, Option<Put>>;

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Puts what is there at these paths from then on; nothing, where it deletes.
    Changes(BranchChanges),
    /// Leads the branch to a commit.
    Commit {
        /// The commit.
        commit: Digest,
        /// The entry that led to its first parent.
        base: u64,
        /// The last entry whose changes it has.
        through: u64,
    },
    /// Says what the branch has.
    State(BranchPoint),
}

/// What a branch has at some entry of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchPoint {
    /// The commit that it is led to.
    pub commit: Digest,
    /// The entry that led there, or discarded changes since.
    pub base: u64,
    /// What it has with what is uncommitted: a tree, by the digest of its metarange.
    pub tree: Digest,
    /// The size of the metarange in bytes.
    pub size: u64,
    /// What is noted beside that: a tree of attributes, by the digest and size of its metarange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<(Digest, u64)>,
    /// Whether the entry discards changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discards: bool,
}

#[derive(Serialize, Deserialize)]
struct EntryV1 {
    nonce: String,
    n: u64,
    before: Digest,
    by: Moved,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<ChangeV1>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<CommitV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<BranchPoint>,
}

#[derive(Serialize, Deserialize)]
struct ChangeV1 {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<(Digest, u64)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    executable: bool,
    #[serde(default, skip_serializing_if = "ObjectAttributes::is_empty")]
    attributes: ObjectAttributes,
}

#[derive(Serialize, Deserialize)]
struct CommitV1 {
    commit: Digest,
    base: u64,
    through: u64,
}

impl BranchEntry {
    /// The document, and its digest.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a change that puts anything but a file.
    pub fn to_bytes(&self) -> Result<(Vec<u8>, Digest)> {
        let (mut changes, mut commit, mut state) = (None, None, None);
        match &self.what {
            EntryKind::Changes(all) => changes = Some(all.iter().map(change).collect::<Result<_>>()?),
            EntryKind::Commit { commit: id, base, through } => {
                commit = Some(CommitV1 { commit: *id, base: *base, through: *through });
            }
            EntryKind::State(point) => state = Some(*point),
        }
        let Self { nonce, n, before, by, .. } = self.clone();
        envelope::seal("branch entry", &EntryV1 { nonce, n, before, by, changes, commit, state })
    }

    /// Reads the entry `n` of a log, and its digest.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes that are not the entry that was written there.
    pub fn parse(log: &LogId, n: u64, bytes: &[u8]) -> Result<(Self, Digest)> {
        let place = log.entry(n).path();
        let (wire, digest) = envelope::open::<EntryV1>("branch entry", bytes, &place)?;
        let corrupt =
            |why: &str| Error::new(ErrorKind::Corrupt, format!("the entry `{place}` of a branch is damaged: {why}"));
        let EntryV1 { nonce, n: written, before, by, changes, commit, state } = wire;
        if written != n {
            return Err(corrupt("it is another entry"));
        }
        if n == 1 && before != log.first() {
            return Err(corrupt("it follows another document"));
        }
        let what = match (changes, commit, state) {
            (Some(all), None, None) => {
                EntryKind::Changes(changed(all).ok_or_else(|| corrupt("its changes are not in order"))?)
            }
            (None, Some(CommitV1 { commit, base, through }), None) if base <= through && through < n => {
                EntryKind::Commit { commit, base, through }
            }
            (None, None, Some(point)) if point.base < n || (point.discards && point.base == n) => {
                EntryKind::State(point)
            }
            _ => return Err(corrupt("it does nothing, or two things")),
        };
        Ok((Self { nonce, n, before, by, what }, digest))
    }

    /// Whether what was made of changes before it is to be made anew.
    pub fn is_barrier(&self) -> bool {
        match &self.what {
            EntryKind::Changes(_) => false,
            EntryKind::Commit { .. } => true,
            EntryKind::State(point) => point.discards,
        }
    }

    pub(crate) fn document(
        at: &Location,
        (repository, name, first): (&Digest, &BranchName, &Digest),
        n: u64,
        bytes: Vec<u8>,
    ) -> Result<Document> {
        let log = LogId::Branch(*repository, name.clone(), *first);
        let (entry, digest) = Self::parse(&log, n, &bytes)?;
        let missing = format!("what the branch `{name}` had before is not there: it was deleted, or is damaged");
        let mut references = References { needs: vec![(log.entry(n - 1), missing)], ..References::default() };
        match entry.what {
            EntryKind::Changes(changes) => {
                let put = changes.into_iter().filter_map(|(path, entry)| Some((path, entry?.file.content()?)));
                references.content.extend(put.map(|(path, (digest, size))| Content::put(digest, size, path)));
            }
            // The entries before it keep what the commit came from on its own branch.
            EntryKind::Commit { commit, .. } => {
                references.content.push(Content::merged(commit));
                references.index.push(Location::CommitMark(*repository, commit));
            }
            EntryKind::State(point) => {
                let what = format!("branch {name}");
                references.content.push(Content::tree(point.tree, point.size, what.clone()));
                let noted = point.attributes.map(|(digest, size)| Content::attributes(digest, size, what));
                references.content.extend(noted);
            }
        }
        let taken = "the branch was led elsewhere there meanwhile";
        Ok(Document { taken, ..Document::new(at, digest, bytes, references) })
    }
}

fn change((path, put): (&String, &Option<Put>)) -> Result<ChangeV1> {
    let path = path.clone();
    match put {
        None => Ok(ChangeV1 { path, file: None, executable: false, attributes: ObjectAttributes::default() }),
        Some(Put { file: TreeEntry::File { digest, size, executable }, attributes }) => {
            let (file, attributes) = (Some((*digest, *size)), attributes.clone());
            Ok(ChangeV1 { path, file, executable: *executable, attributes })
        }
        Some(_) => Err(Error::new(ErrorKind::InvalidInput, format!("cannot put `{path}`: it is no file"))),
    }
}

/// The changes of an entry, if each path is there once, and they are in order.
fn changed(all: Vec<ChangeV1>) -> Option<BranchChanges> {
    let mut changes = BranchChanges::new();
    for ChangeV1 { path, file, executable, attributes } in all {
        if crate::tree::check_path(&path).is_err() || changes.last_key_value().is_some_and(|(last, _)| *last >= path) {
            return None;
        }
        let put = |(digest, size)| Put { file: TreeEntry::file(digest, size, executable), attributes };
        changes.insert(path, file.map(put));
    }
    (!changes.is_empty()).then_some(changes)
}
