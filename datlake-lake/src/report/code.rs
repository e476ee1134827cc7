//! The code of creators: how much of it counts, and how it was and is.

use datlake_core::lineage::CodeState;
use datlake_core::{CallKey, Closure, ClosureSize, CodeHash, CreatorName, PulledIn};
use serde::{Deserialize, Serialize};

/// What a call's result can depend on, in numbers, and what of that cannot be seen.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CodeExtent {
    /// How much code.
    #[serde(flatten)]
    pub size: ClosureSize,
    /// What cannot be seen of it.
    pub notes: Vec<CodeNote>,
    /// Why not everything was looked at.
    pub partial: Option<String>,
}

/// Something that cannot be seen of a call's code.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CodeNote {
    /// Where: package, module path, item.
    pub item: String,
    /// What.
    pub note: String,
}

/// The code that the results of a creator depend on, as its latest call has it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CreatorCode {
    /// The creator.
    pub creator: CreatorName,
    /// The key of its latest call.
    pub key: CallKey,
    /// When the body of that started.
    pub started_at: String,
    /// Hash of the code with all that it depends on.
    pub code_hash: CodeHash,
    /// How much code, and what cannot be seen of it.
    #[serde(flatten)]
    pub extent: CodeExtent,
    /// What the function itself uses, and how much comes in through that alone; the most first.
    pub pulled_in: Vec<PulledIn>,
}

/// The source of an item that differs between two calls.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ItemSource {
    /// Package, module path, item.
    pub item: String,
    /// Its source in the earlier of the two; `None` where that was found neither in the lake, nor in git, nor on the disk.
    pub was: Option<String>,
    /// Its source in the later one, likewise.
    pub now: Option<String>,
}

/// The code of a call, as it was when it ran.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallSources {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// When the body started.
    pub started_at: String,
    /// Who ran it.
    pub originator: String,
    /// Whether a commit has this code.
    pub state: CodeState,
    /// That commit; of uncommitted code the one it grew from.
    pub commit: Option<String>,
    /// The function, and then what it was found to depend on.
    pub items: Vec<SourceItem>,
    /// What cannot be seen of it.
    pub notes: Vec<CodeNote>,
    /// Why not everything was looked at.
    pub partial: Option<String>,
}

/// An item of a call's code.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct SourceItem {
    /// Package, module path, item.
    pub item: String,
    /// Source file, relative to the workspace.
    pub file: String,
    /// Its first line, from 1.
    pub line: u32,
    /// Its source; `None` where that was found neither in the lake, nor in git, nor on the disk.
    pub text: Option<String>,
}

impl CodeExtent {
    pub(crate) fn of(closure: &Closure) -> Self {
        let note = |(item, note): &(String, String)| CodeNote { item: item.clone(), note: note.clone() };
        Self { size: closure.size(), notes: closure.notes.iter().map(note).collect(), partial: closure.partial.clone() }
    }
}
