//! Trees: folders of files, read file by file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use datlake_core::{Digest, Error, ErrorKind, FileRef, Manifest, Result, Subject, Uid};
use datlake_store::{Reader, Staged, offload_method};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::folder::LocalFolder;
use super::handle::File;
use crate::handle::Lake;
use crate::origin::Origin;
use crate::scope::{self, Frame};

/// A folder of files in a lake: a sorted list of names and digests, itself a file. Its files are downloaded one by one, when
/// they are read.
///
/// ```
/// use datlake::{Lake, Result, Tree, file_creator};
///
/// #[file_creator]
/// fn split(text: &str) -> Result<Tree> {
///     let mut tree = Tree::create("words")?;
///     for (at, word) in text.split(' ').enumerate() {
///         tree.add_bytes(&format!("{at}.txt"), word)?;
///     }
///     tree.finish()
/// }
///
/// let lake = Lake::temp()?;
/// let _current = lake.enter();
/// let words = split("to be or not")?;
/// assert_eq!(words.names()?, ["0.txt", "1.txt", "2.txt", "3.txt"]);
/// assert_eq!(words.get("3.txt")?.read_to_string()?, "not");
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Clone)]
pub struct Tree {
    file: File,
    manifest: Arc<OnceLock<Manifest>>,
    /// The files themselves, while they and the tree are staged in the body that makes them.
    staged: Option<Arc<BTreeMap<String, File>>>,
}

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
            manifest: Manifest::default(),
            files: BTreeMap::new(),
        })
    }

    /// The manifest as a file.
    ///
    /// ```
    /// let tree = datlake::Lake::temp()?.add_tree("sources", "src")?;
    /// assert_eq!(tree.as_file().uid(), tree.uid());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Its UID; `None` while it is not returned from the body that made it.
    pub fn uid(&self) -> Option<&Uid> {
        self.file.uid()
    }

    /// Its own name.
    pub fn name(&self) -> &str {
        self.file.name()
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> Digest {
        self.file.digest()
    }

    /// How it came to be.
    ///
    /// # Errors
    /// As [`File::lineage`].
    pub fn lineage(&self) -> Result<Origin> {
        self.file.lineage()
    }

    /// The names of its files, sorted.
    ///
    /// # Errors
    /// As [`File::read`], for the manifest alone.
    ///
    /// ```
    /// let tree = datlake::Lake::temp()?.add_tree("sources", "src")?;
    /// assert!(tree.names()?.contains(&"lib.rs"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn names(&self) -> Result<Vec<&str>> {
        Ok(self.manifest()?.files().map(|(name, _)| name.as_str()).collect())
    }

    /// The asynchronous twin of [`Tree::names`].
    ///
    /// # Errors
    /// As [`Tree::names`].
    pub async fn names_async(&self) -> Result<Vec<&str>> {
        self.files_async().await?;
        self.names()
    }

    /// Its files, sorted by name. None is downloaded.
    ///
    /// # Errors
    /// As [`Tree::names`].
    ///
    /// ```
    /// let tree = datlake::Lake::temp()?.add_tree("sources", "src")?;
    /// assert!(tree.files()?.iter().any(|file| file.name() == "lib.rs"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn files(&self) -> Result<Vec<File>> {
        let manifest = self.manifest()?;
        if let Some(staged) = &self.staged {
            return Ok(staged.values().cloned().collect());
        }
        manifest.files().map(|(name, (digest, size))| File::member(&self.file, name, *digest, *size)).collect()
    }

    /// Its file `name`. It is not downloaded.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where it has none of that name; as [`Tree::names`].
    ///
    /// ```
    /// let tree = datlake::Lake::temp()?.add_tree("sources", "src")?;
    /// assert!(tree.get("lib.rs")?.len() > 0);
    /// assert_eq!(tree.get("c.txt").unwrap_err().kind(), datlake::ErrorKind::NotFound);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn get(&self, name: &str) -> Result<File> {
        let manifest = self.manifest()?;
        if let Some(file) = self.staged.as_ref().and_then(|staged| staged.get(name)) {
            return Ok(file.clone());
        }
        match manifest.file(name) {
            Some((digest, size)) => self.member(name, *digest, *size),
            None => {
                let error = Error::new(ErrorKind::NotFound, format!("the tree `{}` has no file `{name}`", self.file));
                Err(self.file.uid().map_or(error.clone(), |tree| error.about(Subject::Uid(tree.clone()))))
            }
        }
    }

    fn member(&self, name: &str, digest: Digest, size: u64) -> Result<File> {
        if let Some(frame) = scope::frame() {
            frame.note_member(digest);
        }
        File::member(&self.file, name, digest, size)
    }

    pub(super) fn find(&self, name: &str) -> Result<Option<File>> {
        match self.get(name) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn manifest(&self) -> Result<&Manifest> {
        if let Some(manifest) = self.manifest.get() {
            // Reading names is reading: a body must have been given the tree.
            self.file.check_access()?;
            return Ok(manifest);
        }
        let manifest = Manifest::parse(&self.file.read()?, &self.file)?;
        Ok(self.manifest.get_or_init(|| manifest))
    }
}

