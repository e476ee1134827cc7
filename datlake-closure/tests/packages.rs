//! From rustc's arguments and manifests to packages.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datlake_closure::{Creator, Dependency, Edition, Invocation, Package, Scanner};

fn files(list: &[(&str, &str)]) -> BTreeMap<PathBuf, String> {
    list.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect()
}

fn workspace() -> BTreeMap<PathBuf, String> {
    files(&[
        (
            "/w/Cargo.toml",
            "[workspace]\nmembers = [\"app\", \"helper\"]\n[workspace.package]\nedition = \"2021\"\n[workspace.dependencies]\n\
             kit = { package = \"helper\", path = \"helper\" }\nitoa = \"1\"\n[patch.crates-io]\nforked = { path = \"forked\" }\n",
        ),
        (
            "/w/app/Cargo.toml",
            "[package]\nname = \"my-app\"\nedition.workspace = true\n[dependencies]\nkit.workspace = true\nitoa = { workspace = true }\n\
             datlake = \"1\"\nforked = \"0.1\"\n[target.'cfg(unix)'.dependencies]\nmac = { path = \"../mac\" }\n\
             optional = { path = \"../not-there\", optional = true }\n[dev-dependencies.serde]\nversion = \"1\"\n",
        ),
        ("/w/app/src/lib.rs", "fn creator() -> u64 { kit::help() + ground::floor() + forked::fork() + mac::make!() }"),
        ("/w/app/src/main.rs", "fn creator() -> u64 { my_app::in_library() }"),
        ("/w/app/build.rs", "fn main() {}"),
        (
            "/w/helper/Cargo.toml",
            "[package]\nname = \"helper\"\nedition = \"2018\"\n[features]\nbig = []\n[dependencies]\nbase-lib = { path = \"../base\" }\n",
        ),
        ("/w/helper/src/lib.rs", "pub fn help() -> u64 { ground::floor() }"),
        ("/w/base/Cargo.toml", "[package]\nname = \"base-lib\"\n[lib]\nname = \"ground\"\npath = \"source/root.rs\"\n"),
        ("/w/base/source/root.rs", "pub fn floor() -> u64 { 1 }"),
        ("/w/forked/Cargo.toml", "[package]\nname = \"forked\"\n"),
        ("/w/forked/src/lib.rs", "pub fn fork() -> u64 { 2 }"),
        ("/w/mac/Cargo.toml", "[package]\nname = \"mac\"\n[lib]\nproc-macro = true\n"),
        ("/w/mac/src/lib.rs", "pub fn make(_: TokenStream) -> TokenStream {}"),
        (
            "/w/target/debug/deps/kit-12ab.d",
            "/w/target/debug/deps/libkit-12ab.rmeta: helper/src/lib.rs\n\n# env-dep:OUT_DIR=/w/out\n",
        ),
        ("/w/target/debug/deps/helper-12ab.d", "x: helper/src/lib.rs\n\n# env-dep:OUT_DIR=/w/out\n"),
        (
            "/w/target/debug/.fingerprint/helper-12ab/lib-helper.json",
            "{\"rustc\":1,\"features\":\"[\\\"big\\\", \\\"default\\\"]\",\"target\":2}",
        ),
    ])
}

fn invocation(sources: &BTreeMap<PathBuf, String>, root: &str) -> Invocation {
    let arguments = format!(
        "--crate-name my_app --edition=2021 {root} --error-format=json --crate-type lib --emit=dep-info,metadata -C metadata=1 \
         --extern kit=/w/target/debug/deps/libhelper-12ab.rmeta --extern mac=/w/target/debug/deps/libmac-1.so \
         --extern forked=target/debug/deps/libforked-1.rmeta --extern noprelude:itoa --cap-lints allow --cfg feature=\"fast.rs\""
    );
    Invocation::of(arguments.split_whitespace().map(str::to_owned), Path::new("/w"), sources).expect("a root")
}

