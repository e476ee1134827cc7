//! Source text to tokens, without comments, documentation and layout.
//!
//! Every text gives tokens: what rustc would refuse becomes some token or other. Tokens are in the order of the text, do not
//! overlap, and what lies between them is white space or a comment. An opening bracket's mate lies behind it, a closing one's
//! before it; a bracket without a partner is its own mate, or reaches to the last token.

use crate::symbol::{self, Sym, Symbols};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ident,
    Lifetime,
    /// A string of any sort.
    Str,
    /// A character, a byte, a number.
    Literal,
    Punct,
    Open,
    Close,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// What it is compared by: the number of an identifier, lifetime or punctuation; [`bracket`]; or [`Sym::NONE`].
    pub(crate) sym: Sym,
    /// The other bracket's index; of anything else, its own.
    pub(crate) mate: u32,
}

/// What a bracket is compared by: no name has such a number.
pub(crate) const fn bracket(byte: u8) -> Sym {
    Sym(Sym::NAMES_END.0 + byte as u32)
}

/// Longest first.
const OPERATORS: [&str; 25] = [
    "<<=", ">>=", "...", "..=", "::", "->", "=>", "<-", "==", "!=", "<=", ">=", "&&", "||", "<<", ">>", "+=", "-=",
    "*=", "/=", "%=", "^=", "&=", "|=", "..",
];

/// The text as rustc sees it: without byte order mark, and with `\n` for `\r\n`.
pub(crate) fn normalise_lines(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.as_bytes().contains(&b'\r') { text.replace("\r\n", "\n") } else { text.to_owned() }
}

/// `old`: words that became keywords in 2018 are plain identifiers.
pub(crate) fn lex(text: &str, old: bool, symbols: &mut Symbols) -> Vec<Token> {
    // Offsets are 32 bits wide.
    let text = if u32::try_from(text.len()).is_ok() { text } else { "" };
    let mut lexer =
        Lexer { text, bytes: text.as_bytes(), at: prologue(text), old, symbols, tokens: Vec::new(), open: Vec::new() };
    while lexer.skip_blank() {
        lexer.token();
    }
    let last = lexer.tokens.len().saturating_sub(1);
    for open in lexer.open {
        lexer.tokens[open].mate = last.max(open) as u32;
    }
    lexer.tokens
}

/// The length of a shebang line and of frontmatter.
fn prologue(text: &str) -> usize {
    let mut at = 0;
    if text.starts_with("#!") && !text[2..].trim_start().starts_with('[') {
        at = text.find('\n').map_or(text.len(), |end| end + 1);
    }
    let rest = &text[at..];
    let blank = rest.len() - rest.trim_start().len();
    let fence = &rest[blank..];
    let dashes = fence.len() - fence.trim_start_matches('-').len();
    if dashes < 3 {
        return at;
    }
    let close = format!("\n{}", &fence[..dashes]);
    match fence.find(&close) {
        Some(end) => {
            let after = at + blank + end + close.len();
            text[after..].find('\n').map_or(text.len(), |line| after + line)
        }
        None => at,
    }
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    old: bool,
    symbols: &'a mut Symbols,
    tokens: Vec<Token>,
    /// Brackets that are open.
    open: Vec<usize>,
}

