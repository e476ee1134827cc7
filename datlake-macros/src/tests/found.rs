//! What the hash of what was found is made of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datlake_closure::{Creator, Dependency, Package, Scanner};

use super::hex;
use crate::found::Rows;
use crate::options::Registry;
use crate::source::Source;

const CODE: &str = "use kit::help;\n\
    const TWO: u64 = 2;\n\
    struct Model;\n\
    impl Model { fn fit(n: u64) -> u64 { n * TWO } }\n\
    fn unrelated() {}\n\
    /// Documented.\n\
    fn creator(n: u64) -> u64 { Model::fit(help(n)) + itoa::len(include_str!(\"words.txt\")) }\n";
const KIT: &str = "pub fn help(n: u64) -> u64 { n + 1 }\npub fn idle() {}\n";

/// The hash, of sources below a folder.
fn table(folder: &str, code: &str, kit: &str, registry: Registry) -> String {
    let at = |path: &str| Path::new(folder).join(path);
    let sources = BTreeMap::from([
        (at("src/lib.rs"), code.to_owned()),
        (at("src/words.txt"), "one two".to_owned()),
        (at("kit/src/lib.rs"), kit.to_owned()),
    ]);
    let package = |name: &str, root: PathBuf| Package::new(name, root.to_str().unwrap());
    let app = package("app", at("src/lib.rs")).with("kit", Dependency::Path(1));
    let app = app.with("itoa", Dependency::Registry("itoa".to_owned()));
    let scanner = Scanner::new(vec![app, package("kit", at("kit/src/lib.rs"))], sources).unwrap();
    let line = code.lines().position(|line| line.contains("fn creator")).unwrap() as u32 + 1;
    let creator = Creator { file: &at("src/lib.rs"), line, name: "creator" };
    let closure = scanner.closure(&creator).unwrap();
    hex(&Rows::of(&closure, registry, &Source::default()).hash())
}

fn hash(code: &str, kit: &str) -> String {
    table("/w", code, kit, Registry::Record)
}

/// These constants are the format. A change to one re-runs every creator of every user.
#[test]
fn golden_vectors() {
    assert_eq!(hash(CODE, KIT), "316b1d497c81ff45cd227cd00076c19c51dbd7acd8cdedcc756ecbf0e2fdafcb");
    assert_eq!(
        table("/w", CODE, KIT, Registry::Count),
        "4cd7b764416618286f12e07bd115a804769207fbd3c953ca80309516d1a8da70"
    );
}

#[test]
fn where_and_how_sources_are_kept_does_not_count() {
    let base = hash(CODE, KIT);
    assert_eq!(table("/elsewhere/a checkout", CODE, KIT, Registry::Record), base);
    assert_eq!(hash(&CODE.replace('\n', "\r\n"), &KIT.replace('\n', "\r\n")), base);
    assert_eq!(hash(&format!("\u{feff}{CODE}"), KIT), base);
    assert_eq!(hash(&CODE.replace("struct Model;", "// A comment.\n\n\n/// Doc.\nstruct Model ;"), KIT), base);
    assert_eq!(hash(&CODE.replace("fn unrelated() {}", "fn unrelated() { panic!() }"), KIT), base);
    assert_eq!(hash(CODE, &KIT.replace("idle() {}", "idle() { help(3); }")), base);
}

#[test]
fn what_is_reached_counts() {
    let base = hash(CODE, KIT);
    for (old, new) in
        [("= 2", "= 3"), ("n * TWO", "TWO * n"), ("struct Model;", "struct Model();"), ("words.txt", "./words.txt")]
    {
        assert_ne!(hash(&CODE.replace(old, new), KIT), base, "{old}");
    }
    assert_ne!(hash(CODE, &KIT.replace("n + 1", "n + 2")), base);
    assert_ne!(hash(&CODE.replace("use kit::help;", "use kit::idle as help;"), KIT), base);
    assert_ne!(table("/w", CODE, KIT, Registry::Count), base);
}

/// Its name and its tokens count elsewhere.
#[test]
fn the_creator_itself_has_edges_alone() {
    let base = hash(CODE, KIT);
    assert_eq!(hash(&CODE.replace("Model::fit(help(n)) +", "Model::fit(help(n)) -"), KIT), base);
    assert_ne!(hash(&CODE.replace("Model::fit(help(n)) +", "Model::fit(n) +"), KIT), base);
}
