//! What is at a reference of a repository: `put`, `commit`, `merge` and the like, and what `ls`, `cat`, `log`, `diff` and `rm` do there.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use datlake::report::{
    CommitInfo, Imported, MergeConflict, MergeResult, ObjectChange, ObjectChanges, ObjectInfo, ObjectItem,
};
use datlake::{
    Branch, DiffQuery, Error, ErrorKind, Lake, LocalFolder, LogQuery, MergeOptions, MergeWinner, ObjectQuery,
    RepositoryAddress,
};
use serde::Serialize;

use super::lake::copy_from;
use super::repository::{address, named, title, within};
use crate::answer::{Answer, Page};
use crate::args::{MergeHow, Prefer, Preference, PutHow};
use crate::failure::{FAILED, refused};
use crate::text::{bytes, count, escape, time};

/// What was put.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
#[serde(transparent)]
pub(super) struct PutObjects(Vec<ObjectInfo>);

/// What is at a reference.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Objects {
    items: Vec<ObjectItem>,
    #[serde(skip)]
    long: bool,
}

/// Paths that were deleted.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct DeletedObjects {
    /// How many of them there were.
    deleted: usize,
}

/// What was discarded.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Discarded {
    /// At how many paths.
    discarded: usize,
}

/// What an import takes its files from.
#[derive(Clone, Copy, Debug)]
pub(super) enum ImportFrom {
    Lake,
    Folder,
    /// They stay where they are.
    Addresses,
}

/// The branch that `REPO@BRANCH` means.
pub(super) fn branch(lake: &Lake, text: &str) -> anyhow::Result<Branch> {
    let (repository, name) = named(lake, text)?;
    Ok(repository.branch(&name))
}

pub(super) fn put(lake: &Lake, how: &PutHow) -> anyhow::Result<PutObjects> {
    let RepositoryAddress { repository, expression, path, .. } = address(lake, &how.to)?;
    let (to, is_folder) = (repository.branch(&expression), path.is_empty() || path.ends_with('/'));
    if how.files.len() > 1 && !is_folder {
        let error = refused(format!("cannot put {} at one path", count(how.files.len() as u64, "file")));
        bail!(error.with_hint(format!("a folder ends in a slash: `{}/`", how.to)));
    }
    let mut done = Vec::new();
    for file in &how.files {
        if !how.uid && file != "-" && Path::new(file).is_dir() {
            let error = refused(format!("`{}` is a folder", file.display()));
            let to = format!("{}@{}:{path}", repository.name(), to.name());
            bail!(error.with_hint(format!("`datlake import --folder {} {to} -m …` commits its files", file.display())));
        }
        let own = match Path::new(file).file_name().and_then(|name| name.to_str()) {
            Some(name) if is_folder && file != "-" => name,
            None | Some(_) if is_folder => {
                let error = refused(format!("`{}` has no name of its own", file.display()));
                bail!(error.with_hint(format!("write the whole path behind `{}`", how.to)));
            }
            _ => "",
        };
        let at = format!("{path}{own}");
        done.push(match (file.to_str(), how.uid) {
            (Some(uid), true) => to.put(&at, &lake.file(lake.resolve(uid)?.as_str())?)?,
            (Some("-"), _) => to.put_reader(&at, &mut io::stdin().lock())?,
            _ => to.put_path(&at, Path::new(file))?,
        });
    }
    Ok(PutObjects(done))
}

pub(super) fn import(
    lake: &Lake,
    source: &str,
    to: &str,
    message: String,
    from: ImportFrom,
) -> anyhow::Result<Imported> {
    let RepositoryAddress { repository, expression, path, .. } = address(lake, to)?;
    let branch = repository.branch(&expression);
    Ok(match from {
        ImportFrom::Folder => branch.import_folder(&LocalFolder::read(source)?, &path, message)?,
        ImportFrom::Addresses => branch.import_addresses(source, &path, message)?,
        ImportFrom::Lake => branch.import_files(source, &path, message).map_err(|error| {
            match error.kind() == ErrorKind::NotFound && Path::new(source).is_dir() {
                true => error.with_hint(format!("`{source}` is a folder of this machine: --folder imports its files")),
                false => error,
            }
        })?,
    })
}

/// Does again, or takes back, at `REPO@BRANCH` what a commit of the repository has changed.
pub(super) fn at_branch(
    lake: &Lake,
    text: &str,
    commit: &str,
    how: MergeHow,
    what: fn(&Branch, &str, &MergeOptions) -> datlake::Result<MergeResult>,
) -> anyhow::Result<MergeResult> {
    let (repository, name) = named(lake, text)?;
    Ok(what(&repository.branch(&name), within(&repository, commit)?, &options(how))?)
}

