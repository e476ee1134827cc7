//! What a store in a directory consists of.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::scratch::Scratch;
use crate::names::Names;

/// What a create promises when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The object outlives a power failure: file and directories were synced.
    Synced,
    /// The object can be fetched again and is not synced. After a power failure it may be missing or cut short.
    Cached,
}

/// A lake in a directory. Cheap to clone; its clones share one [`Scratch`].
#[derive(Clone)]
pub struct DirStore {
    pub(super) shared: Arc<Shared>,
    pub(super) durability: Durability,
}

pub(super) struct Shared {
    pub(super) root: PathBuf,
    pub(super) id: String,
    pub(super) names: Names,
    /// How files are published: what the file system offers is found by trying, from here on.
    pub(super) method: Method,
    pub(super) scratch: Mutex<Option<Scratch>>,
    /// Directories whose own entries, up to the root, are known to outlive a power failure.
    pub(super) lasting: Mutex<HashSet<PathBuf>>,
}

/// How a finished file gets its name without replacing another. What a file system lacks is done by the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Method {
    /// A hard link: everywhere but on FAT and some network file systems.
    Link,
    /// A rename that refuses to replace.
    Rename,
    /// Any rename, under a lock.
    #[cfg_attr(not(test), expect(dead_code, reason = "named only by tests that force it; all others arrive at it"))]
    LockedRename,
}
