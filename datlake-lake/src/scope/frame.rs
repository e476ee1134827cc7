//! What a lake asks of the body that the code stands in, whoever runs it.

use std::any::Any;
use std::fmt::{Debug, Display};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use datlake_core::{CreatorName, Digest, Error, FileRef, Result, Uid};
use datlake_store::Staged;

use crate::handle::Lake;

/// A body that runs: what it may read, and what it makes.
pub trait Frame: Any + Debug + Send + Sync {
    /// The lake of its call.
    fn lake(&self) -> &Lake;

    /// The creator whose body it is.
    fn creator(&self) -> &CreatorName;

    /// Whether the code that asks is certainly the body's own, and no job that a pool put on top of it.
    fn is_certain(&self) -> bool;

    /// Whether it may read this content, as far as is known yet. To ask is not to read.
    fn may_read(&self, content: &Digest) -> bool;

    /// Whether it may read content of `lake`, or of the tree `within`; `what` is what people call it.
    fn check_access(&self, lake: &Lake, content: Digest, within: Option<Digest>, what: &dyn Display) -> Result<()>;

    /// A file was looked up by its UID.
    fn note_dynamic_input(&self, uid: &Uid, file: FileRef);

    /// A file of a tree was looked up, which the body may read.
    fn note_member(&self, content: Digest);

    /// Something about the lake that no key knows of kept the body from what it asked for. If it goes on all the same, what
    /// it returns is not worth remembering.
    fn note_failed(&self, error: &Error);

    /// Why the body must fail, whatever it returns.
    fn note_violation(&self, error: Error);

    /// An output called `name` was begun: its number among those.
    fn note_opened(&self, name: &Uid) -> Result<u64>;

    /// The content of an output is complete: of the one that was `opened`, or of one that was never open.
    fn note_staged(&self, name: &Uid, content: Staged, opened: Option<u64>) -> Result<Arc<StagedFile>>;

    /// A staged file went into a tree.
    fn note_used(&self, staged: &StagedFile);
}

/// A file that a body made and has not returned yet.
#[derive(Debug)]
pub struct StagedFile {
    /// Its number in this process.
    pub id: u64,
    /// Its own name.
    pub name: Arc<str>,
    /// Its content.
    pub content: Staged,
    /// The UID it has once the body has returned it.
    pub uid: OnceLock<Uid>,
}

impl StagedFile {
    /// A file called `name`.
    pub fn new(name: &str, content: Staged) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), name: name.into(), content, uid: OnceLock::new() }
    }
}