/// A file that is a tree.
impl TryFrom<File> for Tree {
    type Error = Error;

    fn try_from(file: File) -> Result<Self> {
        if !file.is_tree() {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{file}` is a file, not a tree")));
        }
        Ok(Self { file, manifest: Arc::default(), staged: None })
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file
    }
}

impl Eq for Tree {}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.file, f)
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tree").field(&self.file).finish()
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.file.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let file = FileRef::deserialize(deserializer)?;
        let lake = Lake::current().map_err(D::Error::custom)?;
        let file = File::from_ref(&lake, file).ok_or_else(|| D::Error::custom("a tree without a UID"))?;
        Self::try_from(file).map_err(D::Error::custom)
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
    manifest: Manifest,
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
        self.manifest.insert(name, file.content(), file.len())?;
        self.put(name, file.clone());
        Ok(self)
    }

    /// Puts a file with the content `bytes` into the tree as `name`.
    ///
    /// # Errors
    /// As [`TreeWriter::add`].
    pub fn add_bytes(&mut self, name: &str, bytes: impl AsRef<[u8]>) -> Result<&mut Self> {
        let staged = Staged::from_bytes(&self.frame.lake().local_view().scratch()?, bytes.as_ref())?;
        self.add_staged(name, staged)
    }

    /// Puts a copy of the file at `path` into the tree as `name`.
    ///
    /// # Errors
    /// As [`TreeWriter::add`] and [`File::from_path`].
    pub fn add_path(&mut self, name: &str, path: impl AsRef<Path>) -> Result<&mut Self> {
        let staged = Staged::copy_of(&self.frame.lake().local_view().scratch()?, path.as_ref())?;
        self.add_staged(name, staged)
    }

    /// Puts copies of all files below the folder `path` into the tree, under their paths from there.
    ///
    /// # Errors
    /// As [`TreeWriter::add_path`].
    pub fn add_dir(&mut self, path: impl AsRef<Path>) -> Result<&mut Self> {
        for (name, path) in LocalFolder::read(path.as_ref())?.files(self.frame.lake(), name_in_tree)? {
            self.add_path(&name, path)?;
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
        self.add_staged(name, staged)
    }

    /// The asynchronous twin of [`TreeWriter::add_path`].
    ///
    /// # Errors
    /// As [`TreeWriter::add_path`].
    pub async fn add_path_async(&mut self, name: &str, path: impl AsRef<Path>) -> Result<&mut Self> {
        let (lake, path) = (self.frame.lake().clone(), path.as_ref().to_owned());
        let staged = offload_method(move || Staged::copy_of(&lake.local_view().scratch()?, &path)).await??;
        self.add_staged(name, staged)
    }

    /// The asynchronous twin of [`TreeWriter::add_dir`].
    ///
    /// # Errors
    /// As [`TreeWriter::add_dir`].
    pub async fn add_dir_async(&mut self, path: impl AsRef<Path>) -> Result<&mut Self> {
        let path = path.as_ref().to_owned();
        let folder = offload_method(move || LocalFolder::read(path)).await??;
        for (name, path) in folder.files(self.frame.lake(), name_in_tree)? {
            self.add_path_async(&name, path).await?;
        }
        Ok(self)
    }

    fn add_staged(&mut self, name: &str, staged: Staged) -> Result<&mut Self> {
        let uid = Uid::chosen(name)?;
        self.manifest.insert(name, staged.digest, staged.size)?;
        let file = File::staged(&*self.frame, &uid, staged, false, None)?;
        self.put(name, file);
        Ok(self)
    }

    fn put(&mut self, name: &str, file: File) {
        if let Some(staged) = file.staged_file() {
            self.frame.note_used(staged);
        }
        self.files.insert(name.to_owned(), file);
    }

    /// Ends the tree, which the body may return now.
    ///
    /// # Errors
    /// Those of writing the manifest.
    pub fn finish(self) -> Result<Tree> {
        let staged = Staged::from_bytes(&self.frame.lake().local_view().scratch()?, &self.manifest.to_bytes())?;
        let file = File::staged(&*self.frame, &self.name, staged, true, Some(self.opened))?;
        let manifest = Arc::new(OnceLock::from(self.manifest));
        Ok(Tree { file, manifest, staged: Some(Arc::new(self.files)) })
    }
}

/// A path from a folder, where a tree can have a file of that name.
pub(crate) fn name_in_tree(name: &str) -> Result<String> {
    Uid::chosen(name).map(|_| name.to_owned())
}

/// Opens a member's content by its digest: what a [`Tree`] offers beyond its files.
impl Tree {
    /// Opens its file `name` for reading.
    ///
    /// # Errors
    /// As [`Tree::get`] and [`File::open`].
    ///
    /// ```
    /// let tree = datlake::Lake::temp()?.add_tree("sources", "src")?;
    /// assert!(std::io::read_to_string(tree.open("lib.rs")?)?.starts_with("//!"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn open(&self, name: &str) -> Result<Reader> {
        self.get(name)?.open()
    }
}
