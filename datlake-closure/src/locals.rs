//! Names that patterns and parameters bind in a body: they hide items.
//!
//! To take an item for hidden would lose it, so a binding's range is never longer than the language's. Where a macro of
//! somebody else reads the tokens, nothing is bound. A nested `fn` does not see what the body around it binds.

use crate::lex::Kind;
use crate::symbol::{self, Sym};
use crate::text::Text;

#[derive(Default)]
pub(crate) struct Locals {
    values: Names,
    types: Names,
    /// Nested functions.
    inner: Vec<(usize, usize)>,
}

/// Names, and where they hold: lists by the last bits of a name's number. Every name in every body is looked up here, in macros that
/// are compiled without optimisation.
struct Names {
    /// The last entry of each list, from 1.
    lists: [u32; LISTS],
    bound: Vec<Bound>,
}

struct Bound {
    name: Sym,
    from: usize,
    to: usize,
    /// The entry before it in its list.
    before: u32,
}

const LISTS: usize = 64;

impl Default for Names {
    fn default() -> Self {
        Self { lists: [0; LISTS], bound: Vec::new() }
    }
}

impl Names {
    fn last(&self, name: Sym) -> u32 {
        self.lists[name.0 as usize % LISTS]
    }

    fn bind(&mut self, name: Sym, (from, to): (usize, usize)) {
        self.bound.push(Bound { name, from, to, before: self.last(name) });
        self.lists[name.0 as usize % LISTS] = self.bound.len() as u32;
    }

    /// Whether it is bound in a range that begins from `function` on and holds at `at`.
    fn holds(&self, name: Sym, function: usize, at: usize) -> bool {
        let (bound, mut last) = (self.bound.as_slice(), self.last(name));
        while last != 0 {
            let one = &bound[last as usize - 1];
            if one.name.0 == name.0 && function <= one.from && one.from <= at && at < one.to {
                return true;
            }
            last = one.before;
        }
        false
    }
}

/// How often each token is looked at ahead on average, at most.
const AHEAD: usize = 64;

/// What a name in a pattern is, where it is no new variable: a constant, a unit struct.
type Constant<'a> = &'a dyn Fn(usize, Sym) -> bool;

impl Locals {
    /// The bindings in the tokens. `opaque`: the arguments of macros that are not the standard library's.
    pub(crate) fn of(text: &Text, from: usize, to: usize, opaque: &[(usize, usize)], constant: Constant<'_>) -> Self {
        let mut finder = Finder {
            text,
            constant,
            groups: vec![(from, to)],
            ahead: (to - from) * AHEAD + 1000,
            behind: usize::MAX,
            found: Self::default(),
        };
        let mut macros = opaque;
        let mut at = from;
        while at < to {
            while let [(_, end), behind @ ..] = macros
                && *end < at
            {
                macros = behind;
            }
            finder.enter(at, to);
            let quiet = matches!(macros, [(start, end), ..] if *start <= at && at < *end);
            at = finder.token(at, to, quiet);
        }
        finder.found.inner.sort_unstable();
        finder.found
    }

    pub(crate) fn hides_value(&self, name: Sym, at: usize) -> bool {
        self.hides(&self.values, name, at)
    }

    pub(crate) fn hides_type(&self, name: Sym, at: usize) -> bool {
        self.hides(&self.types, name, at)
    }

    fn hides(&self, bound: &Names, name: Sym, at: usize) -> bool {
        bound.last(name) != 0 && bound.holds(name, self.function_around(at), at)
    }

    /// Where the nested function begins that the token is in: what is bound around that does not hold there.
    fn function_around(&self, at: usize) -> usize {
        if self.inner.is_empty() {
            return 0;
        }
        let before = self.inner.partition_point(|(start, _)| *start <= at);
        self.inner[..before].iter().rfind(|(_, end)| at < *end).map_or(0, |(start, _)| *start)
    }
}

