//! `datlake rm`

use std::collections::HashSet;
use std::io::IsTerminal as _;

use anyhow::bail;
use datlake::report::{Damage, Removable, Removal};
use datlake::{CallKey, CreatorName, ErrorKind, Lake, Uid, UidKind};
use serde::Serialize;

use super::objects;
use crate::answer::{Answer, Page, Partly, cannot_be_shown};
use crate::failure::refused;
use crate::screen::Screen;
use crate::text::{escape, files, short};

/// What was removed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Removed {
    removed: Vec<Uid>,
    /// Calls that had returned values and no files.
    values: Vec<(CreatorName, CallKey)>,
    /// Whether copies on this machine were forgotten, and nothing else.
    local: bool,
    /// What hid whether anything else was made from it.
    damaged: Vec<Damage>,
}

impl Answer for Removed {
    fn text(&self, page: &Page) -> String {
        let how = if self.local { "forgot" } else { "removed" };
        let files = self.removed.iter().map(|uid| format!("{how} {}\n", short(uid)));
        let values = self.values.iter().map(|call| format!("{how} {}\n", value(call)));
        page.lines(files.chain(values))
    }
}

/// How to remove.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub(super) recursive: bool,
    pub(super) cascade: bool,
    pub(super) local: bool,
    pub(super) yes: bool,
}

pub(super) fn shown(lake: &Lake, uids: &[String], how: How, screen: &Screen) -> anyhow::Result<Box<dyn Answer>> {
    let of = uids.iter().filter_map(|uid| lake.repository_address(uid).transpose());
    let of: Vec<_> = of.collect::<Result<_, _>>()?;
    match !of.is_empty() && of.len() == uids.len() {
        true => Ok(Box::new(objects::delete(&of, how.recursive)?)),
        false => Ok(Box::new(run(lake, uids, how, screen)?)),
    }
}

fn run(lake: &Lake, uids: &[String], how: How, screen: &Screen) -> anyhow::Result<Removed> {
    let uids = if how.recursive { in_folders(lake, uids)? } else { uids.to_vec() };
    let mut removal = match lake.removal(&uids) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(or_folder(lake, &uids, error)),
        removal => removal?,
    };
    if how.local {
        // Copies alone: what was made from them stays as it is.
        (removal.downstream, removal.damaged) = Default::default();
        if !how.yes {
            would_go(&removal, false, screen);
        }
        agreed(how.yes, screen, "Forget this machine's copies of", removal.files().count())?;
        return forget(lake, &uids);
    }
    let in_use = !removal.downstream.is_empty() || !removal.damaged.is_empty();
    if !how.yes || (in_use && !how.cascade) {
        would_go(&removal, how.cascade, screen);
    }
    if how.cascade || !in_use {
        agreed(how.yes, screen, "Remove", removal.files().count())?;
    }
    // Refuses where something was made from it.
    match lake.apply(&removal, how.cascade) {
        Ok(gone) => {
            let (removed, values) = files_and_values(gone, &removal);
            Ok(Removed { removed, values, local: false, damaged: removal.damaged })
        }
        Err(error) => {
            // What went before it went wrong: the lake knows.
            let gone = |uid: &&Uid| lake.exists(uid.as_str()).is_ok_and(|exists| !exists);
            let removed: Vec<Uid> = removal.files().filter(gone).cloned().collect();
            let some = !removed.is_empty();
            let done = Removed { removed, values: Vec::new(), local: false, damaged: removal.damaged };
            Err(Partly::of(done, some, error.into()))
        }
    }
}

fn forget(lake: &Lake, uids: &[String]) -> anyhow::Result<Removed> {
    let mut removed = Vec::new();
    for uid in uids {
        match lake.forget(&[uid]) {
            Ok(gone) => removed.extend(gone),
            Err(error) => {
                let error = match error.kind() {
                    ErrorKind::InUse => error.with_hint(
                        "`datlake push UID` sends it to the remote; `rm` without --local removes it everywhere",
                    ),
                    _ => error,
                };
                let some = !removed.is_empty();
                return Err(Partly::of(forgotten(removed), some, error.into()));
            }
        }
    }
    Ok(forgotten(removed))
}

fn forgotten(removed: Vec<Uid>) -> Removed {
    Removed { removed, values: Vec::new(), local: true, damaged: Vec::new() }
}

/// The files among what is gone, and the calls that had returned values alone: the lake lists these by a file they never made.
pub(super) fn files_and_values(gone: Vec<Uid>, removal: &Removal) -> (Vec<Uid>, Vec<(CreatorName, CallKey)>) {
    let rows = removal.asked.iter().chain(&removal.downstream).filter(|row| row.files.is_empty());
    let alone: HashSet<_> = rows.filter_map(|row| row.call.as_ref()).collect();
    let (mut files, mut values) = (Vec::new(), Vec::new());
    for uid in gone {
        match uid.kind() {
            UidKind::Output { creator, key, .. } if alone.contains(&(creator.clone(), key)) => {
                values.push((creator, key))
            }
            _ => files.push(uid),
        }
    }
    (files, values)
}

/// A call that returned a value alone.
fn value((creator, key): &(CreatorName, CallKey)) -> String {
    format!("{}/{} (a value, no files)", escape(creator.as_str()), key.short())
}

pub(super) fn agreed(yes: bool, screen: &Screen, what: &str, count: usize) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let hint = "--yes removes without asking";
        bail!(refused("standard input is no terminal on which to confirm, so nothing was removed").with_hint(hint));
    }
    if !asks(screen, count, what)? {
        bail!(refused("nothing was removed"));
    }
    Ok(())
}

/// All names in these folders.
fn in_folders(lake: &Lake, folders: &[String]) -> anyhow::Result<Vec<String>> {
    let mut uids = Vec::new();
    for folder in folders {
        if folder.trim_end_matches('/').is_empty() {
            bail!(refused("cannot remove everything there is: name the folders"));
        }
        let before = uids.len();
        let listing = lake.list_files(folder)?;
        if let Some(damage) = listing.damaged.first() {
            bail!(refused(format!("cannot remove `{folder}`: {}", damage.error)));
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
            let message = format!("`{uid}` is no file, but a folder of {count}");
            return refused(message).with_hint("-r removes all of them").into();
        }
    }
    error.into()
}

/// Shows what would be removed.
pub(super) fn would_go(removal: &Removal, cascade: bool, screen: &Screen) {
    let rows = |rows: &[Removable]| screen.list(rows.iter().map(|row| format!("  {}", removable(row))));
    rows(&removal.asked);
    if !removal.downstream.is_empty() {
        screen.say(if cascade { "Made from that, and would go too:" } else { "Made from that:" });
        rows(&removal.downstream);
    }
    cannot_be_shown(&removal.damaged).iter().for_each(|warning| screen.warning(warning));
}

/// What would go together, on one line.
fn removable(row: &Removable) -> String {
    let files: Vec<_> = row.files.iter().map(short).collect();
    match (&row.call, files.is_empty()) {
        (None, _) => files.join(", "),
        (Some(call), true) => value(call),
        (Some((creator, _)), false) => format!("{} (made by {})", files.join(", "), escape(creator.as_str())),
    }
}

fn asks(screen: &Screen, count: usize, how: &str) -> std::io::Result<bool> {
    let what = match count {
        0 => "this call".to_owned(),
        1 => "this file".to_owned(),
        many => format!("these {}", files(many as u64)),
    };
    let answer = screen.asks(&format!("{how} {what}? [y/N]"))?;
    Ok(answer.is_some_and(|answer| matches!(&*answer, "y" | "Y" | "yes")))
}
