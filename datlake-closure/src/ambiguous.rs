//! Arguments that two values can share a key by: where the definitions of their types show that they serialize alike.
//!
//! Only what a derive writes is looked at, and what the text does not show counts as ambiguous in a definition that says
//! `untagged`, and as harmless everywhere else.

use std::collections::BTreeSet;

use crate::index::{DefId, Index, Kind, Meaning, ModId};
use crate::lex::Kind as Token;
use crate::scanner::Scanner;
use crate::symbol::{self, Sym};
use crate::text::Text;
use crate::traits::path_at;

/// An argument of which two values can have one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ambiguous {
    /// Which parameter, from 0.
    pub parameter: usize,
    /// The type that is ambiguous: the parameter's, or one inside of that.
    pub label: String,
    /// Its name.
    pub name: String,
    /// What the key does not see.
    pub what: Unseen,
}

/// What a key does not see of a type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unseen {
    /// Which of two variants a value is.
    Variant(String, String),
    /// The order of a map: the map's path.
    Order(String),
}

/// Maps that keep an order, by the crates that have them.
const ORDERED: [(&str, &[&str]); 8] = [
    ("hashlink", &["LinkedHashMap"]),
    ("indexmap", &["IndexMap"]),
    ("linked_hash_map", &["LinkedHashMap"]),
    ("ordermap", &["OrderMap"]),
    ("serde_json", &["Map", "Value"]),
    ("serde_yaml", &["Mapping", "Value"]),
    ("serde_yaml_ng", &["Mapping", "Value"]),
    ("toml", &["Map", "Table", "Value"]),
];

/// Something of a package that is left out.
const OURS: Meaning = Meaning::Extern(symbol::UNDERSCORE);

/// How many names of one map are followed.
const DEPTH: usize = 16;

/// Tokens of an item, by where they begin and end.
type Span = (usize, usize);

struct Reader<'a> {
    scanner: &'a Scanner,
    seen: BTreeSet<DefId>,
    found: BTreeSet<(DefId, Unseen)>,
}

/// One field, or the type of one parameter.
struct Field {
    attributes: Vec<String>,
    ty: Span,
}

/// What is written of a value, as far as its type tells.
#[derive(PartialEq)]
enum Shape {
    Unknown,
    /// A kind of its own in every encoding: a number, a text, a list.
    Kind(&'static str),
    /// A struct with these fields.
    Fields(Vec<String>),
}

pub(crate) fn of(scanner: &Scanner, creator: DefId) -> Vec<Ambiguous> {
    let (index, it, text) = (&scanner.index, &scanner.index[creator], scanner.index.text(creator));
    let name = text.seek(it.start, it.to, |text, at| text.is(at, symbol::FN)) + 1;
    let open = if text.is(name + 1, symbol::LT) { text.past_angles(name + 1, it.to) } else { name + 1 };
    let mut found = Vec::new();
    for (parameter, (from, to)) in text.split(open + 1, text.mate(open)).into_iter().enumerate() {
        let at = past_attributes(&text, from, to);
        if (from..at).any(|at| text.word(at) == "skip") {
            continue;
        }
        let colon = text.seek(at, to, |text, at| text.is(at, symbol::COLON));
        let mut reader = Reader { scanner, seen: BTreeSet::new(), found: BTreeSet::new() };
        reader.types(it.module, &text, (colon + 1, to));
        let name = |def: DefId| index.name(index[def].name);
        found.extend(reader.found.into_iter().map(|(def, what)| Ambiguous {
            parameter,
            label: index.label(def),
            name: name(def),
            what,
        }));
    }
    found
}

impl Reader<'_> {
    /// Reads the definitions that a type names.
    fn types(&mut self, module: ModId, text: &Text, (mut at, to): Span) {
        while at < to {
            let Some((path, next)) = path_at(text, at, to) else {
                at += 1;
                continue;
            };
            for def in definitions(self.scanner, module, &path) {
                self.definition(def);
            }
            at = next;
        }
    }

    fn definition(&mut self, def: DefId) {
        let (it, text) = (&self.scanner.index[def], self.scanner.index.text(def));
        if !self.seen.insert(def) {
            return;
        }
        if it.kind == Kind::Alias {
            return self.types(it.module, &text, (it.start + 2, it.to));
        }
        let attributes = serde_words(&text, it.from, it.start);
        if !it.kind.is_type() || !derives_serialize(&text, it.from, it.start) || has(&attributes, "into") {
            return;
        }
        let Some(body) = body(&text, it.start, it.to) else { return };
        if it.kind == Kind::Enum {
            self.variants(def, &text, body, &attributes);
        } else {
            self.fields(def, &text, body);
        }
    }

    fn fields(&mut self, def: DefId, text: &Text, open: usize) {
        let module = self.scanner.index[def].module;
        for field in fields(text, open).iter().filter(|field| !is_left_out(&field.attributes)) {
            if has(&field.attributes, "flatten")
                && let Some(map) = ordered(self.scanner, module, text, field.ty, 0)
            {
                self.found.insert((def, Unseen::Order(map)));
            }
            self.types(module, text, field.ty);
        }
    }

