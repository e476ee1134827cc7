//! Four years of weather, cleaned and summed up: the smallest pipeline that is one.
//!
//! Run it twice: the second time nothing executes. Run it with another `DATLAKE_HOME` and the same `DATLAKE_REMOTE`: that is
//! a second machine, which executes nothing either and downloads only what it prints.
//!
//! ```text
//! cargo run --example walkthrough
//! ```

use std::fmt::Write as _;
use std::io::{BufRead as _, Write as _};

use datlake::{File, Lake, Result, file_creator, tracked};
use serde::{Deserialize, Serialize};

/// One day.
struct Day<'a> {
    date: &'a str,
    rain_mm: f64,
    high_c: f64,
    low_c: f64,
}

/// Reads a line of the CSV; `None` where a field is missing or no number.
#[tracked]
fn parse(line: &str) -> Option<Day<'_>> {
    let mut fields = line.split(',');
    let (date, rain, high, low) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    Some(Day { date, rain_mm: rain.parse().ok()?, high_c: high.parse().ok()?, low_c: low.parse().ok()? })
}

/// Keeps the days that are whole and possible, under a name of our choice.
#[file_creator(depends_on(parse))]
fn clean(raw: &File, output_uid: &str) -> Result<File> {
    let mut out = File::create(output_uid)?;
    for line in raw.open()?.lines().skip(1) {
        let line = line?;
        match parse(&line) {
            Some(day) if day.low_c <= day.high_c => writeln!(out, "{line}")?,
            _ => eprintln!("left out: {line}"),
        }
    }
    out.finish()
}

/// A year in four numbers, and a file with its months.
#[derive(Debug, Serialize, Deserialize)]
struct Year {
    year: u16,
    days: usize,
    rain_mm: f64,
    warmest_c: f64,
    months: File,
}

/// Sums up one year of cleaned weather.
#[file_creator(depends_on(parse))]
fn yearly(weather: &File, year: u16) -> Result<Year> {
    let text = weather.read_to_string()?;
    let prefix = format!("{year}/");
    let days: Vec<Day> = text.lines().filter_map(parse).filter(|day| day.date.starts_with(&prefix)).collect();
    let mut table = String::from("month,rain_mm\n");
    for month in 1..=12 {
        let prefix = format!("{year}/{month:02}/");
        let rain: f64 = days.iter().filter(|day| day.date.starts_with(&prefix)).map(|day| day.rain_mm).sum();
        writeln!(table, "{month},{rain:.1}").expect("writing to a string never fails");
    }
    Ok(Year {
        year,
        days: days.len(),
        rain_mm: days.iter().map(|day| day.rain_mm).sum(),
        warmest_c: days.iter().map(|day| day.high_c).fold(f64::MIN, f64::max),
        months: File::from_bytes("months.csv", table)?,
    })
}

/// A table of all years, for people.
#[file_creator]
fn report(years: &[Year]) -> Result<File> {
    let mut out = File::create("years.txt")?;
    writeln!(out, "{:>4}  {:>4}  {:>9}  {:>7}", "year", "days", "rain (mm)", "max °C")?;
    for year in years {
        writeln!(out, "{:>4}  {:>4}  {:>9.1}  {:>7.1}", year.year, year.days, year.rain_mm, year.warmest_c)?;
    }
    out.finish()
}

fn main() -> Result<()> {
    let lake = Lake::current()?;
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/seattle-weather.csv");
    let raw = lake.add_path("weather/seattle/raw.csv", data)?;

    let weather = clean(&raw, "weather/seattle/clean.csv")?;
    let years = yearly::calls((2012..=2015).map(|year| (&weather, year))).run()?;
    let table = report(&years)?;

    print!("{}", table.read_to_string()?);
    println!("\n{} was {}", table, table.lineage()?);
    Ok(())
}
