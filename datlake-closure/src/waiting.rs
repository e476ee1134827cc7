//! Impls that are complete and wait until something asks for them.

use crate::asked::{is_quiet, is_quiet_path};
use crate::closure::Run;
use crate::index::{CrateId, DefId};
use crate::symbol::{self, Sym};

impl Run<'_> {
    /// An impl of which all types are there: it counts where something asks for its trait.
    pub(crate) fn complete(&mut self, def: DefId, bit: u64, by: DefId) {
        if bit == 0 || self.asked & bit != 0 {
            self.include(def, Some(by));
        } else {
            self.waiting.push((def, bit, by));
        }
    }

    /// What an item is around: others' macros can have names there that nobody writes.
    pub(crate) fn look_around(&mut self, def: DefId) {
        let (index, asking) = (&self.scanner.index, &self.uses.asking);
        let modules =
            std::iter::successors(Some(index[def].module), |at| index[*at].parent.filter(|_| index[*at].block));
        self.has_others |= asking.open_crates.contains(&index.crate_of(def))
            || modules.into_iter().any(|module| asking.open_modules.contains(&module));
    }

    /// Imports of others' code may be traits, whose methods get values of ours.
    pub(crate) fn brings_in(&mut self, krate: CrateId, path: &[Sym]) {
        let index = &self.scanner.index;
        let first = path.iter().find(|segment| **segment != symbol::PATH_SEP);
        let target = first.and_then(|first| index[krate].externs.get(first));
        self.has_others |= target.is_none_or(|target| !is_quiet(index, *target));
    }

    /// Impls for which something asks by now, or may.
    pub(crate) fn wake(&mut self) {
        let others = self.has_others || !self.whole.is_empty() || !self.registry.iter().all(|path| is_quiet_path(path));
        for (def, bit, by) in std::mem::take(&mut self.waiting) {
            if others || self.asked & bit != 0 {
                self.include(def, Some(by));
            } else {
                self.waiting.push((def, bit, by));
            }
        }
    }
}
