//! What a checkout has to write and to remove, and what is in its way: found out before anything is changed.
//!
//! Only paths are looked at where the commit differs from what the folder is of. What is there is ours to replace if it is what
//! one of those commits has there, or what the new one has.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datlake_core::tree::{Metarange, Span, TreeDifference, TreeEntry};
use datlake_core::{Digest, Error, ErrorKind, Result, Subject};
use datlake_store::{AtPath, FileState, OWN_FOLDER};

use super::download::check_allowed;
use super::kept::Held;
use crate::repository::resolve::View;
use crate::repository::shared::Shared;

/// How many paths an error names.
const NAMED: usize = 20;

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Files and links that go, each with what it was when it was looked at.
    pub(super) removed: BTreeMap<String, Option<FileState>>,
    /// Folders that go if there is nothing in them: a checkout that did not end may have made them.
    pub(super) emptied: BTreeSet<String>,
    pub(super) folders: BTreeSet<String>,
    /// Files and links that are written; what is replaced, where that is a file.
    pub(super) written: BTreeMap<String, (TreeEntry, Option<FileState>)>,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        let Self { removed, emptied, folders, written } = self;
        removed.is_empty() && emptied.is_empty() && folders.is_empty() && written.is_empty()
    }
}

/// What a folder is to become.
pub(super) struct CheckoutTarget<'a> {
    pub(super) shared: &'a Shared,
    pub(super) commit: Digest,
    /// What its files may be of.
    pub(super) bases: Vec<Arc<Metarange>>,
    pub(super) force: bool,
    /// Paths at which the folder is left as it is.
    pub(super) except: &'a BTreeSet<String>,
}

/// What is at a path in the commits that a folder may be of, and what is to be there.
struct Wanted {
    /// As a folder has it.
    before: Vec<Option<TreeEntry>>,
    after: Option<TreeEntry>,
    /// `after`, as a folder has it.
    in_folder: Option<TreeEntry>,
}

/// What is at a path of the folder.
enum Local {
    Nothing,
    /// A file or a link.
    Entry(TreeEntry, Option<FileState>),
    /// A file that is none of those that could be there, a link that no tree has.
    Else(Option<FileState>),
    Folder,
    /// Nothing, and what is at this path is in the way.
    Below(String),
    /// What we do not touch.
    Other,
}

pub(super) fn plan(target: &CheckoutTarget<'_>, held: &mut Held) -> Result<Plan> {
    let tree = target.shared.tree_of(&target.commit)?;
    let wanted = wanted(target, held, &tree)?;
    let view = View::from(Arc::clone(&tree));
    check_paths(target.shared, &view, &wanted)?;
    let (mut plan, mut conflicts, mut locals) = (Plan::default(), BTreeSet::new(), Vec::new());
    for (path, wanted) in &wanted {
        let local = local(held, path, wanted)?;
        decide(target.force, path, wanted, &local, &mut plan, &mut conflicts);
        locals.push((path, local));
    }
    for (path, local) in locals {
        if !plan.written.contains_key(path) && !plan.folders.contains(path) {
            continue;
        }
        match local {
            Local::Below(above) if !plan.removed.contains_key(&above) => match held.folder.look(&above)? {
                AtPath::File { .. } | AtPath::Link(_) if target.force => drop(plan.removed.insert(above, None)),
                _ => drop(conflicts.insert(above)),
            },
            Local::Folder if plan.written.contains_key(path) => conflicts.extend(left_below(held, &plan, path)),
            _ => {}
        }
    }
    if !conflicts.is_empty() {
        return Err(in_the_way(held, &conflicts));
    }
    check_allowed(&target.shared.lake, plan.written.iter().map(|(path, (entry, _))| (path, entry)))?;
    Ok(plan)
}

/// All paths that have to be looked at.
fn wanted(target: &CheckoutTarget<'_>, held: &Held, tree: &Arc<Metarange>) -> Result<BTreeMap<String, Wanted>> {
    let mut bases: Vec<Arc<Metarange>> = target.bases.clone();
    if target.force {
        // Each path of the commit is looked at.
        bases.push(Arc::default());
    }
    let mut wanted = BTreeMap::<String, Wanted>::new();
    for base in &bases {
        let mut visit = |TreeDifference { path, before, after }: TreeDifference| {
            if !target.except.contains(&path) {
                let in_folder = |entry: &TreeEntry| held.downloaded.in_folder(entry).into_owned();
                let before = before.as_ref().filter(|entry| is_seen(entry)).map(in_folder);
                let wanted = wanted.entry(path).or_insert_with(|| {
                    let in_folder = after.as_ref().map(in_folder);
                    Wanted { before: Vec::new(), after, in_folder }
                });
                wanted.before.push(before);
            }
            ControlFlow::Continue(())
        };
        target.shared.differences(base, tree, Span::default(), &mut visit)?;
    }
    Ok(wanted)
}

fn is_seen(entry: &TreeEntry) -> bool {
    matches!(entry, TreeEntry::File { .. } | TreeEntry::Addressed(_) | TreeEntry::Link(_) | TreeEntry::Folder)
}

