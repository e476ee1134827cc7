//! A user's crate that is edited, built and run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crate as it is before any edit.
const SOURCES: [(&str, &str); 12] = [
    ("main.rs", include_str!("user/main.rs")),
    ("chain.rs", include_str!("user/chain.rs")),
    ("code.rs", include_str!("user/code.rs")),
    ("embedded.rs", include_str!("user/embedded.rs")),
    ("found.rs", include_str!("user/found.rs")),
    ("here.rs", include_str!("user/here.rs")),
    ("holes.rs", include_str!("user/holes.rs")),
    ("names.rs", include_str!("user/names.rs")),
    ("neutral.rs", include_str!("user/neutral.rs")),
    ("shapes.rs", include_str!("user/shapes.rs")),
    ("there.rs", include_str!("user/there.rs")),
    ("words.txt", "one two three\n"),
];

/// The crate, and how it is built.
pub(crate) struct Program {
    folder: PathBuf,
    /// Whether the feature `fast` is on.
    pub(crate) fast: bool,
    /// What `env!` and `option_env!` find.
    pub(crate) variables: BTreeMap<&'static str, &'static str>,
    /// One at a time: the folder outlives the test, so that dependencies are built once.
    _lock: File,
}

impl Program {
    /// The crate before any edit.
    pub(crate) fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edits");
        fs::create_dir_all(folder.join("src")).unwrap();
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let mut program = Self { folder, fast: false, variables: BTreeMap::new(), _lock: lock };
        program.restore();
        program
    }

    /// Undoes every edit.
    pub(crate) fn restore(&mut self) {
        let datlake = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let manifest = format!(
            r#"[package]
name = "edits"
version = "0.1.0"
edition = "2024"

[features]
fast = []

[dependencies]
datlake = {{ path = {datlake:?}, default-features = false }}
kit = {{ path = "kit" }}
serde = {{ version = "1", features = ["derive"] }}

[profile.dev]
debug = 0

[profile.dev.package.blake3]
opt-level = 3

[workspace]
"#
        );
        fs::write(self.folder.join("Cargo.toml"), manifest).unwrap();
        fs::create_dir_all(self.folder.join("kit/src")).unwrap();
        let kit = "[package]\nname = \"kit\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        fs::write(self.folder.join("kit/Cargo.toml"), kit).unwrap();
        fs::write(self.folder.join("kit/src/lib.rs"), include_str!("user/kit.rs")).unwrap();
        fs::copy(datlake.join("Cargo.lock"), self.folder.join("Cargo.lock")).unwrap();
        for (name, content) in SOURCES {
            fs::write(self.folder.join("src").join(name), content).unwrap();
        }
        self.fast = false;
        self.variables = BTreeMap::from([("EDITS_REGION", "north")]);
    }

    /// Replaces what stands exactly once in a file of the crate.
    #[track_caller]
    pub(crate) fn replace(&self, file: &str, old: &str, new: &str) {
        let path = self.path(file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{old:?} in {file}");
        fs::write(path, text.replace(old, new)).unwrap();
    }

    /// Moves a function with its attributes from one module to another, and the call of it as well.
    #[track_caller]
    pub(crate) fn move_function(&self, function: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(&format!("{from}.rs"))).unwrap();
        let moved = text.split("\n\n").find(|part| part.contains(&format!("fn {function}("))).unwrap();
        self.replace(&format!("{from}.rs"), moved, "");
        let target = self.path(&format!("{to}.rs"));
        let text = fs::read_to_string(&target).unwrap();
        fs::write(target, format!("{text}\n{moved}\n")).unwrap();
        self.replace("main.rs", &format!("{from}::{function}("), &format!("{to}::{function}("));
    }

    /// Gives a file of the crate a time at which it was written, from now on.
    pub(crate) fn write_at(&self, file: &str, time: std::time::SystemTime) {
        File::options().write(true).open(self.path(file)).unwrap().set_modified(time).unwrap();
    }

    /// The line on which `text` stands for the first time, from 1.
    #[track_caller]
    pub(crate) fn line_of(&self, file: &str, text: &str) -> usize {
        let source = fs::read_to_string(self.path(file)).unwrap();
        source.lines().position(|line| line.contains(text)).unwrap() + 1
    }

    fn path(&self, file: &str) -> PathBuf {
        let in_src = !file.contains('/') && file != "Cargo.toml";
        let folder = if in_src { &self.folder.join("src") } else { &self.folder };
        folder.join(file)
    }

    /// Builds the crate as it is now: without a network where everything is here already.
    pub(crate) fn build(&self) {
        let build = |more: &[&str]| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.arg("build").args(more).args(self.fast.then_some("--features=fast"));
            cargo.current_dir(&self.folder).env("CARGO_TARGET_DIR", self.folder.join("target"));
            cargo.env("CARGO_PROFILE_DEV_DEBUG", "false").env_remove("EDITS_SCALE").envs(&self.variables);
            cargo.output().unwrap()
        };
        let mut built = build(&["--offline"]);
        if !built.status.success() {
            built = build(&[]);
        }
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    }

    /// Runs what was built on the lake at `home`.
    pub(crate) fn run(&self, home: &Path, remote: &str) -> Run {
        let mut program = Command::new(self.folder.join("target/debug/edits"));
        for name in ["DATLAKE", "DATLAKE_HOME", "DATLAKE_REMOTE", "DATLAKE_EMAIL", "DATLAKE_LOG"] {
            program.env_remove(name);
        }
        let done = program.arg(home).arg(remote).output().unwrap();
        let [out, err] = [done.stdout, done.stderr].map(|said| String::from_utf8(said).unwrap());
        assert!(done.status.success(), "{out}{err}");
        Run::read(&out)
    }
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Skipped,
    Ran,
    Failed,
}

/// What a run of the program said.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// By step: what became of it, and what it returned.
    pub(crate) steps: BTreeMap<String, (Fate, String)>,
    /// The files whose content came from the remote.
    pub(crate) downloads: Vec<String>,
    /// A source file that was written while the program was compiled from it.
    pub(crate) newer: Option<String>,
}

impl Run {
    #[track_caller]
    fn read(said: &str) -> Self {
        let (mut fates, mut returned, mut downloads) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut newer = None;
        for line in said.lines() {
            if let Some((step, value)) = line.split_once(" = ") {
                assert!(returned.insert(step.to_owned(), value.to_owned()).is_none(), "{line}");
                continue;
            }
            let (what, object) = line.split_once(' ').unwrap();
            let fate = match what {
                "skipped" => Fate::Skipped,
                "ran" => Fate::Ran,
                "failed" => Fate::Failed,
                "newer" => {
                    newer = Some(object.to_owned());
                    continue;
                }
                "downloaded" => {
                    downloads.push(object.to_owned());
                    continue;
                }
                _ => panic!("{line}"),
            };
            // A step that another one calls as well is found the second time.
            fates.entry(object.to_owned()).or_insert(fate);
        }
        assert!(fates.keys().eq(returned.keys()), "each step has a fate and a value: {said}");
        let steps = fates.into_iter().zip(returned).map(|((step, fate), (_, value))| (step, (fate, value))).collect();
        Self { steps, downloads, newer }
    }
}
