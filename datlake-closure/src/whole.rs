//! Procedural macros of ours, which count as whole packages.

use crate::closure::Run;
use crate::index::{Binding, CrateId, DefId, Meaning, ModId};
use crate::macros;
use crate::scanner::{Scanner, is_composed};
use crate::symbol::{Set, Sym};

impl Run<'_> {
    /// A procedural macro of ours: all of it, and what its code names where it is called.
    pub(crate) fn whole_crate(&mut self, krate: CrateId, def: DefId, context: Option<ModId>) {
        self.whole.insert(krate);
        let (scanner, index) = (self.scanner, &self.scanner.index);
        let module = context.unwrap_or(index[def].module);
        let root = index[index[module].krate].root;
        // It may name what it composes of the item's name.
        let name = index.name(index[def].name);
        for module in [module, root] {
            let composed = index[module].names.iter().filter(|(other, _)| is_composed(&index.name(**other), &name));
            for binding in composed.flat_map(|(_, bindings)| bindings) {
                if let Binding::Def(found) = binding {
                    self.include(*found, Some(def));
                }
            }
        }
        for (word, method) in scanner.words_of(krate).iter() {
            if *method {
                self.called(*word, index[module].krate, def);
            }
            self.may_call(*word, index[module].krate, def);
            for module in [module, root] {
                for target in scanner.resolver.lookup(index, module, *word).iter() {
                    if let Meaning::Def(found) = target {
                        self.include(*found, Some(def));
                    }
                }
            }
        }
    }
}

impl Scanner {
    fn words_of(&self, krate: CrateId) -> std::sync::Arc<Set<(Sym, bool)>> {
        let mut known = self.whole_words.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.entry(krate).or_insert_with(|| macros::words_of(&self.index, krate).into()).clone()
    }
}
