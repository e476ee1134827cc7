//! A creator under rayon: `par_iter().map(f)`, as with any function.

use datlake::{File, Lake, Result, file_creator};
use rayon::prelude::*;

/// The longest run of days without rain that begins in a year.
#[file_creator]
fn longest_drought(weather: &File, year: u16) -> Result<usize> {
    let text = weather.read_to_string()?;
    let days = text.lines().skip(1).filter(|line| line.starts_with(&format!("{year}/")));
    let dry: Vec<bool> = days.map(|day| day.split(',').nth(1) == Some("0.0")).collect();
    Ok(dry.split(|dry| !dry).map(<[bool]>::len).max().unwrap_or(0))
}

fn main() -> Result<()> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data/seattle-weather.csv");
    let weather = Lake::current()?.add_path("weather/seattle-weather.csv", data)?;

    let years: Vec<u16> = (2012..=2015).collect();
    let droughts: Vec<usize> = years.par_iter().map(|year| longest_drought(&weather, *year)).collect::<Result<_>>()?;

    for (year, days) in years.iter().zip(&droughts) {
        println!("{year}: {days} days without rain");
    }
    assert_eq!(droughts, [48, 35, 23, 25]);
    Ok(())
}
