//! Two values of these arguments can serialize alike, which the compiler warns of.
#![deny(deprecated)]

use datlake::{Result, file_creator};
use indexmap::IndexMap;
use serde::Serialize;

#[derive(Serialize, Clone, Copy)]
#[serde(untagged)]
enum Bound {
    Min(f64),
    Max(f64),
}

#[derive(Serialize)]
struct Query {
    bounds: Vec<Bound>,
    #[serde(flatten)]
    columns: IndexMap<String, u32>,
}

#[file_creator]
fn filter(values: &[f64], bound: Option<Bound>) -> Result<usize> {
    Ok(values.len() + usize::from(bound.is_some()))
}

#[file_creator]
fn select(query: &Query) -> Result<usize> {
    Ok(query.columns.len() + query.bounds.len())
}

// What is told apart, or accepted, is no matter.

#[file_creator(key(matches!(bound, Bound::Min(_))))]
fn told_apart(bound: Bound) -> Result<bool> {
    Ok(matches!(bound, Bound::Min(_)))
}

#[file_creator]
#[allow(deprecated)]
fn accepted(bound: Bound) -> Result<bool> {
    Ok(matches!(bound, Bound::Max(_)))
}

fn main() {}
