//! A model over a grid of parameters: how warm will it be tomorrow?
//!
//! Models and scores are values, and lineage goes through them: `datlake lineage forecast/report.md` leads from the report to the table.
//! The report keeps its name when something changes: `datlake log forecast/report.md` lists what it was before.
//!
//! ```text
//! cargo run --example grid                    # twelve trainings; again, and nothing runs
//! cargo run --example grid -- 30              # with another window: only what is new runs
//! cargo run --example grid -- 30 2000         # one fails, and the error says which
//! cargo run --example grid -- other.csv       # another table: the input and the report are replaced
//! datlake run -n 4 -- target/debug/examples/grid                  # by four processes, as many trainings at a time as there are CPUs
//! datlake run --on slurm -n 4 -- target/debug/examples/grid 30    # by the tasks of a job of Slurm's
//! ```

use std::fmt::Write as _;

use datlake::{Error, ErrorKind, File, Lake, Result, file_creator};
use serde::{Deserialize, Serialize};

/// What is tried: how many days back a model looks, and how strongly its weights are held down.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Parameters {
    window: usize,
    penalty: f64,
}

/// A linear model: a weight for each day of the window, the latest first, and for one.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Model {
    parameters: Parameters,
    weights: Vec<f64>,
}

/// A model and its mean error in °C over days that it never saw.
#[derive(Debug, Serialize, Deserialize)]
struct Trial {
    window: usize,
    penalty: f64,
    error: f64,
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

/// The highest temperature of each day, in °C.
#[file_creator]
fn highs(table: &File) -> Result<Vec<f64>> {
    let text = table.read_to_string()?;
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    let at = head.split(',').position(|name| name == "temp_max");
    let at = at.ok_or_else(|| invalid(format!("`{table}` has no column `temp_max`")))?;
    let value = |(i, line): (usize, &str)| {
        let field = line.split(',').nth(at).and_then(|field| field.parse().ok());
        field.ok_or_else(|| invalid(format!("`{table}`, line {}: no number in `temp_max`", i + 2)))
    };
    lines.enumerate().map(value).collect()
}

/// The days before each day, with one in front, and the day itself.
fn rows(highs: &[f64], window: usize) -> impl Iterator<Item = (Vec<f64>, f64)> {
    highs.windows(window + 1).filter_map(move |days| {
        let (day, before) = days.split_last()?;
        Some((std::iter::once(1.0).chain(before.iter().rev().copied()).collect(), *day))
    })
}

/// Everything but the last year is for training.
fn split(highs: &[f64]) -> (&[f64], &[f64]) {
    highs.split_at(highs.len().saturating_sub(365))
}

/// Ridge regression, by the normal equations.
#[file_creator(resources(cpus = 1, memory = "64 MiB"))]
fn train(highs: &[f64], parameters: Parameters) -> Result<Model> {
    let Parameters { window, penalty } = parameters;
    let (training, _) = split(highs);
    if training.len() <= window {
        return Err(invalid(format!(
            "a window of {window} days needs more than {} days to learn from",
            training.len()
        )));
    }
    let n = window + 1;
    let mut equations = vec![vec![0.0; n + 1]; n];
    for (x, y) in rows(training, window) {
        for (i, equation) in equations.iter_mut().enumerate() {
            for (sum, other) in equation.iter_mut().zip(x.iter().chain([&y])) {
                *sum += x[i] * other;
            }
        }
    }
    for (i, equation) in equations.iter_mut().enumerate().skip(1) {
        equation[i] += penalty;
    }
    let weights = solve(equations).ok_or_else(|| invalid("the equations have no one solution: raise the penalty"))?;
    Ok(Model { parameters, weights })
}

/// Gauss's elimination.
fn solve(mut equations: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = equations.len();
    for i in 0..n {
        let pivot = (i..n).max_by(|a, b| equations[*a][i].abs().total_cmp(&equations[*b][i].abs()))?;
        equations.swap(i, pivot);
        if equations[i][i].abs() < 1e-9 {
            return None;
        }
        let row = equations[i].clone();
        for (_, other) in equations.iter_mut().enumerate().filter(|(at, _)| *at != i) {
            let factor = other[i] / row[i];
            other.iter_mut().zip(&row).for_each(|(value, above)| *value -= factor * above);
        }
    }
    Some((0..n).map(|i| equations[i][n] / equations[i][i]).collect())
}

/// How far off the model is on the days that it never saw.
#[file_creator]
fn evaluate(model: &Model, highs: &[f64]) -> Result<Trial> {
    let Parameters { window, penalty } = model.parameters;
    let (_, unseen) = split(highs);
    let predict = |x: &[f64]| x.iter().zip(&model.weights).map(|(x, weight)| x * weight).sum::<f64>();
    let errors: Vec<f64> = rows(unseen, window).map(|(x, y)| (predict(&x) - y).abs()).collect();
    Ok(Trial { window, penalty, error: errors.iter().sum::<f64>() / errors.len() as f64 })
}

/// All that was tried, the best first.
#[file_creator(on_change = "replace")]
fn report(trials: &[Trial], output_uid: &str) -> Result<File> {
    let mut trials: Vec<&Trial> = trials.iter().collect();
    trials.sort_by(|a, b| a.error.total_cmp(&b.error));
    let mut text =
        "# Tomorrow's highest temperature\n\n| window (days) | penalty | mean error (°C) |\n|---|---|---|\n".to_owned();
    for Trial { window, penalty, error } in trials {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {window} | {penalty} | {error:.3} |");
    }
    File::from_bytes(output_uid, text)
}

fn main() -> Result<()> {
    let lake = Lake::current()?;
    let mut windows = vec![1, 3, 7, 14];
    let mut table = concat!(env!("CARGO_MANIFEST_DIR"), "/data/seattle-weather.csv").to_owned();
    for argument in std::env::args().skip(1) {
        match argument.parse() {
            Ok(window) => windows.push(window),
            Err(_) => table = argument,
        }
    }
    let table = lake.replacing().add_path("forecast/weather.csv", table)?;
    let highs = highs(&table)?;

    let grid = windows.iter().flat_map(|&window| [0.1, 10.0, 1000.0].map(|penalty| Parameters { window, penalty }));
    // What fails stops nothing else: the others are trained, and remembered.
    let (models, failures): (Vec<_>, Vec<_>) =
        train::calls(grid.map(|parameters| (&highs[..], parameters))).keep_going().into_iter().partition(Result::is_ok);
    for failure in failures.iter().filter_map(|failure| failure.as_ref().err()) {
        println!("left out: {failure}");
    }
    let models: Vec<Model> = models.into_iter().filter_map(Result::ok).collect();
    let trials = evaluate::calls(models.iter().map(|model| (model, &highs[..]))).run()?;
    print!("{}", report(&trials, "forecast/report.md")?.read_to_string()?);
    Ok(())
}
