//! What the sources define: crates, modules, items, impls, and item-level macro calls.
//!
//! Built once and not changed afterwards. All variants under `cfg` are in it, so that it is the same on every platform. An item
//! inside of a body has its own definition, whose tokens are also tokens of the item around it.

use std::collections::BTreeSet;
use std::ops;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::lex;
use crate::packages::Package;
use crate::symbol::{Map, Set, Sym, Symbols};
use crate::text::Text;

macro_rules! ids {
    ($($id:ident of $field:ident: $of:ty)*) => {$(
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $id(pub(crate) u32);

        impl ops::Index<$id> for Index {
            type Output = $of;
            fn index(&self, id: $id) -> &$of {
                &self.$field[id.0 as usize]
            }
        }

        impl ops::IndexMut<$id> for Index {
            fn index_mut(&mut self, id: $id) -> &mut $of {
                &mut self.$field[id.0 as usize]
            }
        }
    )*};
}

ids! {
    CrateId of crates: Crate
    ModId of modules: Module
    DefId of defs: Def
    ImplId of impls: Impl
    FileId of files: File
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Fn,
    Const,
    Static,
    Struct,
    Enum,
    Union,
    Trait,
    Alias,
    Macro,
    /// A macro call in the place of an item.
    Call,
    /// Of an inherent impl; a function with a body in a trait or in a trait's impl.
    Member,
    TraitImpl,
    /// A declaration in an `extern` block.
    Foreign,
}

impl Kind {
    pub(crate) fn is_type(self) -> bool {
        matches!(self, Self::Struct | Self::Enum | Self::Union)
    }

    /// Namespaces as bits: types, values, macros.
    pub(crate) fn spaces(self) -> u8 {
        match self {
            Self::Enum | Self::Union | Self::Trait | Self::Alias => 1,
            Self::Fn | Self::Const | Self::Static | Self::Foreign | Self::Member => 2,
            Self::Macro => 4,
            _ => 3,
        }
    }
}

pub(crate) struct Def {
    pub(crate) kind: Kind,
    pub(crate) name: Sym,
    pub(crate) module: ModId,
    pub(crate) file: FileId,
    /// Tokens, attributes included.
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The first token behind attributes and visibility.
    pub(crate) start: usize,
    /// Of a member: its impl; of a trait's impl: itself.
    pub(crate) of: Option<ImplId>,
    /// Of a function in a trait or in a trait's impl: that.
    pub(crate) owner: Option<DefId>,
    /// The item in whose body it stands.
    pub(crate) outer: Option<DefId>,
    /// The macro call among whose arguments it stands, or the macro that makes it.
    pub(crate) made_by: Option<DefId>,
    /// Among the tokens of a macro call.
    pub(crate) in_call: bool,
    /// Words of each attribute that may register the item somewhere or link it.
    pub(crate) attributes: Vec<Vec<Sym>>,
    /// Somebody else's derive makes something of it.
    pub(crate) derives: bool,
    pub(crate) seen: Seen,
    /// The `cfg` without which it is not compiled.
    pub(crate) under: Option<Sym>,
}

/// Whence something can be named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Seen {
    #[default]
    Everywhere,
    /// A module and what is in it.
    Within(ModId),
}

pub(crate) struct Impl {
    pub(crate) module: ModId,
    pub(crate) file: FileId,
    /// From the attributes to the brace.
    pub(crate) head: (usize, usize),
    pub(crate) generics: Vec<Sym>,
    pub(crate) of_trait: Option<(usize, usize)>,
    pub(crate) this: (usize, usize),
    /// The `cfg` without which it is not compiled.
    pub(crate) under: Option<Sym>,
    /// An attribute of somebody else gets it, and can change its members.
    pub(crate) handed: bool,
    /// Of a trait's impl.
    pub(crate) def: Option<DefId>,
    /// Of an inherent impl. A macro call among them has no name.
    pub(crate) members: Vec<(Option<Sym>, DefId)>,
}

/// Segments of a path; a leading `::` is a segment.
pub(crate) type Path = Arc<[Sym]>;

/// What a path can lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Meaning {
    Def(DefId),
    Mod(ModId),
    /// Something of a type or a trait: a method, a variant.
    Assoc(DefId, Sym),
    /// A path in the standard library, or in a package whose sources are not read; `_` in one that is left out.
    Extern(Sym),
    /// A workspace's procedural macros.
    Whole(CrateId),
    /// No target: whether the others are meant is decided by a `cfg` of a crate, under which this stands.
    When(CrateId, Sym, Sym),
    /// No target: a macro call beside which the name is looked up, and which can define it.
    Made(DefId),
    /// No target: something of this name that cannot be named from there.
    Hidden(DefId),
}

impl Meaning {
    /// Whether it is something that a name means, and not what decides about that.
    pub(crate) fn is_target(self) -> bool {
        !matches!(self, Self::When(..) | Self::Made(_) | Self::Hidden(_))
    }
}

