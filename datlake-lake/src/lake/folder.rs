//! Adding folders: many files at a time, made to last together.
//!
//! What exists on this machine only is synced before a name says that it is there: once for all of them, not once for each.

use std::collections::HashSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake_core::catalog::FileMeta;
use datlake_core::tree::{Metarange, RangeRow, check_sorted};
use datlake_core::{Digest, Result, Uid};
use datlake_store::{Staged, wait};

use super::packing::{FoundEntry, Packing, PutFiles, Source};
use super::parallel::{ONE_BY_ONE, in_parallel};
use super::write::Existing;
use super::{Lake, refuse_in_body};
use crate::event::Event;
use crate::file::{File, LocalFolder, Tree};

/// How many files are named after one look at what is collected.
const AT_A_TIME: usize = 10_000;

impl Lake {
    /// Adds copies of all files below the folder `path` as the tree `uid`, with links, empty folders, and which files are executable.
    ///
    /// # Errors
    /// As [`Lake::add_path`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) that names all that is below it and cannot be in a
    /// lake: names that are no UIDs, such as those that are not UTF-8, links that lead out of it, and what is neither a file nor a
    /// folder, as a pipe. [`LocalFolder::skip_unusable`] leaves that out, [`LocalFolder::follow_links`] adds what links lead to.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let sources = lake.add_tree("datlake/sources", "src")?;
    /// assert!(sources.get("lib.rs")?.len() > 0);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn add_tree(&self, uid: &str, path: impl AsRef<Path>) -> Result<Tree> {
        self.tree_as(uid, path.as_ref(), Existing::Refused)
    }

    pub(super) fn tree_as(&self, uid: &str, path: &Path, existing: Existing) -> Result<Tree> {
        refuse_in_body("add a tree")?;
        Uid::fresh(uid)?;
        self.folder_as(uid, &LocalFolder::read(path)?, existing)
    }

    /// As [`add_tree`](Self::add_tree), of a folder that was looked through.
    ///
    /// # Errors
    /// As [`add_tree`](Self::add_tree).
    pub fn add_folder(&self, uid: &str, folder: &LocalFolder) -> Result<Tree> {
        self.folder_as(uid, folder, Existing::Refused)
    }

    pub(super) fn folder_as(&self, uid: &str, folder: &LocalFolder, existing: Existing) -> Result<Tree> {
        refuse_in_body("add a tree")?;
        let uid = Uid::fresh(uid)?;
        let mut found: Vec<FoundEntry<'_>> =
            folder.entries(self, |name, entry| (name, Source::Below(folder.path()), entry))?;
        found.sort_unstable_by_key(|(path, ..)| *path);
        check_sorted(&found, |(path, ..)| path)?;
        wait(self.contact_remote())?;
        let publishing = wait(self.local_view().publishing())?;
        let packing = Packing::new(self, &uid, &found)?;
        let objects = packing.objects();
        let (PutFiles { ranges, rest }, _) = packing.put_all()?;
        let rows: Vec<RangeRow> = ranges.into_iter().map(|range| range.row).collect();
        let mut contents: Vec<_> =
            rest.contents.iter().map(|content| (content.digest, content.size.unwrap_or(0))).collect();
        contents.extend(rows.iter().map(|row| (row.digest, row.size)));
        let staged = Staged::from_bytes(&self.local_view().scratch()?, &Metarange::new(rows).to_bytes())?;
        let (_, (digest, size)) = self.put(&staged, &uid, objects)?;
        contents.push((digest, size));
        if objects > ONE_BY_ONE {
            self.local_view().dir().sync()?;
        }
        let known = FileMeta { name: uid.file_name().to_owned(), uid, digest, size, tree: true };
        let new = self.new_name(known, None, existing)?;
        let again = std::cell::Cell::new(false);
        let added = self.secured(publishing.since, &contents, |secured| {
            // What was swept in between took what leads to packs along.
            if again.replace(true) {
                wait(self.send_locations(&rest.locations))?;
            }
            self.add_name(self.catalog(), &new, secured)
        })?;
        wait(self.note_made_remote());
        self.note_published();
        Tree::try_from(added)
    }

    /// Adds copies of all files below the folder `path`, each as a file of its own: `photos/2026` and the file's path from
    /// the folder for the prefix `photos/2026`; that path alone for an empty one. Of each: the file, and whether it is new.
    ///
    /// What was added before something fails stays; adding it again changes nothing.
    ///
    /// # Errors
    /// As [`Lake::add_path`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) for a name below it that is no UID,
    /// and for what is neither a file nor a folder, before anything is added.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// std::fs::create_dir(folder.join("cats"))?;
    /// std::fs::write(folder.join("cats/tom.jpg"), "tom")?;
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_each("photos/2026", folder)?;
    /// assert!(lake.exists("photos/2026/cats/tom.jpg")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_each(&self, prefix: &str, path: impl AsRef<Path>) -> Result<Vec<(File, bool)>> {
        self.each_below(prefix, path.as_ref(), Existing::Refused)
    }

    pub(super) fn each_below(&self, prefix: &str, path: &Path, existing: Existing) -> Result<Vec<(File, bool)>> {
        refuse_in_body("add files")?;
        below(prefix)?;
        self.each_of_as(prefix, &LocalFolder::read(path)?, existing)
    }

    /// As [`add_each`](Self::add_each), of a folder that was looked through.
    ///
    /// # Errors
    /// As [`add_each`](Self::add_each).
    pub fn add_each_of(&self, prefix: &str, folder: &LocalFolder) -> Result<Vec<(File, bool)>> {
        self.each_of_as(prefix, folder, Existing::Refused)
    }

    pub(super) fn each_of_as(
        &self,
        prefix: &str,
        folder: &LocalFolder,
        existing: Existing,
    ) -> Result<Vec<(File, bool)>> {
        refuse_in_body("add files")?;
        let below = below(prefix)?;
        let files = folder.files(self, |name| match &below {
            Some(below) => Uid::fresh(&format!("{below}/{name}")),
            None => Uid::fresh(name),
        })?;
        let there: HashSet<Uid> = wait(async {
            self.contact_remote().await?;
            Ok::<_, datlake_core::Error>(self.catalog().names(below.as_ref()).await?.into_iter().collect())
        })?;
        let publishing = wait(self.local_view().publishing())?;
        let content = self.put_all(&files)?;
        let mut catalog = self.catalog().clone();
        if files.len() > ONE_BY_ONE {
            // Their content lasts; that they are named need not, until all are.
            catalog.local = Arc::clone(&catalog.cache);
        }
        let new = |((uid, _), content): (&(Uid, PathBuf), (Digest, u64))| {
            let (uid, name, (digest, size)) = (uid.clone(), uid.file_name().to_owned(), content);
            let known = FileMeta { uid: uid.clone(), name, digest, size, tree: false };
            Ok((uid, content, self.new_name(known, None, existing)?))
        };
        let all = files.iter().zip(content).map(new).collect::<Result<Vec<_>>>()?;
        let mut added = Vec::with_capacity(all.len());
        // Of all it would take longer than there is time.
        for some in all.chunks(AT_A_TIME) {
            let contents: Vec<_> = some.iter().map(|(_, content, _)| *content).collect();
            added.extend(self.secured(publishing.since, &contents, |secured| {
                let added = in_parallel(some, |(uid, _, new)| {
                    let added = self.add_name(&catalog, new, secured)?;
                    Ok(added.map(|file| (file, !there.contains(uid))))
                });
                // The first that has to wait makes all wait: what has its name has it already.
                added.map(|added| added.into_iter().collect())
            })?);
        }
        if files.len() > ONE_BY_ONE {
            self.local_view().dir().sync()?;
        }
        wait(self.note_made_remote());
        self.note_published();
        drop(publishing);
        Ok(added)
    }

    /// Puts the content of files into the lake, where it lasts: the digest and size of each.
    pub(crate) fn put_all<T: Display + Sync>(&self, files: &[(T, PathBuf)]) -> Result<Vec<(Digest, u64)>> {
        let scratch = self.local_view().scratch()?;
        let done = AtomicUsize::new(0);
        let put = in_parallel(files, |(name, path)| {
            let put = self.put(&Staged::copy_of(&scratch, path)?, name, files.len())?;
            self.emit(&Event::Adding { done: done.fetch_add(1, Ordering::Relaxed) + 1, all: files.len() });
            Ok(put)
        })?;
        if put.iter().any(|(unsynced, _)| *unsynced) {
            self.local_view().dir().sync()?;
        }
        Ok(put.into_iter().map(|(_, content)| content).collect())
    }
}

/// The folder in the lake that `prefix` names; `None` for all of it.
fn below(prefix: &str) -> Result<Option<Uid>> {
    let prefix = prefix.trim_end_matches('/');
    if prefix.is_empty() { Ok(None) } else { Uid::fresh(prefix).map(Some) }
}
