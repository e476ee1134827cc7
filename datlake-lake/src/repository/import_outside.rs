//! Files that lie outside of the lake, in a branch by one commit, without reading any of them.
//!
//! Invariant: what is held does not grow with how many there are: they are sorted on disk, and ranges are put as they are made.

use std::collections::HashMap;

use datlake_core::tree::{AddressedFile, Metarange, TreeChange, TreeEntry};
use datlake_core::{Digest, Error, ErrorKind, Result};
use datlake_store::{Publishing, name_at_address, wait};

use super::branch::Branch;
use super::commit::{CommitMessage, NewCommit};
use super::pieces::{MadeOf, NewRange, Pieces, span};
use super::reference::check_path;
use super::resolve::View;
use super::shared::{Contents, NewTree, Shared, put};
use crate::lake::in_parallel;
use crate::report::Imported;
use crate::sorted::{Sorted, Sorter};
use crate::sync::lock;

/// So many ranges are put at once.
const RANGES_AT_ONCE: usize = 16;

impl Branch {
    /// Commits the files below `url`, each at `to` and its path from there, without reading or copying them: the commit names their
    /// addresses, with size and time or ETag. `url` is `file:///path/to/folder`, `s3://bucket/folder`, `gs://…` or `az://…`, below an
    /// address that [is allowed](crate::Lake::allow_addresses). Where it is a file itself, that is put at `to`. What is there already is
    /// replaced, and nothing is deleted.
    ///
    /// Whoever reads one reads it where it lies; where it was changed since, that is an error. Nothing of it is in the lake, so no collection,
    /// mirror or push takes it along; [`Reference::file`](crate::Reference::file) and [`Branch::copy_object`] bring it in.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] where nothing allows the address; [`ErrorKind::NotFound`] where there is nothing;
    /// [`ErrorKind::InvalidInput`] for links, pipes and devices, and for a name that no path of a repository can have; as
    /// [`Branch::commit_all`].
    ///
    /// ```
    /// let exports = tempfile::tempdir()?;
    /// std::fs::write(exports.path().join("jan.csv"), "x,1\n")?;
    /// let url = format!("file://{}", exports.path().display());
    /// let lake = datlake::Lake::temp()?;
    /// lake.allow_addresses(&[&url])?;
    /// let main = lake.new_repository("sales").create()?.default_branch();
    /// assert_eq!(main.import_addresses(&url, "raw/", "The exports")?.objects, 1);
    /// assert!(main.stat("raw/jan.csv")?.digest.is_none());
    /// assert_eq!(main.read("raw/jan.csv")?, b"x,1\n");
    /// assert_eq!(main.file("raw/jan.csv")?.digest(), datlake::Digest::of(b"x,1\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn import_addresses(&self, url: &str, to: &str, message: impl Into<CommitMessage>) -> Result<Imported> {
        let (shared, message) = (self.shared(), message.into());
        self.state("import files")?;
        let (found, objects) = self.found(url, to)?;
        loop {
            let publishing = wait(shared.lake.local_view().publishing())?;
            let state = self.state("commit")?;
            let head = shared.commit(&state.commit)?;
            let before = shared.contents((head.tree, head.size), head.attributes)?;
            let tree = shared.with_sorted(&before, &found, &publishing)?;
            if tree.digest == head.tree {
                return Err(Error::new(ErrorKind::Unchanged, format!("{} has all of that already", **self)));
            }
            let (old, new): (View, View) = (before.tree.into(), shared.tree(tree.digest, tree.size)?.into());
            let is_imported =
                |path: &str| -> Result<bool> { Ok(shared.entry(&old, path)? != shared.entry(&new, path)?) };
            let through = state.n;
            let Some(state) = self.keep_uncommitted(&publishing, state, &is_imported)? else { continue };
            let new = NewCommit { tree, merged: None, kept: None, message: message.clone(), through };
            if let Some(commit) = self.land(&publishing, state, new, &shared.author()?)? {
                return Ok(Imported { commit, objects });
            }
        }
    }

    /// The files below `url`, sorted by the paths that they are put at, and how many they are.
    fn found(&self, url: &str, to: &str) -> Result<(Sorted, u64)> {
        let outside = lock(&self.shared().lake.0.outside).clone();
        let (mut sorter, mut objects) = (Sorter::default(), 0);
        wait(outside.list(url, &mut |path, file| {
            let at = match path {
                "" if !to.is_empty() && !to.ends_with('/') => to.to_owned(),
                "" => format!("{to}{}", name_at_address(url).unwrap_or_default()),
                path => format!("{to}{path}"),
            };
            check_path(&at)?;
            if !file.is_valid() {
                let message =
                    format!("cannot import `{}`: its address or its tag cannot stand in a tree", file.address);
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            objects += 1;
            sorter.push(line(&at, &file).as_bytes())
        }))?;
        if objects == 0 {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no file at or below `{url}`")));
        }
        Ok((sorter.sorted()?, objects))
    }
}

