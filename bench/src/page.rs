//! The table, printed and as a page.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::any_result::AnyResult;
use crate::measure::{Bench, Line};
use crate::plot;

pub(crate) fn table(lines: &[Line]) -> String {
    let mut out =
        "| row | what | bar | datlake | floor or peer | ratio | lowest to highest |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for line in lines {
        let (ours, floor) = line.costs.clone().unwrap_or_default();
        let (ratio, range) = match line.ratio {
            Some([low, median, high]) => (times(median), format!("{} to {}", times(low), times(high))),
            None => (String::new(), String::new()),
        };
        let what = if line.note.is_empty() { line.what.clone() } else { format!("{} {}", line.what, line.note) };
        let _ =
            writeln!(out, "| {} | {} | {} | {ours} | {floor} | {ratio} | {range} |", line.row, what.trim(), line.bar);
    }
    out
}

fn times(ratio: f64) -> String {
    match ratio {
        slower if slower >= 0.1 => format!("{slower:.2} ×"),
        faster => format!("1 / {:.0}", 1.0 / faster),
    }
}

/// Writes the page with its plots.
pub(crate) fn write(bench: &Bench) -> AnyResult<()> {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs");
    std::fs::create_dir_all(docs.join("performance"))?;
    let mut page = include_str!("page.md").to_owned();
    page.push_str(&circumstances(bench));
    page.push_str(&table(&bench.lines));
    for curve in &bench.curves {
        let file: String =
            curve.title.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        std::fs::write(docs.join(format!("performance/{file}.svg")), plot::svg(curve))?;
        let _ = write!(page, "\n![{}: {} against {}](performance/{file}.svg)\n", curve.title, curve.y, curve.x);
    }
    Ok(std::fs::write(docs.join("performance.md"), page)?)
}

/// What else weighed on this run.
fn circumstances(bench: &Bench) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let quick = if bench.quick { "a tenth of the full sizes, " } else { "" };
    let [before, after] = [&bench.load, &load()];
    format!(
        "This run: {quick}{} pairs each, {cores} cores, load {before} before and {after} after.\n\n",
        bench.rounds()
    )
}

/// How many processes wanted to run, on the average of a minute; `?` where the system does not say.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("?").to_owned()
}
