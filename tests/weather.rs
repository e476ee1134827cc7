//! What `examples/weather.rs` promises, by running it, editing a copy of it, and running it again.

#![allow(clippy::unwrap_used, reason = "tests panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const EVERYTHING: &str =
    "temperatures ×2, rainfall, monthly_temperature ×24, monthly_rain ×12, compare, chart ×2, report, seal, publish";

/// A crate with the example as its program, which has the place in it that it has in datlake.
struct Copy {
    folder: TempDir,
}

/// What a run said.
#[derive(Debug)]
struct Said {
    out: String,
    err: String,
}

impl Said {
    /// The rest of the line that starts with `what`.
    #[track_caller]
    fn of(&self, what: &str) -> &str {
        let lines = self.out.lines();
        lines.filter_map(|line| line.strip_prefix(what)).next().unwrap_or_else(|| panic!("no {what}: {self:?}")).trim()
    }

    #[track_caller]
    fn check(&self, ran: &str, skipped: &str) {
        assert_eq!((self.of("ran"), self.of("skipped")), (ran, skipped), "{self:?}");
    }
}

impl Copy {
    fn new() -> Self {
        let (folder, datlake) = (tempfile::tempdir().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")));
        let examples = folder.path().join("examples");
        fs::create_dir_all(examples.join("data")).unwrap();
        fs::copy(datlake.join("examples/weather.rs"), examples.join("weather.rs")).unwrap();
        for file in fs::read_dir(datlake.join("examples/data")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), examples.join("data").join(file.file_name())).unwrap();
        }
        fs::copy(datlake.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
        let manifest = format!(
            r#"[package]
name = "weather"
version = "0.1.0"
edition = "2024"

[[bin]]
name = "weather"
path = "examples/weather.rs"

[dependencies]
datlake = {{ path = {datlake:?}, default-features = false }}
blake3 = "1"
serde = {{ version = "1", features = ["derive"] }}
tokio = {{ version = "1", features = ["macros", "rt-multi-thread"] }}

[profile.dev]
debug = 0

[profile.dev.package.blake3]
opt-level = 3

[workspace]
"#
        );
        fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        Self { folder }
    }

    /// Replaces what stands exactly once in the program.
    #[track_caller]
    fn replace(&self, old: &str, new: &str) {
        let path = self.folder.path().join("examples/weather.rs");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{old:?}");
        fs::write(path, text.replace(old, new)).unwrap();
    }

    /// Builds the program as it is now and runs it.
    #[track_caller]
    fn run(&self) -> Said {
        // What other tests of edited crates have built of the dependencies is here already.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edits/target");
        let build = |more: &[&str]| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.arg("build").args(more).current_dir(self.folder.path()).env("CARGO_TARGET_DIR", &target);
            cargo.output().unwrap()
        };
        let mut built = build(&["--offline"]);
        if !built.status.success() {
            built = build(&[]);
        }
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        fs::copy(target.join("debug/weather"), self.folder.path().join("weather")).unwrap();
        self.run_as("machine-1")
    }

    /// Runs what was built on another machine, or the same.
    #[track_caller]
    fn run_as(&self, machine: &str) -> Said {
        let path = |name: &str| -> PathBuf { self.folder.path().join(name) };
        let mut program = Command::new(path("weather"));
        for name in ["DATLAKE", "WEATHER_KEY"] {
            program.env_remove(name);
        }
        program
            .env("DATLAKE_HOME", path(machine))
            .env("DATLAKE_REMOTE", format!("file://{}", path("remote").display()));
        program.env("DATLAKE_EMAIL", "ada@example.org").env("DATLAKE_LOG", "summary");
        let done = program.output().unwrap();
        let [out, err] = [done.stdout, done.stderr].map(|said| String::from_utf8(said).unwrap());
        assert!(done.status.success(), "{out}{err}");
        Said { out, err }
    }
}

#[test]
fn it_runs_what_an_edit_concerns_and_no_more() {
    let copy = Copy::new();
    let first = copy.run();
    first.check(EVERYTHING, "nothing");
    assert_eq!(first.of("made"), "SEAL, rain.svg, report.md, temperature.svg");

    // Again, and on a machine that never ran it, which downloads the list of the folder's files alone.
    let again = copy.run();
    again.check("nothing", EVERYTHING);
    assert_eq!(again.of("cargo run"), first.of("cargo run"));
    let elsewhere = copy.run_as("machine-2");
    elsewhere.check("nothing", EVERYTHING);
    assert!(elsewhere.err.contains("datlake: 0 ran, 45 skipped, 1 downloaded"), "{elsewhere:?}");

    // Comments, in a body and in a helper.
    copy.replace("let text = raw.read_to_string_async", "// As text.\n    let text = raw.read_to_string_async");
    copy.replace("/// Leaves a tenth", "/// Leaves out a tenth, and then leaves a tenth");
    copy.run().check("nothing", EVERYTHING);

    // A helper that gives the same numbers in another way: what uses it runs, and nothing after that.
    copy.replace("numbers.iter().sum::<f64>()", "numbers.iter().fold(0.0, |sum, number| sum + number)");
    let same = copy.run();
    let rest = "temperatures ×2, rainfall, compare, chart ×2, report, seal, publish";
    same.check("monthly_temperature ×24, monthly_rain ×12", rest);
    assert_eq!(same.of("cargo run"), first.of("cargo run"));

    // One that gives other numbers: all that they go into. The report names the means alone.
    copy.replace("low: at(0.1)", "low: at(0.2)");
    let other = copy.run();
    let after = "monthly_temperature ×24, monthly_rain ×12, compare, chart ×2, report, seal, publish";
    other.check(after, "temperatures ×2, rainfall");
    assert_ne!(other.of("cargo run"), first.of("cargo run"));

    // A helper at the beginning, which gives the same bytes in another way.
    copy.replace("(1..=12).contains(&month)", "(1..13).contains(&month)");
    let users = "temperatures ×2, rainfall, monthly_temperature ×24, monthly_rain ×12";
    copy.run().check(users, "compare, chart ×2, report, seal, publish");

    // And a creator in the middle, of which nobody but the end of the chain reads.
    copy.replace("const BOTTOM: f64 = 376.0", "const BOTTOM: f64 = 370.0");
    let drawn = copy.run();
    drawn.check(
        "chart ×2, report, seal, publish",
        "temperatures ×2, rainfall, monthly_temperature ×24, monthly_rain ×12, compare",
    );
}
