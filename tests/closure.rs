//! What the compiler says about the code that counts, and that where and how a crate is built does not.

#![allow(clippy::unwrap_used, reason = "tests panic")]

#[allow(dead_code, reason = "other tests ask for the rest")]
mod crates;

use std::fs;
use std::path::Path;
use std::process::Command;

use crates::UserCrate;

const DEPENDENCIES: &str = "kit = { path = \"kit\", features = [\"big\"] }\n";
const KIT: &str = "[package]\nname = \"kit\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[features]\nbig = []\n[dependencies]\n\
                   base = { path = \"../base\" }\n";
const BASE: &str = "[package]\nname = \"base\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[features]\nwide = []\n";

/// A library, a program, an example, a test, a bench; two path dependencies, one of them of the other.
fn keys(name: &'static str) -> UserCrate {
    let keys = UserCrate::new(name, "src/main.rs", DEPENDENCIES);
    for (path, text) in [
        ("src/lib.rs", include_str!("closure/lib.rs")),
        ("src/steps.rs", include_str!("closure/steps.rs")),
        ("src/main.rs", include_str!("closure/main.rs")),
        ("examples/shown.rs", include_str!("closure/target.rs")),
        ("tests/tested.rs", include_str!("closure/target.rs")),
        ("benches/measured.rs", include_str!("closure/target.rs")),
        ("words.txt", "one two\n"),
        ("kit/Cargo.toml", KIT),
        ("kit/src/lib.rs", "pub fn help(n: u64) -> u64 { if cfg!(feature = \"big\") { base::floor(n) } else { n } }\n"),
        ("base/Cargo.toml", BASE),
        ("base/src/lib.rs", "pub fn floor(n: u64) -> u64 { if cfg!(feature = \"wide\") { n + 1 } else { n + 2 } }\n"),
    ] {
        keys.write(path, text.replace("CRATE", name));
    }
    let targets = "\n[lib]\npath = \"src/lib.rs\"\n[[example]]\nname = \"shown\"\ntest = true\n";
    keys.replace("Cargo.toml", "\n[profile.dev]\n", &format!("{targets}\n[profile.dev]\n"));
    keys
}

/// What the program in a folder says: the hashes of the library's step and of its own.
#[track_caller]
fn hashes(keys: &UserCrate, folder: &Path, arguments: &[&str]) -> Vec<String> {
    let done = keys.cargo_in(folder, arguments, &[]);
    let [out, err] = [&done.stdout, &done.stderr].map(|said| String::from_utf8_lossy(said));
    assert!(done.status.success(), "{out}{err}");
    let said = fs::read_to_string(folder.join("hashes.txt")).unwrap();
    fs::remove_file(folder.join("hashes.txt")).unwrap();
    said.lines().map(str::to_owned).collect()
}

#[test]
fn where_and_how_a_crate_is_built_does_not_count() {
    let keys = keys("keys");
    let folder = keys.path("");
    let first = hashes(&keys, &folder, &["run"]);
    let [of_library, _] = first.as_slice() else { panic!("{first:?}") };

    // Tests of the library and of documentation, examples, integration tests, benches: each compares.
    let expected = [("EXPECTED", of_library.as_str())];
    for arguments in [&["test", "--lib", "--tests", "--examples", "--benches"][..], &["test", "--doc"]] {
        let done = keys.cargo_in(&folder, arguments, &expected);
        let [out, err] = [&done.stdout, &done.stderr].map(|said| String::from_utf8_lossy(said));
        assert!(done.status.success() && out.contains("1 passed"), "{arguments:?}: {out}{err}");
    }

    // After a check, incrementally, for somebody else, through a link, elsewhere.
    keys.write("src/steps.rs", fs::read(keys.path("src/steps.rs")).unwrap());
    assert!(keys.cargo_in(&folder, &["check"], &[]).status.success());
    assert_eq!(hashes(&keys, &folder, &["run"]), first, "after a check");
    keys.write("src/steps.rs", fs::read(keys.path("src/steps.rs")).unwrap());
    let done = keys.cargo_in(&folder, &["build"], &[("CARGO_INCREMENTAL", "1"), ("USER", "grace")]);
    assert!(done.status.success());
    assert_eq!(hashes(&keys, &folder, &["run"]), first, "incrementally");
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("a checkout");
    copy(&folder, &moved);
    assert_eq!(hashes(&keys, &moved, &["run"]), first, "elsewhere");
    #[cfg(unix)]
    {
        let link = elsewhere.path().join("link");
        std::os::unix::fs::symlink(&moved, &link).unwrap();
        assert_eq!(hashes(&keys, &link, &["run"]), first, "through a link");
    }

    // As another profile, another system and another place of the sources look to a compiler.
    for flags in
        [&["-Copt-level=1", "-Cdebug-assertions=off"][..], &["--remap-path-prefix=/=/far"], &["--cfg=elsewhere"]]
    {
        let arguments = [&["rustc", "--bin", "keys", "--"][..], flags].concat();
        assert!(keys.cargo_in(&folder, &arguments, &[]).status.success(), "{flags:?}");
        assert_eq!(keys.said_by_program(&folder), first, "{flags:?}");
    }

    for file in ["src/steps.rs", "src/lib.rs", "src/main.rs", "kit/src/lib.rs"] {
        let text = fs::read_to_string(keys.path(file)).unwrap();
        keys.write(file, format!("\u{feff}{}", text.replace('\n', "\r\n")));
    }
    assert_eq!(hashes(&keys, &folder, &["run"]), first, "with other ends of lines");

    as_a_member_of_a_workspace(&keys, &moved, &first);
    features_of_a_dependency_s_dependency(&keys, &first);
}

