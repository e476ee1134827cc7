//! What a creator's code depends on, found while it is compiled: hashed here, for it is the same wherever it is compiled.
//!
//! # Layout
//!
//! Counts and lengths are 64 bits, little-endian; texts stand behind their length.
//!
//! - item = `BLAKE3-derive("datlake 2026-11-28 found item, format 1", text ‖ count, edge* ‖ count, trait*)`
//! - table = `BLAKE3-derive("datlake 2026-11-28 found code, format 1", count, (label ‖ item)* ‖ count, (label ‖ 0 or 1 ‖ content)* ‖
//!   count, (crate ‖ count, version*)*)`: items, embedded files, and crates of registries where they count.
//!
//! Items under a `cfg` are no part of that. Those under one predicate have a hash of their own,
//! `BLAKE3-derive("datlake 2026-11-28 found code under a cfg, format 1", count, (label ‖ item)*)`, which counts where they are compiled.
//!
//! Rows are sorted. The creator's own row has neither label nor text: its tokens have a hash of their own, and `name = "…"` keeps
//! the key where a function moves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use datlake_closure::{Ambiguous, Closure, Creator, Item, Package};
use proc_macro2::{Literal, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;

use crate::compiled::{self, Compiled, Sources};
use crate::options::{Extent, Options, Registry};
use crate::scan::{self, ScanResult};
use crate::signature::Function;
use crate::source::Source;
use crate::warnings;

/// What was found.
#[derive(Default)]
pub(crate) struct ClosureTable {
    hash: [u8; 32],
    /// Predicates of `cfg`, and the hashes of what is compiled under them.
    variants: Vec<(String, [u8; 32])>,
    /// For people and for lineage: one line for each row.
    table: String,
    conditions: ScanResult,
    variables: Vec<String>,
    /// Files whose content counts, for cargo to look at.
    files: Vec<String>,
    /// A file that is newer than what was compiled.
    newer: Option<String>,
    /// Traits that other crates can implement for what the creator is given.
    open: Vec<String>,
    /// Arguments that can share a key.
    ambiguous: Vec<Ambiguous>,
}

impl ClosureTable {
    /// What `function` depends on; nothing where it is not asked for, or no compiler asks.
    pub(crate) fn of(function: &Function, options: &Options, source: &Source) -> Result<Option<Self>, String> {
        if options.version.is_some() || options.closure == Extent::None {
            return Ok(None);
        }
        compiled::with_sources(source.path.is_some(), |sources| match sources? {
            Sources::Crate(compiled) => Self::read(compiled, function, options, source).map(Some),
            Sources::Stream => {
                let why = "its file is not known: nothing but the function itself counts";
                Ok(Some(Self::written(&Rows::default(), vec![format!("partial\t{why}\t")])))
            }
            Sources::Nothing => Ok(None),
        })
    }

    fn read(compiled: &mut Compiled, function: &Function, options: &Options, source: &Source) -> Result<Self, String> {
        let path = source.path.as_deref().ok_or("the file of this function is not known")?;
        let name = function.signature.ident.unraw().to_string();
        let creator = Creator { file: path, line: source.line, name: &name };
        let mut partial = None;
        let mut closure = match compiled.scanner.closure(&creator) {
            Ok(closure) => closure,
            Err(_) => {
                partial = Some("partial\ta macro made it: of that, what its own tokens name counts\t".to_owned());
                let made = compiled.scanner.closure_of_tokens(&creator, &function.tokens.to_string());
                made.map_err(|error| format!("{}: {error}", source.file))?
            }
        };
        if options.closure == Extent::Own {
            keep_own(&mut closure, &compiled.packages[0]);
        }
        let embedded = || closure.embedded.iter().map(|embedded| embedded.path.as_path());
        let newer = compiled.newer(closure.files.iter().map(PathBuf::as_path).chain(embedded()));
        let newer = newer.or_else(|| compiled.newer_than_scripts(&closure));
        let newer = newer.map(|file| source.shown(file));

        let rows = Rows::of(&closure, options.registry, source);
        let mut more: Vec<String> = partial.into_iter().collect();
        more.extend(closure.notes.iter().map(|note| format!("note\t{}\t{}", line(&note.label), line(&note.text))));
        let ambiguous = warnings::unsettled(std::mem::take(&mut closure.ambiguous), function, options, source);
        let seen = |argument: &Ambiguous| format!("note\t{}\t{}", line(&argument.label), warnings::seen(argument));
        more.extend(ambiguous.iter().map(seen));
        let mut found = Self { ambiguous, ..Self::written(&rows, more) };
        let paths: std::collections::BTreeSet<&Path> =
            closure.files.iter().map(PathBuf::as_path).chain(embedded()).collect();
        let is_made = |path: &Path| {
            compiled.packages.iter().any(|package| package.out_dir.as_ref().is_some_and(|out| path.starts_with(out)))
        };
        let paths: Vec<&Path> = paths.into_iter().filter(|path| !is_made(path)).collect();
        for path in paths {
            if let Some(blob) = compiled.blob(path) {
                let _ = writeln!(found.table, "source\t{}\t{}", source.shown(path), hex(&blob));
            }
        }
        let mut shown: BTreeMap<&Path, String> = BTreeMap::new();
        for (item, hash) in closure.items.iter().zip(&rows.hashes) {
            let file = shown.entry(&item.file).or_insert_with(|| source.shown(&item.file));
            found.add_item(item, hash, file);
        }
        drop(shown);
        found.conditions = ScanResult::of_conditions(&closure.conditions);
        found.variables = closure.variables;
        let files = closure.embedded.iter().filter(|embedded| embedded.bytes.is_some());
        found.files = files.filter_map(|embedded| Some(embedded.path.to_str()?.to_owned())).collect();
        found.files.dedup();
        found.newer = newer;
        let open = closure.notes.iter().filter_map(|note| note.of_trait.clone());
        found.open = open.collect();
        Ok(found)
    }

    /// With all rows but items.
    fn written(rows: &Rows, more: Vec<String>) -> Self {
        let mut table = String::new();
        for (label, content) in &rows.embedded {
            let content = content.map_or_else(String::new, |content| hex(&content));
            let _ = writeln!(table, "file\t{}\t{content}", line(label));
        }
        for (name, versions) in &rows.registry {
            let _ = writeln!(table, "crate\t{}\t{}", line(name), versions.join(" "));
        }
        for row in more {
            let _ = writeln!(table, "{row}");
        }
        Self { hash: rows.hash(), variants: rows.variants(), table, ..Self::default() }
    }

    fn add_item(&mut self, item: &Item, hash: &[u8; 32], file: &str) {
        let because = item.because.as_deref().unwrap_or_default();
        let hash = hex(hash);
        let (label, because, kind) = (line(&item.label), line(because), if item.is_root { "root" } else { "item" });
        let leads_to: Vec<String> = item.leads_to.iter().map(usize::to_string).collect();
        let (lines, leads_to) = (format!("{}\t{}", item.line, item.last_line), leads_to.join(" "));
        let _ = writeln!(self.table, "{kind}\t{label}\t{hash}\t{file}\t{lines}\t{because}\t{leads_to}");
    }

    /// Warnings at the creator's signature.
    pub(crate) fn warnings(&self, function: &Function) -> TokenStream {
        warnings::of(&self.open, &self.ambiguous, function)
    }

    /// The value of `Code::found`.
    pub(crate) fn expression(&self, p: &TokenStream) -> TokenStream {
        let Self { hash, table, variables, newer, .. } = self;
        let hash = Literal::byte_string(hash);
        let variants = self.variants.iter().filter_map(|(predicate, hash)| {
            let (holds, hash) = (scan::predicate(predicate)?, Literal::byte_string(hash));
            Some(quote!((#predicate, ::core::cfg!(#holds), *#hash)))
        });
        let conditions = self.conditions.conditions();
        let newer = match newer {
            Some(file) => quote!(::core::option::Option::Some(#file)),
            None => quote!(::core::option::Option::None),
        };
        quote! {
            ::core::option::Option::Some(&#p::ClosureTable {
                hash: *#hash,
                variants: &[#(#variants),*],
                table: #table,
                conditions: &[#(#conditions),*],
                variables: &[#((#variables, ::core::option_env!(#variables))),*],
                newer: #newer,
            })
        }
    }

    /// Whether the content of a file counts already, by the text that embeds it.
    pub(crate) fn embeds(&self, label: &str) -> bool {
        let rows = self.table.lines().filter_map(|row| row.strip_prefix("file\t")?.split_once('\t'));
        rows.into_iter().any(|(embeds, content)| embeds == label && !content.is_empty())
    }

    /// Makes cargo look at the files whose content counts.
    pub(crate) fn watched(&self) -> TokenStream {
        self.files
            .iter()
            .map(|file| {
                quote!(
                    const _: &[u8] = ::core::include_bytes!(#file);
                )
            })
            .collect()
    }
}

/// What is hashed, sorted.
#[derive(Default)]
pub(crate) struct Rows {
    items: Vec<(String, [u8; 32])>,
    /// Of the items, in the order in which they were found.
    hashes: Vec<[u8; 32]>,
    /// Items under a `cfg`, by its predicate.
    under: BTreeMap<String, Vec<(String, [u8; 32])>>,
    embedded: Vec<(String, Option<[u8; 32]>)>,
    /// With versions and checksums.
    registry: BTreeMap<String, Vec<String>>,
    counts_registry: bool,
}

impl Rows {
    pub(crate) fn of(closure: &Closure, registry: Registry, source: &Source) -> Self {
        let mut rows = Self { counts_registry: registry == Registry::Count, ..Self::default() };
        let label = |item: &Item| if item.is_root { String::new() } else { item.label.clone() };
        rows.hashes = closure.items.iter().map(hash_of_item).collect();
        for (item, hash) in closure.items.iter().zip(&rows.hashes) {
            let rows = match under(item) {
                Some(predicate) => rows.under.entry(predicate).or_default(),
                None => &mut rows.items,
            };
            rows.push((label(item), *hash));
        }
        rows.under.values_mut().chain([&mut rows.items]).for_each(|rows| rows.sort());
        let content = |bytes: &std::sync::Arc<[u8]>| *blake3::hash(bytes).as_bytes();
        let embedded = closure.embedded.iter();
        rows.embedded = embedded.map(|one| (one.label.clone(), one.bytes.as_ref().map(content))).collect();
        rows.embedded.sort();
        for name in &closure.registry {
            let versions = source.locked(name).into_iter().map(|locked| {
                let git = locked.source.as_ref().filter(|source| source.starts_with("git+"));
                let from = locked.checksum.as_ref().or(git).map(|from| format!("({from})")).unwrap_or_default();
                format!("{}{from}", locked.version)
            });
            rows.registry.insert(name.clone(), versions.collect());
        }
        rows
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(64 * self.items.len());
        items(&self.items, &mut bytes);
        number(self.embedded.len(), &mut bytes);
        for (label, content) in &self.embedded {
            text(label, &mut bytes);
            bytes.push(content.is_some().into());
            bytes.extend(content.iter().flatten());
        }
        let counted = self.registry.iter().filter(|_| self.counts_registry);
        number(counted.clone().count(), &mut bytes);
        for (name, versions) in counted {
            text(name, &mut bytes);
            list(versions, &mut bytes);
        }
        blake3::derive_key("datlake 2026-11-28 found code, format 1", &bytes)
    }

    pub(crate) fn variants(&self) -> Vec<(String, [u8; 32])> {
        let hash = |rows: &Vec<_>| {
            let mut bytes = Vec::with_capacity(64 * rows.len());
            items(rows, &mut bytes);
            blake3::derive_key("datlake 2026-11-28 found code under a cfg, format 1", &bytes)
        };
        self.under.iter().map(|(predicate, rows)| (predicate.clone(), hash(rows))).collect()
    }
}

/// The predicate without which an item is not compiled, where there is one that `cfg!` takes.
fn under(item: &Item) -> Option<String> {
    let known: Vec<&str> =
        item.needs.iter().map(String::as_str).filter(|needed| scan::predicate(needed).is_some()).collect();
    match known[..] {
        [] => None,
        [one] => Some(one.to_owned()),
        _ => Some(format!("all ( {} )", known.join(" , "))),
    }
}

fn items(rows: &[(String, [u8; 32])], out: &mut Vec<u8>) {
    number(rows.len(), out);
    for (label, hash) in rows {
        text(label, out);
        out.extend_from_slice(hash);
    }
}

fn hash_of_item(item: &Item) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(item.text.len() + 256);
    text(if item.is_root { "" } else { &item.text }, &mut bytes);
    list(&item.edges, &mut bytes);
    list(&item.traits, &mut bytes);
    blake3::derive_key("datlake 2026-11-28 found item, format 1", &bytes)
}

/// Leaves what the crate's own package has: items, and files below its folder.
fn keep_own(closure: &mut Closure, package: &Package) {
    let own = package.name.split('/').next().unwrap_or(&package.name);
    let is_own = |label: &str| {
        label.strip_prefix(own).is_some_and(|rest| rest.starts_with("::") || rest.starts_with(['/', ' ']))
    };
    closure.retain(|item| is_own(&item.label));
    closure.embedded.retain(|embedded| embedded.path.starts_with(&package.directory));
    let files: Vec<PathBuf> = closure.items.iter().map(|item| item.file.clone()).collect();
    closure.files.retain(|file| files.contains(file));
}

/// One line, without what separates columns.
fn line(text: &str) -> String {
    // Hardly any text has one, and whoever compiles their crate waits for this: without optimisation, a plain loop is the fastest.
    let (bytes, mut at) = (text.as_bytes(), 0);
    while at < bytes.len() && !matches!(bytes[at], b'\t' | b'\n' | b'\r') {
        at += 1;
    }
    if at < bytes.len() { text.replace(['\t', '\n', '\r'], " ") } else { text.to_owned() }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let (mut out, mut at) = (vec![0; 2 * bytes.len()].into_boxed_slice(), 0);
    while at < bytes.len() {
        out[2 * at] = DIGITS[(bytes[at] >> 4) as usize];
        out[2 * at + 1] = DIGITS[(bytes[at] & 15) as usize];
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn list(texts: &[String], out: &mut Vec<u8>) {
    number(texts.len(), out);
    texts.iter().for_each(|one| text(one, out));
}

fn text(text: &str, out: &mut Vec<u8>) {
    number(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn number(number: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(number as u64).to_le_bytes());
}

impl Source {
    /// A file, for people: relative to the lock file's folder, also where it is beside that.
    fn shown(&self, file: &Path) -> String {
        let workspace = self.lock.as_ref().and_then(|(path, _)| Path::new(path).parent()).unwrap_or(Path::new(""));
        let shared = workspace.components().zip(file.components()).take_while(|(a, b)| a == b).count();
        let up = workspace.components().skip(shared).map(|_| Path::new(".."));
        // Another drive, or nothing but the root in common.
        let shown: PathBuf = match shared {
            0 | 1 => file.to_owned(),
            _ => up.chain(file.components().skip(shared).map(|part| Path::new(part.as_os_str()))).collect(),
        };
        line(&shown.to_string_lossy().replace('\\', "/"))
    }
}
