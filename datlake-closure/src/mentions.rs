//! What the tokens of one item mention.
//!
//! An item is read in the module where it stands; a macro's body also in the modules that call it. What a name means is asked of
//! the resolver; here it is decided which tokens are names, and whether something local hides them. In doubt a token counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::index::Meaning;
use crate::index::{CrateId, DefId, FileId, Kind, ModId, Path};
use crate::lex;
use crate::locals::Locals;
use crate::macros;
use crate::mentioned::Mentions;
use crate::resolve::{Meanings, Resolved};
use crate::scanner::Scanner;
use crate::symbol::{self, Map, Set, Sym};
use crate::text::Text;
use crate::traits::{is_builtin, path_at};

/// What reads one item.
pub(crate) struct Walker<'a> {
    pub(crate) scanner: &'a Scanner,
    pub(crate) text: &'a Text,
    pub(crate) file: FileId,
    pub(crate) kind: Kind,
    /// What `Self` is.
    pub(crate) this: Vec<DefId>,
    /// Where `$crate` leads.
    pub(crate) home: CrateId,
    /// The module, and the blocks around the token with their ends.
    pub(crate) modules: Vec<(ModId, usize)>,
    pub(crate) locals: Locals,
    /// Generics around the item.
    pub(crate) generics: Vec<Sym>,
    /// Tokens that declare variants.
    pub(crate) variants: Set<usize>,
    /// The macro calls around the token: where they end, and whether somebody else's macro reads it.
    pub(crate) macros: Vec<(usize, bool)>,
    /// Imports among a macro's tokens, which are no block's.
    pub(crate) imported: Map<Sym, Vec<Path>>,
    /// Up to here one is in an attribute.
    pub(crate) attribute: usize,
    /// The tokens of a function, where it is one.
    pub(crate) function: Option<(usize, usize)>,
    /// How many strings deep one reads.
    pub(crate) depth: usize,
    /// Names that a trait in scope may have, and where.
    pub(crate) scoped: BTreeSet<(Sym, ModId)>,
    pub(crate) out: &'a mut Mentions,
}

