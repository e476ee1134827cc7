//! What is below a folder, and what of that a lake can have.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use datlake_core::tree::TreeEntry;
use datlake_core::{Error, ErrorKind, Result, Subject, Uid};
use datlake_store::{Stamp, check_readable, is_executable, is_lake, is_own_folder};

use crate::event::Event;
use crate::handle::Lake;

/// How many things an error names that a lake cannot have.
const NAMED: usize = 100;

/// The bits of who may read a file, all of them.
const ANYBODY_READS: u32 = 0o444;

/// A folder that is to be added: what is below it, looked through and not read yet. Links within it are kept as links by a tree,
/// and none is followed out of it, unless [`follow_links`](Self::follow_links) says so. Lakes below it are left out.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let photos = dir.path().join("photos");
/// # std::fs::create_dir(&photos)?;
/// std::fs::write(photos.join("tom.jpg"), "tom")?;
/// std::fs::write(photos.join("back\\slash"), "no UID may have that")?;
/// let lake = datlake::Lake::temp()?;
/// let folder = datlake::LocalFolder::read(&photos)?;
/// assert!(lake.add_folder("photos", &folder).is_err());
/// let tree = lake.add_folder("photos", &folder.skip_unusable())?;
/// assert_eq!(tree.names()?, ["tom.jpg"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LocalFolder {
    path: PathBuf,
    /// Each by its path from the folder.
    found: Vec<(Box<str>, FolderEntry)>,
    unusable: Vec<Unusable>,
    skips: bool,
    follows: bool,
    lakes: Vec<PathBuf>,
}

/// What is below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FolderEntry {
    File {
        executable: bool,
        /// What it was when it was looked at.
        stamp: Stamp,
    },
    /// A symbolic link, as it is written.
    Link(String),
    /// A folder with nothing in it.
    Folder,
}

/// Something below a folder that a lake cannot have.
#[derive(Clone, Debug)]
struct Unusable {
    path: PathBuf,
    why: String,
}

