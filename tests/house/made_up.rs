//! Every check finds what it is for, in sources made up to be wrong, and nothing in those that are right.

use crate::offence::{Offence, assert_none};
use crate::source::Files;
use crate::{absences, circles, sizes, twins, words};

const MANIFEST: &str = "[package]\nname = \"datlake\"\n\n[dependencies]\ndatlake-core.workspace = true\n";

fn files<const N: usize>(files: [(&str, &str); N]) -> Files {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn house<const N: usize>(sources: [(&str, &str); N]) -> Files {
    let mut files = files(sources);
    files.insert("Cargo.toml".to_owned(), MANIFEST.to_owned());
    files
}

#[track_caller]
fn assert_keys(offences: &[Offence], expected: &[&str]) {
    let keys: Vec<_> = offences.iter().map(|offence| offence.key.as_str()).collect();
    assert_eq!(keys, expected, "{offences:?}");
}

#[test]
fn a_circle_is_found_through_imports_re_exports_and_paths() {
    let by_import =
        [("src/a.rs", "use crate::b::B;\npub struct A(B);"), ("src/b.rs", "pub struct B;\nfn f(_: super::A) {}")];
    let root = ("src/lib.rs", "mod a;\nmod b;\npub use a::A;");
    let offences = circles::check(&house([root, by_import[0], by_import[1]]));
    assert_keys(&offences, &["circle src"]);
    let text = format!("{offences:?}");
    assert!(text.contains("src/a.rs → src/b.rs: B") && text.contains("src/b.rs → src/a.rs: A"), "{text}");

    let in_a_macro = ("src/a.rs", "pub fn a() { assert!(crate::b::b()) }");
    let back = ("src/b.rs", "pub fn b() -> bool { crate::a::a(); true }");
    assert_keys(&circles::check(&house([("src/lib.rs", "mod a;\nmod b;"), in_a_macro, back])), &["circle src"]);
}

#[test]
fn a_child_and_its_parent_are_a_circle_where_each_uses_the_other() {
    let child = ("src/a/child.rs", "use super::Shared;\npub fn child(_: Shared) {}");
    let uses = ("src/a/mod.rs", "mod child;\npub struct Shared;\npub fn f() { child::child(Shared) }");
    assert_keys(&circles::check(&house([("src/lib.rs", "mod a;"), uses, child])), &["circle src"]);
    let only_declares = ("src/a/mod.rs", "mod child;\npub use child::child;\npub struct Shared;");
    assert_keys(&circles::check(&house([("src/lib.rs", "mod a;"), only_declares, child])), &[]);
}

#[test]
fn what_tests_use_makes_no_circle() {
    let a = ("src/a.rs", "pub struct A;\n#[cfg(test)]\nmod tests { use crate::b::B; fn f(_: B) {} }");
    let b = ("src/b.rs", "use crate::a::A;\npub struct B(A);");
    assert_keys(&circles::check(&house([("src/lib.rs", "mod a;\nmod b;"), a, b])), &[]);
}

#[test]
fn each_absence_is_noticed() {
    let wrong = [
        ("datlake-core/Cargo.toml", "[package]\nname = \"datlake-core\"\n"),
        ("datlake-core/src/lib.rs", "use std::{fs, io};\nfn f() -> io::Result<()> { fs::read(\"a\").map(drop) }"),
        ("datlake-lake/Cargo.toml", "[package]\nname = \"datlake-lake\"\n"),
        ("datlake-lake/src/lib.rs", "inventory::collect!(u32);"),
        ("src/lib.rs", "mod report;\nmod lake;\nmod kinds;\nmod store;\nmod threads;\nmod prints;\nmod homeless;"),
        ("src/report/mod.rs", "use crate::lake::Lake;\nfn f(_: Lake) {}"),
        ("src/lake.rs", "pub struct Lake;"),
        ("src/kinds.rs", "use datlake_core::Location;\nfn f(l: Location) -> bool { matches!(l, Location::Run(_)) }"),
        ("src/store.rs", "async fn f() { tokio::task::yield_now().await }"),
        ("src/threads.rs", "use std::thread;\nfn f() { thread::spawn(|| ()); }"),
        ("src/homeless.rs", "fn f() { std::env::home_dir(); }"),
        ("datlake-cli/Cargo.toml", "[package]\nname = \"datlake-cli\"\n"),
        ("datlake-cli/src/main.rs", "use datlake_store::DirStore;\nfn f(_: DirStore) {}"),
        ("src/prints.rs", "fn f() { eprintln!(\"told\") }"),
    ];
    let expected = [
        "core-is-pure datlake-core/src/lib.rs",
        "lake-knows-no-call datlake-lake/src/lib.rs",
        "report-is-data src/report/mod.rs",
        "homeless src/homeless.rs",
        "command-knows-the-library datlake-cli/src/main.rs",
        "kinds src/kinds.rs",
        "store-alone src/store.rs",
        "threads src/threads.rs",
        "prints src/prints.rs",
    ];
    assert_keys(&absences::check(&house(wrong)), &expected);
    let right = [
        (
            "src/lib.rs",
            "//! Not `std::fs`, nor `println!`.\nfn f(l: u8) -> datlake_core::Location { datlake_core::Location::Run(l) }",
        ),
        ("datlake-lake/Cargo.toml", "[package]\nname = \"datlake-lake\"\n"),
        ("datlake-lake/src/lib.rs", "mod console;"),
        ("datlake-lake/src/console/screen.rs", "pub fn f() { eprintln!(\"told\") }"),
    ];
    assert_keys(&absences::check(&house(right)), &[]);
}

#[test]
fn a_path_that_is_spelled_is_noticed() {
    let wrong = house([("src/lib.rs", "fn f(d: &str) -> String { format!(\"blobs/{d}\") }")]);
    assert_keys(&absences::spelled_paths(&wrong), &["paths src/lib.rs"]);
    let layout = house([("datlake-core/src/layout.rs", "const B: &str = \"blobs/\";")]);
    assert_keys(&absences::spelled_paths(&layout), &[]);
}

#[test]
fn a_dependency_upwards_is_noticed() {
    let manifest = "[package]\nname = \"datlake-store\"\n\n[dependencies]\ndatlake.workspace = true\n";
    let wrong = files([("datlake-store/Cargo.toml", manifest), ("datlake-store/src/lib.rs", "")]);
    assert_keys(&absences::direction(&wrong), &["direction datlake-store → datlake"]);
    assert_keys(&absences::direction(&house([("src/lib.rs", "")])), &[]);
    let unknown = files([("x/Cargo.toml", "[package]\nname = \"x\"\n"), ("x/src/lib.rs", "")]);
    assert_keys(&absences::direction(&unknown), &["direction x"]);
}

#[test]
fn long_functions_and_files_are_noticed() {
    let long = format!("impl A {{\n    fn long() {{\n{}    }}\n}}\n", "        f();\n".repeat(79));
    let fits = format!("fn fits() {{\n{}}}\n", "    f();\n".repeat(78));
    let house = files([("src/a.rs", &long), ("src/b.rs", &fits)]);
    assert_keys(&sizes::functions(&house), &["function src/a.rs long"]);
    let (short, long) = ("\n".repeat(500), "\n".repeat(501));
    let (offences, longest) = sizes::lines(&files([("src/a.rs", &short), ("src/b.rs", &long)]));
    assert_keys(&offences, &["file src/b.rs"]);
    assert_eq!(longest, "   501 src/b.rs\n   500 src/a.rs\n");
}

#[test]
fn old_words_are_noticed_where_they_are_no_exception() {
    let page = "## Refused\n\n| old | new | except |\n|---|---|---|\n| `type Vault` | `LocalView` | |\n\
        | `mod known` | `remote_identity` | `src/b` (of another kind) |\n| `is told` | receives | |\n\n## After\n";
    let page = ("docs/adr/0015-words.md", page);
    let wrong =
        files([page, ("src/a.rs", "/// Who is told.\nstruct Vault;\nmod known;"), ("README.md", "It is Told.")]);
    assert_keys(&words::check(&wrong), &["word type Vault", "word mod known", "word is told"]);
    let right =
        files([page, ("src/b.rs", "mod known;\nfn f() { let vault = known; }"), ("README.md", "This toldness.")]);
    assert_keys(&words::check(&right), &[]);
}

#[test]
fn a_name_of_two_types_is_noticed() {
    let wrong = files([("src/a.rs", "pub struct Found;"), ("src/b.rs", "pub(crate) enum Found {}")]);
    assert_keys(&words::twice(&wrong), &["twice Found"]);
    let right = files([
        ("src/a.rs", "pub struct Found;"),
        ("src/b.rs", "enum Found {}\n#[cfg(test)] mod t { pub struct Found; }"),
    ]);
    assert_keys(&words::twice(&right), &[]);
}

#[test]
#[should_panic(expected = "src/a.rs")]
fn what_is_not_listed_fails() {
    assert_none(&["circle"], &[Offence::new("circle", "src/a.rs", "")], "circle src/b.rs\n");
}

#[test]
#[should_panic(expected = "is mended")]
fn what_is_listed_and_mended_fails() {
    assert_none(&["circle"], &[], "circle src/b.rs\n");
}

#[test]
fn what_is_listed_passes() {
    assert_none(&["circle"], &[Offence::new("circle", "src/a.rs", "")], "circle src/a.rs\nfile src/a.rs\n");
}

#[test]
fn a_blocking_method_without_a_twin() {
    let lake =
        "impl Lake { pub fn a(&self) -> Result<u8> {} pub fn b(&self) -> Result<u8> {} pub fn c(&self) -> u8 {} }";
    let table = "twins! { impl Lake { a_async = a(&self) -> u8; } }";
    let by_hand = "impl Lake { pub async fn b_async(&self) -> Result<u8> {} }";
    let all = files([("datlake-lake/src/a.rs", lake), ("datlake-lake/src/twins.rs", table)]);
    assert_keys(&twins::check(&all), &["twin Lake::b"]);
    let all = files([
        ("datlake-lake/src/a.rs", lake),
        ("datlake-lake/src/b.rs", by_hand),
        ("datlake-lake/src/twins.rs", table),
    ]);
    assert_keys(&twins::check(&all), &[]);
}
