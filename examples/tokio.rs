//! Asynchronous creators under tokio: as many at a time as one likes, `try_join_all` for instance.

use datlake::{File, Lake, Result, file_creator};
use futures_util::future::try_join_all;

/// How many days of a year had this weather.
#[file_creator]
async fn days_of(weather: &File, year: u16, kind: &str) -> Result<usize> {
    let text = weather.read_to_string_async().await?;
    let (year, kind) = (format!("{year}/"), format!(",{kind}"));
    Ok(text.lines().filter(|line| line.starts_with(&year) && line.ends_with(&kind)).count())
}

#[tokio::main]
async fn main() -> Result<()> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data/seattle-weather.csv");
    let weather = Lake::current()?.add_path("weather/seattle-weather.csv", data)?;

    let kinds = ["drizzle", "fog", "rain", "snow", "sun"];
    for year in 2012..=2015 {
        let days = try_join_all(kinds.map(|kind| days_of(&weather, year, kind))).await?;
        println!("{year}: {days:?} days of {kinds:?}");
        assert_eq!(days.iter().sum::<usize>(), if year == 2012 { 366 } else { 365 });
    }
    Ok(())
}
