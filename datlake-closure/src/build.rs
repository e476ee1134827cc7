//! What reading sources shares: the index as it grows, where one stands, and what was read of an item.

use std::path::PathBuf;

use crate::index::{DefId, FileId, Index, ModId, Seen};
use crate::source::Sources;
use crate::symbol::Sym;
use crate::text::Text;

/// As deep as modules, bodies and impls are looked into.
pub(crate) const DEPTH: usize = 64;

pub(crate) struct Builder<'a> {
    pub(crate) index: Index,
    pub(crate) sources: &'a dyn Sources,
    /// Files that are being read, each inside of the one before.
    pub(crate) reading: Vec<PathBuf>,
}

/// Where the files of child modules are.
pub(crate) struct Dirs {
    pub(crate) modules: PathBuf,
    /// What `#[path]` is relative to.
    pub(crate) attribute: PathBuf,
}

/// Where items stand.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub(crate) text: &'a Text,
    pub(crate) file: FileId,
    pub(crate) module: ModId,
    pub(crate) outer: Option<DefId>,
    /// The macro call, or the macro, that makes what stands here.
    pub(crate) made_by: Option<DefId>,
    /// Among the tokens of a macro call.
    pub(crate) in_call: bool,
    pub(crate) dirs: &'a Dirs,
    pub(crate) depth: usize,
}

/// What stands before an item's keyword.
#[derive(Default)]
pub(crate) struct Attributes {
    /// `#[path = "…"]`, in `cfg_attr` too with its predicate.
    pub(crate) paths: Vec<(String, Option<Sym>)>,
    /// Whether one of the paths holds under a condition only.
    pub(crate) conditional: bool,
    pub(crate) test: bool,
    pub(crate) exported: bool,
    pub(crate) macro_use: bool,
    pub(crate) words: Vec<Vec<Sym>>,
    /// A derive that is not the standard library's.
    pub(crate) derives: bool,
    /// All `cfg` predicates as one, those of `cfg_attr` too, but for that of tests.
    pub(crate) when: Option<Sym>,
    /// The `cfg` without which it is not compiled.
    pub(crate) under: Option<Sym>,
    /// By the visibility behind them.
    pub(crate) seen: Seen,
}

/// The tokens of an item: with its attributes, behind its visibility, and its end, or how far it can reach.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: usize,
    pub(crate) start: usize,
    pub(crate) to: usize,
}
