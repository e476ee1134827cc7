//! Content on its way out: `datlake cat`, and what copies share.

use std::io::{Read as _, Write};

use anyhow::Context as _;
use datlake::{Digest, File, Lake, Tree};

use super::{Report, file};
use crate::failure::Failure;

pub(super) fn cat(lake: &Lake, uids: &[String], out: &mut dyn Write) -> anyhow::Result<Report> {
    // All are looked up before the first byte is written.
    let files = uids.iter().map(|uid| file(lake, uid)).collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(tree) = files.iter().find(|file| as_tree(file).is_some()) {
        let hint = "`datlake get` copies a tree, and UID//PATH is a file in it";
        return Err(Failure::new(format!("cannot write `{tree}` to standard output: it is a tree")).hint(hint).into());
    }
    for file in &files {
        copy(file, out)?;
    }
    out.flush()?;
    Ok(Report::Written)
}

/// The file as a tree, if it is one.
pub(super) fn as_tree(file: &File) -> Option<Tree> {
    Tree::try_from(file.clone()).ok()
}

/// Writes the content of `file` to `out`, and checks that it is what it was.
pub(super) fn copy(file: &File, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut reader = file.open()?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = reader.read(&mut buffer).with_context(|| format!("cannot read `{file}`"))?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
        out.write_all(&buffer[..n])?;
    }
    if Digest::from_bytes(*hasher.finalize().as_bytes()) != file.digest() {
        return Err(
            Failure::new(format!("the content of `{file}` is damaged: its digest is not {}", file.digest())).into()
        );
    }
    Ok(())
}
