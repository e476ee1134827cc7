//! What a skipped call costs on this machine, beside the least it could cost: hashing the same arguments and reading one
//! small file; and what a call that runs costs.
//!
//! ```text
//! cargo bench --bench hit
//! ```

use std::hint::black_box;
use std::path::PathBuf;

use datlake::{File, Lake, Result, file_creator};
use divan::Bencher;

fn main() {
    divan::main();
}

#[file_creator]
fn count(corpus: &File, min_len: usize) -> Result<usize> {
    Ok(corpus.read_to_string()?.split(' ').filter(|word| word.len() >= min_len).count())
}

struct Fixture {
    _dir: tempfile::TempDir,
    home: PathBuf,
    record: PathBuf,
}

/// A lake in which the call has been made.
fn fixture() -> Fixture {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let home = dir.path().join("home");
    let lake = Lake::builder().home(&home).open().expect("a lake");
    let corpus = lake.add_bytes("corpora/alice.txt", "down the rabbit hole").expect("added");
    count(&corpus, 3).expect("ran");
    let mut folder = home.join("calls");
    while folder.is_dir() {
        folder = std::fs::read_dir(&folder).expect("a folder").next().expect("an entry").expect("an entry").path();
    }
    Fixture { _dir: dir, home, record: folder }
}

fn open(fixture: &Fixture) -> (Lake, File) {
    let lake = Lake::builder().home(&fixture.home).open().expect("a lake");
    let corpus = lake.file("corpora/alice.txt").expect("the corpus");
    (lake, corpus)
}

/// The least a look-up can cost: a digest over the arguments, and one small file.
#[divan::bench]
fn floor(bencher: Bencher) {
    let fixture = fixture();
    let (_lake, corpus) = open(&fixture);
    bencher.bench_local(|| {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(b"hit::count");
        bytes.extend_from_slice(&[7; 32]);
        bytes.extend_from_slice(corpus.digest().as_bytes());
        bytes.extend_from_slice(black_box(&3_usize.to_le_bytes()));
        let key = blake3::hash(&bytes);
        (key, std::fs::read(&fixture.record).expect("the record"))
    });
}

/// The key alone, from arguments to digest.
#[divan::bench]
fn key(bencher: Bencher) {
    let fixture = fixture();
    let (_lake, corpus) = open(&fixture);
    bencher.bench_local(|| drop(black_box(count::call(black_box(&corpus), black_box(3)))));
}

/// A hit in a process that has not met the call: the record is read, checked and decoded.
#[divan::bench]
fn hit_from_disk(bencher: Bencher) {
    let fixture = fixture();
    let opened = || {
        let (lake, corpus) = open(&fixture);
        // A lake that goes writes down its run: not what is measured, nor what is to be in the caches.
        std::mem::forget(lake.clone());
        (lake, corpus)
    };
    bencher.with_inputs(opened).bench_local_refs(|(_, corpus)| count(corpus, black_box(3)).expect("a hit"));
}

/// A hit in a process that has met the call.
#[divan::bench]
fn hit_remembered(bencher: Bencher) {
    let fixture = fixture();
    let (_lake, corpus) = open(&fixture);
    bencher.bench_local(|| count(&corpus, black_box(3)).expect("a hit"));
}

#[file_creator]
fn weights(seed: u64) -> Result<Vec<f64>> {
    Ok((0..100).map(|n| (n + seed) as f64 / 7.3).collect())
}

#[file_creator]
fn score(weights: &[f64], run: u64) -> Result<f64> {
    Ok(weights.iter().sum::<f64>() + run as f64 / 7.3)
}

/// Calls that miss, one after another.
fn misses(bencher: Bencher, weights: impl Fn() -> Vec<f64>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let lake = Lake::builder().home(dir.path().join("home")).open().expect("a lake");
    let _current = lake.enter();
    let weights = weights();
    let mut run = 0;
    bencher.bench_local(|| {
        run += 1;
        score(black_box(&weights), run).expect("it ran")
    });
}

/// A miss whose argument came from no call.
#[divan::bench]
fn miss(bencher: Bencher) {
    misses(bencher, || (0..100).map(|n| f64::from(n) / 7.9).collect());
}

/// A miss with an argument that a call returned: its record has an edge, and the index leads to it.
#[divan::bench]
fn miss_with_edge(bencher: Bencher) {
    misses(bencher, || weights(1).expect("it ran"));
}

/// The same where two hundred values of a hundred parts are known.
#[divan::bench]
fn miss_among_many_values(bencher: Bencher) {
    misses(bencher, || {
        let first = weights(1).expect("it ran");
        (2..200).for_each(|seed| drop(weights(seed).expect("it ran")));
        first
    });
}

#[file_creator]
fn large(numbers: &[f64], run: u64) -> Result<()> {
    black_box((numbers, run));
    Ok(())
}

/// Misses with 100 KiB of numbers in an argument that came from no call, where so many numbers are `known`.
fn large_misses(bencher: Bencher, known: u64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let lake = Lake::builder().home(dir.path().join("home")).open().expect("a lake");
    let _current = lake.enter();
    let numbers: Vec<f64> = (0..12_800).map(|n| f64::from(n) / 7.9).collect();
    for run in 0..known {
        score(&[0.5], run).expect("it ran");
    }
    let mut run = 0;
    bencher.bench_local(|| {
        run += 1;
        large(black_box(&numbers), run).expect("it ran")
    });
}

#[divan::bench]
fn miss_with_large_argument(bencher: Bencher) {
    large_misses(bencher, 0);
}

/// The same where numbers are known that might be among those of the argument.
#[divan::bench]
fn miss_with_large_argument_among_known_numbers(bencher: Bencher) {
    large_misses(bencher, 200);
}

#[file_creator]
fn next(numbers: &[f64], run: u64) -> Result<Vec<f64>> {
    Ok(numbers.iter().map(|number| number + run as f64 / 7.3).collect())
}

/// Misses one after another, of which each is given the 100 KiB of numbers that the one before it returned.
#[divan::bench]
fn miss_with_large_edge(bencher: Bencher) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let lake = Lake::builder().home(dir.path().join("home")).open().expect("a lake");
    let _current = lake.enter();
    let mut numbers: Vec<f64> = (0..12_800).map(|n| f64::from(n) / 7.9).collect();
    let mut run = 0;
    bencher.bench_local(|| {
        run += 1;
        numbers = next(black_box(&numbers), run).expect("it ran");
    });
}

/// The same where the numbers came from no call.
#[divan::bench]
fn miss_with_large_value(bencher: Bencher) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let lake = Lake::builder().home(dir.path().join("home")).open().expect("a lake");
    let _current = lake.enter();
    let numbers: Vec<f64> = (0..12_800).map(|n| f64::from(n) / 7.9).collect();
    let mut run = 0;
    bencher.bench_local(|| {
        run += 1;
        // Other numbers each time, as what is returned is.
        let other: Vec<f64> = numbers.iter().map(|number| number + run as f64 / 7.3).collect();
        drop(next(black_box(&other), run).expect("it ran"));
    });
}
