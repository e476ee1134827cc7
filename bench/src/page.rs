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

/// Puts what was measured in the place of what `docs/performance.md` says of the same rows, and draws the plots anew. The rest stays.
pub(crate) fn write(bench: &Bench) -> AnyResult<()> {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let at = docs.join("performance.md");
    let mut page = with_rows(&std::fs::read_to_string(&at)?, &bench.lines);
    std::fs::create_dir_all(docs.join("performance"))?;
    for curve in &bench.curves {
        let file: String =
            curve.title.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        std::fs::write(docs.join(format!("performance/{file}.svg")), plot::svg(curve))?;
        let image = format!("![{}: {} against {}](performance/{file}.svg)\n", curve.title, curve.y, curve.x);
        if !page.contains(&image) {
            let _ = write!(page, "\n{image}");
        }
    }
    Ok(std::fs::write(at, page)?)
}

/// The page with these lines where it has others of their rows, or behind the last where it has none. Of a row that did not run it
/// says what it said before.
fn with_rows(page: &str, lines: &[Line]) -> String {
    let mut out: Vec<String> = page.lines().map(str::to_owned).collect();
    let rows = lines.chunk_by(|one, next| one.row == next.row);
    for row in rows.filter(|row| row.iter().any(|line| line.costs.is_some())) {
        let begin = format!("| {} |", row[0].row);
        let found = out.iter().position(|line| line.starts_with(&begin));
        let last = out.iter().rposition(|line| line.starts_with("| ")).map_or(out.len(), |last| last + 1);
        out.retain(|line| !line.starts_with(&begin));
        let at = found.unwrap_or(last);
        out.splice(at..at, table(row).lines().skip(2).map(str::to_owned));
    }
    out.join("\n") + "\n"
}

/// What else weighed on this run, for what the page says in words.
pub(crate) fn circumstances(bench: &Bench) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let quick = if bench.quick { "a tenth of the full sizes, " } else { "" };
    let [before, after] = [&bench.load, &load()];
    format!("This run: {quick}{cores} cores, load {before} before and {after} after.")
}

/// How many processes wanted to run, on the average of a minute; `?` where the system does not say.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_the_place_of_itself_and_all_else_stays() {
        let line = |row: &str, what: &str, figure: Option<&str>| Line {
            row: row.into(),
            what: what.into(),
            bar: "-".into(),
            costs: figure.map(|figure| (figure.into(), String::new())),
            ratio: None,
            note: String::new(),
        };
        let page = "# Words\n\n| row | what |\n|---|---|\n| a | 1 |\n| b | 1 |\n| b | 2 |\n| c | 1 |\n\nmore\n";
        let written = with_rows(page, &[line("a", "", None), line("b", "3", Some("1 s")), line("d", "4", Some("2 s"))]);
        let begins: Vec<&str> = written.lines().map(|line| &line[..line.len().min(9)]).collect();
        let wanted =
            ["# Words", "", "| row | w", "|---|---|", "| a | 1 |", "| b | 3 |", "| c | 1 |", "| d | 4 |", "", "more"];
        assert_eq!(begins, wanted, "{written}");
    }
}
