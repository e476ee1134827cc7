//! Answers about a lake: one type for each, the same for Rust, for `datlake --json` and for people. Data, and nothing else:
//! what asks a lake or changes one is a method of [`Lake`](crate::Lake).
//!
//! What is not known is `None`, in JSON `null`; members that are left out are those of [`lineage`](crate::lineage)'s types, as
//! in records. Times are RFC 3339, UTC, by the clock of the machine that wrote them.
//!
//! ```
//! use datlake::Lake;
//! let lake = Lake::temp()?;
//! lake.add_bytes("greetings/en.txt", b"hello")?;
//! let listing = lake.list_files("greetings")?;
//! assert_eq!((listing.files[0].size, listing.files[0].local), (5, true));
//! assert!(lake.info("greetings/en.txt")?.created_by.is_none());
//! # Ok::<(), datlake::Error>(())
//! ```

mod called;
mod calls;
mod check;
mod checkout;
mod code;
mod compare;
mod contents;
mod files;
mod graph;
mod health;
mod lineage;
mod remote;
mod removal;
mod repositories;
mod runs;
mod sync;
mod text;
mod versions;

use std::fmt;

use datlake_core::Error;
use serde::{Deserialize, Serialize};

pub use called::CalledCall;
pub use calls::{CallEvent, CallExplanation, CallInfo, CallRow, Comparison, FoundCalls, History, ReturnValue, Since};
pub use check::{Check, CheckDifference, CheckOutcome, CheckedCall, FirstDifference};
pub use checkout::{CheckedOut, FolderChange, FolderChangeKind, FolderChanges};
pub use code::{CallSources, CodeExtent, CodeNote, CreatorCode, ItemSource, SourceItem};
pub use compare::{BuildChange, CallDiff, CallPair, ComparedCall, CrateChange};
pub use contents::{CodeSince, FilePreview, GraphSources, NoPreview, PreviewedFile};
pub use datlake_core::Given;
pub use datlake_core::run::{BodyProcess, Outcome, ProcessUsage, Scheduled, SharedRun};
pub use datlake_core::tree::FilesOutside;
pub use datlake_core::{ClosureSize, PackageSize, PulledIn};
pub use files::{
    Contents, CreatedBy, FileInfo, FileRow, FolderRow, InputRow, ListedItem, Listing, ListingPage, OutputRow, PageItem,
    Place,
};
pub use graph::{
    CallCode, CallDetails, GraphCall, GraphCreator, GraphEdge, GraphFile, GraphFolder, GraphItem, GraphNode,
    LineageGraph, after,
};
pub use health::{
    Cleaned, Collected, CollectedLocal, CollectedRemote, Evicted, Finding, FindingKind, RepairOutcome, Repaired,
    RepairedItem, Verified,
};
pub use lineage::{Downstream, DownstreamCall, Upstream, UpstreamFile, UpstreamState};
pub use remote::{Ability, CheckStep, RemoteCheck, RemoteState, SignedObject, SignedUpload, SignedUrl};
pub use removal::{Removable, Removal};
pub use repositories::{
    ChangedOutside, CommitInfo, CommittedCall, Imported, MergeConflict, MergeResult, ObjectChange, ObjectChanges,
    ObjectInfo, ObjectItem, ObjectPage, OutsideAddress, OutsideCheck,
};
pub use runs::{
    CallNow, CreatorDiff, CreatorState, Outbox, OwedRow, ProcessState, RunCall, RunCallDiff, RunCounts, RunDiff,
    RunInfo, RunRow, Runs, SentEvents, SharedRunState,
};
pub use sync::{
    LakeStatus, MirrorOutcome, MirrorRow, Mirrored, PackUse, Pull, Push, PushOutcome, PushRow, Repack, UnpushedRow,
};
pub use text::{escape_control, human_duration, human_size};
pub use versions::{NameHistory, VersionRow};

/// Something that is there and cannot be read.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Damage {
    /// The UID, or the call.
    pub what: String,
    /// What is wrong, on one line.
    pub error: String,
}

/// A row of a list, which in JSON is the row itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Row<T> {
    /// What is listed.
    Whole(T),
    /// What would be, and cannot be read.
    Damaged {
        /// What, and why.
        damaged: Damage,
    },
}

impl Damage {
    #[doc(hidden)]
    pub fn new(what: impl fmt::Display, error: &Error) -> Self {
        Self { what: what.to_string(), error: error.to_string() }
    }
}
