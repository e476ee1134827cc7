//! Putting a file once, however often and by whomever that is tried, and whichever reply got lost.
//!
//! - The entry that puts it bears an id. Before each attempt the entries are read that came since the first attempt may have begun, and one with
//!   that id is what was asked for: then nothing is put. So whoever slept over it puts nothing in the place of what came after.
//! - A branch that was deleted and came back is another one.

use std::fmt;
use std::str::FromStr;

use datlake_core::repository::{BranchState, EntryKind, Put};
use datlake_core::{Digest, Error, ErrorKind, LogId, Result};
use datlake_store::wait;

use super::branch::Branch;
use super::shared::{Shared, gone};

/// How far the history of a branch had come: see [`Branch::place`]. As text it can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchPlace {
    repository: Digest,
    first: Digest,
    n: u64,
}

impl BranchPlace {
    fn of(state: &BranchState) -> Result<Self> {
        match &state.log {
            LogId::Branch(repository, _, first) => Ok(Self { repository: *repository, first: *first, n: state.n }),
            LogId::Name(..) => Err(Error::new(ErrorKind::Corrupt, "the log of a branch is one of a name")),
        }
    }

    /// Whether both are of one branch: neither it nor its repository was deleted in between.
    pub fn is_same_branch(&self, other: &Self) -> bool {
        (self.repository, self.first) == (other.repository, other.first)
    }
}

impl fmt::Display for BranchPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.repository, self.first, self.n)
    }
}

impl FromStr for BranchPlace {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (repository, rest) = text.split_once(':')?;
            let (first, n) = rest.split_once(':')?;
            Some(Self { repository: repository.parse().ok()?, first: first.parse().ok()?, n: n.parse().ok()? })
        };
        parse().ok_or_else(|| Error::new(ErrorKind::InvalidInput, "this is no place in the history of a branch"))
    }
}

impl Branch {
    /// How far its history has come, of whoever changed something there: for [`Upload::once`](crate::Upload::once).
    ///
    /// # Errors
    /// As [`Branch::put_bytes`].
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// let place = main.place()?;
    /// main.put_bytes("a.csv", "1")?;
    /// assert!(main.place()? != place && main.place()?.is_same_branch(&place.to_string().parse()?));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn place(&self) -> Result<BranchPlace> {
        BranchPlace::of(&self.state("look how far a branch has come")?)
    }
}

/// By what is known that something was put.
#[derive(Clone, Copy, Debug)]
pub(super) struct Once {
    pub(super) id: Digest,
    pub(super) since: BranchPlace,
}

impl Once {
    /// The nonce of an entry that puts it: no two attempts have the same.
    pub(super) fn nonce(&self, own: &str) -> String {
        format!("{}{own}", self.begins())
    }

    fn begins(&self) -> String {
        format!("once-{}-", self.id)
    }

    /// What was put at `path`, if it was.
    pub(super) fn found(&self, shared: &Shared, state: &BranchState, path: &str) -> Result<Option<Put>> {
        if !BranchPlace::of(state)?.is_same_branch(&self.since) {
            return Err(gone(format!("the branch at which `{path}` was to be put was deleted meanwhile")));
        }
        let begins = self.begins();
        let among = self.since.n + 1..=state.n;
        let is_it = |nonce: &str| nonce.starts_with(&begins);
        let entry = wait(shared.lake.catalog().entry_by(&state.log, among, &is_it))?;
        match entry.map(|entry| entry.what) {
            Some(EntryKind::Changes(mut changes)) => match changes.remove(path).flatten() {
                Some(put) => Ok(Some(put)),
                None => {
                    let message = format!("another path than `{path}` was put by the same id");
                    Err(Error::new(ErrorKind::InvalidInput, message))
                }
            },
            _ => Ok(None),
        }
    }
}
