//! Files, and how they came to be.

use datlake_core::lineage::{
    CodeState, Dependency, Environment, Input, Lineage, Output, Param, PersonSource, ValueInput,
};
use datlake_core::run::BodyProcess;
use datlake_core::{CallKey, CodeHash, CreatorName, Digest, Uid};
use serde::{Deserialize, Serialize};

use super::{CodeExtent, Damage, VersionRow};

/// Files, and what could not be read.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Listing {
    /// The files, sorted by UID.
    pub files: Vec<FileRow>,
    /// Where one level was asked for, the folders in it, sorted.
    pub folders: Vec<FolderRow>,
    /// Names whose documents are damaged.
    pub damaged: Vec<Damage>,
}

/// A page of the files and folders of one level.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListingPage {
    /// Sorted by name.
    pub items: Vec<PageItem>,
    /// Behind what the next page begins; `None` for the last one.
    pub next: Option<String>,
    /// Names on it whose documents are damaged.
    pub damaged: Vec<Damage>,
}

/// What stands on a page of one level.
#[derive(Clone, Debug, PartialEq)]
pub enum PageItem {
    /// A file.
    File(FileRow),
    /// A folder: what the names in it start with, without the slash. How many there are is not counted: that takes as long as there are.
    Folder(Uid),
}

/// What stands in a list of files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum ListedItem {
    /// A file.
    File(FileRow),
    /// A folder, where one level was asked for.
    Folder(FolderRow),
}

/// A folder of chosen names in a list.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FolderRow {
    /// What the names in it start with, without the slash.
    pub prefix: Uid,
    /// How many there are, in its folders too.
    pub files: u64,
}

/// A file in a list.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FileRow {
    /// Its UID.
    pub uid: Uid,
    /// Its own name.
    pub name: String,
    /// BLAKE3 of its content.
    pub digest: Digest,
    /// Its size in bytes; of a tree: of its own list.
    pub size: u64,
    /// Whether it is a tree.
    pub tree: bool,
    /// What is in the tree, where its lists are on this machine.
    pub contents: Option<Contents>,
    /// When it was added, or when the body that made it started.
    pub created_at: String,
    /// Who added it, or ran the call that made it.
    pub originator: String,
    /// Whether all of its content is known to be on this machine: not of a tree whose files were not counted.
    pub local: bool,
    /// Whether its content is in the remote; of a tree: its own list.
    pub remote: bool,
    /// Where its content is, if neither of them has it and a store that is not configured now does.
    #[serde(default)]
    pub elsewhere: Option<String>,
}

/// What is in a tree.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Contents {
    /// How many files; links aside.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub size: u64,
    /// How many of them are on this machine. Lists do not count them in a tree of more than 10 000 files;
    /// [`Lake::info`](crate::Lake::info) always does.
    pub local: Option<u64>,
}

/// All there is to know of one file.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FileInfo {
    /// What a list shows of it.
    #[serde(flatten)]
    pub row: FileRow,
    /// Of an earlier version of a name: by which address it is asked for now, as `raw.csv@{1}`.
    #[serde(default)]
    pub version: Option<String>,
    /// What replaced it: by whom, when and by which call.
    #[serde(default)]
    pub replaced_by: Option<VersionRow>,
    /// Where the originator's address was taken from.
    pub originator_source: PersonSource,
    /// The machine on which it was added or made.
    pub host: String,
    /// The URL it was downloaded from, without what is secret in one; `None` for any other.
    pub source: Option<String>,
    /// The call that made it; `None` for one that was added.
    pub created_by: Option<CreatedBy>,
    /// The version of datlake that wrote the call's record.
    pub datlake_version: Option<String>,
    /// The lake that was asked.
    pub lake: Place,
}

/// Where a lake is.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Place {
    /// The directory on this machine.
    pub home: String,
    /// The remote, without credentials.
    pub remote: Option<String>,
}

