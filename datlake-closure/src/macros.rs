//! Macros: which are the standard library's, and what an item-level call can define.
//!
//! A call's own tokens and, where its macro is one of ours, the macro's tell which names it can define and which types it can
//! implement something for. A call of somebody else's macro can do so with any word that it is given.

use crate::index::{Call, CrateId, DefId, Index};
use crate::lex;
use crate::symbol::{self, Set, Sym};
use crate::text::Text;

/// Macros whose arguments are read as plain expressions.
pub(crate) fn is_std(index: &Index, name: Sym) -> bool {
    const NAMES: &[&str] = &[
        "println",
        "print",
        "eprintln",
        "eprint",
        "format",
        "vec",
        "assert",
        "assert_eq",
        "assert_ne",
        "debug_assert",
        "debug_assert_eq",
        "debug_assert_ne",
        "panic",
        "matches",
        "write",
        "writeln",
        "todo",
        "unimplemented",
        "unreachable",
        "concat",
        "include_str",
        "include_bytes",
        "include",
        "env",
        "option_env",
        "cfg",
        "line",
        "column",
        "file",
        "module_path",
        "stringify",
        "format_args",
        "dbg",
        "compile_error",
        "addr_of",
        "addr_of_mut",
        "pin",
    ];
    NAMES.contains(&index.symbols().text(name))
}

/// Macros by name of any crate that a crate can use.
pub(crate) fn named(index: &Index, krate: CrateId, name: Sym) -> impl Iterator<Item = DefId> {
    let crates = index[krate].reach.iter();
    crates.filter_map(move |krate| index[*krate].macros.get(&name)).flatten().copied()
}

pub(crate) fn call(index: &Index, krate: CrateId, def: DefId) -> Call {
    let (it, text) = (&index[def], index.text(def));
    let mut found = Call::default();
    if index.in_tests(it.module) || is_std(index, it.name) && it.name != symbol::INCLUDE {
        return found;
    }
    let bodies = bodies(index, krate, it.name);
    let std = matches!(it.name, symbol::THREAD_LOCAL | symbol::INCLUDE);
    let foreign = bodies.is_empty() && !std;
    let mut hands_over = foreign;
    let mut open_head = foreign;
    let mut makes_trait = (it.from..it.to).any(|at| is_trait(&text, at));
    for body in &bodies {
        let (body, text) = (&index[*body], index.text(*body));
        let tokens = body.start + 3..body.to;
        let nested = tokens.clone().any(|at| calls_unknown(index, krate, &text, at));
        let takes_name = |at: usize| {
            text.is(at, symbol::DOLLAR) && (defining(&text, at) || text.is(at.wrapping_sub(1), symbol::BANG))
        };
        hands_over |= nested || tokens.clone().any(takes_name);
        makes_trait |= tokens.clone().any(|at| is_trait(&text, at));
        open_head |= nested | heads(&text, tokens.start, tokens.end, &mut found.types);
        found.imports |= tokens.clone().any(|at| text.is(at, symbol::USE));
        found.defines.extend(tokens.clone().filter(|at| defining(&text, *at)).filter_map(|at| text.name(at)));
        found.words.extend(tokens.filter_map(|at| text.name(at)));
    }
    let arguments = it.start + 1..it.to;
    open_head |= heads(&text, arguments.start, arguments.end, &mut found.types);
    let words: Set<Sym> = arguments.clone().filter_map(|at| text.name(at)).collect();
    if open_head {
        found.types.extend(&words);
    }
    found.declares.clone_from(&found.defines);
    let named = |all: bool, at: usize| text.name(at).filter(|_| all || defining(&text, at));
    found.declares.extend(arguments.clone().filter_map(|at| named(hands_over && !foreign, at)));
    found.defines.extend(arguments.clone().filter_map(|at| named(hands_over, at)));
    if makes_trait {
        let methods = |text: &Text, at: usize| text.name(at).filter(|_| text.is(at - 1, symbol::FN));
        found.methods.extend(arguments.filter_map(|at| methods(&text, at)));
        for body in &bodies {
            let (body, text) = (&index[*body], index.text(*body));
            found.methods.extend((body.start + 3..body.to).filter_map(|at| methods(&text, at)));
        }
    }
    found.words.extend(words);
    found.opaque = foreign;
    found
}

