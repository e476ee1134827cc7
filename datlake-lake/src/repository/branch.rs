//! Branches: creating and deleting them, and what is put there.

use std::io::Read;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use datlake_core::catalog::{Appended, Author, GcGuard};
use datlake_core::document::Content;
use datlake_core::repository::{BranchDocument, BranchName, BranchPoint, BranchState, EntryKind};
use datlake_core::tree::ObjectAttributes;
use datlake_core::{Error, ErrorKind, Prefix, Result};
use datlake_store::{AsyncRead, Publishing, wait};

use super::pieces::Pieces;
use super::reference::{Reference, check_path};
use super::shared::{NewTree, Shared, gone};
use super::wishes::{BATCH, Wish};
use crate::file::File;
use crate::handle::Lake;
use crate::report::ObjectInfo;
use crate::sync::lock;

/// So many entries behind a checkpoint, another one is written.
const CHECKPOINT: u64 = 64;

/// A branch of a repository: what [`Reference`] can do, and what changes it. What is put there is there for everybody at once, and
/// uncommitted until somebody [commits](Branch::commit) it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch(pub(super) Reference);

impl Branch {
    pub(super) fn new(shared: &Arc<Shared>, name: &str) -> Self {
        Self(Reference::branch(shared, name))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.expression()
    }

    /// Creates it, at the commit that `from` leads to.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where there is one, or a tag of that name; [`ErrorKind::InvalidInput`] for what cannot be a
    /// name; as [`Reference::commit_info`]; [`ErrorKind::Unavailable`] offline.
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// let dev = sales.branch("dev").create("main")?;
    /// dev.put_bytes("a.csv", "1")?;
    /// assert!(!sales.branch("main").exists("a.csv")?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn create(&self, from: &str) -> Result<Self> {
        let name = BranchName::new(self.name())?;
        if name.is_ours_alone() {
            let message = format!("`{name}` cannot be created: branches of transactions are called so");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        self.created(from)
    }

    pub(super) fn created(&self, from: &str) -> Result<Self> {
        let (name, repository) = (BranchName::new(self.name())?, self.0.shared().incarnation);
        self.0.create("create a branch", from, |Author { nonce, by }, commit| {
            let document = BranchDocument { nonce, repository, name, commit, by };
            Ok((document.at(), document.to_bytes()?.0))
        })?;
        Ok(self.clone())
    }

