//! Lakes, files and trees: all of datlake but calls.
//!
//! Users depend on `datlake`, which hands this on. Whoever serves a lake and runs no call may depend on this alone.
//!
//! Absences:
//! - No call, macro, inventory of creators, thread pool or walk of the stack: the body that code stands in is a
//!   [`Frame`](scope::Frame), whoever runs it.
//! - No ambient state but [`scope`], and the lakes that are open.
//! - Nothing is written to a terminal but by `console`, a feature that `datlake` turns on.
//! - No home directory is needed, and no configuration read, where a [`LakeBuilder`] is given the place of the lake.

mod at_end;
// For the program whose creators are called by name, and who asks it.
#[doc(hidden)]
pub mod calling;
// For the program that makes calls again, and who asks it.
#[doc(hidden)]
pub mod checking;
// For the engine of calls.
#[doc(hidden)]
pub mod claims;
pub mod config;
#[cfg(feature = "console")]
mod console;
mod event;
mod file;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod handle;
// For the index.
#[doc(hidden)]
pub mod indexing;
mod journal;
mod lake;
mod last_packs;
mod located;
mod mode;
mod nearest;
mod origin;
mod rank;
mod receiver;
mod remembered;
pub mod report;
mod repository;
mod requests;
mod setters;
mod sorted;
mod twins;

// For the engine of calls.
#[doc(hidden)]
pub mod provenance;
#[doc(hidden)]
pub mod resources;
#[doc(hidden)]
pub mod scope;
#[doc(hidden)]
pub mod shared_run;
#[doc(hidden)]
pub mod sync;
#[doc(hidden)]
pub use handle::Reporter;
#[doc(hidden)]
pub use lake::{JournalLine, MadeAgain, NewCall, OwedRun, RecordedCall};
pub use lake::{PartsReader, ReceivedPart, UploadPart};

pub use datlake_core::lineage;
pub use datlake_core::lineage::Lineage;
pub use datlake_core::tree::TreeEntry;
pub use datlake_core::{
    CallKey, CodeHash, CreatorName, Digest, Error, ErrorKind, FailedCall, Result, Side, Subject, Uid, UidKind,
};
pub use datlake_store::{AsyncReader, Reader};
pub use event::{CallId, Event, Pace};
pub use file::{AsyncFileWriter, File, FileWriter, LocalFolder, StagedPath, Tree, TreeWriter, Unverified};
pub use handle::Lake;
pub use lake::{
    AsyncLakeWriter, CallOrder, CallQuery, Collect, Condition, Evict, Files, LakeBuilder, LakeWriter, Mirror, Prune,
    Replacing, Rows, Verify, WatchedRun,
};
pub use mode::Mode;
pub use origin::Origin;
pub use rank::is_first;
#[doc(hidden)]
pub use receiver::Receiver;
#[doc(hidden)]
pub use remembered::Remembered;
pub use repository::{
    Branch, BranchPlace, ChangeSet, CheckoutOptions, CommitMessage, DiffQuery, LogQuery, MergeOptions, MergeWinner,
    NewRepository, ObjectQuery, Reference, Repository, RepositoryAddress, Tag, Transaction, Upload, WorkingCopy,
};
pub use resources::given;
pub use scope::{Entered, Here, Scoped, here};
