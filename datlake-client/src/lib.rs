//! The client of datlake's server, and what datlake sends to others over HTTP: events of OpenLineage, from an outbox that loses none.
//!
//! - [`Client`], [`Repository`], [`Branch`], [`Tag`] and [`Reference`] are the repositories of a server, in the words of lakeFS (feature
//!   `repositories`, on by default).
//! - [`RunningJob`], [`DataflowRef`] and what leads to them by [`Client`] are the runs of jobs, tables and dataflows of a server.
//! - [`openlineage`]: what a call, or a body that began or ended, is as an event.
//! - [`reporter`] sends what the bodies of this process do, while they run. The feature `openlineage` of `datlake` calls it.
//! - [`send`] sends what earlier processes could not.
//!
//! A receiver gets each event at least once, and those of a run in order. No pipeline fails for it, or waits longer than two
//! seconds at its end.

mod courier;
mod endpoint;
mod live;
pub mod openlineage;
mod outbox;
#[cfg(feature = "repositories")]
mod repositories;
#[cfg(feature = "repositories")]
mod runs;

/// The errors of this crate.
#[doc(inline)]
pub use datlake_core::{Error, ErrorKind, Result};
pub use live::reporter;
pub use outbox::send;
#[cfg(feature = "repositories")]
pub use repositories::{
    Branch, BranchTransaction, Change, ChangeType, Client, ClientOptions, Commit, CommonPrefix, ImportFailure,
    ImportManager, ImportResult, ImportStatus, ListOptions, Listed, ListedItem, ObjectInfo, ObjectReader, ObjectWriter,
    PathType, Reference, Repository, RepositoryProperties, ServerConfiguration, ServerStorageConfiguration, Tag,
    default_client, init, repositories, repository,
};
#[cfg(feature = "repositories")]
pub use runs::{
    DataflowFinish, DataflowRef, DataflowStart, LinkedArtifact, LinkedItem, ReadyData, RegisteredSnapshot, RunDetails,
    RunningJob,
};

/// The page of the server, whose code is compiled.
#[cfg(all(doctest, feature = "repositories"))]
#[doc = include_str!("../../docs/guide/server.md")]
mod guide {}

#[cfg(test)]
mod tests;
