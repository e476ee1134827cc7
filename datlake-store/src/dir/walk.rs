//! Listing: depth first, one directory at a time, without gathering what it holds.

use std::ffi::OsString;
use std::fs::{FileType, ReadDir};
use std::io;
use std::path::{Path, PathBuf};

use datlake_core::{Entry, Error, ErrorKind, LevelItem, Location, Prefix, Result, Visit, VisitLevel};

use super::{DirStore, sys};

/// How many directories are open at once. Names may nest deeper than a process may open files: below this, the entries of
/// a directory are gathered.
const OPEN: usize = 24;

enum Level {
    Open(ReadDir),
    Gathered(std::vec::IntoIter<io::Result<(OsString, FileType)>>),
}

impl Level {
    fn new(folder: &Path, depth: usize) -> io::Result<Self> {
        let mut level = Self::Open(std::fs::read_dir(folder)?);
        if depth >= OPEN {
            let all: Vec<_> = std::iter::from_fn(|| level.step()).collect();
            level = Self::Gathered(all.into_iter());
        }
        Ok(level)
    }

    fn step(&mut self) -> Option<io::Result<(OsString, FileType)>> {
        match self {
            Self::Gathered(entries) => entries.next(),
            Self::Open(entries) => Some(entries.next()?.and_then(|entry| Ok((entry.file_name(), entry.file_type()?)))),
        }
    }
}

impl DirStore {
    pub(crate) fn walk(&self, prefix: &Prefix, visit: Visit<'_>) -> Result<()> {
        let mut path = prefix.path();
        let Some(top) = self.top(&path)? else { return Ok(()) };
        let (mut levels, mut followed) = (vec![top], Vec::new());
        while let Some(level) = levels.last_mut() {
            let Some(entry) = level.step() else {
                levels.pop();
                path.truncate(path.rfind('/').unwrap_or(0));
                continue;
            };
            let (name, kind) = match entry {
                Err(e) if vanished(&e) => continue,
                entry => entry.map_err(|e| self.failed("list", &path, e))?,
            };
            // A name that is not UTF-8 is not ours.
            let Some(name) = name.to_str().and_then(|name| self.shared.names.object(name)) else { continue };
            if levels.len() == 1 && !name.starts_with(prefix.beginning()) {
                continue;
            }
            let length = path.len();
            path.push('/');
            path.push_str(&name);
            let kind = match kind.is_symlink() {
                false => Some(kind),
                true => self.behind(&path, &mut followed)?,
            };
            let Some(kind) = kind else {
                path.truncate(length);
                continue;
            };
            if kind.is_dir() {
                if descends(prefix) {
                    match Level::new(&self.file_of(&path), levels.len()) {
                        Ok(level) => {
                            levels.push(level);
                            continue;
                        }
                        Err(e) if vanished(&e) => {}
                        Err(e) => return Err(self.failed("list", &path, e)),
                    }
                }
            } else if kind.is_file()
                && let Some(location) = Location::parse(&path).filter(|location| prefix.has(location))
            {
                match self.file_of(&path).metadata() {
                    Ok(found) => {
                        // Of a blob the time of modification is a seal. The other goes on with every link and change of mode.
                        let modified = sys::changed(&found);
                        if visit(Entry { location, size: found.len(), modified }).is_break() {
                            return Ok(());
                        }
                    }
                    Err(e) if vanished(&e) => {}
                    Err(e) => return Err(self.failed("list", &path, e)),
                }
            }
            path.truncate(length);
        }
        Ok(())
    }

    /// What is right in the folder of the set: of each entry only what the folder itself says.
    pub(super) fn walk_level(&self, prefix: &Prefix, visit: VisitLevel<'_>) -> Result<()> {
        let mut path = prefix.path();
        let Some(mut top) = self.top(&path)? else { return Ok(()) };
        let length = path.len();
        while let Some(entry) = top.step() {
            let (name, kind) = match entry {
                Err(e) if vanished(&e) => continue,
                entry => entry.map_err(|e| self.failed("list", &path, e))?,
            };
            let Some(name) = name.to_str().and_then(|name| self.shared.names.object(name)) else { continue };
            path.push('/');
            path.push_str(&name);
            let kind = if kind.is_symlink() { self.behind(&path, &mut Vec::new())? } else { Some(kind) };
            let item = match kind {
                Some(kind) if kind.is_dir() => Some(LevelItem::Folder(name.into_owned())),
                Some(kind) if kind.is_file() => {
                    Location::parse(&path).filter(|location| prefix.has(location)).map(LevelItem::Object)
                }
                _ => None,
            };
            path.truncate(length);
            if item.is_some_and(|item| visit(item).is_break()) {
                break;
            }
        }
        Ok(())
    }

    /// The folder of a set; `None` where nothing was ever put there.
    fn top(&self, path: &str) -> Result<Option<Level>> {
        // A link in place of the folder itself is followed: people move parts of a lake to another disk.
        match Level::new(&self.file_of(path), 0) {
            Ok(level) => Ok(Some(level)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => match self.file_of(path).symlink_metadata() {
                Ok(_) => Err(self.leads_nowhere(path, e)),
                Err(_) => self.still_there().map(|()| None),
            },
            Err(e) => Err(self.failed("list", path, e)),
        }
    }

    /// The target of a link that leads out of the lake. Reading follows those, and so must listing, or a collector would miss
    /// objects. Other links are aliases, and no object has two names.
    fn behind(&self, path: &str, followed: &mut Vec<PathBuf>) -> Result<Option<FileType>> {
        let target = self.file_of(path).canonicalize().map_err(|e| self.leads_nowhere(path, e))?;
        let root = self.root().canonicalize().map_err(|e| self.failed("list", path, e))?;
        // Behind a link there may be one that leads back.
        if target.starts_with(root) || followed.iter().any(|known| known.starts_with(&target)) {
            return Ok(None);
        }
        let kind = target.metadata().map_err(|e| self.leads_nowhere(path, e))?.file_type();
        if kind.is_dir() {
            followed.push(target);
        }
        Ok(Some(kind))
    }

    fn leads_nowhere(&self, path: &str, e: io::Error) -> Error {
        let message = format!(
            "`{path}` of the lake `{}` is a link to what is not there, as on a disk that is not mounted",
            self.root().display()
        );
        Error::new(ErrorKind::Unavailable, message).because(e)
    }

    /// Distinguishes an empty kind from an unmounted disk, on which a collector would find that nothing is needed.
    fn still_there(&self) -> Result<()> {
        match self.path_of(&Location::Lake).symlink_metadata() {
            Ok(_) => Ok(()),
            Err(e) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("the lake `{}` is gone: moved, removed or on a disk not mounted", self.root().display()),
            )
            .because(e)),
        }
    }
}

/// Whether anything of the set lies in folders below its own.
fn descends(prefix: &Prefix) -> bool {
    !matches!(prefix, Prefix::RecordsOf(_) | Prefix::RecordsBeginning(..) | Prefix::Tombstones)
}

fn vanished(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle)
}
