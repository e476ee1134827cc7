//! Arguments of which two values can have one key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datlake_closure::{Creator, Dependency, Package, Scanner, Unseen};

/// Which parameters are ambiguous, in which type, and by what.
fn check(code: &str, expected: &[&str]) {
    let sources: BTreeMap<PathBuf, String> = BTreeMap::from([("src/lib.rs".into(), code.to_owned())]);
    let registry = ["serde", "serde_json", "indexmap"];
    let package = registry.iter().fold(Package::new("app", "src/lib.rs"), |package, name| {
        package.with(name, Dependency::Registry((*name).to_owned()))
    });
    let package = package.with("datlake", Dependency::Skipped);
    let scanner = Scanner::new(vec![package], sources).expect("sources");
    let line = code.lines().position(|line| line.contains("fn creator")).expect("a creator") as u32 + 1;
    let creator = Creator { file: Path::new("src/lib.rs"), line, name: "creator" };
    let closure = scanner.closure(&creator).expect("a function");
    let found = closure.ambiguous.iter().map(|argument| {
        let what = match &argument.what {
            Unseen::Variant(one, other) => format!("{one} or {other}"),
            Unseen::Order(map) => format!("order of {map}"),
        };
        format!("{} {}: {what}", argument.parameter, argument.label)
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "{code}");
}

fn check_enum(variants: &str, expected: &[&str]) {
    let code = format!(
        "use serde::Serialize;
        #[derive(Serialize)] struct Low {{ value: f64 }}
        #[derive(Serialize)] struct High {{ value: f64 }}
        #[derive(Serialize)] struct Span {{ from: f64, to: f64 }}
        #[derive(Serialize, Clone)] #[serde(untagged)] enum Of {{ {variants} }}
        fn creator(of: &[Of]) {{}}"
    );
    check(&code, expected);
}

#[test]
fn untagged_enums() {
    check_enum("Min(f64), Max(f64)", &["0 app::Of: Min or Max"]);
    check_enum("Min(u8), Name(String), Max(i64)", &["0 app::Of: Min or Max"]);
    check_enum("Empty, Nothing", &["0 app::Of: Empty or Nothing"]);
    check_enum("Min { value: f64 }, Max { value: f64 }", &["0 app::Of: Min or Max"]);
    check_enum("Low(Low), High(Box<High>)", &["0 app::Of: Low or High"]);
    check_enum("Name(&'static str), Other(std::borrow::Cow<'static, str>)", &["0 app::Of: Name or Other"]);
    check_enum("File(std::fs::File), Name(String)", &["0 app::Of: File or Name"]);
    check_enum("One(Option<u64>), Name(String)", &["0 app::Of: One or Name"]);
    check_enum("A { x: u8 }, B { #[serde(rename = \"x\")] y: u8 }", &["0 app::Of: A or B"]);
}

#[test]
fn untagged_enums_whose_variants_are_told_apart() {
    check_enum("Number(u64), Name(String), Exact(f64), Flag(bool), Letter(char), Empty", &[]);
    check_enum("One(String), Many(Vec<String>), Pair(u8, u8)", &[]);
    check_enum("Low(Low), Span(Span), Third { third: u8 }", &[]);
    check_enum("Number(i64), Name(String), File(datlake::File)", &[]);
    check_enum("Only(Option<u64>)", &[]);
    check_enum("Min(f64), #[serde(skip)] Max(f64)", &[]);
}

#[test]
fn only_what_a_derive_writes() {
    check("#[derive(Deserialize)] #[serde(untagged)] enum Of { A(u8), B(u8) }\nfn creator(of: Of) {}", &[]);
    check(
        "#[derive(Serialize)] #[serde(untagged, into = \"u8\")] enum Of { A(u8), B(u8) }\nfn creator(of: Of) {}",
        &[],
    );
    check("#[derive(Serialize)] enum Of { A(u8), B(u8) }\nfn creator(of: Of) {}", &[]);
    check(
        "#[derive(serde::Serialize)] enum Of { A(u8), #[serde(untagged)] B(u8), #[serde(untagged)] C(u8) }
        fn creator(of: Of) {}",
        &["0 app::Of: B or C"],
    );
    check(
        "#[cfg_attr(feature = \"serde\", derive(Serialize), serde(untagged))] enum Of { A(u8), B(u8) }
        fn creator(of: Of) {}",
        &["0 app::Of: A or B"],
    );
}

#[test]
fn wherever_the_type_stands() {
    let of = "#[derive(Serialize)] #[serde(untagged)] pub enum Of { A(u8), B(u8) }";
    let inside = format!(
        "mod of {{ {of} }}
        use of::Of as Renamed;
        type Short<T> = Vec<(Renamed, T)>;
        #[derive(Serialize)] struct Node {{ next: Option<Box<Node>>, of: Short<u8> }}
        #[derive(Serialize)] enum Tree where u8: Fn() {{ Leaf, Of {{ node: Node }} }}
        #[derive(Serialize)] struct Quiet {{ #[serde(skip)] of: Renamed, #[serde(with = \"w\")] other: Renamed }}
        pub fn creator<T: Into<Option<u8>>>(first: u8, tree: &std::collections::HashMap<u8, Tree>, quiet: Quiet,
            #[skip] skipped: Renamed, t: T) {{}}"
    );
    check(&inside, &["1 app::of::Of: A or B"]);
    check(&format!("{of}\nfn creator(f: u8) -> Of {{ let of: Of = f.into(); of }}"), &[]);
}

#[test]
fn maps_whose_order_is_hidden() {
    let code = |field: &str| {
        format!(
            "use indexmap::IndexMap; use serde_json::{{Map, Value}}; use std::collections::HashMap;
            type Table = Map<String, Value>;
            #[derive(Serialize)] struct Wrapper(IndexMap<String, u8>);
            #[derive(Serialize)] struct Of {{ name: String, {field} }}
            fn creator(of: Of) {{}}"
        )
    };
    for field in
        ["#[serde(flatten)] rest: IndexMap<String, u8>", "#[serde(flatten, default)] pub rest: Option<Wrapper>"]
    {
        check(&code(field), &["0 app::Of: order of indexmap::IndexMap"]);
    }
    check(&code("#[serde(flatten)] rest: Table"), &["0 app::Of: order of serde_json::Map"]);
    check(&code("#[serde(flatten)] rest: serde_json::Value"), &["0 app::Of: order of serde_json::Value"]);
    for field in
        ["#[serde(flatten)] rest: HashMap<String, Value>", "rest: IndexMap<String, u8>", "#[serde(flatten)] of: Other"]
    {
        check(&code(field), &[]);
    }
    let tagged = |tag: &str| {
        format!(
            "#[derive(Serialize)] #[serde({tag})] enum Of {{ Rest(indexmap::IndexMap<String, u8>), Named {{ of: u8 }} }}
            fn creator(of: Of) {{}}"
        )
    };
    check(&tagged("tag = \"type\""), &["0 app::Of: order of indexmap::IndexMap"]);
    check(&tagged("tag = \"type\", content = \"of\""), &[]);
}