impl Walker<'_> {
    pub(crate) fn walk(&mut self, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            while self.macros.last().is_some_and(|(end, _)| *end <= at) {
                self.macros.pop();
            }
            while self.modules.len() > 1 && self.modules.last().is_some_and(|(_, end)| *end <= at) {
                self.modules.pop();
            }
            let next = match self.text.kind(at) {
                Some(lex::Kind::Punct) if self.text.is(at, symbol::HASH) => self.attribute(at),
                Some(lex::Kind::Open) => {
                    let block = self.scanner.index.blocks.get(&(self.file, at)).filter(|_| self.depth == 0);
                    self.modules.extend(block.map(|block| (*block, self.text.mate(at))));
                    at + 1
                }
                Some(lex::Kind::Str) => {
                    self.string(at);
                    at + 1
                }
                Some(lex::Kind::Ident) => self.ident(at, from, to),
                _ => at + 1,
            };
            at = next.max(at + 1);
        }
    }

    pub(crate) fn module(&self) -> ModId {
        self.modules.last().map_or(ModId(0), |module| module.0)
    }

    /// Whether any word could become anything: a macro of somebody else reads it.
    pub(crate) fn is_loose(&self) -> bool {
        self.kind == Kind::Call || self.macros.iter().any(|(_, others)| *others)
    }

    pub(crate) fn call(&mut self, name: Sym) {
        self.out.called.insert(name);
        self.scoped.insert((name, self.module()));
    }

    /// What a path means; where it leads nowhere, the segment that is unknown. What decides about that counts, too.
    pub(crate) fn resolve(&mut self, path: &[Sym]) -> Arc<Resolved> {
        let (index, resolver) = (&self.scanner.index, &self.scanner.resolver);
        let home = index[self.home].root;
        let around = self.module();
        let module = |path: &[Sym]| if path[0] == symbol::DOLLAR_CRATE { home } else { around };
        let mut resolved = resolver.resolve(index, module(path), path);
        if !resolved.aside.is_empty() {
            self.out.aside(&resolved.aside);
            let hidden: Meanings =
                resolved.aside.iter().filter(|one| matches!(one, Meaning::Hidden(_))).copied().collect();
            if !hidden.is_empty() {
                self.out.edges.entry(path.into()).or_default().extend(hidden);
            }
        }
        if self.imported.is_empty() {
            return resolved;
        }
        for import in self.imported.get(&path[0]).into_iter().flatten() {
            let full: Vec<Sym> = import.iter().chain(&path[1..]).copied().collect();
            let more = resolver.resolve(index, module(&full), &full);
            self.out.aside(&more.aside);
            let all = Arc::make_mut(&mut resolved);
            all.found.extend(&more.found);
            all.lost = all.lost.filter(|_| all.found.is_empty());
        }
        resolved
    }

    fn attribute(&mut self, at: usize) -> usize {
        let Some((open, end)) = self.text.attribute(at) else { return at + 1 };
        let head = self.text.sym(open + 1);
        if matches!(head, Some(symbol::CFG | symbol::CFG_ATTR)) {
            let close = self.text.mate(open + 2);
            let is_comma = |text: &Text, at: usize| head == Some(symbol::CFG_ATTR) && text.is(at, symbol::COMMA);
            self.condition(open + 3, self.text.seek(open + 3, close, is_comma));
        }
        if head == Some(symbol::CFG) || crate::normal::is_silent(self.text, open) {
            return end;
        }
        if let Some((path, _)) = path_at(self.text, open + 1, end)
            && self.resolve(&path).found.contains(&Meaning::Extern(symbol::UNDERSCORE))
        {
            self.declared(open + 1, end);
            return end;
        }
        self.attribute = end;
        if !matches!(head, Some(symbol::DERIVE | symbol::CFG_ATTR)) {
            let names: Vec<Sym> = (open + 2..end).filter_map(|at| self.text.name(at)).collect();
            for name in names {
                self.call(name);
            }
        }
        open + 1
    }

    /// What an attribute of ours declares that the code depends on.
    fn declared(&mut self, from: usize, end: usize) {
        let Some(open) = (from..end).find(|at| self.text.word(*at) == "depends_on").map(|at| at + 1) else { return };
        let close = self.text.mate(open).min(end);
        let mut at = open + 1;
        while at < close {
            match path_at(self.text, at, close).filter(|_| self.text.word(at) != "mod") {
                Some((path, next)) => {
                    self.attribute = next;
                    self.mention(&path, false, at, next);
                    at = next;
                }
                None => at += 1,
            }
        }
    }

    pub(crate) fn condition(&mut self, from: usize, to: usize) {
        let mut condition = String::new();
        crate::normal::write(self.text, from, to, &mut condition);
        // What a macro's argument completes is no condition.
        if !condition.is_empty() && !condition.contains('$') {
            self.out.conditions.insert(condition);
        }
    }

    /// Names captured by a format string; paths in an attribute's string.
    fn string(&mut self, at: usize) {
        let Some(content) = self.text.string(at) else { return };
        if at < self.attribute && self.depth < 3 && content.len() < 400 {
            self.inside(content, true);
        }
        if !content.contains('{') {
            return;
        }
        for name in captured(content) {
            let Some(name) = self.scanner.index.symbols().get(name).filter(|name| !name.is_keyword()) else { continue };
            if !self.locals.hides_value(name, at) && !self.resolve(&[name]).found.is_empty() {
                self.mention(&[name], false, at, at + 1);
            }
        }
    }

    fn ident(&mut self, at: usize, from: usize, to: usize) -> usize {
        let text = self.text;
        let Some(word) = text.sym(at) else { return at + 1 };
        let before = if at > from { text.sym(at - 1) } else { None };
        if self.is_loose() && !word.is_keyword() && word != symbol::THREAD_LOCAL {
            self.call(word);
            self.handed_over(word);
        }
        match before {
            Some(symbol::DOT) => {
                let called = text.opens(at + 1, '(') || text.is(at + 1, symbol::PATH_SEP);
                if called || self.kind == Kind::Macro || self.is_loose() {
                    self.call(word);
                }
                return at + 1;
            }
            Some(symbol::DOLLAR) if word != symbol::CRATE => return at + 1,
            // `$name:expr`
            Some(symbol::COLON) if text.is(at.wrapping_sub(3), symbol::DOLLAR) => return at + 1,
            _ => {}
        }
        if self.variants.contains(&at) || declares(text, at, before) {
            return at + 1;
        }
        match word {
            symbol::DYN => self.dynamic(at, to),
            symbol::USE
                if text.ident(at + 1).is_some() || text.is(at + 1, symbol::PATH_SEP) || text.opens(at + 1, '{') =>
            {
                return self.imports(at, to);
            }
            symbol::SELF_TYPE if !text.is(at + 1, symbol::PATH_SEP) => self.itself(),
            _ => {}
        }
        if word.is_keyword() && !text.is(at + 1, symbol::PATH_SEP) {
            return at + 1;
        }
        if before == Some(symbol::PATH_SEP) && continues(text, at) {
            self.call(word);
            return at + 1;
        }
        let start = if matches!(before, Some(symbol::PATH_SEP | symbol::DOLLAR)) { at - 1 } else { at };
        match path_at(text, start, to) {
            Some((path, next)) => self.path(&path, at, next),
            None => at + 1,
        }
    }

    /// A macro's name among another's arguments can be called there.
    fn handed_over(&mut self, word: Sym) {
        let index = &self.scanner.index;
        let own = index[index[self.module()].krate].macros.get(&word);
        self.out.macros.extend(own.into_iter().flatten());
    }

    fn path(&mut self, path: &[Sym], at: usize, next: usize) -> usize {
        let text = self.text;
        let single = path.len() == 1;
        let bang =
            text.is(next, symbol::BANG) && (text.is_kind(next + 1, lex::Kind::Open) || path[0] == symbol::MACRO_RULES);
        if bang {
            self.macro_call(path, next);
            if path[0] == symbol::MACRO_RULES {
                return next + 2;
            }
        } else if self.generics.contains(&path[0]) || self.locals.hides_type(path[0], at) {
            if let Some(last) = path.last().filter(|_| !single) {
                self.call(*last);
            }
            return next;
        } else if single {
            let strict = self.kind != Kind::Macro && !self.is_loose();
            let field = strict
                && text.is(next, symbol::COLON)
                && text.word(at).starts_with(|first: char| !first.is_uppercase());
            if field || self.locals.hides_value(path[0], at) {
                return next;
            }
            let plain = text.word(at).starts_with(|first: char| !first.is_uppercase())
                && !text.opens(next, '(')
                && !text.is(next, symbol::PATH_SEP);
            let loose = plain && (self.is_loose() || self.kind == Kind::Macro) || at < self.attribute;
            if loose && self.resolve(path).found.is_empty() {
                return next;
            }
        }
        if at < self.attribute && self.resolve(path).found.is_empty() {
            return next;
        }
        self.mention(path, bang, at, next);
        next
    }

    fn dynamic(&mut self, at: usize, to: usize) {
        let text = self.text;
        let mut next = at + 1;
        loop {
            if text.is(next, symbol::FOR) {
                next = text.past_angles(next + 1, to);
            }
            if let Some((path, behind)) = path_at(text, next, to) {
                let resolved = self.resolve(&path);
                let index = &self.scanner.index;
                let traits = resolved.found.iter().filter_map(|target| match target {
                    Meaning::Def(def) if index[*def].kind == Kind::Trait => Some(*def),
                    _ => None,
                });
                // Of a function that keeps nothing of what others put there.
                let keeps = |(from, to): (usize, usize)| (from..to).any(|at| text.is(at, symbol::STATIC));
                let is_made_here = self.function.is_some_and(|function| !keeps(function));
                let open = if is_made_here { &mut self.out.dynamic } else { &mut self.out.open };
                open.extend(traits);
                next = if text.is(behind, symbol::LT) { text.past_angles(behind, to) } else { behind };
            } else {
                next += 1;
            }
            if !text.is(next, symbol::PLUS) {
                return;
            }
            next += 1;
        }
    }

    fn itself(&mut self) {
        let targets = self.this.iter().map(|def| Meaning::Def(*def));
        self.out.edges.entry([symbol::SELF_TYPE].into()).or_default().extend(targets);
    }

    fn mention(&mut self, path: &[Sym], bang: bool, at: usize, next: usize) {
        let last = path.last().copied().unwrap_or(symbol::UNDERSCORE);
        if path.len() > 1 {
            self.scoped.insert((last, self.module()));
        }
        if path[0] == symbol::SELF_TYPE {
            self.of_self(path, last);
            return;
        }
        let resolved = self.resolve(path);
        let mut found = resolved.found.clone();
        if path.len() > 1 && path[0] == symbol::SUPER && (self.kind == Kind::Macro || self.is_loose()) {
            // The module that it is said in may be among the tokens.
            found.extend(&self.resolve(&path[1..]).found);
        }
        let index = &self.scanner.index;
        if bang {
            let krate = index[self.module()].krate;
            found.retain(|target| !matches!(target, Meaning::Def(def) if index[*def].kind != Kind::Macro));
            if path.len() == 1 {
                found.extend(index[krate].macros.get(&last).into_iter().flatten().map(|def| Meaning::Def(*def)));
            }
            if found.is_empty() && !macros::is_std(index, last) {
                found.extend(
                    macros::named(index, krate, last).chain(macros::named(index, self.home, last)).map(Meaning::Def),
                );
            }
            let of_macros =
                found.iter().filter_map(|target| if let Meaning::Def(def) = target { Some(*def) } else { None });
            self.out.macros.extend(of_macros);
        }
        if found.is_empty() {
            self.not_found(path, resolved.lost, bang, at, next);
            return;
        }
        let text = self.text;
        for target in &found {
            match target {
                Meaning::Assoc(def, name) if !index[*def].kind.is_type() || *name != last => {
                    self.out.called.insert(last);
                }
                // Whoever gets a module's name can name what is in it.
                Meaning::Mod(module) if self.is_loose() || at < self.attribute || text.is(next, symbol::PATH_SEP) => {
                    self.out.modules.insert(*module);
                }
                _ => {}
            }
        }
        self.out.edges.entry(path.into()).or_default().extend(found);
    }

    fn of_self(&mut self, path: &[Sym], last: Sym) {
        let index = &self.scanner.index;
        let known = self.this.iter().any(|def| index[*def].kind != Kind::Trait) && path.len() == 2;
        if !known {
            self.out.called.insert(last);
        }
        let Some(name) = path.get(1) else { return };
        let targets = self.this.iter().map(|def| Meaning::Assoc(*def, *name));
        self.out.edges.entry(path.into()).or_default().extend(targets);
    }

    fn not_found(&mut self, path: &[Sym], lost: Option<Sym>, bang: bool, at: usize, next: usize) {
        let index = &self.scanner.index;
        let last = path.last().copied().unwrap_or(symbol::UNDERSCORE);
        if bang && macros::is_std(index, last) {
            return;
        }
        if path.len() > 1 {
            self.out.called.insert(last);
        }
        let Some(lost) = lost.filter(|lost| !lost.is_keyword() && !is_builtin(index, *lost)) else { return };
        self.out.lost.insert(lost);
        let text = self.text;
        let upper = text.word(at).starts_with(char::is_uppercase);
        let used = path.len() > 1
            || bang
            || text.opens(next, '(')
            || text.is(next, symbol::PATH_SEP)
            || upper && text.opens(next, '{');
        if used && self.kind != Kind::Macro {
            self.out.free.insert(lost);
        }
    }
}

