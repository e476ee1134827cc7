//! Repositories: branches, tags and commits of a lake.
//!
//! From the bottom up: `shared` (what is read and put), `expression`, `resolve`, `reference`, then `tag`, `branch`, and `handle`, which
//! knows them all. What cannot be written to has no methods for it.

mod address;
mod branch;
mod commit;
mod diff;
mod expression;
mod handle;
mod log;
mod merge;
mod reference;
mod resolve;
mod shared;
mod tag;

pub use branch::Branch;
pub use commit::CommitMessage;
pub use diff::DiffQuery;
pub use handle::{NewRepository, Repository};
pub use log::LogQuery;
pub use merge::{MergeOptions, MergeWinner};
pub use reference::{ObjectQuery, Reference};
pub use tag::Tag;
