//! A folder as one value: made in a body, passed on as a whole, read file by file.

use std::collections::BTreeMap;

use datlake::{Lake, Result, Tree, file_creator};

/// One table for each year, in a folder.
#[file_creator]
fn by_year(weather: &datlake::File) -> Result<Tree> {
    let text = weather.read_to_string()?;
    let mut years = BTreeMap::<&str, String>::new();
    for line in text.lines().skip(1) {
        let table = years.entry(&line[..4]).or_default();
        *table += line;
        table.push('\n');
    }
    let mut tree = Tree::create("by-year")?;
    for (year, table) in years {
        tree.add_bytes(&format!("{year}.csv"), table)?;
    }
    tree.finish()
}

/// The warmest day of a year. Of the whole folder only one file is downloaded, where it is not here.
#[file_creator]
fn warmest(years: &Tree, year: u16) -> Result<Option<String>> {
    let table = years.get(&format!("{year}.csv"))?.read_to_string()?;
    let days = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        Some((fields.get(2)?.parse::<f64>().ok()?, *fields.first()?))
    });
    Ok(days.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, date)| date.to_owned()))
}

fn main() -> Result<()> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data/seattle-weather.csv");
    let weather = Lake::current()?.add_path("weather/seattle-weather.csv", data)?;

    let years = by_year(&weather)?;
    println!("{}: {:?}", years, years.names()?);
    assert_eq!(years.names()?, ["2012.csv", "2013.csv", "2014.csv", "2015.csv"]);

    let warmest = warmest(&years, 2014)?;
    println!("the warmest day of 2014: {warmest:?}");
    assert_eq!(warmest.as_deref(), Some("2014/08/11"));
    Ok(())
}
