//! The normal form of tokens: what is compared to tell whether code changed.
//!
//! Tokens as written, one blank between them: lexing a normal form gives the same tokens. Without documentation, lint
//! attributes and attributes that only advise the compiler, and without commas that say nothing before a closing bracket.

use crate::lex::Kind;
use crate::symbol;
use crate::text::Text;

const SILENT: [&str; 11] =
    ["doc", "allow", "warn", "deny", "forbid", "expect", "inline", "must_use", "deprecated", "cold", "non_exhaustive"];
const SILENT_TOOLS: [&str; 4] = ["rustfmt", "clippy", "diagnostic", "rustdoc"];

pub(crate) fn is_silent(text: &Text, open: usize) -> bool {
    let head = text.word(open + 1);
    if text.is(open + 2, symbol::PATH_SEP) { SILENT_TOOLS.contains(&head) } else { SILENT.contains(&head) }
}

/// Appends the normal form of the tokens.
pub(crate) fn write(text: &Text, from: usize, to: usize, out: &mut String) {
    let (to, mut at) = (to.min(text.len()), from);
    let mut words = Words::with_room(text.size(from, to));
    while at < to {
        if text.is(at, symbol::HASH)
            && let Some((_, end)) = text.attribute(at).filter(|(open, _)| is_silent(text, *open))
        {
            at = end;
            continue;
        }
        if !(text.is(at, symbol::COMMA) && is_idle_comma(text, at)) {
            words.push(text.bytes(at));
        }
        at += 1;
    }
    words.append_to(out);
}

/// Words with a blank between them. Users' macros are compiled without optimisation, where each word that is pushed to a `String` takes
/// several calls of the library.
struct Words {
    bytes: Box<[u8]>,
    length: usize,
}

impl Words {
    fn with_room(size: usize) -> Self {
        Self { bytes: vec![0; size].into(), length: 0 }
    }

    fn push(&mut self, word: &[u8]) {
        let (bytes, mut length, mut at) = (&mut *self.bytes, self.length, 0);
        while at < word.len() {
            bytes[length] = word[at];
            length += 1;
            at += 1;
        }
        bytes[length] = b' ';
        self.length = length + 1;
    }

    fn append_to(&self, out: &mut String) {
        // The last blank is between nothing.
        let words = String::from_utf8_lossy(&self.bytes[..self.length.saturating_sub(1)]);
        if !out.is_empty() && !words.is_empty() {
            out.push(' ');
        }
        out.push_str(&words);
    }
}

fn is_idle_comma(text: &Text, at: usize) -> bool {
    if text.is_any(at + 1, &[symbol::GT, symbol::SHR]) {
        return true;
    }
    if !text.is_kind(at + 1, Kind::Close) {
        return false;
    }
    if !text.closes(at + 1, ')') {
        return true;
    }
    // `(a,)` is a tuple; `f(a,)` is not.
    let open = text.mate(at + 1);
    let before = open.wrapping_sub(1);
    let call = text.name(before).is_some()
        || text.is(before, symbol::BANG)
        || text.closes(before, ')')
        || text.closes(before, ']');
    call || text.split(open + 1, at + 1).len() > 1
}
