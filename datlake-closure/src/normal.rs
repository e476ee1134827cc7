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
    let mut at = from;
    while at < to {
        let sym = text.sym(at);
        if matches!(sym, Some(symbol::HASH))
            && let Some((_, end)) = text.attribute(at).filter(|(open, _)| is_silent(text, *open))
        {
            at = end;
            continue;
        }
        if !(matches!(sym, Some(symbol::COMMA)) && is_idle_comma(text, at)) {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(text.word(at));
        }
        at += 1;
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
