//! `datlake rm`

use std::io::IsTerminal as _;

use datlake::{ErrorKind, Lake, Uid};

use super::{Partly, Removed, Report};
use crate::failure::Failure;
use crate::print::Screen;

/// How to remove.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub(super) recursive: bool,
    pub(super) cascade: bool,
    pub(super) local: bool,
    pub(super) yes: bool,
}

pub(super) fn run(lake: &Lake, uids: &[String], how: How, screen: &Screen) -> anyhow::Result<Report> {
    let uids = if how.recursive { in_folders(lake, uids)? } else { uids.to_vec() };
    let mut removal = match lake.removal(&uids) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(or_folder(lake, &uids, error)),
        removal => removal?,
    };
    if how.local {
        // Copies alone: what was made from them stays as it is.
        (removal.downstream, removal.damaged) = Default::default();
        if !how.yes {
            screen.would_go(&removal, false);
        }
        agreed(how.yes, screen, "Forget this machine's copies of", removal.files().count())?;
        return forget(lake, &uids);
    }
    let in_use = !removal.downstream.is_empty() || !removal.damaged.is_empty();
    if !how.yes || (in_use && !how.cascade) {
        screen.would_go(&removal, how.cascade);
    }
    if how.cascade || !in_use {
        agreed(how.yes, screen, "Remove", removal.files().count())?;
    }
    // Refuses where something was made from it.
    match lake.apply(&removal, how.cascade) {
        Ok(removed) => Ok(Report::Removed(Removed { removed, local: false })),
        Err(error) => {
            // What went before it went wrong: the lake knows.
            let gone = |uid: &&Uid| lake.exists(uid.as_str()).is_ok_and(|exists| !exists);
            let removed: Vec<Uid> = removal.files().filter(gone).cloned().collect();
            let some = !removed.is_empty();
            Err(Partly::of(Report::Removed(Removed { removed, local: false }), some, error.into()))
        }
    }
}

fn forget(lake: &Lake, uids: &[String]) -> anyhow::Result<Report> {
    let mut removed = Vec::new();
    for uid in uids {
        match lake.forget(&[uid]) {
            Ok(gone) => removed.extend(gone),
            Err(error) => {
                let error = match error.kind() {
                    ErrorKind::InUse => Failure::new(error.to_string())
                        .hint("`datlake push UID` sends it to the remote; `rm` without --local removes it everywhere")
                        .into(),
                    _ => error.into(),
                };
                let some = !removed.is_empty();
                return Err(Partly::of(Report::Removed(Removed { removed, local: true }), some, error));
            }
        }
    }
    Ok(Report::Removed(Removed { removed, local: true }))
}

pub(super) fn agreed(yes: bool, screen: &Screen, what: &str, count: usize) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let hint = "--yes removes without asking";
        return Err(Failure::new("nobody is there to ask whether to remove, so nothing was").hint(hint).into());
    }
    if screen.asks_to_remove(count, what) {
        return Ok(());
    }
    Err(Failure::new("nothing was removed").into())
}

/// All names in these folders.
fn in_folders(lake: &Lake, folders: &[String]) -> anyhow::Result<Vec<String>> {
    let mut uids = Vec::new();
    for folder in folders {
        if folder.trim_end_matches('/').is_empty() {
            return Err(Failure::new("cannot remove everything there is: name the folders").into());
        }
        let before = uids.len();
        let listing = lake.list_files(folder)?;
        if let Some(damage) = listing.damaged.first() {
            return Err(Failure::new(format!("cannot remove `{folder}`: {}", damage.error)).into());
        }
        uids.extend(listing.files.iter().map(|row| row.uid.to_string()));
        if uids.len() == before {
            // Fails with the nearest names.
            lake.file(folder.trim_end_matches('/'))?;
        }
    }
    Ok(uids)
}

/// That a file is not there may be because it is a folder.
fn or_folder(lake: &Lake, uids: &[String], error: datlake::Error) -> anyhow::Error {
    for uid in uids.iter().filter(|uid| !uid.starts_with('@')) {
        let count = lake.list_files(uid).map_or(0, |listing| listing.files.len());
        if count > 0 && lake.exists(uid.trim_end_matches('/')).is_ok_and(|exists| !exists) {
            let hint = "-r removes all of them";
            return Failure::new(format!("`{uid}` is no file, but a folder of {count}")).hint(hint).into();
        }
    }
    error.into()
}
