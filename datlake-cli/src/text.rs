//! Text for people: widths, sizes, times. What others wrote into a lake is shown, and never obeyed by a terminal.

use std::time::Duration;

use datlake::lineage::Param;
use datlake::report::{FilesOutside, human_duration};
pub(crate) use datlake::report::{escape_control as escape, human_size as bytes};
use datlake::{Uid, UidKind};
use owo_colors::OwoColorize as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The longest value of a parameter that is shown.
const VALUE: usize = 120;

/// Columns that `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// `text` and blanks, `columns` wide.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text`, cut to so many columns.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let shown = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= columns
    });
    shown.chain(['…']).collect()
}

/// Rows with their cells below each other; the first is the head. Cells are cut to so many characters, and escaped.
pub(crate) fn aligned(rows: Vec<Vec<String>>, cell: usize) -> String {
    let shown = |text: String| match text.char_indices().nth(cell) {
        Some((cut, _)) => escape(&format!("{}…", &text[..cut])).into_owned(),
        None => escape(&text).into_owned(),
    };
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.into_iter().map(shown).collect()).collect();
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns).map(|at| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Lines of at most `columns`, broken behind blanks, slashes and colons where that is possible.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    while width(rest) > columns {
        let (mut used, mut end, mut soft) = (0, 0, None);
        for (at, c) in rest.char_indices() {
            used += c.width().unwrap_or(0);
            // A character wider than a line stands on its own.
            if used > columns && end > 0 {
                break;
            }
            end = at + c.len_utf8();
            if matches!(c, ' ' | '/' | ':' | ',') {
                soft = Some(end);
            }
        }
        let (line, more) = rest.split_at(soft.unwrap_or(end));
        lines.push(line.trim_end().to_owned());
        rest = more.trim_start();
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

/// Words in lines of at most `columns`; a word that is longer stays whole, so that it can be copied.
pub(crate) fn fill(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `text` as lines of at most `columns`, each behind `indent` blanks.
pub(crate) fn paragraph(text: &str, indent: usize, columns: usize) -> String {
    let lines = fill(&escape(text), columns.saturating_sub(indent));
    lines.into_iter().map(|line| format!("{:indent$}{line}\n", "")).collect()
}

/// A paragraph below a title.
pub(crate) fn dimmed(text: &str, columns: usize) -> String {
    let lines = fill(&escape(text), columns.saturating_sub(2));
    lines.into_iter().map(|line| format!("  {}\n", line.dimmed())).collect()
}

/// So many things, each called `what`.
pub(crate) fn count(number: u64, what: &str) -> String {
    let plural = if what.ends_with('s') { "es" } else { "s" };
    format!("{number} {what}{}", if number == 1 { "" } else { plural })
}

/// A line about files that lie outside of the lake, where there are any, and what was not done with them.
pub(crate) fn left_outside(FilesOutside { files: number, bytes: size, .. }: FilesOutside, not_done: &str) -> String {
    let (lie, were) = if number == 1 { ("lies", "was") } else { ("lie", "were") };
    match number {
        0 => String::new(),
        _ => format!(
            "{} of commits ({}) {lie} outside of the lake and {were} not {not_done}\n",
            files(number),
            bytes(size)
        ),
    }
}

pub(crate) fn files(number: u64) -> String {
    count(number, "file")
}

pub(crate) fn duration(ms: u64) -> String {
    human_duration(Duration::from_millis(ms))
}

/// A path as it stands in a URL.
pub(crate) fn url_path(path: &str) -> String {
    const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(path, &PLAIN).to_string()
}

/// A time to the second, of one in RFC 3339.
pub(crate) fn time(rfc3339: &str) -> String {
    match (rfc3339.get(..10), rfc3339.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => escape(rfc3339).into_owned(),
    }
}

/// A UID short enough to be read, which commands understand all the same.
pub(crate) fn short(uid: &Uid) -> String {
    let of = |uid: &Uid| match uid.kind() {
        UidKind::Output { creator, key, index } => format!("@{creator}/{}/{index}", key.short()),
        UidKind::Committed { repository, commit, path } => format!("{repository}@{}:{path}", commit.short()),
        _ => uid.to_string(),
    };
    let text = match uid.kind() {
        UidKind::Member { tree, path } => format!("{}//{path}", of(&tree)),
        _ => of(uid),
    };
    escape(&text).into_owned()
}

/// A parameter and its value, a file by its name.
pub(crate) fn parameter(param: &Param) -> String {
    if param.secret {
        return format!("{} (secret)", param.name);
    }
    let value = shown(&param.value);
    let value = match value.char_indices().nth(VALUE) {
        Some((cut, _)) => format!("{}…", &value[..cut]),
        None => value,
    };
    escape(&format!("{} = {value}", param.name)).into_owned()
}

/// Whether a parameter is a file, or a list of nothing but files: those stand among the inputs.
pub(crate) fn is_files(param: &Param) -> bool {
    fn all_files(value: &Value) -> bool {
        match value {
            Value::Array(values) => !values.is_empty() && values.iter().all(all_files),
            value => file_name(value).is_some(),
        }
    }
    all_files(&param.value)
}

/// A value as JSON, in which files are their names; of what is too large to be shown its size.
pub(crate) fn shown(value: &Value) -> String {
    if let Some(name) = file_name(value) {
        return name.to_owned();
    }
    if let Some(about) = unshown(value) {
        let size = about.get("bytes").and_then(Value::as_u64).map(|size| format!(" ({})", bytes(size)));
        return format!("a large value{}", size.unwrap_or_default());
    }
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), shown(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        value => value.to_string(),
    }
}

/// What is known of a value that is too large, or nested too deep, to be shown.
fn unshown(value: &Value) -> Option<&Value> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    members.get("$large").or_else(|| members.get("$deep"))
}

/// What the file is called that a value is.
fn file_name(value: &Value) -> Option<&str> {
    let file = value.get("$file")?;
    let chosen = file.get("uid").and_then(|uid| uid.as_str()).filter(|uid| !uid.starts_with('@'));
    chosen.or_else(|| file.get("name")?.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_break_where_words_do_and_never_exceed_their_columns() {
        assert_eq!(wrap("corpora/alice.txt", 10), ["corpora/", "alice.txt"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("数据数据", 5), ["数据", "数据"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(fill("one two abcdefgh", 7), ["one two", "abcdefgh"]);
    }

    #[test]
    fn files_in_a_value_are_their_names() {
        let file = |name: &str| json!({"$file": {"name": name, "digest": "3f9a"}});
        let param = |value: Value| Param { name: "x".to_owned(), value, secret: false };
        let mixed = param(json!({"a": [file("a.csv"), 1], "b": file("b.csv"), "c": "d"}));
        assert_eq!(parameter(&mixed), r#"x = {"a":[a.csv,1],"b":b.csv,"c":"d"}"#);
        assert!(!is_files(&mixed) && !is_files(&param(json!([]))) && !is_files(&param(json!([file("a"), 1]))));
        assert!(is_files(&param(file("a"))) && is_files(&param(json!([file("a"), [file("b")]]))));
    }

    #[test]
    fn of_what_is_not_shown_the_size_is() {
        assert_eq!(shown(&json!({"$large": {"bytes": 464_216, "digest": "80df"}})), "a large value (453.3 KiB)");
        assert_eq!(
            shown(&json!([{"$large": {}}, {"$large": 1, "$deep": 2}])),
            r#"[a large value,{"$deep":2,"$large":1}]"#
        );
    }

    #[test]
    fn times_are_for_people() {
        assert_eq!((duration(12).as_str(), duration(61_000).as_str()), ("12 ms", "1 min 1 s"));
        assert_eq!(time("2026-11-21T08:37:53.461Z"), "2026-11-21 08:37:53 UTC");
    }
}
