//! A crate of a user that is written, edited, built and run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The crate, and the machines that run it.
pub(crate) struct UserCrate {
    /// Outlives the test, so that what is built of the crate takes the place of what was built before.
    folder: PathBuf,
    name: &'static str,
    lakes: TempDir,
    /// One at a time.
    _lock: File,
}

/// What a run said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

impl UserCrate {
    /// A crate whose program is in `main`, and which depends on datlake and on `dependencies`, lines of a manifest.
    pub(crate) fn new(name: &'static str, main: &str, dependencies: &str) -> Self {
        let (tmp, datlake) = (Path::new(env!("CARGO_TARGET_TMPDIR")), repository());
        fs::create_dir_all(tmp).unwrap();
        let lock = File::create(tmp.join(format!("{name}.lock"))).unwrap();
        lock.lock().unwrap();
        let folder = tmp.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir(&folder).unwrap();
        let manifest = format!(
            r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"

[[bin]]
name = "{name}"
path = "{main}"

[dependencies]
datlake = {{ path = {datlake:?}, default-features = false }}
{dependencies}

[profile.dev]
debug = 0

[profile.dev.package.blake3]
opt-level = 3

[workspace]
"#
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::copy(datlake.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        Self { folder, name, lakes: tempfile::tempdir().unwrap(), _lock: lock }
    }

    /// Writes a file of the crate.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Puts a file of the repository into the crate.
    pub(crate) fn take(&self, from: &str, to: &str) {
        self.write(to, fs::read(repository().join(from)).unwrap());
    }

    /// Replaces what stands exactly once in a file of the crate.
    #[track_caller]
    pub(crate) fn replace(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{old:?} in {path}");
        self.write(path, text.replace(old, new));
    }

    /// cargo's answer to a command in the crate's folder or in a copy of it.
    #[allow(dead_code, reason = "not every test asks for it")]
    pub(crate) fn cargo_in(
        &self,
        folder: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> std::process::Output {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edits/target");
        let mut cargo = Command::new(env!("CARGO"));
        let (command, more) = arguments.split_first().unwrap();
        cargo.args([command, "--offline"]).args(more).current_dir(folder).env("CARGO_TARGET_DIR", target);
        cargo
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_INCREMENTAL", "0")
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// The lines that the program, as it was built last, writes into a file.
    #[allow(dead_code, reason = "not every test asks for it")]
    pub(crate) fn said_by_program(&self, folder: &Path) -> Vec<String> {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edits/target/debug").join(self.name);
        assert!(Command::new(program).current_dir(folder).status().unwrap().success());
        let said = fs::read_to_string(folder.join("hashes.txt")).unwrap();
        said.lines().map(str::to_owned).collect()
    }

    /// `cargo build` or the like: without a network where everything is here already.
    #[track_caller]
    pub(crate) fn cargo(&self, command: &str) {
        // What other tests of edited crates have built of the dependencies is here already.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edits/target");
        let run = |more: &[&str]| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.arg(command).args(more).current_dir(&self.folder).env("CARGO_TARGET_DIR", &target);
            // Nobody debugs it.
            cargo.env("CARGO_PROFILE_DEV_DEBUG", "false").output().unwrap()
        };
        let mut done = run(&["--offline"]);
        if !done.status.success() {
            done = run(&[]);
        }
        let [out, err] = [&done.stdout, &done.stderr].map(|said| String::from_utf8_lossy(said));
        assert!(done.status.success(), "{out}{err}");
        if command == "build" {
            fs::copy(target.join("debug").join(self.name), self.path("program")).unwrap();
        }
    }

    /// Builds the program as it is now and runs it.
    #[track_caller]
    pub(crate) fn run(&self) -> Said {
        self.cargo("build");
        self.run_as("machine-1")
    }

    /// Runs what was built, on a machine with a home of its own and a remote that all share.
    #[track_caller]
    pub(crate) fn run_as(&self, machine: &str) -> Said {
        let mut program = Command::new(self.path("program"));
        for name in ["DATLAKE", "WEATHER_KEY"] {
            program.env_remove(name);
        }
        let lakes = self.lakes.path();
        program.current_dir(&self.folder).env("DATLAKE_HOME", lakes.join(machine));
        program.env("DATLAKE_REMOTE", format!("file://{}", lakes.join("remote").display()));
        program.env("DATLAKE_EMAIL", "ada@example.org").env("DATLAKE_LOG", "summary");
        let done = program.output().unwrap();
        let [out, err] = [done.stdout, done.stderr].map(|said| String::from_utf8(said).unwrap());
        assert!(done.status.success(), "{out}{err}");
        Said { out, err }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}
