//! Calls: what became of them, and why they ran.

use datlake_core::explain::Difference;
use datlake_core::lineage::Param;
use datlake_core::lineage::PersonSource;
use datlake_core::run::BodyFailure;
use datlake_core::{CallKey, CodeHash, CreatorName, Digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CallPair, CodeExtent, CreatedBy, Damage, FileRow, ItemSource, Outcome, OutputRow, Place};

/// Calls, and what could not be read.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct History {
    /// The calls, the latest first.
    pub calls: Vec<CallRow>,
    /// Calls whose records are damaged.
    pub damaged: Vec<Damage>,
}

/// Calls that were looked for, and what could not be read.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FoundCalls {
    /// The calls.
    pub calls: Vec<CallRow>,
    /// Where content was looked for: the names that lead to it.
    pub files: Vec<FileRow>,
    /// How many calls more it would have been, had a parameter not been secret or too large to be kept.
    pub not_compared: u64,
    /// What is damaged or cannot be reached, so that it is not known whether it is one of them.
    pub damaged: Vec<Damage>,
}

/// A call: how it was made, and what became of it since in runs on this machine.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallRow {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// Whether the lake has its value. Else only `history` tells of it: it failed, runs still, or was removed.
    pub remembered: bool,
    /// When the body started that made its value.
    pub started_at: Option<String>,
    /// How long that body took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// Who ran it.
    pub originator: Option<String>,
    /// The machine it ran on.
    pub host: Option<String>,
    /// The run it was part of.
    pub run: Option<String>,
    /// Hash of the code with all that it declares to depend on.
    pub code_hash: Option<CodeHash>,
    /// The arguments in order. Of a secret one only the name.
    pub params: Vec<Param>,
    /// The files it returned, in order.
    pub outputs: Vec<OutputRow>,
    /// What it returned, in JSON; `{"$large": {"bytes": n}}` for what is large, `None` where that is not known.
    pub value: Option<Value>,
    /// What else became of it on this machine, the latest first: as far as its [runs](crate::Lake::runs) are kept.
    pub history: Vec<CallEvent>,
}

/// All there is to know of one call, and what it returned.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallInfo {
    /// The call.
    pub call: CreatedBy,
    /// What it returned.
    pub value: ReturnValue,
    /// When the body started.
    pub created_at: String,
    /// Who ran it.
    pub originator: String,
    /// Where the originator's address was taken from.
    pub originator_source: PersonSource,
    /// The version of datlake that wrote the record.
    pub datlake_version: String,
    /// The lake that was asked.
    pub lake: Place,
}

/// What a call returned.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ReturnValue {
    /// Its canonical digest: it tells this value from others, and is the digest of no content.
    pub digest: Digest,
    /// In bytes, as it is stored.
    pub size: u64,
    /// The value. What JSON has no form for is an object with one key, as in parameters: `{"$file": …}`.
    pub json: Option<Value>,
    /// Why it is not shown, where it is not.
    pub not_shown: Option<String>,
}

/// What became of a call in one run.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallEvent {
    /// When the body began; of what was found, when that was written down, which is later.
    pub at: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How often.
    pub times: u64,
    /// How long the body took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// How the body failed.
    pub failure: Option<BodyFailure>,
    /// Who ran it.
    pub originator: String,
    /// The machine.
    pub host: String,
    /// The run.
    pub run: String,
}

/// Why a call ran, and whether its creator's code is another since: what the records of the lake tell.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallExplanation {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// When the body started.
    pub started_at: String,
    /// Who ran it.
    pub originator: String,
    /// Hash of the code with all that it declares to depend on.
    pub code_hash: CodeHash,
    /// How much code was found that it depends on; `None` where nothing looked for it, or its table is not there.
    pub extent: Option<CodeExtent>,
    /// The nearest earlier call of the creator: one with the same arguments, else the one with the fewest differences; of
    /// several the latest. `None` for the first.
    pub earlier: Option<Comparison>,
    /// Why what it was given differs from what that call was given: pairs of calls upstream, with their differences.
    #[serde(default)]
    pub upstream: Vec<CallPair>,
    /// Whether there were more pairs than are compared.
    #[serde(default)]
    pub left_out: bool,
    /// What came after, where the latest call of the creator ran with other code.
    pub since: Option<Since>,
    /// Calls of the creator whose records are damaged: they were not looked at.
    pub damaged: Vec<Damage>,
}

/// An earlier call, and what differs.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Comparison {
    /// The key of that call.
    pub key: CallKey,
    /// When its body started.
    pub started_at: String,
    /// Who ran it.
    pub originator: String,
    /// What is not the same; never empty.
    pub differences: Vec<Difference>,
    /// The sources of items that changed, where they were asked for.
    pub sources: Vec<ItemSource>,
}

/// How the code of a creator has changed since a call.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Since {
    /// The latest call of the creator.
    pub latest: CallKey,
    /// When its body started.
    pub started_at: String,
    /// Who ran it.
    pub originator: String,
    /// What differs in its code.
    pub differences: Vec<Difference>,
    /// The sources of items that changed, where they were asked for.
    pub sources: Vec<ItemSource>,
    /// The latest call that differs in its code alone: the same call, made again.
    pub again: Option<CallKey>,
    /// Whether that one made the same files.
    pub same_outputs: Option<bool>,
}
