//! Names and phrases that `docs/adr/0015-words.md` has replaced.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use crate::offence::Offence;
use crate::source::{Files, of_tests};

const PAGE: &str = "docs/adr/0015-words.md";

/// A row of the page's table "Refused": the old word, the new one, and the files in which the old one is right.
struct Word<'a> {
    old: &'a str,
    new: &'a str,
    except: Vec<&'a str>,
}

fn words(page: &str) -> Vec<Word<'_>> {
    let rows =
        page.lines().skip_while(|line| *line != "## Refused").skip(1).take_while(|line| !line.starts_with("## "));
    let cells = rows.filter_map(|line| line.strip_prefix("| `")?.strip_suffix('|'));
    let words = cells.map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [old, new, except] = *cells else { panic!("{PAGE}: {line:?} is no row of three cells") };
        let old = old.trim_end_matches('`');
        let except = except.split('`').skip(1).step_by(2).collect();
        Word { old, new, except }
    });
    words.collect()
}

/// How many rows the page has.
pub(crate) fn count(files: &Files) -> usize {
    words(&files[PAGE]).len()
}

pub(crate) fn check(files: &Files) -> Vec<Offence> {
    let defined: Vec<(&String, Vec<(usize, String)>)> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(path, text)| (path, definitions(path, text)))
        .collect();
    let lowered: Vec<(&String, String)> = files.iter().map(|(path, text)| (path, text.to_lowercase())).collect();
    let mut offences = Vec::new();
    for word in words(&files[PAGE]) {
        let counts = |path: &str| {
            path != PAGE && !path.starts_with("tests/house/") && !word.except.iter().any(|e| path.starts_with(e))
        };
        let kind = ["mod ", "type ", "fn ", "field ", "variant "].iter().any(|kind| word.old.starts_with(kind));
        let mut places: Vec<String> = Vec::new();
        if kind {
            for (path, names) in defined.iter().filter(|(path, _)| counts(path)) {
                let found = names.iter().filter(|(_, name)| name == word.old);
                places.extend(found.map(|(line, _)| format!("{path}:{line}")));
            }
        } else {
            let old = word.old.to_lowercase();
            for (path, text) in lowered.iter().filter(|(path, _)| counts(path)) {
                let lines = text.lines().enumerate().filter(|(_, line)| says(line, &old));
                places.extend(lines.map(|(line, _)| format!("{path}:{}", line + 1)));
            }
        }
        if !places.is_empty() {
            let (count, first) = (places.len(), places[..places.len().min(8)].join(", "));
            offences.push(Offence::new("word", word.old, format!("say {}; {count} places: {first}", word.new)));
        }
    }
    offences
}

/// Names of types that two files define for others. What translates code speaks of it by names of its own.
pub(crate) fn twice(files: &Files) -> Vec<Offence> {
    let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (path, text) in files.iter().filter(|(path, _)| in_words_of_the_lake(path)) {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut definitions = Definitions::default();
        definitions.visit_file(&parsed);
        for name in definitions.seen {
            places.entry(name).or_default().push(path);
        }
    }
    let twice = places.into_iter().filter(|(_, places)| places.len() > 1);
    twice
        .map(|(name, places)| {
            Offence::new("twice", &name, format!("several types have this name: {}", places.join(", ")))
        })
        .collect()
}

fn in_words_of_the_lake(path: &str) -> bool {
    // The client says over HTTP what the library says of a lake, in the same words.
    let translates = ["datlake-macros/", "datlake-closure/", "datlake-client/src/repositories/"]
        .iter()
        .any(|folder| path.starts_with(folder));
    path.ends_with(".rs") && path.contains("src/") && !translates
}

/// Whether a line has a phrase between the borders of words.
fn says(line: &str, phrase: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(phrase).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + phrase.len()..].chars().next());
        !before.is_some_and(word) && !after.is_some_and(word)
    })
}

/// What a file defines, as `mod name`, `type Name` (also traits), `fn name`, `field name` or `variant Name`.
fn definitions(path: &str, text: &str) -> Vec<(usize, String)> {
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut definitions = Definitions::default();
    definitions.visit_file(&parsed);
    definitions.all
}

#[derive(Default)]
struct Definitions {
    all: Vec<(usize, String)>,
    /// Types that other modules see.
    seen: Vec<String>,
}

impl Definitions {
    fn add(&mut self, kind: &str, name: &syn::Ident) {
        self.all.push((name.span().start().line, format!("{kind} {name}")));
    }

    fn add_type(&mut self, name: &syn::Ident, seen: &syn::Visibility) {
        self.add("type", name);
        let near = |path: &syn::Path| path.is_ident("super") || path.is_ident("self");
        match seen {
            syn::Visibility::Public(_) => self.seen.push(name.to_string()),
            syn::Visibility::Restricted(to) if !near(&to.path) => self.seen.push(name.to_string()),
            _ => (),
        }
    }
}

impl<'ast> Visit<'ast> for Definitions {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.add("mod", &item.ident);
        let seen = self.seen.len();
        visit::visit_item_mod(self, item);
        if of_tests(&item.attrs) {
            self.seen.truncate(seen);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add_type(&item.ident, &item.vis);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add_type(&item.ident, &item.vis);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add_type(&item.ident, &item.vis);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add_type(&item.ident, &item.vis);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.add("fn", &signature.ident);
        visit::visit_signature(self, signature);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(name) = &field.ident {
            self.add("field", name);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.add("variant", &variant.ident);
        visit::visit_variant(self, variant);
    }
}
