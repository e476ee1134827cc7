//! The identity of code: a function's tokens and those of everything it declares to depend on.
//!
//! What a [`Code`] contributes is the hash of its own tokens, the values of the `cfg` predicates in them and the contents
//! they embed. Crate version, file, line and git blob are lineage and never part of a hash.
//!
//! # Layout
//!
//! Lengths and counts are unsigned LEB128, texts and contents stand behind their length, `own` is 32 bytes.
//!
//! - own hash = `BLAKE3-derive("datlake 2026-11-21 own code, format 1", own ‖ count, (predicate ‖ 0 or 1)* ‖ count, (what ‖
//!   content)*)`
//! - own hash of a creator whose macro looked for more = `BLAKE3-derive("datlake 2026-11-28 own and found code, format 1", own hash ‖
//!   found ‖ count, (predicate ‖ variant)* ‖ count, (predicate ‖ 0 or 1)* ‖ count, (variable ‖ 0 or 1 ‖ value)*)`, where `found` is
//!   the hash of the table that the macro made of items, edges and embedded files, and each `variant` that of items that are compiled
//!   under a `cfg`, and are: `datlake-macros/src/found.rs` has their layout
//! - hash = `BLAKE3-derive("datlake 2026-11-21 code and dependencies, format 1", count, (item ‖ count, item*)*)`, where an
//!   item is its label and its own hash; the second `item*` are those it depends on.
//!
//! # How the hash of a closure is made, and why so
//!
//! The root contributes what is its own. Each dependency contributes its *label*, what is its own, and the labels and own
//! hashes of what *it* depends on; the root's direct dependencies are listed likewise. The items are sorted; what an item
//! depends on stays in the order of [`Code::dependencies`]. A cycle is a list like any other.
//!
//! - **The label is the module path and name** (or the name given by `name = "…"`). Without it, two helpers could swap their
//!   bodies and nothing would seem to have changed. The bare identifier is not enough: `m1::f` and `m2::f` can swap as well,
//!   and what a path in an item's tokens means depends on the module it stands in. So moving a helper to another module runs
//!   its dependents again: the price of never handing out the wrong data.
//! - **The edges count**, for which `a` a function calls is decided by its imports, and those are not in its tokens: with
//!   both `m1::a` and `m2::a` in the closure, an import may change from one to the other and every item stay as it is.
//! - **The order of the edges counts**, and the macros sort them by the paths that the user wrote. So an edge belongs to a
//!   path, and an item that imports two helpers under each other's names (`use m::{a as b, b as a}`) has other edges than
//!   before, while the order within `depends_on` does not matter.
//! - **The root has no label**: its name is in the key beside the hash, and `name = "…"` keeps the hash when code moves.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::{OnceLock, PoisonError, RwLock};

use crate::canonical::write_len;
use crate::found::{ClosureItem, ClosureTable, text};
use crate::{CodeHash, CreatorName, Result};

/// What the macros know of one item: a creator, a tracked function, type, constant or module.
pub struct Code {
    /// The package it is part of.
    pub package: &'static str,
    /// The package's version.
    pub package_version: &'static str,
    /// The package's directory when it was compiled.
    pub manifest_dir: &'static str,
    /// `module_path!()`.
    pub module: &'static str,
    /// Its identifier.
    pub name: &'static str,
    /// `name = "…"`.
    pub given_name: Option<&'static str>,
    /// `file!()`.
    pub file: &'static str,
    /// Line of its name, from 1.
    pub line: u32,
    /// Git's id of the source file as a blob; zeros if unknown.
    pub blob: [u8; 20],
    /// Hash of its tokens.
    pub own: [u8; 32],
    /// Each `cfg` predicate in its tokens, and whether it holds.
    pub conditions: &'static [(&'static str, bool)],
    /// Each `include_str!`, `include_bytes!`, `env!` and `option_env!` in its tokens, and what it stands for.
    pub embedded: &'static [(&'static str, &'static [u8])],
    /// What `depends_on` names: each path once, in the order of the paths as they are written.
    pub dependencies: &'static [fn() -> &'static Code],
    /// What the macro found it to depend on; nothing of tracked items, and where the creator does not want it.
    pub found: Option<&'static ClosureTable>,
    /// Path of `Cargo.lock` and BLAKE3 of it when this was compiled.
    pub lock: Option<(&'static str, [u8; 32])>,
    /// The package's features that were on, sorted.
    pub features: &'static [&'static str],
    /// Other names and values that the compiler was given by `--cfg`, sorted.
    pub cfg: &'static [&'static str],
}

