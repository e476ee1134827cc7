//! Other people's code: nothing panics, and as many items are found as `syn` finds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use datlake_closure::{Package, Scanner};

/// `CLOSURE_FILES=N` takes another number of files, `CLOSURE_SOURCES` another folder.
#[test]
fn items_are_those_that_syn_finds() {
    // `syn` descends into types that nest sixty deep.
    let compared = std::thread::Builder::new().stack_size(64 << 20).spawn(compare).expect("a thread");
    compared.join().expect("no difference");
}

fn compare() {
    let Some(folder) = sources() else {
        println!("skipped: there are no sources of registry crates on this machine");
        return;
    };
    let wanted = std::env::var("CLOSURE_FILES").ok().and_then(|n| n.parse().ok()).unwrap_or(600);
    let (mut compared, mut items, mut differing) = (0, 0, Vec::new());
    let mut slowest = (Duration::ZERO, PathBuf::new());
    for path in files(&folder, wanted) {
        let Ok(code) = std::fs::read_to_string(&path) else { continue };
        let begun = Instant::now();
        let ours = count(&code);
        slowest = slowest.max((begun.elapsed(), path.clone()));
        // What syn refuses, rustc refuses, or it is of a newer language.
        let Ok(theirs) = syn::parse_file(&code) else { continue };
        // A function without a body is an item to rustc, and left as it is by `syn`.
        let verbatim = theirs.items.iter().filter(|item| matches!(item, syn::Item::Verbatim(_))).count();
        let theirs = counted(&theirs);
        compared += 1;
        items += theirs;
        if !(theirs..=theirs + verbatim).contains(&ours) {
            differing.push(format!("{}: {ours}, syn {theirs}", path.display()));
        }
    }
    println!("{compared} files, {items} items; slowest {slowest:?}");
    assert!(differing.is_empty(), "{} of {compared} files:\n{}", differing.len(), differing.join("\n"));
}

fn sources() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("CLOSURE_SOURCES") {
        return Some(folder.into());
    }
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    std::fs::read_dir(home.join("registry/src")).ok()?.flatten().map(|entry| entry.path()).next()
}

/// The first files below a folder, spread over its crates.
fn files(folder: &Path, wanted: usize) -> Vec<PathBuf> {
    let mut crates: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    crates.sort();
    let each = (wanted / crates.len().max(1)).max(1);
    let mut found = Vec::new();
    for krate in crates {
        let mut of_crate = Vec::new();
        let mut folders = vec![krate];
        while let Some(folder) = folders.pop() {
            let mut entries: Vec<PathBuf> =
                std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
            entries.sort();
            for path in entries {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    of_crate.push(path);
                }
            }
        }
        found.extend(of_crate.into_iter().take(each));
    }
    found.truncate(wanted);
    found
}

/// Items of a file, as one finds them from outside: by a function that is added to it and mentions everything.
fn count(code: &str) -> usize {
    let root = PathBuf::from("lib.rs");
    let sources = BTreeMap::from([(root, code.to_owned())]);
    let Ok(scanner) = Scanner::new(vec![Package::new("app", "lib.rs")], sources) else { return 0 };
    for function in scanner.functions().iter().step_by(7).take(3) {
        let _ = scanner.closure(&function.creator());
    }
    scanner.top_items()
}

fn counted(file: &syn::File) -> usize {
    let counted = |item: &&syn::Item| {
        matches!(
            item,
            syn::Item::Fn(_)
                | syn::Item::Struct(_)
                | syn::Item::Enum(_)
                | syn::Item::Union(_)
                | syn::Item::Trait(_)
                | syn::Item::Const(_)
                | syn::Item::Static(_)
                | syn::Item::Type(_)
        )
    };
    file.items.iter().filter(counted).count() + file.items.iter().map(statics_of_threads).sum::<usize>()
}

/// `syn` leaves a macro's arguments as they are.
fn statics_of_threads(item: &syn::Item) -> usize {
    let syn::Item::Macro(call) = item else { return 0 };
    let is_static =
        |tree: &proc_macro2::TokenTree| matches!(tree, proc_macro2::TokenTree::Ident(word) if word == "static");
    let of_thread = call.mac.path.is_ident("thread_local");
    if of_thread { call.mac.tokens.clone().into_iter().filter(is_static).count() } else { 0 }
}
