//! A small pipeline, so that there is something to look at.

use std::io::Write as _;

use datlake::{File, Lake, Result, Tree, file_creator, tracked};

#[tracked]
fn longer(word: &str, min_len: usize) -> bool {
    word.len() >= min_len
}

/// Counts the words of a text.
#[file_creator(depends_on(longer))]
fn word_count(corpus: &File, min_len: usize, #[secret] token: &str) -> Result<File> {
    assert!(!token.is_empty());
    let text = corpus.read_to_string()?;
    let mut out = File::create("count.txt")?;
    writeln!(out, "{}", text.split_whitespace().filter(|word| longer(word, min_len)).count())?;
    out.finish()
}

/// Tells which of two counts is larger, under a name of our choice.
#[file_creator]
fn compare(left: &File, right: &File, output_uid: &str) -> Result<File> {
    let number = |file: &File| Ok::<u32, datlake::Error>(file.read_to_string()?.trim().parse().unwrap_or(0));
    let text = format!("{:?}\n", number(left)?.cmp(&number(right)?));
    File::from_bytes(output_uid, text)
}

/// Puts every word into a file of its own.
#[file_creator]
fn split(corpus: &File) -> Result<Tree> {
    let mut tree = Tree::create("words")?;
    for (at, word) in corpus.read_to_string()?.split_whitespace().enumerate() {
        tree.add_bytes(&format!("{at}.txt"), word)?;
    }
    tree.finish()
}

/// Compares a count with one that was compared before: the file is used at two levels.
pub(crate) fn twice(lake: &Lake) -> File {
    let _current = lake.enter();
    let alice = lake.add_bytes("corpora/alice.txt", b"down the rabbit hole").unwrap();
    let count = word_count(&alice, 4, "hunter2").unwrap();
    let once = compare(&count, &count, "once.txt").unwrap();
    compare(&once, &count, "twice.txt").unwrap()
}

/// Returns what it was given, and something of its own.
#[file_creator]
fn annotate(given: &File) -> Result<(File, File)> {
    Ok((given.clone(), File::from_bytes("note.txt", "seen")?))
}

/// Has a file pass through a call; what the call made itself.
pub(crate) fn keep(lake: &Lake) -> File {
    let _current = lake.enter();
    annotate(&lake.add_bytes("given.txt", b"given").unwrap()).unwrap().1
}

/// One of many that read a file.
#[file_creator]
pub(crate) fn copy(given: &File, _number: u32) -> Result<File> {
    File::from_bytes("copy.txt", given.read()?)
}

/// Returns a value, and no file.
#[file_creator]
pub(crate) fn length(text: &File) -> Result<u64> {
    Ok(text.len())
}

/// Is given as many files and values as there are numbers, and makes as many files.
#[file_creator]
pub(crate) fn many(lengths: &[(File, Vec<Trained>)]) -> Result<Vec<File>> {
    lengths
        .iter()
        .map(|(file, rows)| File::from_bytes(&format!("of {}", file.name()), rows[0].name.as_bytes()))
        .collect()
}

/// The files of a call that is given `count` files and values.
pub(crate) fn given_many(lake: &Lake, count: u32) -> Vec<File> {
    let _current = lake.enter();
    let one = |n: u32| {
        let file = lake.add_bytes(&format!("many/{n}.txt"), format!("{n}")).unwrap();
        let rows = train(&file, &[f64::from(n) / 7.3]).unwrap();
        (file, rows)
    };
    many(&(0..count).map(one).collect::<Vec<_>>()).unwrap()
}

/// What the pipeline made.
pub(crate) struct Made {
    pub(crate) count: File,
    pub(crate) words: Tree,
}

/// Adds two texts and runs the pipeline.
pub(crate) fn run(lake: &Lake) -> Made {
    let _current = lake.enter();
    let alice = lake.add_bytes("corpora/alice.txt", b"down the rabbit hole").unwrap();
    let snark = lake.add_bytes("corpora/snark.txt", b"just the place for a snark").unwrap();
    let count = word_count(&alice, 4, "hunter2").unwrap();
    compare(&count, &word_count(&snark, 4, "hunter2").unwrap(), "reports/which.txt").unwrap();
    Made { count, words: split(&alice).unwrap() }
}

#[file_creator]
fn parsed(text: &str, #[secret] token: &str) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    assert!(!token.is_empty());
    Ok(text.parse()?)
}

/// Makes a call whose body fails.
pub(crate) fn fail(lake: &Lake) {
    let _current = lake.enter();
    parsed("many", "hunter2").unwrap_err();
}

/// One of a grid of trainings.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Trained {
    pub(crate) name: String,
    pub(crate) rate: f64,
    pub(crate) score: f64,
}

/// Returns a list of records.
#[file_creator]
pub(crate) fn train(corpus: &File, rates: &[f64]) -> Result<Vec<Trained>> {
    let length = corpus.len() as f64;
    let one = |rate: &f64| Trained { name: format!("at {rate}"), rate: *rate, score: length * rate / 7.0 };
    Ok(rates.iter().map(one).collect())
}

/// Makes a named file from a value.
#[file_creator]
pub(crate) fn table(rows: &[Trained], scale: &(f64, f64), output_uid: &str) -> Result<File> {
    let sum: f64 = rows.iter().map(|row| row.score * row.rate).sum();
    File::from_bytes(output_uid, format!("{} {sum} {scale:?}\n", rows[0].name))
}

/// A file from a text, through a value: the call that returned that, as `@creator/key`.
pub(crate) fn through_values(lake: &Lake, rates: &[f64]) -> String {
    let _current = lake.enter();
    let alice = lake.add_bytes("corpora/alice.txt", b"down the rabbit hole").unwrap();
    let rows = train(&alice, rates).unwrap();
    table(&rows, &(0.5, 0.25), "reports/scores.txt").unwrap();
    let lineage = train::call(&alice, rates).lineage().unwrap().unwrap();
    format!("@{}/{}", lineage.creator, lineage.key)
}

/// Leaves out rows without a number.
#[file_creator]
fn cleaned(raw: &File) -> Result<File> {
    let text = raw.read_to_string()?;
    let rows: Vec<&str> = text.lines().filter(|line| line.parse::<f64>().is_ok()).collect();
    File::from_bytes("clean.csv", rows.join("\n"))
}

/// How well a model does.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Score {
    pub(crate) alpha: f64,
    pub(crate) score: f64,
}

/// Tries one setting.
#[file_creator]
fn fit(data: &File, alpha: f64, depth: u32) -> Result<Score> {
    let mean = data.read_to_string()?.lines().filter_map(|line| line.parse::<f64>().ok()).sum::<f64>() / 7.0;
    Ok(Score { alpha, score: mean / (1.0 + (alpha - 0.3).abs()) + f64::from(depth) / 100.0 })
}

/// Draws the best one.
#[file_creator(on_change = "replace")]
fn plot(best: &Score, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, format!("<svg><text>{} {:.3}</text></svg>\n", best.alpha, best.score))
}

/// An experiment, made again after its data was corrected.
pub(crate) fn experiment(lake: &Lake) {
    let _current = lake.enter();
    for data in ["1\n2\nnone\n4\n", "1\n2\n3\n4\n"] {
        let raw = lake.replacing().add_bytes("raw/rain.csv", data).unwrap();
        let data = cleaned(&raw).unwrap();
        let scores = [0.1, 0.3, 0.9].map(|alpha| fit(&data, alpha, 3).unwrap());
        let best = scores.iter().max_by(|a, b| a.score.total_cmp(&b.score)).unwrap();
        plot(best, "plots/best.svg").unwrap();
    }
}
