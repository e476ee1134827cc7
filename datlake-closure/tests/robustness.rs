//! Whatever the text is: an answer in bounded time, depth and memory, and no panic.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use datlake_closure::{Closure, Creator, Disk, Package, Scanner};

fn scan(files: &[(&str, String)]) -> Scanner {
    let sources: BTreeMap<PathBuf, String> =
        files.iter().map(|(path, code)| (PathBuf::from(path), code.clone())).collect();
    Scanner::new(vec![Package::new("app", files[0].0)], sources).expect("a root")
}

/// The closure of each of some functions.
fn closures(scanner: &Scanner) -> Vec<Closure> {
    let functions = scanner.functions();
    let step = (functions.len() / 5).max(1);
    functions.iter().step_by(step).filter_map(|function| scanner.closure(&function.creator()).ok()).collect()
}

fn survives(code: String) -> Vec<Closure> {
    let begun = Instant::now();
    let found = closures(&scan(&[("src/lib.rs", code.clone())]));
    let text: String = code.chars().take(60).collect();
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}: {text}", begun.elapsed());
    found
}

#[test]
fn texts_that_nest_without_end() {
    let many = 20_000;
    for (open, close) in
        [("(", ")"), ("{", "}"), ("[", "]"), ("<", ">"), ("/*", "*/"), ("|x| ", ""), ("!", ""), ("&dyn ", "")]
    {
        survives(format!("fn creator() {{ {} {} }}", open.repeat(many), close.repeat(many)));
        survives(format!("fn creator() {{ {}", open.repeat(many)));
        survives(format!("fn f() {{}} {} fn creator() {{ f() }}", close.repeat(many)));
    }
    survives(format!("use {}a{}; fn creator() {{ a() }}", "a::{".repeat(many), "}".repeat(many)));
    survives(format!("{} fn creator() {{}} {}", "mod a { ".repeat(2000), "}".repeat(2000)));
    survives(format!("fn creator() {{ {} {} }}", "fn creator() { ".repeat(2000), "}".repeat(2000)));
    survives(format!("fn creator() {{ {} {} }}", "match 1 { 1 => ".repeat(2000), "}".repeat(2000)));
    survives(format!("fn creator() {{ {} 1 {} }}", "m!(".repeat(2000), ")".repeat(2000)));
    survives(format!("fn creator() {{ include!({}\"x\"{}) }}", "concat!(".repeat(many), ")".repeat(many)));
    survives(format!("fn creator(a: {}u8) {{}}", "impl A + ".repeat(many)));
}

#[test]
fn a_hundred_thousand_items() {
    let mut code = String::from("fn creator() { f99999() }\n");
    for n in 0..100_000 {
        writeln!(code, "fn f{n}() {{ f{}() }}", n / 2).expect("text");
    }
    let found = survives(code);
    assert_eq!(found[0].items.len(), 1 + 18 + 1);
}

#[test]
fn long_chains() {
    let many = 5_000;
    let mut calls = String::from("fn creator() { f0() }\n");
    let mut imports = String::from("fn creator() { m0::f() }\n");
    let mut globs = String::from("fn creator() { m0::f() }\n");
    let mut impls = String::from("struct T0; fn creator(_: T0) {}\n");
    for n in 0..many {
        writeln!(calls, "fn f{n}() {{ f{}() }}", n + 1).expect("text");
        writeln!(imports, "mod m{n} {{ pub use crate::m{}::f; }}", n + 1).expect("text");
        writeln!(
            globs,
            "mod m{n} {{ pub use crate::m{}::*; pub use crate::m{}::*; }}",
            (n * 7 + 1) % many,
            (n * 3 + 2) % many
        )
        .expect("text");
        writeln!(
            impls,
            "struct T{}; impl From<T{n}> for T{} {{ fn from(t: T{n}) -> Self {{ t.m{n}() }} }}",
            n + 1,
            n + 1
        )
        .expect("text");
    }
    assert_eq!(survives(calls)[0].items.len(), many + 1 + 1);
    survives(imports);
    survives(globs);
    survives(impls);
}

#[test]
fn modules_in_circles() {
    let code = "#[path = \"lib.rs\"] mod again; #[path = \"a.rs\"] mod a; fn creator() { a::f() + again::creator() }"
        .to_owned();
    let scanner = scan(&[
        ("src/lib.rs", code),
        ("src/a.rs", "#[path = \"b.rs\"] mod b; pub use b::*;".to_owned()),
        ("src/b.rs", "#[path = \"a.rs\"] mod a; pub fn f() {}".to_owned()),
    ]);
    let closure =
        scanner.closure(&Creator { file: Path::new("src/lib.rs"), line: 1, name: "creator" }).expect("it is there");
    let labels: Vec<&str> = closure.items.iter().map(|item| item.label.as_str()).collect();
    assert_eq!(labels, ["app (settings)", "app::a::b::f", "app::creator"]);
}

