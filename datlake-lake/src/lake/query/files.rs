//! Files as they are shown.

use datlake_core::{Error, ErrorKind, Result, Uid};
use datlake_store::wait;

use crate::file::{File, Tree};
use crate::lake::{Lake, refuse_in_body};
use crate::origin::Origin;
use crate::report::{Contents, CreatedBy, FileInfo, FileRow, Place};

impl Lake {
    /// What there is to know of the file called `uid`, which may be [abbreviated](Lake::resolve). Nothing is downloaded but
    /// its documents.
    ///
    /// # Errors
    /// As [`Lake::resolve`]; [`ErrorKind::NotFound`], which names the nearest UIDs; [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.info("greetings/en.txt")?.row.size, 5);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn info(&self, uid: &str) -> Result<FileInfo> {
        refuse_in_body("look at a file's lineage")?;
        let asked = self.resolve(uid)?;
        let file = self.file(asked.as_str())?;
        let origin = file.lineage()?;
        let version = wait(self.version_asked(&asked))?.filter(|version| version.replaced_by.is_some());
        let (version, replaced_by) = version.map(|version| (version.address, version.replaced_by)).unzip();
        let row = row(&file, &origin, wait(file.is_at_remote())?, Counting::All)?;
        let place = Place { home: self.home().display().to_string(), remote: self.remote() };
        let (originator_source, host) = match &origin {
            Origin::Added(added) => (added.person.source, added.host.clone()),
            Origin::Call(lineage) => (lineage.person.source, lineage.host.clone()),
        };
        let datlake_version = origin.call().map(|lineage| lineage.datlake_version.clone());
        let source = origin.added().and_then(|added| added.source.clone());
        let created_by = match origin {
            Origin::Added(_) => None,
            Origin::Call(lineage) => {
                // Information about it is complete without.
                let extent = wait(self.extent(&lineage)).unwrap_or_default();
                Some(CreatedBy { extent, ..CreatedBy::from(*lineage) })
            }
        };
        let replaced_by = replaced_by.flatten();
        Ok(FileInfo {
            row,
            version,
            replaced_by,
            originator_source,
            host,
            source,
            created_by,
            datlake_version,
            lake: place,
        })
    }
}

/// In a list, the files that are here are counted of a tree with so many at most: all names in it are read for that.
const COUNTED: u64 = 10_000;

/// Of which trees the files that are here are counted.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Counting {
    All,
    /// Of those that are not large.
    Small,
}

/// A file as it is shown. `remote` says whether its content is there.
pub(super) fn row(file: &File, origin: &Origin, remote: bool, counting: Counting) -> Result<FileRow> {
    let (created_at, originator) = match origin {
        Origin::Added(added) => (added.at.clone(), added.person.email.clone()),
        Origin::Call(lineage) => (lineage.started_at.clone(), lineage.person.email.clone()),
    };
    let uid = uid_of(file)?;
    let here = file.is_local()?;
    let contents = if here && file.is_tree() { Some(contents(file, counting)?) } else { None };
    let elsewhere = match here || remote {
        true => None,
        false => file.lake().local_view().elsewhere(&file.digest()).map(|there| there.to_string()),
    };
    Ok(FileRow {
        uid,
        name: file.name().to_owned(),
        digest: file.digest(),
        size: file.len(),
        tree: file.is_tree(),
        contents,
        created_at,
        originator,
        local: here && contents.is_none_or(|contents| contents.local == Some(contents.files)),
        remote,
        elsewhere,
    })
}

/// What a file of the lake is called.
pub(super) fn uid_of(file: &File) -> Result<Uid> {
    file.uid().cloned().ok_or_else(|| {
        Error::new(ErrorKind::Context, format!("`{file}` is not in the lake before its body has returned it"))
    })
}

fn contents(tree: &File, counting: Counting) -> Result<Contents> {
    let tree = Tree::try_from(tree.clone())?;
    let (files, size) = tree.totals()?;
    let is_counted = counting == Counting::All || files <= COUNTED;
    let local = if is_counted { Some(tree.files_here()?) } else { None };
    Ok(Contents { files, size, local })
}
