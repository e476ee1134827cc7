//! A user's crate is edited, rebuilt and run on the same lake: what runs again, what is found, and what stops early.
//!
//! The crate is `tests/edits/user`. Each of its steps is the subject of one edit, so that one build shows many of them; and
//! whatever an edit is not about has to be found, with the value it had.

#![allow(clippy::unwrap_used, reason = "tests panic")]

#[path = "edits/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::path::PathBuf;

use program::{Fate, Program, Run};
use tempfile::TempDir;

/// What an edit does to a step. To every other step it does nothing.
enum Effect {
    /// It runs, and returns this.
    Changed(&'static str),
    /// It runs, and returns what it returned before.
    Same,
    /// It fails, and the error says this.
    Fails(Vec<String>),
}
use Effect::{Changed, Fails, Same};

/// The crate, and the machines that run it.
struct Pipeline {
    program: Program,
    folder: TempDir,
    /// What each step returned the last time.
    returned: BTreeMap<String, String>,
}

impl Pipeline {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { program: Program::new(), folder, returned: BTreeMap::new() }
    }

    fn home(&self, machine: &str) -> PathBuf {
        self.folder.path().join(machine)
    }

    fn run(&self, machine: &str) -> Run {
        let remote = format!("file://{}", self.folder.path().join("remote").display());
        self.program.run(&self.home(machine), &remote)
    }

    /// Edits the crate, builds it and runs it: every step has the effect that is listed, or is skipped and returns what it
    /// returned before. The same program finds everything when it runs once more.
    #[track_caller]
    fn check<const N: usize>(&mut self, edit: impl FnOnce(&mut Program), effects: [(&str, Effect); N]) {
        edit(&mut self.program);
        self.program.build();
        let run = self.run("machine-1");
        let effects = BTreeMap::from(effects);
        assert_eq!(effects.len(), N, "an effect is listed twice");
        let mut expected: BTreeMap<_, _> =
            self.returned.iter().map(|(step, value)| (step.clone(), (Fate::Skipped, value.clone()))).collect();
        for (step, effect) in &effects {
            let before = expected.get_mut(*step).unwrap_or_else(|| panic!("there is no step {step}"));
            *before = match effect {
                Changed(value) => {
                    assert_ne!(before.1, *value, "{step} would return what it returned before");
                    (Fate::Ran, (*value).to_owned())
                }
                Same => (Fate::Ran, before.1.clone()),
                Fails(says) => {
                    let error = &run.steps[*step].1;
                    says.iter().for_each(|part| assert!(error.contains(part), "{error:?} does not say {part:?}"));
                    (Fate::Failed, error.clone())
                }
            };
        }
        assert_same(&run, &expected);

        let stopped = |step: &str| matches!(effects.get(step), Some(Fails(_)));
        for (step, (fate, _)) in &mut expected {
            *fate = if stopped(step) { Fate::Failed } else { Fate::Skipped };
        }
        assert_same(&self.run("machine-1"), &expected);
        let remembered = expected.into_iter().filter(|(step, _)| !stopped(step));
        self.returned.extend(remembered.map(|(step, (_, value))| (step, value)));
    }
}

/// On the first machine, where nothing needs to be downloaded.
#[track_caller]
fn assert_same(run: &Run, expected: &BTreeMap<String, (Fate, String)>) {
    let differs: Vec<_> = expected
        .iter()
        .filter(|(step, told)| run.steps.get(*step) != Some(told))
        .map(|(step, told)| format!("{step}: expected {told:?}, was {:?}", run.steps.get(step)))
        .collect();
    assert!(differs.is_empty(), "{}", differs.join("\n"));
    assert_eq!(run.steps.len(), expected.len(), "{:?}", run.steps.keys());
    assert!(run.downloads.is_empty(), "{:?}", run.downloads);
}

#[test]
fn an_edit_runs_what_depends_on_it_and_nothing_else() {
    let mut pipeline = Pipeline::new();
    first_build(&mut pipeline);
    pipeline.check(edits_of_text_alone, []);
    edits_of_code(&mut pipeline);
    edits_of_what_is_found(&mut pipeline);
    second_machine(&pipeline);
    edits_around_the_code(&mut pipeline);
    edits_of_declarations(&mut pipeline);
    text_that_is_newer(&mut pipeline);
    undo(&mut pipeline);
}

