//! What differs between how two files were made, and upstream.

use datlake::Difference;

use crate::prune::{new, old};
use crate::support::{lake, overwrite};

#[test]
fn calls_upstream_that_differ_alike_are_shown_once() {
    let lake = lake();
    let _current = lake.enter();
    let loaded: Vec<_> = (1..6).map(|n| old::load(n).unwrap()).collect();
    let first = old::report(&old::sum(&loaded).unwrap(), "first.txt").unwrap();
    // One was loaded by other code, and all were summed up by it.
    let mut again = loaded.clone();
    again[4] = new::load(5).unwrap();
    old::report(&new::sum(&again).unwrap(), "second.txt").unwrap();
    let diff = lake.compare("first.txt", "second.txt").unwrap();
    let creators: Vec<_> = diff.pairs.iter().map(|pair| (pair.now.creator.as_str(), pair.alike)).collect();
    assert_eq!(creators, [("prune/report", 0), ("prune/sum", 0), ("prune/load", 0)]);
    assert_eq!(diff.pairs[2].differences, [Difference::Code], "nothing else differs between the nearest two");
    assert!(!diff.same_result && !diff.left_out && diff.damaged.is_empty(), "{diff:?}");

    // All by other code: five pairs alike, each of two calls with one argument.
    let all: Vec<_> = (1..6).map(|n| new::load(n).unwrap()).collect();
    old::report(&new::sum(&all).unwrap(), "third.txt").unwrap();
    let diff = lake.compare("first.txt", "third.txt").unwrap();
    assert_eq!((diff.pairs.len(), diff.pairs[2].alike), (3, 4), "{diff:?}");
    let same = lake.compare("first.txt", first.uid().unwrap().as_str()).unwrap();
    assert!(same.same_result && same.pairs.len() == 1 && same.pairs[0].differences.is_empty(), "{same:?}");

    // What cannot be read is said.
    let records = lake.home().join("calls/prune/load");
    let record = std::fs::read_dir(records).unwrap().next().unwrap().unwrap().path();
    overwrite(&record, |bytes| bytes.truncate(bytes.len() / 2));
    let damaged = lake.reopened().compare("first.txt", "third.txt").unwrap().damaged;
    assert!(!damaged.is_empty() && damaged[0].what.contains("load"), "{damaged:?}");
}

/// Why an input is another one is part of why a call ran.
#[test]
fn explain_follows_an_input_upstream() {
    let lake = lake();
    let _current = lake.enter();
    let made = |n: u32, name: &str| old::report(&old::sum(&[old::load(n).unwrap()]).unwrap(), name).unwrap();
    made(1, "first.txt");
    assert!(lake.explain("first.txt").unwrap().upstream.is_empty(), "there is nothing to compare it with");
    new::report(&new::sum(&[new::load(2).unwrap()]).unwrap(), "second.txt").unwrap();
    let why = lake.explain("second.txt").unwrap();
    let creators: Vec<_> = why.upstream.iter().map(|pair| pair.now.creator.as_str()).collect();
    assert_eq!((creators, why.left_out), (vec!["prune/sum", "prune/load"], false));
    let said: Vec<String> = why.upstream[1].differences.iter().map(Difference::to_string).collect();
    assert!(said.iter().any(|one| one.contains("`n`: 1 → 2")), "{said:?}");
    assert!(why.upstream.iter().all(|pair| pair.sources.is_empty()), "nobody asked for them");
}

#[test]
fn more_pairs_than_are_compared_are_said_to_be_left_out() {
    let lake = lake();
    let _current = lake.enter();
    let made = |sum: fn(&[datlake::File]) -> datlake::Result<datlake::File>, from: u32, name: &str| {
        let loaded: Vec<_> = (from..from + 205).map(|n| old::load(n).unwrap()).collect();
        old::report(&sum(&loaded).unwrap(), name).unwrap()
    };
    made(old::sum, 0, "first.txt");
    made(old::sum, 1000, "second.txt");
    let diff = lake.compare("first.txt", "second.txt").unwrap();
    assert!(diff.left_out && diff.pairs.len() > 100, "{}", diff.pairs.len());
}