/// Whether the name is the one that its keyword declares.
fn declares(text: &Text, at: usize, before: Option<Sym>) -> bool {
    if text.name(at).is_none() {
        return false;
    }
    match before {
        Some(symbol::CONST) => !text.is_any(at.wrapping_sub(2), &[symbol::STAR, symbol::IMPL]),
        Some(symbol::UNION) => {
            !text.is(at, symbol::AS) && text.is_any(at + 1, &[symbol::LT]) || text.opens(at + 1, '{')
        }
        Some(
            symbol::FN
            | symbol::STRUCT
            | symbol::ENUM
            | symbol::TRAIT
            | symbol::TYPE
            | symbol::MOD
            | symbol::STATIC
            | symbol::MACRO,
        ) => true,
        _ => false,
    }
}

/// Whether the `::` before a name continues something that is no plain path: `<T>::name`, `Vec::<u8>::name`, `$t::name`.
fn continues(text: &Text, at: usize) -> bool {
    let before = at.wrapping_sub(2);
    text.ident(before).is_some_and(|word| !word.is_keyword() || word == symbol::SELF_TYPE)
        || text.is_any(before, &[symbol::GT, symbol::SHR])
        || text.is_kind(before, lex::Kind::Close)
}

/// `{name}`, `{name:…}`, `{:name$}` in a string.
fn captured(content: &str) -> impl Iterator<Item = &str> {
    let inside = content.split('{').skip(1).map(|part| part.split('}').next().unwrap_or(""));
    let words = inside.flat_map(|inside| inside.split(|c: char| !(c.is_alphanumeric() || c == '_')));
    words.filter(|word| word.starts_with(|first: char| first.is_alphabetic() || first == '_'))
}
