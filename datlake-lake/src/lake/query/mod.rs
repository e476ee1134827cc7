//! What a lake is asked, and answers by a [report](crate::report).

mod calls;
mod check;
mod code;
mod compare;
mod downstream;
mod explain;
mod files;
mod find;
mod graph;
mod history;
mod in_tree;
mod listing;
mod page;
mod remote;
mod rows;
mod run_diff;
mod runs;
mod shared_run;
mod status;
mod upstream;
mod values;

pub use check::{MadeAgain, RecordedCall};
pub use find::{
    AskedCalls, CallFacts, CallIndex, CallOrder, CallQuery, Condition, IndexedRecord, OrderBy, Relation, WantedValue,
};
pub use rows::Rows;
pub use shared_run::WatchedRun;

pub(super) use downstream::{Bounds, Read, file_of};
