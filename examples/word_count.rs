//! The first thing in the README.

use std::collections::BTreeMap;
use std::io::Write as _;

use datlake::{File, Lake, Result, file_creator};

fn count(text: &str, min_len: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| word.chars().count() >= min_len) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}

/// Counts the words of a text.
#[file_creator]
fn word_count(corpus: &File, min_len: usize) -> Result<File> {
    let text = corpus.read_to_string()?; // downloads now, and only now
    let mut out = File::create("counts.csv")?; // staged, and hashed while it is written
    for (word, n) in count(&text, min_len) {
        writeln!(out, "{word},{n}")?;
    }
    out.finish() // published when the function returns Ok
}

fn main() -> Result<()> {
    let text = "Down, down, down. Would the fall never come to an end?";
    let corpus = Lake::current()?.add_bytes("corpora/alice.txt", text)?;
    let counts = word_count(&corpus, 3)?; // runs once in the life of the lake
    print!("{}", counts.read_to_string()?);
    println!("{}", counts.lineage()?); // who, when, from what, by which code
    Ok(())
}