fn first_build(pipeline: &mut Pipeline) {
    pipeline.program.build();
    let run = pipeline.run("machine-1");
    for (step, (fate, value)) in run.steps {
        assert_eq!(fate, Fate::Ran, "{step}");
        pipeline.returned.insert(step, value);
    }
    let returned = |step: &str| pipeline.returned[step].as_str();
    assert_eq!((returned("range"), returned("season")), ("Range { low: 10, high: 20 }", "Wet"));
    assert_eq!((returned("aliased"), returned("report")), ("(20, 30)", r#""3 from ONE""#));
    pipeline.check(|_| (), []);
}

/// Edits that leave the code what it is.
fn edits_of_text_alone(program: &mut Program) {
    // Everything below moves down, and the git blob of the file changes.
    program.replace("neutral.rs", "use datlake::", "#![allow(clippy::all)]\n\n// A comment.\nuse datlake::");
    program.replace("neutral.rs", "/// Adds one.", "/// Adds one to `n`.\n///\n/// Always.");
    program.replace("neutral.rs", "// Two.", "/* Two,\n       as before. */");
    let spread =
        "pub fn formatted(\n  numbers:&[u32]\n) -> Result<u32>\n{\n  Ok(numbers . iter()\n    .map( |n|n*2 ).sum())}";
    let dense = "pub fn formatted(numbers: &[u32]) -> Result<u32> {\n    Ok(numbers.iter().map(|n| n * 2).sum())\n}";
    program.replace("neutral.rs", dense, spread);
    program.replace("neutral.rs", "pub fn allowed", "#[allow(clippy::needless_pass_by_value)]\npub fn allowed");
    program.replace("neutral.rs", "    let sum", "    #[allow(clippy::let_and_return)]\n    let sum");
    program.replace("neutral.rs", "(a: u32, b: u32)", "(\n    a: u32,\n    b: u32,\n)");
    program.replace("neutral.rs", "vec![a, b]", "vec![a, b,]");
    program.replace("neutral.rs", "/// A helper.\n", "/// A helper, explained at length.\n#[allow(dead_code)]\n");
    program.replace("neutral.rs", "n - 1", "n  -  1 // one less");
    program.replace("neutral.rs", "depends_on(low, high)", "depends_on(high, low,)");
    program.replace("neutral.rs", "pub fn shown", "pub(crate) fn shown");
    // Of the creator itself, and of one that calls it.
    let bare = "#[file_creator]\npub fn documented";
    let asking = "#[file_creator(resources(cpus = 1, memory = \"1 MiB\"))]\npub fn documented";
    program.replace("neutral.rs", bare, asking);
    program.replace("code.rs", "n + 5", "n + 500");
    program.move_function("moved_by_name", "here", "there");
    // The version changes Cargo.lock as well.
    program.replace("Cargo.toml", r#"version = "0.1.0""#, r#"version = "0.2.0""#);
}

/// Edits of the code that a step is, depends on, calls by a name, or returns a value of.
fn edits_of_code(pipeline: &mut Pipeline) {
    let edit = |program: &mut Program| {
        program.replace("code.rs", "n + 1", "n + 100");
        program.replace("code.rs", "n + 2", "n + 200");
        program.replace("code.rs", "n + 3", "n + 300");
        program.replace("code.rs", "LIMIT: u32 = 5", "LIMIT: u32 = 6");
        program.replace("code.rs", "[7, 8, 9]", "[7, 80, 9]");
        program.replace("code.rs", "width: u8", "width: u64");
        program.replace("code.rs", "/ values.len() as f64", "/ (values.len() - 1) as f64");
        program.replace("code.rs", "n + 4", "n + 400");
        program.replace("code.rs", "version = 1)]\npub fn released", "version = 2)]\npub fn released");
        program.replace("code.rs", "n + 6", "n + 600");

        program.replace("names.rs", "{double as a, triple as b}", "{double as b, triple as a}");
        program.replace("names.rs", "use left::pick", "use right::pick");
        program.replace(
            "names.rs",
            "(count: u32) -> Result<u32> {\n    Ok(count)",
            "(n: u32) -> Result<u32> {\n    Ok(n)",
        );
        program.move_function("moved", "here", "there");

        let (before, after) = ("    low: u32,\n    high: u32,\n", "    high: u32,\n    low: u32,\n");
        for range in ["pub struct Range {\n", "pub struct Tracked {\n"] {
            program.replace("shapes.rs", &format!("{range}{before}"), &format!("{range}{after}"));
        }
        program.replace("shapes.rs", "    Dry,\n    Wet,\n", "    Wet,\n    Dry,\n");

        program.replace("chain.rs", r#"format!("{word}\n")"#, r#"[word, "\n"].concat()"#);
        program.replace("chain.rs", "text.to_uppercase()", "text.to_uppercase() + \"!\"");
    };
    let effects = [
        ("body", Changed("110")),
        ("helped", Changed("210")),
        ("helped_deeply", Changed("620")),
        ("limited", Changed("6")),
        ("looked_up", Changed("80")),
        ("sized", Changed("8")),
        ("mean", Changed("4.0")),
        ("nested", Changed("410")),
        ("nesting", Changed("820")),
        ("released", Changed("610")),
        ("aliased", Changed("(30, 20)")),
        ("imported", Changed("12")),
        ("argument", Same),
        ("moved", Same),
        // The code of these two is what it was; what was remembered is not of the type that they return now.
        ("range", Changed("Range { high: 20, low: 10 }")),
        ("season", Same),
        ("tracked_range", Changed("Tracked { high: 20, low: 10 }")),
        // The same bytes: what reads them is found.
        ("lines", Same),
        // Other bytes, of which the next step makes the same: what reads those is found.
        ("capitals", Changed("14")),
        ("first", Same),
    ];
    pipeline.check(edit, effects);
}

/// Edits of what nobody declares: methods, implementations, macros, constants, another crate.
fn edits_of_what_is_found(pipeline: &mut Pipeline) {
    let edit = |program: &mut Program| {
        program.replace("found.rs", "rate: n + 7 ", "rate: n + 700 ");
        program.replace("found.rs", "n * 2", "n * 20");
        program.replace("found.rs", "$n + 9", "$n + 900");
        program.replace("found.rs", "BASE: u32 = 40", "BASE: u32 = 400");
        program.replace("found.rs", "vec![2, 3, 5, 7]", "vec![2, 30, 5, 7]");
        program.replace("found.rs", "self.0 + n + 1", "self.0 + n + 100");
        program.replace("found.rs", "n + 70\n", "n + 7000\n");
        program.replace("kit/src/lib.rs", "n + 80", "n + 800");
        program.replace("kit/src/lib.rs", "n + 90", "n + 900");
    };
    let effects = [
        ("method", Changed("710")),
        ("untouched", Changed("721")),
        ("implementation", Changed("200")),
        ("dynamic", Changed("205")),
        ("expanded", Changed("910")),
        ("constant", Changed("810")),
        ("lazy", Changed("30")),
        ("operator", Changed("111")),
        ("shipped", Changed("810")),
    ];
    pipeline.check(edit, effects);
    let edit = |program: &mut Program| {
        program.replace("found.rs", "n + 60", "n + 600");
        program.replace("found.rs", "self.rate + 1", "self.rate + 1000");
    };
    let effects = [("threaded", Changed("610")), ("shipped_own", Changed("1420")), ("untouched", Changed("1720"))];
    pipeline.check(edit, effects);
}

/// A machine that never ran anything finds it all, and downloads the one file that it reads.
fn second_machine(pipeline: &Pipeline) {
    let run = pipeline.run("machine-2");
    for (step, (fate, value)) in &run.steps {
        assert_eq!((*fate, value), (Fate::Skipped, &pipeline.returned[step]), "{step}");
    }
    assert_eq!(run.steps.len(), pipeline.returned.len());
    let [download] = &*run.downloads else { panic!("{:?}", run.downloads) };
    assert!(download.contains("report.txt") || download.contains("::report/"), "{download}");
    let blobs = |machine: &str| {
        let folders = std::fs::read_dir(pipeline.home(machine).join("blobs")).unwrap();
        folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum::<usize>()
    };
    assert_eq!(blobs("machine-2"), 1);
    assert!(blobs("machine-1") > 5);
}

/// What a program embeds, how it is configured, and a change that reaches the end of the chain.
fn edits_around_the_code(pipeline: &mut Pipeline) {
    let edit = |program: &mut Program| {
        program.replace("words.txt", "three", "three four");
        program.variables.insert("EDITS_REGION", "south");
        program.variables.insert("EDITS_SCALE", "2");
        program.fast = true;
        program.replace("chain.rs", "text.to_uppercase()", "text.to_lowercase()");
    };
    let effects = [
        ("included", Changed(r#""one two three four""#)),
        ("included_below", Changed("19")),
        ("region", Changed(r#""south""#)),
        ("scale", Changed(r#"Some("2")"#)),
        ("gated", Changed(r#""fast""#)),
        ("gated_value", Changed("true")),
        ("gated_helper", Changed("1")),
        ("capitals", Same),
        ("first", Same),
        ("report", Changed(r#""3 from one""#)),
    ];
    pipeline.check(edit, effects);
}

/// A helper that is called and no longer declared: an error where the declaration is missing, and nothing remembered.
fn edits_of_declarations(pipeline: &mut Pipeline) {
    let edit = |program: &mut Program| {
        program.replace(
            "holes.rs",
            "#[file_creator(closure = \"none\", depends_on(used))]",
            "#[file_creator(closure = \"none\")]",
        );
        program.replace("holes.rs", "#[tracked(depends_on(used))]", "#[tracked]");
    };
    let says = |creator: &str, line: usize| {
        let hole = format!("Undeclared: `edits::holes::used` ran in the body of `edits/edits::holes::{creator}`");
        let remedy = format!("add it at src/holes.rs:{line}, as #[file_creator(depends_on(used))]");
        Fails(vec![hole, remedy])
    };
    let line = |creator: &str| pipeline.program.line_of("holes.rs", &format!("pub fn {creator}("));
    let [declared, below] = ["declared", "declared_below"].map(|creator| (creator, says(creator, line(creator))));
    pipeline.check(edit, [declared, below]);
}

/// A file that is written while the compiler runs: as good as one of the future. Nothing that the program makes is stored.
fn text_that_is_newer(pipeline: &mut Pipeline) {
    let now = std::time::SystemTime::now();
    pipeline.program.restore();
    pipeline.program.replace("found.rs", "n + 70\n", "n + 71\n");
    pipeline.program.write_at("found.rs", now + std::time::Duration::from_secs(3600));
    pipeline.program.build();
    for _ in 0..2 {
        let run = pipeline.run("machine-1");
        assert_eq!(run.newer.as_deref(), Some("src/found.rs"));
        assert!(run.steps.values().all(|(fate, _)| *fate == Fate::Ran), "{run:?}");
    }
    pipeline.program.write_at("found.rs", std::time::SystemTime::now());
    pipeline.program.build();
    let run = pipeline.run("machine-1");
    assert_eq!(run.newer, None);
    // It looks for nothing beyond itself, so that its key is the first one's.
    assert_eq!(run.steps["alone"], (Fate::Skipped, "80".to_owned()));
    assert!(run.steps.values().all(|(fate, _)| *fate == Fate::Skipped), "{run:?}");
}

/// Everything as it was in the beginning: all of it was remembered then.
fn undo(pipeline: &mut Pipeline) {
    pipeline.program.restore();
    pipeline.program.build();
    let run = pipeline.run("machine-1");
    for (step, (fate, _)) in &run.steps {
        assert_eq!(*fate, Fate::Skipped, "{step}");
    }
    let returned = |step: &str| run.steps[step].1.as_str();
    assert_eq!((returned("body"), returned("range"), returned("season")), ("11", "Range { low: 10, high: 20 }", "Wet"));
    assert_eq!((returned("aliased"), returned("gated")), ("(20, 30)", r#""slow""#));
    assert_eq!((returned("declared"), returned("report")), ("11", r#""3 from ONE""#));
}