fn options(how: MergeHow) -> MergeOptions {
    let mut options = MergeOptions::default();
    if let Some(message) = how.message {
        options = options.message(message);
    }
    for Preference { below, side } in how.prefer {
        let winner = match side {
            Prefer::Source => MergeWinner::Source,
            Prefer::Destination => MergeWinner::Destination,
        };
        options = match below {
            Some(prefix) => options.winner_below(&prefix, winner),
            None => options.winner(winner),
        };
    }
    how.parent.map_or(options.clone(), |parent| options.parent(parent))
}

pub(super) fn merge(lake: &Lake, source: &str, into: &str, how: MergeHow) -> anyhow::Result<MergeResult> {
    let (repository, source) = named(lake, source)?;
    let into = within(&repository, into)?;
    Ok(repository.branch(into).merge(&source, &options(how))?)
}

pub(super) fn reset(lake: &Lake, text: &str) -> anyhow::Result<Discarded> {
    let RepositoryAddress { repository, expression, path, .. } = address(lake, text)?;
    Ok(Discarded { discarded: repository.branch(&expression).reset_prefix(&path)? })
}

/// What `ls` shows of an address.
pub(super) fn list(of: &RepositoryAddress, long: bool, recursive: bool) -> anyhow::Result<Objects> {
    let query = ObjectQuery::below(&of.path).limit(usize::MAX);
    let query = if recursive { query } else { query.delimiter("/") };
    let items = of.repository.reference(&of.expression).list(&query)?.items;
    if items.is_empty() && !of.path.is_empty() {
        let at = at(of);
        let message = format!("there is nothing at `{at}` whose path begins with `{}`", of.path);
        bail!(Error::new(ErrorKind::NotFound, message).with_hint(format!("`datlake ls -r {at}` lists its files")));
    }
    Ok(Objects { items, long })
}

/// What `log` shows of an address.
pub(super) fn log(of: &RepositoryAddress, limit: Option<usize>) -> anyhow::Result<Vec<CommitInfo>> {
    let query = match of.path.as_str() {
        "" => LogQuery::default(),
        path if path.ends_with('/') => LogQuery::below(path),
        path => LogQuery::of(path),
    };
    Ok(of.repository.reference(&of.expression).log(&query.limit(limit.unwrap_or(usize::MAX)))?)
}

/// What `diff` shows of an address.
pub(super) fn diff(of: &RepositoryAddress, now: Option<&str>) -> anyhow::Result<ObjectChanges> {
    let query = DiffQuery::below(&of.path).limit(usize::MAX);
    let Some(now) = now else { return Ok(of.repository.branch(&of.expression).uncommitted(&query)?) };
    let now = within(&of.repository, now)?;
    Ok(of.repository.reference(&of.expression).diff(now, &query)?)
}

/// Refuses an address without a path.
pub(super) fn refuse_all(of: &RepositoryAddress) -> anyhow::Result<()> {
    if of.path.is_empty() {
        let at = at(of);
        let error = refused(format!("`{at}` is all that is there, and a file is meant"));
        bail!(error.with_hint(format!("write {at}:PATH: `datlake ls -r {at}` lists its files")));
    }
    Ok(())
}

/// Writes the content of a file of a repository, and checks that it is what it was.
pub(super) fn copy(of: &RepositoryAddress, out: &mut dyn Write) -> anyhow::Result<()> {
    let reference = of.repository.reference(&of.expression);
    let (object, mut reader) = reference.open_object(&of.path)?;
    let what = format!("{}:{}", at(of), of.path);
    match object.digest {
        Some(digest) => copy_from(reader, &what, digest, out),
        // What lies outside of the lake is compared with what its place says while it is read.
        None => io::copy(&mut reader, out).map(drop).with_context(|| format!("cannot read `{what}`")),
    }
}

/// `REPO@REF`.
fn at(of: &RepositoryAddress) -> String {
    format!("{}@{}", of.repository.name(), of.expression)
}

/// What `rm` does with addresses.
pub(super) fn delete(all: &[RepositoryAddress], recursive: bool) -> anyhow::Result<DeletedObjects> {
    let mut deleted = 0;
    for of in all {
        let branch = of.repository.branch(&of.expression);
        if !recursive && (of.path.is_empty() || of.path.ends_with('/')) {
            let error = refused(format!("`{}:{}` is a folder", at(of), of.path));
            bail!(error.with_hint("-r deletes all that is in it"));
        }
        if !recursive {
            if !branch.delete_object(&of.path)? {
                let at = at(of);
                let error = Error::new(ErrorKind::NotFound, format!("there is no `{}` at `{at}`", of.path));
                bail!(error.with_hint(format!("`datlake ls -r {at}` lists its files; -r deletes a folder")));
            }
            deleted += 1;
            continue;
        }
        let paths: Vec<String> = branch.list_all(&of.path)?.into_iter().map(|object| object.path).collect();
        deleted += branch.delete_objects(&paths)?;
    }
    Ok(DeletedObjects { deleted })
}