/// An item whose code has an identity: implemented by the attributes, never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not tracked",
    label = "its code is not part of any key, so a change to it would go unnoticed",
    note = "add `#[datlake::tracked]` to it"
)]
pub trait Tracked {
    /// Its code.
    fn code() -> &'static Code;
}

impl Code {
    /// The name a creator has in the lake: the given one, or else `package/module::name`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where that is no well-formed name.
    pub fn creator_name(&'static self) -> Result<CreatorName> {
        self.name_and_hash().map(|(name, _)| name)
    }

    /// The creator's name, and the hash of its code.
    pub(crate) fn name_and_hash(&'static self) -> Result<(CreatorName, CodeHash)> {
        let identity = self.identity();
        let name = match &identity.name {
            Some(name) => name.clone(),
            None => self.parse_name()?,
        };
        Ok((name, identity.hash))
    }

    fn parse_name(&self) -> Result<CreatorName> {
        match self.given_name {
            Some(name) => CreatorName::new(name),
            None => CreatorName::new(&format!("{}/{}::{}", self.package, self.module, self.name)),
        }
    }

    /// Module path and name.
    pub fn item(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }

    /// The hash of this code and of everything it depends on. Computed once per process.
    pub fn hash(&'static self) -> CodeHash {
        self.identity().hash
    }

    /// This code first, then everything it depends on, directly or not, in an order that depends on the code alone.
    pub fn closure(&'static self) -> &'static [&'static Code] {
        &self.identity().closure
    }

    /// The hash of this item alone: its tokens, conditions and what it embeds.
    pub fn own_hash(&self) -> CodeHash {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&self.own);
        write_len(&mut bytes, self.conditions.len());
        for (predicate, holds) in self.conditions {
            text(&mut bytes, predicate.as_bytes());
            bytes.push((*holds).into());
        }
        write_len(&mut bytes, self.embedded.len());
        for (what, content) in self.embedded {
            text(&mut bytes, what.as_bytes());
            text(&mut bytes, content);
        }
        CodeHash::from_bytes(blake3::derive_key("datlake 2026-11-21 own code, format 1", &bytes))
    }

    /// The hash of this item with what the macro found it to depend on.
    fn found_hash(&self) -> CodeHash {
        let own = self.own_hash();
        let Some(found) = self.found else { return own };
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(own.as_bytes());
        found.write(&mut bytes);
        CodeHash::from_bytes(blake3::derive_key("datlake 2026-11-28 own and found code, format 1", &bytes))
    }

    /// Whether the key of its calls knows of `other`: it is declared, or was found.
    pub fn declares(&'static self, other: &'static Self) -> bool {
        let identity = self.identity();
        identity.declared.contains(&other.address())
            || identity.closure.iter().any(|code| code.found_items().iter().any(|item| other.is_in(item)))
    }

