//! The lake that programs use, and files in it.

use std::fmt::Display;
use std::io::{Read, Write};

use anyhow::{Context as _, bail};
use datlake::{Digest, Error, ErrorKind, File, Lake, LakeBuilder, Side, Subject, Tree};

use crate::interrupt;
use crate::progress::Watching;
use crate::screen::Screen;

/// Opens it.
pub(super) fn open(screen: &Screen) -> anyhow::Result<Lake> {
    let lake = LakeBuilder::configured()?.open()?;
    interrupt::watch_over(&lake);
    let watching = Watching::new(*screen);
    lake.observe(move |event| watching.show(event));
    Ok(lake)
}

/// The file called `uid`, which may be abbreviated.
pub(super) fn file(lake: &Lake, uid: &str) -> anyhow::Result<File> {
    Ok(lake.file(lake.resolve(uid)?.as_str())?)
}

/// The only side that is meant.
pub(super) fn side(local: bool, remote: bool) -> Option<Side> {
    if local { Some(Side::Local) } else { remote.then_some(Side::Remote) }
}

/// The file as a tree, if it is one.
pub(super) fn as_tree(file: &File) -> Option<Tree> {
    Tree::try_from(file.clone()).ok()
}

/// Writes the content of `file` to `out`, and checks that it is what it was.
pub(super) fn copy(file: &File, out: &mut dyn Write) -> anyhow::Result<()> {
    copy_from(file.open()?, file, file.digest(), out)
}

/// The same of what was opened as `what`, whose content has this digest.
pub(super) fn copy_from(
    mut reader: impl Read,
    what: &dyn Display,
    digest: Digest,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = reader.read(&mut buffer).with_context(|| format!("cannot read `{what}`"))?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
        out.write_all(&buffer[..n])?;
    }
    has_digest(what, digest, &hasher)
}

/// Makes sure that what was hashed is the content of `what`.
fn has_digest(what: &dyn Display, digest: Digest, hashed: &blake3::Hasher) -> anyhow::Result<()> {
    if Digest::from_bytes(*hashed.finalize().as_bytes()) != digest {
        let message = format!("the content of `{what}` is damaged: its digest is not {digest}");
        let error = Error::new(ErrorKind::Corrupt, message).about(Subject::Digest(digest));
        bail!(error.with_hint("`datlake verify` shows what is damaged, and `datlake repair` looks for a whole copy"));
    }
    Ok(())
}
