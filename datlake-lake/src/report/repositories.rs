//! Repositories: commits, objects, and what differs.

use std::collections::BTreeMap;

use datlake_core::tree::{AddressedFile, ObjectAttributes};
use datlake_core::{CallKey, CreatorName, Digest, Uid};
use serde::{Deserialize, Serialize};

/// A commit of a repository.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CommitInfo {
    /// Its id: the digest of what follows.
    pub id: Digest,
    /// The commits that it came from, the one on its own branch first.
    pub parents: Vec<Digest>,
    /// How many commits are before it on the longest way, itself among them.
    pub generation: u64,
    /// When, by the clock of the machine that made it.
    pub at: String,
    /// Who: an address.
    pub committer: String,
    /// Why, in words.
    pub message: String,
    /// What else was noted.
    pub metadata: BTreeMap<String, String>,
    /// Its content: a tree.
    pub tree: Digest,
}

/// What is at a path of a repository: a file, or, where a folder was committed, a link or a folder with nothing in it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ObjectInfo {
    /// Its path.
    pub path: String,
    /// BLAKE3 of its content; absent where that lies outside of the lake, and of what is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Where its content lies, if it was imported without being read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Box<OutsideAddress>>,
    /// What is written in it, if it is a symbolic link: another path, from the folder that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Whether it is a folder with nothing in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub folder: bool,
    /// Its size in bytes; 0 for what is no file.
    pub size: u64,
    /// Whether it may be executed.
    pub executable: bool,
    /// When it was put there, by the clock of the machine that did; absent where nobody noted it, and in what differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_at: Option<String>,
    /// Who put it there: an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_by: Option<String>,
    /// The file of the lake that was put there, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Uid>,
    /// Its media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What else was noted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What leads to its content, should that rest in a pack.
    #[serde(skip)]
    pub(crate) range: FoundIn,
}

/// Where content lies that is in no lake, and by what it is known to be what was imported.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct OutsideAddress {
    /// Its URL.
    pub address: String,
    /// When it was changed last, by the clock of where it lies.
    pub modified: String,
    /// The store's ETag, without quotes; absent in a folder, where the time counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// What clients compare: the ETag, or something of time and size.
    pub checksum: String,
}

/// What was found of files that lie outside of the lake.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct OutsideCheck {
    /// How many were looked at.
    pub checked: u64,
    /// Those that are not what was imported, in the order of their paths' bytes.
    pub changed: Vec<ChangedOutside>,
}

/// A file outside of the lake that is not what was imported.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ChangedOutside {
    /// Its path in the repository.
    pub path: String,
    /// What is otherwise there.
    pub why: String,
}

/// The range that leads to content. It is no part of what an object is.
#[derive(Clone, Debug, Default)]
pub(crate) struct FoundIn(Option<Box<Digest>>);

impl PartialEq for FoundIn {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for FoundIn {}

impl ObjectInfo {
    pub(crate) fn new(path: &str, digest: Digest, size: u64, executable: bool) -> Self {
        Self { digest: Some(digest), size, executable, ..Self::at(path) }
    }

    pub(crate) fn outside(path: &str, file: &AddressedFile) -> Self {
        let since = std::time::Duration::from_nanos(file.modified);
        let modified = humantime::format_rfc3339(std::time::SystemTime::UNIX_EPOCH + since).to_string();
        let etag = Some(file.tag.clone()).filter(|tag| !tag.is_empty());
        let (address, checksum) = (file.address.clone(), file.checksum());
        let outside = Some(Box::new(OutsideAddress { address, modified, etag, checksum }));
        Self { outside, size: file.size, ..Self::at(path) }
    }

    pub(crate) fn link(path: &str, target: &str) -> Self {
        Self { link: Some(target.to_owned()), ..Self::at(path) }
    }

    pub(crate) fn folder(path: &str) -> Self {
        Self { folder: true, ..Self::at(path) }
    }

