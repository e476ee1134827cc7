//! Functions in traits and in their impls: where the trait is one of ours, each counts when its name is called.
//!
//! The standard library and other people's crates do not know a trait of ours, so nothing but its name calls a function of it. An
//! attribute or a macro around the trait or the impl can make more of it: then all of that counts as one.

use crate::build::{Builder, Place, Span};
use crate::closure::Run;
use crate::index::{CrateId, DefId, Index, Kind};
use crate::items::past_modifiers;
use crate::lex;
use crate::scanner::{Scanner, Uses};
use crate::symbol::{self, Sym};

impl Builder<'_> {
    /// What stands directly in a trait or in a trait's impl.
    pub(crate) fn parts(&mut self, place: &Place<'_>, owner: DefId, from: usize, to: usize) {
        let text = place.text;
        let mut at = from;
        while at < to {
            let (attributes, after) = self.attributes(text, at, to);
            let start = text.past_visibility(after);
            let word = past_modifiers(text, start, to);
            let name = text.name(word + 1).filter(|_| text.is(word, symbol::FN));
            let end = match text.sym(word) {
                Some(symbol::FN) => text.past_body(word, to),
                Some(symbol::CONST | symbol::TYPE) => text.past_semicolon(word, to),
                _ => {
                    let open = text.seek(word, to, |text, at| text.is_kind(at, lex::Kind::Open));
                    let close = text.skip(open);
                    (if text.is(close, symbol::SEMI) { close + 1 } else { close }).min(to)
                }
            };
            let def = match name.filter(|_| text.closes(end.saturating_sub(1), '}')) {
                Some(name) => {
                    let def = self.define(place, Kind::Member, name, Span { from: at, start, to: end }, &attributes);
                    self.index[def].of = self.index[owner].of;
                    self.index[def].owner = Some(owner);
                    self.index.parts.entry(owner).or_default().push(def);
                    def
                }
                None => owner,
            };
            self.body(place, def, word + 1, end);
            at = end.max(at + 1);
        }
    }
}

impl Uses {
    /// Whether nothing but what is written makes anything of a trait, or of an impl.
    fn is_plain(index: &Index, def: DefId) -> bool {
        let it = &index[def];
        it.attributes.is_empty() && !it.in_call && it.made_by.is_none()
    }

    /// Fills in whose functions count one by one.
    pub(crate) fn add_parts(&mut self, index: &Index) {
        let is_trait =
            |def: &DefId| index[*def].kind == Kind::Trait && index[*def].outer.is_none() && Self::is_plain(index, *def);
        self.plain_traits = index.def_ids().filter(is_trait).collect();
        for (owner, parts) in &index.parts {
            let of_trait = match index[*owner].of {
                Some(of) => {
                    let head = &self.heads[of.0 as usize];
                    head.of_trait.filter(|_| Self::is_plain(index, *owner) && !head.may_be_foreign)
                }
                None => Some(*owner),
            };
            let Some(of_trait) = of_trait.filter(|of_trait| self.plain_traits.contains(of_trait)) else { continue };
            self.split.insert(*owner);
            for part in parts {
                self.parts.entry(index[*part].name).or_default().push((*owner, *part, of_trait));
            }
        }
    }
}

impl Scanner {
    /// The functions that count apart from the trait, or the trait's impl, in which they stand.
    pub(crate) fn parts_of(&self, owner: DefId) -> &[DefId] {
        match self.index.parts.get(&owner) {
            Some(parts) if self.uses().split.contains(&owner) => parts,
            _ => &[],
        }
    }

    /// The tokens of an item that are not those of its parts.
    pub(crate) fn own_spans(&self, def: DefId, from: usize) -> Vec<(usize, usize)> {
        let mut at = from;
        let mut spans = Vec::new();
        for part in self.parts_of(def) {
            spans.push((at, self.index[*part].from));
            at = self.index[*part].to;
        }
        spans.push((at, self.index[def].to));
        spans
    }

    /// What a function in a trait or in a trait's impl counts with: itself, or all of that.
    pub(crate) fn counted(&self, def: DefId) -> DefId {
        self.index[def].owner.filter(|owner| !self.uses().split.contains(owner)).unwrap_or(def)
    }
}

impl Run<'_> {
    /// A name that may be that of a trait's function.
    pub(crate) fn may_call(&mut self, name: Sym, from: CrateId, by: DefId) {
        if !self.may_be_called.entry(name).or_default().insert(from) {
            return;
        }
        let (uses, index) = (self.uses, &self.scanner.index);
        for (owner, part, of_trait) in uses.parts.get(&name).into_iter().flatten() {
            if self.items.contains_key(owner) && index.sees(from, index.crate_of(*of_trait)) {
                self.include(*part, Some(by));
            }
        }
    }

    /// The functions of a trait, or of an impl, that may be called.
    pub(crate) fn parts_in(&mut self, owner: DefId) {
        let (scanner, index) = (self.scanner, &self.scanner.index);
        let of_trait = match index[owner].of {
            Some(of) => self.uses.heads[of.0 as usize].of_trait,
            None => Some(owner),
        };
        let Some(home) = of_trait.map(|of_trait| index.crate_of(of_trait)) else { return };
        for part in scanner.parts_of(owner) {
            let from = self.may_be_called.get(&index[*part].name);
            if from.into_iter().flatten().any(|from| index.sees(*from, home)) {
                self.include(*part, Some(owner));
            }
        }
    }
}
