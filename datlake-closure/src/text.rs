//! A file's tokens, and moving among them.
//!
//! Indices beyond the end are allowed everywhere and mean "nothing is there". Every step forward is at least one token.

use crate::lex::{self, Kind, Token};
use crate::symbol::{self, Sym, Symbols};

pub(crate) struct Text {
    source: String,
    tokens: Box<[Token]>,
    /// Where each line begins.
    lines: Vec<u32>,
}

impl Text {
    pub(crate) fn new(source: &str, old: bool, symbols: &mut Symbols) -> Self {
        let source = lex::normalise_lines(source);
        let tokens = lex::lex(&source, old, symbols);
        let mut lines = vec![0];
        lines.extend(source.match_indices('\n').map(|(at, _)| at as u32 + 1));
        Self { source, tokens: tokens.into(), lines }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Most of the time that the scanner takes is spent here, and users' macros are compiled without optimisation: no call is made.
    fn token(&self, at: usize) -> &Token {
        const NOTHING: &Token = &Token { kind: Kind::Literal, start: 0, end: 0, sym: Sym::NONE, mate: 0 };
        if at < self.tokens.len() { &self.tokens[at] } else { NOTHING }
    }

    pub(crate) fn kind(&self, at: usize) -> Option<Kind> {
        if at < self.tokens.len() { Some(self.tokens[at].kind) } else { None }
    }

    pub(crate) fn is_kind(&self, at: usize, kind: Kind) -> bool {
        at < self.tokens.len() && self.tokens[at].kind as u8 == kind as u8
    }

    /// The token as it is written.
    pub(crate) fn word(&self, at: usize) -> &str {
        let token = self.token(at);
        &self.source[token.start as usize..token.end as usize]
    }

    pub(crate) fn bytes(&self, at: usize) -> &[u8] {
        let token = self.token(at);
        &self.source.as_bytes()[token.start as usize..token.end as usize]
    }

    /// How many bytes the tokens take at most, each with one blank.
    pub(crate) fn size(&self, from: usize, to: usize) -> usize {
        self.source(from, to).len() + to.saturating_sub(from)
    }

    /// The source between two tokens.
    pub(crate) fn source(&self, from: usize, to: usize) -> &str {
        match (self.tokens.get(from), self.tokens.get(to.wrapping_sub(1))) {
            (Some(first), Some(last)) if from < to => &self.source[first.start as usize..last.end as usize],
            _ => "",
        }
    }

    /// From 1.
    pub(crate) fn line(&self, at: usize) -> u32 {
        let Some(token) = self.tokens.get(at.min(self.tokens.len().saturating_sub(1))) else { return 1 };
        self.lines.partition_point(|start| *start <= token.start) as u32
    }

    pub(crate) fn sym(&self, at: usize) -> Option<Sym> {
        let sym = self.token(at).sym;
        if sym.0 < Sym::NAMES_END.0 { Some(sym) } else { None }
    }

    pub(crate) fn is(&self, at: usize, sym: Sym) -> bool {
        at < self.tokens.len() && self.tokens[at].sym.0 == sym.0
    }

    pub(crate) fn is_any(&self, at: usize, syms: &[Sym]) -> bool {
        let (sym, mut next) = (self.token(at).sym, 0);
        while next < syms.len() && syms[next].0 != sym.0 {
            next += 1;
        }
        next < syms.len()
    }

    /// Any identifier, keywords too.
    pub(crate) fn ident(&self, at: usize) -> Option<Sym> {
        if self.is_kind(at, Kind::Ident) { Some(self.tokens[at].sym) } else { None }
    }

    /// An identifier that is no keyword.
    pub(crate) fn name(&self, at: usize) -> Option<Sym> {
        match self.ident(at) {
            Some(sym) if !sym.is_keyword() => Some(sym),
            _ => None,
        }
    }

    /// Whether an opening bracket is there.
    pub(crate) fn opens(&self, at: usize, bracket: char) -> bool {
        self.token(at).sym.0 == Sym::NAMES_END.0 + bracket as u32
    }

    pub(crate) fn closes(&self, at: usize, bracket: char) -> bool {
        self.token(at).sym.0 == Sym::NAMES_END.0 + bracket as u32
    }

    /// The other bracket; of anything else, itself.
    pub(crate) fn mate(&self, at: usize) -> usize {
        if at < self.tokens.len() { self.tokens[at].mate as usize } else { at }
    }

    /// Past a group in brackets, or past one token: a closing bracket's mate lies before it.
    pub(crate) fn skip(&self, at: usize) -> usize {
        let mate = self.mate(at);
        if mate > at { mate + 1 } else { at + 1 }
    }

    /// The first token from `at` for which `found` holds, groups skipped; else `end`, or where the group around `at` ends.
    pub(crate) fn seek(&self, mut at: usize, end: usize, found: impl Fn(&Self, usize) -> bool) -> usize {
        while at < end && !found(self, at) && !self.is_kind(at, Kind::Close) {
            at = self.skip(at);
        }
        at.min(end)
    }

    /// Past the next semicolon outside of groups.
    pub(crate) fn past_semicolon(&self, at: usize, end: usize) -> usize {
        (self.seek(at, end, |text, at| text.is(at, symbol::SEMI)) + 1).min(end)
    }

    /// How much deeper in `<…>` one is after a token.
    pub(crate) fn angle(&self, at: usize) -> i32 {
        match self.token(at).sym {
            symbol::LT => 1,
            symbol::GT | symbol::GE => -1,
            symbol::SHL => 2,
            symbol::SHR | symbol::SHR_EQ => -2,
            _ => 0,
        }
    }

    /// Past the `<…>` that begins at `at`.
    pub(crate) fn past_angles(&self, at: usize, end: usize) -> usize {
        let (mut depth, mut next) = (0, at);
        while next < end {
            depth += self.angle(next);
            next = self.skip(next);
            if depth <= 0 {
                break;
            }
        }
        next.min(end)
    }

    /// The first token for which `found` holds, outside of groups and of `<…>`; else `end`.
    pub(crate) fn seek_outside_angles(&self, mut at: usize, end: usize, found: impl Fn(&Self, usize) -> bool) -> usize {
        let mut depth = 0_i32;
        while at < end && !(depth <= 0 && found(self, at)) && !self.is_kind(at, Kind::Close) {
            depth += self.angle(at);
            at = self.skip(at);
        }
        at.min(end)
    }

    /// Past the body in braces, or the semicolon, that ends an item.
    pub(crate) fn past_body(&self, at: usize, end: usize) -> usize {
        let stop = self.seek_outside_angles(at, end, |text, at| text.is(at, symbol::SEMI) || text.opens(at, '{'));
        self.skip(stop).min(end)
    }

    /// The content of a string literal, with its escapes as they are written.
    pub(crate) fn string(&self, at: usize) -> Option<&str> {
        if !self.is_kind(at, Kind::Str) {
            return None;
        }
        let word = self.word(at).trim_start_matches(['b', 'c', 'r']);
        let quoted = word.trim_start_matches('#');
        let hashes = word.len() - quoted.len();
        word.get(hashes + 1..word.len().checked_sub(hashes + 1)?)
    }

    /// The end of an attribute that begins at `at`, with the bracket where its content begins.
    pub(crate) fn attribute(&self, at: usize) -> Option<(usize, usize)> {
        if !self.is(at, symbol::HASH) {
            return None;
        }
        let open = if self.is(at + 1, symbol::BANG) { at + 2 } else { at + 1 };
        self.opens(open, '[').then(|| (open, self.mate(open) + 1))
    }

    /// Past `pub`, `pub(crate)` and the like.
    pub(crate) fn past_visibility(&self, at: usize) -> usize {
        if !self.is(at, symbol::PUB) {
            return at;
        }
        if self.opens(at + 1, '(') { self.skip(at + 1) } else { at + 1 }
    }

    /// The parts of a list between commas, groups and `<…>` skipped.
    pub(crate) fn split(&self, from: usize, to: usize) -> Vec<(usize, usize)> {
        let mut parts = Vec::new();
        let mut at = from;
        while at < to {
            let end = self.seek_outside_angles(at, to, |text, at| text.is(at, symbol::COMMA));
            if at < end {
                parts.push((at, end));
            }
            at = end + 1;
        }
        parts
    }

    /// The parts of a list between commas, groups skipped.
    pub(crate) fn split_commas(&self, from: usize, to: usize) -> Vec<(usize, usize)> {
        let mut parts = Vec::new();
        let mut at = from;
        while at < to {
            let end = self.seek(at, to, |text, at| text.is(at, symbol::COMMA));
            if at < end {
                parts.push((at, end));
            }
            at = end + 1;
        }
        parts
    }

    /// Names of the parameters in the `<…>` at `at`.
    pub(crate) fn generics(&self, at: usize, end: usize) -> Vec<Sym> {
        if !self.is(at, symbol::LT) {
            return Vec::new();
        }
        let close = self.past_angles(at, end).saturating_sub(1);
        let parts = self.split(at + 1, close);
        parts
            .into_iter()
            .filter_map(|(mut from, to)| {
                while let Some((_, next)) = self.attribute(from).filter(|(_, next)| *next <= to) {
                    from = next;
                }
                self.name(if self.is(from, symbol::CONST) { from + 1 } else { from })
            })
            .collect()
    }
}
