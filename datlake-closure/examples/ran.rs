//! Compares what ran with what a closure has: `ran MANIFEST_FOLDER ROOT FUNCTION CALLGRIND_OUT`.
//!
//! The last is what `valgrind --tool=callgrind --compress-strings=no --compress-pos=no` wrote of a program whose `main` calls the
//! function and does nothing else. Every line of the sources that ran must be in an item of the closure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use datlake_closure::{Disk, Invocation, Scanner};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, root, function, ran] = arguments.as_slice() else {
        return Err("which folder, root, function and output?".into());
    };
    let folder = std::fs::canonicalize(folder)?;
    let invocation = Invocation::of(["--edition=2024".to_owned(), root.clone()], &folder, &Disk).ok_or("no root")?;
    let scanner = Scanner::new(invocation.packages(&folder, None, &[], &Disk)?, Disk)?;
    let functions = scanner.functions();
    let function = functions.iter().find(|found| found.name == *function).ok_or("no such function")?;
    let closure = scanner.closure(&function.creator())?;
    let labels: BTreeSet<&str> = closure.items.iter().map(|item| item.label.as_str()).collect();
    let mut items: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for (file, line) in lines(&std::fs::read_to_string(ran)?) {
        if let Some(label) = scanner.item_at(&file, line) {
            items.entry(label).or_default().insert(line);
        }
    }
    let missing: Vec<_> = items.iter().filter(|(label, _)| !labels.contains(label.as_str())).collect();
    println!("{} items, {} of {} that ran are missing", closure.items.len(), missing.len(), items.len());
    for (label, lines) in missing {
        println!("    {label}: lines {lines:?}");
    }
    Ok(())
}

/// Files and lines that ran.
fn lines(output: &str) -> BTreeSet<(PathBuf, u32)> {
    let mut found = BTreeSet::new();
    let mut file = PathBuf::new();
    for line in output.lines() {
        match line.split_once('=') {
            Some(("fl" | "fi" | "fe", path)) => file = path.into(),
            Some(_) => {}
            None => found.extend(line.split(' ').next().and_then(|n| n.parse().ok()).map(|n| (file.clone(), n))),
        }
    }
    found
}
