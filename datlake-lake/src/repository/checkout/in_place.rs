//! What a working copy knows of files that lie outside of the lake and were downloaded into it: so they are known again.
//!
//! - No commit knows the content of such a file. What was downloaded is noted before it is at its path, so that whoever stops anywhere
//!   knows it again.
//! - A file of which nothing is noted counts as changed: it is never replaced unasked, and a commit of the folder has it as a file of the lake.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use datlake_core::tree::{AddressedFile, TreeEntry};
use datlake_core::{Digest, Result};
use datlake_store::WorkFolder;

use crate::sync::lock;

const NOTES: &str = ".datlake-checkout/in-place";

/// What files that lie outside of the lake were found to hold.
#[derive(Debug, Default)]
pub(super) struct Downloaded(Mutex<HashMap<AddressedFile, Digest>>);

impl Downloaded {
    pub(super) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path.join(NOTES)).unwrap_or_default();
        // What was cut short says nothing, and is nothing.
        Self(Mutex::new(text.lines().filter_map(of_line).collect()))
    }

    /// What a tree has at a path, as a folder has it.
    pub(super) fn in_folder<'e>(&self, entry: &'e TreeEntry) -> Cow<'e, TreeEntry> {
        let TreeEntry::Addressed(file) = entry else { return Cow::Borrowed(entry) };
        match lock(&self.0).get(&**file) {
            Some(digest) => Cow::Owned(TreeEntry::file(*digest, file.size, false)),
            None => Cow::Borrowed(entry),
        }
    }

    /// Notes what was downloaded and is about to be at its path.
    pub(super) fn note(&self, folder: &WorkFolder, file: &AddressedFile, content: Digest) -> Result<()> {
        folder.append(NOTES, line(file, &content).as_bytes())?;
        lock(&self.0).insert(file.clone(), content);
        Ok(())
    }

    /// Forgets all but these.
    pub(super) fn retain(&self, folder: &WorkFolder, needed: &HashSet<&AddressedFile>) -> Result<()> {
        let is_needed = |file: &AddressedFile| needed.contains(file);
        if lock(&self.0).keys().all(is_needed) {
            return Ok(());
        }
        lock(&self.0).retain(|file, _| is_needed(file));
        self.keep(folder)
    }

    /// Writes all that is noted anew, so that it lasts.
    pub(super) fn keep(&self, folder: &WorkFolder) -> Result<()> {
        let text = lock(&self.0).iter().fold(String::new(), |text, (file, content)| text + &line(file, content));
        folder.keep(NOTES, text.as_bytes())
    }
}

/// A line begins with its end of line: so one that was cut short spoils no other.
fn line(AddressedFile { address, size, modified, tag }: &AddressedFile, content: &Digest) -> String {
    let said = format!("{content} {size} {modified} {address} {tag}");
    let mut line = String::new();
    // Writing to a string cannot fail.
    let _ = write!(line, "\n{} {said}", Digest::of(said.as_bytes()).short());
    line
}

fn of_line(line: &str) -> Option<(AddressedFile, Digest)> {
    let (check, said) = line.split_once(' ')?;
    let mut parts = said.splitn(5, ' ');
    let content = parts.next()?.parse().ok()?;
    let (size, modified) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (address, tag) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let is_whole = Digest::of(said.as_bytes()).short() == check;
    is_whole.then_some((AddressedFile { address, size, modified, tag }, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_as_they_were_written_but_those_that_were_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let file = |address: &str, tag: &str| AddressedFile {
            address: address.to_owned(),
            size: 3,
            modified: 7,
            tag: tag.to_owned(),
        };
        let (one, two) = (file("s3://b/a%20b", "a \"tag\" with blanks "), file("file:///a", ""));
        let digest = Digest::of(b"abc");
        let text = line(&one, &digest) + &line(&two, &digest)[..40] + &line(&two, &digest);
        std::fs::create_dir(folder.path().join(".datlake-checkout")).unwrap();
        std::fs::write(folder.path().join(NOTES), &text).unwrap();
        let read = Downloaded::read(folder.path());
        assert_eq!(*lock(&read.0), HashMap::from([(one.clone(), digest), (two, digest)]));
        let whole = line(&one, &digest);
        let whole = whole.trim_start_matches('\n');
        assert_eq!(of_line(whole), Some((one, digest)));
        assert!((0..whole.len()).all(|end| of_line(&whole[..end]).is_none()));
    }
}
