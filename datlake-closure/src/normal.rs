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

/// Where a creator's attribute, whose path begins here, says what a body needs of its machine: that is none of its code. With the comma
/// that it leaves, and with the brackets, where they would be empty.
fn resources(text: &Text, mut at: usize) -> Option<(usize, usize)> {
    while text.is(at + 1, symbol::PATH_SEP) {
        at += 2;
    }
    if text.word(at) != "file_creator" || !text.opens(at + 1, '(') {
        return None;
    }
    let (open, close) = (at + 1, text.mate(at + 1));
    let begins = |at: usize| at == open + 1 || text.is(at - 1, symbol::COMMA);
    let is_option = |at: usize| text.word(at) == "resources" && text.opens(at + 1, '(') && begins(at);
    let mut from = open + 1;
    while from < close && !is_option(from) {
        // What stands in brackets is part of another option.
        from = if text.is_kind(from, Kind::Open) { text.mate(from) + 1 } else { from + 1 };
    }
    if from >= close {
        return None;
    }
    let mut end = text.mate(from + 1) + 1;
    end += usize::from(text.is(end, symbol::COMMA));
    if from == open + 1 && end == close {
        return Some((open, close + 1));
    }
    from -= usize::from(end == close && text.is(from - 1, symbol::COMMA));
    Some((from, end))
}

/// Appends the normal form of the tokens.
pub(crate) fn write(text: &Text, from: usize, to: usize, out: &mut String) {
    let (to, mut at) = (to.min(text.len()), from);
    let mut words = Words::with_room(text.size(from, to));
    let mut aside = None;
    while at < to {
        if let Some((from, end)) = aside
            && at == from
        {
            (at, aside) = (end, None);
            continue;
        }
        if text.is(at, symbol::HASH)
            && let Some((open, end)) = text.attribute(at)
        {
            if is_silent(text, open) {
                at = end;
                continue;
            }
            aside = resources(text, open + 1);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbol::Symbols;

    fn normal(source: &str) -> String {
        let text = Text::new(source, false, &mut Symbols::new());
        let mut out = String::new();
        write(&text, 0, text.len(), &mut out);
        out
    }

    #[test]
    fn what_a_body_needs_is_none_of_its_code() {
        for (options, without) in [
            ("(resources(cpus = 4))", ""),
            ("(resources(cpus = 4),)", ""),
            ("(resources(cpus = 4), name = \"a\")", "(name = \"a\")"),
            ("(name = \"a\", resources(memory = \"1GiB\", gpus = 1,),)", "(name = \"a\")"),
            ("(name = \"a\", resources(cpus = 4), local)", "(name = \"a\", local)"),
        ] {
            for path in ["file_creator", "datlake::file_creator"] {
                let asks = format!("#[{path}{options}] fn f() {{ resources(cpus = 4) }}");
                assert_eq!(normal(&asks), normal(&format!("#[{path}{without}] fn f() {{ resources(cpus = 4) }}")));
            }
        }
        // Other attributes, other options, and what stands in them.
        for other in ["#[file_creator(key(n, resources(n)))] fn f(n: u8) {}", "#[other(resources(cpus = 4))] fn f() {}"]
        {
            assert!(normal(other).contains("resources"), "{other}");
        }
    }
}