struct Finder<'a> {
    text: &'a Text,
    constant: Constant<'a>,
    /// The groups around the current token: after the bracket, and the other bracket.
    groups: Vec<(usize, usize)>,
    /// How many tokens may still be looked at ahead: bodies that nest closures without end bind nothing more.
    ahead: usize,
    /// Behind the parameters of the last closure, where another may begin.
    behind: usize,
    found: Locals,
}

impl Finder<'_> {
    /// Keeps account of the groups.
    fn enter(&mut self, at: usize, to: usize) {
        while let [_, .., (_, end)] = *self.groups
            && end <= at
        {
            self.groups.pop();
        }
        if self.text.is_kind(at, Kind::Open) {
            self.groups.push((at + 1, self.text.mate(at).min(to)));
        }
    }

    fn end_of_group(&self) -> usize {
        self.groups.last().map_or(0, |group| group.1)
    }

    fn token(&mut self, at: usize, to: usize, quiet: bool) -> usize {
        let text = self.text;
        match text.sym(at) {
            Some(symbol::FN) if text.name(at + 1).is_some() => self.function(at, to),
            Some(symbol::STRUCT | symbol::ENUM | symbol::UNION | symbol::TRAIT | symbol::TYPE) => {
                self.generics(at, at + 2, to)
            }
            Some(symbol::IMPL) if text.is(at + 1, symbol::LT) => self.generics(at, at + 1, to),
            _ if quiet || self.ahead == 0 => {}
            Some(symbol::LET) => self.let_(at),
            Some(symbol::FOR) if !text.is(at + 1, symbol::LT) => self.for_(at),
            Some(symbol::FAT_ARROW) => self.arm(at),
            Some(symbol::OR) if begins_closure(text, at) || at == self.behind => return self.closure(at),
            _ => {}
        }
        at + 1
    }

    fn generics(&mut self, item: usize, at: usize, to: usize) {
        let names = self.text.generics(at, to);
        if names.is_empty() {
            return;
        }
        // A type alias ends with a semicolon and has no body.
        let alias = self.text.is(item, symbol::TYPE);
        let end = if alias { self.text.past_semicolon(at, to) } else { self.text.past_body(at, to) };
        for name in names {
            self.found.types.bind(name, (item, end));
        }
    }

    fn function(&mut self, at: usize, to: usize) {
        let text = self.text;
        let end = text.past_body(at, to);
        if self.groups.len() > 1 {
            self.found.inner.push((at, end));
        }
        self.generics(at, at + 2, to);
        let open = if text.is(at + 2, symbol::LT) { text.past_angles(at + 2, end) } else { at + 2 };
        if text.opens(open, '(') {
            for (from, to) in text.split(open + 1, text.mate(open)) {
                self.parameter(from, to, (at, end));
            }
        }
    }

    /// What stands before the colon is the pattern.
    fn parameter(&mut self, from: usize, to: usize, range: (usize, usize)) {
        let colon = self.text.seek(from, to, |text, at| text.is(at, symbol::COLON));
        self.pattern(from, colon, range);
    }

    fn let_(&mut self, at: usize) {
        let text = self.text;
        let group = self.end_of_group();
        let before = at.wrapping_sub(1);
        let statement = at == 0
            || text.is(before, symbol::SEMI)
            || text.opens(before, '{')
            || text.closes(before, '}')
            || text.closes(before, ']');
        let is_end = |text: &Text, at: usize| text.is_any(at, &[symbol::EQ, symbol::COLON, symbol::SEMI]);
        let pattern = self.spent(at, text.seek_outside_angles(at + 1, group, is_end));
        if statement {
            let end = self.spent(pattern, text.past_semicolon(pattern, group));
            self.pattern(at + 1, pattern, (end, group));
        } else {
            // Of a condition: bound behind the value, which ends before `&&` or the block, up to the block's end.
            let value = self.spent(
                pattern,
                text.seek(pattern, group, |text, at| text.is(at, symbol::AND_AND) || text.opens(at, '{')),
            );
            let block = self.spent(value, text.seek(value, group, |text, at| text.opens(at, '{')));
            self.pattern(at + 1, pattern, (value, text.mate(block).min(group)));
        }
    }

    fn for_(&mut self, at: usize) {
        let (text, group) = (self.text, self.end_of_group());
        let within =
            self.spent(at, text.seek(at + 1, group, |text, at| text.is(at, symbol::IN) || text.opens(at, '{')));
        if text.is(within, symbol::IN) {
            let block = self.spent(within, text.seek(within, group, |text, at| text.opens(at, '{')));
            self.pattern(at + 1, within, (block, text.mate(block).min(group)));
        }
    }

    fn closure(&mut self, at: usize) -> usize {
        let (text, group) = (self.text, self.end_of_group());
        let end = self.spent(at, text.seek(at + 1, group, |text, at| text.is(at, symbol::OR)));
        if end >= group {
            return at + 1;
        }
        let ends = |text: &Text, at: usize| text.is_any(at, &[symbol::COMMA, symbol::SEMI, symbol::FAT_ARROW]);
        let body = self.spent(end, text.seek(end + 1, group, ends));
        for (from, to) in text.split(at + 1, end) {
            self.parameter(from, to, (end, body));
        }
        self.behind = end + 1;
        self.behind
    }

    fn arm(&mut self, at: usize) {
        let text = self.text;
        let (start, group) = self.groups.last().copied().unwrap_or((0, 0));
        let mut from = at;
        let mut guard = at;
        while from > start {
            let before = from - 1;
            let arm_before =
                text.closes(before, '}') && !text.is_any(from, &[symbol::FAT_ARROW, symbol::IF, symbol::OR]);
            if text.is(before, symbol::COMMA) || arm_before && from < at {
                break;
            }
            from = if text.is_kind(before, Kind::Close) { text.mate(before).min(before) } else { before };
            if text.is(from, symbol::IF) {
                guard = from;
            }
        }
        let mut body = at + 1;
        if text.opens(body, '{') {
            body = text.skip(body);
        }
        if !text.opens(at + 1, '{') || text.is_any(body, &[symbol::DOT, symbol::QUESTION]) {
            body = self.spent(body, text.seek(body, group, |text, at| text.is(at, symbol::COMMA)));
        }
        self.pattern(from, guard, (guard, body.min(group)));
    }

    /// Counts what was looked at ahead.
    fn spent(&mut self, from: usize, to: usize) -> usize {
        self.ahead = self.ahead.saturating_sub(to.saturating_sub(from));
        to
    }

    /// Binds the names of a pattern in a range, and where they stand.
    fn pattern(&mut self, from: usize, to: usize, range: (usize, usize)) {
        let text = self.text;
        for at in from..to {
            let Some(name) = text.name(at) else { continue };
            let next = at + 1;
            let field = next < to && text.is(next, symbol::COLON);
            let path =
                text.is(next, symbol::PATH_SEP) || text.is_any(at.wrapping_sub(1), &[symbol::PATH_SEP, symbol::DOT]);
            let call = text.is(next, symbol::BANG) || next < to && (text.opens(next, '(') || text.opens(next, '{'));
            let variable = text.word(at).starts_with(|first: char| !first.is_uppercase());
            if variable && !field && !path && !call && !(self.constant)(at, name) {
                self.found.values.bind(name, range);
                self.found.values.bind(name, (at, next));
            }
        }
    }
}

fn begins_closure(text: &Text, at: usize) -> bool {
    const BEFORE: [Sym; 14] = [
        symbol::COMMA,
        symbol::EQ,
        symbol::SEMI,
        symbol::FAT_ARROW,
        symbol::MOVE,
        symbol::RETURN,
        symbol::ASYNC,
        symbol::COLON,
        symbol::AND_AND,
        symbol::OR_OR,
        symbol::ELSE,
        symbol::BREAK,
        symbol::STATIC,
        symbol::AND,
    ];
    let before = at.wrapping_sub(1);
    text.is_kind(before, Kind::Open) || text.is_any(before, &BEFORE)
}
