//! Content on its way out: `datlake cat`, `path`, `url`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use datlake::report::SignedUrl;
use datlake::{File, Lake, RepositoryAddress};
use serde::Serialize;

use super::lake::{as_tree, copy, file};
use super::objects;
use crate::answer::{Answer, Page};
use crate::failure::refused;

const OF_TREE: &str = "`datlake get` copies a tree, and UID//PATH is a file in it";

pub(super) fn cat(lake: &Lake, uids: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    // All are looked up before the first byte is written.
    let mut all = Vec::new();
    for uid in uids {
        all.push(match (lake.resolve_call(uid)?, lake.repository_address(uid)?) {
            (Some(_), _) => Written::Value(json(lake, uid)?),
            (None, Some(of)) => {
                objects::refuse_all(&of)?;
                of.repository.reference(&of.expression).stat(&of.path)?;
                Written::Object(of)
            }
            (None, None) => Written::File(file(lake, uid)?),
        });
    }
    for one in &all {
        if let Written::File(tree) = one
            && as_tree(tree).is_some()
        {
            bail!(refused(format!("cannot write `{tree}` to standard output: it is a tree")).with_hint(OF_TREE));
        }
    }
    for one in &all {
        match one {
            Written::File(file) => copy(file, out)?,
            Written::Object(of) => objects::copy(of, out)?,
            Written::Value(json) => out.write_all(json)?,
        }
    }
    out.flush()?;
    Ok(())
}

/// What is written: content, or what a call returned.
enum Written {
    File(File),
    /// As it is at a branch, also where that is uncommitted.
    Object(RepositoryAddress),
    Value(Vec<u8>),
}

/// What the call `@creator/key` returned, whole.
pub(super) fn json(lake: &Lake, call: &str) -> anyhow::Result<Vec<u8>> {
    let mut json = serde_json::to_vec_pretty(&lake.returned(call)?)?;
    json.push(b'\n');
    Ok(json)
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
