//! Tokens to items: what a file, a module or a body defines.
//!
//! Nothing is parsed that a name does not need: an item is its attributes, its keyword, its name, and where it ends. What is no
//! item is taken for a macro call. Depth is bounded: what nests deeper than rustc allows is not looked at.

use crate::build::{Attributes, Builder, DEPTH, Place, Span};
use crate::index::{Binding, Def, DefId, Impl, ImplId, Import, Index, Kind, ModId, Module, Path, Seen};
use crate::lex;
use crate::symbol::{self, Sym};
use crate::text::Text;
use crate::uses::{self, Alias};

const QUIET: [Sym; 7] =
    [symbol::DERIVE, symbol::CFG, symbol::DOC, symbol::PATH, symbol::TEST, symbol::MACRO_EXPORT, symbol::MACRO_USE];
const STD_DERIVES: [&str; 9] = ["Clone", "Copy", "Debug", "Default", "Eq", "Hash", "Ord", "PartialEq", "PartialOrd"];
const ITEM_WORDS: [Sym; 14] = [
    symbol::FN,
    symbol::STRUCT,
    symbol::ENUM,
    symbol::UNION,
    symbol::TRAIT,
    symbol::TYPE,
    symbol::CONST,
    symbol::STATIC,
    symbol::MOD,
    symbol::USE,
    symbol::IMPL,
    symbol::EXTERN,
    symbol::MACRO_RULES,
    symbol::MACRO,
];

