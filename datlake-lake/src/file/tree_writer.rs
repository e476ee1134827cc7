//! Trees that a body makes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datlake_core::tree::{TreeEntries, TreeEntry};
use datlake_core::{Error, ErrorKind, Result, Uid};
use datlake_store::{Staged, is_executable, offload_method};

use super::folder::{FolderEntry, LocalFolder};
use super::handle::File;
use super::tree::Tree;
use crate::scope::{self, Frame};

impl Tree {
    /// Starts a new tree as an output of the body the code stands in.
    ///
    /// # Errors
    /// As [`File::create`].
    pub fn create(name: &str) -> Result<TreeWriter> {
        let Some(frame) = scope::frame() else {
            let message = format!("cannot create the tree `{name}`: trees are created in the body of a creator");
            return Err(Error::new(ErrorKind::Context, message).with_hint("outside, use `lake.add_tree(uid, path)`"));
        };
        let name = Uid::chosen(name)?;
        Ok(TreeWriter {
            opened: frame.note_opened(&name)?,
            frame,
            name,
            entries: TreeEntries::default(),
            files: BTreeMap::new(),
        })
    }
}

/// Makes a tree in a body. It must be finished, and the tree returned.
///
/// ```
/// use datlake::{File, Lake, Result, Tree, file_creator};
///
/// #[file_creator]
/// fn folder(note: &File) -> Result<Tree> {
///     let mut tree = Tree::create("folder")?;
///     tree.add("notes/first.txt", note)?; // given: no copy
///     tree.add_bytes("README", "notes")?.add_path("manifest.toml", "Cargo.toml")?;
///     tree.finish()
/// }
///
/// let lake = Lake::temp()?;
/// let tree = folder(&lake.add_bytes("note.txt", "hello")?)?;
/// assert_eq!(tree.names()?, ["README", "manifest.toml", "notes/first.txt"]);
/// assert_eq!(tree.files()?[2].read_to_string()?, "hello");
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Debug)]
pub struct TreeWriter {
    frame: Arc<dyn Frame>,
    name: Uid,
    opened: u64,
    entries: TreeEntries,
    files: BTreeMap<String, File>,
}

impl TreeWriter {
    /// Puts `file` into the tree as `name`: one that the body made, or one it was given.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a name that no UID may have or that is there, [`ErrorKind::Undeclared`] for a file
    /// that the body was not given.
    pub fn add(&mut self, name: &str, file: &File) -> Result<&mut Self> {
        file.is_for(&*self.frame)?;
        self.entries.insert(name, TreeEntry::file(file.content(), file.len(), false))?;
        self.put(name, file.clone());
        Ok(self)
    }

    /// Puts a file with the content `bytes` into the tree as `name`.
    ///
    /// # Errors
    /// As [`TreeWriter::add`].
    pub fn add_bytes(&mut self, name: &str, bytes: impl AsRef<[u8]>) -> Result<&mut Self> {
        let staged = Staged::from_bytes(&self.frame.lake().local_view().scratch()?, bytes.as_ref())?;
        self.add_staged(name, staged, false)
    }

    /// Puts a copy of the file at `path` into the tree as `name`, and keeps whether it is executable.
    ///
    /// # Errors
    /// As [`TreeWriter::add`] and [`File::from_path`].
    pub fn add_path(&mut self, name: &str, path: impl AsRef<Path>) -> Result<&mut Self> {
        let path = path.as_ref();
        let staged = Staged::copy_of(&self.frame.lake().local_view().scratch()?, path)?;
        let executable = std::fs::metadata(path).is_ok_and(|found| is_executable(path, &found));
        self.add_staged(name, staged, executable)
    }

    /// Puts copies of all that is below the folder `path` into the tree, under their paths from there.
    ///
    /// # Errors
    /// As [`TreeWriter::add_path`], and [`Lake::add_tree`](crate::Lake::add_tree) for what a tree cannot have.
    pub fn add_dir(&mut self, path: impl AsRef<Path>) -> Result<&mut Self> {
        let folder = LocalFolder::read(path.as_ref())?;
        for (name, entry) in folder.entries(self.frame.lake(), |name, entry| (name, entry))? {
            match entry {
                FolderEntry::File { .. } => drop(self.add_path(name, folder.path_of(name))?),
                entry => self.add_entry(name, entry)?,
            }
        }
        Ok(self)
    }

