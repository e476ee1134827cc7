//! Calls that were made again, and what came out otherwise.

use datlake_core::lineage::Lineage;
use datlake_core::{CallKey, CreatorName, Digest};
use serde::{Deserialize, Serialize};

/// A recorded call that was to be made again.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CheckedCall {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// What came of it.
    pub outcome: CheckOutcome,
    /// Why it failed, or was not made again.
    pub why: Option<String>,
    /// What came out otherwise, files in the order in which the call returned them.
    pub differences: Vec<CheckDifference>,
    /// Whether it was recorded under another lock file, compiler, target or other features than the program has that made it again;
    /// `None` where the program has no such creator.
    pub environment_changed: Option<bool>,
    /// When the recorded body started.
    pub started_at: String,
    /// Who ran it.
    pub originator: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How long it took this time, in milliseconds.
    pub now_ms: Option<u64>,
}

impl CheckedCall {
    /// What came of making the call of `lineage` again.
    pub fn new(
        lineage: &Lineage,
        outcome: CheckOutcome,
        why: Option<String>,
        differences: Vec<CheckDifference>,
        environment_changed: Option<bool>,
        now_ms: Option<u64>,
    ) -> Self {
        Self {
            creator: lineage.creator.clone(),
            key: lineage.key,
            outcome,
            why,
            differences,
            environment_changed,
            started_at: lineage.started_at.clone(),
            originator: lineage.person.email.clone(),
            duration_ms: lineage.duration_ms,
            now_ms,
        }
    }
}

/// What came of making a call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It made the same files and the same value.
    Same,
    /// It made something else: the function is not deterministic, depends on what is not in its key, or what the lake holds was
    /// changed.
    Different,
    /// Its body failed, or ended the program.
    Failed,
    /// It cannot be made again: `why` says why.
    NotMade,
}

/// A file or a value that came out otherwise.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CheckDifference {
    /// The UID of the file; `None` for the value beside files.
    pub uid: Option<String>,
    /// The file's own name.
    pub name: Option<String>,
    /// The digest in the record; `None` where the call returned fewer files.
    pub was: Option<Digest>,
    /// The digest this time; `None` where it returned fewer.
    pub now: Option<Digest>,
    /// Where they begin to differ; `None` where what was recorded is not there any more.
    pub first: Option<FirstDifference>,
}

/// Where two contents begin to differ.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FirstDifference {
    /// Of a tree the path of the file; of a value where in it, as `.scores[3]`.
    pub path: Option<String>,
    /// How many bytes of a file are the same.
    pub byte: Option<u64>,
    /// Of text: the line, from 1.
    pub line: Option<u64>,
    /// The line, or the part of the value, as it was; cut where it is long.
    pub was: Option<String>,
    /// The same, as it is now.
    pub now: Option<String>,
}

/// Calls that were made again.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Check {
    /// The calls, in the order in which they were to be made.
    pub calls: Vec<CheckedCall>,
    /// How many hits were left out because they were made in the environment that the program has.
    pub unchanged: u64,
}