impl Builder<'_> {
    pub(crate) fn items(&mut self, place: &Place<'_>, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            at = if place.text.is(at, symbol::SEMI) { at + 1 } else { self.item(place, at, to).max(at + 1) };
        }
    }

    /// One item from its attributes on; gives where it ends.
    fn item(&mut self, place: &Place<'_>, from: usize, to: usize) -> usize {
        let text = place.text;
        let (mut attributes, after) = self.attributes(text, from, to);
        attributes.seen = self.seen(place, &attributes, after);
        let start = text.past_visibility(after);
        let at = past_modifiers(text, start, to);
        if at >= to {
            return to;
        }
        let named = text.name(at + 1);
        let mut span = Span { from, start, to };
        match text.sym(at) {
            Some(symbol::MOD) if named.is_some() => self.module(place, &attributes, at, to),
            Some(symbol::USE) => {
                span.to = text.past_semicolon(at, to);
                let range = (at + 1, span.to.saturating_sub(1));
                self.imports(place.module, text, range, attributes.seen, attributes.when);
                span.to
            }
            Some(symbol::EXTERN) if text.is(at + 1, symbol::CRATE) => self.extern_crate(place, &attributes, at, to),
            Some(symbol::EXTERN) => self.foreign(place, at, to),
            Some(symbol::IMPL) => self.implementation(place, &attributes, span, at),
            Some(symbol::MACRO_RULES) if text.is(at + 1, symbol::BANG) => {
                let body = text.skip(at + 3);
                span.to = (if text.is(body, symbol::SEMI) { body + 1 } else { body }).min(to);
                self.macro_rules(place, &attributes, span, text.name(at + 2));
                span.to
            }
            Some(keyword) if named.is_some() || matches!(keyword, symbol::CONST | symbol::STATIC) => {
                match kind_of(keyword) {
                    Some(kind) => self.plain(place, &attributes, span, at, kind),
                    None => self.call(place, span, at),
                }
            }
            _ => self.call(place, span, at),
        }
    }

    pub(crate) fn attributes(&mut self, text: &Text, from: usize, to: usize) -> (Attributes, usize) {
        let (mut found, mut at, mut conditions, mut needed) = (Attributes::default(), from, Vec::new(), Vec::new());
        while let Some((open, end)) = text.attribute(at).filter(|(_, end)| *end <= to) {
            let unsafe_ = text.is(open + 1, symbol::UNSAFE);
            let head = text.sym(if unsafe_ { open + 3 } else { open + 1 });
            let inside = open + 1..end - 1;
            if matches!(head, Some(symbol::PATH | symbol::CFG_ATTR)) {
                self.paths(text, head == Some(symbol::CFG_ATTR), open, end, &mut found);
            }
            found.test |= head == Some(symbol::CFG) && text.is(open + 3, symbol::TEST) && text.closes(open + 4, ')');
            let mentions = |sym| inside.clone().any(|at| text.is(at, sym));
            found.exported |= mentions(symbol::MACRO_EXPORT);
            found.macro_use |= head == Some(symbol::MACRO_USE);
            found.derives |= head == Some(symbol::DERIVE)
                && inside.clone().skip(2).any(|at| text.name(at).is_some() && !STD_DERIVES.contains(&text.word(at)));
            if matches!(head, Some(symbol::CFG | symbol::CFG_ATTR)) && text.opens(open + 2, '(') {
                let condition = predicate(text, open, head == Some(symbol::CFG_ATTR));
                if condition != "test" && !condition.contains('$') {
                    needed.extend((head == Some(symbol::CFG)).then(|| condition.clone()));
                    conditions.push(condition);
                }
            }
            let is_quiet = head.is_none_or(|head| QUIET.contains(&head)) || names_a_file(text, open);
            if !is_quiet && !crate::normal::is_silent(text, open) {
                found.words.push(inside.filter_map(|at| text.name(at)).collect());
            }
            at = end;
        }
        let as_one = |all: &[String]| match all {
            [] => None,
            [one] => Some(self.index.sym(one)),
            all => Some(self.index.sym(&format!("all ( {} )", all.join(" , ")))),
        };
        (found.when, found.under) = (as_one(&conditions), as_one(&needed));
        (found, at)
    }

    /// Where an attribute says that a module's file is.
    fn paths(&self, text: &Text, conditional: bool, open: usize, end: usize, found: &mut Attributes) {
        let under = conditional.then(|| predicate(text, open, true)).filter(|predicate| !predicate.contains('$'));
        let under = under.map(|predicate| self.index.sym(&predicate));
        let paths = (open + 1..end - 1).filter(|at| text.is(*at, symbol::PATH) && text.is(*at + 1, symbol::EQ));
        let before = found.paths.len();
        found.paths.extend(paths.filter_map(|at| Some((text.string(at + 2)?.to_owned(), under))));
        found.conditional |= conditional && found.paths.len() > before;
    }

    /// By what stands behind the attributes. A macro or an attribute can make something else of it.
    pub(crate) fn seen(&self, place: &Place<'_>, attributes: &Attributes, at: usize) -> Seen {
        let (text, home) = (place.text, self.index.proper(place.module));
        if place.in_call || !attributes.words.is_empty() {
            return Seen::Everywhere;
        }
        if !text.is(at, symbol::PUB) {
            return Seen::Within(home);
        }
        match text.sym(at + 2).filter(|_| text.opens(at + 1, '(')) {
            Some(symbol::CRATE) => Seen::Within(self.index[self.index[home].krate].root),
            Some(symbol::SELF) => Seen::Within(home),
            Some(symbol::SUPER) => self.index.above(home).map_or(Seen::Everywhere, Seen::Within),
            _ => Seen::Everywhere,
        }
    }

    pub(crate) fn imports(
        &mut self,
        module: ModId,
        text: &Text,
        (from, to): (usize, usize),
        seen: Seen,
        when: Option<Sym>,
    ) {
        let into = &mut self.index[module];
        uses::imports(text, from, to, &mut |path: Path, alias| into.add_import(Import { path, seen, when }, alias));
    }

    fn extern_crate(&mut self, place: &Place<'_>, attributes: &Attributes, at: usize, to: usize) -> usize {
        let text = place.text;
        if let Some(name) = text.ident(at + 2) {
            let alias = if text.is(at + 3, symbol::AS) { text.ident(at + 4) } else { None }.unwrap_or(name);
            let path: Path =
                if name == symbol::SELF { [symbol::CRATE].into() } else { [symbol::PATH_SEP, name].into() };
            let import = Import { path, seen: attributes.seen, when: attributes.when };
            self.index[place.module].names.entry(alias).or_default().push(Binding::Use(import));
            if attributes.macro_use {
                let krate = self.index[place.module].krate;
                self.index[krate].macro_use.push(name);
            }
        }
        text.past_semicolon(at, to)
    }

    fn foreign(&mut self, place: &Place<'_>, at: usize, to: usize) -> usize {
        let text = place.text;
        let open = text.seek(at, to, |text, at| text.opens(at, '{') || text.is(at, symbol::SEMI));
        if !text.opens(open, '{') {
            return open + 1;
        }
        let before = self.index.defs.len();
        self.items(place, open + 1, text.mate(open));
        for def in &mut self.index.defs[before..] {
            def.kind = Kind::Foreign;
        }
        text.skip(open)
    }

    fn macro_rules(&mut self, place: &Place<'_>, attributes: &Attributes, span: Span, name: Option<Sym>) {
        let Some(name) = name else { return };
        let def = self.define(place, Kind::Macro, name, span, attributes);
        let krate = self.index[place.module].krate;
        self.index[krate].macros.entry(name).or_default().push(def);
        if attributes.exported {
            let root = self.index[krate].root;
            self.index[root].names.entry(name).or_default().push(Binding::Def(def));
        }
    }

    /// An item with a name behind its keyword.
    fn plain(&mut self, place: &Place<'_>, attributes: &Attributes, mut span: Span, at: usize, kind: Kind) -> usize {
        let text = place.text;
        let value = matches!(kind, Kind::Const | Kind::Static | Kind::Alias);
        span.to = if value { text.past_semicolon(at, span.to) } else { text.past_body(at, span.to) };
        let named = if text.is_any(at + 1, &[symbol::MUT, symbol::REF]) { at + 2 } else { at + 1 };
        let Some(name) = text.ident(named) else { return self.call(place, span, at) };
        let def = self.define(place, kind, name, span, attributes);
        if name != symbol::UNDERSCORE {
            self.index[place.module].names.entry(name).or_default().push(Binding::Def(def));
        }
        if kind == Kind::Trait {
            for member in trait_members(text, at, span.to) {
                self.index.trait_members.entry(member).or_default().push(def);
            }
        }
        match kind {
            Kind::Fn | Kind::Const | Kind::Static => self.body(place, def, at + 1, span.to),
            Kind::Trait => self.parts(place, def, opening(text, at, span.to) + 1, span.to - 1),
            _ => {}
        }
        span.to
    }

    pub(crate) fn define(
        &mut self,
        place: &Place<'_>,
        kind: Kind,
        name: Sym,
        span: Span,
        attributes: &Attributes,
    ) -> DefId {
        let id = DefId(self.index.defs.len() as u32);
        self.index.defs.push(Def {
            kind,
            name,
            module: place.module,
            file: place.file,
            from: span.from,
            to: span.to,
            start: span.start,
            of: None,
            owner: None,
            outer: place.outer,
            made_by: place.made_by,
            in_call: place.in_call,
            attributes: attributes.words.clone(),
            derives: attributes.derives,
            seen: if kind == Kind::Macro { Seen::Everywhere } else { attributes.seen },
            under: attributes.under,
        });
        id
    }

    /// Items inside of a body: they belong to the block around them.
    pub(crate) fn body(&mut self, place: &Place<'_>, outer: DefId, from: usize, to: usize) {
        if place.depth >= DEPTH {
            return;
        }
        let text = place.text;
        // Open braces, with the module that each has once an item is found in it.
        let mut braces: Vec<(usize, Option<ModId>)> = Vec::new();
        let mut at = from;
        while at < to {
            while braces.last().is_some_and(|(open, _)| text.mate(*open) < at) {
                braces.pop();
            }
            if text.opens(at, '{') {
                braces.push((at, None));
            } else if !braces.is_empty() && begins_item(text, at) {
                let module = self.block(place, outer, &mut braces);
                let depth = place.depth + 1;
                let inner = Place { module, outer: Some(outer), depth, ..place.clone() };
                let end = braces.last().map_or(to, |(open, _)| text.mate(*open)).min(to);
                at = self.item(&inner, at, end).max(at + 1);
                continue;
            }
            at += 1;
        }
    }

    fn block(&mut self, place: &Place<'_>, outer: DefId, braces: &mut [(usize, Option<ModId>)]) -> ModId {
        let around = braces.iter().rev().skip(1).find_map(|(_, module)| *module).unwrap_or(place.module);
        let name = self.index[outer].name;
        let Some((open, module)) = braces.last_mut() else { return around };
        if let Some(module) = module {
            return *module;
        }
        let id = self.new_module(self.index[around].krate, Some(around), name);
        self.index[id].block = true;
        self.index.blocks.insert((place.file, *open), id);
        *module = Some(id);
        id
    }

    fn implementation(&mut self, place: &Place<'_>, attributes: &Attributes, mut span: Span, at: usize) -> usize {
        let text = place.text;
        let end = span.to;
        let generics = text.generics(at + 1, end);
        let first = if text.is(at + 1, symbol::LT) { text.past_angles(at + 1, end) } else { at + 1 };
        let open = opening(text, first, end);
        let is_for = |text: &Text, at: usize| text.is(at, symbol::FOR) && !text.is(at + 1, symbol::LT);
        let whose = text.seek_outside_angles(first, open, |text, at| text.is(at, symbol::WHERE));
        let split = text.seek_outside_angles(first, whose, is_for);
        let (of_trait, this) =
            if split < whose { (Some((first, split)), (split + 1, whose)) } else { (None, (first, whose)) };
        span.to = text.skip(open).min(end);
        let id = ImplId(self.index.impls.len() as u32);
        self.index.impls.push(Impl {
            module: place.module,
            file: place.file,
            head: (span.from, open),
            generics,
            of_trait,
            this,
            under: attributes.under,
            handed: !attributes.words.is_empty(),
            def: None,
            members: Vec::new(),
        });
        if !text.opens(open, '{') {
            return span.to;
        }
        if of_trait.is_some() {
            let def = self.define(place, Kind::TraitImpl, symbol::IMPL, span, attributes);
            self.index[def].of = Some(id);
            self.index[id].def = Some(def);
            self.parts(place, def, open + 1, span.to - 1);
        } else {
            self.members(place, id, open + 1, text.mate(open));
        }
        span.to
    }

    fn members(&mut self, place: &Place<'_>, of: ImplId, from: usize, to: usize) {
        let text = place.text;
        let mut at = from;
        while at < to {
            let (mut attributes, after) = self.attributes(text, at, to);
            attributes.seen = self.seen(place, &attributes, after);
            let start = text.past_visibility(after);
            let word = past_modifiers(text, start, to);
            let mut span = Span { from: at, start, to };
            let name = match text.sym(word) {
                Some(symbol::FN) => {
                    span.to = text.past_body(word, to);
                    text.name(word + 1)
                }
                Some(symbol::CONST | symbol::TYPE) => {
                    span.to = text.past_semicolon(word, to);
                    text.name(word + 1)
                }
                _ => {
                    let open = text.seek(word, to, |text, at| text.is_kind(at, lex::Kind::Open));
                    let close = text.skip(open);
                    span.to = (if text.is(close, symbol::SEMI) { close + 1 } else { close }).min(to);
                    None
                }
            };
            if start < to {
                let def = self.define(place, Kind::Member, name.unwrap_or(symbol::UNDERSCORE), span, &attributes);
                self.index[def].of = Some(of);
                self.index[of].members.push((name, def));
                self.body(place, def, word + 1, span.to);
            }
            at = span.to.max(at + 1);
        }
    }
}