/// A file as it is sorted: a tab is before all that a path can have.
fn line(path: &str, AddressedFile { address, size, modified, tag }: &AddressedFile) -> String {
    format!("{path}\t{size}\t{modified}\t{address}\t{tag}")
}

/// What `line` made.
fn change(line: &[u8]) -> Option<TreeChange> {
    let mut parts = std::str::from_utf8(line).ok()?.splitn(5, '\t');
    let path = parts.next()?.to_owned();
    let (size, modified) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (address, tag) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    Some((path, Some(TreeEntry::Addressed(AddressedFile { address, size, modified, tag }.into()))))
}

fn changes(found: &Sorted) -> impl Iterator<Item = Result<TreeChange>> {
    let damaged = || Error::new(ErrorKind::Corrupt, "a temporary file of an import was changed while it was read");
    found.iter().map(move |line| change(&line?).ok_or_else(damaged))
}

impl Shared {
    /// `of` with the files that were found: put into the lake.
    fn with_sorted(&self, of: &Contents, found: &Sorted, publishing: &Publishing) -> Result<NewTree> {
        let made_of = MadeOf { trees: &[&of.tree], put: &HashMap::new(), since: publishing.since };
        let mut ranges = NewRanges {
            shared: self,
            made_of: Some(&made_of).filter(|_| !of.tree.ranges().is_empty()),
            waiting: Vec::new(),
            pieces: Pieces::default(),
        };
        let metarange = of.tree.with_sorted(changes(found), &mut self.load(), &mut |bytes| ranges.put(bytes))?;
        let (digest, size) = ranges.close(metarange)?;
        ranges.made_of = None;
        // Nothing is noted of a file that lies outside.
        let attributes = match of.attributes.ranges() {
            [] => None,
            _ => {
                let none = changes(found).map(|change| change.map(|(path, _)| (path, None)));
                let metarange =
                    of.attributes.with_sorted(none, &mut self.load_attributes(), &mut |bytes| ranges.put(bytes))?;
                match metarange.ranges() {
                    [] => None,
                    _ => Some(ranges.close(metarange)?),
                }
            }
        };
        Ok(NewTree { digest, size, attributes, pieces: ranges.pieces })
    }
}

/// Ranges that are put into the lake, several at a time.
struct NewRanges<'a> {
    shared: &'a Shared,
    /// What the tree of the ranges is made of; `None` for attributes, which have no content.
    made_of: Option<&'a MadeOf<'a>>,
    waiting: Vec<Vec<u8>>,
    pieces: Pieces,
}

impl NewRanges<'_> {
    fn put(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.waiting.push(bytes);
        if self.waiting.len() < RANGES_AT_ONCE { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        if let Some(made_of) = self.made_of {
            let spans = in_parallel(&waiting, |bytes| span(bytes))?;
            let new = waiting
                .iter()
                .zip(spans)
                .filter_map(|(bytes, span)| Some(NewRange { digest: Digest::of(bytes), bytes, span: span? }));
            self.pieces.lead_to_packs(&self.shared.lake, &new.collect::<Vec<_>>(), made_of)?;
        }
        self.pieces.extend(in_parallel(&waiting, |bytes| put(&self.shared.lake, bytes))?.into_iter().collect());
        Ok(())
    }

    /// Puts the tree of these ranges: its digest and size.
    fn close(&mut self, metarange: Metarange) -> Result<(Digest, u64)> {
        self.flush()?;
        let piece = self.shared.put_metarange(metarange)?;
        self.pieces.push(piece);
        Ok(piece)
    }
}
