//! What is in a tree: the content of the file that a tree is.

use std::collections::BTreeMap;

use crate::{Digest, Error, ErrorKind, Result, Uid};

/// The first line of a manifest.
const HEADER: &str = "datlake tree 1\n";

/// What a tree's own content says, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest(BTreeMap<String, (Digest, u64)>);

impl Manifest {
    /// Puts a file in it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a name no UID may have, one that is there, and a file that is a folder too.
    pub fn insert(&mut self, name: &str, digest: Digest, size: u64) -> Result<()> {
        Uid::chosen(name)?;
        let wrong =
            |why: &str| Err(Error::new(ErrorKind::InvalidInput, format!("cannot put `{name}` into the tree: {why}")));
        if self.0.contains_key(name) {
            return wrong("there is a file of that name");
        }
        let folders = name.match_indices('/').map(|(at, _)| &name[..at]);
        if folders.into_iter().any(|folder| self.0.contains_key(folder)) || self.below(name) {
            return wrong("one name would be a file and a folder");
        }
        self.0.insert(name.to_owned(), (digest, size));
        Ok(())
    }

    fn below(&self, folder: &str) -> bool {
        let from = format!("{folder}/");
        self.0.range(from.clone()..).next().is_some_and(|(name, _)| name.starts_with(&from))
    }

    /// One line for each file: digest, size, name.
    pub fn to_bytes(&self) -> Vec<u8> {
        use std::fmt::Write as _;
        let mut text = HEADER.to_owned();
        for (name, (digest, size)) in &self.0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{digest} {size} {name}");
        }
        text.into_bytes()
    }

    /// What each file in it is: name, digest and size in bytes.
    pub fn files(&self) -> impl Iterator<Item = (&String, &(Digest, u64))> {
        self.0.iter()
    }

    /// The digest and size of the file `name`.
    pub fn file(&self, name: &str) -> Option<&(Digest, u64)> {
        self.0.get(name)
    }

    /// Reads the manifest of the tree `tree`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes that are no manifest.
    pub fn parse(bytes: &[u8], tree: &dyn std::fmt::Display) -> Result<Self> {
        let corrupt = || Error::new(ErrorKind::Corrupt, format!("`{tree}` is no manifest of a tree"));
        let text = std::str::from_utf8(bytes).map_err(|e| corrupt().because(e))?;
        let lines = text.strip_prefix(HEADER).ok_or_else(corrupt)?;
        let mut manifest = Self::default();
        for line in lines.split_terminator('\n') {
            let mut parts = line.splitn(3, ' ');
            let (Some(digest), Some(size), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(corrupt());
            };
            let size = size.parse().map_err(|e| corrupt().because(e))?;
            let digest = digest.parse().map_err(|e: Error| corrupt().because(e))?;
            manifest.insert(name, digest, size).map_err(|e| corrupt().because(e))?;
        }
        // Only the one spelling counts.
        if manifest.to_bytes() != bytes {
            return Err(corrupt());
        }
        Ok(manifest)
    }
}