/// The macros of a name, and those of ours that they call.
pub(crate) fn bodies(index: &Index, krate: CrateId, name: Sym) -> Vec<DefId> {
    let of_name =
        |name: Sym| index[krate].macros.get(&name).map_or_else(|| named(index, krate, name).collect(), Clone::clone);
    let mut found: Vec<DefId> = of_name(name);
    let mut at = 0;
    while let Some(body) = found.get(at).map(|def| &index[*def]) {
        let text = &index[body.file].text;
        for at in body.start + 3..body.to {
            let called = text.name(at).filter(|name| text.is(at + 1, symbol::BANG) && !is_std(index, *name));
            for def in called.map(of_name).unwrap_or_default() {
                if !found.contains(&def) {
                    found.push(def);
                }
            }
        }
        at += 1;
    }
    found
}

fn is_trait(text: &Text, at: usize) -> bool {
    // `$trait` is what somebody calls an argument.
    text.is(at, symbol::TRAIT) && !text.is(at.wrapping_sub(1), symbol::DOLLAR)
}

/// Whether the token is in the place of a name that is being declared.
fn defining(text: &Text, at: usize) -> bool {
    const KEYWORDS: [Sym; 11] = [
        symbol::FN,
        symbol::STRUCT,
        symbol::ENUM,
        symbol::UNION,
        symbol::TRAIT,
        symbol::TYPE,
        symbol::CONST,
        symbol::STATIC,
        symbol::MOD,
        symbol::REF,
        symbol::MUT,
    ];
    text.is_any(at.wrapping_sub(1), &KEYWORDS)
}

/// Whether a macro is called here that is none of ours.
fn calls_unknown(index: &Index, krate: CrateId, text: &Text, at: usize) -> bool {
    let Some(name) = text.name(at) else { return false };
    text.is(at + 1, symbol::BANG)
        && text.is_kind(at + 2, lex::Kind::Open)
        && !is_std(index, name)
        && !index[krate].macros.contains_key(&name)
}

/// Tokens in the head of an `impl`, at most.
const HEAD: usize = 4000;

/// Adds the words in the heads of `impl`s; true where a head is left to whoever calls the macro.
fn heads(text: &Text, from: usize, to: usize, words: &mut Set<Sym>) -> bool {
    let mut open = false;
    for at in from..to {
        let before = at.wrapping_sub(1);
        let begins = !text.is_kind(before, lex::Kind::Ident)
            && !text.is_any(before, &[symbol::ARROW, symbol::COLON, symbol::AND]);
        if !text.is(at, symbol::IMPL) || !(begins || text.is(before, symbol::UNSAFE)) {
            continue;
        }
        let mut next = at + 1;
        let to = to.min(at + HEAD);
        while next < to && !text.opens(next, '{') && !text.is(next, symbol::SEMI) {
            open |= text.is(next, symbol::DOLLAR);
            words.extend(text.name(next));
            next += 1;
        }
    }
    open
}

/// Every word in the sources of a procedural macro, in its strings too, and whether it stands behind a dot.
pub(crate) fn words_of(index: &Index, krate: CrateId) -> Set<(Sym, bool)> {
    let mut found = Set::default();
    for file in index.files.iter().filter(|file| file.krate == krate) {
        add_words(&file.text, &mut found);
        for at in 0..file.text.len() {
            if let Some(content) = file.text.string(at) {
                let inside = Text::new(content, false, &mut index.symbols());
                add_words(&inside, &mut found);
            }
        }
    }
    found
}

fn add_words(text: &Text, found: &mut Set<(Sym, bool)>) {
    found.extend((0..text.len()).filter_map(|at| Some((text.name(at)?, text.is(at.wrapping_sub(1), symbol::DOT)))));
}
