//! `datlake add`

use std::path::Path;

use anyhow::Context as _;
use datlake::{Digest, File, Lake};

use super::content::as_tree;
use super::{Added, Report};
use crate::failure::Failure;

/// What is to be added, and how.
pub(super) struct What<'a> {
    pub(super) path: &'a Path,
    pub(super) uid: &'a str,
    pub(super) recursive: bool,
    pub(super) moving: bool,
}

pub(super) fn run(lake: impl FnOnce() -> anyhow::Result<Lake>, what: What<'_>) -> anyhow::Result<Report> {
    let What { path, uid, recursive, moving } = what;
    let stdin = path == Path::new("-");
    check(&what, stdin)?;
    let lake = lake()?;
    let new = !lake.exists(uid)?;
    let file = if stdin {
        lake.add_reader(uid, &mut std::io::stdin().lock())?
    } else if recursive {
        lake.add_tree(uid, path)?.as_file().clone()
    } else {
        lake.add_path(uid, path)?
    };
    let members = as_tree(&file).map(|tree| tree.files()).transpose()?;
    if moving {
        match &members {
            None => remove_source(path, &file)?,
            Some(members) => remove_folder(path, members)?,
        }
    }
    let (files, size) = match &members {
        None => (None, file.len()),
        Some(members) => (Some(members.len() as u64), members.iter().map(File::len).sum()),
    };
    Ok(Report::Added(Added { uid: uid.to_owned(), digest: file.digest(), size, files, new, moved: moving }))
}

/// What cannot be, before the lake is touched.
fn check(what: &What<'_>, stdin: bool) -> anyhow::Result<()> {
    let path = what.path.display();
    if stdin && (what.recursive || what.moving) {
        return Err(Failure::new("standard input is neither a folder nor can it be moved").into());
    }
    if !stdin && !what.recursive && what.path.is_dir() {
        let failure = Failure::new(format!("cannot add `{path}`: it is a folder"));
        return Err(failure.hint("-r adds it as one tree").into());
    }
    let text = what.path.to_string_lossy();
    if (text.starts_with("http://") || text.starts_with("https://")) && !what.path.exists() {
        let failure = Failure::new("cannot add a URL: only files, folders and standard input can be added");
        return Err(failure.hint("`curl -fL URL | datlake add - UID` does").into());
    }
    Ok(())
}

/// Removes a file that the lake has, byte for byte.
fn remove_source(path: &Path, file: &File) -> anyhow::Result<()> {
    let stays = || format!("`{file}` is in the lake, but `{}` could not be removed", path.display());
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path).with_context(stays)?).with_context(stays)?;
    if Digest::from_bytes(*hasher.finalize().as_bytes()) != file.digest() || !file.is_local()? {
        return Err(Failure::new(format!("{}: it has changed since it was added", stays())).into());
    }
    std::fs::remove_file(path).with_context(stays)
}

/// Removes the files of a folder that the lake has, and the folders that are empty then.
fn remove_folder(folder: &Path, members: &[File]) -> anyhow::Result<()> {
    let mut folders = std::collections::BTreeSet::new();
    for member in members {
        let path = folder.join(member.name());
        remove_source(&path, member)?;
        folders.extend(path.ancestors().skip(1).take_while(|above| above.starts_with(folder)).map(Path::to_owned));
    }
    folders.insert(folder.to_owned());
    for empty in folders.iter().rev() {
        // A folder with something new in it stays.
        let _ = std::fs::remove_dir(empty);
    }
    Ok(())
}
