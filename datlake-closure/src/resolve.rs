//! Names and paths to what they mean.
//!
//! A name means everything that it can mean under any `cfg` and in any namespace, so an answer is a set. Named imports go before
//! globs, namespace by namespace. Circles of imports are solved by repeating until nothing changes; answers are kept for ever,
//! for the index does not change. Chains longer than [`DEPTH`] lead nowhere.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::index::{Binding, Index, Kind, Meaning, ModId};
use crate::packages::Edition;
use crate::symbol::{self, Map, Set, Sym};

const DEPTH: usize = 100;
const ROUNDS: usize = 8;

pub(crate) type Meanings = BTreeSet<Meaning>;

type Key = (ModId, Sym);

#[derive(Default)]
pub(crate) struct Resolver {
    known: Mutex<Map<Key, Arc<[Meaning]>>>,
    /// Whole paths that were asked for, by their last segment.
    paths: Mutex<Map<Key, Paths>>,
}

type Paths = Vec<(Box<[Sym]>, Arc<Resolved>)>;

/// What a path means, and what decides about that.
#[derive(Clone, Default)]
pub(crate) struct Resolved {
    pub(crate) found: Meanings,
    /// No targets: conditions, macro calls, what is hidden.
    pub(crate) aside: Meanings,
    /// Where it leads nowhere, the segment that is unknown.
    pub(crate) lost: Option<Sym>,
}

impl Resolved {
    fn new(all: Meanings, lost: Option<Sym>) -> Self {
        let (found, aside) = all.into_iter().partition(|target| target.is_target());
        Self { found, aside, lost }
    }
}

/// One question and the questions it leads to.
#[derive(Default)]
struct Query {
    answers: Map<Key, Meanings>,
    done: Set<Key>,
    active: Set<Key>,
    circular: bool,
    changed: bool,
}

impl Resolver {
    fn known(&self) -> MutexGuard<'_, Map<Key, Arc<[Meaning]>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a name means in a module itself, not around it.
    pub(crate) fn lookup(&self, index: &Index, module: ModId, name: Sym) -> Arc<[Meaning]> {
        if let Some(known) = self.known().get(&(module, name)) {
            return known.clone();
        }
        self.run(|query| self.member(index, module, name, query, 0)).into_iter().collect()
    }

    /// What a path means.
    pub(crate) fn resolve(&self, index: &Index, module: ModId, path: &[Sym]) -> Arc<Resolved> {
        let Some(last) = path.last() else { return Arc::default() };
        let key = (module, *last);
        let paths = || self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = paths().get(&key)
            && let Some((_, known)) = known.iter().find(|(known, _)| **known == *path)
        {
            return known.clone();
        }
        let mut lost = None;
        let all = self.run(|query| {
            let (found, unknown) = self.path(index, module, path, false, query, 0);
            lost = unknown;
            found
        });
        let resolved = Arc::new(Resolved::new(all, lost));
        paths().entry(key).or_default().push((path.into(), resolved.clone()));
        resolved
    }

    /// The same for the path of a `use`, whose first segment is read otherwise in 2015.
    pub(crate) fn import(&self, index: &Index, module: ModId, path: &[Sym]) -> Resolved {
        Resolved::new(self.run(|query| self.path(index, module, path, true, query, 0).0), None)
    }

    fn run(&self, mut ask: impl FnMut(&mut Query) -> Meanings) -> Meanings {
        let mut query = Query::default();
        let mut found = BTreeSet::new();
        for _ in 0..ROUNDS {
            query.done.clear();
            (query.circular, query.changed) = (false, false);
            found = ask(&mut query);
            if !(query.circular && query.changed) {
                break;
            }
        }
        let mut known = self.known();
        known.extend(query.answers.into_iter().map(|(key, targets)| (key, targets.into_iter().collect())));
        found
    }

    fn member(&self, index: &Index, module: ModId, name: Sym, query: &mut Query, depth: usize) -> Meanings {
        let key = (module, name);
        if let Some(known) = self.known().get(&key) {
            return known.iter().copied().collect();
        }
        let before = query.answers.get(&key);
        if query.done.contains(&key) {
            return before.cloned().unwrap_or_default();
        }
        if depth > DEPTH || !query.active.insert(key) {
            query.circular = true;
            return before.cloned().unwrap_or_default();
        }
        let found = self.names(index, module, name, query, depth);
        query.active.remove(&key);
        query.done.insert(key);
        query.changed |= query.answers.get(&key).is_none_or(|before| *before != found);
        query.answers.insert(key, found.clone());
        found
    }

    fn names(&self, index: &Index, module: ModId, name: Sym, query: &mut Query, depth: usize) -> Meanings {
        let mut found = BTreeSet::new();
        for binding in index[module].names.get(&name).into_iter().flatten() {
            match binding {
                Binding::Def(def) => {
                    found.insert(Meaning::Def(*def));
                }
                Binding::Mod(child) => {
                    found.insert(Meaning::Mod(*child));
                    found.extend(index[*child].when.map(|when| Meaning::When(index[*child].krate, when, name)));
                }
                Binding::Use(import) => {
                    found.extend(self.path(index, module, &import.path, true, query, depth + 1).0);
                    found.extend(index.when(module, import));
                }
            }
        }
        if !index[module].names.contains_key(&name) {
            found.extend(index.made.get(&(module, name)).into_iter().flatten().map(|call| Meaning::Made(*call)));
        }
        let mut globbed = BTreeSet::new();
        for glob in &index[module].globs {
            let mut here = BTreeSet::new();
            for base in self.path(index, module, &glob.path, true, query, depth + 1).0 {
                match base {
                    Meaning::Mod(base) => {
                        let reached = self.member(index, base, name, query, depth + 1);
                        here.extend(if is_hidden(index, base, name, module) { hidden(&reached) } else { reached });
                    }
                    Meaning::Def(def) if index.has_variant(def, name) => {
                        here.insert(Meaning::Assoc(def, name));
                    }
                    _ => {}
                }
            }
            if !here.is_empty() {
                here.extend(index.when(module, glob));
            }
            globbed.extend(here);
        }
        add_unshadowed(index, &mut found, globbed);
        found
    }

