//! Repositories: branches, tags and commits over the trees of a lake.
//!
//! - A commit is content: its id is the digest of its bytes, and it leads to a tree and to the commits that it came from. It is one of
//!   a repository where a [mark](crate::Location::CommitMark) says so, or a branch or tag leads to it: content that somebody
//!   uploads is no commit, whatever its bytes.
//! - A branch is a document and a [log](crate::log) behind it. Creating the next entry is all that a writer does to others.
//! - A tag is a document. It never moves.
//!
//! Absences: no clock, and no content but what a loader is asked for.

mod commit;
mod documents;
mod entry;
mod history;
mod names;
mod state;

pub use commit::CommitRecord;
pub use documents::{BranchDocument, RepositoryDocument, TagDocument};
pub use entry::{BranchChanges, BranchEntry, BranchPoint, EntryKind, Put};
pub use history::{CommitWalk, LoadCommit, came_from, merge_bases};
pub use names::{BranchName, RepositoryName, TagName};
pub use state::{BranchState, BranchTree};

#[cfg(test)]
mod golden;

#[cfg(test)]
mod crossed;
