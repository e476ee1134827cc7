//! The invariants of the house, read off its sources.
//!
//! `not-yet.txt` lists what is known and not mended yet. It only shrinks: a line that is mended fails until it is taken out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests panic")]

mod absences;
mod circles;
mod made_up;
mod offence;
mod sizes;
mod source;
mod twins;
mod words;

use std::path::Path;
use std::sync::LazyLock;

use offence::{Offence, assert_none};
use source::Files;

static HOUSE: LazyLock<Files> = LazyLock::new(|| source::read(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()));

const NOT_YET: &str = include_str!("not-yet.txt");

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert_none(&["circle"], &circles::check(&HOUSE), NOT_YET);
}

#[test]
fn each_part_names_what_it_may() {
    let (used, spelled) = (absences::check(&HOUSE), absences::spelled_paths(&HOUSE));
    let all: Vec<Offence> = used.into_iter().chain(spelled).chain(absences::direction(&HOUSE)).collect();
    assert_none(&absences::names(), &all, NOT_YET);
}

#[test]
fn functions_fit_on_a_screen() {
    assert_none(&["function"], &sizes::functions(&HOUSE), NOT_YET);
}

#[test]
fn files_are_short() {
    let (long, longest) = sizes::lines(&HOUSE);
    println!("the longest files:\n{longest}");
    assert_none(&["file"], &long, NOT_YET);
}

#[test]
fn old_words_are_gone() {
    assert!(words::count(&HOUSE) > 50, "the table of refused words is not found");
    assert_none(&["word"], &words::check(&HOUSE), NOT_YET);
}

#[test]
fn a_name_of_a_type_has_one_meaning() {
    assert_none(&["twice"], &words::twice(&HOUSE), NOT_YET);
}

#[test]
fn blocking_methods_have_asynchronous_twins() {
    assert_none(&["twin"], &twins::check(&HOUSE), NOT_YET);
}

#[test]
fn what_is_not_mended_yet_belongs_to_a_check() {
    let checks = [&["circle", "function", "file", "twice", "twin", "word"], &*absences::names()].concat();
    for line in NOT_YET.lines().filter(|line| !line.starts_with('#')) {
        assert!(checks.contains(&line.split(' ').next().unwrap()), "{line:?} belongs to no check");
    }
}
