//! Values as rows: what is at each path of a parameter, or of what a call returned.
//!
//! Invariant: a path that a question may name has a row wherever the value has something there, or one of its beginnings has a row
//! that says nobody knows.

use datlake::indexing::CallFacts;
use serde_json::Value;

/// What a row holds; numbers that stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A number.
    Number = 0,
    /// A text, or what a file is called in an order.
    Text = 1,
    /// `true`, `false` and `null` as they are spelled; of a list or a struct nothing.
    Other = 2,
    /// No value is kept: secret, or large.
    Unknown = 3,
    /// One of the names of a file.
    FileName = 4,
    /// There is more than is in the rows: the record knows.
    Unindexed = 5,
    /// Beside a value that is cut short or not exact: it cannot be ordered by its row.
    Inexact = 6,
}

/// What stands in a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Nothing,
    Whole(i64),
    Real(f64),
    Text(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) cell: Cell,
}

/// Rows for one parameter.
const MOST: usize = 128;
/// Bytes of a text.
const LONGEST: usize = 160;
/// Whole numbers that a `f64` has exactly: above, an order by either may differ.
const EXACT: u64 = 1 << 53;

/// Before the paths of what calls returned; those of what `key(…)` gave have another. No parameter is called so.
pub(crate) const RETURNED: &str = "=";
const EXTRA: &str = "+";

/// The path of what is asked of parameters, as rows have it: of one in the code, and of one in `key(…)`.
pub(crate) fn paths_of_param(path: &str) -> [String; 2] {
    [path.to_owned(), format!("{EXTRA}{path}")]
}

/// The path of what was returned.
pub(crate) fn path_of_returned(path: &str) -> String {
    if path.is_empty() { RETURNED.to_owned() } else { format!("{RETURNED}.{path}") }
}

/// A text as rows have it.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// All rows of a call.
pub(crate) fn of(facts: &CallFacts) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    for (at, param) in facts.params.iter().enumerate() {
        // Of several of one name the first counts.
        if facts.params[..at].iter().all(|before| before.name != param.name) {
            add(&param.name, &param.value, param.secret, &mut leaves);
        }
    }
    for (at, extra) in facts.extras.iter().enumerate() {
        let before = facts.params.iter().chain(&facts.extras[..at]);
        if before.into_iter().all(|before| before.name != extra.name) {
            add(&format!("{EXTRA}{}", extra.name), &extra.value, extra.secret, &mut leaves);
        }
    }
    if let Some(value) = &facts.value {
        add(RETURNED, value, false, &mut leaves);
    }
    leaves
}

fn add(name: &str, value: &Value, secret: bool, leaves: &mut Vec<Leaf>) {
    // Nobody can ask for such a name.
    if name.contains('.') {
        return;
    }
    if secret {
        leaves.push(Leaf { path: name.to_owned(), kind: Kind::Unknown, cell: Cell::Nothing });
        return;
    }
    let before = leaves.len();
    if !below(name.to_owned(), value, before + MOST, leaves) {
        leaves.truncate(before);
        leaves.push(Leaf { path: name.to_owned(), kind: Kind::Unindexed, cell: Cell::Nothing });
    }
}

/// Adds what is at and below `path`: whether that is not more than `most` rows in all.
fn below(path: String, value: &Value, most: usize, leaves: &mut Vec<Leaf>) -> bool {
    if leaves.len() >= most {
        return false;
    }
    if value.get("$large").is_some() {
        leaves.push(Leaf { path, kind: Kind::Unknown, cell: Cell::Nothing });
        return true;
    }
    leaf(&path, value, leaves);
    match value {
        Value::Array(values) => {
            values.iter().enumerate().all(|(at, value)| below(format!("{path}.{at}"), value, most, leaves))
        }
        Value::Object(values) => values
            .iter()
            .filter(|(field, _)| !field.contains('.'))
            .all(|(field, value)| below(format!("{path}.{field}"), value, most, leaves)),
        _ => true,
    }
}

fn leaf(path: &str, value: &Value, leaves: &mut Vec<Leaf>) {
    let mut row = |kind, cell| leaves.push(Leaf { path: path.to_owned(), kind, cell });
    match value {
        Value::Number(number) => {
            let whole = number.as_i64();
            let cell = whole.map(Cell::Whole).or_else(|| number.as_f64().map(Cell::Real));
            if number.as_u64().is_some_and(|n| n > EXACT) || whole.is_some_and(|n| n.unsigned_abs() > EXACT) {
                row(Kind::Inexact, Cell::Nothing);
            }
            row(Kind::Number, cell.unwrap_or(Cell::Nothing));
        }
        Value::String(text) => {
            if cut(text) != text {
                row(Kind::Inexact, Cell::Nothing);
            }
            row(Kind::Text, Cell::Text(cut(text).to_owned()));
        }
        Value::Bool(_) | Value::Null => row(Kind::Other, Cell::Text(value.to_string())),
        _ => match value.get("$file") {
            Some(file) => {
                let names = ["uid", "name", "digest"].map(|member| file.get(member).and_then(Value::as_str));
                let mut names: Vec<&str> = names.into_iter().flatten().map(cut).collect();
                names.sort_unstable();
                names.dedup();
                names.into_iter().for_each(|name| row(Kind::FileName, Cell::Text(name.to_owned())));
                row(Kind::Inexact, Cell::Nothing);
                row(Kind::Other, Cell::Nothing);
            }
            None => row(Kind::Other, Cell::Nothing),
        },
    }
}
