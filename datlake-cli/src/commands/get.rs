//! `datlake get`: a copy appears whole or not at all, and replaces nothing without `--force`.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use datlake::{Error, ErrorKind, File, Lake, Subject, Tree, TreeEntry};
use serde::Serialize;

use super::content::json;
use super::lake::{as_tree, file};
use crate::answer::{Answer, Page, Partly};
use crate::failure::refused;
use crate::interrupt::Unfinished;
use crate::progress::Counter;
use crate::text::{bytes, escape, files};

/// Files of a folder that are written, and first downloaded, at a time.
const AT_ONCE: usize = 8;

/// What is asked for, looked up.
enum GetSource {
    File(File),
    /// What is in a folder, by path.
    Folder(Vec<(String, Item)>),
    /// What a call returned, in JSON.
    Value(Vec<u8>),
}

/// Something in a folder.
enum Item {
    File {
        file: File,
        executable: bool,
    },
    /// A symbolic link.
    Link(String),
    /// A folder with nothing in it.
    Folder,
}

impl Item {
    fn file(&self) -> Option<&File> {
        match self {
            Self::File { file, .. } => Some(file),
            Self::Link(_) | Self::Folder => None,
        }
    }
}

/// What was written.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Got {
    uid: String,
    path: PathBuf,
    /// In bytes.
    size: u64,
    /// How many files.
    files: u64,
}

impl Answer for Vec<Got> {
    fn text(&self, _: &Page) -> String {
        let one = |got: &Got| {
            let what = if got.files == 1 { String::new() } else { format!("{}, ", files(got.files)) };
            format!("wrote {} ({what}{})\n", escape(&got.path.display().to_string()), bytes(got.size))
        };
        self.iter().map(one).collect()
    }
}

/// How to write.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub(super) force: bool,
    pub(super) recursive: bool,
    /// Whether folders are made.
    pub(super) parents: bool,
}

pub(super) fn run(lake: &Lake, items: &[String], how: How) -> anyhow::Result<Vec<Got>> {
    let How { force, recursive, parents } = how;
    let (uids, dest) = match items {
        [all @ .., dest] if !all.is_empty() => (all, Path::new(dest)),
        _ => (items, Path::new(".")),
    };
    if dest == Path::new("-") {
        let error = Error::new(ErrorKind::InvalidInput, "cannot write to `-`: `get` writes files");
        bail!(error.with_hint("`datlake cat` writes to standard output; a file of that name is `./-`"));
    }
    let into = dest.is_dir();
    if uids.len() > 1 && !into {
        bail!(refused(format!("cannot write {} things to `{}`: it is no folder", uids.len(), dest.display())));
    }
    // All are looked up before the first is written.
    let mut all = Vec::new();
    for uid in uids {
        let (shown, own, what) = look_up(lake, uid, recursive)?;
        all.push((shown, if into { dest.join(own) } else { dest.to_owned() }, what));
    }
    let above = folder_of(dest);
    if parents {
        let failed = || format!("cannot make the folder `{}`", above.display());
        std::fs::create_dir_all(&above).with_context(failed)?;
    } else if !above.is_dir() {
        let message = format!("cannot write `{}`: there is no folder `{}`", dest.display(), above.display());
        let error = Error::new(ErrorKind::InvalidInput, message).about(Subject::Path(dest.to_owned()));
        bail!(error.with_hint("--parents makes it"));
    }
    let mut got = Vec::new();
    for (uid, path, what) in all {
        let (written, files, size) = match what {
            GetSource::File(file) => (write_file(&file, &path, force, false), 1, file.len()),
            GetSource::Value(json) => {
                let written = write_new(&path, force, false, |out| Ok(out.write_all(&json)?));
                (written, 1, json.len() as u64)
            }
            GetSource::Folder(items) => {
                let sizes: Vec<u64> = items.iter().filter_map(|(_, item)| Some(item.file()?.len())).collect();
                let written = write_folder(&items, &path, force, &Counter::new(&uid, sizes.len()));
                (written, sizes.len() as u64, sizes.iter().sum())
            }
        };
        if let Err(error) = written {
            let some = !got.is_empty();
            return Err(Partly::of(got, some, error));
        }
        got.push(Got { uid, path, size, files });
    }
    Ok(got)
}

