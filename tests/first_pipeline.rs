//! `docs/guide/first-pipeline.md`, walked through.

#![allow(clippy::unwrap_used, reason = "tests panic")]

mod crates;

use crates::{Said, UserCrate};

const MAIN: &str = "src/main.rs";

#[track_caller]
fn check(said: &Said, summary: &str, days_2012: u32) {
    assert!(said.out.contains(&format!("2012: {days_2012} wet days\n")), "{said:?}");
    let told = said.err.lines().last().unwrap_or_default();
    assert!(told.starts_with(&format!("datlake: {summary}")), "{said:?}");
}

#[test]
fn the_page_is_true() {
    let page = include_str!("../docs/guide/first-pipeline.md");
    let blocks: Vec<&str> = page
        .split("```rust")
        .skip(1)
        .map(|rest| rest.split_once('\n').unwrap().1.split_once("```").unwrap().0)
        .collect();
    let [program, _, tests] = *blocks else { panic!("the page has {} programs", blocks.len()) };

    let rainy = UserCrate::new("rainy", MAIN, "");
    rainy.take("examples/data/seattle-weather.csv", "seattle-weather.csv");
    rainy.write(MAIN, program);
    check(&rainy.run(), "8 ran, 0 skipped", 177);
    check(&rainy.run(), "0 ran, 8 skipped", 177);

    rainy.replace(MAIN, "    let text = weather", "    // As text.\n    let text = weather");
    check(&rainy.run(), "0 ran, 8 skipped", 177);
    rainy.replace(MAIN, "year: u16", "year: u32");
    check(&rainy.run(), "4 ran, 4 skipped", 177);
    // A helper that nobody declares.
    rainy.replace(MAIN, "rain_mm > 0.0", "rain_mm >= 1.0");
    check(&rainy.run(), "8 ran, 0 skipped", 148);
    check(&rainy.run_as("machine-2"), "0 ran, 8 skipped", 148);

    let edited = program.replace("rain_mm > 0.0", "rain_mm >= 1.0");
    rainy.write(MAIN, format!("{edited}\n{tests}"));
    rainy.cargo("test");
}
