//! The documents of repositories, branches and tags. What a branch was led to after its document is in its log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::names::{BranchName, RepositoryName, TagName};
use crate::document::envelope;
use crate::document::references::{Content, Document, References};
use crate::version::Moved;
use crate::{Digest, Error, ErrorKind, Location, LogId, Result};

/// A repository. The digest of its document is its *incarnation*: all that it has is kept under that, so that a repository that was
/// deleted and one of the same name that came after it share nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryDocument {
    /// Who wrote it.
    pub nonce: String,
    /// Its name.
    pub name: RepositoryName,
    /// The branch that is there as long as the repository is.
    pub default_branch: BranchName,
    /// Its first commit.
    pub commit: Digest,
    /// Who created it, and when.
    pub by: Moved,
    /// What else people noted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// A branch, as it was created: entry 0 of its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchDocument {
    /// Who wrote it.
    pub nonce: String,
    /// The incarnation of the repository.
    pub repository: Digest,
    /// Its name.
    pub name: BranchName,
    /// The commit that it began with.
    pub commit: Digest,
    /// Who created it, and when.
    pub by: Moved,
}

/// A tag: a name of a commit, which never moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagDocument {
    /// Who wrote it.
    pub nonce: String,
    /// The incarnation of the repository.
    pub repository: Digest,
    /// Its name.
    pub name: TagName,
    /// The commit.
    pub commit: Digest,
    /// Who created it, and when.
    pub by: Moved,
}

impl RepositoryDocument {
    /// The document, and the incarnation that it is.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_bytes(&self) -> Result<(Vec<u8>, Digest)> {
        envelope::seal("repository", self)
    }

    /// Reads the document of the repository `name`, and its incarnation.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes that are not what was written there.
    pub fn parse(name: &RepositoryName, bytes: &[u8]) -> Result<(Self, Digest)> {
        let at = Location::Repository(name.clone());
        let (found, digest) = envelope::open::<Self>("repository", bytes, &at.path())?;
        in_its_place(&at, found.name == *name)?;
        Ok((found, digest))
    }

    /// The default branch as it began: whoever misses it creates it, and all create the same.
    pub fn first_branch(&self, incarnation: Digest) -> BranchDocument {
        BranchDocument {
            nonce: self.nonce.clone(),
            repository: incarnation,
            name: self.default_branch.clone(),
            commit: self.commit,
            by: self.by.clone(),
        }
    }

    pub(crate) fn document(at: &Location, name: &RepositoryName, bytes: Vec<u8>) -> Result<Document> {
        let (found, digest) = Self::parse(name, &bytes)?;
        let references = References { content: vec![Content::history(found.commit)], ..References::default() };
        let taken = "another repository has that name there";
        Ok(Document { taken, ..Document::new(at, digest, bytes, references) })
    }
}

impl BranchDocument {
    /// The document, and its digest.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_bytes(&self) -> Result<(Vec<u8>, Digest)> {
        envelope::seal("branch", self)
    }

    /// Where it is.
    pub fn at(&self) -> Location {
        Location::Branch(self.repository, self.name.clone())
    }

    /// Reads the document of the branch `name` of a repository, and its digest.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes that are not what was written there.
    pub fn parse(repository: &Digest, name: &BranchName, bytes: &[u8]) -> Result<(Self, Digest)> {
        let at = Location::Branch(*repository, name.clone());
        let (found, digest) = envelope::open::<Self>("branch", bytes, &at.path())?;
        in_its_place(&at, found.name == *name && found.repository == *repository)?;
        Ok((found, digest))
    }

    pub(crate) fn document(at: &Location, repository: &Digest, name: &BranchName, bytes: Vec<u8>) -> Result<Document> {
        let (found, digest) = Self::parse(repository, name, &bytes)?;
        let begins = Some(LogId::Branch(*repository, name.clone(), digest));
        let references = led(repository, found.commit);
        Ok(Document { begins, taken: TAKEN, ..Document::new(at, digest, bytes, references) })
    }
}

impl TagDocument {
    /// The document, and its digest.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_bytes(&self) -> Result<(Vec<u8>, Digest)> {
        envelope::seal("tag", self)
    }

    /// Where it is.
    pub fn at(&self) -> Location {
        Location::Tag(self.repository, self.name.clone())
    }

    /// Reads the document of the tag `name` of a repository, and its digest.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes that are not what was written there.
    pub fn parse(repository: &Digest, name: &TagName, bytes: &[u8]) -> Result<(Self, Digest)> {
        let at = Location::Tag(*repository, name.clone());
        let (found, digest) = envelope::open::<Self>("tag", bytes, &at.path())?;
        in_its_place(&at, found.name == *name && found.repository == *repository)?;
        Ok((found, digest))
    }

    pub(crate) fn document(at: &Location, repository: &Digest, name: &TagName, bytes: Vec<u8>) -> Result<Document> {
        let (found, digest) = Self::parse(repository, name, &bytes)?;
        let references = led(repository, found.commit);
        Ok(Document { taken: TAKEN, ..Document::new(at, digest, bytes, references) })
    }
}

/// What a name that was taken by another is an error of.
const TAKEN: &str = "another has that name there";

/// What leads to a commit refers to. Its repository is not among that: nobody finds a branch of one that is not there.
fn led(repository: &Digest, commit: Digest) -> References {
    References {
        content: vec![Content::history(commit)],
        index: vec![Location::CommitMark(*repository, commit)],
        ..References::default()
    }
}

fn in_its_place(at: &Location, is_it: bool) -> Result<()> {
    match is_it {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Corrupt, format!("`{}` is damaged: it is of something else", at.path()))),
    }
}
