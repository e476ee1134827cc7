//! Trees: folders of files, read file by file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use datlake_core::tree::{Metarange, RangeRow, TreeBytes, TreeEntry, TreeRange};
use datlake_core::{Digest, Error, ErrorKind, Result, Subject, Uid};
use datlake_store::Reader;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::handle::File;
use crate::origin::Origin;
use crate::scope;

/// Links that lead to links are followed so often.
const LINKS: usize = 40;

/// A folder of files in a lake: sorted names and digests in ranges of about a thousand, which the tree lists, itself a file. Its
/// ranges and files are downloaded one by one, when they are read. Which files are executable, symbolic links and empty folders are
/// kept; a link to a file is read as that file.
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
    read: Arc<OnceLock<ReadTree>>,
    /// The files themselves, while they and the tree are staged in the body that makes them.
    staged: Option<Arc<BTreeMap<String, File>>>,
}

impl Tree {
    /// A tree that a body has just made, with its files.
    pub(super) fn made(file: File, files: BTreeMap<String, File>, bytes: &TreeBytes) -> Result<Self> {
        let mut read = ReadTree::new(Metarange::parse(&bytes.metarange, &file)?);
        for (at, (row, bytes)) in read.metarange.ranges().iter().zip(&bytes.ranges).enumerate() {
            read.ranges[at] = TreeRange::parse(bytes.as_slice(), row, &file)?.into();
        }
        Ok(Self { file, read: Arc::new(read.into()), staged: Some(Arc::new(files)) })
    }

    /// The list of its ranges as a file.
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

    /// Its digest: equal folders have the same, however they were made.
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