/// The predicate of a `cfg`, or of a `cfg_attr`, whose bracket this is.
fn predicate(text: &Text, open: usize, of_attribute: bool) -> String {
    let comma = |text: &Text, at: usize| of_attribute && text.is(at, symbol::COMMA);
    let mut predicate = String::new();
    crate::normal::write(text, open + 3, text.seek(open + 3, text.mate(open + 2), comma), &mut predicate);
    predicate
}

/// Whether a `cfg_attr` with this bracket says where a module's file is, and nothing else.
fn names_a_file(text: &Text, open: usize) -> bool {
    let close = text.mate(open + 2);
    let comma = text.seek(open + 3, close, |text, at| text.is(at, symbol::COMMA));
    let end = if text.is(comma + 4, symbol::COMMA) { comma + 5 } else { comma + 4 };
    text.is(open + 1, symbol::CFG_ATTR)
        && text.is(comma + 1, symbol::PATH)
        && text.is(comma + 2, symbol::EQ)
        && end == close
}

fn kind_of(keyword: Sym) -> Option<Kind> {
    Some(match keyword {
        symbol::FN => Kind::Fn,
        symbol::CONST => Kind::Const,
        symbol::STATIC => Kind::Static,
        symbol::STRUCT => Kind::Struct,
        symbol::ENUM => Kind::Enum,
        symbol::UNION => Kind::Union,
        symbol::TRAIT => Kind::Trait,
        symbol::TYPE => Kind::Alias,
        symbol::MACRO => Kind::Macro,
        _ => return None,
    })
}