fn named<'a>(packages: &'a [Package], name: &str) -> &'a Package {
    packages.iter().find(|package| package.name == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn arguments_name_root_edition_and_libraries() {
    let sources = workspace();
    let found = invocation(&sources, "app/src/lib.rs");
    assert_eq!(
        (found.root.as_path(), found.edition, found.crate_name.as_str()),
        (Path::new("/w/app/src/lib.rs"), Edition::E2021, "my_app")
    );
    assert_eq!(found.externs["forked"].as_deref(), Some(Path::new("/w/target/debug/deps/libforked-1.rmeta")));
    assert_eq!(found.externs["itoa"], None);
}

#[test]
fn arguments_can_be_in_a_file() {
    let sources = files(&[("/w/args", "--edition\n2024\nsrc/my lib.rs\n")]);
    let found = Invocation::of(["@args".to_owned()], Path::new("/w"), &sources).expect("a root");
    assert_eq!((found.root.as_path(), found.edition), (Path::new("/w/src/my lib.rs"), Edition::E2024));
    assert!(Invocation::of(["@absent".to_owned(), "--version".to_owned()], Path::new("/w"), &sources).is_none());
}

#[test]
fn manifests_lead_to_packages() {
    let sources = workspace();
    let packages = invocation(&sources, "app/src/lib.rs")
        .packages(Path::new("/w/app"), None, &["datlake"], &sources)
        .expect("manifests");
    let own = &packages[0];
    assert_eq!((own.name.as_str(), own.build_script.as_deref()), ("my-app", Some(Path::new("/w/app/build.rs"))));
    assert_eq!(own.dependencies["itoa"], Dependency::Registry("itoa".to_owned()));
    assert_eq!(own.dependencies["serde"], Dependency::Registry("serde".to_owned()));
    assert_eq!(own.dependencies["datlake"], Dependency::Skipped);
    // What is not linked need not be there.
    assert!(!own.dependencies.contains_key("optional"));
    let helper = named(&packages, "helper");
    assert_eq!((helper.edition, helper.out_dir.as_deref()), (Edition::E2018, Some(Path::new("/w/out"))));
    assert_eq!(helper.features, ["big", "default"]);
    assert!(matches!(helper.dependencies["ground"], Dependency::Path(_)), "a library has a name of its own");
    assert_eq!(named(&packages, "base-lib").root, Path::new("/w/base/source/root.rs"));
    assert_eq!(named(&packages, "forked").root, Path::new("/w/forked/src/lib.rs"), "[patch] leads to a path");
    assert!(named(&packages, "mac").proc_macro);
}

#[test]
fn closures_reach_through_manifests() {
    let sources = workspace();
    let packages =
        invocation(&sources, "app/src/lib.rs").packages(Path::new("/w/app"), None, &[], &sources).expect("manifests");
    let scanner = Scanner::new(packages, sources).expect("sources");
    let closure = scanner
        .closure(&Creator { file: Path::new("/w/app/src/lib.rs"), line: 1, name: "creator" })
        .expect("a function");
    let labels: Vec<&str> = closure.items.iter().map(|item| item.label.as_str()).collect();
    for label in ["helper::help", "base-lib::floor", "forked::fork", "mac (whole)", "my-app (build script)"] {
        assert!(labels.contains(&label), "{label} in {labels:?}");
    }
}

#[test]
fn a_binary_depends_on_its_library() {
    let mut sources = workspace();
    sources.insert("/w/app/src/lib.rs".into(), "pub fn in_library() -> u64 { 1 }".to_owned());
    let mut invocation = invocation(&sources, "app/src/main.rs");
    invocation.externs.insert("my_app".to_owned(), None);
    let packages = invocation.packages(Path::new("/w/app"), None, &[], &sources).expect("manifests");
    assert_eq!(packages[0].name, "my-app/main");
    let scanner = Scanner::new(packages, sources).expect("sources");
    let closure = scanner
        .closure(&Creator { file: Path::new("/w/app/src/main.rs"), line: 1, name: "creator" })
        .expect("a function");
    assert!(closure.items.iter().any(|item| item.label == "my-app::in_library"));
}

/// Of two builds of it, the one that its user was compiled with.
#[test]
fn a_dependency_s_dependency_is_known_as_it_was_compiled() {
    let mut sources = workspace();
    let base = sources.get_mut(Path::new("/w/base/Cargo.toml")).expect("a manifest");
    base.push_str("[features]\nwide = []\n");
    let prints = Path::new("/w/target/debug/.fingerprint");
    let print = |features: &str, deps: &str| {
        format!("{{\"rustc\":1,\"features\":\"[{features}]\",\"deps\":[{deps}],\"local\":[]}}")
    };
    sources.extend([
        (
            prints.join("helper-12ab/lib-helper.json"),
            print("\\\"big\\\"", "[7,\"build_script_build\",false,1],[8,\"ground\",false,578437695752307201]"),
        ),
        (prints.join("base-lib-66ee/lib-ground"), "0000000000000001".to_owned()),
        (prints.join("base-lib-66ee/lib-ground.json"), print("", "")),
        (prints.join("base-lib-77ff/lib-ground"), "0102030405060708\n".to_owned()),
        (prints.join("base-lib-77ff/lib-ground.json"), print("\\\"wide\\\"", "")),
        (PathBuf::from("/w/target/debug/deps/ground-77ff.d"), "# env-dep:OUT_DIR=/w/ground-out\n".to_owned()),
    ]);
    let packages =
        invocation(&sources, "app/src/lib.rs").packages(Path::new("/w/app"), None, &[], &sources).expect("manifests");
    let base = named(&packages, "base-lib");
    assert_eq!(base.artifact.as_deref(), Some(Path::new("/w/target/debug/deps/libground-77ff.rmeta")));
    assert_eq!(
        (base.features.as_slice(), base.out_dir.as_deref()),
        (&["wide".to_owned()][..], Some(Path::new("/w/ground-out")))
    );
    assert_eq!(named(&packages, "helper").features, ["big"]);
}

/// Nobody else's tests are compiled.
#[test]
fn what_a_dependency_s_tests_need_need_not_be_there() {
    let mut sources = workspace();
    let helper = sources.get_mut(Path::new("/w/helper/Cargo.toml")).expect("a manifest");
    helper.push_str("[dev-dependencies]\nfixtures = { path = \"../absent\" }\n");
    let packages =
        invocation(&sources, "app/src/lib.rs").packages(Path::new("/w/app"), None, &[], &sources).expect("manifests");
    assert!(!named(&packages, "helper").dependencies.contains_key("fixtures"));
}

#[test]
fn cargo_s_configuration_has_patches_too() {
    let mut sources = workspace();
    sources.extend(files(&[
        ("/w/.cargo/config.toml", "[patch.crates-io]\nitoa = { path = \"far\" }\nforked = { path = \"far\" }\n"),
        ("/w/app/.cargo/config.toml", "[patch.crates-io]\nitoa = { path = \"../near\" }\n"),
        ("/w/near/Cargo.toml", "[package]\nname = \"itoa\"\n"),
        ("/w/near/src/lib.rs", "pub fn near() {}"),
        ("/w/far/Cargo.toml", "[package]\nname = \"forked\"\n"),
        ("/w/far/src/lib.rs", "pub fn far() {}"),
    ]));
    let packages =
        invocation(&sources, "app/src/lib.rs").packages(Path::new("/w/app"), None, &[], &sources).expect("manifests");
    assert_eq!(named(&packages, "itoa").root, Path::new("/w/near/src/lib.rs"));
    assert_eq!(named(&packages, "forked").root, Path::new("/w/far/src/lib.rs"), "it goes before the manifest's");
}

#[test]
fn what_cannot_be_read_is_named() {
    let mut sources = workspace();
    sources.remove(Path::new("/w/helper/Cargo.toml"));
    let error = invocation(&sources, "app/src/lib.rs")
        .packages(Path::new("/w/app"), None, &[], &sources)
        .expect_err("no manifest");
    assert_eq!(error.to_string(), "the sources of `helper` are not readable at /w/helper");
    let error = Scanner::new(vec![Package::new("app", "src/lib.rs")], files(&[])).err().expect("no root");
    assert_eq!(error.to_string(), "the sources of `app` are not readable at src/lib.rs");
}

/// `cargo vendor` copies what registries have, and says where in cargo's configuration.
#[test]
fn a_vendored_build_has_the_same_closure() {
    let labels = |sources: &BTreeMap<PathBuf, String>| {
        let packages = invocation(sources, "app/src/lib.rs").packages(Path::new("/w/app"), None, &[], sources);
        let scanner = Scanner::new(packages.expect("manifests"), sources.clone()).expect("sources");
        let creator = Creator { file: Path::new("/w/app/src/lib.rs"), line: 1, name: "creator" };
        let closure = scanner.closure(&creator).expect("a function");
        let rows = closure.items.iter().map(|item| format!("{}: {} {:?}", item.label, item.text, item.edges));
        (rows.collect::<Vec<_>>(), closure.registry, closure.files)
    };
    let mut sources = workspace();
    let app = sources.get_mut(Path::new("/w/app/src/lib.rs")).expect("a root");
    *app = app.replace("kit::help()", "kit::help() + itoa::one()");
    let before = labels(&sources);
    assert_eq!(before.1, ["itoa"]);
    sources.extend(files(&[
        (
            "/w/.cargo/config.toml",
            "[source.crates-io]\nreplace-with = \"vendored-sources\"\n[source.vendored-sources]\ndirectory = \"vendor\"\n",
        ),
        ("/w/vendor/itoa/Cargo.toml", "[package]\nname = \"itoa\"\nversion = \"1.0.0\"\n"),
        ("/w/vendor/itoa/src/lib.rs", "pub fn one() -> u64 { 1 }"),
        ("/w/target/debug/deps/itoa-55dd.d", "/w/target/debug/deps/libitoa-55dd.rmeta: vendor/itoa/src/lib.rs\n"),
    ]));
    assert_eq!(labels(&sources), before);
    // What was a path dependency and is vendored is a crate like those of registries: its version counts at most.
    let root = sources.get_mut(Path::new("/w/Cargo.toml")).expect("a manifest");
    *root = root.replace("path = \"helper\"", "version = \"0.1\"");
    sources.extend(files(&[
        ("/w/vendor/helper/Cargo.toml", "[package]\nname = \"helper\"\nversion = \"0.1.0\"\n"),
        ("/w/vendor/helper/src/lib.rs", "pub fn help() -> u64 { 1 }"),
    ]));
    let (rows, registry, _) = labels(&sources);
    assert!(!rows.iter().any(|row| row.starts_with("helper::")), "{rows:?}");
    assert_eq!(registry, ["helper", "itoa"]);
}

/// Both have one name: labels have their versions.
#[test]
fn two_versions_of_one_package() {
    let rows = |first: &str, second: &str| {
        let sources = files(&[
            (
                "/w/app/Cargo.toml",
                "[package]\nname = \"app\"\n[dependencies]\nold = { package = \"dual\", path = \"../one\" }\n\
                 dual = { path = \"../../far/two\" }\n",
            ),
            ("/w/app/src/lib.rs", "fn creator() -> u64 { old::size() * 10 + dual::size() }"),
            ("/w/one/Cargo.toml", "[package]\nname = \"dual\"\nversion = \"1.0.0\"\n"),
            ("/w/one/src/lib.rs", first),
            ("/far/two/Cargo.toml", "[package]\nname = \"dual\"\nversion = \"2.0.0\"\n"),
            ("/far/two/src/lib.rs", second),
        ]);
        let invocation = Invocation::of(["src/lib.rs".to_owned()], Path::new("/w/app"), &sources).expect("a root");
        let packages = invocation.packages(Path::new("/w/app"), None, &[], &sources).expect("manifests");
        let scanner = Scanner::new(packages, sources).expect("sources");
        let creator = Creator { file: Path::new("/w/app/src/lib.rs"), line: 1, name: "creator" };
        let closure = scanner.closure(&creator).expect("a function");
        let rows = closure.items.iter().map(|item| format!("{}: {} {:?}", item.label, item.text, item.edges));
        rows.collect::<Vec<_>>()
    };
    let (one, two) = ("pub fn size() -> u64 { 1 }", "pub fn size() -> u64 { 2 }");
    let found = rows(one, two);
    assert!(["{ 1 }", "{ 2 }"].iter().all(|body| found.iter().any(|row| row.contains(body))), "{found:?}");
    assert_ne!(found, rows(two, one));
    assert!(found.iter().any(|row| row.starts_with("dual@1.0.0::size")), "{found:?}");
}

#[test]
fn a_function_that_is_elsewhere() {
    let sources = files(&[("src/lib.rs", "mod a { fn one() {}\n fn two() {} }\nfn three() {}")]);
    let scanner = Scanner::new(vec![Package::new("app", "src/lib.rs")], sources).expect("sources");
    let find = |line, name| scanner.closure(&Creator { file: Path::new("src/lib.rs"), line, name });
    assert!(find(2, "two").is_ok());
    assert_eq!(find(2, "three").expect_err("another line").module.as_deref(), Some("app::a"));
    let elsewhere = scanner.closure(&Creator { file: Path::new("src/main.rs"), line: 1, name: "two" });
    assert_eq!(elsewhere.expect_err("another file").module, None);
}

#[test]
fn a_function_that_a_macro_made() {
    let sources = files(&[("src/lib.rs", "mod a {\n fn helper() {}\n fn other() {}\n made! {}\n}\nfn helper() {}")]);
    let mut scanner = Scanner::new(vec![Package::new("app", "src/lib.rs")], sources).expect("sources");
    let creator = Creator { file: Path::new("src/lib.rs"), line: 4, name: "made" };
    assert!(scanner.closure(&creator).is_err());
    let closure =
        scanner.closure_of_tokens(&creator, "fn made ( ) { fn inner ( ) { helper ( ) } inner ( ) }").expect("an item");
    let labels: Vec<&str> = closure.items.iter().map(|item| item.label.as_str()).collect();
    assert_eq!(labels, ["app (settings)", "app::a::helper", "app::a::made"]);
    assert!(closure.notes[0].text.starts_with("made by a macro"));
}

#[test]
fn notes_say_what_is_not_seen() {
    let code = "
        use std::sync::OnceLock;
        static HOOK: OnceLock<fn(u64) -> u64> = OnceLock::new();
        static NAME: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());
        static TABLE: [u64; 2] = [1, 2];
        mod ffi { unsafe extern \"C\" { pub safe fn elsewhere() -> u64; } }
        pub trait Model { fn predict(&self) -> u64; }
        macro_rules! file_of { ($name:literal) => { include_str!($name) }; }
        pub fn creator(m: &dyn Model) -> u64 {
            let text = include_str!(concat!(\"a\", env!(\"WHERE\")));
            let home = std::env::var(\"HOME\");
            let read = std::fs::read(\"x\");
            let line = line!();
            HOOK.get(); NAME.lock(); ffi::elsewhere() + m.predict() + TABLE[0] + file_of!(\"x\").len()
        }";
    let scanner =
        Scanner::new(vec![Package::new("app", "src/lib.rs")], files(&[("src/lib.rs", code)])).expect("sources");
    let line = code[..code.find("pub fn creator").expect("a function")].matches('\n').count() as u32 + 1;
    let closure =
        scanner.closure(&Creator { file: Path::new("src/lib.rs"), line, name: "creator" }).expect("a function");
    let notes: Vec<String> = closure.notes.iter().map(|note| format!("{}: {}", note.label, note.text)).collect();
    assert_eq!(
        notes,
        [
            "app::HOOK: a static that holds functions: what other code puts there is not seen",
            "app::NAME: a static that holds a cell: what other code puts there is not seen",
            "app::creator: asks where the code stands, which does not count",
            "app::creator: crates that use this one can implement `Model`: that code is not seen",
            "app::creator: include_str!(concat ! ( \"a\" , env ! ( \"WHERE\" ) )): the file's path is not written there",
            "app::creator: reads environment variables while it runs",
            "app::creator: reads files while it runs",
            "app::ffi::elsewhere: is linked from elsewhere: that code is not seen",
            "app::file_of!: include_str!($ name): the file's path is not written there",
        ]
    );
    assert_eq!(closure.variables, ["WHERE"]);
}

#[test]
fn items_lead_to_what_they_use() {
    let code = "
        fn creator() -> u64 { heavy() + light() }
        fn heavy() -> u64 { Model.fit() + shared() }
        fn light() -> u64 { Model.fit() }
        struct Model;
        impl Model { fn fit(&self) -> u64 { Self::deep() } fn deep() -> u64 { 1 } }
        fn shared() -> u64 { 2 }
        fn idle() {}";
    let scanner =
        Scanner::new(vec![Package::new("app", "src/lib.rs")], files(&[("src/lib.rs", code)])).expect("sources");
    let mut closure =
        scanner.closure(&Creator { file: Path::new("src/lib.rs"), line: 2, name: "creator" }).expect("a function");
    let leads = |closure: &datlake_closure::Closure| {
        let label = |at: &usize| closure.items[*at].label.trim_start_matches("app::").to_owned();
        let row = |item: &datlake_closure::Item| {
            let to: Vec<String> = item.leads_to.iter().map(label).collect();
            format!("{} to {}", item.label.trim_start_matches("app::"), to.join(", "))
        };
        closure.items.iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(
        leads(&closure),
        [
            "app (settings) to ",
            "Model to Model::fit",
            "Model::deep to Model",
            "Model::fit to Model, Model::deep",
            "creator to heavy, light",
            "heavy to Model, Model::fit, shared",
            "light to Model, Model::fit",
            "shared to ",
        ]
    );
    closure.retain(|item| !item.label.starts_with("app::Model::"));
    assert_eq!(leads(&closure)[2..4], ["creator to heavy, light", "heavy to Model, shared"]);
}

/// Counts what is read.
struct Counting(BTreeMap<PathBuf, String>, std::cell::Cell<usize>);

impl datlake_closure::Sources for Counting {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        self.1.set(self.1.get() + 1);
        datlake_closure::Sources::read(&self.0, path)
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        datlake_closure::Sources::list(&self.0, folder)
    }
}

/// In a workspace of layers there are more ways from one end to the other than anybody can go.
#[test]
fn a_package_that_is_reached_in_many_ways_is_looked_at_once() {
    const LAYERS: usize = 24;
    let mut list = BTreeMap::new();
    for layer in 0..LAYERS {
        for one in ["a", "b", "c"] {
            let below = (layer + 1 < LAYERS).then_some(["a", "b", "c"]).into_iter().flatten();
            let below = below.map(|name| format!("{name}{0} = {{ path = \"../{name}{0}\" }}\n", layer + 1));
            let manifest = format!("[package]\nname = \"{one}{layer}\"\n[dependencies]\n{}", below.collect::<String>());
            list.insert(PathBuf::from(format!("/w/{one}{layer}/Cargo.toml")), manifest);
            list.insert(PathBuf::from(format!("/w/{one}{layer}/src/lib.rs")), "pub fn f() {}".to_owned());
        }
    }
    let sources = Counting(list, Default::default());
    let arguments = ["--crate-name", "a0", "--crate-type", "lib", "/w/a0/src/lib.rs"].map(str::to_owned);
    let invocation = Invocation::of(arguments, Path::new("/w/a0"), &sources).expect("a root");
    let packages = invocation.packages(Path::new("/w/a0"), None, &[], &sources).unwrap();
    assert_eq!(packages.len(), 1 + 3 * (LAYERS - 1));
    assert!(sources.1.get() < 100_000, "{} files were read", sources.1.get());
}