/// Its UID, its own name, and what it is.
fn look_up(lake: &Lake, uid: &str, recursive: bool) -> anyhow::Result<(String, String, GetSource)> {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let members = |file: &File| as_tree(file).map(|tree| items(&tree)).transpose();
    if let Some((creator, key)) = lake.resolve_call(uid)? {
        let value = GetSource::Value(json(lake, uid)?);
        return Ok((format!("@{creator}/{key}"), format!("{}.json", creator.function()), value));
    }
    if recursive && !uid.starts_with('@') && !uid.contains("//") {
        let prefix = uid.trim_matches('/');
        let mut files = Vec::new();
        for file in lake.list(prefix)?.whole()? {
            let Some(path) = file.uid().and_then(|uid| below(uid.as_str(), prefix)) else { continue };
            match members(&file)? {
                None => files.push((path.to_owned(), Item::File { file, executable: false })),
                Some(members) => files.extend(members.into_iter().map(|(name, item)| (format!("{path}/{name}"), item))),
            }
        }
        if !files.is_empty() {
            check_names(&files)?;
            return Ok((uid.to_owned(), last(prefix), GetSource::Folder(files)));
        }
    }
    let found = file(lake, uid).map_err(|error| match lake.list_folder(uid) {
        Ok(level) if !level.folders.is_empty() || !level.files.is_empty() => {
            refused(format!("`{uid}` is a folder in the lake")).with_hint("-r writes all that is in it").into()
        }
        _ => error,
    })?;
    let shown = found.uid().map_or(uid.to_owned(), ToString::to_string);
    let what = match members(&found)? {
        Some(members) => GetSource::Folder(members),
        None => GetSource::File(found.clone()),
    };
    Ok((shown, last(found.name()), what))
}

/// What is in a tree.
fn items(tree: &Tree) -> anyhow::Result<Vec<(String, Item)>> {
    let mut items = Vec::new();
    for (path, entry) in tree.entries()? {
        let item = match entry {
            TreeEntry::File { executable, .. } => Item::File { file: tree.get(path)?, executable: *executable },
            TreeEntry::Link(target) => Item::Link(target.clone()),
            TreeEntry::Folder => Item::Folder,
            _ => bail!(refused(format!("`{tree}//{path}` is of a kind that this datlake does not know"))),
        };
        items.push((path.to_owned(), item));
    }
    Ok(items)
}

/// Where in the folder `prefix` a UID is.
fn below<'a>(uid: &'a str, prefix: &str) -> Option<&'a str> {
    if prefix.is_empty() { Some(uid) } else { uid.strip_prefix(prefix)?.strip_prefix('/') }
}

/// In a lake `a` and `a/b` live side by side, in a folder they do not.
fn check_names(files: &[(String, Item)]) -> anyhow::Result<()> {
    let names: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for name in &names {
        let mut above = name.match_indices('/').map(|(at, _)| &name[..at]);
        if let Some(folder) = above.find(|above| names.contains(above)) {
            let message = format!("cannot write `{folder}` and `{name}`: one name would be a file and a folder");
            bail!(refused(message).with_hint("get them one by one, under other names"));
        }
    }
    Ok(())
}

/// Something is there that would have to be replaced.
fn taken(path: &Path, what: &str) -> Error {
    let message = format!("cannot write `{}`: {what}", path.display());
    Error::new(ErrorKind::AlreadyExists, message).about(Subject::Path(path.to_owned()))
}

fn write_file(file: &File, path: &Path, force: bool, executable: bool) -> anyhow::Result<()> {
    write_new(path, force, executable, |out| Ok(file.write_into(out)?))
}

/// Writes a file, which appears whole.
pub(super) fn write_new(
    path: &Path,
    force: bool,
    executable: bool,
    fill: impl FnOnce(&mut std::fs::File) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let exists = || taken(path, "it exists").with_hint("--force replaces it");
    if path.is_dir() {
        bail!(taken(path, "it is a folder"));
    }
    if let Ok(there) = path.symlink_metadata() {
        if !force {
            bail!(exists());
        }
        if !there.is_file() && !there.is_symlink() {
            let error = taken(path, "it is neither a file nor a folder");
            bail!(error.with_hint("`datlake cat` writes into pipes and devices"));
        }
    }
    let failed = || format!("cannot write `{}`", path.display());
    let make = || temporary(mode(executable)).tempfile_in(folder_of(path));
    let mut temporary = Unfinished::begin(make, |made| made.path()).with_context(failed)?;
    fill(temporary.get().as_file_mut()).with_context(failed)?;
    let persisted = temporary.finish(|made| if force { made.persist(path) } else { made.persist_noclobber(path) });
    match persisted {
        Ok(_) => Ok(()),
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Err(exists().into()),
        Err(e) => Err(e.error).with_context(failed),
    }
}

