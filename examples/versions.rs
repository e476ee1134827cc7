//! Versions of a table: something is tried on a branch, compared, and brought back.
//!
//! Some days say `rain` or `drizzle` though nothing was measured. What changes in the summary if they are called dry? The table and what is made
//! of it are files of a repository: `main` is what everybody uses, `dry-days` what is tried, and `raw` names the table as it came.
//!
//! ```text
//! cargo run --example versions                    # again, and no body runs
//! datlake log weather@main                        # what was committed, and why
//! datlake diff weather@raw main                   # what differs from the table as it came
//! datlake lineage weather@main:summary.md         # which code made it, of which commit's table
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;

use datlake::report::MergeResult;
use datlake::{Branch, Error, ErrorKind, File, Lake, MergeOptions, Repository, Result, file_creator};

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

/// The table with days called dry on which nothing was measured.
#[file_creator]
fn corrected(table: &File) -> Result<File> {
    let mut text = String::new();
    for line in table.read_to_string()?.lines() {
        let mut fields: Vec<&str> = line.split(',').collect();
        if let [_, "0.0", .., kind @ ("rain" | "drizzle")] = &mut fields[..] {
            *kind = "dry";
        }
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    File::from_bytes("daily.csv", text)
}

/// How many days there were of each kind of weather.
#[file_creator]
fn summary(table: &File) -> Result<File> {
    let text = table.read_to_string()?;
    let mut days: BTreeMap<&str, u32> = BTreeMap::new();
    for (i, line) in text.lines().enumerate().skip(1) {
        let kind = line.rsplit(',').next().filter(|kind| !kind.is_empty());
        *days.entry(kind.ok_or_else(|| invalid(format!("`{table}`, line {}: no weather", i + 1)))?).or_default() += 1;
    }
    let mut text = "| weather | days |\n|---|---|\n".to_owned();
    for (kind, count) in days {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {kind} | {count} |");
    }
    File::from_bytes("summary.md", text)
}

/// Commits a file under its own name, without copying it, unless it is there already.
fn publish(branch: &Branch, file: &File, message: &str) -> Result<()> {
    let there = branch.stat(file.name()).map(|there| there.digest == Some(file.digest()));
    match there {
        Ok(true) => return Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    branch.put(file.name(), file)?;
    branch.commit(message).map(drop)
}

/// The branch of that name, which begins where `from` is.
fn branch(repository: &Repository, name: &str, from: &str) -> Result<Branch> {
    match repository.branch(name).create(from) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(repository.branch(name)),
        created => created,
    }
}

fn main() -> Result<()> {
    let lake = Lake::current()?;
    let weather = lake.new_repository("weather").get_or_create()?;
    let (main, raw) = (weather.default_branch(), weather.tag("raw"));

    // What came, by a name that stays.
    if !weather.tags()?.iter().any(|tag| tag.name() == "raw") {
        main.put_path("daily.csv", concat!(env!("CARGO_MANIFEST_DIR"), "/data/seattle-weather.csv"))?;
        main.commit("Seattle, 2012 to 2015")?;
        raw.create("main")?;
    }
    let table = raw.file("daily.csv")?;
    let before = summary(&table)?;

    // What is tried: others still see `main` as it was.
    let trial = branch(&weather, "dry-days", "raw")?;
    publish(&trial, &corrected(&table)?, "Days without precipitation are dry")?;
    let after = summary(&trial.file("daily.csv")?)?;
    publish(&trial, &after, "Days of each kind")?;

    for change in weather.reference("raw").diff("dry-days", &Default::default())?.items {
        println!("{} {}", if change.before.is_none() { '+' } else { '~' }, change.path);
    }
    print!("\nbefore:\n{}\nafter:\n{}", before.read_to_string()?, after.read_to_string()?);

    // It is better, and brought back.
    match main.merge("dry-days", &MergeOptions::default()) {
        Ok(MergeResult::Merged(commit)) => println!("\nmerged as {}", &commit.id.to_string()[..12]),
        Ok(conflicts) => return Err(invalid(format!("others have changed the same: {conflicts:?}"))),
        Err(error) if error.kind() == ErrorKind::Unchanged => println!("\n`main` has it already"),
        Err(error) => return Err(error),
    }
    let made = main.file("summary.md")?.lineage()?;
    let call = made.call().ok_or_else(|| invalid("no call made the summary"))?;
    println!("`weather@main:summary.md` was made by {} of {}", call.creator, call.inputs[0].name);
    Ok(())
}
