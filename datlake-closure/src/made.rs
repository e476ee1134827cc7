//! What item-level macro calls bring into their modules: names that they can define, and imports.
//!
//! A macro's imports are read from its body, each variable replaced by each path that a call hands over. What this makes besides
//! the truth leads nowhere, or to something that the call names.

use crate::index::{CrateId, DefId, Import, Index, Meaning, ModId, Seen};
use crate::lex;
use crate::macros;
use crate::packages::Edition;
use crate::symbol::{self, Sym};
use crate::text::Text;
use crate::uses::{self, Alias};

/// Declarations that one `use` of a macro makes of a call's arguments, at most.
const MOST: usize = 64;

/// Adds what the calls of all crates make.
pub(crate) fn add(index: &mut Index) {
    for krate in (0..index.crates.len() as u32).map(CrateId) {
        for def in index[krate].calls.clone() {
            let module = index[def].module;
            let call = macros::call(index, krate, def);
            for name in &call.declares {
                index.made.entry((module, *name)).or_default().push(def);
            }
            if call.imports {
                for (import, alias) in imports(index, krate, def) {
                    index[module].add_import(import, alias);
                }
            }
            index.calls.insert(def, call);
        }
    }
}

fn imports(index: &Index, krate: CrateId, def: DefId) -> Vec<(Import, Alias)> {
    let arguments = paths(index, def);
    let mut found = Vec::new();
    for body in macros::bodies(index, krate, index[def].name) {
        let text = index.text(body);
        let Some(home) = home(index, krate, index.crate_of(body)) else { continue };
        for at in index[body].start + 3..index[body].to {
            let declares = text.ident(at + 1).is_some() || text.is_any(at + 1, &[symbol::PATH_SEP, symbol::DOLLAR]);
            if text.is(at, symbol::USE) && (declares || text.opens(at + 1, '{')) {
                let end = text.seek(at, index[body].to, |text, at| text.is(at, symbol::SEMI));
                let written = (at + 1..end).map(|at| text.word(at)).collect::<Vec<_>>();
                for declaration in filled(&written, &arguments, &home) {
                    read(index, index[def].module, &declaration, &mut found);
                }
            }
        }
    }
    found
}

fn read(index: &Index, module: ModId, declaration: &str, found: &mut Vec<(Import, Alias)>) {
    let old = index[index[module].krate].package.edition == Edition::E2015;
    let text = Text::new(declaration, old, &mut index.symbols());
    uses::imports(&text, 0, text.len(), &mut |path, alias| {
        found.push((Import { path, seen: Seen::Everywhere, when: None }, alias));
    });
}

/// What `$crate` of a macro is where it is called.
fn home(index: &Index, krate: CrateId, of_macro: CrateId) -> Option<String> {
    if krate == of_macro {
        return Some("crate".to_owned());
    }
    let root = Meaning::Mod(index[of_macro].root);
    let alias: Option<&Sym> = index[krate].externs.iter().find(|(_, target)| **target == root).map(|(name, _)| name);
    alias.map(|alias| format!("::{}", index.name(*alias)))
}

/// Paths among the arguments of a call.
fn paths(index: &Index, def: DefId) -> Vec<String> {
    let (it, text) = (&index[def], index.text(def));
    let in_path = |at: usize| text.kind(at) == Some(lex::Kind::Ident) || text.is(at, symbol::PATH_SEP);
    let (mut found, mut at) = (Vec::new(), it.start);
    while at < it.to {
        let mut path = String::new();
        while at < it.to && in_path(at) && (path.is_empty() || path.ends_with("::") || text.is(at, symbol::PATH_SEP)) {
            path.push_str(text.word(at));
            at += 1;
        }
        if path.is_empty() {
            at += 1;
        } else if !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// A declaration of a macro for each choice of paths for its variables.
fn filled(written: &[&str], arguments: &[String], home: &str) -> Vec<String> {
    let mut done = vec![(String::new(), Vec::<(&str, &str)>::new())];
    let mut at = 0;
    while at < written.len() {
        let word = written[at];
        at += 1;
        if word == "$" && written.get(at) == Some(&"crate") {
            done.iter_mut().for_each(|(text, _)| text.push_str(home));
            at += 1;
        } else if let Some(variable) = written.get(at).filter(|_| word == "$") {
            at += 1;
            // `$($name)::+` is handed over as one path.
            let variable = if *variable == "(" {
                let close =
                    written[at..].iter().position(|word| *word == ")").map_or(written.len(), |close| at + close);
                let name = written.get(at + 1).unwrap_or(&"");
                at = (close + 3).min(written.len());
                name
            } else {
                variable
            };
            let choices = |(text, chosen): &(String, Vec<(&str, &str)>)| {
                let before = chosen.iter().find(|(name, _)| name == variable).map(|(_, path)| *path);
                let paths: Vec<String> = match before {
                    Some(path) => vec![path.to_owned()],
                    None => arguments.to_vec(),
                };
                paths.into_iter().map(|path| (format!("{text}{path}"), path)).collect::<Vec<_>>()
            };
            let mut next = Vec::new();
            for one in &done {
                for (text, path) in choices(one) {
                    let path = arguments.iter().find(|argument| **argument == path).map_or("", String::as_str);
                    let mut chosen = one.1.clone();
                    chosen.push((variable, path));
                    next.push((text, chosen));
                }
            }
            next.truncate(MOST);
            done = next;
        } else {
            for (text, _) in &mut done {
                text.push(' ');
                text.push_str(word);
            }
        }
    }
    done.into_iter().map(|(text, _)| text).collect()
}
