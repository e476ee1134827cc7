//! What is at a path of a tree.

use super::addressed::AddressedFile;
use super::attributes::ObjectAttributes;
use crate::Digest;

/// What a path of a tree leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TreeEntry {
    /// A file.
    #[non_exhaustive]
    File {
        /// Of its content.
        digest: Digest,
        /// In bytes.
        size: u64,
        /// Whether it may be executed.
        executable: bool,
    },
    /// A file whose content lies outside of the lake, which nobody has read: in the tree of a commit alone.
    Addressed(Box<AddressedFile>),
    /// A symbolic link to another path of the tree, there or not: what is written in it, from the folder that it is in.
    Link(String),
    /// A folder with nothing in it.
    Folder,
    /// What is noted of an object: in the attributes of a commit, and in no other tree.
    Attributes(Box<ObjectAttributes>),
}

impl TreeEntry {
    /// A file.
    pub fn file(digest: Digest, size: u64, executable: bool) -> Self {
        Self::File { digest, size, executable }
    }

    /// Content and size in bytes, of a file that the lake has.
    pub fn content(&self) -> Option<(Digest, u64)> {
        match self {
            Self::File { digest, size, .. } => Some((*digest, *size)),
            Self::Addressed(_) | Self::Link(_) | Self::Folder | Self::Attributes(_) => None,
        }
    }

    /// The size in bytes of a file, wherever its content is.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Addressed(file) => Some(file.size),
            other => other.content().map(|(_, size)| size),
        }
    }

    /// The path of the tree that the link at `path` leads to; `None` for what is no link, and for one that leads out of the tree.
    pub fn target(&self, path: &str) -> Option<String> {
        let Self::Link(target) = self else { return None };
        if target.starts_with('/') || target.chars().any(char::is_control) {
            return None;
        }
        let mut at: Vec<&str> = path.split('/').collect();
        at.pop();
        for part in target.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(at.pop()?),
                name => at.push(name),
            }
        }
        Some(at.join("/"))
    }
}
