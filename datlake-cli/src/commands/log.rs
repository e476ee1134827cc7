//! `datlake log`: one line for each version of a name.

use datlake::Lake;
use datlake::report::{NameHistory, VersionRow};

use super::objects;
use crate::answer::{Answer, Page};
use crate::text::{bytes, escape, time};

pub(super) fn shown(lake: &Lake, of: &str, limit: Option<usize>) -> anyhow::Result<Box<dyn Answer>> {
    match lake.repository_address(of)? {
        Some(of) => Ok(Box::new(objects::log(&of, limit)?)),
        None => Ok(Box::new(run(lake, of, limit)?)),
    }
}

fn run(lake: &Lake, uid: &str, limit: Option<usize>) -> anyhow::Result<NameHistory> {
    let mut history = lake.log(uid)?;
    history.versions.truncate(limit.unwrap_or(usize::MAX));
    Ok(history)
}

impl Answer for NameHistory {
    fn text(&self, page: &Page) -> String {
        let width = self.versions.iter().map(|version| version.address.chars().count()).max().unwrap_or(0);
        page.lines(self.versions.iter().map(|version| line(version, width)))
    }
}

fn line(version: &VersionRow, width: usize) -> String {
    let VersionRow { address, digest, size, at, originator, host, call, aside, pruned, .. } = version;
    let what = match (digest, size) {
        _ if *pruned => "was pruned".to_owned(),
        (Some(digest), Some(size)) => format!("{} {:>9}", digest.short(), bytes(*size)),
        _ => "its call was removed".to_owned(),
    };
    let how = match call {
        Some((creator, key)) => format!("made by {creator}/{}", key.short()),
        None => "added".to_owned(),
    };
    let aside = if *aside { "; pushed too late: others had replaced it" } else { "" };
    let line = format!("{address:<width$}  {}  {what}  {originator} on {host}, {how}{aside}", time(at));
    format!("{}\n", escape(&line))
}
