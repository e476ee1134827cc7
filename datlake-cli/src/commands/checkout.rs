//! `datlake checkout`, and folders that it made: what `commit` and `diff` do with these.

use std::path::Path;

use datlake::report::{CheckedOut, FolderChange, FolderChangeKind, FolderChanges};
use datlake::{CheckoutOptions, ErrorKind, Lake, RepositoryAddress, WorkingCopy};

use super::repository::address;
use crate::answer::{Answer, Page};
use crate::failure::refused;
use crate::text::{bytes, count, escape};

pub(super) fn checkout(lake: &Lake, text: &str, folder: &Path, force: bool) -> anyhow::Result<CheckedOut> {
    let RepositoryAddress { repository, expression, path, .. } = address(lake, text)?;
    if !path.is_empty() {
        let error = refused(format!("`{text}` has a path: a whole commit is checked out"));
        anyhow::bail!(error.with_hint("`datlake get` writes one file"));
    }
    Ok(repository.reference(&expression).checkout(folder, &CheckoutOptions::default().force(force))?)
}

/// The working copy that is meant, if it is one. What may be a branch is one: a folder of such a name is `./NAME`.
pub(super) fn working_copy(lake: &Lake, text: &str) -> anyhow::Result<Option<WorkingCopy>> {
    if !Path::new(text).is_dir() || lake.repository_address(text)?.is_some() {
        return Ok(None);
    }
    match lake.working_copy(text) {
        // A name of a file of the lake may be one of a folder, too.
        Err(error) if error.kind() == ErrorKind::NotFound && !text.contains(['/', '.']) && lake.exists(text)? => {
            Ok(None)
        }
        copy => Ok(Some(copy?)),
    }
}

impl Answer for CheckedOut {
    fn text(&self, _: &Page) -> String {
        let Self { repository, reference, commit, written, bytes: size, outside, removed, .. } = self;
        let outside = match outside.files {
            0 => String::new(),
            files => format!(", {files} of them from outside of the lake ({})", bytes(outside.bytes)),
        };
        let what = match (written, removed) {
            (0, 0) => "nothing differs".to_owned(),
            (written, removed) => {
                format!("wrote {} ({}){outside}, removed {removed}", count(*written, "file"), bytes(*size))
            }
        };
        format!("{repository}@{} {}: {what}\n", escape(reference), commit.short())
    }

    fn warnings(&self) -> Vec<String> {
        match self.is_branch {
            true => Vec::new(),
            false => {
                let Self { repository, reference, .. } = self;
                vec![format!(
                    "`{repository}@{}` is no branch: what is changed in the folder cannot be committed there, only to a branch that is checked out into it",
                    escape(reference)
                )]
            }
        }
    }
}

impl Answer for FolderChanges {
    fn text(&self, page: &Page) -> String {
        let line = |FolderChange { path, kind, size, outside, .. }: &FolderChange| {
            let sign = match kind {
                FolderChangeKind::Added => '+',
                FolderChangeKind::Deleted => '-',
                _ => '~',
            };
            let size = size.map(|size| format!(" ({})", bytes(size))).unwrap_or_default();
            let outside = outside.as_ref().map(|at| format!(", imported in place from {}", escape(at)));
            format!("{sign} {}{size}{}\n", escape(path), outside.unwrap_or_default())
        };
        match self.items.as_slice() {
            [] => "nothing differs\n".to_owned(),
            items => page.lines(items.iter().map(line)),
        }
    }
}