    /// The asynchronous twin of [`TreeWriter::add_bytes`].
    ///
    /// # Errors
    /// As [`TreeWriter::add_bytes`].
    pub async fn add_bytes_async(&mut self, name: &str, bytes: impl AsRef<[u8]>) -> Result<&mut Self> {
        let (lake, bytes) = (self.frame.lake().clone(), bytes.as_ref().to_vec());
        let staged = offload_method(move || Staged::from_bytes(&lake.local_view().scratch()?, &bytes)).await??;
        self.add_staged(name, staged, false)
    }

    /// The asynchronous twin of [`TreeWriter::add_path`].
    ///
    /// # Errors
    /// As [`TreeWriter::add_path`].
    pub async fn add_path_async(&mut self, name: &str, path: impl AsRef<Path>) -> Result<&mut Self> {
        let (lake, path) = (self.frame.lake().clone(), path.as_ref().to_owned());
        let copy = move || -> Result<(Staged, bool)> {
            let executable = std::fs::metadata(&path).is_ok_and(|found| is_executable(&path, &found));
            Ok((Staged::copy_of(&lake.local_view().scratch()?, &path)?, executable))
        };
        let (staged, executable) = offload_method(copy).await??;
        self.add_staged(name, staged, executable)
    }

    /// The asynchronous twin of [`TreeWriter::add_dir`].
    ///
    /// # Errors
    /// As [`TreeWriter::add_dir`].
    pub async fn add_dir_async(&mut self, path: impl AsRef<Path>) -> Result<&mut Self> {
        let path = path.as_ref().to_owned();
        let folder = offload_method(move || LocalFolder::read(path)).await??;
        for (name, entry) in folder.entries(self.frame.lake(), |name, entry| (name, entry))? {
            match entry {
                FolderEntry::File { .. } => drop(self.add_path_async(name, folder.path_of(name)).await?),
                entry => self.add_entry(name, entry)?,
            }
        }
        Ok(self)
    }

    fn add_staged(&mut self, name: &str, staged: Staged, executable: bool) -> Result<&mut Self> {
        let uid = Uid::chosen(name)?;
        self.entries.insert(name, TreeEntry::file(staged.digest, staged.size, executable))?;
        let file = File::staged(&*self.frame, &uid, staged, false, None)?;
        self.put(name, file);
        Ok(self)
    }

    /// What has no content.
    fn add_entry(&mut self, path: &str, entry: FolderEntry) -> Result<()> {
        match entry {
            FolderEntry::Link(target) => self.entries.insert(path, TreeEntry::Link(target)),
            FolderEntry::Folder => self.entries.insert(path, TreeEntry::Folder),
            FolderEntry::File { .. } => Ok(()),
        }
    }

    fn put(&mut self, name: &str, file: File) {
        file.range();
        file.note_named();
        if let Some(staged) = file.staged_file() {
            self.frame.note_used(staged);
        }
        self.files.insert(name.to_owned(), file);
    }

    /// Ends the tree, which the body may return now.
    ///
    /// # Errors
    /// Those of writing its content.
    pub fn finish(self) -> Result<Tree> {
        let (scratch, bytes) = (self.frame.lake().local_view().scratch()?, self.entries.to_bytes());
        for range in &bytes.ranges {
            let staged = Staged::from_bytes(&scratch, range)?;
            let file = File::staged(&*self.frame, &self.name, staged, false, None)?;
            file.staged_file().into_iter().for_each(|staged| self.frame.note_used(staged));
        }
        let staged = Staged::from_bytes(&scratch, &bytes.metarange)?;
        let file = File::staged(&*self.frame, &self.name, staged, true, Some(self.opened))?;
        Tree::made(file, self.files, &bytes)
    }
}
