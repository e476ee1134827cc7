//! Compares what ran with what a closure has: `ran FOLDER ROOT FUNCTION PROGRAM [ARGUMENT…]`.
//!
//! The program is run under valgrind's callgrind, every body in it. Code of the packages that ran below the function's body, or on
//! a thread that something started, must be in an item of its closure. What is not is listed, and the exit status is 1: an edit there
//! would be missed. Build the program without optimisation, for what is inlined into others is a part of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use datlake_closure::{Disk, Invocation, Scanner};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, root, name, program, rest @ ..] = arguments.as_slice() else {
        return Err("which folder, root, function and program?".into());
    };
    let out = std::env::temp_dir().join(format!("datlake-ran-{}", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--demangle=no", "--compress-strings=no", "--compress-pos=no"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display())).arg(program).args(rest).env("DATLAKE", "bypass");
    if !valgrind.status()?.success() {
        return Err("the program failed, or valgrind did".into());
    }
    let ran = Ran::read(&std::fs::read_to_string(&out)?);
    std::fs::remove_file(&out)?;

    let folder = std::fs::canonicalize(folder)?;
    let invocation = Invocation::of(["--edition=2024".to_owned(), root.clone()], &folder, &Disk).ok_or("no root")?;
    let ours = ["datlake", "datlake-core", "datlake-lake", "datlake-macros", "datlake-store"];
    let scanner = Scanner::new(invocation.packages(&folder, None, &ours, &Disk)?, Disk)?;
    let functions = scanner.functions();
    let function = functions.iter().find(|found| found.name == *name).ok_or("no such function")?;
    let closure = scanner.closure(&function.creator())?;
    let labels: BTreeSet<&str> = closure.items.iter().map(|item| item.label.as_str()).collect();
    let mut items: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for (file, line) in ran.below(name) {
        if let Some(label) = scanner.item_at(file, line) {
            items.entry(label).or_default().insert(line);
        }
    }
    let missing: Vec<_> = items.iter().filter(|(label, _)| !labels.contains(label.as_str())).collect();
    println!("{} items, {} of {} that ran are missing", closure.items.len(), missing.len(), items.len());
    for (label, lines) in &missing {
        println!("    {label}: lines {lines:?}");
    }
    Ok(if missing.is_empty() && !items.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Functions that ran, by their symbols.
#[derive(Default)]
struct Ran {
    lines: BTreeMap<String, BTreeSet<(PathBuf, u32)>>,
    calls: BTreeMap<String, BTreeSet<String>>,
}

impl Ran {
    /// Of what callgrind wrote.
    fn read(output: &str) -> Self {
        let mut found = Self::default();
        let (mut function, mut file) = (String::new(), PathBuf::new());
        for line in output.lines() {
            match line.split_once('=') {
                Some(("fn", name)) => {
                    name.clone_into(&mut function);
                    found.calls.entry(function.clone()).or_default();
                }
                Some(("fl" | "fi" | "fe", path)) => file = path.into(),
                Some(("cfn", name)) => {
                    found.calls.entry(function.clone()).or_default().insert(name.to_owned());
                }
                Some(_) => {}
                None => {
                    if let Some(number) = line.split(' ').next().and_then(|number| number.parse().ok()) {
                        found.lines.entry(function.clone()).or_default().insert((file.clone(), number));
                    }
                }
            }
        }
        found
    }

    /// Lines of the function's body, of what it called, and of threads.
    fn below(&self, name: &str) -> BTreeSet<(&std::path::Path, u32)> {
        let part = format!("{}{name}", name.len());
        // A creator's body is a function of its own.
        let [legacy, v0] = ["6__body", "6___body"].map(|body| format!("{part}{body}"));
        let is_body = |symbol: &&String| symbol.contains(&legacy) || symbol.contains(&v0);
        let mut rest: VecDeque<&String> = self.calls.keys().filter(is_body).collect();
        if rest.is_empty() {
            rest.extend(
                self.calls.keys().filter(|symbol| symbol.contains(&format!("{part}17h")) || symbol.ends_with(&part)),
            );
        }
        // Which body started a thread is not known.
        let called: BTreeSet<&String> = self.calls.values().flatten().collect();
        let begins = |symbol: &&String| {
            symbol.contains("thread_start") || !called.contains(symbol) && symbol.contains("start_thread")
        };
        rest.extend(self.calls.keys().filter(begins));
        let mut reached = BTreeSet::new();
        while let Some(symbol) = rest.pop_front() {
            if reached.insert(symbol) {
                rest.extend(self.calls.get(symbol).into_iter().flatten());
            }
        }
        let lines = reached.into_iter().filter_map(|symbol| self.lines.get(symbol)).flatten();
        lines.map(|(file, line)| (file.as_path(), *line)).collect()
    }
}
