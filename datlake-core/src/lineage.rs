//! What is remembered of how a file came to be.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::process::BodyProcess;
use crate::value_shape::ValueShape;
use crate::{CallKey, Code, CodeHash, CreatorName, Digest, Uid};

/// How a call came about: which code, with what, by whom, where and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lineage {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// The code of the creator.
    pub code: CodeLineage,
    /// Type and const parameters of a generic creator, as `(name, value)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generics: Vec<(String, String)>,
    /// The arguments in order. Of a secret one only the name.
    pub params: Vec<Param>,
    /// What the expressions of `key(…)` gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extras: Vec<Param>,
    /// The files the call read or was given.
    pub inputs: Vec<Input>,
    /// The values among its arguments that other calls returned, as far as the process that ran it got them from those calls.
    /// An argument that is not among them came another way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ValueInput>,
    /// How many more such values there were than are kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub values_left_out: u64,
    /// Of arguments that hold such values, and of large ones that hold files: the digest of what is left of them without both. Two
    /// calls of which that is the same, and of which the values and files came about alike, had the same arguments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rests: BTreeMap<String, Digest>,
    /// The files the call returned, in order.
    pub outputs: Vec<Output>,
    /// What the code was built with.
    pub environment: Environment,
    /// Who ran it.
    pub person: Person,
    /// The machine it ran on.
    pub host: String,
    /// The run (process) it was part of.
    pub run: String,
    /// What is known of that process, where it was not started alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<BodyProcess>,
    /// When the body started, RFC 3339, UTC, by the machine's clock.
    pub started_at: String,
    /// How long the body took, in milliseconds.
    pub duration_ms: u64,
    /// The version of datlake that wrote this.
    pub datlake_version: String,
}

/// The code of a creator, as it was when it ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeLineage {
    /// Name of the function.
    pub function: String,
    /// Its module path, starting with the crate.
    pub module: String,
    /// The package it is part of.
    pub package: String,
    /// The package's version.
    pub package_version: String,
    /// Source file, relative to the package.
    pub file: String,
    /// Line of its name, from 1.
    pub line: u32,
    /// Hash of the code with all that it declares to depend on.
    pub hash: CodeHash,
    /// Hash of the function alone.
    pub own_hash: CodeHash,
    /// What it declares to depend on, directly or not.
    pub dependencies: Vec<Dependency>,
    /// The table of what was found that it depends on, a blob that all calls of one build share: [`Closure`](crate::Closure)
    /// reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closure: Option<Digest>,
    /// The list of its source files that are kept, because no commit was found to have them: [`SourceTexts`](crate::SourceTexts)
    /// reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_texts: Option<Digest>,
    /// What the value is made of that it returned: by that it can be shown. `None` for a unit and for a file alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<ValueShape>,
    /// Where version control has it.
    pub source: SourceState,
}

/// One tracked item that a creator depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Dependency {
    /// Module path and name.
    pub item: String,
    /// Hash of the item alone.
    pub hash: CodeHash,
    /// Source file, relative to its package.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}

impl Dependency {
    /// All that the code of a creator depends on.
    pub fn all_of(code: &'static Code) -> Vec<Self> {
        let of = |code: &&'static Code| Self {
            item: code.item(),
            hash: code.own_hash(),
            file: code.file.to_owned(),
            line: code.line,
        };
        code.closure().iter().skip(1).map(of).collect()
    }
}

/// Where version control has the code that ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// Whether a commit holds exactly this code.
    pub state: CodeState,
    /// That commit; for uncommitted code the one it grew from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The branch that was checked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Whether any tracked file of the repository was modified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// The repository's remote, without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The source file's path within the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether no branch of a remote had that commit, as far as the repository knew: nobody else could look it up then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local_only: bool,
    /// A link to the lines, on forges whose links are known, for a commit that others can look up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permalink: Option<String>,
    /// Why the repository that is there could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_read: Option<String>,
}

/// Whether a commit holds the code that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CodeState {
    /// The commit has exactly the source files that were compiled.
    Committed,
    /// No commit that was looked at has them.
    Uncommitted,
    /// No repository was found, or none could be read.
    #[default]
    Unknown,
}

/// An argument, or the value of an expression in `key(…)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its value; `null` for a secret.
    pub value: Value,
    /// Whether it was `#[secret]`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

impl Param {
    /// Its value as JSON; of a file what people call it.
    pub fn shown(&self) -> String {
        let text = |member: &str| self.value.get("$file")?.get(member)?.as_str();
        text("uid").or_else(|| text("name")).map_or_else(|| self.value.to_string(), str::to_owned)
    }
}

/// A file that a call read or was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The argument that held it; `None` for one that the body got by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
    /// Its UID; `None` for an intermediate that never got one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// Its own name.
    #[serde(deserialize_with = "crate::uid::own_name")]
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// A value that a call was given, or got from a call in its body, and that another call returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ValueInput {
    /// The argument that is or holds it; `None` for what a call in the body returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
    /// Where in the argument it stands (first), as `.scores[3]`; empty where the argument is the value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// The creator of the call that returned it.
    pub creator: CreatorName,
    /// The key of that call.
    pub key: CallKey,
    /// Canonical digest of all that the call returned.
    pub digest: Digest,
    /// Whether the value is a part of what the call returned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub part: bool,
}

