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

/// Predicates and hashes of what is compiled under them.
fn variants(code: &str, kit: &str) -> Vec<(String, String)> {
    let sources = BTreeMap::from([
        (PathBuf::from("/w/src/lib.rs"), code.to_owned()),
        (PathBuf::from("/w/kit/src/lib.rs"), kit.to_owned()),
    ]);
    let app = Package::new("app", "/w/src/lib.rs").with("kit", Dependency::Path(1));
    let scanner = Scanner::new(vec![app, Package::new("kit", "/w/kit/src/lib.rs")], sources).unwrap();
    let line = code.lines().position(|line| line.contains("fn creator")).unwrap() as u32 + 1;
    let creator = Creator { file: Path::new("/w/src/lib.rs"), line, name: "creator" };
    let rows = Rows::of(&scanner.closure(&creator).unwrap(), Registry::Record, &Source::default());
    let shown = |(predicate, hash): (String, [u8; 32])| (predicate, hex(&hash));
    rows.variants().into_iter().map(shown).collect()
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

const UNDER: &str = "#[cfg(unix)] const N: u64 = 1;\n\
    #[cfg(not(unix))] const N: u64 = 2;\n\
    #[cfg(all(unix, feature = \"x\"))] mod m { #[cfg(fast)] pub const M: u64 = 3; }\n\
    fn creator() -> u64 { N + m::M + kit::help() }\n";
const KIT_UNDER: &str =
    "#[cfg(windows)] pub fn help() -> u64 { 4 }\n#[cfg(feature = \"y\")] pub fn help() -> u64 { 5 }\n";

#[test]
fn golden_vectors_of_code_under_a_condition() {
    let found = variants(UNDER, KIT_UNDER);
    let predicates: Vec<&str> = found.iter().map(|(predicate, _)| predicate.as_str()).collect();
    let both = "all ( all ( unix , feature = \"x\" ) , fast )";
    assert_eq!(predicates, [both, "not ( unix )", "unix", "windows"]);
    assert_eq!(found[2].1, "be13b448b0f67d7df79b205a40d990ffe2cd72e80660512e0dcd10e33171a8e8");

    // Of what is not compiled, the rest does not know.
    let base = hash(UNDER, KIT_UNDER);
    for (old, new) in [("= 1", "= 11"), ("= 2", "= 12"), ("= 3", "= 13")] {
        let edited = UNDER.replace(old, new);
        assert_eq!(hash(&edited, KIT_UNDER), base, "{old}");
        let differing = variants(&edited, KIT_UNDER).iter().zip(&found).filter(|(a, b)| a != b).count();
        assert_eq!(differing, 1, "{old}");
    }
    assert_eq!(hash(UNDER, &KIT_UNDER.replace("{ 4 }", "{ 14 }")), base);
    assert_ne!(hash(UNDER, &KIT_UNDER.replace("{ 5 }", "{ 15 }")), base, "a dependency's feature");
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
