//! `use` declarations: from a tree to single imports.

use crate::index::Path;
use crate::symbol::{self, Sym};
use crate::text::Text;

/// How an import is called here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alias {
    Named(Sym),
    /// `as _`.
    Unnamed,
    Glob,
}

/// Trees nest as deep as a person nests them; rustc's own limit is of this size.
const DEPTH: usize = 128;

/// Calls `found` for each import in the tokens between `use` and its semicolon.
pub(crate) fn imports(text: &Text, from: usize, to: usize, found: &mut impl FnMut(Path, Alias)) {
    tree(text, from, to, &mut Vec::new(), 0, found);
}

fn tree(text: &Text, mut at: usize, to: usize, path: &mut Vec<Sym>, depth: usize, found: &mut impl FnMut(Path, Alias)) {
    let base = path.len();
    if text.is(at, symbol::PATH_SEP) {
        at += 1;
        if path.is_empty() {
            path.push(symbol::PATH_SEP);
        }
    }
    while at < to {
        if text.is(at, symbol::STAR) {
            found(path.as_slice().into(), Alias::Glob);
            break;
        }
        if text.opens(at, '{') {
            if depth < DEPTH {
                for (from, to) in text.split_commas(at + 1, text.mate(at)) {
                    tree(text, from, to, path, depth + 1, found);
                }
            }
            break;
        }
        if text.is(at, symbol::DOLLAR) && text.is(at + 1, symbol::CRATE) {
            path.push(symbol::DOLLAR_CRATE);
            at += 2;
        } else {
            let Some(segment) = text.ident(at) else { break };
            path.push(segment);
            at += 1;
        }
        if text.is(at, symbol::PATH_SEP) {
            at += 1;
            continue;
        }
        if path.len() > 1 && path.last() == Some(&symbol::SELF) {
            path.pop();
        }
        let last = path.last().copied().unwrap_or(symbol::UNDERSCORE);
        let alias = if text.is(at, symbol::AS) { text.ident(at + 1).unwrap_or(last) } else { last };
        let alias = if alias == symbol::UNDERSCORE { Alias::Unnamed } else { Alias::Named(alias) };
        found(path.as_slice().into(), alias);
        break;
    }
    path.truncate(base);
}
