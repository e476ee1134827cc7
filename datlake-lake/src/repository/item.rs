//! What is at a path, as it is shown. A link is shown as a link, and read as the file that it leads to.

use datlake_core::repository::Put;
use datlake_core::tree::TreeEntry;
use datlake_core::{Digest, Result};

use super::resolve::View;
use super::shared::Shared;
use crate::report::ObjectInfo;

/// So many links are followed, each to the next.
const LINKS: usize = 40;

/// What is at a path of a repository.
pub(super) fn object(path: &str, entry: &TreeEntry) -> Option<ObjectInfo> {
    match entry {
        TreeEntry::File { digest, size, executable, .. } => Some(ObjectInfo::new(path, *digest, *size, *executable)),
        TreeEntry::Addressed(file) => Some(ObjectInfo::outside(path, file)),
        TreeEntry::Link(target) => Some(ObjectInfo::link(path, target)),
        TreeEntry::Folder => Some(ObjectInfo::folder(path)),
        _ => None,
    }
}

/// A file of a repository, with what is noted beside it.
pub(super) fn described(path: &str, found: FoundPut) -> Option<ObjectInfo> {
    let FoundPut { put: Put { file, attributes }, range } = found;
    Some(object(path, &file)?.with(attributes).found_in(range)).filter(ObjectInfo::is_file)
}

/// What was put at a path.
pub(super) struct FoundPut {
    pub(super) put: Put,
    /// The range that has it, if it is committed.
    pub(super) range: Option<Digest>,
}

impl Shared {
    /// What is at `path`; where that is a link within the tree, what it leads to, and where that is.
    pub(super) fn followed(&self, view: &View, path: &str) -> Result<Option<(String, TreeEntry)>> {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let Some(entry) = self.entry(view, &path)? else { return Ok(None) };
            match entry.target(&path) {
                Some(target) => path = target,
                None => return Ok(Some((path, entry))),
            }
        }
        Ok(None)
    }

    /// What a list shows of what is at `path`; `as_objects`: to those who know files alone.
    pub(super) fn item(
        &self,
        view: &View,
        path: &str,
        entry: &TreeEntry,
        as_objects: bool,
    ) -> Result<Option<ObjectInfo>> {
        if !as_objects || entry.size().is_some() {
            let noted = self.attributes(view, path)?;
            let range = self.range_of(view, path);
            return Ok(object(path, entry).map(|object| object.with(noted).found_in(range)));
        }
        let Some((at, file)) = self.followed(view, path)?.filter(|(_, file)| file.size().is_some()) else {
            return Ok(None);
        };
        let noted = self.attributes(view, &at)?;
        Ok(object(path, &file).map(|object| object.with(noted).found_in(self.range_of(view, &at))))
    }
}