    /// The names of its files, sorted; links to files among them.
    ///
    /// # Errors
    /// As [`File::read`], for its own content and that of its ranges.
    ///
    /// ```
    /// let tree = datlake::Lake::temp()?.add_tree("sources", "src")?;
    /// assert!(tree.names()?.contains(&"lib.rs"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn names(&self) -> Result<Vec<&str>> {
        Ok(self.leaves()?.into_iter().map(|(name, _)| name).collect())
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
        let leaves = self.leaves()?;
        let file = |(name, (content, range)): (&str, Leaf)| match self.staged_as(name) {
            Some(staged) => Ok(staged),
            None => File::member(&self.file, name, content, range),
        };
        leaves.into_iter().map(file).collect()
    }

    /// How many files are in it, and their sizes together, in bytes; links aside. Their names are not read.
    ///
    /// # Errors
    /// As [`Tree::names`].
    ///
    /// ```
    /// let tree = datlake::Lake::temp()?.add_tree("sources", "src")?;
    /// let (files, bytes) = tree.totals()?;
    /// assert!(files > 1 && bytes > files);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn totals(&self) -> Result<(u64, u64)> {
        let rows = self.read()?.metarange.ranges();
        Ok(rows.iter().fold((0, 0), |(files, bytes), row| (files + row.files, bytes + row.content)))
    }

    /// Which of its ranges what is at `path` and below it may be in.
    pub(crate) fn ranges_of(&self, path: &str) -> Result<std::ops::Range<usize>> {
        let rows = self.read()?.metarange.ranges();
        let start = rows.partition_point(|row| *row.last < *path);
        let end = rows.partition_point(|row| *row.first <= *path || row.first.starts_with(path));
        Ok(start..end.max(start))
    }

    /// Of its range `at`, which is not kept, what is at `path` and below it: paths, each with the file that is there or that a link
    /// leads to, or for an empty folder none.
    pub(crate) fn in_range(&self, at: usize, path: &str) -> Result<Vec<(String, Option<File>)>> {
        let read = self.read()?;
        let Some(row) = read.metarange.ranges().get(at) else { return Ok(Vec::new()) };
        let range = self.read_range(row)?;
        let is_below = |name: &str| {
            path.is_empty() || name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut found = Vec::new();
        for (name, entry) in range.entries().filter(|(name, _)| is_below(name)) {
            match self.content(name, (entry, row.digest))? {
                Some(content) => found.push((name.to_owned(), Some(self.member(name, content)?))),
                None if *entry == TreeEntry::Folder => found.push((name.to_owned(), None)),
                // A link that leads to no file.
                None => {}
            }
        }
        Ok(found)
    }

    /// How many of its files are on this machine; links aside. Its ranges are read one after the other, and not kept.
    pub(crate) fn files_here(&self) -> Result<u64> {
        let (mut count, mut before) = (0, Before::default());
        for row in self.read()?.metarange.ranges() {
            let range = self.read_range(row)?;
            range.entries().try_for_each(|(path, _)| before.check(path.to_owned(), &self.file))?;
            let files = range.entries().filter_map(|(_, entry)| entry.content());
            count += self.file.lake().local_view().count_here(&row.digest, files)?;
        }
        Ok(count)
    }

    /// All that is in it, sorted by path: files, links and empty folders. Nothing of it is downloaded.
    ///
    /// # Errors
    /// As [`Tree::names`]; [`ErrorKind::Corrupt`] where one path is a folder and something else.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// std::fs::create_dir(folder.path().join("results"))?;
    /// let tree = datlake::Lake::temp()?.add_tree("study", folder.path())?;
    /// assert_eq!(tree.entries()?, [("results", &datlake::TreeEntry::Folder)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn entries(&self) -> Result<Vec<(&str, &TreeEntry)>> {
        Ok(self.ranged_entries()?.into_iter().map(|(path, entry, _)| (path, entry)).collect())
    }

    /// Its entries, each with the range that it is in.
    fn ranged_entries(&self) -> Result<Vec<(&str, &TreeEntry, Digest)>> {
        let mut all = Vec::new();
        let mut before = Before::default();
        for (at, row) in self.read()?.metarange.ranges().iter().enumerate() {
            for (path, entry) in self.range(at)?.entries() {
                before.check(path, &self.file)?;
                all.push((path, entry, row.digest));
            }
        }
        Ok(all)
    }

    /// The asynchronous twin of [`Tree::entries`].
    ///
    /// # Errors
    /// As [`Tree::entries`].
    pub async fn entries_async(&self) -> Result<Vec<(&str, &TreeEntry)>> {
        self.files_async().await?;
        self.entries()
    }

    /// The files, and the links to them, each with its content.
    fn leaves(&self) -> Result<Vec<(&str, Leaf)>> {
        let entries = self.ranged_entries()?;
        let mut leaves = Vec::with_capacity(entries.len());
        for (path, entry, range) in entries {
            leaves.extend(self.content(path, (entry, range))?.map(|content| (path, content)));
        }
        Ok(leaves)
    }

    /// The content of an entry; of a link, that of the file it leads to.
    fn content(&self, path: &str, entry: (&TreeEntry, Digest)) -> Result<Option<Leaf>> {
        let (mut path, (mut entry, mut range)) = (path.to_owned(), entry);
        for _ in 0..LINKS {
            let Some(target) = entry.target(&path) else { return Ok(entry.content().map(|content| (content, range))) };
            let Some(found) = self.entry(&target)? else { return Ok(None) };
            (path, (entry, range)) = (target, found);
        }
        Ok(None)
    }

    /// What is at `path`, and in which range.
    fn entry(&self, path: &str) -> Result<Option<(&TreeEntry, Digest)>> {
        let metarange = &self.read()?.metarange;
        let Some(at) = metarange.find(path) else { return Ok(None) };
        let entry = self.range(at)?.get(path).map(|(_, entry)| entry);
        Ok(entry.zip(metarange.ranges().get(at).map(|row| row.digest)))
    }

    /// The file itself, while it and the tree are staged in the body that makes them.
    fn staged_as(&self, name: &str) -> Option<File> {
        self.staged.as_ref()?.get(name).cloned()
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
        let content = match self.entry(name)? {
            Some(entry) => self.content(name, entry)?,
            None => None,
        };
        if let Some(file) = self.staged_as(name) {
            return Ok(file);
        }
        match content {
            Some(leaf) => self.member(name, leaf),
            None => {
                let message = format!("the tree `{}` has no file `{name}`", self.file);
                Err(match self.file.uid() {
                    Some(tree) => not_in_tree(message, tree),
                    None => Error::new(ErrorKind::NotFound, message),
                })
            }
        }
    }

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

    fn member(&self, name: &str, (content, range): Leaf) -> Result<File> {
        if let Some(frame) = scope::frame() {
            frame.note_member(content.0);
        }
        File::member(&self.file, name, content, range)
    }

    pub(crate) fn find(&self, name: &str) -> Result<Option<File>> {
        match self.get(name) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Its own content.
    fn read(&self) -> Result<&ReadTree> {
        if let Some(read) = self.read.get() {
            // Reading names is reading: a body must have been given the tree.
            self.file.check_access()?;
            return Ok(read);
        }
        let metarange = Metarange::parse(&self.file.read()?, &self.file)?;
        Ok(self.read.get_or_init(|| ReadTree::new(metarange)))
    }

    /// Its range `at`, read at the first use.
    fn range(&self, at: usize) -> Result<&TreeRange> {
        let read = self.read()?;
        let (Some(row), Some(range)) = (read.metarange.ranges().get(at), read.ranges.get(at)) else {
            return Err(Error::new(ErrorKind::Corrupt, format!("`{}` has no range {at}", self.file)));
        };
        if let Some(range) = range.get() {
            return Ok(range);
        }
        let parsed = self.read_range(row)?;
        Ok(range.get_or_init(|| parsed))
    }

    fn read_range(&self, row: &RangeRow) -> Result<TreeRange> {
        let bytes = File::part_of(&self.file, row.digest, row.size)?.read()?;
        TreeRange::parse(bytes, row, &self.file)
    }
}