/// Past `unsafe`, `async`, `const` before `fn`, `extern "C"` and the like.
pub(crate) fn past_modifiers(text: &Text, mut at: usize, to: usize) -> usize {
    while at < to {
        let next = at + 1;
        let modifies = match text.sym(at) {
            Some(symbol::UNSAFE | symbol::ASYNC) => true,
            Some(symbol::DEFAULT | symbol::SAFE) => text.ident(next).is_some() && !text.is(next, symbol::AS),
            Some(symbol::AUTO) => text.is(next, symbol::TRAIT),
            Some(symbol::CONST) => text.is_any(
                next,
                &[symbol::FN, symbol::UNSAFE, symbol::ASYNC, symbol::EXTERN, symbol::TRAIT, symbol::IMPL],
            ),
            Some(symbol::EXTERN) if text.is(next, symbol::FN) => true,
            Some(symbol::EXTERN) if text.is_kind(next, lex::Kind::Str) && !text.opens(next + 1, '{') => {
                at += 1;
                true
            }
            _ => false,
        };
        if !modifies {
            break;
        }
        at += 1;
    }
    at
}

/// Whether an item begins here, among statements.
fn begins_item(text: &Text, at: usize) -> bool {
    let before = at.wrapping_sub(1);
    let statement = text.is(before, symbol::SEMI) || text.opens(before, '{') || text.closes(before, '}');
    if !statement || !text.is_kind(at, lex::Kind::Ident) && !text.is(at, symbol::HASH) {
        return false;
    }
    is_item(text, at)
}

