//! Folders that are working copies of commits.
//!
//! - What was changed in a folder is never replaced unless that is asked for: all is looked at before anything is written.
//! - Nothing is written outside of the folder, whatever links are in it, or in the commit.
//! - A process that ends anywhere leaves a folder that can be checked out again: it says first which commit is on its way.

mod apply;
mod download;
mod in_place;
mod kept;
mod plan;
mod working_copy;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use datlake_core::{Digest, Error, ErrorKind, Result, Subject};
use datlake_store::{OWN_FOLDER, is_lake};

use self::apply::{Applied, apply};
use self::kept::{CheckoutDocument, Held};
use self::plan::{CheckoutTarget, plan};
use super::reference::Reference;
use super::shared::Shared;
use crate::report::CheckedOut;
use crate::setters::setters;

pub use working_copy::WorkingCopy;

/// How a commit is checked out. See [`Reference::checkout`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckoutOptions {
    force: bool,
}

impl CheckoutOptions {
    setters! {
        /// Whether files that were changed in the folder are replaced by those of the commit. Files that neither the commit nor the one before has
        /// stay, unless they are in the way.
        force: bool;
    }
}

impl Reference {
    /// Makes the folder at `folder` a working copy of the commit that this leads to; of a branch that is its last commit, without what
    /// is uncommitted. It is made if there is none. Of one that is a working copy already only what differs is written, and what was changed
    /// there stays as it is. A process that ends meanwhile can do it again.
    ///
    /// Files are executable and links are links as the commit has them, large files share their bytes with the lake where the disk
    /// can. What [lies outside](crate::Branch::import_addresses) of the lake is downloaded from there, if this machine allows that. What is changed there is committed by [`WorkingCopy::commit`], if this is a branch.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where something that was changed would have to be replaced, with its paths: then nothing is written;
    /// [`ErrorKind::InvalidInput`] for a folder that is a lake, or a working copy of another repository, or has something in
    /// it and is none, and where a path of the commit would be a file and a folder; [`ErrorKind::Busy`] where another process changes the folder;
    /// of what lies outside of the lake [`ErrorKind::Denied`] where nothing allows its address, before anything is written, and
    /// [`ErrorKind::Conflict`] where it is not what was imported; as
    /// [`Reference::commit_info`] and [`File::open`](crate::File::open).
    ///
    /// ```
    /// use datlake::CheckoutOptions;
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let folder = dir.path().join("sales");
    /// let lake = datlake::Lake::temp()?;
    /// let main = lake.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("raw/jan.csv", "x,1\n")?;
    /// main.commit("January")?;
    /// main.checkout(&folder, &CheckoutOptions::default())?;
    /// assert_eq!(std::fs::read(folder.join("raw/jan.csv"))?, b"x,1\n");
    /// std::fs::write(folder.join("raw/feb.csv"), "x,2\n")?;
    /// lake.working_copy(&folder)?.commit("February")?;
    /// assert_eq!(main.read("raw/feb.csv")?, b"x,2\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn checkout(&self, folder: impl AsRef<Path>, how: &CheckoutOptions) -> Result<CheckedOut> {
        let (path, shared) = (folder.as_ref(), self.shared());
        let resolved = self.resolved("check out a commit")?;
        shared.check_whole(&resolved)?;
        let (is_branch, commit) = (resolved.state.is_some(), resolved.commit);
        let before = usable(path, shared, how.force)?;
        let made = fs::create_dir_all(path);
        made.map_err(|e| Error::io("make the folder", path.display(), e))?;
        let mut held = Held::new(path)?;
        // Somebody may have changed it meanwhile.
        let before = if before.is_some() { CheckoutDocument::read(path)? } else { None };
        let mut kept =
            CheckoutDocument::new(shared.document.name.as_str(), shared.incarnation, self.expression(), is_branch);
        if let Some(before) = before {
            (kept.commit, kept.begun) = (before.commit, before.begun);
        }
        let Applied { written, bytes, outside, removed } =
            bring(shared, &mut held, kept, commit, how.force, &BTreeSet::new())?;
        let (repository, reference) = (self.repository_name().to_owned(), self.expression().to_owned());
        Ok(CheckedOut { repository, reference, is_branch, commit, written, bytes, outside, removed })
    }
}

/// What the folder at `path` is a working copy of, if it may be one of this repository.
fn usable(path: &Path, shared: &Shared, force: bool) -> Result<Option<CheckoutDocument>> {
    let refused = |why: &str, hint: &str| {
        let message = format!("cannot check out into `{}`: {why}", path.display());
        let error = Error::new(ErrorKind::InvalidInput, message).about(Subject::Path(path.to_owned()));
        Err(if hint.is_empty() { error } else { error.with_hint(hint) })
    };
    if is_lake(path) {
        return refused("it is a lake", "choose another folder");
    }
    if let Some(kept) = CheckoutDocument::read(path)? {
        if kept.incarnation != shared.incarnation {
            let why = format!("it is a working copy of another repository, called `{}`", kept.repository);
            return refused(&why, "choose another folder");
        }
        return Ok(Some(kept));
    }
    match fs::read_dir(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("read the folder", path.display(), e)),
        Ok(mut found) => match force || found.all(|found| found.is_ok_and(|found| found.file_name() == OWN_FOLDER)) {
            true => Ok(None),
            false => refused(
                "there is something in it, and it is no working copy",
                "choose an empty folder; --force, in Rust `CheckoutOptions::force`, replaces files by those of the commit, and leaves the others",
            ),
        },
    }
}

/// Brings a folder to a commit, but at the paths `except`.
fn bring(
    shared: &Arc<Shared>,
    held: &mut Held,
    mut kept: CheckoutDocument,
    commit: Digest,
    force: bool,
    except: &BTreeSet<String>,
) -> Result<Applied> {
    let mut bases = kept.commits().map(|base| shared.tree_of(&base)).collect::<Result<Vec<_>>>()?;
    if kept.commit.is_none() {
        bases.push(Arc::default());
    }
    let plan = plan(&CheckoutTarget { shared, commit, bases, force, except }, held)?;
    let mut applied = Applied::default();
    if !plan.is_empty() {
        kept.begun.retain(|begun| *begun != commit);
        kept.begun.push(commit);
        held.keep(&kept)?;
        applied = apply(&plan, shared, &commit, held)?;
        if applied.outside.files > 0 {
            held.downloaded.keep(&held.folder)?;
        }
    }
    // What is known of its files is worth something only as long as it is known what they are of.
    held.keep_states()?;
    (kept.commit, kept.begun) = (Some(commit), Vec::new());
    held.keep(&kept)?;
    Ok(applied)
}