/// In a repository `a` and `a/b` live side by side, in a folder they do not.
fn check_paths(shared: &Shared, view: &View, wanted: &BTreeMap<String, Wanted>) -> Result<()> {
    let refused = |message: String, hint: &str| Err(Error::new(ErrorKind::InvalidInput, message).with_hint(hint));
    for (path, Wanted { after, .. }) in wanted {
        let Some(after) = after else { continue };
        if path.split('/').next() == Some(OWN_FOLDER) {
            let message =
                format!("cannot check out `{path}`: a working copy keeps what it knows of itself in `{OWN_FOLDER}`");
            return refused(message, "rename it in the repository");
        }
        let both = |one: &str, other: &str| {
            let message = format!("cannot check out `{one}` and `{other}`: one name would be a file and a folder");
            refused(message, "rename one of them in the repository, or get what you need by `datlake get`")
        };
        for above in path.match_indices('/').map(|(at, _)| &path[..at]) {
            if shared.entry(view, above)?.is_some_and(|entry| entry != TreeEntry::Folder) {
                return both(above, path);
            }
        }
        if let Some(below) = shared.below(view, path)?
            && *after != TreeEntry::Folder
        {
            return both(path, &below);
        }
    }
    Ok(())
}

/// What is done at one path.
fn decide(
    force: bool,
    path: &str,
    Wanted { before, after, in_folder }: &Wanted,
    local: &Local,
    plan: &mut Plan,
    conflicts: &mut BTreeSet<String>,
) {
    let path = path.to_owned();
    let (is_ours, state) = match local {
        Local::Nothing | Local::Below(_) => (before.contains(&None), None),
        Local::Entry(entry, state) => (before.contains(&Some(entry.clone())), *state),
        // Whether all that is in it goes is seen when all is known that does.
        Local::Folder => (true, None),
        Local::Else(state) => (false, *state),
        Local::Other => (false, None),
    };
    let is_there = matches!(local, Local::Entry(..) | Local::Else(_));
    let mut ours = || {
        let may = is_ours || (force && !matches!(local, Local::Other));
        if !may {
            conflicts.insert(path.clone());
        }
        may
    };
    match (after, local) {
        (Some(_), Local::Entry(entry, _)) if in_folder.as_ref() == Some(entry) => {}
        (None, Local::Nothing) => plan.emptied.extend(path.rsplit_once('/').map(|(above, _)| above.to_owned())),
        (None, Local::Below(_)) => {}
        // What is in a folder has paths of its own. An empty one goes if it was ours.
        (None, Local::Folder) => {
            if before.contains(&Some(TreeEntry::Folder)) {
                plan.removed.insert(path, None);
            }
        }
        (None, _) => {
            if ours() {
                plan.removed.insert(path, state);
            }
        }
        (Some(TreeEntry::Folder), Local::Folder) => drop(plan.folders.insert(path)),
        (Some(TreeEntry::Folder), _) => {
            if ours() {
                if is_there {
                    plan.removed.insert(path.clone(), state);
                }
                plan.folders.insert(path);
            }
        }
        (Some(entry), _) => {
            if ours() {
                plan.written.insert(path, (entry.clone(), state));
            }
        }
    }
}

/// What is at `path` of the folder. A file is read only if it could be one of those that are known there.
fn local(held: &mut Held, path: &str, wanted: &Wanted) -> Result<Local> {
    let all = || wanted.before.iter().chain([&wanted.in_folder]).flatten();
    let (state, executable) = match held.folder.look(path)? {
        AtPath::Nothing => return Ok(Local::Nothing),
        AtPath::Blocked(above) => return Ok(Local::Below(above)),
        AtPath::Folder => return Ok(Local::Folder),
        AtPath::Link(Some(target)) => return Ok(Local::Entry(TreeEntry::Link(target), None)),
        AtPath::Link(None) => return Ok(Local::Else(None)),
        AtPath::Other => return Ok(Local::Other),
        AtPath::File { state, executable } => (state, executable),
    };
    if !all().any(|entry| entry.content().is_some_and(|(_, size)| size == state.size)) {
        return Ok(Local::Else(Some(state)));
    }
    let digest = match held.states.content(path, &state) {
        Some(digest) => digest,
        None => {
            let digest = held.hash(path, &state)?;
            held.note(path, state, digest);
            digest
        }
    };
    // Where the file system keeps no such thing, it is as it is known.
    let known = all().find_map(|entry| match entry {
        TreeEntry::File { digest: known, executable, .. } if *known == digest => Some(*executable),
        _ => None,
    });
    let executable = executable.or(known).unwrap_or(false);
    Ok(Local::Entry(TreeEntry::file(digest, state.size, executable), Some(state)))
}

/// What is in a folder that is to be a file, and would stay there.
fn left_below(held: &Held, plan: &Plan, path: &str) -> Vec<String> {
    let mut left = Vec::new();
    for found in walkdir::WalkDir::new(held.path.join(path)).min_depth(1) {
        let Ok(found) = found else {
            left.push(path.to_owned());
            continue;
        };
        let below = found.path().strip_prefix(&held.path).unwrap_or(found.path());
        let below = below.to_string_lossy();
        if !found.file_type().is_dir() && !plan.removed.contains_key(&*below) {
            left.push(below.into_owned());
        }
    }
    left
}

fn in_the_way(held: &Held, conflicts: &BTreeSet<String>) -> Error {
    let folder = held.path.display();
    let message =
        format!("cannot check out into `{folder}`: what was changed there would be lost: {}", named(conflicts));
    let error = Error::new(ErrorKind::AlreadyExists, message).about(Subject::Path(held.path.clone()));
    error.with_hint(
        "commit it, or move it away; --force, in Rust `CheckoutOptions::force`, replaces files by those of the commit",
    )
}

/// Paths, as an error names them.
pub(super) fn named(paths: &BTreeSet<String>) -> String {
    let first: Vec<String> = paths.iter().take(NAMED).map(|path| format!("`{}`", path.escape_debug())).collect();
    match paths.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