    fn variants(&mut self, def: DefId, text: &Text, open: usize, of_enum: &[String]) {
        let module = self.scanner.index[def].module;
        let mut untagged: Vec<(String, Shape)> = Vec::new();
        for (from, to) in text.split(open + 1, text.mate(open)) {
            let at = past_attributes(text, from, to);
            let attributes = serde_words(text, from, at);
            if is_left_out(&attributes) {
                continue;
            }
            let payload = Some(at + 1).filter(|open| *open < to && (text.opens(*open, '{') || text.opens(*open, '(')));
            if has(of_enum, "untagged") || has(&attributes, "untagged") {
                untagged.push((text.word(at).to_owned(), shape_of_variant(self.scanner, module, text, payload)));
            }
            let Some(payload) = payload else { continue };
            let of = fields(text, payload);
            if let [only] = &of[..]
                && has(of_enum, "tag")
                && !has(of_enum, "content")
                && text.opens(payload, '(')
                && let Some(map) = ordered(self.scanner, module, text, only.ty, 0)
            {
                self.found.insert((def, Unseen::Order(map)));
            }
            self.fields(def, text, payload);
        }
        let alike = untagged.iter().enumerate().find_map(|(at, (first, shape))| {
            let other = untagged[at + 1..].iter().find(|(_, other)| shape.is_like(other))?;
            Some(Unseen::Variant(first.clone(), other.0.clone()))
        });
        self.found.extend(alike.map(|alike| (def, alike)));
    }
}

impl Shape {
    fn is_like(&self, other: &Self) -> bool {
        self == other || *self == Self::Unknown || *other == Self::Unknown
    }
}

fn shape_of_variant(scanner: &Scanner, module: ModId, text: &Text, payload: Option<usize>) -> Shape {
    let Some(open) = payload else { return Shape::Kind("unit") };
    let of = fields(text, open);
    match &of[..] {
        _ if of.iter().any(|field| !field.attributes.is_empty()) => Shape::Unknown,
        _ if text.opens(open, '{') => Shape::Fields(names(text, open)),
        [only] => shape(scanner, module, text, only.ty),
        _ => Shape::Kind("tuple"),
    }
}

fn shape(scanner: &Scanner, module: ModId, text: &Text, (at, to): Span) -> Shape {
    let at = past_references(text, at);
    if text.opens(at, '(') {
        return Shape::Kind(if text.mate(at) == at + 1 { "unit" } else { "tuple" });
    }
    if text.opens(at, '[') {
        let is_array = text.seek(at + 1, text.mate(at), |text, at| text.is(at, symbol::SEMI)) < text.mate(at);
        return Shape::Kind(if is_array { "tuple" } else { "list" });
    }
    let Some((path, next)) = path_at(text, at, to) else { return Shape::Unknown };
    let definitions = definitions(scanner, module, &path);
    if let [def] = definitions[..] {
        return shape_of_struct(scanner, def);
    }
    match scanner.index.name(path[path.len() - 1]).as_str() {
        _ if !definitions.is_empty() => Shape::Unknown,
        "Box" | "Arc" | "Rc" if text.is(next, symbol::LT) => shape(scanner, module, text, (next + 1, to)),
        // A file of datlake, whose code is left out, has an encoding of its own.
        "File" | "Tree" if scanner.resolver.resolve(&scanner.index, module, &path).found.contains(&OURS) => {
            Shape::Kind("file")
        }
        "bool" => Shape::Kind("bool"),
        "char" => Shape::Kind("char"),
        "f32" => Shape::Kind("f32"),
        "f64" => Shape::Kind("f64"),
        "String" | "str" => Shape::Kind("text"),
        "Vec" | "VecDeque" => Shape::Kind("list"),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            Shape::Kind("integer")
        }
        _ => Shape::Unknown,
    }
}

fn past_references(text: &Text, mut at: usize) -> usize {
    while text.is(at, symbol::AND) || text.kind(at) == Some(Token::Lifetime) {
        at += 1;
    }
    at
}

/// Of a struct with named fields without any option of serde.
fn shape_of_struct(scanner: &Scanner, def: DefId) -> Shape {
    let (it, text) = (&scanner.index[def], scanner.index.text(def));
    let plain = derives_serialize(&text, it.from, it.start) && serde_words(&text, it.from, it.start).is_empty();
    let body = body(&text, it.start, it.to).filter(|open| text.opens(*open, '{'));
    match body.filter(|_| it.kind == Kind::Struct && plain) {
        Some(open) if fields(&text, open).iter().all(|field| field.attributes.is_empty()) => {
            Shape::Fields(names(&text, open))
        }
        _ => Shape::Unknown,
    }
}

