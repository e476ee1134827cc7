//! Content on its way out: `datlake cat`, `path`, `url`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use datlake::Lake;
use datlake::report::SignedUrl;
use serde::Serialize;

use super::lake::{as_tree, copy, file};
use crate::answer::{Answer, Page};
use crate::failure::refused;

const OF_TREE: &str = "`datlake get` copies a tree, and UID//PATH is a file in it";

pub(super) fn cat(lake: &Lake, uids: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    // All are looked up before the first byte is written.
    let files = uids.iter().map(|uid| file(lake, uid)).collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(tree) = files.iter().find(|file| as_tree(file).is_some()) {
        bail!(refused(format!("cannot write `{tree}` to standard output: it is a tree")).with_hint(OF_TREE));
    }
    for file in &files {
        copy(file, out)?;
    }
    out.flush()?;
    Ok(())
}

/// Where content is kept.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct LocalPath {
    uid: String,
    path: PathBuf,
}

/// Paths as they are: other programs read them.
impl Answer for Vec<LocalPath> {
    fn text(&self, _: &Page) -> String {
        self.iter().map(|kept| format!("{}\n", kept.path.display())).collect()
    }
}

pub(super) fn paths(lake: &Lake, uids: &[String]) -> anyhow::Result<Vec<LocalPath>> {
    let mut paths = Vec::new();
    for uid in uids {
        let file = file(lake, uid)?;
        if as_tree(&file).is_some() {
            bail!(refused(format!("`{file}` is a tree, which has no path of its own")).with_hint(OF_TREE));
        }
        paths.push(LocalPath { uid: uid.clone(), path: file.stored_path()? });
    }
    Ok(paths)
}

impl Answer for SignedUrl {
    fn text(&self, _: &Page) -> String {
        format!("{}\n", self.url)
    }

    fn warnings(&self) -> Vec<String> {
        let ends = "the credentials that signed it are temporary: the URL ends when they do, if that is earlier";
        if self.temporary { vec![ends.to_owned()] } else { Vec::new() }
    }
}
