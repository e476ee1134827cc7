//! `datlake get`: what is written appears whole or not at all, and replaces nothing unless it is told to.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use datlake::{File, Lake, Tree};

use super::content::{as_tree, copy};
use super::{Got, Report, file};
use crate::failure::Failure;

pub(super) fn run(lake: &Lake, uid: &str, dest: &Path, force: bool) -> anyhow::Result<Report> {
    let file = file(lake, uid)?;
    let path =
        if dest.is_dir() { dest.join(file.name().rsplit('/').next().unwrap_or_default()) } else { dest.to_owned() };
    let (files, size) = match as_tree(&file) {
        Some(tree) => write_tree(&tree, &path, force)?,
        None => {
            write_file(&file, &path, force)?;
            (1, file.len())
        }
    };
    let uid = file.uid().cloned().unwrap_or(lake.resolve(uid)?);
    Ok(Report::Got(Got { uid, path, size, files }))
}

fn write_file(file: &File, path: &Path, force: bool) -> anyhow::Result<()> {
    let taken = || Failure::new(format!("cannot write `{}`: it exists", path.display())).hint("--force replaces it");
    if path.is_dir() {
        return Err(Failure::new(format!("cannot write `{}`: it is a folder", path.display())).into());
    }
    if !force && path.symlink_metadata().is_ok() {
        return Err(taken().into());
    }
    let failed = || format!("cannot write `{}`", path.display());
    let mut temporary = temporary(0o666).tempfile_in(folder_of(path)).with_context(failed)?;
    copy(file, &mut temporary).with_context(failed)?;
    temporary.flush().with_context(failed)?;
    let persisted = if force { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    match persisted {
        Ok(_) => Ok(()),
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Err(taken().into()),
        Err(e) => Err(e.error).with_context(failed),
    }
}

/// Writes a tree as a folder: how many files, and how large they are together.
fn write_tree(tree: &Tree, path: &Path, force: bool) -> anyhow::Result<(u64, u64)> {
    let files = tree.files()?;
    let size = files.iter().map(File::len).sum();
    if path.symlink_metadata().is_ok() {
        if !force {
            let failure = Failure::new(format!("cannot write `{}`: it exists", path.display()));
            return Err(failure.hint("--force writes into it, and leaves the other files there").into());
        }
        write_all(&files, path, true)?;
    } else {
        let failed = || format!("cannot write `{}`", path.display());
        let folder = temporary(0o777).tempdir_in(folder_of(path)).with_context(failed)?;
        write_all(&files, folder.path(), false)?;
        std::fs::rename(folder.path(), path).with_context(failed)?;
        // It is no longer there to be removed.
        let _ = folder.keep();
    }
    Ok((files.len() as u64, size))
}

fn write_all(files: &[File], folder: &Path, force: bool) -> anyhow::Result<()> {
    for file in files {
        let path = folder.join(file.name());
        let above = folder_of(&path);
        std::fs::create_dir_all(&above).with_context(|| format!("cannot make the folder `{}`", above.display()))?;
        write_file(file, &path, force)?;
    }
    Ok(())
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
