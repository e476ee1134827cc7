//! Steps whose return type changes while their code does not.

use datlake::{Result, file_creator};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub struct Range {
    low: u32,
    high: u32,
}

#[file_creator(version = 1)]
pub fn range(n: u32) -> Result<Range> {
    Ok(Range { low: n, high: n * 2 })
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Season {
    Dry,
    Wet,
}

#[file_creator(version = 1)]
pub fn season(rain: u32) -> Result<Season> {
    Ok(if rain > 50 { Season::Wet } else { Season::Dry })
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Tracked {
    low: u32,
    high: u32,
}

#[file_creator]
pub fn tracked_range(n: u32) -> Result<Tracked> {
    Ok(Tracked { low: n, high: n * 2 })
}
