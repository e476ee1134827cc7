//! `datlake add`: from paths, a URL or standard input into the lake.

use std::ffi::{OsStr, OsString};
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use datlake::config::without_secrets;
use datlake::{Digest, File, Lake, LocalFolder, Tree, TreeEntry};
use serde::Serialize;

use super::download::{self, Limits};
use super::lake::as_tree;
use crate::answer::{Answer, Page, Partly};
use crate::args::AddHow;
use crate::failure::refused;
use crate::progress;
use crate::text::{bytes, escape, files};

/// What was added.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Added {
    uid: String,
    digest: Digest,
    /// In bytes; of a tree: of all its files.
    size: u64,
    /// How many files; `None` unless it is a tree.
    files: Option<u64>,
    /// Whether it was not there before.
    new: bool,
    /// What was there before and was replaced: its digest. `None` where nothing was, and for files of a folder with `--each`.
    replaced: Option<Digest>,
    /// Whether it is no longer where it came from.
    moved: bool,
    /// The URL it was downloaded from, without what is secret in one.
    source: Option<String>,
    /// What the server called it, such as `text/csv`, where it was downloaded and the server said so.
    content_type: Option<String>,
}

impl Answer for Vec<Added> {
    fn text(&self, _: &Page) -> String {
        self.iter().map(one_added).collect()
    }

    fn warnings(&self) -> Vec<String> {
        let page = |added: &Added| {
            let kind = added.content_type.as_deref().filter(|kind| is_html(kind) && !is_html(&added.uid))?;
            Some(format!("the server calls what is `{}` now {kind}: look whether it is what you wanted", added.uid))
        };
        self.iter().filter_map(page).collect()
    }
}

fn one_added(added: &Added) -> String {
    let what = match added.files {
        Some(count) => format!("{}, {}", files(count), bytes(added.size)),
        None => bytes(added.size),
    };
    let how = match (added.new, added.moved) {
        _ if added.replaced.is_some() => "replaced",
        (true, false) => "added",
        (true, true) => "moved",
        (false, true) => "was there already, removed the source of",
        (false, false) => "was there already:",
    };
    let from = match &added.source {
        Some(url) => format!(", {} from {url}", added.digest.short()),
        None => String::new(),
    };
    format!("{}\n", escape(&format!("{how} {} ({what}{from})", added.uid)))
}

/// Something to be added.
enum AddSource {
    Stdin,
    Url(String),
    File(PathBuf),
    /// A folder, as one tree.
    Tree(PathBuf),
    /// A folder, every file by itself.
    Each(PathBuf),
}

pub(super) fn run(
    lake: impl FnOnce() -> anyhow::Result<Lake>,
    paths: &[OsString],
    uid: &str,
    how: &AddHow,
) -> anyhow::Result<Vec<Added>> {
    // What cannot be is found before the lake is touched.
    let mut all = Vec::new();
    for path in paths {
        let what = what(path, how)?;
        let uid = named(&what, uid)?;
        all.push((what, uid));
    }
    if all.len() > 1 && !uid.ends_with('/') {
        let hint = "a folder in the lake ends in a slash, as `photos/`: each goes into it, under its own name";
        bail!(refused(format!("cannot add {} things as `{uid}`", all.len())).with_hint(hint));
    }
    let lake = lake()?;
    let mut added = Vec::new();
    for (what, uid) in &all {
        match add(&lake, what, uid, how) {
            Ok(more) => added.extend(more),
            Err(error) => {
                let some = !added.is_empty();
                return Err(Partly::of(added, some, error));
            }
        }
    }
    Ok(added)
}

/// What an argument means.
fn what(path: &OsStr, how: &AddHow) -> anyhow::Result<AddSource> {
    let local = PathBuf::from(path);
    let remote = match path.to_str() {
        Some("-") => Some((AddSource::Stdin, "standard input")),
        Some(url) if download::is_url(url) && !local.exists() => Some((AddSource::Url(url.to_owned()), "a URL")),
        Some(url) if download::is_other_url(url) && !local.exists() => {
            let message = format!("cannot download `{}`: datlake speaks only http and https", without_secrets(url));
            bail!(refused(message).with_hint("another program may get it: PROGRAM … | datlake add - UID"));
        }
        _ => None,
    };
    let path = local.display();
    if let Some((what, name)) = remote {
        return match how {
            AddHow { recursive: true, .. } => bail!(refused(format!("{name} is no folder: -r is for folders"))),
            AddHow { moving: true, .. } => bail!(refused(format!("{name} cannot be moved, only copied"))),
            _ => Ok(what),
        };
    }
    match (local.is_dir(), how.recursive, how.each) {
        (true, false, _) => {
            let hint = "-r adds it as one tree, -r --each every file in it by itself";
            bail!(refused(format!("cannot add `{path}`: it is a folder")).with_hint(hint))
        }
        (true, true, true) => Ok(AddSource::Each(local)),
        (true, true, false) => Ok(AddSource::Tree(local)),
        // What is not there fails where it is read, with the reason.
        (false, false, _) if how.moving && local.exists() && !local.is_file() => {
            bail!(refused(format!("`{path}` is no regular file: it cannot be moved, only copied")))
        }
        (false, true, _) if local.exists() => bail!(refused(format!("`{path}` is no folder: -r is for folders"))),
        (false, ..) => Ok(AddSource::File(local)),
    }
}

