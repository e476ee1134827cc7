//! Blocking methods, and their asynchronous twins.

use std::collections::BTreeSet;

use crate::offence::Offence;
use crate::source::Files;

/// Types whose methods read or write the lake.
const TYPES: [&str; 18] = [
    "Branch",
    "File",
    "FileWriter",
    "LocalFolder",
    "Replacing",
    "Lake",
    "LakeBuilder",
    "LakeWriter",
    "NewRepository",
    "Reference",
    "Repository",
    "StagedPath",
    "Tag",
    "Transaction",
    "Tree",
    "TreeWriter",
    "Unverified",
    "WorkingCopy",
];

/// Methods without a twin of their own, and why.
const EXCEPT: [(&str, &str); 13] = [
    ("File::write_into", "only the command asks it, and that blocks"),
    ("FileWriter::finish", "`AsyncFileWriter::finish` is its twin"),
    ("LakeBuilder::openlineage", "it reads and writes nothing"),
    ("LakeWriter::finish", "`AsyncLakeWriter::finish` is its twin"),
    ("Lake::allow_addresses", "it reads settings alone"),
    ("Lake::each_remote_call", "only an index asks it, and that blocks"),
    ("Lake::calls_of_creator", "only an index asks it, and that blocks"),
    ("Lake::find_calls_by", "an index blocks"),
    ("Lake::latest_calls_by", "an index blocks"),
    ("Lake::lineage_contents_by", "who asks an index blocks"),
    ("Lake::lineage_graph_by", "who asks an index blocks"),
    ("Lake::signs_urls", "it reads settings alone"),
    ("TreeWriter::add", "it reads and writes nothing"),
];

pub(crate) fn check(files: &Files) -> Vec<Offence> {
    let (mut blocking, mut twins) = (BTreeSet::new(), BTreeSet::new());
    for (file, text) in files.iter().filter(|(path, _)| path.starts_with("datlake-lake/src/")) {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        for (name, asynchronous) in parsed.items.iter().flat_map(methods) {
            match name.strip_suffix("_async") {
                Some(name) => drop(twins.insert(name.to_owned())),
                None if !asynchronous => drop(blocking.insert(name)),
                None => {}
            }
        }
        twins.extend(parsed.items.iter().flat_map(generated));
    }
    let except = |name: &str| EXCEPT.iter().any(|(except, _)| *except == name);
    let missing = blocking.iter().filter(|name| !twins.contains(*name) && !except(name));
    let missing = missing.map(|name| Offence::new("twin", name, "it blocks, and has no asynchronous twin"));
    let idle = EXCEPT.iter().filter(|(name, _)| twins.contains(*name));
    let idle = idle.map(|(name, why)| Offence::new("twin", name, format!("it has a twin, although {why}")));
    missing.chain(idle).collect()
}

/// `Lake::file` for each public method of [`TYPES`] that can fail, and whether it is asynchronous.
fn methods(item: &syn::Item) -> Vec<(String, bool)> {
    let syn::Item::Impl(block) = item else { return Vec::new() };
    let Some(of) = name(&block.self_ty).filter(|of| TYPES.contains(&of.as_str()) && block.trait_.is_none()) else {
        return Vec::new();
    };
    let functions = block.items.iter().filter_map(|item| match item {
        syn::ImplItem::Fn(function) if matches!(function.vis, syn::Visibility::Public(_)) => Some(&function.sig),
        _ => None,
    });
    let fails = |signature: &&syn::Signature| match &signature.output {
        syn::ReturnType::Type(_, output) => name(output).is_some_and(|name| name == "Result"),
        syn::ReturnType::Default => false,
    };
    functions
        .filter(fails)
        .map(|signature| (format!("{of}::{}", signature.ident), signature.asyncness.is_some()))
        .collect()
}

fn name(of: &syn::Type) -> Option<String> {
    let syn::Type::Path(of) = of else { return None };
    of.path.segments.last().map(|last| last.ident.to_string())
}

/// The methods that the table of twins names.
fn generated(item: &syn::Item) -> Vec<String> {
    let syn::Item::Macro(table) = item else { return Vec::new() };
    if !table.mac.path.is_ident("twins") {
        return Vec::new();
    }
    let (text, mut of) = (table.mac.tokens.to_string(), "");
    let mut found = Vec::new();
    let words: Vec<&str> = text.split_whitespace().collect();
    for pair in words.windows(3) {
        match pair {
            ["impl", name, "{"] => of = name,
            [twin, "=", name] if twin.ends_with("_async") => {
                found.push(format!("{of}::{}", name.split('(').next().unwrap()));
            }
            _ => {}
        }
    }
    found
}
