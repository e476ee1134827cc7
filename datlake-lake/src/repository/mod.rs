//! Repositories: branches, tags and commits of a lake.
//!
//! From the bottom up: `shared` (what is read and put), `expression`, `resolve`, `reference`, then `tag`, `branch` and what is done at one, `handle`, which
//! knows them, `transaction`, and `checkout`, which has folders. What cannot be written to has no methods for it.

mod address;
mod ahead;
mod appending;
mod branch;
mod change_set;
mod check_outside;
mod checkout;
mod commit;
mod content;
mod diff;
mod expression;
mod handle;
mod import;
mod import_outside;
mod item;
mod log;
mod merge;
mod once;
mod outside;
mod packed;
mod pieces;
mod reference;
mod resolve;
mod shared;
mod tag;
mod transaction;
mod upload;
mod wishes;

pub use address::RepositoryAddress;
pub use branch::Branch;
pub use change_set::ChangeSet;
pub use checkout::{CheckoutOptions, WorkingCopy};
pub use commit::CommitMessage;
pub use diff::DiffQuery;
pub use handle::{NewRepository, Repository};
pub use log::LogQuery;
pub use merge::{MergeOptions, MergeWinner};
pub use once::BranchPlace;
pub use reference::{ObjectQuery, Reference};
pub use tag::Tag;
pub use transaction::Transaction;
pub use upload::Upload;