impl ValueInput {
    /// Whether it is the argument `name`, and all that the call returned.
    pub fn is_whole(&self, name: &str) -> bool {
        self.argument.as_deref() == Some(name) && self.at.is_empty() && !self.part
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Lineage {
    /// Digests of all that the call read: of the contents of files, and of what calls returned. An index leads from each to it.
    pub fn reads(&self) -> BTreeSet<Digest> {
        let values = self.values.iter().map(|value| value.digest);
        self.inputs.iter().map(|input| input.digest).chain(values).collect()
    }

    /// The arguments that hold so much that some program computed it, and nothing that a known call made: where they came from is
    /// not known. What is small is taken for a parameter that somebody wrote.
    pub fn unknown(&self) -> Vec<&str> {
        /// Bytes of JSON that somebody writes.
        const WRITTEN: usize = 512;
        let is_many = |value: &Value| match value {
            Value::Array(_) | Value::Object(_) => {
                value.get("$large").is_some() || value.get("$deep").is_some() || value.to_string().len() > WRITTEN
            }
            _ => false,
        };
        let is_known = |name: &str| {
            let values = self.values.iter().map(|value| &value.argument);
            self.inputs.iter().map(|input| &input.argument).chain(values).any(|known| known.as_deref() == Some(name))
        };
        let unknown = self.params.iter().filter(|param| is_many(&param.value) && !is_known(&param.name));
        unknown.map(|param| &*param.name).collect()
    }
}

/// A file that a call returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its UID. One that the call only passed on keeps the UID it had.
    pub uid: Uid,
    /// Its own name.
    #[serde(deserialize_with = "crate::uid::own_name")]
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size in bytes; of a tree: of the manifest.
    pub size: u64,
    /// Whether it is the manifest of a tree.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tree: bool,
}

/// What the code was built with. Not part of any key; `digest` tells environments apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Environment {
    /// Digest of everything below.
    pub digest: Digest,
    /// Digest of `Cargo.lock`, whose text the lake keeps as a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cargo_lock: Option<Digest>,
    /// `rustc --version`.
    pub rustc: String,
    /// The target triple.
    pub target: String,
    /// Cargo features of the creator's package.
    pub features: Vec<String>,
    /// What else the compiler was given by `--cfg`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cfg: Vec<String>,
    /// Whether debug assertions were on.
    pub debug_assertions: bool,
}

impl Environment {
    /// Describes an environment and digests it.
    pub fn new(
        cargo_lock: Option<Digest>,
        rustc: &str,
        target: &str,
        features: &[&str],
        cfg: &[&str],
        debug_assertions: bool,
    ) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("datlake 2026 environment v1");
        let mut field = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(cargo_lock.as_ref().map_or(&[][..], |d| d.as_bytes()));
        field(rustc.as_bytes());
        field(target.as_bytes());
        field(&[u8::from(debug_assertions)]);
        for feature in features {
            field(feature.as_bytes());
        }
        // Behind a word that no feature can be.
        for name in (!cfg.is_empty()).then_some(&"--cfg").into_iter().chain(cfg) {
            field(name.as_bytes());
        }
        let digest = Digest::from_bytes(*hasher.finalize().as_bytes());
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let (features, cfg) = (owned(features), owned(cfg));
        Self { digest, cargo_lock, rustc: rustc.to_owned(), target: target.to_owned(), features, cfg, debug_assertions }
    }
}

/// Who ran a call or added a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their e-mail address, or `user@host`.
    pub email: String,
    /// Where it was taken from.
    pub source: PersonSource,
}

/// Where a [`Person`]'s address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PersonSource {
    /// `DATLAKE_EMAIL`, a configuration file or the builder.
    Config,
    /// Git's `user.email`.
    Git,
    /// The login name and the host.
    Login,
    /// An account of a server, which knew who asked.
    Account,
}

/// Who moved a name or put something there, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The person.
    pub person: Person,
    /// On which machine.
    pub host: String,
    /// When, RFC 3339, UTC, by the machine's clock.
    pub at: String,
}

/// How a file that no call made came into the lake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// Its own name.
    #[serde(deserialize_with = "crate::uid::own_name")]
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is the manifest of a tree.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tree: bool,
    /// The URL it was downloaded from, without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Who added it.
    pub person: Person,
    /// On which machine.
    pub host: String,
    /// When, RFC 3339, UTC, by the machine's clock.
    pub at: String,
}

/// A file as the lake knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMeta {
    /// Its UID. One that a call only passed on has the UID it had before.
    pub uid: Uid,
    /// Its own name.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is the manifest of a tree.
    pub tree: bool,
}

impl FileMeta {
    /// The file that somebody added as `uid`.
    pub fn added(uid: &Uid, added: &Added) -> Self {
        let Added { name, digest, size, tree, .. } = added;
        Self { uid: uid.clone(), name: name.clone(), digest: *digest, size: *size, tree: *tree }
    }
}

impl From<Output> for FileMeta {
    fn from(output: Output) -> Self {
        let Output { uid, name, digest, size, tree } = output;
        Self { uid, name, digest, size, tree }
    }
}
