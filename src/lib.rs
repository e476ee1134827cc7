//! Memoised, lineage-tracked data pipelines.
//!
//! A function under [`#[file_creator]`](file_creator) never does the same work twice on any machine, moves only the bytes
//! somebody reads, and every file can say which code, inputs and parameters made it.
//!
//! ```
//! use std::io::Write as _;
//! use datlake::{File, Lake, Result, file_creator};
//!
//! /// Counts the words of a text.
//! #[file_creator]
//! fn word_count(corpus: &File) -> Result<File> {
//!     let text = corpus.read_to_string()?;
//!     let mut out = File::create("count.txt")?;
//!     writeln!(out, "{}", text.split_whitespace().count())?;
//!     out.finish()
//! }
//!
//! let lake = Lake::temp()?;
//! let corpus = lake.add_bytes("corpora/alice.txt", b"down the rabbit hole")?;
//! let count = word_count(&corpus)?; // runs once in the life of the lake
//! assert_eq!(count.read_to_string()?, "4\n");
//! println!("{}", count.lineage()?);
//! # Ok::<(), datlake::Error>(())
//! ```

// Generated code says `::datlake`, also in this crate's own tests and doctests.
extern crate self as datlake;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod asked_call;
mod call;
mod check;
mod creators;
#[cfg(doctest)]
mod guide;
mod start;
mod work_stealing;

pub use call::{AsyncCall, AsyncCalls, Call, Calls, Explanation, Status};
pub use creators::{CreatorInfo, creators};
pub use datlake_core::explain::{Change, Difference};
pub use datlake_core::lineage;
pub use datlake_core::lineage::Lineage;
pub use datlake_core::{
    CallKey, Closure, ClosureItem, CodeHash, CreatorName, Digest, Error, ErrorKind, FailedCall, Result, Side, Subject,
    Uid, UidKind,
};
#[doc(inline)]
pub use datlake_lake::{
    AsyncFileWriter, AsyncLakeWriter, Branch, BranchPlace, CallId, CallOrder, CallQuery, ChangeSet, CheckoutOptions,
    Collect, CommitMessage, Condition, DiffQuery, Entered, Event, Evict, File, FileWriter, Files, Here, Lake,
    LakeBuilder, LakeWriter, LocalFolder, LogQuery, MergeOptions, MergeWinner, Mirror, Mode, NewRepository,
    ObjectQuery, Origin, Pace, PartsReader, Prune, ReceivedPart, Reference, Replacing, Repository, RepositoryAddress,
    Rows, Scoped, StagedPath, Tag, Transaction, Tree, TreeEntry, TreeWriter, Unverified, Upload, UploadPart, Verify,
    WatchedRun, WorkingCopy, config, given, here, is_first, report,
};
#[doc = include_str!("attributes/file_creator.md")]
pub use datlake_macros::file_creator;
#[doc = include_str!("attributes/tracked.md")]
pub use datlake_macros::tracked;
pub use datlake_store::{AsyncReader, PutByOthers, Reader, is_address_below};
pub use start::{start, start_async};

/// For the server.
#[doc(hidden)]
pub use datlake_core::repository::BranchName;
/// For the index.
#[doc(hidden)]
pub use datlake_lake::indexing;
/// For the command.
#[doc(hidden)]
pub use datlake_lake::{RecordedCall, calling, checking};
/// For tests of datlake itself.
#[doc(hidden)]
pub mod testing {
    pub use datlake_core::{Created, Entry, Location, Pending, Prefix, Side, Store};
    pub use datlake_store::Wrap;
}
