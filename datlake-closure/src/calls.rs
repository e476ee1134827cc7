//! Macro calls in the place of items: the calls themselves, and the items that can be seen in them.
//!
//! A macro can do anything with its arguments, so an item among them brings its call into a closure, or the macro if that is
//! known to hand items on. What a macro makes of names that it is given is not looked for here.

use crate::build::{Attributes, Builder, DEPTH, Place, Span};
use crate::index::{DefId, Kind, ModId};
use crate::items::is_item;
use crate::lex;
use crate::symbol::{self, Sym};

impl Builder<'_> {
    pub(crate) fn call(&mut self, place: &Place<'_>, mut span: Span, at: usize) -> usize {
        let text = place.text;
        let open = text.seek(at, span.to, |text, at| text.is_kind(at, lex::Kind::Open) || text.is(at, symbol::SEMI));
        let close = text.skip(open);
        span.to = (if text.is(close, symbol::SEMI) { close + 1 } else { close }).min(span.to);
        if text.is(at, symbol::INCLUDE) && text.is(at + 1, symbol::BANG) {
            self.include(place, open + 1, close.saturating_sub(1));
        }
        if text.is(at, symbol::THREAD_LOCAL) && text.is(at + 1, symbol::BANG) && self.are_statics(place, open) {
            self.items(place, open + 1, text.mate(open));
            return span.to;
        }
        let head = (at..open).rev().find_map(|at| text.ident(at)).unwrap_or(symbol::UNDERSCORE);
        let def = self.define(place, Kind::Call, head, span, &Attributes::default());
        let krate = self.index[place.module].krate;
        self.index[krate].calls.push(def);
        if place.depth < DEPTH && text.is(at + 1, symbol::BANG) {
            self.inside_call(place, def, head, (open + 1, text.mate(open)));
            self.of_macro(place, head);
        }
        span.to
    }

    /// Whether these are the statics of a `thread_local!`, which leaves them as they are.
    fn are_statics(&self, place: &Place<'_>, open: usize) -> bool {
        let (text, krate) = (place.text, &self.index[self.index[place.module].krate]);
        let mut at = open + 1;
        while at < text.mate(open) {
            while let Some((_, end)) = text.attribute(at) {
                at = end;
            }
            at = text.past_visibility(at);
            if !text.is(at, symbol::STATIC) || text.name(at + 1).is_none() {
                return false;
            }
            at = text.past_semicolon(at, text.mate(open));
        }
        !krate.macros.contains_key(&symbol::THREAD_LOCAL)
    }

    /// Items among the arguments of a macro: the macro can change them, unless it is known to hand them on.
    fn inside_call(&mut self, place: &Place<'_>, def: DefId, head: Sym, (from, to): (usize, usize)) {
        let (text, depth) = (place.text, place.depth + 1);
        if text.is(from, symbol::IF) && text.is(from + 1, symbol::HASH) {
            let own = self.index[self.index[place.module].krate].macros.get(&head);
            let made_by = own.and_then(|own| own.first().copied()).or(place.made_by);
            let mut at = from;
            while at < to {
                if text.opens(at, '{') {
                    self.items(&Place { depth, made_by, in_call: true, ..place.clone() }, at + 1, text.mate(at));
                }
                at = text.skip(at);
            }
        } else if is_item(text, from) {
            let made_by = self.hands_on(place.module, head).or(Some(def));
            self.items(&Place { depth, made_by, in_call: true, ..place.clone() }, from, to);
        }
    }

    /// A macro of ours that takes items as they are: then it counts, and not each of its calls.
    fn hands_on(&self, module: ModId, head: Sym) -> Option<DefId> {
        let macros = &self.index[self.index[module].krate].macros;
        macros.get(&head).into_iter().flatten().copied().find(|def| {
            let text = self.index.text(*def);
            let open = self.index[*def].start + 3;
            // `($($item:item)*) => …`
            let at = open + 4;
            text.opens(open, '{')
                && text.opens(open + 1, '(')
                && text.is(open + 2, symbol::DOLLAR)
                && text.is(at, symbol::DOLLAR)
                && text.word(at + 3) == "item"
        })
    }

    /// Items that a macro of ours makes without being given any name: modules in particular.
    fn of_macro(&mut self, place: &Place<'_>, head: Sym) {
        let krate = self.index[place.module].krate;
        for def in self.index[krate].macros.get(&head).cloned().unwrap_or_default() {
            let (text, file) = (self.index.text(def), self.index[def].file);
            let open = self.index[def].start + 3;
            // Arms: what is matched, `=>`, what is made, and perhaps a semicolon.
            let mut arm = open + 1;
            while text.opens(open, '{') && arm < text.mate(open) {
                let body = text.skip(arm) + 1;
                let end = text.mate(body);
                let declares = |at: usize| text.is(at, symbol::MOD) && text.name(at + 1).is_some();
                if text.mate(arm) == arm + 1 && (body..end).any(declares) {
                    let inside = Place {
                        text: &text,
                        file,
                        made_by: Some(def),
                        in_call: true,
                        depth: place.depth + 1,
                        ..place.clone()
                    };
                    self.items(&inside, body + 1, end);
                }
                arm = text.skip(body);
                arm += usize::from(text.is(arm, symbol::SEMI));
            }
        }
    }
}
