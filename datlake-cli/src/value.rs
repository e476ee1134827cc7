//! Values of calls for people: a list of flat records is a table, anything else JSON; what is large is cut, and that is said.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::text::{aligned, count, escape, shown};

/// Rows, lines of JSON, elements of a plain list.
const ROWS: usize = 20;
const LINES: usize = 40;
const ELEMENTS: usize = 100;
/// Columns of a table, and characters of a cell.
const COLUMNS: usize = 12;
const CELL: usize = 40;

/// A value as lines of text, each ended.
pub(crate) fn text(value: &Value) -> String {
    if let Some(table) = table(value) {
        return table;
    }
    if let Value::Array(elements) = value
        && elements.iter().all(|element| !element.is_array() && !element.is_object())
    {
        let shown: Vec<String> = elements.iter().take(ELEMENTS).map(Value::to_string).collect();
        let more = left_out(elements.len(), ELEMENTS, "element");
        return format!("{}\n{more}", escape(&format!("[{}]", shown.join(", "))));
    }
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut text = String::new();
    for line in json.lines().take(LINES) {
        let _ = writeln!(text, "{}", escape(line));
    }
    text + &left_out(json.lines().count(), LINES, "line")
}

/// A value on one line.
pub(crate) fn line(value: &Value) -> String {
    let text = shown(value);
    match text.char_indices().nth(3 * CELL) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

fn left_out(all: usize, shown: usize, what: &str) -> String {
    match all.checked_sub(shown).filter(|more| *more > 0) {
        Some(more) => {
            format!("… and {}: `datlake cat` writes all of it\n", count(more as u64, &format!("more {what}")))
        }
        None => String::new(),
    }
}

/// A list of objects without lists or objects in them, where they have few fields.
fn table(value: &Value) -> Option<String> {
    let rows: Vec<&Map<String, Value>> = value.as_array()?.iter().map(Value::as_object).collect::<Option<_>>()?;
    let is_flat = |row: &&Map<String, Value>| {
        !row.values().any(|cell| cell.is_array() || (cell.is_object() && cell.get("$file").is_none()))
    };
    if rows.is_empty() || !rows.iter().all(is_flat) {
        return None;
    }
    let mut columns: Vec<&str> = Vec::new();
    for name in rows.iter().flat_map(|row| row.keys()) {
        if !columns.contains(&&**name) {
            columns.push(name);
        }
        if columns.len() > COLUMNS {
            return None;
        }
    }
    let cell = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => shown(value),
    };
    let head = columns.iter().map(|name| (*name).to_owned()).collect();
    let body = rows.iter().take(ROWS).map(|row| columns.iter().map(|name| cell(row.get(*name))).collect());
    let text = aligned(std::iter::once(head).chain(body).collect(), CELL);
    Some(text + &left_out(rows.len(), ROWS, "row"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_are_a_table_and_anything_else_is_json() {
        let rows = json!([{"name": "ridge", "score": 0.5}, {"name": "a\u{1b}[2J", "loss": null, "score": 12}]);
        assert_eq!(text(&rows), "name        score  loss\nridge       0.5\na\\u{1b}[2J  12\n");
        assert_eq!(text(&json!(0.5)), "0.5\n");
        assert_eq!(text(&json!([1, "x", null])), "[1, \"x\", null]\n");
        assert_eq!(text(&json!({"a": [1]})), "{\n  \"a\": [\n    1\n  ]\n}\n");
    }

    #[test]
    fn what_is_left_out_is_said() {
        let rows: Vec<Value> = (0..30).map(|n| json!({ "n": n })).collect();
        let table = text(&rows.into());
        assert!(
            table.lines().count() == 22 && table.ends_with("… and 10 more rows: `datlake cat` writes all of it\n"),
            "{table}"
        );
        assert!(text(&json!(vec![0; 101])).contains("and 1 more element"));
        assert!(text(&json!(vec![vec![0]; 50])).contains("more lines"));
    }
}