/// Bytes of identifiers and numbers.
static WORDS: [bool; 256] = {
    let mut words = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        words[byte] = byte >= 0x80 || byte == b'_' as usize || (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    words
};

fn is_word(byte: u8) -> bool {
    WORDS[byte as usize]
}

fn is_word_start(byte: u8) -> bool {
    is_word(byte) && !byte.is_ascii_digit()
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        let at = self.at + ahead;
        if at < self.bytes.len() { self.bytes[at] } else { 0 }
    }

    /// Goes on to the next token; false at the end.
    fn skip_blank(&mut self) -> bool {
        loop {
            match self.peek(0) {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'/' if self.peek(1) == b'/' => {
                    self.at = self.text[self.at..].find('\n').map_or(self.text.len(), |end| self.at + end);
                }
                b'/' if self.peek(1) == b'*' => self.block_comment(),
                0xc2 | 0xe2 => match self.text[self.at..].chars().next() {
                    Some(blank @ ('\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')) => {
                        self.at += blank.len_utf8()
                    }
                    _ => return true,
                },
                _ => return self.at < self.bytes.len(),
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    fn token(&mut self) {
        let start = self.at;
        let here = self.tokens.len() as u32;
        let first = self.peek(0);
        let mut mate = here;
        let (kind, sym) = match first {
            b'"' => self.string(),
            b'\'' => self.quote(),
            b'0'..=b'9' => self.number(),
            _ if is_word_start(first) => self.word(),
            b'(' | b'[' | b'{' => {
                self.at += 1;
                self.open.push(self.tokens.len());
                (Kind::Open, bracket(first))
            }
            b')' | b']' | b'}' => {
                self.at += 1;
                mate = self.close(first);
                (Kind::Close, bracket(first))
            }
            _ => self.punct(),
        };
        self.at = self.at.clamp(start + 1, self.bytes.len());
        // Up to where a character begins.
        while self.at < self.bytes.len() && self.bytes[self.at] & 0xc0 == 0x80 {
            self.at += 1;
        }
        self.tokens.push(Token { kind, start: start as u32, end: self.at as u32, sym, mate });
    }

    /// Where several brackets are open and one of them fits, those inside of it end here.
    fn close(&mut self, bracket: u8) -> u32 {
        let here = self.tokens.len();
        let wanted = if bracket == b')' { b'(' } else { bracket - 2 };
        let fits = self.open.iter().rposition(|open| self.bytes[self.tokens[*open].start as usize] == wanted);
        let Some(fits) = fits else { return here as u32 };
        let partner = self.open[fits];
        for open in self.open.drain(fits..) {
            self.tokens[open].mate = here as u32;
        }
        partner as u32
    }

    fn punct(&mut self) -> (Kind, Sym) {
        let rest = &self.text[self.at..];
        let length = match self.peek(1) {
            b'<' | b'>' | b'=' | b':' | b'&' | b'|' | b'.' | b'-' => {
                OPERATORS.iter().find(|operator| rest.starts_with(**operator)).map_or(1, |operator| operator.len())
            }
            // Most are one byte, and nothing needs to be compared.
            _ if self.peek(0) < 0x80 => {
                let sym = self.symbols.of_byte(self.peek(0));
                self.at += 1;
                return (Kind::Punct, sym);
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        let sym = self.symbols.of(&rest[..length]);
        self.at += length;
        (Kind::Punct, sym)
    }

    /// An identifier, or a literal with a prefix.
    fn word(&mut self) -> (Kind, Sym) {
        let start = self.at;
        self.words();
        let word = &self.text[start..self.at];
        if let b'"' | b'\'' | b'#' = self.peek(0)
            && let Some(token) = self.prefixed(start, word)
        {
            return token;
        }
        let sym = self.symbols.of(word);
        if self.old && matches!(sym, symbol::ASYNC | symbol::AWAIT) {
            return (Kind::Ident, self.symbols.of(&format!("r#{word}")));
        }
        (Kind::Ident, sym)
    }

    /// Behind `r`, `b`, `c` and the like: the literal, or a raw identifier.
    fn prefixed(&mut self, start: usize, word: &str) -> Option<(Kind, Sym)> {
        let raw = matches!(word, "r" | "br" | "cr");
        match self.peek(0) {
            b'"' if raw => Some(self.raw_string(0)),
            b'"' if matches!(word, "b" | "c") => Some(self.string()),
            b'\'' if word == "b" => Some(self.quote()),
            b'#' if raw => {
                let hashes = self.bytes[self.at..].iter().take_while(|byte| **byte == b'#').count();
                if self.peek(hashes) == b'"' {
                    return Some(self.raw_string(hashes));
                }
                if word != "r" || hashes != 1 || !is_word_start(self.peek(1)) {
                    return None;
                }
                self.at += 1;
                let name = self.at;
                self.words();
                let plain = self.symbols.of(&self.text[name..self.at]);
                // `r#type` is no keyword; `r#name` is `name`.
                let sym = if plain.is_keyword() { self.symbols.of(&self.text[start..self.at]) } else { plain };
                Some((Kind::Ident, sym))
            }
            _ => None,
        }
    }

    fn words(&mut self) {
        let (bytes, mut at) = (self.bytes, self.at);
        while at < bytes.len() && WORDS[bytes[at] as usize] {
            at += 1;
        }
        self.at = at;
    }

    fn string(&mut self) -> (Kind, Sym) {
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    break;
                }
                _ => self.at += 1,
            }
        }
        (Kind::Str, Sym::NONE)
    }

    fn raw_string(&mut self, hashes: usize) -> (Kind, Sym) {
        self.at += hashes + 1;
        let end = format!("\"{}", "#".repeat(hashes));
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let found = rest.windows(end.len()).position(|window| window == end.as_bytes());
        self.at = found.map_or(self.bytes.len(), |found| self.at + found + end.len());
        (Kind::Str, Sym::NONE)
    }

    /// A character, or a lifetime.
    fn quote(&mut self) -> (Kind, Sym) {
        let start = self.at;
        self.at += 1;
        if self.peek(0) == b'\\' {
            self.at += 2;
            // `'\u{1f600}'` is the longest.
            while self.at < self.bytes.len() && !matches!(self.peek(0), b'\'' | b'\n') {
                self.at += 1;
            }
            self.at += 1;
            return (Kind::Literal, Sym::NONE);
        }
        let mut rest = self.text[self.at..].chars();
        let first = rest.next().unwrap_or(' ');
        if rest.next() == Some('\'') {
            self.at += first.len_utf8() + 1;
            return (Kind::Literal, Sym::NONE);
        }
        if is_word_start(self.peek(0)) {
            if self.peek(0) == b'r' && self.peek(1) == b'#' && is_word_start(self.peek(2)) {
                self.at += 2;
            }
            self.words();
            return (Kind::Lifetime, self.symbols.of(&self.text[start..self.at]));
        }
        (Kind::Punct, self.symbols.of("'"))
    }

    fn number(&mut self) -> (Kind, Sym) {
        // `pair.0.1` has no float in it.
        let field = self.tokens.last().is_some_and(|token| token.sym == symbol::DOT);
        let based = self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'o' | b'b');
        let mut last = 0;
        let mut whole = true;
        loop {
            let next = self.peek(0);
            if is_word(next) && next < 0x80 {
                last = next;
            } else if next == b'.' && whole && !field && !based && !is_word_start(self.peek(1)) && self.peek(1) != b'.'
            {
                whole = false;
                last = next;
            } else if matches!(next, b'+' | b'-')
                && !based
                && !field
                && matches!(last, b'e' | b'E')
                && self.peek(1).is_ascii_digit()
            {
                last = next;
            } else {
                break;
            }
            self.at += 1;
        }
        (Kind::Literal, Sym::NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, lex};
    use crate::symbol::Symbols;
    use crate::text::Text;

    fn words(text: &str) -> Vec<String> {
        let text = Text::new(text, false, &mut Symbols::new());
        (0..text.len()).map(|at| text.word(at).to_owned()).collect()
    }

    #[test]
    fn literals_are_one_token() {
        let literals = [
            "1",
            "1.5",
            "1.",
            "1e5",
            "1E+5",
            "2.0e-3f64",
            "0x1F",
            "0xE",
            "1_000u64",
            "0b1010",
            "0o17",
            "'a'",
            "'\\''",
            "'\\u{1F600}'",
            "'é'",
            "'\\\\'",
            "b'x'",
            "b'\\''",
            "\"a\"",
            "\"a\\\"b\"",
            "r\"\\\"",
            "r#\"a\"b\"#",
            "br##\"x\"#y\"##",
            "b\"\\xff\"",
            "c\"z\"",
            "cr#\"z\"#",
            "\"// no comment\"",
            "\"line\nline\"",
        ];
        for literal in literals {
            assert_eq!(words(&format!("{literal} ;")), [literal, ";"], "{literal}");
            assert_eq!(words(&format!("f({literal})")), ["f", "(", literal, ")"], "{literal}");
        }
    }

    #[test]
    fn what_looks_alike_is_told_apart() {
        for (text, expected) in [
            ("1..2", "1 .. 2"),
            ("1.max(2)", "1 . max ( 2 )"),
            ("t.0.1", "t . 0 . 1"),
            ("1..=2.5", "1 ..= 2.5"),
            ("0xE+1", "0xE + 1"),
            ("'a 'static: 'b", "'a 'static : 'b"),
            ("x<'a>('b')", "x < 'a > ( 'b' )"),
            ("r#type r#\"x\"# r", "r#type r#\"x\"# r"),
            ("a/*/* x */*/b//c\nd", "a b d"),
            ("a>>=b>>c>=d->e=>f", "a >>= b >> c >= d -> e => f"),
            ("/// doc\n//! doc\n/** doc */x", "x"),
            ("größe é_1 日本", "größe é_1 日本"),
            ("#!/bin/sh\nx", "x"),
            ("#![allow(x)]", "# ! [ allow ( x ) ]"),
            ("#!/bin/sh\n---cargo\n[x]\n---\nx", "x"),
            ("\u{feff}x\r\ny", "x y"),
            ("--x", "- - x"),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn a_normal_form_gives_the_same_tokens() {
        let code = include_str!("lex.rs");
        let once = words(code).join(" ");
        assert_eq!(words(&once).join(" "), once);
    }

    #[test]
    fn brackets_know_each_other() {
        for (text, mates) in
            [("( [ ] )", "3 2 1 0"), ("( [ )", "2 2 0"), ("( ]", "1 1"), (") (", "0 1"), ("{ ( } x", "2 2 0 3")]
        {
            let tokens = lex(text, false, &mut Symbols::new());
            let found: Vec<String> = (0..tokens.len()).map(|at| tokens[at].mate.to_string()).collect();
            assert_eq!(found.join(" "), mates, "{text}");
        }
        assert_eq!(lex("'", false, &mut Symbols::new())[0].kind, Kind::Punct);
    }
}
