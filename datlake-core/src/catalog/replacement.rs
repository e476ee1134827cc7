//! What a name is to lead to, and what of that was tried.

use std::sync::{Mutex, PoisonError};

use crate::record::NameTarget;
use crate::version::Moved;
use crate::{Digest, Uid};

/// What a name is to lead to from now on.
#[derive(Debug)]
pub struct Replacement {
    /// The name.
    pub uid: Uid,
    /// What it is to lead to.
    pub target: NameTarget,
    /// Who moves it.
    pub moved: Moved,
    /// Drawn anew for each replacement, and kept while that is tried.
    pub nonce: String,
    /// The log and its head when it was first tried: what it appended is behind that.
    tried: Mutex<Option<(Digest, u64)>>,
}

impl Replacement {
    /// Nothing of it has been tried yet.
    pub fn new(uid: Uid, target: NameTarget, moved: Moved, nonce: String) -> Self {
        Self { uid, target, moved, nonce, tried: Mutex::default() }
    }

    /// Where what an earlier attempt may have appended begins; `None` for the first attempt in a log.
    pub(super) fn tried_behind(&self, first: Digest, head: u64) -> Option<u64> {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        match *tried {
            Some((log, behind)) if log == first => Some(behind),
            _ => {
                *tried = Some((first, head));
                None
            }
        }
    }
}