#[derive(Clone)]
pub(crate) enum Binding {
    Def(DefId),
    Mod(ModId),
    Use(Import),
}

/// A `use`.
#[derive(Clone)]
pub(crate) struct Import {
    pub(crate) path: Path,
    pub(crate) seen: Seen,
    /// The `cfg` under which it holds.
    pub(crate) when: Option<Sym>,
}

pub(crate) struct Module {
    pub(crate) krate: CrateId,
    pub(crate) parent: Option<ModId>,
    pub(crate) name: Sym,
    /// A block with items or imports: what it lacks is looked up around it.
    pub(crate) block: bool,
    pub(crate) names: Map<Sym, Vec<Binding>>,
    pub(crate) globs: Vec<Import>,
    /// `use … as _`.
    pub(crate) unnamed: Vec<Import>,
    pub(crate) seen: Seen,
    /// The `cfg` under which it is compiled, but for that of tests.
    pub(crate) when: Option<Sym>,
    /// The `cfg` without which it is not compiled.
    pub(crate) under: Option<Sym>,
    /// A macro or an attribute of somebody else gets its declaration, and can change that.
    pub(crate) handed: bool,
    /// Stands under `#[cfg(test)]`.
    pub(crate) test: bool,
    /// Where its tokens are.
    pub(crate) spans: Vec<(FileId, usize, usize)>,
}

pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: Arc<Text>,
    pub(crate) krate: CrateId,
    /// Tokens that a macro made, and no file.
    pub(crate) is_made: bool,
    /// The predicate of the `cfg_attr` that names the file.
    pub(crate) under: Option<Sym>,
}

pub(crate) struct Crate {
    pub(crate) package: Package,
    pub(crate) root: ModId,
    /// `macro_rules!` by name, wherever they stand.
    pub(crate) macros: Map<Sym, Vec<DefId>>,
    /// Item-level macro calls.
    pub(crate) calls: Vec<DefId>,
    /// Macros, or crates, of `#[macro_use] extern crate`.
    pub(crate) macro_use: Vec<Sym>,
    /// The crate itself and all that it depends on.
    pub(crate) reach: BTreeSet<CrateId>,
    /// Other crates by the names that this one has for them.
    pub(crate) externs: Map<Sym, Meaning>,
    /// What could not be read.
    pub(crate) missing: Vec<String>,
}

/// What an item-level macro call can make.
#[derive(Clone, Default)]
pub(crate) struct Call {
    pub(crate) defines: Set<Sym>,
    /// Those of them that it defines in its own module, as far as anything tells.
    pub(crate) declares: Set<Sym>,
    /// Its macro has a `use`.
    pub(crate) imports: bool,
    /// Names of types that it can implement something for.
    pub(crate) types: Set<Sym>,
    /// Methods of traits that it can make.
    pub(crate) methods: Set<Sym>,
    /// Every word in it and in its macro.
    pub(crate) words: Set<Sym>,
    /// Nothing tells what the macro makes.
    pub(crate) opaque: bool,
}

#[derive(Default)]
pub(crate) struct Index {
    pub(crate) crates: Vec<Crate>,
    pub(crate) modules: Vec<Module>,
    pub(crate) defs: Vec<Def>,
    pub(crate) impls: Vec<Impl>,
    pub(crate) files: Vec<File>,
    /// Functions with a body in a trait or in a trait's impl, in their order.
    pub(crate) parts: Map<DefId, Vec<DefId>>,
    /// Traits by the names of what is in them.
    pub(crate) trait_members: Map<Sym, Vec<DefId>>,
    /// What item-level macro calls can make.
    pub(crate) calls: Map<DefId, Call>,
    /// Those calls by their modules and the names that they can define there.
    pub(crate) made: Map<(ModId, Sym), Vec<DefId>>,
    /// Blocks that are modules, by file and opening brace.
    pub(crate) blocks: Map<(FileId, usize), ModId>,
    symbols: Names,
}

/// Strings in attributes are read while paths are resolved: then names are added behind a lock.
struct Names(Mutex<Symbols>);

impl Default for Names {
    fn default() -> Self {
        Self(Mutex::new(Symbols::new()))
    }
}

impl Index {
    pub(crate) fn symbols(&self) -> MutexGuard<'_, Symbols> {
        self.symbols.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn sym(&self, text: &str) -> Sym {
        self.symbols().of(text)
    }

    pub(crate) fn name(&self, sym: Sym) -> String {
        self.symbols().text(sym).to_owned()
    }

    pub(crate) fn text(&self, def: DefId) -> Arc<Text> {
        self[self[def].file].text.clone()
    }

    pub(crate) fn crate_of(&self, def: DefId) -> CrateId {
        self[self[def].module].krate
    }

