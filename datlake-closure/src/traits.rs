//! Which traits' methods can be called where, and what an impl is of and for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::asked;
use crate::index::Meaning;
use crate::index::{Binding, DefId, ImplId, Import, Index, Kind, ModId, Path};
use crate::resolve::{Resolved, Resolver};
use crate::symbol::{self, Map, Set, Sym};

/// Traits that a module brings into scope.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    pub(crate) traits: Set<DefId>,
    /// Those under an attribute of somebody else, which can give them methods of any name.
    pub(crate) handed: BTreeSet<DefId>,
    /// What decides whether they are in scope.
    pub(crate) aside: Map<DefId, BTreeSet<Meaning>>,
    /// Imports of other people's code that nobody names: they may be traits.
    pub(crate) ambient: BTreeSet<Path>,
}

#[derive(Default)]
pub(crate) struct Scopes {
    known: Mutex<Map<ModId, Arc<Scope>>>,
}

impl Scopes {
    /// Of a module, or of a block and what is around it.
    pub(crate) fn of(&self, index: &Index, resolver: &Resolver, module: ModId) -> Arc<Scope> {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&module) {
            return known.clone();
        }
        let mut scope = Scope::default();
        let mut at = Some(module);
        while let Some(here) = at {
            collect(index, resolver, here, &mut scope);
            at = index[here].parent.filter(|_| index[here].block);
        }
        let scope = Arc::new(scope);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(module, scope.clone());
        scope
    }
}

fn collect(index: &Index, resolver: &Resolver, module: ModId, scope: &mut Scope) {
    let foreign = |path: &Path| {
        resolver.import(index, module, path).found.iter().all(|target| matches!(target, Meaning::Extern(_)))
    };
    let outside = index[module].unnamed.iter().chain(&index[module].globs).map(|import| &import.path);
    scope.ambient.extend(outside.filter(|path| foreign(path)).cloned());
    scope.ambient.extend(unmentioned(index, resolver, module));
    let mut seen = Set::default();
    let mut modules = vec![(module, BTreeSet::new())];
    while let Some((module, around)) = modules.pop() {
        if !seen.insert(module) {
            continue;
        }
        for name in index[module].names.keys() {
            scope.add(index, resolver.lookup(index, module, *name).iter().chain(&around));
        }
        for import in &index[module].unnamed {
            let Resolved { found, aside, .. } = resolver.import(index, module, &import.path);
            scope.add(index, found.iter().chain(&aside).chain(&around).chain(&index.when(module, import)));
        }
        for import in &index[module].globs {
            let Resolved { found, aside, .. } = resolver.import(index, module, &import.path);
            let around: BTreeSet<Meaning> =
                around.iter().chain(&aside).copied().chain(index.when(module, import)).collect();
            let bases =
                found.iter().filter_map(|target| if let Meaning::Mod(base) = target { Some(*base) } else { None });
            modules.extend(bases.map(|base| (base, around.clone())));
        }
    }
}

impl Scope {
    /// The traits among targets, with what decides about them.
    fn add<'a>(&mut self, index: &Index, all: impl Iterator<Item = &'a Meaning>) {
        let (mut traits, mut aside) = (Vec::new(), BTreeSet::new());
        for target in all {
            match target {
                Meaning::Def(def) if index[*def].kind == Kind::Trait => traits.push(*def),
                target if !target.is_target() => {
                    aside.insert(*target);
                }
                _ => {}
            }
        }
        for def in traits {
            self.traits.insert(def);
            self.handed.extend((!index[def].attributes.is_empty()).then_some(def));
            if !aside.is_empty() {
                self.aside.entry(def).or_default().extend(&aside);
            }
        }
    }
}

