//! Reading one item, once for each module from which it is seen.

use std::sync::{Arc, PoisonError};

use crate::index::{CrateId, DefId, Kind, Meaning, ModId};
use crate::lex;
use crate::locals::Locals;
use crate::macros;
use crate::mentioned::Mentions;
use crate::mentions::Walker;
use crate::scanner::Scanner;
use crate::symbol::{self, Map, Set, Sym};
use crate::text::Text;
use crate::traits::Scope;

impl Scanner {
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
            None if it.owner.is_some() => it.owner.into_iter().collect(),
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
            generics: self.generics_around(def),
            variants,
            macros: Vec::new(),
            imported: Map::default(),
            attribute: 0,
            function: matches!(it.kind, Kind::Fn | Kind::Member).then_some((it.from, it.to)),
            depth: 0,
            scoped: Default::default(),
            out: &mut out,
        };
        if let (Kind::Member, Some(of), None) = (it.kind, it.of, it.owner) {
            let head = self.index[of].head;
            walker.walk(head.0, head.1);
        }
        // A macro's own name is no mention.
        let from =
            if it.kind == Kind::Macro && text.is(it.start, symbol::MACRO_RULES) { it.start + 3 } else { it.from };
        let spans = self.own_spans(def, from);
        for (from, to) in &spans {
            walker.walk(*from, *to);
        }
        let scoped = walker.scoped;
        let home = (it.kind == Kind::Macro).then(|| self.index.crate_of(def));
        self.add_traits(home, &scoped, &mut out);
        out.asked = spans.into_iter().fold(0, |asked, span| asked | self.uses().asking.asked_in(&text, span));
        out
    }

    /// Type parameters of the impl or the trait in which an item stands.
    fn generics_around(&self, def: DefId) -> Vec<Sym> {
        let it = &self.index[def];
        match (it.of, it.owner) {
            (Some(of), _) => self.index[of].generics.clone(),
            (None, Some(owner)) => {
                let (owner, text) = (&self.index[owner], self.index.text(def));
                let keyword = (owner.start..owner.to).find(|at| text.is(*at, symbol::TRAIT)).unwrap_or(owner.to);
                text.generics(keyword + 2, owner.to)
            }
            (None, None) => Vec::new(),
        }
    }

    /// `home`: of a macro, which can use any trait of its own crate.
    fn add_traits(&self, home: Option<CrateId>, scoped: &std::collections::BTreeSet<(Sym, ModId)>, out: &mut Mentions) {
        let mut scopes: Vec<(ModId, Arc<Scope>)> = Vec::new();
        for (name, module) in scoped {
            let at = scopes.iter().position(|(known, _)| known == module).unwrap_or_else(|| {
                let scope = self.scopes.of(&self.index, &self.resolver, *module);
                out.ambient.extend(scope.ambient.iter().cloned());
                out.traits.extend(scope.handed.iter().map(|def| (symbol::UNDERSCORE, *def)));
                scopes.push((*module, scope));
                scopes.len() - 1
            });
            let scope = &scopes[at].1;
            let candidates = self.index.trait_members.get(name).into_iter().flatten();
            let near = |def: &DefId| home.is_some_and(|home| self.index.sees(home, self.index.crate_of(*def)));
            for def in candidates.filter(|def| scope.traits.contains(def) || near(def)) {
                out.traits.insert((*name, *def));
                out.aside(scope.aside.get(def).into_iter().flatten());
            }
        }
    }

    /// Whether a name in a pattern is a constant, not a new variable.
    fn is_constant(&self, module: ModId, name: Sym) -> bool {
        let resolved = self.resolver.resolve(&self.index, module, &[name]);
        let nothing = resolved.found.is_empty() && resolved.aside.is_empty();
        !nothing
            && resolved.found.iter().chain(&resolved.aside).any(|target| match target {
                Meaning::Def(def) => matches!(self.index[*def].kind, Kind::Const | Kind::Static | Kind::Struct),
                Meaning::Assoc(..) | Meaning::Made(_) => true,
                _ => false,
            })
    }

    /// Arguments of macros that are not the standard library's.
    fn opaque(&self, text: &Text, from: usize, to: usize) -> Vec<(usize, usize)> {
        let (mut found, mut at) = (Vec::new(), from);
        while at < to {
            if text.is(at, symbol::BANG)
                && let Some(name) = text.name(at.wrapping_sub(1))
            {
                let open = if name == symbol::MACRO_RULES { at + 2 } else { at + 1 };
                if text.is_kind(open, lex::Kind::Open) && !macros::is_std(&self.index, name) {
                    found.push((open, text.mate(open)));
                }
            }
            at += 1;
        }
        found
    }
}
