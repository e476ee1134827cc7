//! A call that was asked for by name.

use datlake_core::lineage::Lineage;
use datlake_core::{CallKey, CreatorName};
use serde::{Deserialize, Serialize};

use super::{InputRow, OutputRow};

/// A call that a program was asked for by the name of a creator, and what it came to.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CalledCall {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call that answers.
    pub key: CallKey,
    /// Whether it was found, and nothing ran.
    pub skipped: bool,
    /// The files that it was given.
    pub inputs: Vec<InputRow>,
    /// The files that it returned.
    pub outputs: Vec<OutputRow>,
}

impl CalledCall {
    /// A call of which no more is known than which it is.
    pub fn new(creator: CreatorName, key: CallKey, skipped: bool) -> Self {
        Self { creator, key, skipped, inputs: Vec::new(), outputs: Vec::new() }
    }

    /// The one that is remembered so.
    #[must_use]
    pub fn remembered(self, lineage: Lineage) -> Self {
        let Lineage { creator, key, inputs, outputs, .. } = lineage;
        let inputs = inputs.into_iter().map(InputRow::from).collect();
        let outputs = outputs.into_iter().map(OutputRow::from).collect();
        Self { creator, key, inputs, outputs, ..self }
    }
}
