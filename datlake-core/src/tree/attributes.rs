//! What object stores keep beside content: no key sees it, and no tree of a file has it.
//!
//! Writers that came later may note more. Who does not know what that means keeps it, and writes it where the object goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Uid;
use crate::lineage::Moved;

/// What is noted of an object beside its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectAttributes {
    /// Who put it there, on which machine, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<Moved>,
    /// The file that was put there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Uid>,
    /// Its media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What else users noted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What later versions of the format note, as they wrote it.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

impl ObjectAttributes {
    /// Whether nothing is noted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One line, without control characters.
    pub(super) fn line(&self) -> String {
        // Texts and a map of texts can be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}
