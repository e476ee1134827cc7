//! Doing what was planned. Whoever stops in between has written and removed nothing that was not ours, and it can be done again.

use std::collections::BTreeSet;

use datlake_core::catalog::FileMeta;
use datlake_core::tree::{FilesOutside, TreeEntry};
use datlake_core::{Digest, Result, Uid};
use datlake_store::{AtPath, FileState};

use super::download::download;
use super::kept::Held;
use super::plan::Plan;
use crate::file::File;
use crate::lake::in_parallel;
use crate::repository::resolve::View;
use crate::repository::shared::Shared;

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) written: u64,
    pub(super) bytes: u64,
    /// Those of them that were downloaded from outside of the lake.
    pub(super) outside: FilesOutside,
    pub(super) removed: u64,
}

/// Does what was planned, with the files of `commit`.
pub(super) fn apply(plan: &Plan, shared: &Shared, commit: &Digest, held: &mut Held) -> Result<Applied> {
    let mut applied = Applied { removed: remove(plan, held)?, ..Applied::default() };
    for folder in &plan.folders {
        held.folder.make_folder(folder)?;
    }
    let files: Vec<_> = plan.written.iter().filter(|(_, (entry, _))| entry.size().is_some()).collect();
    let view = View::from(shared.contents_of(commit)?);
    let written = in_parallel(&files, |(path, (entry, before))| {
        is_still(held, path, before.as_ref())?;
        write(shared, (commit, &view), held, path, entry)
    })?;
    for ((path, (entry, _)), written) in files.iter().zip(written) {
        match written {
            Some((Some(state), digest)) => held.states.note(path, state, digest),
            _ => held.states.forget(path),
        }
        if let TreeEntry::Addressed(file) = entry {
            applied.outside = applied.outside.and(file);
        }
        applied.bytes += entry.size().unwrap_or(0);
    }
    for (path, (entry, before)) in &plan.written {
        if let TreeEntry::Link(target) = entry {
            is_still(held, path, before.as_ref())?;
            held.folder.link(path, target)?;
            held.states.forget(path);
        }
    }
    applied.written = plan.written.len() as u64;
    Ok(applied)
}

/// Removes what goes, with the folders in which nothing is left: how many files and links that were.
fn remove(plan: &Plan, held: &mut Held) -> Result<u64> {
    let (mut removed, mut folders) = (0, BTreeSet::new());
    // What is below a path comes before it.
    for (path, before) in plan.removed.iter().rev() {
        match held.folder.look(path)? {
            AtPath::Folder => drop(folders.insert(path.as_str())),
            AtPath::File { .. } | AtPath::Link(_) => {
                is_still(held, path, before.as_ref())?;
                held.folder.remove(path)?;
                held.states.forget(path);
                removed += 1;
            }
            _ => {}
        }
        folders.extend(above(path));
    }
    for folder in &plan.emptied {
        folders.extend(above(folder).chain([folder.as_str()]));
    }
    // Folders that are to be files have nothing left in them but folders.
    let written = plan.written.keys().filter(|path| matches!(held.folder.look(path), Ok(AtPath::Folder)));
    let written: Vec<&str> = written.map(String::as_str).collect();
    let mut inner = Vec::new();
    for path in &written {
        for found in walkdir::WalkDir::new(held.path.join(path)).into_iter().flatten() {
            let below = found.path().strip_prefix(&held.path).unwrap_or(found.path());
            inner.push(below.to_string_lossy().into_owned());
        }
    }
    folders.extend(inner.iter().map(String::as_str));
    for folder in folders.iter().rev() {
        held.folder.remove_folder(folder)?;
    }
    Ok(removed)
}

/// The folders that a path is in.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// Makes sure that nobody has changed what is about to be replaced since it was looked at.
fn is_still(held: &Held, path: &str, before: Option<&FileState>) -> Result<()> {
    let now = match held.folder.look(path)? {
        AtPath::File { state, .. } => Some(state),
        _ => None,
    };
    match before.is_none() || now.as_ref() == before {
        true => Ok(()),
        false => Err(held.changing(path)),
    }
}

/// Writes a file: the state that it is left in, and its content.
fn write(
    shared: &Shared,
    (commit, view): (&Digest, &View),
    held: &Held,
    path: &str,
    entry: &TreeEntry,
) -> Result<Option<(Option<FileState>, Digest)>> {
    if let TreeEntry::Addressed(file) = entry {
        return download(&shared.lake, held, path, file).map(Some);
    }
    let TreeEntry::File { digest, size, executable, .. } = *entry else { return Ok(None) };
    let address = format!("{}@{commit}:{path}", shared.document.name);
    // A long path may be no UID with what stands before it.
    let uid = Uid::chosen(&address).or_else(|_| Uid::chosen(path))?;
    let range = shared.lake.resting_in(shared.range_of(view, path), (digest, size))?;
    let file = File::ranged(&shared.lake, FileMeta { name: path.to_owned(), uid, digest, size, tree: false }, range);
    let state = held.folder.write(path, executable, held.since, |out| file.write_into(out))?;
    Ok(Some((state, digest)))
}
