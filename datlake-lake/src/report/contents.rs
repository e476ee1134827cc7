//! What is in files, and the code of calls, as far as a lineage graph brings it along.

use datlake_core::{CallKey, CodeHash, CreatorName};
use serde::{Deserialize, Serialize};

use super::{CodeNote, ItemSource, SourceItem};

/// What is in a file, as far as a person looks at it before asking for the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FilePreview {
    /// Text, or the beginning of it.
    Text {
        /// The text.
        text: String,
        /// Whether there is more.
        cut: bool,
    },
    /// A picture that is small enough to be shown.
    Image {
        /// What kind of picture, as `image/png`.
        media_type: String,
        /// Its bytes, in Base64.
        base64: String,
    },
    /// The first files of a tree.
    Tree {
        /// Some of them, sorted by path.
        files: Vec<PreviewedFile>,
        /// How many more there are.
        more: u64,
    },
    /// Nothing can be shown.
    None {
        /// Why not.
        why: NoPreview,
    },
}

/// A file of a tree, in a [`FilePreview`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct PreviewedFile {
    /// Its path in the tree.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Why there is no [`FilePreview`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoPreview {
    /// Its content is not on this machine, and nothing is downloaded for it.
    Away,
    /// It is neither text nor a picture that is known.
    Binary,
    /// It is a picture that is too large.
    Large,
    /// There were enough previews already.
    LeftOut,
    /// Its content cannot be read.
    Unreadable,
}

/// The code that calls of a [`LineageGraph`](super::LineageGraph) ran.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct GraphSources {
    /// The creator.
    pub creator: CreatorName,
    /// Hash of the code, as in the calls that ran it.
    pub hash: CodeHash,
    /// The function, and then what it was found to depend on, as they were.
    pub items: Vec<SourceItem>,
    /// How many more items there are.
    pub more: u64,
    /// What cannot be seen of it.
    pub notes: Vec<CodeNote>,
    /// Why not everything was looked at.
    pub partial: Option<String>,
    /// Why there are no items, where there are none.
    pub why_not: Option<String>,
    /// What is different in the code of the latest call; `None` where that ran the same.
    pub since: Option<CodeSince>,
}

/// The latest call of a creator, which ran other code.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CodeSince {
    /// Its key.
    pub latest: CallKey,
    /// When its body started.
    pub started_at: String,
    /// Who ran it.
    pub originator: String,
    /// Items that were edited, added or are gone, in words.
    pub changes: Vec<String>,
    /// The sources of those that were edited.
    pub sources: Vec<ItemSource>,
}