/// Writes what is in a folder; links last, so that nothing is written through them.
fn write_folder(items: &[(String, Item)], path: &Path, force: bool, counter: &Counter) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        if !force {
            bail!(taken(path, "it exists").with_hint("--force writes into it, and leaves the other files there"));
        }
        make_folders(items, path)?;
        each(items, counter, |name, file, executable| write_file(file, &path.join(name), true, executable))?;
        return make_links(items, path, path);
    }
    let failed = || format!("cannot write `{}`", path.display());
    let make = || temporary(0o777).tempdir_in(folder_of(path));
    let mut folder = Unfinished::begin(make, |made| made.path()).with_context(failed)?;
    let inside = folder.get().path().to_owned();
    make_folders(items, &inside)?;
    // Nobody else knows of that folder: its files need no names of their own before they are whole.
    each(items, counter, |name, file, executable| {
        let failed = || format!("cannot write `{}`", path.join(name).display());
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode(executable));
        let mut written = options.open(inside.join(name)).with_context(failed)?;
        file.write_into(&mut written).with_context(failed)
    })?;
    make_links(items, &inside, path)?;
    folder.finish(|made| {
        std::fs::rename(made.path(), path).with_context(failed)?;
        // It is no longer there to be removed.
        let _ = made.keep();
        Ok(())
    })
}

/// Makes the links, in place of links and files that are there; `shown` is what people call the folder.
fn make_links(items: &[(String, Item)], folder: &Path, shown: &Path) -> anyhow::Result<()> {
    for (name, item) in items {
        let (Item::Link(target), path) = (item, folder.join(name)) else { continue };
        if path.is_dir() && !path.is_symlink() {
            bail!(taken(&shown.join(name), "it is a folder"));
        }
        let made = match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
            _ => std::os::unix::fs::symlink(target, &path),
        };
        made.with_context(|| format!("cannot make the link `{}`", shown.join(name).display()))?;
    }
    Ok(())
}

/// Makes every folder that the files are in, once.
fn make_folders(items: &[(String, Item)], folder: &Path) -> anyhow::Result<()> {
    let of = |(name, item): &'_ (String, Item)| match item {
        Item::Folder => Some(name.clone()),
        Item::File { .. } | Item::Link(_) => Some(name.rsplit_once('/')?.0.to_owned()),
    };
    let folders: BTreeSet<String> = items.iter().filter_map(of).collect();
    for above in folders {
        let above = folder.join(above);
        std::fs::create_dir_all(&above).with_context(|| format!("cannot make the folder `{}`", above.display()))?;
    }
    Ok(())
}

/// Does something with every file, several at a time, until the first failure.
fn each(
    items: &[(String, Item)],
    counter: &Counter,
    work: impl Fn(&str, &File, bool) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let file = |(name, item): &'_ (String, Item)| match item {
        Item::File { file, executable } => Some((name.clone(), file.clone(), *executable)),
        Item::Link(_) | Item::Folder => None,
    };
    let files: Vec<_> = items.iter().filter_map(file).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let lock = || failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(files.len()) {
            scope.spawn(|| {
                while lock().is_none()
                    && let Some((name, file, executable)) = files.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    match work(name, file, *executable) {
                        Ok(()) => counter.count(),
                        Err(error) => drop(lock().get_or_insert(error)),
                    }
                }
            });
        }
    });
    counter.end();
    let failed = lock().take();
    failed.map_or(Ok(()), Err)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The permissions of a new file, before the user's mask.
fn mode(executable: bool) -> u32 {
    if executable { 0o777 } else { 0o666 }
}

/// Something beside its destination, with the permissions that new things have.
fn temporary(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".datlake-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}
