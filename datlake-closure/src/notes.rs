//! What a table cannot hold, where that can be seen.

use std::collections::BTreeSet;

use crate::closure::Run;
use crate::index::Meaning;
use crate::index::{DefId, Kind};
use crate::outside::settable;
use crate::scanner::Scanner;
use crate::symbol;
use crate::traits::path_at;

/// Something that a table cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The item where it is seen.
    pub label: String,
    /// What it is.
    pub text: String,
    /// The trait that other crates can implement for what the function is given.
    pub of_trait: Option<String>,
}

/// Traits in the signature of a function: whoever calls it chooses the types.
pub(crate) fn open_traits(scanner: &Scanner, def: DefId) -> BTreeSet<DefId> {
    let index = &scanner.index;
    let (it, text) = (&index[def], index.text(def));
    let last = it.to.saturating_sub(1);
    let body = if text.closes(last, '}') { text.mate(last) } else { it.to };
    let mut found = BTreeSet::new();
    let mut at = it.start;
    while at < body {
        match path_at(&text, at, body) {
            Some((path, next)) => {
                for target in &scanner.resolver.resolve(index, it.module, &path).found {
                    if let Meaning::Def(def) = *target
                        && index[def].kind == Kind::Trait
                    {
                        found.insert(def);
                    }
                }
                at = next;
            }
            None => at += 1,
        }
    }
    found
}

pub(crate) fn of(scanner: &Scanner, creator: DefId, run: &Run<'_>) -> Vec<Note> {
    let index = &scanner.index;
    let mut found: BTreeSet<Note> = BTreeSet::new();
    let mut note = |def: DefId, text: String| found.insert(Note { label: index.label(def), text, of_trait: None });
    for (def, text) in &run.notes {
        note(*def, text.clone());
    }
    let it = &index[creator];
    let text = index.text(creator);
    let public = (it.from..it.start).any(|at| text.is(at, symbol::PUB) && !text.opens(at + 1, '('));
    let mut open = Vec::new();
    // Only libraries are used by others.
    if public && index.crates[0].package.is_library {
        for of_trait in open_traits(scanner, creator) {
            let name = index.name(index[of_trait].name);
            let text = format!("crates that use this one can implement `{name}`: that code is not seen");
            open.push(Note { label: index.label(creator), text, of_trait: Some(name) });
        }
    }
    for def in run.items.keys() {
        let it = &index[*def];
        match it.kind {
            Kind::Static | Kind::Call => {
                if let Some(what) = settable(scanner, *def) {
                    note(*def, format!("a static that holds {what}: what other code puts there is not seen"));
                }
            }
            Kind::Foreign => {
                let defined = index
                    .defs
                    .iter()
                    .any(|other| other.name == it.name && other.kind == Kind::Fn && !other.attributes.is_empty());
                if !defined {
                    note(*def, "is linked from elsewhere: that code is not seen".to_owned());
                }
            }
            _ => {}
        }
    }
    for (def, edges) in &run.edges {
        let external = edges.iter().filter_map(|edge| edge.split_once(" = extern std::"));
        for (_, path) in external {
            match path {
                "env::var" | "env::var_os" | "env::vars" | "env::vars_os" => {
                    note(*def, "reads environment variables while it runs".to_owned());
                }
                "fs::read" | "fs::read_to_string" | "fs::read_dir" | "fs::File::open" => {
                    note(*def, "reads files while it runs".to_owned());
                }
                _ => {}
            }
        }
    }
    found.extend(open);
    found.into_iter().collect()
}