/// Whether an item begins here, with its attributes.
pub(crate) fn is_item(text: &Text, at: usize) -> bool {
    let mut first = at;
    while let Some((_, end)) = text.attribute(first) {
        first = end;
    }
    first = text.past_visibility(first);
    let word = past_modifiers(text, first, text.len());
    let next = word + 1;
    text.is_any(word, &ITEM_WORDS)
        && match text.sym(word) {
            Some(symbol::USE) => true,
            Some(symbol::IMPL) => text.kind(next).is_some(),
            Some(symbol::CONST) => text.is(next + 1, symbol::COLON),
            Some(symbol::STATIC) => text.name(next).is_some() || text.is_any(next, &[symbol::MUT, symbol::REF]),
            Some(symbol::EXTERN) => text.is(next, symbol::CRATE) || text.is_kind(next, lex::Kind::Str),
            Some(symbol::MACRO_RULES) => text.is(next, symbol::BANG),
            Some(symbol::UNION) => text.name(next).is_some() && !text.is(next, symbol::AS),
            _ => text.name(next).is_some(),
        }
}

/// The brace of an item's body, or its semicolon.
fn opening(text: &Text, from: usize, to: usize) -> usize {
    text.seek_outside_angles(from, to, |text, at| text.opens(at, '{') || text.is(at, symbol::SEMI))
}

/// Names of what stands directly in a trait.
fn trait_members(text: &Text, from: usize, to: usize) -> Vec<Sym> {
    let open = opening(text, from, to);
    let mut found = Vec::new();
    let mut at = open + 1;
    while text.opens(open, '{') && at < text.mate(open) {
        if text.is_any(at, &[symbol::FN, symbol::CONST, symbol::TYPE]) {
            found.extend(text.name(at + 1));
        }
        at = text.skip(at);
    }
    found
}

impl Module {
    pub(crate) fn add_import(&mut self, import: Import, alias: Alias) {
        match alias {
            Alias::Glob => self.globs.push(import),
            Alias::Unnamed => self.unnamed.push(import),
            Alias::Named(name) => self.names.entry(name).or_default().push(Binding::Use(import)),
        }
    }
}

impl Index {
    /// Where an item is defined.
    pub(crate) fn line(&self, def: DefId) -> u32 {
        self[self[def].file].text.line(self[def].start)
    }
}