impl Answer for PutObjects {
    fn text(&self, page: &Page) -> String {
        page.lines(self.0.iter().map(|put| format!("put {} ({})\n", escape(&put.path), bytes(put.size))))
    }
}

impl Answer for Imported {
    fn text(&self, _: &Page) -> String {
        format!("imported {}\n{}", count(self.objects, "file"), commit_line(&self.commit))
    }
}

impl Answer for Objects {
    fn text(&self, _: &Page) -> String {
        let size = |item: &ObjectItem| match item {
            ObjectItem::Object(object) if object.is_file() => bytes(object.size),
            _ => String::new(),
        };
        let width = self.items.iter().map(|item| size(item).chars().count()).max().unwrap_or(0);
        let line = |item: &ObjectItem| {
            let (noted, path) = match item {
                ObjectItem::Object(object) => (object.put_at.as_deref().zip(object.put_by.as_deref()), entry(object)),
                ObjectItem::Prefix(prefix) => (None, escape(prefix).into()),
                _ => return String::new(),
            };
            let noted = noted
                .filter(|_| self.long)
                .map_or_else(String::new, |(at, by)| format!("{}  {}  ", time(at), escape(by)));
            format!("{:>width$}  {noted}{path}\n", size(item))
        };
        self.items.iter().map(line).collect()
    }
}

impl Answer for CommitInfo {
    fn text(&self, _: &Page) -> String {
        commit_line(self)
    }
}

impl Answer for Vec<CommitInfo> {
    fn text(&self, _: &Page) -> String {
        self.iter().map(commit_line).collect()
    }
}

fn commit_line(commit: &CommitInfo) -> String {
    let CommitInfo { id, at, committer, message, .. } = commit;
    format!("{}  {}  {}  {}\n", id.short(), time(at), escape(committer), title(message))
}

impl Answer for ObjectChanges {
    fn text(&self, page: &Page) -> String {
        let line = |ObjectChange { path, before, after, .. }: &ObjectChange| {
            let (sign, size) = match (before, after) {
                (None, Some(after)) => ('+', content(after)),
                (Some(before), None) => ('-', content(before)),
                (Some(before), Some(after)) => ('~', format!("{} → {}", content(before), content(after))),
                (None, None) => (' ', String::new()),
            };
            format!("{sign} {} ({size})\n", escape(path))
        };
        match self.items.as_slice() {
            [] => "nothing differs\n".to_owned(),
            items => page.lines(items.iter().map(line)),
        }
    }
}

/// A path with what it is, where that is no file.
fn entry(object: &ObjectInfo) -> String {
    match (&object.link, object.folder) {
        (Some(target), _) => format!("{} -> {}", escape(&object.path), escape(target)),
        (None, true) => format!("{}/", escape(&object.path)),
        (None, false) => escape(&object.path).to_string(),
    }
}

/// What is at a path, in brief.
fn content(object: &ObjectInfo) -> String {
    match (&object.link, object.folder) {
        (Some(target), _) => format!("-> {}", escape(target)),
        (None, true) => "empty folder".to_owned(),
        (None, false) => bytes(object.size),
    }
}

impl Answer for MergeResult {
    fn text(&self, page: &Page) -> String {
        let side = |object: &Option<ObjectInfo>| {
            object.as_ref().map_or_else(
                || "deleted".to_owned(),
                |object| {
                    if !object.is_file() {
                        return content(object);
                    }
                    let checksum = object.checksum();
                    format!("{} {}", escape(checksum.get(..12).unwrap_or(&checksum)), bytes(object.size))
                },
            )
        };
        match self {
            Self::Merged(commit) => commit_line(commit),
            Self::Conflicts(conflicts) => {
                page.lines(conflicts.iter().map(|MergeConflict { path, ours, theirs, .. }| {
                    format!("conflict {}: {} here, {} there\n", escape(path), side(ours), side(theirs))
                }))
            }
            _ => String::new(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        match self {
            Self::Conflicts(_) => {
                vec!["nothing was changed: both sides changed these; --prefer source or --prefer destination says which counts, --prefer PREFIX=SIDE for some".to_owned()]
            }
            _ => Vec::new(),
        }
    }

    fn status(&self) -> u8 {
        if let Self::Conflicts(_) = self { FAILED } else { 0 }
    }
}

impl Answer for DeletedObjects {
    fn text(&self, _: &Page) -> String {
        format!("deleted {}\n", count(self.deleted as u64, "file"))
    }
}

impl Answer for Discarded {
    fn text(&self, _: &Page) -> String {
        format!("discarded {}\n", count(self.discarded as u64, "change"))
    }
}
