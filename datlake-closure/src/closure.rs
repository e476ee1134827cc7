//! From a function to everything that its result can depend on.
//!
//! Rapid type analysis by a work list: an item comes in when it is named, a method when its name is called and its type is
//! mentioned, an impl when all of ours in its head is mentioned. What comes in is read once, and nothing leaves. The order of the
//! work changes only what the message names as pulling an item in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::index::Meaning;
use crate::index::{Binding, CrateId, DefId, ImplId, Kind, ModId, Seen};
use crate::mentioned::{Embedded, Mentions};
use crate::outside;
use crate::scanner::{Scanner, Uses};
use crate::symbol::{self, Map, Set, Sym};

pub(crate) struct Run<'a> {
    pub(crate) scanner: &'a Scanner,
    pub(crate) uses: &'a Uses,
    /// Where it began: that item stands for itself, wherever it is.
    root: DefId,
    /// Trait objects can come with its arguments or from statics, though nothing there tells of which trait.
    brings_others: bool,
    /// Traits behind `dyn` in functions.
    dynamic: BTreeMap<DefId, DefId>,
    /// What is in, and what pulled it in.
    pub(crate) items: BTreeMap<DefId, Option<DefId>>,
    /// What leads to what, by the items among whose tokens they are.
    pub(crate) leads: BTreeMap<DefId, BTreeSet<DefId>>,
    /// Names of methods that an item calls.
    pub(crate) calls: BTreeMap<DefId, BTreeSet<Sym>>,
    queue: VecDeque<(DefId, Option<ModId>)>,
    read: Set<(DefId, Option<ModId>)>,
    /// Names of methods, and the crates that call them.
    called: Map<Sym, BTreeSet<CrateId>>,
    /// The same of names by which a trait's function may be called.
    pub(crate) may_be_called: Map<Sym, BTreeSet<CrateId>>,
    named: Set<(DefId, Sym)>,
    /// Names that nothing visible defines.
    lost: Set<(CrateId, Sym)>,
    unknown: Set<Sym>,
    free: Set<(CrateId, Sym)>,
    /// Names of types, constants and statics that are in.
    types: Set<(CrateId, Sym)>,
    open: Set<DefId>,
    /// Traits of std for which something asks, and impls that wait for that.
    pub(crate) asked: u64,
    pub(crate) waiting: Vec<(DefId, u64, DefId)>,
    /// Other people's code may ask for any of them.
    pub(crate) has_others: bool,
    /// How much of each trait impl's head is still missing.
    missing: Vec<usize>,
    foreign: Set<Sym>,
    pub(crate) edges: BTreeMap<DefId, BTreeSet<String>>,
    pub(crate) traits: BTreeMap<DefId, BTreeSet<String>>,
    pub(crate) crates: BTreeSet<CrateId>,
    pub(crate) whole: BTreeSet<CrateId>,
    pub(crate) registry: BTreeSet<String>,
    pub(crate) embedded: BTreeSet<Embedded>,
    /// By the crate for which the compiler reads them.
    pub(crate) variables: BTreeSet<(CrateId, String)>,
    /// By the crate whose `cfg` is asked.
    pub(crate) conditions: BTreeSet<(CrateId, String)>,
    pub(crate) notes: BTreeSet<(DefId, String)>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(scanner: &'a Scanner, root: DefId, brings_others: bool) -> Self {
        let uses = scanner.uses();
        let heads = uses.heads.iter();
        let missing =
            heads.map(|head| head.types.len() + head.unknown.len() + usize::from(head.of_trait.is_some())).collect();
        Self {
            scanner,
            uses,
            root,
            brings_others,
            dynamic: BTreeMap::new(),
            items: BTreeMap::new(),
            leads: BTreeMap::new(),
            calls: BTreeMap::new(),
            queue: VecDeque::new(),
            read: Set::default(),
            called: Map::default(),
            may_be_called: Map::default(),
            named: Set::default(),
            lost: Set::default(),
            unknown: Set::default(),
            free: Set::default(),
            types: Set::default(),
            open: Set::default(),
            asked: 0,
            waiting: Vec::new(),
            has_others: false,
            missing,
            foreign: Set::default(),
            edges: BTreeMap::new(),
            traits: BTreeMap::new(),
            crates: BTreeSet::new(),
            whole: BTreeSet::new(),
            registry: BTreeSet::new(),
            embedded: BTreeSet::new(),
            variables: BTreeSet::new(),
            conditions: BTreeSet::new(),
            notes: BTreeSet::new(),
        }
    }

    /// Reads until nothing comes in any more.
    pub(crate) fn finish(&mut self) {
        loop {
            while let Some((def, context)) = self.queue.pop_front() {
                if context.is_none() {
                    self.arrived(def);
                }
                // What stands in a body is read with it, but for a macro, which is also read where it is called.
                let apart = self.top(def) == def || context.is_some();
                if apart && self.read.insert((def, context)) {
                    let mentions = self.scanner.mentions(def, context);
                    self.take(def, context, &mentions);
                }
            }
            self.open_calls();
            self.linked();
            self.wake();
            self.open_dynamic();
            if self.queue.is_empty() {
                break;
            }
        }
        self.hidden_members();
    }

    /// Methods that are called by name and cannot be named from there: once they can, they may be what is called.
    fn hidden_members(&mut self) {
        let (uses, index) = (self.uses, &self.scanner.index);
        let is_hidden = |def: &DefId| {
            index[*def].owner.is_none() && index[*def].kind == Kind::Member && index[*def].seen != Seen::Everywhere
        };
        let hidden: Set<Sym> = self.items.keys().filter(|def| is_hidden(def)).map(|def| index[*def].name).collect();
        if hidden.is_empty() {
            return;
        }
        for (def, context) in &self.read {
            let from = context.unwrap_or(index[*def].module);
            for name in self.scanner.mentions(*def, *context).called.iter().filter(|name| hidden.contains(name)) {
                for (_, member) in uses.members.get(name).into_iter().flatten() {
                    if self.items.contains_key(member) && !index.is_seen(index[*member].seen, from) {
                        let edge = format!("{} = {} (hidden)", index.name(*name), self.scanner.label(*member));
                        self.edges.entry(self.top(*def)).or_default().insert(edge);
                    }
                }
            }
        }
    }

    /// Brings an item in.
    pub(crate) fn include(&mut self, def: DefId, by: Option<DefId>) {
        let def = self.scanner.counted(def);
        if let Some(by) = by {
            let (from, to) = (self.top(by), self.top(def));
            self.leads.entry(from).or_default().insert(to);
        }
        if self.items.contains_key(&def) {
            return;
        }
        self.items.insert(def, by);
        let it = &self.scanner.index[def];
        let (index, krate) = (&self.scanner.index, self.scanner.index.crate_of(def));
        self.crates.insert(krate);
        self.look_around(def);
        for when in index.conditions_around(it.module) {
            let when = index.name(when);
            self.edges.entry(def).or_default().insert(format!("if {when}"));
            self.conditions.insert((krate, when));
        }
        self.queue.push_back((def, None));
        // An item in a body is among the tokens around it; an impl there holds everywhere.
        if let Some(outer) = it.outer.filter(|_| def != self.root && !matches!(it.kind, Kind::Member | Kind::TraitImpl))
        {
            self.include(outer, by);
        }
        if let Some(made_by) = it.made_by {
            self.include(made_by, by);
        }
    }

    /// What else comes in because of an item.
    fn arrived(&mut self, def: DefId) {
        let it = &self.scanner.index[def];
        match it.kind {
            Kind::Trait => {
                self.type_in(def, it.name);
                self.parts_in(def);
            }
            Kind::TraitImpl => self.parts_in(def),
            Kind::Struct | Kind::Enum | Kind::Union => self.type_in(def, it.name),
            Kind::Static => {
                self.registered(def, it.name);
                self.brings_others |= outside::settable(self.scanner, def).is_some();
            }
            Kind::Call => self.brings_others |= outside::settable(self.scanner, def).is_some(),
            Kind::Const => self.registered(def, it.name),
            Kind::Foreign => {
                self.foreign.insert(it.name);
            }
            _ => {}
        }
    }

    fn type_in(&mut self, def: DefId, name: Sym) {
        let uses = self.uses;
        for id in uses.inherent.get(&def).into_iter().flatten() {
            self.members(*id, def);
        }
        for id in uses.by_def.get(&def).into_iter().flatten() {
            self.less_missing(*id, def);
        }
        self.registered(def, name);
        // A call that names the type can implement something for it.
        let index = &self.scanner.index;
        let of = index.crate_of(def);
        if self.types.insert((of, name)) {
            let calls = uses.calls_by.types.get(&name).into_iter().flatten();
            for call in calls.filter(|call| index.sees(index.crate_of(**call), of)) {
                self.include(*call, Some(def));
            }
        }
    }

    /// Items that an attribute puts into something of this name.
    fn registered(&mut self, def: DefId, name: Sym) {
        for registered in self.uses.registered.get(&name).into_iter().flatten() {
            self.include(*registered, Some(def));
        }
    }

    /// Members of a type's impl that are called.
    fn members(&mut self, id: ImplId, by: DefId) {
        let this = &self.uses.heads[id.0 as usize].this;
        let index = &self.scanner.index;
        for (name, member) in &index[id].members {
            let called = |name: Sym| {
                self.called.get(&name).into_iter().flatten().any(|from| index.sees(*from, index.crate_of(*member)))
            };
            let wanted =
                name.is_none_or(|name| called(name) || this.iter().any(|def| self.named.contains(&(*def, name))));
            if wanted {
                self.include(*member, Some(by));
            }
        }
    }

    fn less_missing(&mut self, id: ImplId, by: DefId) {
        let missing = &mut self.missing[id.0 as usize];
        *missing = missing.saturating_sub(1);
        if *missing == 0
            && let Some(def) = self.scanner.index[id].def
        {
            self.complete(def, self.uses.heads[id.0 as usize].asked_by, by);
        }
    }

    /// The impls of a trait count whatever they are for: its values can come from outside.
    pub(crate) fn open(&mut self, of_trait: DefId, by: DefId) {
        if !self.open.insert(of_trait) {
            return;
        }
        for id in self.uses.by_trait.get(&of_trait).into_iter().flatten() {
            if let Some(def) = self.scanner.index[*id].def {
                self.include(def, Some(by));
            }
        }
    }

    /// A method is called by its name: of any type that the calling crate can know.
    pub(crate) fn called(&mut self, name: Sym, from: CrateId, by: DefId) {
        self.may_call(name, from, by);
        if !self.called.entry(name).or_default().insert(from) {
            return;
        }
        let (uses, index) = (self.uses, &self.scanner.index);
        for (id, member) in uses.members.get(&name).into_iter().flatten() {
            let head = &uses.heads[id.0 as usize];
            let known = head.this.iter().any(|def| self.items.contains_key(def));
            // An attribute makes something else of an impl for a type that is none of ours.
            let made = head.this.is_empty()
                && (head.unknown.is_empty() || head.unknown.iter().any(|name| self.unknown.contains(name)));
            if (known || made) && index.sees(from, index.crate_of(*member)) {
                self.include(*member, Some(by));
            }
        }
        self.calls(&uses.calls_by.methods, name, from, by);
    }

    /// Item-level calls, in crates that a crate can use, of those that can make something of a name.
    fn calls(&mut self, by_name: &Map<Sym, Vec<DefId>>, name: Sym, from: CrateId, by: DefId) {
        let index = &self.scanner.index;
        for call in by_name.get(&name).into_iter().flatten().filter(|call| index.sees(from, index.crate_of(**call))) {
            self.include(*call, Some(by));
        }
    }

    fn named(&mut self, def: DefId, name: Sym, by: DefId) {
        if self.named.insert((def, name)) {
            for id in self.uses.inherent.get(&def).into_iter().flatten() {
                let members = self.scanner.index[*id].members.iter();
                for (_, member) in members.filter(|(member, _)| *member == Some(name)) {
                    self.include(*member, Some(by));
                }
            }
        }
    }

    /// A name that nothing visible defines: a macro may.
    fn lost(&mut self, name: Sym, from: CrateId, by: DefId) {
        if !self.lost.insert((from, name)) {
            return;
        }
        let uses = self.uses;
        if self.unknown.insert(name) {
            for id in uses.by_unknown.get(&name).into_iter().flatten() {
                if self.scanner.index[*id].def.is_some() {
                    self.less_missing(*id, by);
                } else if uses.heads[id.0 as usize].this.is_empty() {
                    self.members(*id, by);
                }
            }
        }
        self.calls(&uses.calls_by.defines, name, from, by);
        let (scanner, index) = (self.scanner, &self.scanner.index);
        for def in scanner.composing(name).iter().filter(|def| index.sees(from, index.crate_of(**def))) {
            self.include(*def, Some(by));
        }
    }

    fn take(&mut self, def: DefId, context: Option<ModId>, mentions: &Mentions) {
        let index = &self.scanner.index;
        let krate = index.crate_of(def);
        for (path, targets) in &mentions.edges {
            for target in targets {
                self.edge(def, context, path, *target);
            }
        }
        let top = self.top(def);
        for (name, of_trait) in &mentions.traits {
            let label = format!("{} of {}", index.name(*name), self.scanner.label(*of_trait));
            self.traits.entry(top).or_default().insert(label);
            self.include(*of_trait, Some(def));
            self.may_call(*name, index.crate_of(*of_trait), def);
        }
        self.asked |= mentions.asked;
        for path in &mentions.ambient {
            self.brings_in(krate, path);
            let import = format!("use {}", self.written(path));
            self.traits.entry(top).or_default().insert(import);
        }
        mentions.made.iter().for_each(|call| self.include(*call, Some(def)));
        for (krate, when, what) in &mentions.when {
            let when = index.name(*when);
            let edge = format!("{} if {when}", index.name(*what));
            self.edges.entry(self.top(def)).or_default().insert(edge);
            self.conditions.insert((*krate, when));
        }
        self.calls.entry(top).or_default().extend(&mentions.called);
        let crates = BTreeSet::from([krate, context.map_or(krate, |module| index[module].krate)]);
        for from in crates.iter().copied() {
            mentions.called.iter().for_each(|name| self.called(*name, from, def));
            mentions.lost.iter().for_each(|name| self.lost(*name, from, def));
        }
        for of_trait in &mentions.open {
            self.include(*of_trait, Some(def));
            self.open(*of_trait, def);
        }
        for of_trait in &mentions.dynamic {
            self.include(*of_trait, Some(def));
            self.dynamic.entry(*of_trait).or_insert(def);
        }
        for module in &mentions.modules {
            for binding in index[*module].names.values().flatten() {
                if let Binding::Def(found) = binding {
                    self.include(*found, Some(def));
                }
            }
        }
        self.free.extend(mentions.free.iter().map(|name| (krate, *name)));
        let seen_from = context.unwrap_or(index[def].module);
        for of_macro in &mentions.macros {
            self.include(*of_macro, Some(def));
            self.queue.push_back((*of_macro, Some(seen_from)));
        }
        self.embedded.extend(mentions.embedded.iter().cloned());
        // A macro's are those of the crate that calls it.
        for krate in crates {
            self.variables.extend(mentions.variables.iter().map(|variable| (krate, variable.clone())));
            self.conditions.extend(mentions.conditions.iter().map(|condition| (krate, condition.clone())));
        }
        self.notes.extend(mentions.notes.iter().map(|note| (def, note.clone())));
    }

    fn edge(&mut self, def: DefId, context: Option<ModId>, path: &[Sym], target: Meaning) {
        let index = &self.scanner.index;
        let label = match target {
            Meaning::Def(found) => {
                self.include(found, Some(def));
                self.scanner.label(found).to_string()
            }
            Meaning::Assoc(found, name) => {
                self.include(found, Some(def));
                self.named(found, name, def);
                self.may_call(name, index.crate_of(found), def);
                self.may_call(name, index.crate_of(def), def);
                let top = self.top(def);
                self.calls.entry(top).or_default().insert(name);
                format!("{}::{}", self.scanner.label(found), index.name(name))
            }
            Meaning::Mod(module) => index.module_path(module),
            Meaning::Extern(symbol::UNDERSCORE) => "extern".to_owned(),
            Meaning::Extern(path) => {
                let path = index.name(path);
                self.asked |= self.uses.asking.named_in(index, &path);
                self.registry.extend(path.split("::").next().map(str::to_owned));
                format!("extern {path}")
            }
            Meaning::Whole(krate) => {
                self.whole_crate(krate, def, context);
                index.package_label(krate)
            }
            Meaning::Hidden(found) => format!("{} (hidden)", self.scanner.label(found)),
            Meaning::When(..) | Meaning::Made(_) => return,
        };
        let top = self.top(def);
        let edge = format!("{} = {label}", self.written(path));
        self.edges.entry(top).or_default().insert(edge);
    }

    /// The item among whose tokens an item is.
    pub(crate) fn top(&self, mut def: DefId) -> DefId {
        let index = &self.scanner.index;
        let apart = |def: DefId| def == self.root || matches!(index[def].kind, Kind::Member | Kind::TraitImpl);
        def = self.scanner.counted(def);
        while let Some(outer) = index[def].outer.filter(|_| !apart(def)) {
            def = self.scanner.counted(outer);
        }
        def
    }

    fn written(&self, path: &[Sym]) -> String {
        let symbols = self.scanner.index.symbols();
        let mut out = String::new();
        for (at, segment) in path.iter().enumerate() {
            if at > 0 && path[at - 1] != symbol::PATH_SEP {
                out.push_str("::");
            }
            out.push_str(symbols.text(*segment));
        }
        out
    }

    /// Trait objects in functions whose values need not be made in what is reached.
    fn open_dynamic(&mut self) {
        for (of_trait, by) in std::mem::take(&mut self.dynamic) {
            if self.brings_others || !self.uses.plain_traits.contains(&of_trait) {
                self.open(of_trait, by);
            } else {
                self.dynamic.insert(of_trait, by);
            }
        }
    }

    /// A name that no visible code makes can be made by any macro call that hides what it makes.
    fn open_calls(&mut self) {
        let uses = self.uses;
        let hidden = self.free.iter().filter(|(_, name)| !uses.call_words.contains(name));
        let crates: BTreeSet<CrateId> = hidden.map(|(krate, _)| *krate).collect();
        for (_, def) in uses.opaque_calls.iter().filter(|(krate, _)| crates.contains(krate)) {
            self.include(*def, None);
        }
    }

    /// What a foreign function's declaration is linked with.
    fn linked(&mut self) {
        if self.foreign.is_empty() {
            return;
        }
        for def in &self.uses.linked {
            let it = &self.scanner.index[*def];
            let renamed = it.attributes.iter().flatten().any(|word| *word == symbol::EXPORT_NAME);
            if renamed || self.foreign.contains(&it.name) {
                self.include(*def, None);
            }
        }
    }
}
