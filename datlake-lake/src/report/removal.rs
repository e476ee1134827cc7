//! What would be removed.

use datlake_core::{CallKey, CreatorName, Uid};
use serde::{Deserialize, Serialize};

use super::Damage;

/// What would be removed, as [`Lake::removal`](crate::Lake::removal) found it.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Removal {
    /// What was asked for, with all that goes along: of a call, everything that it made.
    pub asked: Vec<Removable>,
    /// What was made from that, directly or not, and is not part of it; the nearest first.
    pub downstream: Vec<Removable>,
    /// What hides whether anything was made from it: calls whose records are damaged; and of what was asked for, files whose
    /// documents are damaged, and trees whose list of files cannot be read.
    pub damaged: Vec<Damage>,
}

/// An added file, or a call with everything it made.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Removable {
    /// The call; `None` for a file that was added.
    pub call: Option<(CreatorName, CallKey)>,
    /// The files that go. A call that returned a value alone has none.
    pub files: Vec<Uid>,
    /// The name that was asked for and has earlier versions: all of them go. `None` else.
    #[serde(default)]
    pub name: Option<Uid>,
    /// Of an earlier version of a name, which keeps its content no more: the path of the mark that says so. `None` else.
    #[serde(default)]
    pub version: Option<String>,
}

impl Removal {
    /// All files that would go, with what was made from them.
    pub fn files(&self) -> impl Iterator<Item = &Uid> {
        self.asked.iter().chain(&self.downstream).flat_map(|one| &one.files)
    }
}
