//! The index with everything that was asked of it: one for each process that compiles.
//!
//! Nothing here outlives the sources it was made of: a process that compiles more than once makes a new one each time.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::index::{CrateId, DefId, ImplId, Index, Kind, ModId};
use crate::lex;
use crate::locals::Locals;
use crate::macros::{self, Call};
use crate::mentions::{Mentions, Walker};
use crate::packages::Package;
use crate::resolve::{Resolver, Target};
use crate::source::Sources;
use crate::symbol::{self, Map, Set, Sym};
use crate::text::Text;
use crate::traits::{self, Head, Scopes};
use crate::{modules, normal};

/// The sources of a crate and its path dependencies, read once.
pub struct Scanner {
    pub(crate) index: Index,
    pub(crate) resolver: Resolver,
    scopes: Scopes,
    sources: Box<dyn Sources + Send + Sync>,
    mentions: Mutex<Map<Reading, Arc<Mentions>>>,
    texts: Mutex<Map<DefId, Arc<str>>>,
    files: Mutex<Map<std::path::PathBuf, Option<Arc<[u8]>>>>,
    uses: OnceLock<Uses>,
    pub(crate) whole_words: Mutex<Map<CrateId, Words>>,
}

/// An item, and the module from which a macro's body is seen.
type Reading = (DefId, Option<ModId>);

/// Words, and whether they stand behind a dot.
type Words = Arc<Set<(Sym, bool)>>;

/// By what impls, members and macro calls come into a closure.
pub(crate) struct Uses {
    pub(crate) heads: Vec<Head>,
    pub(crate) inherent: Map<DefId, Vec<ImplId>>,
    /// Trait impls, by each thing of ours in their heads.
    pub(crate) by_def: Map<DefId, Vec<ImplId>>,
    pub(crate) by_trait: Map<DefId, Vec<ImplId>>,
    /// Impls by names in their heads that nothing defines.
    pub(crate) by_unknown: Map<Sym, Vec<ImplId>>,
    pub(crate) members: Map<Sym, Vec<(ImplId, DefId)>>,
    pub(crate) calls_by: CallsBy,
    /// Macro calls that hide what they make.
    pub(crate) opaque_calls: Vec<(CrateId, DefId)>,
    /// Words of all calls: a name that is none of them is made by something else.
    pub(crate) call_words: Set<Sym>,
    /// Items that the linker finds by name.
    pub(crate) linked: Vec<DefId>,
    /// Items by words in their attributes, which may put them into a registry.
    pub(crate) registered: Map<Sym, Vec<DefId>>,
}

/// Item-level macro calls by what they can make.
#[derive(Default)]
pub(crate) struct CallsBy {
    pub(crate) defines: Map<Sym, Vec<DefId>>,
    pub(crate) types: Map<Sym, Vec<DefId>>,
    pub(crate) methods: Map<Sym, Vec<DefId>>,
}

impl Scanner {
    /// Reads the crate, which is the first of the packages, and the others.
    ///
    /// # Errors
    ///
    /// The root of a package that cannot be read.
    pub fn new(packages: Vec<Package>, sources: impl Sources + Send + Sync + 'static) -> Result<Self, Unreadable> {
        let index = modules::build(packages, &sources);
        if let Some(krate) = index.crates.iter().find(|krate| index[krate.root].spans.is_empty()) {
            let (package, root) = (krate.package.name.clone(), krate.package.root.clone());
            return Err(Unreadable { package, root });
        }
        Ok(Self {
            index,
            resolver: Resolver::default(),
            scopes: Scopes::default(),
            sources: Box::new(sources),
            mentions: Mutex::default(),
            texts: Mutex::default(),
            files: Mutex::default(),
            uses: OnceLock::new(),
            whole_words: Mutex::default(),
        })
    }

    /// Adds a function that stands in no file. What was asked before is asked again.
    pub(crate) fn add(&mut self, module: ModId, path: &Path, tokens: &str) -> Option<DefId> {
        let index = std::mem::take(&mut self.index);
        let (index, found) = modules::add(index, module, path, tokens, &*self.sources);
        self.index = index;
        self.resolver = Resolver::default();
        self.scopes = Scopes::default();
        self.mentions = Mutex::default();
        self.uses = OnceLock::new();
        found
    }

