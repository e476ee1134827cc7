//! What reading an item found: data alone.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::index::{CrateId, DefId, Meaning, ModId, Path};
use crate::resolve::Meanings;
use crate::symbol::{Map, Set, Sym};

/// A file whose content counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Embedded {
    /// As it is written, or the package and what the file is there.
    pub label: String,
    /// The file.
    pub path: PathBuf,
    /// Its content, of included code its normal form; none where it cannot be read.
    pub bytes: Option<Arc<[u8]>>,
}

#[derive(Default)]
pub(crate) struct Mentions {
    /// Paths as they are written, and where they lead.
    pub(crate) edges: Map<Path, Meanings>,
    /// Names of methods, or of anything else of a type that is not known here.
    pub(crate) called: Set<Sym>,
    /// Traits in scope that have something of a called name.
    pub(crate) traits: BTreeSet<(Sym, DefId)>,
    /// Imports of others' code that may be traits.
    pub(crate) ambient: BTreeSet<Path>,
    /// Names that nothing visible defines.
    pub(crate) lost: Set<Sym>,
    /// Those of them that are used like a function, a macro or a type.
    pub(crate) free: Set<Sym>,
    pub(crate) macros: BTreeSet<DefId>,
    /// Traits of std for which its tokens ask.
    pub(crate) asked: u64,
    /// Modules that a macro gets.
    pub(crate) modules: BTreeSet<ModId>,
    /// Traits behind `dyn` whose values can come from anywhere.
    pub(crate) open: BTreeSet<DefId>,
    /// Those in functions, whose values are made in what is reached, or come with the arguments.
    pub(crate) dynamic: BTreeSet<DefId>,
    pub(crate) embedded: BTreeSet<Embedded>,
    pub(crate) variables: BTreeSet<String>,
    pub(crate) conditions: BTreeSet<String>,
    /// By the crates whose `cfg` is asked: conditions of imports and modules, and which.
    pub(crate) when: BTreeSet<(CrateId, Sym, Sym)>,
    /// Macro calls beside which a name is looked up, and which can define it.
    pub(crate) made: BTreeSet<DefId>,
    pub(crate) notes: BTreeSet<String>,
}

impl Mentions {
    /// What decides about the meaning of a path.
    pub(crate) fn aside<'a>(&mut self, aside: impl IntoIterator<Item = &'a Meaning>) {
        for one in aside {
            match one {
                Meaning::When(krate, when, what) => {
                    self.when.insert((*krate, *when, *what));
                }
                Meaning::Made(call) => {
                    self.made.insert(*call);
                }
                _ => {}
            }
        }
    }
}
