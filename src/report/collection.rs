//! What was collected of a lake, and what is about to be.

use serde::Serialize;

/// What a collection did; or, of a dry run, would do.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Collected {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// At the remote; `None` without one.
    pub remote: Option<CollectedRemote>,
    /// In this machine's store; `None` where it was not looked at.
    pub local: Option<CollectedLocal>,
}

/// What a collection did at the remote: what it removed was condemned before.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CollectedRemote {
    /// How many pieces of content were removed.
    pub blobs: u64,
    /// How many bytes they had.
    pub bytes: u64,
    /// How many had been condemned and are needed after all.
    pub spared: u64,
    /// How many pieces of content are condemned now, to be removed by a later collection.
    pub condemned: u64,
    /// How many bytes they have; `None` where another collection condemned them.
    pub condemned_bytes: Option<u64>,
    /// In how many seconds they may be removed.
    pub ready_in_s: u64,
    /// How many more nobody names that are younger than the grace.
    pub young: u64,
}

/// What a collection did in this machine's store.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CollectedLocal {
    /// How many pieces of content were removed.
    pub blobs: u64,
    /// How many bytes they had.
    pub bytes: u64,
}