/// The map whose order a flattened field of this type would have.
fn ordered(scanner: &Scanner, module: ModId, text: &Text, (at, to): Span, depth: usize) -> Option<String> {
    let index = &scanner.index;
    let at = past_references(text, at);
    let (path, next) = path_at(text, at, to).filter(|_| depth < DEPTH)?;
    for meaning in &scanner.resolver.resolve(index, module, &path).found {
        let map = match *meaning {
            Meaning::Extern(path) => Some(index.name(path)).filter(|path| keeps_order(path)),
            Meaning::Def(def) => {
                renamed(index, def).and_then(|(text, ty)| ordered(scanner, index[def].module, &text, ty, depth + 1))
            }
            _ => None,
        };
        if map.is_some() {
            return map;
        }
    }
    let around = ["Option", "Box", "Arc", "Rc"].contains(&index.name(path[path.len() - 1]).as_str());
    if around && text.is(next, symbol::LT) { ordered(scanner, module, text, (next + 1, to), depth + 1) } else { None }
}

/// The type that a definition is another name of.
fn renamed(index: &Index, def: DefId) -> Option<(std::sync::Arc<Text>, Span)> {
    let (it, text) = (&index[def], index.text(def));
    if it.kind == Kind::Alias {
        let equals = text.seek_outside_angles(it.start + 2, it.to, |text, at| text.is(at, symbol::EQ));
        return Some((text, (equals + 1, it.to)));
    }
    let open = body(&text, it.start, it.to).filter(|_| it.kind == Kind::Struct)?;
    let transparent = text.opens(open, '(') || has(&serde_words(&text, it.from, it.start), "transparent");
    let [only] =
        &fields(&text, open).into_iter().filter(|field| !is_left_out(&field.attributes)).collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let ty = only.ty;
    transparent.then_some((text, ty))
}

fn keeps_order(path: &str) -> bool {
    let Some((first, rest)) = path.split_once("::") else { return false };
    let (krate, last) = (first.replace('-', "_"), rest.rsplit("::").next().unwrap_or(rest));
    ORDERED.iter().any(|(of, names)| *of == krate && names.contains(&last))
}

fn definitions(scanner: &Scanner, module: ModId, path: &[Sym]) -> Vec<DefId> {
    let resolved = scanner.resolver.resolve(&scanner.index, module, path);
    let definition = |meaning: &Meaning| if let Meaning::Def(def) = meaning { Some(*def) } else { None };
    let is_type = |def: &DefId| scanner.index[*def].kind.is_type() || scanner.index[*def].kind == Kind::Alias;
    resolved.found.iter().filter_map(definition).filter(is_type).collect()
}

/// The bracket around fields or variants.
fn body(text: &Text, start: usize, to: usize) -> Option<usize> {
    let opens = |text: &Text, at: usize| text.opens(at, '{') || text.opens(at, '(') || text.is(at, symbol::SEMI);
    let open = text.seek_outside_angles(start + 1, to, opens);
    // `where` stands before a brace, and its bounds may have parentheses.
    let is_where = |text: &Text, at: usize| text.is(at, symbol::WHERE);
    let open = if text.seek_outside_angles(start + 1, open, is_where) < open {
        text.seek(open, to, |text, at| text.opens(at, '{'))
    } else {
        open
    };
    (text.opens(open, '{') || text.opens(open, '(')).then_some(open)
}

fn fields(text: &Text, open: usize) -> Vec<Field> {
    let parts = text.split(open + 1, text.mate(open));
    let field = |(from, to): Span| {
        let at = text.past_visibility(past_attributes(text, from, to));
        let ty = if text.opens(open, '{') { at + 2 } else { at };
        Field { attributes: serde_words(text, from, at), ty: (ty, to) }
    };
    parts.into_iter().map(field).collect()
}

/// Names of fields in braces, sorted.
fn names(text: &Text, open: usize) -> Vec<String> {
    let name = |field: &Field| text.word(field.ty.0.saturating_sub(2)).to_owned();
    let mut names: Vec<String> = fields(text, open).iter().map(name).collect();
    names.sort();
    names
}

/// Past the attributes that begin at `at`.
fn past_attributes(text: &Text, mut at: usize, to: usize) -> usize {
    while let Some((_, end)) = text.attribute(at).filter(|(_, end)| *end <= to) {
        at = end;
    }
    at
}

/// The first word of each part of each `serde(…)`.
fn serde_words(text: &Text, from: usize, to: usize) -> Vec<String> {
    let lists = (from..to).filter(|at| text.word(*at) == "serde" && text.opens(at + 1, '('));
    let parts = lists.flat_map(|at| text.split_commas(at + 2, text.mate(at + 1)));
    parts.map(|(from, _)| text.word(from).to_owned()).collect()
}

fn derives_serialize(text: &Text, from: usize, to: usize) -> bool {
    let lists = (from..to).filter(|at| text.is(*at, symbol::DERIVE) && text.opens(at + 1, '('));
    lists.into_iter().any(|at| (at + 2..text.mate(at + 1)).any(|at| text.word(at) == "Serialize"))
}

/// Whether a field or a variant is not written, or by code of the user's own.
fn is_left_out(attributes: &[String]) -> bool {
    ["skip", "skip_serializing", "with", "serialize_with"].iter().any(|word| has(attributes, word))
}

fn has(words: &[String], wanted: &str) -> bool {
    words.iter().any(|word| word == wanted)
}
