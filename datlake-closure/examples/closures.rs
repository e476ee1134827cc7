//! Prints the closures of functions: `closures MANIFEST_FOLDER ROOT [FUNCTION …]`; `-v` lists their items.
//!
//! Without functions: one in twenty of the crate, and what the scan cost.

use std::time::Instant;

use datlake_closure::{Disk, Invocation, Scanner};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let verbose = arguments.iter().any(|argument| argument == "-v");
    arguments.retain(|argument| argument != "-v");
    let [folder, root, wanted @ ..] = arguments.as_slice() else { return Err("which folder, and which root?".into()) };
    let folder = std::fs::canonicalize(folder)?;
    let before = peak();
    let begun = Instant::now();
    let arguments = ["--edition=2024".to_owned(), root.clone()];
    let invocation = Invocation::of(arguments, &folder, &Disk).ok_or("no root")?;
    let skip: &[&str] =
        if wanted.is_empty() { &[] } else { &["datlake", "datlake-core", "datlake-macros", "datlake-store"] };
    let packages = invocation.packages(&folder, None, skip, &Disk)?;
    let scanner = Scanner::new(packages, Disk)?;
    println!("{:?} for {:?} (files, items)", begun.elapsed(), scanner.size());
    let functions = scanner.functions();
    let chosen: Vec<_> = match wanted {
        [] => functions.iter().step_by(20).collect(),
        wanted => functions.iter().filter(|function| wanted.contains(&function.name)).collect(),
    };
    let begun_all = Instant::now();
    let (mut sizes, mut slowest) = (Vec::new(), std::time::Duration::ZERO);
    for function in &chosen {
        let begun = Instant::now();
        let Ok(closure) = scanner.closure(&function.creator()) else { continue };
        slowest = slowest.max(begun.elapsed());
        sizes.push(closure.items.len());
        if !wanted.is_empty() {
            println!(
                "{}: {} items, {} files, {:?}",
                function.name,
                closure.items.len(),
                closure.files.len(),
                begun.elapsed()
            );
        }
        if verbose {
            closure
                .items
                .iter()
                .for_each(|item| println!("    {} <- {}", item.label, item.because.as_deref().unwrap_or("-")));
            println!("    registry {:?}", closure.registry);
            closure.notes.iter().for_each(|note| println!("    {}: {}", note.label, note.text));
        }
    }
    sizes.sort_unstable();
    println!(
        "{} closures in {:?}, slowest {slowest:?}; items: median {:?}, most {:?}; {} KiB",
        sizes.len(),
        begun_all.elapsed(),
        sizes.get(sizes.len() / 2),
        sizes.last(),
        peak().saturating_sub(before),
    );
    Ok(())
}

/// Peak memory in KiB, where the system tells.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}
