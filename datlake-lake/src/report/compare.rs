//! What differs between how two files, or two values, were made.

use datlake_core::explain::Difference;
use datlake_core::lineage::Lineage;
use datlake_core::{CallKey, CreatorName};
use serde::{Deserialize, Serialize};

use super::{Damage, ItemSource};

/// What differs between two calls, and between the calls that made what they were given.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallDiff {
    /// The two calls, and then, upstream, pairs of calls that made what differs between those before.
    pub pairs: Vec<CallPair>,
    /// Whether there were more pairs than are compared.
    pub left_out: bool,
    /// Whether both made the same files, and returned the same value.
    pub same_result: bool,
    /// What the two were built with, where it differs.
    pub build: Vec<BuildChange>,
    /// Crates of `Cargo.lock` that differ.
    pub crates: Vec<CrateChange>,
    /// Whether the lock files differ, and one of them is not kept, so that nobody can say how.
    pub lock_unknown: bool,
    /// Calls upstream whose records are damaged: they were not looked at.
    pub damaged: Vec<Damage>,
}

/// Two calls that are compared.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallPair {
    /// The one.
    pub was: ComparedCall,
    /// The other.
    pub now: ComparedCall,
    /// What is not the same; empty for one call and itself.
    pub differences: Vec<Difference>,
    /// The sources of items that changed.
    pub sources: Vec<ItemSource>,
    /// How many more pairs of these creators and of the same code differ in just that, whatever other calls made for them.
    pub alike: u64,
}

/// A call that is compared.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ComparedCall {
    /// The creator.
    pub creator: CreatorName,
    /// The key.
    pub key: CallKey,
    /// When the body started.
    pub started_at: String,
    /// Who ran it.
    pub originator: String,
}

/// Something that two calls were built with, and that differs.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct BuildChange {
    /// What: `rustc`, `target`, `features`, `cfg`, `debug_assertions`.
    pub what: String,
    /// What it was.
    pub was: String,
    /// What it is.
    pub now: String,
}

/// A crate whose versions differ between two lock files.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CrateChange {
    /// Its name.
    pub name: String,
    /// Its versions; a version with another source or checksum is another.
    pub was: Vec<String>,
    /// Its versions in the other.
    pub now: Vec<String>,
}

impl ComparedCall {
    pub(crate) fn of(lineage: &Lineage) -> Self {
        Self {
            creator: lineage.creator.clone(),
            key: lineage.key,
            started_at: lineage.started_at.clone(),
            originator: lineage.person.email.clone(),
        }
    }
}