impl LocalFolder {
    /// Looks through the folder at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for what is no folder, and for a lake.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let refused = |why: &str| {
            let error =
                Error::new(ErrorKind::InvalidInput, format!("cannot add `{}` as a tree: {why}", path.display()));
            Err(error.about(Subject::Path(path.to_owned())))
        };
        if !fs::metadata(path).map_err(|e| Error::io("read the folder", path.display(), e))?.is_dir() {
            return refused("it is not a folder");
        }
        if is_lake(path) {
            return refused("it is a lake itself, which `datlake mirror` copies");
        }
        let (found, unusable, lakes) = Default::default();
        let mut folder = Self { path: path.to_owned(), found, unusable, skips: false, follows: false, lakes };
        let mut entries = walkdir::WalkDir::new(path).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if entry.depth() == 0 => {}
                Ok(entry) if entry.file_type().is_dir() && is_lake(entry.path()) => {
                    folder.lakes.push(entry.into_path());
                    entries.skip_current_dir();
                }
                // What a working copy knows of itself is none of its files.
                Ok(entry) if entry.file_type().is_dir() && is_own_folder(entry.path()) => entries.skip_current_dir(),
                Ok(entry) if entry.file_type().is_dir() => {
                    if fs::read_dir(entry.path()).is_ok_and(|mut below| below.next().is_none()) {
                        folder.note(entry.into_path());
                    }
                }
                Ok(entry) => folder.note(entry.into_path()),
                Err(e) => {
                    let at = e.path().unwrap_or(path).to_owned();
                    folder.unusable.push(Unusable { path: at, why: unreadable(&e) });
                }
            }
        }
        Ok(folder)
    }

    /// Leaves out what a lake cannot have. [`Event::NotKept`] names it when the folder is added.
    #[must_use]
    pub fn skip_unusable(mut self) -> Self {
        self.skips = true;
        self
    }

    /// Adds what links lead to, wherever that is, in place of the links.
    #[must_use]
    pub fn follow_links(mut self) -> Self {
        self.follows = true;
        self
    }

    /// Notes something that is no folder, or an empty one.
    fn note(&mut self, path: PathBuf) {
        match self.usable(&path) {
            Ok(found) => self.found.push(found),
            Err(why) => self.unusable.push(Unusable { path, why }),
        }
    }

    /// The path from the folder in lake form, and what is there; or why a lake cannot have it.
    fn usable(&self, path: &Path) -> Result<(Box<str>, FolderEntry), String> {
        let found = fs::symlink_metadata(path).map_err(|e| unreadable(&e))?;
        let entry = if found.is_symlink() {
            let target = fs::read_link(path).map_err(|e| unreadable(&e))?;
            FolderEntry::Link(target.into_os_string().into_string().map_err(|_| "where it leads to is not UTF-8")?)
        } else if found.is_dir() {
            FolderEntry::Folder
        } else {
            file_found(path, &found)?
        };
        let mut parts = Vec::new();
        for part in path.strip_prefix(&self.path).unwrap_or(path).components() {
            parts.push(part.as_os_str().to_str().ok_or("its name is not UTF-8")?);
        }
        Ok((parts.join("/").into(), entry))
    }

    /// What `lake` is to get as a tree: each as `found` makes it of its path and what is there. What else is below the folder is reported.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] that names all that a lake cannot have, unless that is to be skipped.
    pub(crate) fn entries<'a, T>(&'a self, lake: &Lake, found: impl Fn(&'a str, FolderEntry) -> T) -> Result<Vec<T>> {
        let (mut entries, mut unusable) = (Vec::with_capacity(self.found.len()), self.unusable.clone());
        for (name, entry) in &self.found {
            let entry = match entry {
                // Links to folders within stay links: what they lead to is in the tree already.
                FolderEntry::Link(target)
                    if self.follows && !(is_within(name, target) && self.path_of(name).is_dir()) =>
                {
                    file(&self.path_of(name))
                }
                FolderEntry::Link(target) if !is_within(name, target) => {
                    Err("it is a link that leads out of the folder".to_owned())
                }
                entry => Ok(entry.clone()),
            };
            match entry.and_then(|entry| Uid::chosen(name).map(|_| entry).map_err(|error| error.message().to_owned())) {
                Ok(entry) => entries.push(found(name, entry)),
                Err(why) => unusable.push(Unusable { path: self.path_of(name), why }),
            }
        }
        self.report(lake, unusable)?;
        Ok(entries)
    }

    /// The files that `lake` is to get each by itself, with what `name` makes of its path from the folder. What else is below the
    /// folder is reported.
    ///
    /// # Errors
    /// As [`entries`](Self::entries).
    pub(crate) fn files<T>(&self, lake: &Lake, name: impl Fn(&str) -> Result<T>) -> Result<Vec<(T, PathBuf)>> {
        let (mut files, mut unusable) = (Vec::with_capacity(self.found.len()), self.unusable.clone());
        let (mut programs, mut empty) = (0, 0);
        for (from_here, entry) in &self.found {
            let path = self.path_of(from_here);
            let usable = match entry {
                FolderEntry::Folder => {
                    empty += 1;
                    continue;
                }
                FolderEntry::Link(_) if !self.follows && !self.leads_within(&path) => {
                    Err("it is a link that leads out of the folder, or nowhere".to_owned())
                }
                FolderEntry::Link(_) => file(&path),
                entry => Ok(entry.clone()),
            };
            match usable.and_then(|entry| Ok((name(from_here).map_err(|error| error.message().to_owned())?, entry))) {
                Ok((named, entry)) => {
                    programs += usize::from(matches!(entry, FolderEntry::File { executable: true, .. }));
                    files.push((named, path));
                }
                Err(why) => unusable.push(Unusable { path, why }),
            }
        }
        self.report(lake, unusable)?;
        let not_kept = |why: String| lake.emit(&Event::NotKept { path: shown(&self.path), why });
        if programs > 0 {
            not_kept(format!(
                "a file by itself does not keep that it is executable, as {programs} of these are; a tree does"
            ));
        }
        if empty > 0 {
            not_kept(format!("there are {empty} empty folders, which a tree alone keeps"));
        }
        Ok(files)
    }

    /// Where something is of which [`entries`](Self::entries) tells.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn leads_within(&self, path: &Path) -> bool {
        let real = |path: &Path| fs::canonicalize(path).ok();
        real(path).zip(real(&self.path)).is_some_and(|(path, folder)| path.starts_with(folder))
    }

    /// Says what is left out; fails where that is not asked for.
    fn report(&self, lake: &Lake, unusable: Vec<Unusable>) -> Result<()> {
        if !self.skips && !unusable.is_empty() {
            return Err(self.refused(&unusable));
        }
        let not_kept = |path: &Path, why: String| lake.emit(&Event::NotKept { path: shown(path), why });
        self.lakes.iter().for_each(|path| not_kept(path, "it is a lake, and was left out".to_owned()));
        unusable.into_iter().for_each(|Unusable { path, why }| not_kept(&path, format!("left out: {why}")));
        Ok(())
    }

    fn refused(&self, unusable: &[Unusable]) -> Error {
        let hint = "rename it or take it out of the folder; `datlake add -r --skip-unusable`, in Rust `LocalFolder::skip_unusable`, leaves it out; `--follow-links` adds what a link leads to";
        let each = |Unusable { path, why }: &Unusable| format!("`{}`: {why}", shown(path));
        let message = match unusable {
            [one] => format!("cannot add {}", each(one)),
            all => {
                let named: Vec<String> = all.iter().take(NAMED).map(each).collect();
                let more = match all.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!("; and {more} more"),
                };
                let (folder, named) = (self.path.display(), named.join("; "));
                format!("cannot add `{folder}`, for {} things in it cannot be in a lake: {named}{more}", all.len())
            }
        };
        let at = unusable.first().map_or(&self.path, |first| &first.path);
        Error::new(ErrorKind::InvalidInput, message).about(Subject::Path(at.clone())).with_hint(hint)
    }
}

/// Whether a link that is written as `target` leads to a path of the same folder.
fn is_within(name: &str, target: &str) -> bool {
    TreeEntry::Link(target.to_owned()).target(name).is_some()
}

/// A file, or what a link leads to.
fn file(path: &Path) -> Result<FolderEntry, String> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err("it is a link that leads to a folder".to_owned()),
        Ok(found) => file_found(path, &found),
        Err(_) if path.is_symlink() => Err("it is a link that leads to no file".to_owned()),
        Err(e) => Err(unreadable(&e)),
    }
}

/// The same of what was found there, and is neither a link nor a folder.
fn file_found(path: &Path, found: &fs::Metadata) -> Result<FolderEntry, String> {
    if !found.is_file() {
        return Err("it is neither a file nor a folder".to_owned());
    }
    // Who may read what anybody may read need not be asked for each of very many.
    if found.mode() & ANYBODY_READS != ANYBODY_READS {
        check_readable(path).map_err(|e| unreadable(&e))?;
    }
    Ok(FolderEntry::File { executable: is_executable(path, found), stamp: Stamp::of(found) })
}

fn unreadable(why: &dyn std::error::Error) -> String {
    format!("it cannot be read: {why}")
}

/// A path for people, on one line.
fn shown(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.escape_debug().to_string(),
        None => path.as_os_str().as_encoded_bytes().escape_ascii().to_string(),
    }
}
