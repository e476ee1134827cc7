//! What several wish of a branch at the same time, and how they wait for it.

use std::sync::{Arc, Mutex, OnceLock};

use datlake_core::Result;
use datlake_core::catalog::GcEpoch;
use datlake_core::lineage::Person;
use datlake_core::repository::Put;

use crate::sync::lock;

/// So many changes are one entry.
pub(super) const BATCH: usize = 1000;

/// What somebody wants to change at a branch.
pub(super) enum Wish {
    /// A file at a path, perhaps only where there is nothing.
    Put { path: String, put: Box<Put>, create_only: bool },
    /// These paths are to go, where something is.
    Delete(Vec<String>),
}

impl Wish {
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Put { .. } => "put a file",
            Self::Delete(_) => "delete files",
        }
    }

    /// How many paths it may change.
    fn len(&self) -> usize {
        match self {
            Self::Put { .. } => 1,
            Self::Delete(paths) => paths.len(),
        }
    }
}

/// A wish, and what became of it.
pub(super) struct Waiting {
    pub(super) wish: Wish,
    /// Before its content was put.
    pub(super) since: GcEpoch,
    /// Who wants it: an entry is somebody's.
    pub(super) person: Option<Person>,
    /// How many paths were changed.
    pub(super) done: OnceLock<Result<usize>>,
}

/// Who waits for a change of one branch.
#[derive(Default)]
pub(super) struct AppendQueue {
    pub(super) waiting: Mutex<Vec<Arc<Waiting>>>,
    /// Whoever holds it appends.
    pub(super) turn: Mutex<()>,
}

impl AppendQueue {
    /// Whoever waits and goes into one entry with `own`, which is the first.
    pub(super) fn take_with(&self, own: &Arc<Waiting>) -> Vec<Arc<Waiting>> {
        let (mut taken, mut count) = (vec![Arc::clone(own)], own.wish.len());
        lock(&self.waiting).retain(|other| {
            let fits = other.since == own.since && other.person == own.person && count + other.wish.len() <= BATCH;
            if Arc::ptr_eq(other, own) {
                return false;
            }
            if fits {
                count += other.wish.len();
                taken.push(Arc::clone(other));
            }
            !fits
        });
        taken
    }
}