#[test]
#[cfg(unix)]
fn folders_in_circles() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("circle");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::os::unix::fs::symlink(&folder, folder.join("a")).expect("a link");
    std::fs::write(folder.join("lib.rs"), "mod a; fn creator() {}").expect("a file");
    std::fs::write(folder.join("a.rs"), "pub mod a;").expect("a file");
    let root = folder.join("lib.rs");
    let scanner = Scanner::new(vec![Package::new("app", &root.to_string_lossy())], Disk).expect("a root");
    assert!(scanner.closure(&Creator { file: &root, line: 1, name: "creator" }).is_ok());
}

/// Stable compilers refuse frontmatter: only the text can be looked at.
#[test]
fn what_stands_before_the_items() {
    let code = "fn creator() -> u64 { helper() }\nfn helper() -> u64 { 1 }\n";
    for before in [
        "\u{feff}",
        "#!/usr/bin/env rustx\n",
        "---\n[dependencies]\nfn = \"{ \"\n---\n",
        "#!/usr/bin/env rustx\n\n----cargo\n--- \"'{\n----\n",
        "#![allow(dead_code)]\n",
        "//! About.\n",
    ] {
        let found = survives(format!("{before}{code}"));
        assert!(found[0].items.iter().any(|item| item.label == "app::helper"), "{before:?}");
        let helper = found[0].items.iter().find(|item| item.label == "app::helper").map(|item| item.text.to_string());
        assert_eq!(helper.as_deref(), Some("fn helper ( ) -> u64 { 1 }"), "{before:?}");
    }
}

/// Nothing is written beside sources, which a sandbox may forbid.
#[test]
#[cfg(unix)]
fn a_folder_that_cannot_be_written_to() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("read-only");
    let _ = std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let root = folder.join("lib.rs");
    std::fs::write(&root, "mod a; fn creator() { a::f() }").expect("a file");
    std::fs::write(folder.join("a.rs"), "pub fn f() {}").expect("a file");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).expect("a mode");
    let scanner = Scanner::new(vec![Package::new("app", &root.to_string_lossy())], Disk).expect("a root");
    let closure = scanner.closure(&Creator { file: &root, line: 1, name: "creator" }).expect("it is there");
    let left = std::fs::read_dir(&folder).expect("a folder").count();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    assert!(closure.items.iter().any(|item| item.label == "app::a::f"));
    assert_eq!(left, 2);
}

#[test]
fn files_that_are_missing_twice_there_or_no_text() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("odd-files");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("two")).expect("a folder");
    std::fs::create_dir_all(folder.join("a_folder.rs")).expect("a folder");
    let root = folder.join("lib.rs");
    let code = b"mod absent; mod two; mod bytes; mod a_folder;\nfn creator() { two::f() + bytes::f() + absent::f() }";
    std::fs::write(&root, code).expect("a file");
    std::fs::write(folder.join("two.rs"), "pub fn f() { one() } fn one() {}").expect("a file");
    std::fs::write(folder.join("two/mod.rs"), "pub fn f() { other() } fn other() {}").expect("a file");
    std::fs::write(folder.join("bytes.rs"), b"// \xff\xfe\npub fn f() -> &'static [u8] { b\"\xff\" }").expect("a file");
    let scanner = Scanner::new(vec![Package::new("app", &root.to_string_lossy())], Disk).expect("a root");
    let closure = scanner.closure(&Creator { file: &root, line: 2, name: "creator" }).expect("it is there");
    let labels: Vec<&str> = closure.items.iter().map(|item| item.label.as_str()).collect();
    for label in ["app::bytes::f", "app::two::one", "app::two::other"] {
        assert!(labels.contains(&label), "{label} in {labels:?}");
    }
}

#[test]
fn texts_that_are_damaged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a source");
    let mut seeds: Vec<String> = ["src/locals.rs", "src/items.rs", "src/lex.rs", "src/symbol.rs"].map(read).into();
    for corpus in ["attacks", "handed", "edges", "locals", "macros", "methods", "names"]
        .map(|name| read(&format!("tests/corpus/{name}.rs")))
    {
        seeds.extend(corpus.split("r##\"").skip(1).filter_map(|part| part.split("\"##").next()).map(str::to_owned));
    }
    let rounds = std::env::var("CLOSURE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below.max(1) as u64) as usize
    };
    let parts = [
        "{",
        "}",
        "(",
        ")",
        "\"",
        "'",
        "r#\"",
        "/*",
        "*/",
        "fn ",
        "impl ",
        "use a::*;",
        "<",
        ">",
        "=>",
        "|",
        "let ",
        "#[",
        "é",
        "\u{feff}",
        "macro_rules! m",
        "$",
        "::",
        "mod x",
    ];
    for _ in 0..rounds {
        let mut code: Vec<char> = seeds[next(seeds.len())].chars().collect();
        for _ in 0..1 + next(8) {
            let at = next(code.len());
            match next(3) {
                0 => {
                    code.drain(at..(at + 1 + next(200)).min(code.len()));
                }
                1 => {
                    let part = parts[next(parts.len())].chars().collect::<Vec<_>>();
                    code.splice(at..at, part);
                }
                _ => code.truncate(at.max(1)),
            }
        }
        survives(code.into_iter().collect());
    }
}