    pub(crate) fn read(&self, path: &Path) -> Option<Arc<[u8]>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || self.sources.read(path).ok().map(Arc::from);
        files.entry(path.to_owned()).or_insert_with(read).clone()
    }

    pub(crate) fn uses(&self) -> &Uses {
        self.uses.get_or_init(|| Uses::of(&self.index, &self.resolver))
    }

    /// The normal form of an item; of a member with its impl's head.
    pub(crate) fn item_text(&self, def: DefId) -> Arc<str> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.entry(def).or_insert_with(|| self.write_item(def).into()).clone()
    }

    fn write_item(&self, def: DefId) -> String {
        let (it, text) = (&self.index[def], self.index.text(def));
        let mut out = String::new();
        if let (Kind::Member, Some(of)) = (it.kind, it.of) {
            normal::write(&text, self.index[of].head.0, self.index[of].head.1, &mut out);
        }
        let mut at = it.from;
        while let Some((open, end)) = text.attribute(at).filter(|(_, end)| *end <= it.start) {
            if !self.is_ours(it.module, &text, open) {
                normal::write(&text, at, end, &mut out);
            }
            at = end;
        }
        normal::write(&text, it.start.max(at), it.to, &mut out);
        out
    }

    /// Whether an attribute is of a package that is left out.
    fn is_ours(&self, module: ModId, text: &Text, open: usize) -> bool {
        let Some((path, _)) = traits::path_at(text, open + 1, text.len()) else { return false };
        self.resolver.resolve(&self.index, module, &path).0.contains(&Target::Extern(symbol::UNDERSCORE))
    }

    /// What an item mentions, seen from its own module or, a macro's body, from another.
    pub(crate) fn mentions(&self, def: DefId, context: Option<ModId>) -> Arc<Mentions> {
        let key = (def, context);
        if let Some(known) = self.mentions.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let found = Arc::new(self.read_item(def, context));
        self.mentions.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        found
    }

    fn read_item(&self, def: DefId, context: Option<ModId>) -> Mentions {
        let (it, text) = (&self.index[def], self.index.text(def));
        let mut out = Mentions::default();
        let this = match it.of {
            Some(of) => self.uses().heads[of.0 as usize].this.clone(),
            None if it.kind.is_type() || it.kind == Kind::Trait => vec![def],
            None => Vec::new(),
        };
        let module = context.unwrap_or(it.module);
        let in_body =
            matches!(it.kind, Kind::Fn | Kind::Const | Kind::Static | Kind::Trait | Kind::Member | Kind::TraitImpl);
        let locals = if in_body || it.kind.is_type() || it.kind == Kind::Alias {
            let constant = |_: usize, name: Sym| self.is_constant(module, name);
            Locals::of(&text, it.from, it.to, &self.opaque(&text, it.from, it.to), &constant)
        } else {
            Locals::default()
        };
        let variants = if it.kind == Kind::Enum {
            self.index.variants(def).map(|variant| variant.0).collect()
        } else {
            Set::default()
        };
        let mut walker = Walker {
            scanner: self,
            text: &text,
            file: it.file,
            kind: it.kind,
            this,
            home: self.index.crate_of(def),
            modules: vec![(module, usize::MAX)],
            locals,
            generics: it.of.map(|of| self.index[of].generics.clone()).unwrap_or_default(),
            variants,
            macros: Vec::new(),
            imported: Map::default(),
            attribute: 0,
            depth: 0,
            scoped: Default::default(),
            out: &mut out,
        };
        if let (Kind::Member, Some(of)) = (it.kind, it.of) {
            let head = self.index[of].head;
            walker.walk(head.0, head.1);
        }
        // A macro's own name is no mention.
        let from =
            if it.kind == Kind::Macro && text.is(it.start, symbol::MACRO_RULES) { it.start + 3 } else { it.from };
        walker.walk(from, it.to);
        let scoped = walker.scoped;
        let home = (it.kind == Kind::Macro).then(|| self.index.crate_of(def));
        self.add_traits(home, &scoped, &mut out);
        out
    }

    /// `home`: of a macro, which can use any trait of its own crate.
    fn add_traits(&self, home: Option<CrateId>, scoped: &std::collections::BTreeSet<(Sym, ModId)>, out: &mut Mentions) {
        for (name, module) in scoped {
            let scope = self.scopes.of(&self.index, &self.resolver, *module);
            out.ambient.extend(scope.ambient.iter().cloned());
            let candidates = self.index.trait_members.get(name).into_iter().flatten();
            let near = |def: &DefId| home.is_some_and(|home| self.index.sees(home, self.index.crate_of(*def)));
            let usable = candidates.filter(|def| scope.traits.contains(def) || near(def));
            out.traits.extend(usable.map(|def| (*name, *def)));
        }
    }

    /// Whether a name in a pattern is a constant, not a new variable.
    fn is_constant(&self, module: ModId, name: Sym) -> bool {
        let (found, _) = self.resolver.resolve(&self.index, module, &[name]);
        found.iter().any(|target| match target {
            Target::Def(def) => matches!(self.index[*def].kind, Kind::Const | Kind::Static | Kind::Struct),
            Target::Assoc(..) => true,
            _ => false,
        })
    }

    /// Arguments of macros that are not the standard library's.
    fn opaque(&self, text: &Text, from: usize, to: usize) -> Vec<(usize, usize)> {
        let calls = (from..to).filter(|at| {
            text.is(*at, symbol::BANG) && text.name(at.wrapping_sub(1)).is_some() && {
                let open = if text.is(at - 1, symbol::MACRO_RULES) { at + 2 } else { at + 1 };
                text.kind(open) == Some(lex::Kind::Open)
            }
        });
        let others = calls.filter(|at| text.name(at - 1).is_some_and(|name| !macros::is_std(&self.index, name)));
        others
            .map(|at| if text.is(at - 1, symbol::MACRO_RULES) { at + 2 } else { at + 1 })
            .map(|open| (open, text.mate(open)))
            .collect()
    }
}