/// The UID of one of the things: what was said, or in the folder that was said, its own name.
fn named(what: &AddSource, uid: &str) -> anyhow::Result<String> {
    let Some(folder) = uid.strip_suffix('/') else { return Ok(uid.to_owned()) };
    let own = match what {
        // The files have names of their own.
        AddSource::Each(_) => return Ok(folder.to_owned()),
        AddSource::Stdin => None,
        AddSource::Url(url) => download::file_name(url),
        AddSource::File(path) | AddSource::Tree(path) => path.file_name().and_then(|name| name.to_str()),
    };
    match own {
        Some(own) if folder.is_empty() => Ok(own.to_owned()),
        Some(own) => Ok(format!("{folder}/{own}")),
        None => bail!(match what {
            AddSource::File(path) | AddSource::Tree(path) if path.file_name().is_some() => {
                let path = path.as_os_str().as_encoded_bytes().escape_ascii();
                let message = format!("`{path}` cannot keep its name in `{uid}`: it is not UTF-8");
                refused(message).with_hint("give the whole UID: the content is added whatever the file is called")
            }
            _ => refused(format!("what goes into `{uid}` has no name of its own: give the whole UID")),
        }),
    }
}

fn add(lake: &Lake, what: &AddSource, uid: &str, how: &AddHow) -> anyhow::Result<Vec<Added>> {
    if let AddSource::Each(folder) = what {
        return each(lake, folder, uid, how);
    }
    let before = lake.exists(uid)?.then(|| lake.file(uid)).transpose()?.map(|file| file.digest());
    let replacing = how.replace.then(|| lake.replacing());
    let (mut source, mut content_type) = (None, None);
    let file = match what {
        AddSource::Stdin => {
            let mut stdin = std::io::stdin().lock();
            if !how.empty && stdin.fill_buf().context("cannot read standard input")?.is_empty() {
                let message = format!("standard input was empty, so `{uid}` was not added");
                bail!(refused(message).with_hint("--empty adds an empty file"));
            }
            let mut reader = limited(stdin, how.max_size);
            match &replacing {
                Some(replacing) => replacing.add_reader(uid, &mut reader)?,
                None => lake.add_reader(uid, &mut reader)?,
            }
        }
        AddSource::Url(url) => {
            let limits = Limits { silence: Duration::from_secs_f64(how.timeout), size: how.max_size };
            let mut body = download::open(url, limits, progress::bytes(uid))?;
            let file = match &replacing {
                Some(replacing) => replacing.add_download(uid, url, &mut body),
                None => lake.add_download(uid, url, &mut body),
            };
            progress::wipe();
            (source, content_type) = (Some(without_secrets(url)), body.content_type);
            file?
        }
        AddSource::Tree(folder) => match (&replacing, read(folder, how)?) {
            (Some(replacing), folder) => replacing.add_folder(uid, &folder)?.as_file().clone(),
            (None, folder) => lake.add_folder(uid, &folder)?.as_file().clone(),
        },
        AddSource::File(path) | AddSource::Each(path) => match &replacing {
            Some(replacing) => replacing.add_path(uid, path)?,
            None => lake.add_path(uid, path)?,
        },
    };
    let tree = as_tree(&file);
    if how.moving {
        match (&tree, what) {
            (Some(tree), AddSource::Tree(folder)) => {
                remove_empty(folder, tree)?;
                remove_folder(folder, tree.files()?.iter().map(|file| (file.name(), file)))?
            }
            (_, AddSource::File(path)) => remove_source(path, &file)?,
            _ => {}
        }
    }
    let (files, size) = match &tree {
        None => (None, file.len()),
        Some(tree) => tree.totals().map(|(files, bytes)| (Some(files), bytes))?,
    };
    let (digest, new) = (file.digest(), before.is_none());
    let replaced = before.filter(|before| *before != digest);
    Ok(vec![Added { uid: uid.to_owned(), digest, size, files, new, replaced, moved: how.moving, source, content_type }])
}

