//! `datlake get`: a copy appears whole or not at all, and replaces nothing without `--force`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use datlake::{Error, ErrorKind, File, Lake, Subject};
use serde::Serialize;

use super::lake::{as_tree, copy, file};
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
    /// Files, by their paths in a folder.
    Folder(Vec<(String, File)>),
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
            GetSource::File(file) => (write_file(&file, &path, force), 1, file.len()),
            GetSource::Folder(files) => {
                let written = write_folder(&files, &path, force, &Counter::new(&uid, files.len()));
                (written, files.len() as u64, files.iter().map(|(_, file)| file.len()).sum())
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
    let members = |file: &File| -> anyhow::Result<Option<Vec<(String, File)>>> {
        let files = as_tree(file).map(|tree| tree.files()).transpose()?;
        Ok(files.map(|files| files.into_iter().map(|file| (file.name().to_owned(), file)).collect()))
    };
    if recursive && !uid.starts_with('@') && !uid.contains("//") {
        let prefix = uid.trim_matches('/');
        let mut files = Vec::new();
        for file in lake.list(prefix)?.whole()? {
            let Some(path) = file.uid().and_then(|uid| below(uid.as_str(), prefix)) else { continue };
            match members(&file)? {
                None => files.push((path.to_owned(), file)),
                Some(members) => files.extend(members.into_iter().map(|(name, file)| (format!("{path}/{name}"), file))),
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

/// Where in the folder `prefix` a UID is.
fn below<'a>(uid: &'a str, prefix: &str) -> Option<&'a str> {
    if prefix.is_empty() { Some(uid) } else { uid.strip_prefix(prefix)?.strip_prefix('/') }
}

/// In a lake `a` and `a/b` live side by side, in a folder they do not.
fn check_names(files: &[(String, File)]) -> anyhow::Result<()> {
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

fn write_file(file: &File, path: &Path, force: bool) -> anyhow::Result<()> {
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
    let make = || temporary(0o666).tempfile_in(folder_of(path));
    let mut temporary = Unfinished::begin(make, |made| made.path()).with_context(failed)?;
    copy(file, temporary.get()).with_context(failed)?;
    temporary.get().flush().with_context(failed)?;
    let persisted = temporary.finish(|made| if force { made.persist(path) } else { made.persist_noclobber(path) });
    match persisted {
        Ok(_) => Ok(()),
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Err(exists().into()),
        Err(e) => Err(e.error).with_context(failed),
    }
}

/// Writes files as a folder.
fn write_folder(files: &[(String, File)], path: &Path, force: bool, counter: &Counter) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        if !force {
            bail!(taken(path, "it exists").with_hint("--force writes into it, and leaves the other files there"));
        }
        make_folders(files, path)?;
        return each(files, counter, |(name, file)| write_file(file, &path.join(name), true));
    }
    let failed = || format!("cannot write `{}`", path.display());
    let make = || temporary(0o777).tempdir_in(folder_of(path));
    let mut folder = Unfinished::begin(make, |made| made.path()).with_context(failed)?;
    let inside = folder.get().path().to_owned();
    make_folders(files, &inside)?;
    // Nobody else knows of that folder: its files need no names of their own before they are whole.
    each(files, counter, |(name, file)| {
        let failed = || format!("cannot write `{}`", path.join(name).display());
        let mut written = std::fs::File::create_new(inside.join(name)).with_context(failed)?;
        copy(file, &mut written).with_context(failed)
    })?;
    folder.finish(|made| {
        std::fs::rename(made.path(), path).with_context(failed)?;
        // It is no longer there to be removed.
        let _ = made.keep();
        Ok(())
    })
}

/// Makes every folder that the files are in, once.
fn make_folders(files: &[(String, File)], folder: &Path) -> anyhow::Result<()> {
    let folders: BTreeSet<_> =
        files.iter().filter_map(|(name, _)| name.rsplit_once('/')).map(|(above, _)| above).collect();
    for above in folders {
        let above = folder.join(above);
        std::fs::create_dir_all(&above).with_context(|| format!("cannot make the folder `{}`", above.display()))?;
    }
    Ok(())
}

/// Does something with every file, several at a time, until the first failure.
fn each(
    files: &[(String, File)],
    counter: &Counter,
    work: impl Fn(&(String, File)) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let lock = || failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(files.len()) {
            scope.spawn(|| {
                while lock().is_none()
                    && let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    match work(file) {
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