    /// Deletes it, with what is uncommitted there. What only it led to goes with a later collection.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for the default branch; [`ErrorKind::NotFound`] where there is none; [`ErrorKind::Context`] in a
    /// body; [`ErrorKind::Unavailable`] offline.
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// sales.branch("dev").create("main")?.delete()?;
    /// assert!(sales.branch("main").delete().is_err());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn delete(&self) -> Result<()> {
        let (shared, state) = (self.0.shared(), self.state("delete a branch")?);
        if self.name() == shared.document.default_branch.as_str() {
            let message = format!("cannot delete `{}`: it is the default branch", self.name());
            let error = Error::new(ErrorKind::InvalidInput, message);
            return Err(
                error.with_hint("it goes with the repository; its uncommitted changes are discarded by a reset")
            );
        }
        let name = BranchName::new(self.name())?;
        wait(shared.lake.catalog().remove_ref(&shared.at_branch(&name)))?;
        lock(&shared.states).remove(&name);
        wait(shared.lake.catalog().remove_below(&Prefix::EntriesOf(state.log)))
    }

    /// Puts `bytes` at `path`, in place of what is there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a path that no file can have; [`ErrorKind::NotFound`] where there is no such branch, or it was
    /// deleted meanwhile; [`ErrorKind::Context`] in a body; [`ErrorKind::Unavailable`] offline.
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// assert_eq!(main.put_bytes("raw/jan.csv", "x,1\n")?.size, 4);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn put_bytes(&self, path: &str, bytes: impl AsRef<[u8]>) -> Result<ObjectInfo> {
        self.upload(path).put_bytes(bytes)
    }

    /// Puts what `reader` gives, to its end, at `path`.
    ///
    /// # Errors
    /// As [`Branch::put_bytes`]; those of reading: then nothing is put.
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_reader("raw/jan.csv", &mut "x,1\n".as_bytes())?;
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn put_reader(&self, path: &str, reader: &mut dyn Read) -> Result<ObjectInfo> {
        self.upload(path).put_reader(reader)
    }

    /// As [`Branch::put_reader`], of what is read without blocking.
    ///
    /// # Errors
    /// As [`Branch::put_reader`].
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> datlake::Result<()> {
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// assert_eq!(main.put_reader_async("raw/jan.csv", "x,1\n".as_bytes()).await?.size, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn put_reader_async(&self, path: &str, reader: impl AsyncRead) -> Result<ObjectInfo> {
        self.upload(path).put_reader_async(reader).await
    }

    /// Puts a copy of the file at `file` of this machine at `path`.
    ///
    /// # Errors
    /// As [`Branch::put_bytes`]; [`ErrorKind::InvalidInput`] for a folder or a device, and for a file that changes while it is read.
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_path("manifest.toml", "Cargo.toml")?;
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn put_path(&self, path: &str, file: impl AsRef<Path>) -> Result<ObjectInfo> {
        self.upload(path).put_path(file)
    }

    /// Puts a file of the same lake at `path`, without copying it.
    ///
    /// # Errors
    /// As [`Branch::put_bytes`]; [`ErrorKind::InvalidInput`] for a tree, and for a file of another lake;
    /// [`ErrorKind::MissingBlob`] where its content has gone.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let file = lake.add_bytes("tables/jan.csv", "x,1\n")?;
    /// let main = lake.new_repository("sales").create()?.default_branch();
    /// assert_eq!(main.put("raw/jan.csv", &file)?.digest, Some(file.digest()));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn put(&self, path: &str, file: &File) -> Result<ObjectInfo> {
        self.upload(path).put(file)
    }

    /// Puts what is at `from_path` of the reference `from` of the same repository at `path`, without copying it.
    ///
    /// # Errors
    /// As [`Branch::put_bytes`] and [`Reference::stat`]; [`ErrorKind::MissingBlob`] where its content has gone.
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// let main = sales.branch("main");
    /// main.put_bytes("raw/jan.csv", "x,1\n")?;
    /// main.copy_object("main", "raw/jan.csv", "raw/copy.csv")?;
    /// assert_eq!(main.read("raw/copy.csv")?, b"x,1\n");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn copy_object(&self, from: &str, from_path: &str, path: &str) -> Result<ObjectInfo> {
        self.upload(path).copy(from, from_path)
    }

    /// Deletes the file at `path`: whether there was one.
    ///
    /// # Errors
    /// As [`Branch::put_bytes`].
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("a.csv", "1")?;
    /// assert!(main.delete_object("a.csv")?);
    /// assert!(!main.delete_object("a.csv")?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn delete_object(&self, path: &str) -> Result<bool> {
        Ok(self.delete_objects(&[path])? == 1)
    }

    /// Deletes the files at `paths`: how many there were.
    ///
    /// # Errors
    /// As [`Branch::put_bytes`]. With many paths, some may be deleted by then.
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("a.csv", "1")?;
    /// assert_eq!(main.delete_objects(&["a.csv", "b.csv"])?, 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn delete_objects(&self, paths: &[impl AsRef<str>]) -> Result<usize> {
        paths.iter().try_for_each(|path| check_path(path.as_ref()))?;
        let mut deleted = 0;
        for batch in paths.chunks(BATCH) {
            let publishing = wait(self.0.shared().lake.local_view().publishing())?;
            deleted +=
                self.change(&publishing, Wish::Delete(batch.iter().map(|path| path.as_ref().to_owned()).collect()))?;
        }
        Ok(deleted)
    }

    /// What is noted of what is put there now.
    pub(super) fn put_now(&self) -> Result<ObjectAttributes> {
        Ok(ObjectAttributes { put: Some(self.0.shared().author()?.by), ..ObjectAttributes::default() })
    }

    /// Appends one entry behind what was read. `None` where somebody else was first.
    pub(super) fn append_entry(
        &self,
        publishing: &Publishing,
        state: &BranchState,
        what: EntryKind,
        author: &Author,
        pieces: &(dyn Fn() -> Result<Pieces> + Sync),
    ) -> Result<Option<BranchState>> {
        let (shared, catalog) = (self.0.shared(), self.0.shared().lake.catalog());
        let append = |secured: &GcGuard| wait(catalog.append(state, what.clone(), author, secured));
        let appended = shared.secured(publishing.since, pieces, append)?;
        match appended {
            Appended::Done(state) => {
                lock(&shared.states).insert(BranchName::new(self.name())?, (*state).clone());
                Ok(Some(*state))
            }
            Appended::Moved => Ok(None),
            Appended::Gone => Err(gone(format!("the branch {} was deleted meanwhile", self.0))),
        }
    }

    /// Writes down what the branch has, where a reader would have to read many entries otherwise. Who comes second leaves it to others.
    pub(super) fn checkpoint(&self, state: BranchState) -> Result<()> {
        if state.entries() < CHECKPOINT {
            return Ok(());
        }
        let shared = self.0.shared();
        let publishing = wait(shared.lake.local_view().publishing())?;
        let NewTree { digest, size, attributes, pieces } = self.tree(&publishing, &state)?;
        let (commit, base) = (state.commit, state.base);
        let point = BranchPoint { commit, base, tree: digest, size, attributes, discards: false };
        let author = shared.author()?;
        self.append_entry(&publishing, &state, EntryKind::State(point), &author, &|| Ok(pieces.clone())).map(drop)
    }
}

/// What a file of the lake is as content that is to be put at `path`.
pub(super) fn content_of(lake: &Lake, path: &str, file: &File) -> Result<Content> {
    let why = match (file.lake() == lake, file.is_tree()) {
        (false, _) => "it is of another lake",
        (_, true) => "it is a tree: put its files one by one",
        (true, false) => {
            let content = Content::put(file.content(), file.len(), file.to_string());
            return Ok(Content { range: file.range(), ..content });
        }
    };
    Err(Error::new(ErrorKind::InvalidInput, format!("cannot put `{file}` at `{path}`: {why}")))
}

/// A branch is read as what it leads to, with what is uncommitted.
impl Deref for Branch {
    type Target = Reference;

    fn deref(&self) -> &Reference {
        &self.0
    }
}