/// Imports from registry crates whose names stand nowhere else in the module's files: they are there for their methods.
fn unmentioned(index: &Index, resolver: &Resolver, module: ModId) -> Vec<Path> {
    let mut candidates: Map<Sym, &Path> = Map::default();
    for (name, bindings) in &index[module].names {
        for binding in bindings {
            let Binding::Use(Import { path, .. }) = binding else { continue };
            let registry = |target: &Meaning| match target {
                Meaning::Extern(name) => !is_std(index, *name) && *name != symbol::UNDERSCORE,
                _ => false,
            };
            if index.name(*name).starts_with(char::is_uppercase)
                && resolver.import(index, module, path).found.iter().any(registry)
            {
                candidates.insert(*name, path);
            }
        }
    }
    if candidates.is_empty() {
        return Vec::new();
    }
    let mut counts: Map<Sym, usize> = Map::default();
    for (file, from, to) in &index[index.proper(module)].spans {
        let text = &index[*file].text;
        for name in (*from..*to).filter_map(|at| text.name(at)).filter(|name| candidates.contains_key(name)) {
            *counts.entry(name).or_default() += 1;
        }
    }
    candidates.into_iter().filter(|(name, _)| counts.get(name) == Some(&1)).map(|(_, path)| path.clone()).collect()
}

fn is_std(index: &Index, path: Sym) -> bool {
    let path = index.name(path);
    matches!(path.split("::").next(), Some("std" | "core" | "alloc" | "proc_macro" | "test"))
}

/// What must be there for an impl to be used.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImplHead {
    /// The type of an inherent impl.
    pub(crate) this: Vec<DefId>,
    /// Types of ours anywhere in the head.
    pub(crate) types: BTreeSet<DefId>,
    /// Names in the head that nothing visible defines.
    pub(crate) unknown: BTreeSet<Sym>,
    pub(crate) of_trait: Option<DefId>,
    /// Its trait can be somebody else's, where a `cfg` decides.
    pub(crate) may_be_foreign: bool,
    /// Of a trait of std that nothing uses until something asks for it: its bit.
    pub(crate) asked_by: u64,
}

pub(crate) fn head(index: &Index, resolver: &Resolver, id: ImplId) -> ImplHead {
    let it = &index[id];
    let text = &index[it.file].text;
    let mut found = ImplHead::default();
    let mut lost_trait = None;
    // What nothing visible defines can come from a glob of somebody else's code.
    let foreign = |target: &Meaning| matches!(target, Meaning::Extern(_));
    let outside = |glob: &Import| resolver.import(index, it.module, &glob.path).found.iter().any(foreign);
    let from_outside = index[it.module].globs.iter().any(outside);
    for (range, of_trait) in it.of_trait.iter().map(|range| (*range, true)).chain([(it.this, false)]) {
        let mut first = true;
        let mut at = range.0;
        while at < range.1 {
            let Some((path, next)) = path_at(text, at, range.1) else {
                at += 1;
                continue;
            };
            at = next;
            if it.generics.contains(&path[0]) || path.len() == 1 && path[0].is_keyword() {
                continue;
            }
            let resolved = resolver.resolve(index, it.module, &path);
            let Resolved { found: targets, lost, .. } = &*resolved;
            if of_trait && first {
                found.may_be_foreign = targets.iter().any(|target| matches!(target, Meaning::Extern(_)));
                found.asked_by =
                    asked::bit_of(index, &path, targets.iter().copied(), !from_outside && targets.is_empty());
            }
            for def in targets.iter().flat_map(|target| types_of(index, resolver, *target)) {
                if index[def].kind != Kind::Trait {
                    found.types.insert(def);
                } else if of_trait && first {
                    found.of_trait = Some(def);
                } else {
                    found.types.insert(def);
                }
                if !of_trait && found.this.is_empty() {
                    found.this.push(def);
                }
            }
            if let Some(name) = lost.filter(|_| path.len() > 1 || !is_builtin(index, path[0])) {
                // A trait that nothing visible defines is somebody else's, or a macro's.
                if of_trait && first {
                    lost_trait = Some(name);
                } else if !from_outside {
                    found.unknown.insert(name);
                }
            }
            first = false;
        }
    }
    if found.types.is_empty() && found.unknown.is_empty() {
        found.unknown.extend(lost_trait);
    }
    found
}