    fn path(
        &self,
        index: &Index,
        module: ModId,
        path: &[Sym],
        import: bool,
        query: &mut Query,
        depth: usize,
    ) -> (Meanings, Option<Sym>) {
        let Some((first, mut rest)) = path.split_first() else { return (BTreeSet::new(), None) };
        let krate = index[module].krate;
        let root = index[krate].root;
        let old = index[krate].package.edition == Edition::E2015;
        let mut now = BTreeSet::new();
        match *first {
            symbol::CRATE | symbol::DOLLAR_CRATE => now.extend([Meaning::Mod(root)]),
            symbol::SELF => now.extend([Meaning::Mod(index.proper(module))]),
            symbol::SUPER => now.extend(index.above(module).map(Meaning::Mod)),
            symbol::PATH_SEP => {
                let Some((name, behind)) = rest.split_first() else { return (now, None) };
                rest = behind;
                if old {
                    now = self.member(index, root, *name, query, depth + 1);
                }
                if is_nothing(&now) {
                    now.extend(index[krate].externs.get(name));
                }
            }
            name => {
                now = if import && old {
                    self.member(index, root, name, query, depth + 1)
                } else {
                    self.around(index, module, name, query, depth + 1)
                };
                if is_nothing(&now) {
                    now.extend(index[krate].externs.get(&name));
                }
            }
        }
        let mut at = *first;
        for segment in rest {
            if is_nothing(&now) {
                break;
            }
            at = *segment;
            now = self.step(index, now, at, query, depth);
        }
        let lost = is_nothing(&now).then_some(at);
        (now, lost)
    }

    fn step(&self, index: &Index, now: Meanings, segment: Sym, query: &mut Query, depth: usize) -> Meanings {
        let mut next = BTreeSet::new();
        // An attribute may put a module beside a function, under its name: what is in there leads to the function.
        let functions: Vec<Meaning> = now
            .iter()
            .filter(|target| matches!(target, Meaning::Def(def) if index[*def].kind == Kind::Fn))
            .copied()
            .collect();
        for target in now {
            match target {
                Meaning::Mod(module) if segment == symbol::SUPER => next.extend(index.above(module).map(Meaning::Mod)),
                Meaning::Mod(module) if segment == symbol::SELF => next.extend([Meaning::Mod(module)]),
                Meaning::Mod(module) => next.extend(self.member(index, module, segment, query, depth + 1)),
                Meaning::Def(def)
                    if matches!(index[def].kind, Kind::Trait | Kind::Alias) || index[def].kind.is_type() =>
                {
                    next.insert(Meaning::Assoc(def, segment));
                }
                Meaning::Extern(path) if path != symbol::UNDERSCORE => {
                    let path = format!("{}::{}", index.name(path), index.name(segment));
                    next.insert(Meaning::Extern(index.sym(&path)));
                }
                Meaning::Def(_) => {}
                other => next.extend([other]),
            }
        }
        if is_nothing(&next) {
            next.extend(functions);
        }
        next
    }

    /// A name in a module or a block, or around the block.
    fn around(&self, index: &Index, module: ModId, name: Sym, query: &mut Query, depth: usize) -> Meanings {
        let mut found = BTreeSet::new();
        let mut at = module;
        loop {
            let here = self.member(index, at, name, query, depth);
            add_unshadowed(index, &mut found, here);
            match index[at].parent.filter(|_| index[at].block) {
                Some(parent) => at = parent,
                None => return found,
            }
        }
    }
}

fn is_nothing(found: &Meanings) -> bool {
    !found.iter().any(|target| target.is_target())
}

/// Whether a glob in `from` passes over what a module has of a name.
fn is_hidden(index: &Index, module: ModId, name: Sym, from: ModId) -> bool {
    let seen = index[module].names.get(&name).into_iter().flatten().map(|binding| index.seen(binding));
    let globs = index[module].globs.iter().map(|glob| glob.seen);
    !index.made.contains_key(&(module, name)) && !seen.chain(globs).any(|seen| index.is_seen(seen, from))
}

/// What would be meant if it could be named.
fn hidden(found: &Meanings) -> Meanings {
    found
        .iter()
        .filter_map(|target| if let Meaning::Def(def) = target { Some(Meaning::Hidden(*def)) } else { None })
        .collect()
}

/// Adds what is found farther away, in namespaces in which nothing was found nearer.
fn add_unshadowed(index: &Index, found: &mut Meanings, farther: Meanings) {
    let taken = found.iter().fold(0, |taken, target| taken | spaces(index, *target));
    found.extend(farther.into_iter().filter(|target| match spaces(index, *target) {
        0 => true,
        spaces => spaces & !taken != 0,
    }));
}

/// Namespaces in which a target is known to be.
fn spaces(index: &Index, target: Meaning) -> u8 {
    match target {
        Meaning::Def(def) => index[def].kind.spaces(),
        Meaning::Mod(_) => 1,
        Meaning::Assoc(..) => 3,
        Meaning::Extern(_) | Meaning::Whole(_) | Meaning::When(..) | Meaning::Made(_) | Meaning::Hidden(_) => 0,
    }
}
