//! The truth about the verdicts: the programs are packages of one workspace, whose `creator` is under `#[file_creator]`, and one
//! binary calls them all. A round edits each program once, so that many edits share one build.
//!
//! What a program returns when every body runs is the truth about an edit; whether a call runs again on the lake that has what the
//! programs returned before is what the key has made of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use datlake_closure::{Dependency, Package};

use crate::support::{Case, Edit, Program, Verdict};

#[test]
fn a_sample_of_verdicts_is_true() {
    check("corpus-sample", crate::all().into_iter().step_by(4).collect(), 2);
}

/// `CORPUS=name,name` takes some programs.
#[test]
#[ignore = "builds every program anew for each of its edits"]
fn verdicts_are_true() {
    let only = std::env::var("CORPUS").ok();
    let cases = crate::all()
        .into_iter()
        .filter(|case| only.as_ref().is_none_or(|only| only.split(',').any(|only| only == case.name)));
    check("corpus", cases.collect(), usize::MAX);
}

/// What became of each program's call, and what it returned.
type Run = BTreeMap<usize, (bool, String)>;

#[track_caller]
fn check(name: &str, cases: Vec<Case>, rounds: usize) {
    let begun = std::time::Instant::now();
    let workspace = Workspace::new(name);
    let bases: Vec<Program> = cases.iter().map(|case| Program::of(case.base)).collect();
    bases.iter().enumerate().for_each(|(at, base)| workspace.write(at, base));
    workspace.write_driver(&bases);
    let mut wrong = Vec::new();
    workspace.build();
    let truth = workspace.run("bypass");
    let before = workspace.run("run");
    for (at, case) in cases.iter().enumerate() {
        if before.get(&at) != truth.get(&at) || !before.get(&at).is_some_and(|(ran, _)| *ran) {
            wrong.push(format!("{}: {:?} at first, and {:?}", case.name, truth.get(&at), before.get(&at)));
        }
    }
    let most = cases.iter().map(|case| case.edits.len()).max().unwrap_or(0);
    let mut edits = 0;
    for round in 0..most.min(rounds) {
        let chosen: Vec<Option<&Edit>> = cases.iter().enumerate().map(|(at, case)| chosen(case, at, round)).collect();
        for (at, (base, edit)) in bases.iter().zip(&chosen).enumerate() {
            match edit {
                Some(edit) => {
                    workspace.write(at, &base.edited(edit.old, edit.new));
                    // cargo does not look at what is configured out.
                    if matches!(edit.verdict, Verdict::Spurious(_)) {
                        workspace.touch(at, Path::new("src/lib.rs"));
                    }
                }
                None => workspace.write(at, base),
            }
        }
        workspace.build();
        let (truth, after) = (workspace.run("bypass"), workspace.run("run"));
        for (at, edit) in chosen.iter().enumerate().filter_map(|(at, edit)| Some((at, (*edit)?))) {
            edits += 1;
            let [before, truth, after] = [&before, &truth, &after].map(|run| &run[&at]);
            wrong.extend(
                differs(edit, before, truth, after).map(|how| format!("{}: {}: {how}", cases[at].name, edit.what)),
            );
        }
    }
    println!("{edits} edits in {:?}", begun.elapsed());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Each program begins with another of its edits, so that few rounds see edits of every kind.
fn chosen(case: &Case, at: usize, round: usize) -> Option<&Edit> {
    (round < case.edits.len()).then(|| &case.edits[(at + round) % case.edits.len()])
}

fn differs(edit: &Edit, before: &(bool, String), truth: &(bool, String), after: &(bool, String)) -> Option<String> {
    let changed = truth.1 != before.1;
    let (should_change, should_run) = match edit.verdict {
        Verdict::Changes => (true, true),
        Verdict::Keeps => (false, false),
        Verdict::Spurious(_) => (false, true),
        Verdict::Missed(_) => (true, false),
    };
    if changed != should_change {
        return Some(format!("{} and then {}, but {:?}", before.1, truth.1, edit.verdict));
    }
    let expected = if should_run { &truth.1 } else { &before.1 };
    let (ran, value) = after;
    (*ran != should_run || value != expected).then(|| {
        let what = if *ran { "ran" } else { "was skipped" };
        format!("{what} and gave {value}, where {} is true, but {:?}", truth.1, edit.verdict)
    })
}

struct Workspace {
    folder: PathBuf,
    /// One at a time: the folder outlives the test, so that dependencies are built once.
    _lock: fs::File,
}

impl Workspace {
    fn new(name: &str) -> Self {
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(tmp).expect("a folder");
        let lock = fs::File::create(tmp.join(format!("{name}.lock"))).expect("a file");
        lock.lock().expect("a lock");
        let folder = tmp.join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("src")).expect("a folder");
        fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");
        Self { folder, _lock: lock }
    }

    /// Writes what differs from what is there. What a build script hands on makes cargo run it again.
    fn write(&self, at: usize, program: &Program) {
        for (path, code) in &program.files {
            let place = self.folder.join(at.to_string()).join(below(path));
            let mut code = code.clone();
            if let Some(creator) = code.find("pub fn creator").filter(|_| path.ends_with("src/lib.rs")) {
                code.insert_str(creator, "#[::datlake::file_creator(on_error = \"panic\")] ");
            }
            if path == Path::new("/src/lib.rs") && program.packages[0].edition.year() == 2015 {
                code.push_str("extern crate datlake;\n");
            }
            if fs::read_to_string(&place).is_ok_and(|there| there == code) {
                continue;
            }
            fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
            fs::write(&place, code).expect("a file");
            let made = program
                .packages
                .iter()
                .find(|package| package.out_dir.as_ref().is_some_and(|out| path.starts_with(out)));
            if let Some(script) = made.and_then(|package| package.build_script.as_ref()) {
                self.touch(at, below(script));
            }
        }
        for package in &program.packages {
            self.write_manifest(at, program, package);
        }
        if let Some(above) = &program.above {
            let mut package = Package::new(above, &format!("/{above}/src/lib.rs"));
            package.dependencies.insert("app".to_owned(), Dependency::Path(0));
            self.write_manifest(at, program, &package);
        }
    }

    fn touch(&self, at: usize, path: &Path) {
        let file = fs::File::options().write(true).open(self.folder.join(at.to_string()).join(path));
        file.and_then(|file| file.set_modified(std::time::SystemTime::now())).expect("a file");
    }

    fn write_manifest(&self, at: usize, program: &Program, package: &Package) {
        let folder = self.folder.join(at.to_string()).join(below(&package.directory));
        let own = package.directory == Path::new("/");
        let name = if own { format!("case-{at}") } else { package.name.clone() };
        let mut text =
            format!("[package]\nname = {name:?}\nversion = \"0.{at}.0\"\nedition = \"{}\"\n", package.edition.year());
        if package.proc_macro {
            text.push_str("[lib]\nproc-macro = true\n");
        }
        let features = program.features();
        if own && !features.is_empty() {
            let on: Vec<&str> = features.iter().filter(|(_, on)| **on).map(|(name, _)| *name).collect();
            writeln!(text, "[features]\ndefault = {on:?}").expect("text");
            features.keys().for_each(|name| writeln!(text, "{name} = []").expect("text"));
        }
        text.push_str("[lints.rust]\nwarnings = \"allow\"\n[dependencies]\n");
        if own || program.above.as_ref() == Some(&package.name) {
            let datlake = repository();
            writeln!(text, "serde = \"1\"\ndatlake = {{ path = {datlake:?}, default-features = false }}")
                .expect("text");
        }
        for (alias, dependency) in &package.dependencies {
            if let Dependency::Registry(name) = dependency {
                writeln!(text, "{alias} = {{ package = {name:?}, version = \"*\" }}").expect("text");
            }
            if let Dependency::Path(of) = dependency {
                let of = &program.packages[*of];
                let (name, path) = match of.directory == Path::new("/") {
                    true => (format!("case-{at}"), self.folder.join(at.to_string())),
                    false => (of.name.clone(), self.folder.join(at.to_string()).join(below(&of.directory))),
                };
                writeln!(text, "{alias} = {{ package = {name:?}, path = {path:?} }}").expect("text");
            }
        }
        let manifest = folder.join("Cargo.toml");
        if !fs::read_to_string(&manifest).is_ok_and(|there| there == text) {
            fs::write(manifest, text).expect("a manifest");
        }
        // What `on` is under `cfg`, the text alone decides.
        let script = folder.join("build.rs");
        let asks = program.files.iter().any(|(path, code)| path.ends_with("src/lib.rs") && asks_for_on(code));
        if own && asks && !script.exists() {
            fs::write(script, "fn main() { println!(\"cargo:rustc-cfg=on\"); }\n").expect("a build script");
        }
    }

    fn write_driver(&self, bases: &[Program]) {
        let (datlake, folders) = (repository(), (0..bases.len()).map(|at| at.to_string()).collect::<Vec<_>>());
        // No members: packages of several programs have one name, and versions of their own.
        let mut manifest = format!(
            "[package]\nname = \"corpus\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\nexclude = {folders:?}\n\
             [profile.dev]\ndebug = 0\n[profile.dev.package.blake3]\nopt-level = 3\n[dependencies]\n\
             datlake = {{ path = {datlake:?}, default-features = false }}\n"
        );
        let mut calls = String::new();
        for (at, base) in bases.iter().enumerate() {
            writeln!(manifest, "case_{at} = {{ package = \"case-{at}\", path = \"{at}\" }}").expect("text");
            let setup = base.files[Path::new("/src/lib.rs")].contains("pub fn setup()");
            let setup = if setup { format!("case_{at}::setup();") } else { String::new() };
            let call = match &base.above {
                Some(above) => {
                    writeln!(manifest, "above_{at} = {{ package = {above:?}, path = \"{at}/{above}\" }}")
                        .expect("text");
                    format!("above_{at}::run(3)")
                }
                None => format!("case_{at}::creator(3)"),
            };
            writeln!(calls, "println!(\"call {at}\"); {setup} println!(\"{{:?}}\", {call});").expect("text");
        }
        let main = format!(
            "use datlake::{{Event, Lake, Mode}};\n\
             fn main() {{\n\
             let [home, mode] = [1, 2].map(|nth| std::env::args().nth(nth).unwrap());\n\
             let mode = if mode == \"bypass\" {{ Mode::Bypass }} else {{ Mode::Run }};\n\
             let lake = Lake::builder().home(home).email(\"ada@example.org\").mode(mode).open().unwrap();\n\
             lake.observe(|event| match event {{\n\
             Event::Executed {{ .. }} => println!(\"\\nran\"),\n\
             Event::Newer {{ file }} => println!(\"\\nnewer {{file}}\"),\n\
             _ => {{}}\n\
             }});\n\
             let _current = lake.enter();\n\
             {calls}}}\n"
        );
        fs::write(self.folder.join("Cargo.toml"), manifest).expect("a manifest");
        fs::write(self.folder.join("src/main.rs"), main).expect("a program");
    }

    #[track_caller]
    fn build(&self) {
        // What other tests of user crates have built of the dependencies is here already.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edits/target");
        let run = |more: &[&str]| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo
                .args(["build", "--quiet", "--keep-going"])
                .args(more)
                .current_dir(&self.folder)
                .env("CARGO_TARGET_DIR", &target)
                .env("CARGO_PROFILE_DEV_DEBUG", "false");
            cargo.output().expect("cargo")
        };
        let mut done = run(&["--offline"]);
        if !done.status.success() {
            done = run(&[]);
        }
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        fs::copy(target.join("debug/corpus"), self.folder.join("program")).expect("the program");
    }

    #[track_caller]
    fn run(&self, mode: &str) -> Run {
        let mut program = Command::new(self.folder.join("program"));
        program.env("DATLAKE_LOG", "off").env_remove("DATLAKE").arg(self.folder.join("home")).arg(mode);
        let done = program.output().expect("a program that starts");
        let [out, err] = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(done.status.success(), "{out}{err}");
        let mut found = Run::new();
        for call in out.split("call ").skip(1) {
            let (at, rest) = call.split_once('\n').expect("a line");
            assert!(!rest.contains("newer "), "{call}");
            let ran = mode == "bypass" || rest.lines().any(|line| line == "ran");
            // What it prints is a result, too.
            let said: Vec<&str> = rest.lines().filter(|line| !line.is_empty() && *line != "ran").collect();
            found.insert(at.parse().expect("a number"), (ran, said.join(" ")));
        }
        found
    }
}

fn asks_for_on(code: &str) -> bool {
    ["(on)", "(on,"].iter().any(|asked| code.contains(asked))
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder").to_owned()
}

fn below(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}