/// Looks through a folder.
fn read(folder: &Path, how: &AddHow) -> anyhow::Result<LocalFolder> {
    let folder = LocalFolder::read(folder)?;
    let folder = if how.skip_unusable { folder.skip_unusable() } else { folder };
    Ok(if how.follow_links { folder.follow_links() } else { folder })
}

/// Adds every file of a folder by itself.
fn each(lake: &Lake, folder: &Path, prefix: &str, how: &AddHow) -> anyhow::Result<Vec<Added>> {
    let files = read(folder, how)?;
    let there = match how.replace {
        true => lake.replacing().add_each_of(prefix, &files)?,
        false => lake.add_each_of(prefix, &files)?,
    };
    if how.moving {
        // A file's name in the lake goes on where the folder's ends.
        let start = if prefix.is_empty() { 0 } else { prefix.len() + 1 };
        let files = there.iter().map(|(file, _)| (file.uid().map_or("", |uid| &uid.as_str()[start..]), file));
        remove_folder(folder, files)?;
    }
    let added = |(file, new): (File, bool)| Added {
        uid: file.uid().map(ToString::to_string).unwrap_or_default(),
        digest: file.digest(),
        size: file.len(),
        files: None,
        new,
        replaced: None,
        moved: how.moving,
        source: None,
        content_type: None,
    };
    Ok(there.into_iter().map(added).collect())
}

/// A page for people, by its type or its name.
fn is_html(what: &str) -> bool {
    let what = what.to_ascii_lowercase();
    ["text/html", "application/xhtml+xml"].contains(&&*what)
        || [".html", ".htm", ".xhtml"].iter().any(|end| what.ends_with(end))
}

/// What is read from a pipe may be endless too.
fn limited(reader: impl std::io::Read, limit: Option<u64>) -> impl std::io::Read {
    struct Limited<R>(R, Option<u64>);
    impl<R: std::io::Read> std::io::Read for Limited<R> {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let n = self.0.read(buf)?;
            if let Some(left) = &mut self.1 {
                *left = left
                    .checked_sub(n as u64)
                    .ok_or_else(|| std::io::Error::other("it has more than --max-size allows"))?;
            }
            Ok(n)
        }
    }
    Limited(reader, limit)
}

/// Removes a file that the lake has, byte for byte.
fn remove_source(path: &Path, file: &File) -> anyhow::Result<()> {
    let stays = || format!("`{file}` is in the lake, but `{}` could not be removed", path.display());
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path).with_context(stays)?).with_context(stays)?;
    if Digest::from_bytes(*hasher.finalize().as_bytes()) != file.digest() || !file.is_local()? {
        bail!(refused(format!("{}: it has changed since it was added", stays())));
    }
    std::fs::remove_file(path).with_context(stays)
}

/// Removes what a tree has of a folder without content: its links, and its empty folders.
fn remove_empty(folder: &Path, tree: &Tree) -> anyhow::Result<()> {
    for (path, entry) in tree.entries()? {
        let path = folder.join(path);
        match entry {
            TreeEntry::Link(target) if std::fs::read_link(&path).is_ok_and(|there| there == Path::new(target)) => {
                let failed = || format!("the lake has the link `{}`, which could not be removed", path.display());
                std::fs::remove_file(&path).with_context(failed)?;
            }
            // A folder with something new in it stays.
            TreeEntry::Folder => drop(std::fs::remove_dir(&path)),
            _ => {}
        }
    }
    Ok(())
}

/// Removes the files of a folder that the lake has, and the folders that are empty then.
fn remove_folder<'a>(folder: &Path, files: impl Iterator<Item = (&'a str, &'a File)>) -> anyhow::Result<()> {
    let mut folders = std::collections::BTreeSet::new();
    // Links first, while they lead to something; those of a tree are gone.
    let mut files: Vec<_> = files.map(|(name, file)| (folder.join(name), file)).collect();
    files.sort_by_key(|(path, _)| !path.is_symlink());
    for (path, file) in files.iter().filter(|(path, _)| path.symlink_metadata().is_ok()) {
        remove_source(path, file)?;
        folders.extend(path.ancestors().skip(1).take_while(|above| above.starts_with(folder)).map(Path::to_owned));
    }
    folders.insert(folder.to_owned());
    for empty in folders.iter().rev() {
        // A folder with something new in it stays.
        let _ = std::fs::remove_dir(empty);
    }
    Ok(())
}