    /// What the labels of a crate begin with.
    pub(crate) fn package_label(&self, krate: CrateId) -> String {
        self.name(self[self[krate].root].name)
    }

    /// Whether code of a crate can use another's.
    pub(crate) fn sees(&self, krate: CrateId, other: CrateId) -> bool {
        self[krate].reach.contains(&other)
    }

    pub(crate) fn def_ids(&self) -> impl Iterator<Item = DefId> + use<> {
        (0..self.defs.len() as u32).map(DefId)
    }

    /// The nearest module that is no block.
    pub(crate) fn proper(&self, mut module: ModId) -> ModId {
        while self[module].block {
            match self[module].parent {
                Some(parent) => module = parent,
                None => break,
            }
        }
        module
    }

    /// Whether something can be named from a module.
    pub(crate) fn is_seen(&self, seen: Seen, from: ModId) -> bool {
        let Seen::Within(home) = seen else { return true };
        let mut at = Some(from);
        while let Some(module) = at {
            if module == home {
                return true;
            }
            at = self[module].parent;
        }
        false
    }

    pub(crate) fn seen(&self, binding: &Binding) -> Seen {
        match binding {
            Binding::Def(def) => self[*def].seen,
            Binding::Mod(module) => self[*module].seen,
            Binding::Use(import) => import.seen,
        }
    }

    /// The `cfg` of an import.
    pub(crate) fn when(&self, module: ModId, import: &Import) -> Option<Meaning> {
        let when = import.when?;
        let path: Vec<String> = import.path.iter().map(|segment| self.name(*segment)).collect();
        Some(Meaning::When(self[module].krate, when, self.sym(&path.join("::"))))
    }

    /// The `cfg` predicates of the modules around.
    pub(crate) fn conditions_around(&self, module: ModId) -> impl Iterator<Item = Sym> {
        std::iter::successors(Some(module), |at| self[*at].parent).filter_map(|module| self[module].when)
    }

    /// The module in which `super` of a module lies.
    pub(crate) fn above(&self, module: ModId) -> Option<ModId> {
        self[self.proper(module)].parent.map(|parent| self.proper(parent))
    }

    pub(crate) fn module_path(&self, module: ModId) -> String {
        let mut names = Vec::new();
        let mut at = Some(module);
        while let Some(id) = at {
            names.push(self.name(self[id].name));
            at = self[id].parent;
        }
        names.reverse();
        names.join("::")
    }

    pub(crate) fn in_tests(&self, module: ModId) -> bool {
        let mut at = Some(module);
        while let Some(id) = at {
            if self[id].test {
                return true;
            }
            at = self[id].parent;
        }
        false
    }

    /// Package, module path, item.
    pub(crate) fn label(&self, def: DefId) -> String {
        let it = &self[def];
        let path = self.module_path(it.module);
        if let Some(owner) = it.owner {
            return format!("{}::{}", self.label(owner), self.name(it.name));
        }
        match (it.kind, it.of) {
            (Kind::Member, Some(of)) => format!("{path}::{}::{}", self.title(of, false), self.name(it.name)),
            (_, Some(of)) => format!("{path}::<{}>", self.title(of, true)),
            (Kind::Macro, None) => format!("{path}::{}!", self.name(it.name)),
            (Kind::Call, None) => format!("{path}::{}! {{…}}", self.name(it.name)),
            _ => format!("{path}::{}", self.name(it.name)),
        }
    }

    fn title(&self, of: ImplId, with_trait: bool) -> String {
        let it = &self[of];
        let text = &self[it.file].text;
        let from = it.of_trait.filter(|_| with_trait).map_or(it.this.0, |range| range.0);
        let mut title = String::new();
        for at in from..it.this.1 {
            let wordy = |at: usize| matches!(text.kind(at), Some(lex::Kind::Ident | lex::Kind::Lifetime));
            if at > from && wordy(at) && wordy(at - 1) {
                title.push(' ');
            }
            title.push_str(text.word(at));
        }
        title
    }

    /// Whether an enum has a variant.
    pub(crate) fn has_variant(&self, def: DefId, name: Sym) -> bool {
        self[def].kind == Kind::Enum && self.variants(def).any(|(_, variant)| variant == name)
    }

    /// Tokens that name variants.
    pub(crate) fn variants(&self, def: DefId) -> impl Iterator<Item = (usize, Sym)> {
        let (text, to) = (self.text(def), self[def].to);
        let last = to.wrapping_sub(1);
        let open = if text.closes(last, '}') { text.mate(last) } else { last };
        let mut found = Vec::new();
        for (mut from, end) in text.split_commas(open + 1, last) {
            while let Some((_, next)) = text.attribute(from).filter(|(_, next)| *next <= end) {
                from = next;
            }
            from = text.past_visibility(from);
            found.extend(text.name(from).map(|name| (from, name)));
        }
        found.into_iter()
    }
}