/// Types and traits behind a target; of an alias what it names.
pub(crate) fn types_of(index: &Index, resolver: &Resolver, target: Meaning) -> Vec<DefId> {
    let (Meaning::Def(def) | Meaning::Assoc(def, _)) = target else { return Vec::new() };
    let mut found = Vec::new();
    let mut seen = Set::default();
    let mut rest = vec![def];
    while let Some(def) = rest.pop() {
        if !seen.insert(def) {
            continue;
        }
        let it = &index[def];
        if it.kind != Kind::Alias {
            // A function can have a type's name.
            found.extend((it.kind.is_type() || it.kind == Kind::Trait).then_some(def));
            continue;
        }
        let text = index.text(def);
        let equals = text.seek_outside_angles(it.start, it.to, |text, at| text.is(at, symbol::EQ));
        let mut at = equals + 1;
        while at < it.to {
            match path_at(&text, at, it.to) {
                Some((path, next)) => {
                    let resolved = resolver.resolve(index, it.module, &path);
                    let defs = resolved
                        .found
                        .iter()
                        .filter_map(|target| if let Meaning::Def(def) = target { Some(*def) } else { None });
                    rest.extend(defs.filter(|def| index[*def].kind.is_type() || index[*def].kind == Kind::Alias));
                    at = next;
                }
                None => at += 1,
            }
        }
    }
    found
}

/// A path that begins here, up to its first generics, and what comes behind it.
pub(crate) fn path_at(text: &crate::text::Text, at: usize, to: usize) -> Option<(Vec<Sym>, usize)> {
    let mut path = Vec::new();
    let mut next = at;
    if text.is(next, symbol::PATH_SEP) {
        path.push(symbol::PATH_SEP);
        next += 1;
    } else if text.is(next, symbol::DOLLAR) && text.is(next + 1, symbol::CRATE) {
        path.push(symbol::DOLLAR_CRATE);
        next += 2;
        if !text.is(next, symbol::PATH_SEP) {
            return Some((path, next));
        }
        next += 1;
    }
    loop {
        let segment = text.ident(next).filter(|_| next < to)?;
        path.push(segment);
        next += 1;
        if !text.is(next, symbol::PATH_SEP) || text.ident(next + 1).is_none() || next + 1 >= to {
            return Some((path, next));
        }
        next += 1;
    }
}

/// Names that the language and its prelude give: nothing of ours is meant where nothing of ours is found.
pub(crate) fn is_builtin(index: &Index, name: Sym) -> bool {
    const NAMES: &[&str] = &[
        "bool",
        "char",
        "str",
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "usize",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "isize",
        "f32",
        "f64",
        "f16",
        "f128",
        "Option",
        "Some",
        "None",
        "Result",
        "Ok",
        "Err",
        "Vec",
        "String",
        "Box",
        "Default",
        "From",
        "Into",
        "TryFrom",
        "TryInto",
        "Iterator",
        "IntoIterator",
        "FromIterator",
        "Extend",
        "ExactSizeIterator",
        "DoubleEndedIterator",
        "ToString",
        "ToOwned",
        "AsRef",
        "AsMut",
        "AsyncFn",
        "AsyncFnMut",
        "AsyncFnOnce",
        "Clone",
        "Copy",
        "Drop",
        "Eq",
        "PartialEq",
        "Ord",
        "PartialOrd",
        "Fn",
        "FnMut",
        "FnOnce",
        "Send",
        "Sync",
        "Sized",
        "Unpin",
        "drop",
        "size_of",
        "size_of_val",
        "align_of",
        "align_of_val",
        "Debug",
        "Hash",
        "Future",
        "IntoFuture",
    ];
    NAMES.contains(&index.symbols().text(name))
}