impl Uses {
    fn of(index: &Index, resolver: &Resolver) -> Self {
        let ids = (0..index.impls.len() as u32).map(ImplId);
        let mut found = Self {
            heads: ids.clone().map(|id| traits::head(index, resolver, id)).collect(),
            inherent: Map::default(),
            by_def: Map::default(),
            by_trait: Map::default(),
            by_unknown: Map::default(),
            members: Map::default(),
            calls_by: CallsBy::default(),
            opaque_calls: Vec::new(),
            call_words: Set::default(),
            linked: Vec::new(),
            registered: Map::default(),
        };
        for id in ids {
            found.add_impl(index, id);
        }
        for krate in (0..index.crates.len() as u32).map(CrateId) {
            for def in &index[krate].calls {
                found.add_call(krate, *def, macros::call(index, krate, *def));
            }
        }
        for def in index.def_ids() {
            for words in index[def].attributes.iter().filter(|words| !words.is_empty()) {
                if words.iter().any(|word| matches!(*word, symbol::NO_MANGLE | symbol::EXPORT_NAME)) {
                    found.linked.push(def);
                }
                let head = resolver.resolve(index, index[def].module, &words[..1]).0;
                if !head.contains(&Target::Extern(symbol::UNDERSCORE)) {
                    words[1..].iter().for_each(|word| found.registered.entry(*word).or_default().push(def));
                }
            }
        }
        found
    }

    fn add_call(&mut self, krate: CrateId, def: DefId, call: Call) {
        let by = &mut self.calls_by;
        for (names, by) in
            [(call.defines, &mut by.defines), (call.types, &mut by.types), (call.methods, &mut by.methods)]
        {
            names.into_iter().for_each(|name| by.entry(name).or_default().push(def));
        }
        self.call_words.extend(call.words);
        if call.opaque {
            self.opaque_calls.push((krate, def));
        }
    }

    fn add_impl(&mut self, index: &Index, id: ImplId) {
        let head = &self.heads[id.0 as usize];
        for name in &head.unknown {
            self.by_unknown.entry(*name).or_default().push(id);
        }
        if index[id].def.is_some() {
            for def in head.types.iter().chain(&head.of_trait) {
                self.by_def.entry(*def).or_default().push(id);
            }
            if let Some(of_trait) = head.of_trait {
                self.by_trait.entry(of_trait).or_default().push(id);
            }
        } else {
            for def in &head.this {
                self.inherent.entry(*def).or_default().push(id);
            }
            for (name, def) in &index[id].members {
                if let Some(name) = name {
                    self.members.entry(*name).or_default().push((id, *def));
                }
            }
        }
    }
}

/// The root of a package that cannot be read.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// The package.
    pub package: String,
    /// Its root.
    pub root: std::path::PathBuf,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the sources of `{}` are not readable at {}", self.package, self.root.display())
    }
}

impl std::error::Error for Unreadable {}