/// The call that made a file.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CreatedBy {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// The name of the function.
    pub function: String,
    /// Its module path, starting with the crate.
    pub module: String,
    /// The package it is part of.
    #[serde(rename = "crate")]
    pub package: String,
    /// The package's version.
    #[serde(rename = "crate_version")]
    pub package_version: String,
    /// Source file, relative to the package.
    pub file: String,
    /// Line of the attribute, from 1.
    pub line: u32,
    /// The commit that holds the code; for uncommitted code the one it grew from.
    pub commit: Option<String>,
    /// Whether a commit holds exactly this code.
    pub code_state: CodeState,
    /// Whether any tracked file of the repository was modified.
    pub dirty: Option<bool>,
    /// The branch that was checked out.
    pub branch: Option<String>,
    /// The repository's remote, without credentials.
    pub repository: Option<String>,
    /// A link to the lines, on forges whose links are known, for a commit that others can look up.
    pub permalink: Option<String>,
    /// Whether no branch of a remote had the commit when the call ran, as far as its repository knew.
    pub local_only: bool,
    /// Why the repository around the code could not be read.
    pub not_read: Option<String>,
    /// Hash of the code with all that it declares to depend on.
    pub code_hash: CodeHash,
    /// What the code depends on, directly or not.
    pub dependencies: Vec<Dependency>,
    /// How much code was found that it depends on; `None` where nothing looked for it, or its table is not there.
    pub extent: Option<CodeExtent>,
    /// Type and const parameters, as `(name, value)`.
    pub generics: Vec<(String, String)>,
    /// The arguments in order. Of a secret one only the name.
    pub params: Vec<Param>,
    /// What the expressions of `key(…)` gave.
    pub extras: Vec<Param>,
    /// The files the call was given, or got by itself.
    pub inputs: Vec<InputRow>,
    /// The values it was given that other calls returned, as far as the process that ran it knew.
    pub values: Vec<ValueInput>,
    /// How many more such values there were.
    pub values_left_out: u64,
    /// Arguments that hold values and did not come from a call that is known.
    pub unknown: Vec<String>,
    /// The files the call returned, in order.
    pub outputs: Vec<OutputRow>,
    /// What the code was built with.
    pub environment: Environment,
    /// The machine it ran on.
    pub host: String,
    /// The run it was part of.
    pub run: String,
    /// What is known of that process, where it was not started alone.
    pub process: Option<BodyProcess>,
    /// How long the body took, in milliseconds.
    pub duration_ms: u64,
}

/// A file that a call was given, or got by itself.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct InputRow {
    /// The argument that held it; `None` for one that the body got by itself.
    pub argument: Option<String>,
    /// Its UID; `None` for an intermediate that never got one.
    pub uid: Option<Uid>,
    /// Its own name.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// A file that a call returned.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct OutputRow {
    /// Its UID.
    pub uid: Uid,
    /// Its own name.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is a tree.
    pub tree: bool,
}

impl From<Lineage> for CreatedBy {
    fn from(lineage: Lineage) -> Self {
        let unknown = lineage.unknown().into_iter().map(str::to_owned).collect();
        let code = lineage.code;
        Self {
            creator: lineage.creator,
            key: lineage.key,
            function: code.function,
            module: code.module,
            package: code.package,
            package_version: code.package_version,
            file: code.file,
            line: code.line,
            commit: code.source.commit,
            code_state: code.source.state,
            dirty: code.source.dirty,
            branch: code.source.branch,
            repository: code.source.repository,
            permalink: code.source.permalink,
            local_only: code.source.local_only,
            not_read: code.source.not_read,
            code_hash: code.hash,
            dependencies: code.dependencies,
            extent: None,
            generics: lineage.generics,
            params: lineage.params,
            extras: lineage.extras,
            inputs: lineage.inputs.into_iter().map(InputRow::from).collect(),
            values: lineage.values,
            values_left_out: lineage.values_left_out,
            unknown,
            outputs: lineage.outputs.into_iter().map(OutputRow::from).collect(),
            environment: lineage.environment,
            host: lineage.host,
            run: lineage.run,
            process: lineage.process,
            duration_ms: lineage.duration_ms,
        }
    }
}

impl From<Input> for InputRow {
    fn from(input: Input) -> Self {
        let Input { argument, uid, name, digest, size } = input;
        Self { argument, uid, name, digest, size }
    }
}

impl From<Output> for OutputRow {
    fn from(output: Output) -> Self {
        let Output { uid, name, digest, size, tree } = output;
        Self { uid, name, digest, size, tree }
    }
}
