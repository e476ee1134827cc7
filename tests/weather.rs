//! What `examples/weather.rs` promises, by running it, editing a copy of it, and running it again.

#![allow(clippy::unwrap_used, reason = "tests panic")]

mod crates;

use crates::{Said, UserCrate};

const EVERYTHING: &str =
    "temperatures ×2, rainfall, monthly_temperature ×24, monthly_rain ×12, compare, chart ×2, report, seal, publish";

const PROGRAM: &str = "examples/weather.rs";

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

/// The example as the program of a crate.
fn copy() -> UserCrate {
    let dependencies = r#"blake3 = "1"
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }"#;
    let copy = UserCrate::new("weather", PROGRAM, dependencies);
    copy.take(PROGRAM, PROGRAM);
    for table in ["seattle-temps", "sf-temps", "seattle-weather"] {
        copy.take(&format!("examples/data/{table}.csv"), &format!("data/{table}.csv"));
    }
    copy
}

#[test]
fn it_runs_what_an_edit_concerns_and_no_more() {
    let copy = copy();
    let first = copy.run();
    first.check(EVERYTHING, "nothing");
    assert_eq!(first.of("made"), "SEAL, rain.svg, report.md, temperature.svg");

    // Again, and on a machine that never ran it, which downloads the lists of the folder alone.
    let again = copy.run();
    again.check("nothing", EVERYTHING);
    assert_eq!(again.of("cargo run"), first.of("cargo run"));
    let elsewhere = copy.run_as("machine-2");
    elsewhere.check("nothing", EVERYTHING);
    assert!(elsewhere.err.contains("datlake: 0 ran, 45 skipped, 2 downloaded"), "{elsewhere:?}");

    // Comments, in a body and in a helper.
    copy.replace(
        PROGRAM,
        "let text = raw.read_to_string_async",
        "// As text.\n    let text = raw.read_to_string_async",
    );
    copy.replace(PROGRAM, "/// Leaves a tenth", "/// Leaves out a tenth, and then leaves a tenth");
    copy.run().check("nothing", EVERYTHING);

    // A helper that gives the same numbers in another way: what uses it runs, and nothing after that.
    copy.replace(PROGRAM, "numbers.iter().sum::<f64>()", "numbers.iter().fold(0.0, |sum, number| sum + number)");
    let same = copy.run();
    let rest = "temperatures ×2, rainfall, compare, chart ×2, report, seal, publish";
    same.check("monthly_temperature ×24, monthly_rain ×12", rest);
    assert_eq!(same.of("cargo run"), first.of("cargo run"));

    // One that gives other numbers: all that they go into. The report names the means alone.
    copy.replace(PROGRAM, "low: at(0.1)", "low: at(0.2)");
    let other = copy.run();
    let after = "monthly_temperature ×24, monthly_rain ×12, compare, chart ×2, report, seal, publish";
    other.check(after, "temperatures ×2, rainfall");
    assert_ne!(other.of("cargo run"), first.of("cargo run"));

    // A helper at the beginning, which gives the same bytes in another way.
    copy.replace(PROGRAM, "(1..=12).contains(&month)", "(1..13).contains(&month)");
    let users = "temperatures ×2, rainfall, monthly_temperature ×24, monthly_rain ×12";
    copy.run().check(users, "compare, chart ×2, report, seal, publish");

    // And a creator in the middle, of which nobody but the end of the chain reads.
    copy.replace(PROGRAM, "const BOTTOM: f64 = 376.0", "const BOTTOM: f64 = 370.0");
    let drawn = copy.run();
    drawn.check(
        "chart ×2, report, seal, publish",
        "temperatures ×2, rainfall, monthly_temperature ×24, monthly_rain ×12, compare",
    );
}
