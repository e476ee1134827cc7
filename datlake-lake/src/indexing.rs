//! For an index of a lake's calls: what it has to know, and what is new.
//!
//! An index is a cache. It says which records may answer a question, and the records answer it.

pub use datlake_store::{CallFolder, DirStore, Mark};

pub use crate::lake::{AskedCalls, CallFacts, CallIndex, IndexedRecord, OrderBy, Relation, WantedValue};

use crate::Lake;

impl Lake {
    /// The store of this machine, which says what is new in it.
    #[doc(hidden)]
    pub fn home_store(&self) -> &DirStore {
        self.local_view().dir()
    }
}
