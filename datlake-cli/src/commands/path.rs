//! `datlake path`

use datlake::Lake;

use super::content::as_tree;
use super::{Kept, Report, file};
use crate::failure::Failure;

pub(super) fn run(lake: &Lake, uids: &[String]) -> anyhow::Result<Report> {
    let mut paths = Vec::new();
    for uid in uids {
        let file = file(lake, uid)?;
        if as_tree(&file).is_some() {
            let hint = "`datlake get` copies a tree, and UID//PATH is a file in it";
            return Err(Failure::new(format!("`{file}` is a tree, which has no path of its own")).hint(hint).into());
        }
        paths.push(Kept { uid: uid.clone(), path: file.stored_path()? });
    }
    Ok(Report::Paths(paths))
}