/// What was a crate of its own is a member of a workspace, and a dependency's sources come by `[patch]`.
#[track_caller]
fn as_a_member_of_a_workspace(keys: &UserCrate, moved: &Path, first: &[String]) {
    let around = moved.parent().unwrap();
    let manifest = fs::read_to_string(moved.join("Cargo.toml")).unwrap();
    let (manifest, _) = manifest.split_once("[profile.dev]").unwrap();
    let manifest = manifest.replace("kit = { path = \"kit\",", "kit = { version = \"0.1\",");
    fs::write(moved.join("Cargo.toml"), manifest).unwrap();
    fs::copy(moved.join("Cargo.lock"), around.join("Cargo.lock")).unwrap();
    let workspace = "[workspace]\nmembers = [\"a checkout\"]\nresolver = \"3\"\n[patch.crates-io]\nkit = { path = \"a checkout/kit\" }\n\
                     [profile.dev]\ndebug = 0\n[profile.dev.package.blake3]\nopt-level = 3\n";
    fs::write(around.join("Cargo.toml"), workspace).unwrap();
    assert_eq!(hashes(keys, moved, &["run"]), first, "in a workspace");
}

/// As `cargo package` writes it, which leaves out where dependencies lie, and unpacked elsewhere.
#[test]
#[cfg(unix)]
fn a_packaged_crate_has_the_same_keys() {
    let keys = keys("packaged");
    let first = hashes(&keys, &keys.path(""), &["run"]);
    let around = tempfile::tempdir().unwrap();
    let folder = around.path().join("sources");
    copy(&keys.path(""), &folder);
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let [datlake, kit] = ["datlake = { path", "kit = { path"].map(|start| {
        let line = manifest.lines().find(|line| line.starts_with(start)).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    });
    let versioned = manifest.replace("datlake = { path", "datlake = { version = \"*\", path");
    let versioned = versioned.replace("kit = { path", "kit = { version = \"0.1\", path");
    fs::write(folder.join("Cargo.toml"), versioned).unwrap();
    let target = around.path().join("target");
    let arguments = ["package", "--no-verify", "--allow-dirty", "--exclude-lockfile", "--target-dir"];
    let done = keys.cargo_in(&folder, &[&arguments[..], &[target.to_str().unwrap()]].concat(), &[]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(target.join("package/packaged-0.1.0.crate")).arg("-C").arg(around.path());
    assert!(tar.status().unwrap().success());
    let unpacked = around.path().join("packaged-0.1.0");
    let written = fs::read_to_string(unpacked.join("Cargo.toml")).unwrap();
    assert!(!written.contains("path = \"kit\""), "{written}");
    let kit = folder.join(kit);
    let patches =
        format!("\n[workspace]\n[patch.crates-io]\ndatlake = {{ path = {datlake:?} }}\nkit = {{ path = {kit:?} }}\n");
    fs::write(unpacked.join("Cargo.toml"), written + &patches).unwrap();
    fs::copy(folder.join("Cargo.lock"), unpacked.join("Cargo.lock")).unwrap();
    assert_eq!(hashes(&keys, &unpacked, &["run"]), first, "unpacked");
}

/// As `cargo vendor` leaves it, in a home without a registry. A path dependency is not vendored; one that is published and used by
/// its version is a crate like those of registries from then on.
#[test]
fn a_vendored_build_has_the_same_keys() {
    let keys = keys("vendored");
    keys.replace("Cargo.toml", DEPENDENCIES, &format!("{DEPENDENCIES}itoa = \"1\"\n"));
    keys.replace("src/main.rs", "#[file_creator]", "#[file_creator(registry = \"count\")]");
    keys.replace("src/main.rs", "kit::help(n) + 1", "kit::help(n) + itoa::Buffer::new().format(n).len() as u64");
    let folder = keys.path("");
    let first = hashes(&keys, &folder, &["run"]);

    let vendor = |more: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["vendor", "--locked"]).args(more).arg("vendor").current_dir(&folder).output().unwrap()
    };
    let mut done = vendor(&["--offline"]);
    if !done.status.success() {
        // What no build on this system needs is not here yet.
        done = vendor(&[]);
    }
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    keys.write(".cargo/config.toml", &done.stdout);
    assert!(keys.path("vendor/itoa/src/lib.rs").exists() && !keys.path("vendor/kit").exists());
    // Older than what an earlier run of this test made of them, which would be made anew otherwise.
    for entry in walkdir::WalkDir::new(keys.path("vendor")).into_iter().map(Result::unwrap) {
        if entry.file_type().is_file() {
            let file = fs::File::options().append(true).open(entry.path()).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000))
                .unwrap();
        }
    }
    let home = tempfile::tempdir().unwrap();
    // cargo takes vendored packages for those of the registry: what other tests have built of these stays.
    let target = folder.with_file_name("vendored-target");
    let variables = [("CARGO_HOME", home.path()), ("CARGO_TARGET_DIR", target.as_path())];
    let variables = variables.map(|(name, path)| (name, path.to_str().unwrap()));
    let built = || {
        let done = keys.cargo_in(&folder, &["run"], &variables);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let said = fs::read_to_string(folder.join("hashes.txt")).unwrap();
        fs::remove_file(folder.join("hashes.txt")).unwrap();
        said.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(built(), first, "vendored");
    assert!(!home.path().join("registry").exists(), "the registry was asked");

    copy(&keys.path("kit"), &keys.path("vendor/kit"));
    keys.replace("vendor/kit/Cargo.toml", "path = \"../base\"", "version = \"0.1\"");
    copy(&keys.path("base"), &keys.path("vendor/base"));
    for name in ["kit", "base"] {
        keys.write(&format!("vendor/{name}/.cargo-checksum.json"), r#"{"files":{},"package":"00"}"#);
    }
    keys.replace("Cargo.toml", "kit = { path = \"kit\",", "kit = { version = \"0.1\",");
    let published = built();
    assert!(published.iter().zip(&first).all(|(a, b)| a != b), "{published:?}");
    keys.replace("vendor/base/src/lib.rs", "n + 2", "n + 3");
    for file in ["src/steps.rs", "src/main.rs"] {
        keys.write(file, fs::read(keys.path(file)).unwrap());
    }
    assert_eq!(built(), published, "its code does not count");
}

/// The program names neither the dependency nor its features.
#[track_caller]
fn features_of_a_dependency_s_dependency(keys: &UserCrate, first: &[String]) {
    let folder = keys.path("");
    let (plain, wide) = ("base = { path = \"../base\" }", "base = { path = \"../base\", features = [\"wide\"] }");
    keys.replace("kit/Cargo.toml", plain, wide);
    let changed = hashes(keys, &folder, &["run"]);
    assert!(changed.iter().zip(first).all(|(a, b)| a != b), "{changed:?}");
    keys.replace("kit/Cargo.toml", wide, plain);
    assert_eq!(hashes(keys, &folder, &["run"]), first, "as it was");
    keys.replace("Cargo.toml", "features = [\"big\"]", "features = []");
    assert_ne!(hashes(keys, &folder, &["run"])[0], first[0]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// What `cargo build` says on standard error, and whether it succeeds.
fn built(user: &UserCrate, variables: &[(&str, &str)]) -> (bool, String) {
    let done = user.cargo_in(&user.path(""), &["build"], variables);
    (done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned())
}

#[test]
fn what_cannot_be_seen_is_said() {
    let user = UserCrate::new("unseen", "src/main.rs", "kit = { path = \"kit\" }\nserde = \"1\"\n");
    user.write("src/main.rs", include_str!("closure/unseen.rs").split("//- lib\n").next().unwrap());
    user.write("src/lib.rs", include_str!("closure/unseen.rs").split("//- lib\n").nth(1).unwrap());
    user.write("kit/Cargo.toml", "[package]\nname = \"kit\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    user.write("kit/src/lib.rs", "pub fn help(n: u64) -> u64 { n }\n");
    let (succeeds, said) = built(&user, &[]);
    assert!(succeeds, "{said}");

    // A warning at the bound of what is public, and none elsewhere.
    let lines: Vec<&str> = said.lines().collect();
    let warnings = lines.iter().filter(|line| line.contains("crates that use this one can implement `Model`"));
    assert_eq!(warnings.count(), 1, "{said}");
    let text = fs::read_to_string(user.path("src/lib.rs")).unwrap();
    let line = text.lines().position(|line| line.contains("pub fn open")).unwrap();
    let column = text.lines().nth(line).unwrap().find("Model").unwrap();
    assert!(said.contains(&format!("src/lib.rs:{}:{}", line + 1, column + 1)), "{said}");

    let notes = user.run().out;
    for note in [
        "hooked: unseen/main::HOOK: a static that holds functions: what other code puts there is not seen",
        "hooked: unseen/main::hooked: reads environment variables while it runs",
        "made: partial: a macro made it: of that, what its own tokens name counts",
        "open: unseen::open: crates that use this one can implement `Model`: that code is not seen",
        "none: 0 items",
    ] {
        assert!(notes.contains(note), "{note:?} is not in {notes}");
    }
    sources_that_are_not_there(&user);
    code_that_does_not_compile(&user);
}

/// A compiler without the sources of a dependency that was compiled before.
#[cfg(unix)]
fn sources_that_are_not_there(user: &UserCrate) {
    use std::os::unix::fs::PermissionsExt as _;
    let wrapper = user.path("wrapper");
    // Where the program is compiled, the dependency's manifest is elsewhere.
    user.write(
        "wrapper",
        "#!/bin/sh\ncase \"$*\" in *'--crate-name unseen '*) ;; *) exec \"$@\" ;; esac\nmv kit/Cargo.toml kit/away\n\"$@\"\n\
         status=$?\nmv kit/away kit/Cargo.toml\nexit $status\n",
    );
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let (succeeds, said) = built(user, &[("RUSTC_WORKSPACE_WRAPPER", wrapper.to_str().unwrap())]);
    assert!(!succeeds, "{said}");
    for part in [
        "the code that `open` depends on cannot be found: the sources of `kit` are not readable",
        "`closure = \"none\"`",
        "`depends_on(…)`",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    // Of one that asks for nothing nothing is said.
    assert!(!said.contains("`none` depends on"), "{said}");
}

#[cfg(not(unix))]
fn sources_that_are_not_there(_: &UserCrate) {}

/// Somebody is in the middle of an edit: what rustc says is not drowned.
fn code_that_does_not_compile(user: &UserCrate) {
    let text = fs::read_to_string(user.path("src/lib.rs")).unwrap();
    for (broken, error) in [
        ("mod absent;\n", "file not found for module `absent`"),
        ("fn unfinished(n: u64 {\n", "unclosed delimiter"),
        ("fn unknown() -> u64 { nowhere() }\n", "cannot find function `nowhere`"),
    ] {
        user.write("src/lib.rs", format!("{text}{broken}"));
        let (succeeds, said) = built(user, &[]);
        assert!(!succeeds && said.contains(error), "{said}");
        assert!(!said.contains("cannot be found:"), "{said}");
    }
    user.write("src/lib.rs", text);
    assert!(built(user, &[]).0);
}

/// A function that is in a static while the program runs is in no table. What `ran` shows is that, on another thread too, and
/// nothing that ran outside of the body.
#[test]
#[ignore = "runs a program under valgrind"]
fn what_ran_is_compared_with_what_was_found() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("LEFT OUT: valgrind is not installed");
        return;
    }
    // valgrind does not show the memory that rustix reads without the C library.
    let rustix = "rustix = { version = \"1\", features = [\"use-libc\"] }\n";
    let user = UserCrate::new("planted", "src/main.rs", rustix);
    user.write("src/main.rs", include_str!("closure/planted.rs"));
    let lines = "[profile.dev.package.planted]\ndebug = \"line-tables-only\"\n\n[workspace]";
    user.replace("Cargo.toml", "[workspace]", lines);
    user.cargo("build");
    let ran = |creator: &str| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["run", "--quiet", "--locked", "-p", "datlake-closure", "--example", "ran", "--"]);
        let done = cargo.arg(user.path("")).args(["src/main.rs", creator]).arg(user.path("program")).output().unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap())
    };
    let (succeeds, said) = ran("hooked");
    assert!(!succeeds && said.contains("1 of 3 that ran are missing"), "{said}");
    assert!(said.contains("planted/main::put_there: lines"), "{said}");
}
