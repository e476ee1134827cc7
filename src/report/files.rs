//! Files as they are shown.

use std::path::PathBuf;

use datlake_core::lineage::{Input, Lineage, Output};
use datlake_core::{Error, ErrorKind, Location, Result};

use super::{Contents, CreatedBy, FileInfo, FileRow, InputRow, OutputRow, Place};
use crate::file::{File, Tree};
use crate::lake::{Lake, refuse_in_body};
use crate::origin::Origin;

impl Lake {
    /// What there is to know of the file called `uid`, which may be [abbreviated](Lake::resolve). Nothing is downloaded but
    /// its documents.
    ///
    /// # Errors
    /// As [`Lake::resolve`]; [`ErrorKind::NotFound`], which names the nearest UIDs; [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.info("greetings/en.txt")?.row.size, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn info(&self, uid: &str) -> Result<FileInfo> {
        refuse_in_body("look at a file's lineage")?;
        let file = self.file(self.resolve(uid)?.as_str())?;
        let origin = file.lineage()?;
        let remote = pollster::block_on(self.in_remote([file.digest()].into()))?;
        let row = row(&file, &origin, remote.contains(&file.digest()))?;
        let place = Place { home: self.home().display().to_string(), remote: self.remote() };
        let (originator_source, host) = match &origin {
            Origin::Added(added) => (added.person.source, added.host.clone()),
            Origin::Call(lineage) => (lineage.person.source, lineage.host.clone()),
        };
        let datlake_version = origin.call().map(|lineage| lineage.datlake_version.clone());
        let source = origin.added().and_then(|added| added.source.clone());
        let created_by = match origin {
            Origin::Added(_) => None,
            Origin::Call(lineage) => Some(CreatedBy::from(*lineage)),
        };
        Ok(FileInfo { row, originator_source, host, source, created_by, datlake_version, lake: place })
    }
}

/// A file as it is shown. `remote` says whether its content is there.
pub(super) fn row(file: &File, origin: &Origin, remote: bool) -> Result<FileRow> {
    let (created_at, originator) = match origin {
        Origin::Added(added) => (added.at.clone(), added.person.email.clone()),
        Origin::Call(lineage) => (lineage.started_at.clone(), lineage.person.email.clone()),
    };
    let uid = file.uid().cloned().ok_or_else(|| {
        Error::new(ErrorKind::Context, format!("`{file}` is not in the lake before its body has returned it"))
    })?;
    let here = file.is_local()?;
    let contents = if here && file.is_tree() { Some(contents(file)?) } else { None };
    Ok(FileRow {
        uid,
        name: file.name().to_owned(),
        digest: file.digest(),
        size: file.len(),
        tree: file.is_tree(),
        contents,
        created_at,
        originator,
        local: here && contents.is_none_or(|contents| contents.local == contents.files),
        remote,
    })
}

impl File {
    /// The read-only file in the lake's directory that holds its content, after a download where that is needed. Unlike
    /// [`path`](File::path) it outlives the process, stays until the content is collected, and is named by its digest.
    ///
    /// # Errors
    /// As [`File::open`]; [`ErrorKind::Context`] in a body, which works on inputs by [`path`](File::path).
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// let file = lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(std::fs::read(file.stored_path()?)?, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn stored_path(&self) -> Result<PathBuf> {
        refuse_in_body("ask where content is kept")?;
        drop(self.open()?);
        Ok(self.lake().home().join(Location::Blob(self.digest()).path()))
    }
}

fn contents(tree: &File) -> Result<Contents> {
    let mut sum = Contents { files: 0, size: 0, local: 0 };
    for file in Tree::try_from(tree.clone())?.files()? {
        sum.files += 1;
        sum.size += file.len();
        sum.local += u64::from(file.is_local()?);
    }
    Ok(sum)
}

pub(crate) fn is_damage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Format | ErrorKind::MissingBlob)
}

impl From<Lineage> for CreatedBy {
    fn from(lineage: Lineage) -> Self {
        let code = lineage.code;
        Self {
            creator: lineage.creator,
            key: lineage.key,
            function: code.function,
            module: code.module,
            package: code.package,
            package_version: code.package_version,
            file: code.file,
            line: code.line,
            commit: code.source.commit,
            code_state: code.source.state,
            branch: code.source.branch,
            repository: code.source.repository,
            permalink: code.source.permalink,
            code_hash: code.hash,
            dependencies: code.dependencies,
            generics: lineage.generics,
            params: lineage.params,
            extras: lineage.extras,
            inputs: lineage.inputs.into_iter().map(InputRow::from).collect(),
            outputs: lineage.outputs.into_iter().map(OutputRow::from).collect(),
            environment: lineage.environment,
            host: lineage.host,
            run: lineage.run,
            duration_ms: lineage.duration_ms,
        }
    }
}

impl From<Input> for InputRow {
    fn from(input: Input) -> Self {
        let Input { argument, uid, name, digest, size } = input;
        Self { argument, uid, name, digest, size }
    }
}

impl From<Output> for OutputRow {
    fn from(output: Output) -> Self {
        let Output { uid, name, digest, size, tree } = output;
        Self { uid, name, digest, size, tree }
    }
}
