//! What is below a folder, and what of that a lake can have.

use std::fs;
use std::path::{Path, PathBuf};

use datlake_core::{Error, ErrorKind, Result, Subject};
use datlake_store::{is_executable, is_lake};

use crate::event::Event;
use crate::handle::Lake;

/// How many things an error names that a lake cannot have.
const NAMED: usize = 100;

/// A folder that is to be added: what is below it, looked through and not read yet. Links are followed to files and not to
/// folders. Lakes below it are left out.
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
    files: Vec<(String, PathBuf)>,
    unusable: Vec<Unusable>,
    skips: bool,
    lakes: Vec<PathBuf>,
    executable: usize,
    empty: usize,
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
        let (files, unusable, lakes) = Default::default();
        let mut folder = Self { path: path.to_owned(), files, unusable, skips: false, lakes, executable: 0, empty: 0 };
        let mut entries = walkdir::WalkDir::new(path).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if entry.depth() == 0 => {}
                Ok(entry) if entry.file_type().is_dir() && is_lake(entry.path()) => {
                    folder.lakes.push(entry.into_path());
                    entries.skip_current_dir();
                }
                Ok(entry) if entry.file_type().is_dir() => {
                    let is_empty = fs::read_dir(entry.path()).is_ok_and(|mut below| below.next().is_none());
                    folder.empty += usize::from(is_empty);
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

    /// Notes something that is no folder.
    fn note(&mut self, path: PathBuf) {
        match self.usable(&path) {
            Ok((name, executable)) => {
                self.executable += usize::from(executable);
                self.files.push((name, path));
            }
            Err(why) => self.unusable.push(Unusable { path, why }),
        }
    }

    /// The path of a file from the folder in lake form, and whether it is executable; or why a lake cannot have it.
    fn usable(&self, path: &Path) -> Result<(String, bool), String> {
        let found = match fs::metadata(path) {
            Ok(found) if found.is_file() => found,
            Ok(found) if found.is_dir() => return Err("it is a link that leads to a folder".to_owned()),
            Ok(_) => return Err("it is neither a file nor a folder".to_owned()),
            Err(_) if path.is_symlink() => return Err("it is a link that leads to no file".to_owned()),
            Err(e) => return Err(unreadable(&e)),
        };
        let mut parts = Vec::new();
        for part in path.strip_prefix(&self.path).unwrap_or(path).components() {
            parts.push(part.as_os_str().to_str().ok_or("its name is not UTF-8")?);
        }
        fs::File::open(path).map_err(|e| unreadable(&e))?;
        Ok((parts.join("/"), is_executable(path, &found)))
    }

    /// The files that `lake` is to get, each with what `name` makes of its path from the folder. What else is below the folder is
    /// reported.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] that names all that a lake cannot have, unless that is to be skipped.
    pub(crate) fn files<T>(&self, lake: &Lake, name: impl Fn(&str) -> Result<T>) -> Result<Vec<(T, &Path)>> {
        let (mut files, mut unusable) = (Vec::with_capacity(self.files.len()), self.unusable.clone());
        for (from_here, path) in &self.files {
            match name(from_here) {
                Ok(named) => files.push((named, path.as_path())),
                Err(error) => unusable.push(Unusable { path: path.clone(), why: error.message().to_owned() }),
            }
        }
        if !self.skips && !unusable.is_empty() {
            return Err(self.refused(&unusable));
        }
        let not_kept = |path: &Path, why: String| lake.emit(&Event::NotKept { path: shown(path), why });
        self.lakes.iter().for_each(|path| not_kept(path, "it is a lake, and was left out".to_owned()));
        unusable.into_iter().for_each(|Unusable { path, why }| not_kept(&path, format!("left out: {why}")));
        if self.executable > 0 {
            let why = format!("a lake does not keep which files are executable, as {} of these are", self.executable);
            not_kept(&self.path, why);
        }
        if self.empty > 0 {
            not_kept(&self.path, format!("a lake keeps no empty folders, of which there are {}", self.empty));
        }
        Ok(files)
    }

    fn refused(&self, unusable: &[Unusable]) -> Error {
        let hint = "rename it or take it out of the folder; `datlake add -r --skip-unusable`, in Rust `LocalFolder::skip_unusable`, leaves it out";
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