/// Paths of a sorted list that may be folders of what comes next.
#[derive(Default)]
struct Before<P>(Vec<P>);

impl<P: AsRef<str>> Before<P> {
    /// Refuses the next path of `tree` where what is at one of its folders is something else.
    fn check(&mut self, path: P, tree: &File) -> Result<()> {
        let behind = |before: &P| path.as_ref().strip_prefix(before.as_ref());
        // A digit comes next after a slash.
        self.0.retain(|before| behind(before).is_some_and(|rest| rest < "0"));
        if self.0.iter().any(|before| behind(before).is_some_and(|rest| rest.starts_with('/'))) {
            let message = format!("in the tree `{tree}`, a folder of `{}` is something else", path.as_ref());
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        self.0.push(path);
        Ok(())
    }
}

/// The error of what a tree of the lake does not have.
pub(crate) fn not_in_tree(message: String, tree: &Uid) -> Error {
    let error = Error::new(ErrorKind::NotFound, message).about(Subject::Uid(tree.clone()));
    error.with_hint(format!("`datlake ls {tree}//` shows what is in it"))
}

/// Digest and size of a file, and the range that it is in.
type Leaf = ((Digest, u64), Digest);

/// What is in a tree, as far as it was read.
struct ReadTree {
    metarange: Metarange,
    ranges: Vec<OnceLock<TreeRange>>,
}

impl ReadTree {
    fn new(metarange: Metarange) -> Self {
        let ranges = metarange.ranges().iter().map(|_| OnceLock::new()).collect();
        Self { metarange, ranges }
    }
}

/// A file that is a tree.
impl TryFrom<File> for Tree {
    type Error = Error;

    fn try_from(file: File) -> Result<Self> {
        if !file.is_tree() {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{file}` is a file, not a tree")));
        }
        Ok(Self { file, read: Arc::default(), staged: None })
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
        Self::try_from(File::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