    fn found_items(&'static self) -> &'static [ClosureItem] {
        let read = || self.found.map(|found| found.closure().items).unwrap_or_default();
        self.identity().found.get_or_init(read)
    }

    /// Whether an item that was found is this one, or holds it: labels do not name what is in a body, lines do.
    fn is_in(&self, item: &ClosureItem) -> bool {
        let in_package = item.label.strip_prefix(self.package).is_some_and(|rest| rest.starts_with([':', '/', '@']));
        if let Some(module) = self.name.strip_prefix("mod ") {
            return in_package && item.label.contains(&format!("::{module}::"));
        }
        let (own, found) = (Path::new(self.file), Path::new(&item.file));
        // What is above the package, as a documentation test is, is known in full here and from the package there.
        let below: PathBuf = found.components().skip_while(|part| *part == Component::ParentDir).collect();
        let is_file = found.ends_with(own) || (own.is_absolute() && own.ends_with(below));
        in_package && is_file && (item.line..=item.last_line).contains(&self.line)
    }

    fn identity(&'static self) -> &'static Identity {
        static IDENTITIES: OnceLock<RwLock<HashMap<usize, &'static Identity>>> = OnceLock::new();
        let identities = IDENTITIES.get_or_init(RwLock::default);
        let at = self.address();
        if let Some(identity) = identities.read().unwrap_or_else(PoisonError::into_inner).get(&at) {
            return identity;
        }
        // Outside the lock: it calls functions of the user's program. Computing it twice gives the same.
        let identity = Identity::of(self);
        // One for each item of the program, for as long as the program runs.
        identities
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(at)
            .or_insert_with(|| Box::leak(Box::new(identity)))
    }

    /// Two statics are two items, however much they look alike.
    fn address(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {}, {}:{})", self.item(), self.package, self.package_version, self.file, self.line)
    }
}

/// What is computed once of a [`Code`].
struct Identity {
    closure: Vec<&'static Code>,
    hash: CodeHash,
    /// Addresses of the closure.
    declared: HashSet<usize>,
    /// What the macro found of this item alone, once somebody asks.
    found: OnceLock<Vec<ClosureItem>>,
    /// `None` where the name is not well-formed: found again, and reported, by whoever asks.
    name: Option<CreatorName>,
}

/// An item as its dependents see it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Labelled {
    label: String,
    own: CodeHash,
}

impl Identity {
    fn of(root: &'static Code) -> Self {
        let mut reached = HashSet::from([root.address()]);
        let mut open = vec![root];
        let mut items = Vec::new();
        while let Some(code) = open.pop() {
            let dependencies: Vec<_> = code.dependencies.iter().map(|dependency| dependency()).collect();
            open.extend(dependencies.iter().filter(|dependency| reached.insert(dependency.address())));
            items.push((code, dependencies));
        }

        let labelled: HashMap<usize, Labelled> =
            items.iter().map(|(code, _)| (code.address(), Labelled::of(code, root))).collect();
        let mut described: Vec<_> = items
            .into_iter()
            .map(|(code, dependencies)| {
                let edges: Vec<_> = dependencies.iter().map(|code| &labelled[&code.address()]).collect();
                (&labelled[&code.address()], edges, code)
            })
            .collect();
        // The root came first and stays there.
        described[1..].sort_unstable_by(|(a, a_edges, _), (b, b_edges, _)| (a, a_edges).cmp(&(b, b_edges)));

        let mut bytes = Vec::new();
        write_len(&mut bytes, described.len());
        for (item, edges, _) in &described {
            item.write(&mut bytes);
            write_len(&mut bytes, edges.len());
            edges.iter().for_each(|edge| edge.write(&mut bytes));
        }
        let hash =
            CodeHash::from_bytes(blake3::derive_key("datlake 2026-11-21 code and dependencies, format 1", &bytes));
        let closure = described.into_iter().map(|(_, _, code)| code).collect();
        Self { closure, hash, declared: reached, found: OnceLock::new(), name: root.parse_name().ok() }
    }
}

impl Labelled {
    fn of(code: &'static Code, root: &'static Code) -> Self {
        let label = match code.given_name {
            _ if std::ptr::eq(code, root) => String::new(),
            Some(name) => format!("={name}"),
            None => code.item(),
        };
        Self { label, own: code.found_hash() }
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        text(bytes, self.label.as_bytes());
        bytes.extend_from_slice(self.own.as_bytes());
    }
}
