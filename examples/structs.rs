//! Structs of one's own that hold files, as return value and as argument.

use datlake::{File, Lake, Result, file_creator};
use serde::{Deserialize, Serialize};

/// Two files and a number: what was split, and at which day.
#[derive(Debug, Serialize, Deserialize)]
struct Split {
    train: File,
    test: File,
    days: usize,
}

/// The last part of the days is for testing.
#[file_creator]
fn split(weather: &File, train: f64) -> Result<Split> {
    let text = weather.read_to_string()?;
    let days: Vec<&str> = text.lines().skip(1).collect();
    let (before, after) = days.split_at((days.len() as f64 * train) as usize);
    Ok(Split {
        train: File::from_bytes("train.csv", before.join("\n"))?,
        test: File::from_bytes("test.csv", after.join("\n"))?,
        days: before.len(),
    })
}

/// How well "tomorrow is as warm as on average" does: the mean error in °C.
#[file_creator]
fn evaluate(split: &Split) -> Result<f64> {
    let highs = |file: &File| -> Result<Vec<f64>> {
        let text = file.read_to_string()?;
        Ok(text.lines().filter_map(|line| line.split(',').nth(2)?.parse().ok()).collect())
    };
    let (train, test) = (highs(&split.train)?, highs(&split.test)?);
    let mean = train.iter().sum::<f64>() / train.len() as f64;
    Ok(test.iter().map(|high| (high - mean).abs()).sum::<f64>() / test.len() as f64)
}

fn main() -> Result<()> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data/seattle-weather.csv");
    let weather = Lake::current()?.add_path("weather/seattle-weather.csv", data)?;

    // The files in the struct are inputs of the next call: by their content, wherever they stand.
    let split = split(&weather, 0.8)?;
    let error = evaluate(&split)?;
    println!("{} days to learn from, then off by {error:.1} °C", split.days);
    assert_eq!(split.days, 1168);

    let call = evaluate::call(&split);
    for input in &call.lineage()?.expect("it ran").inputs {
        println!("read {} as {}", input.name, input.argument.as_deref().unwrap_or_default());
    }
    Ok(())
}