    fn at(path: &str) -> Self {
        let (digest, outside, link, folder, size, executable) = Default::default();
        let (put_at, put_by, from, content_type, metadata, range) = Default::default();
        let path = path.to_owned();
        Self {
            path,
            digest,
            outside,
            link,
            folder,
            size,
            executable,
            put_at,
            put_by,
            from,
            content_type,
            metadata,
            range,
        }
    }

    pub(crate) fn found_in(self, range: Option<Digest>) -> Self {
        Self { range: FoundIn(range.map(Box::new)), ..self }
    }

    /// The range that leads to its content, should that rest in a pack.
    pub(crate) fn range(&self) -> Option<Digest> {
        self.range.0.as_deref().copied()
    }

    /// Whether it is a file: no link, and no folder.
    pub fn is_file(&self) -> bool {
        self.link.is_none() && !self.folder
    }

    /// What clients compare: the digest of its content, or what its store says in place of one.
    pub fn checksum(&self) -> String {
        match (&self.digest, &self.outside) {
            (Some(digest), _) => digest.to_string(),
            (None, outside) => outside.as_ref().map(|outside| outside.checksum.clone()).unwrap_or_default(),
        }
    }

    /// When it was put there, or of what lies outside of the lake, changed last; `None` where nobody noted that.
    pub fn changed_at(&self) -> Option<&str> {
        self.put_at.as_deref().or(self.outside.as_ref().map(|outside| &*outside.modified))
    }

    /// With what is noted beside its content.
    pub(crate) fn with(self, noted: ObjectAttributes) -> Self {
        let ObjectAttributes { put, from, content_type, metadata, .. } = noted;
        let (put_at, put_by) = put.map(|put| (put.at, put.person.email)).unzip();
        Self { put_at, put_by, from, content_type, metadata, ..self }
    }
}

/// What was imported into a repository.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Imported {
    /// The commit that has it.
    pub commit: CommitInfo,
    /// How many files it put there, also those that were there already.
    pub objects: u64,
}

/// A call that made files of a commit.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CommittedCall {
    /// Its creator.
    pub creator: CreatorName,
    /// Its key.
    pub key: CallKey,
    /// Where the files are that it made, in the order of bytes.
    pub paths: Vec<String>,
}

/// A page of what is at a reference.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ObjectPage {
    /// Files, and common prefixes, in the order of their paths' bytes.
    pub items: Vec<ObjectItem>,
    /// Behind what the next page begins; `None` where this is the last.
    pub next: Option<String>,
}

/// What stands in a page.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ObjectItem {
    /// A file, a link, or an empty folder.
    Object(ObjectInfo),
    /// What several paths begin with, to the delimiter.
    Prefix(String),
}

/// A page of what differs.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ObjectChanges {
    /// What differs, in the order of the paths' bytes.
    pub items: Vec<ObjectChange>,
    /// Behind what the next page begins; `None` where this is the last.
    pub next: Option<String>,
}

/// A path at which something differs.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ObjectChange {
    /// The path.
    pub path: String,
    /// What is there on the left; `None` for what was added.
    pub before: Option<ObjectInfo>,
    /// What is there on the right; `None` for what was removed.
    pub after: Option<ObjectInfo>,
}

/// What became of a merge, a revert or a cherry-pick.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MergeResult {
    /// The commit that it made.
    Merged(CommitInfo),
    /// Nothing was changed: both sides had changed these paths, to different things.
    Conflicts(Vec<MergeConflict>),
}

/// A path that both sides of a merge have changed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct MergeConflict {
    /// The path.
    pub path: String,
    /// What the branch that is merged into has there.
    pub ours: Option<ObjectInfo>,
    /// What the other side has.
    pub theirs: Option<ObjectInfo>,
}

impl ObjectPage {
    /// The files of the page.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectInfo> {
        self.items.iter().filter_map(|item| if let ObjectItem::Object(object) = item { Some(object) } else { None })
    }

    /// The common prefixes of the page.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(|item| if let ObjectItem::Prefix(prefix) = item { Some(&**prefix) } else { None })
    }
}
