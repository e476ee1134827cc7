//! The index with everything that was asked of it: one for each process that compiles.
//!
//! Nothing here outlives the sources it was made of: a process that compiles more than once makes a new one each time.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::asked::Asking;
use crate::index::Meaning;
use crate::index::{Call, CrateId, DefId, ImplId, Index, Kind, ModId};
use crate::macros;
use crate::mentioned::Mentions;
use crate::packages::Package;
use crate::resolve::Resolver;
use crate::source::Sources;
use crate::symbol::{self, Map, Set, Sym};
use crate::text::Text;
use crate::traits::{self, ImplHead, Scopes};
use crate::{modules, normal};

/// The sources of a crate and its path dependencies, read once.
pub struct Scanner {
    pub(crate) index: Index,
    pub(crate) resolver: Resolver,
    pub(crate) scopes: Scopes,
    sources: Box<dyn Sources + Send + Sync>,
    pub(crate) mentions: Mutex<Map<Reading, Arc<Mentions>>>,
    pub(crate) texts: Mutex<Map<DefId, Arc<str>>>,
    pub(crate) files: Mutex<Map<std::path::PathBuf, Option<Arc<[u8]>>>>,
    uses: OnceLock<Uses>,
    pub(crate) whole_words: Mutex<Map<CrateId, Words>>,
    composed: Mutex<Map<Sym, Arc<[DefId]>>>,
    labels: Mutex<Map<DefId, Arc<str>>>,
}

/// An item, and the module from which a macro's body is seen.
type Reading = (DefId, Option<ModId>);

/// Words, and whether they stand behind a dot.
type Words = Arc<Set<(Sym, bool)>>;

/// By what impls, members and macro calls come into a closure.
pub(crate) struct Uses {
    pub(crate) heads: Vec<ImplHead>,
    pub(crate) inherent: Map<DefId, Vec<ImplId>>,
    /// Trait impls, by each thing of ours in their heads.
    pub(crate) by_def: Map<DefId, Vec<ImplId>>,
    pub(crate) by_trait: Map<DefId, Vec<ImplId>>,
    /// Impls by names in their heads that nothing defines.
    pub(crate) by_unknown: Map<Sym, Vec<ImplId>>,
    pub(crate) members: Map<Sym, Vec<(ImplId, DefId)>>,
    /// What asks for impls of std's traits.
    pub(crate) asking: Asking,
    /// Traits of which nothing but what is written makes anything.
    pub(crate) plain_traits: Set<DefId>,
    /// Those of them, and their impls, whose functions count one by one.
    pub(crate) split: Set<DefId>,
    /// Functions of those by name: in what they stand, and of which trait they are.
    pub(crate) parts: Map<Sym, Vec<(DefId, DefId, DefId)>>,
    pub(crate) calls_by: CallsBy,
    /// Macro calls that hide what they make.
    pub(crate) opaque_calls: Vec<(CrateId, DefId)>,
    /// Words of all calls: a name that is none of them is made by something else.
    pub(crate) call_words: Set<Sym>,
    /// Items that the linker finds by name.
    pub(crate) linked: Vec<DefId>,
    /// Items by words in their attributes, which may put them into a registry.
    pub(crate) registered: Map<Sym, Vec<DefId>>,
    /// Items of which a macro can compose another's name, by their own as it may stand in that.
    pub(crate) composing: Vec<(String, DefId)>,
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
            composed: Mutex::default(),
            labels: Mutex::default(),
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
        self.composed = Mutex::default();
        found
    }

    pub(crate) fn read(&self, path: &Path) -> Option<Arc<[u8]>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || self.sources.read(path).ok().map(Arc::from);
        files.entry(path.to_owned()).or_insert_with(read).clone()
    }

    pub(crate) fn list(&self, folder: &Path) -> Vec<std::path::PathBuf> {
        self.sources.list(folder)
    }

    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.sources.variable(name)
    }

    pub(crate) fn uses(&self) -> &Uses {
        self.uses.get_or_init(|| Uses::of(&self.index, &self.resolver))
    }

    /// Items of which a macro can have composed a name that nothing defines.
    pub(crate) fn composing(&self, name: Sym) -> Arc<[DefId]> {
        let mut known = self.composed.lock().unwrap_or_else(PoisonError::into_inner);
        let find = || {
            let whole = squashed(&self.index.name(name));
            let parts = self.uses().composing.iter().filter(|(part, _)| whole.contains(part.as_str()));
            parts.map(|(_, def)| *def).collect()
        };
        known.entry(name).or_insert_with(find).clone()
    }

    /// Package, module path, item.
    pub(crate) fn label(&self, def: DefId) -> Arc<str> {
        let mut labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        labels.entry(def).or_insert_with(|| self.index.label(def).into()).clone()
    }

    /// The normal form of an item; of a member with its impl's head.
    pub(crate) fn item_text(&self, def: DefId) -> Arc<str> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.entry(def).or_insert_with(|| self.write_item(def).into()).clone()
    }

    fn write_item(&self, def: DefId) -> String {
        let (it, text) = (&self.index[def], self.index.text(def));
        let mut out = String::new();
        if let (Kind::Member, Some(of), None) = (it.kind, it.of, it.owner) {
            normal::write(&text, self.index[of].head.0, self.index[of].head.1, &mut out);
        }
        let mut at = it.from;
        while let Some((open, end)) = text.attribute(at).filter(|(_, end)| *end <= it.start) {
            if !self.is_ours(it.module, &text, open) {
                normal::write(&text, at, end, &mut out);
            }
            at = end;
        }
        for (from, to) in self.own_spans(def, it.start.max(at)) {
            normal::write(&text, from, to, &mut out);
        }
        out
    }

    /// Whether an attribute is of a package that is left out.
    fn is_ours(&self, module: ModId, text: &Text, open: usize) -> bool {
        let Some((path, _)) = traits::path_at(text, open + 1, text.len()) else { return false };
        self.resolver.resolve(&self.index, module, &path).found.contains(&Meaning::Extern(symbol::UNDERSCORE))
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
            asking: Asking::default(),
            plain_traits: Set::default(),
            split: Set::default(),
            parts: Map::default(),
            calls_by: CallsBy::default(),
            opaque_calls: Vec::new(),
            call_words: Set::default(),
            linked: Vec::new(),
            registered: Map::default(),
            composing: Vec::new(),
        };
        for id in ids {
            found.add_impl(index, id);
        }
        found.add_parts(index);
        found.asking = Asking::of(index, resolver, found.heads.iter().fold(0, |bits, head| bits | head.asked_by));
        for krate in (0..index.crates.len() as u32).map(CrateId) {
            for def in &index[krate].calls {
                // What was added later is none of the index's.
                let call = index.calls.get(def).cloned();
                found.add_call(krate, *def, call.unwrap_or_else(|| macros::call(index, krate, *def)));
            }
        }
        for def in index.def_ids() {
            let mut composes = index[def].derives;
            for words in index[def].attributes.iter().filter(|words| !words.is_empty()) {
                if words.iter().any(|word| matches!(*word, symbol::NO_MANGLE | symbol::EXPORT_NAME)) {
                    found.linked.push(def);
                }
                let head = resolver.resolve(index, index[def].module, &words[..1]);
                if !head.found.contains(&Meaning::Extern(symbol::UNDERSCORE)) {
                    composes = true;
                    words[1..].iter().for_each(|word| found.registered.entry(*word).or_default().push(def));
                }
            }
            let name = composes.then(|| squashed(&index.name(index[def].name)));
            if let Some(name) = name.filter(|name| name.len() >= SHORTEST) {
                found.composing.push((name, def));
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

/// Of what a name is composed, at least: shorter ones stand in any other.
const SHORTEST: usize = 3;

/// A name as it may stand in one that is composed of it: `plot_line` in `PlotLineBuilder`.
fn squashed(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// Whether a name may be composed of another.
pub(crate) fn is_composed(name: &str, of: &str) -> bool {
    let of = squashed(of);
    of.len() >= SHORTEST && squashed(name).contains(&of)
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
