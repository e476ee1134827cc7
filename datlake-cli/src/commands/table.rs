//! Calls as rows: their parameters, and what they returned, as columns.

use datlake::report::CallRow;
use serde_json::Value;

use crate::text::{aligned, duration, shown, time};

/// Characters of a cell that a person sees.
const CELL: usize = 40;
/// How deep structs are taken apart: `model.depth`, and no further.
const DEPTH: usize = 2;

/// For people: columns that are aligned, cells that are cut.
pub(super) fn text(calls: &[CallRow]) -> String {
    let Some(first) = calls.first() else { return String::new() };
    let is_of_one = calls.iter().all(|call| call.creator == first.creator);
    let rows = table(calls, "took", false, |call| {
        let key = call.key.short();
        let name = if is_of_one { key } else { format!("{}/{key}", call.creator.function()) };
        let took = call.duration_ms.map(duration).unwrap_or_default();
        [name, call.started_at.as_deref().map(time).unwrap_or_default(), took]
    });
    aligned(rows, CELL)
}

/// For programs: addresses, times and values are whole.
pub(super) fn csv(calls: &[CallRow]) -> String {
    let rows = table(calls, "took_ms", true, |call| {
        let took = call.duration_ms.map(|ms| ms.to_string()).unwrap_or_default();
        [format!("@{}/{}", call.creator, call.key), call.started_at.clone().unwrap_or_default(), took]
    });
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory does not fail, and all rows are as long.
    for row in &rows {
        let _ = writer.write_record(row);
    }
    let text = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

/// The head and a row for each call; `own` is what it is called, when it started, and how long it `took`. Values have the names of files;
/// `with_uids` adds what they are called in the lake.
fn table(calls: &[CallRow], took: &str, with_uids: bool, own: impl Fn(&CallRow) -> [String; 3]) -> Vec<Vec<String>> {
    let (mut params, mut values) = (Columns::default(), Columns::default());
    for (at, call) in calls.iter().enumerate() {
        for param in &call.params {
            match param.secret {
                true => params.put(at, param.name.clone(), "(secret)".to_owned()),
                false => params.put_value(at, &param.name, &param.value, DEPTH),
            }
        }
        if let Some(value) = &call.value {
            values.put_value(at, "value", value, DEPTH);
        }
        let files: Vec<&str> = call.outputs.iter().map(|output| output.uid.as_str()).collect();
        if with_uids && !files.is_empty() {
            values.put(at, "files".to_owned(), files.join(" "));
        }
    }
    let own_names = ["call", "started", took].map(str::to_owned);
    let mut rows = vec![own_names.into_iter().chain(params.names()).chain(values.names()).collect()];
    for (at, call) in calls.iter().enumerate() {
        rows.push(own(call).into_iter().chain(params.row(at)).chain(values.row(at)).collect());
    }
    rows
}

/// Columns in the order in which they first came, with the cells that are not empty.
#[derive(Default)]
struct Columns(Vec<(String, Vec<(usize, String)>)>);

impl Columns {
    fn put(&mut self, row: usize, name: String, cell: String) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, cells)) => cells.push((row, cell)),
            None => self.0.push((name, vec![(row, cell)])),
        }
    }

    fn put_value(&mut self, row: usize, name: &str, value: &Value, depth: usize) {
        match value {
            // A file, or what was too large, is no struct.
            Value::Object(fields)
                if depth > 0 && !fields.is_empty() && !fields.keys().any(|key| key.starts_with('$')) =>
            {
                for (field, value) in fields {
                    self.put_value(row, &format!("{name}.{field}"), value, depth - 1);
                }
            }
            Value::Object(fields) if fields.contains_key("$large") => {
                self.put(row, name.to_owned(), "(large)".to_owned())
            }
            Value::String(text) => self.put(row, name.to_owned(), text.clone()),
            Value::Null => {}
            value => self.put(row, name.to_owned(), shown(value)),
        }
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, _)| name.clone())
    }

    fn row(&self, at: usize) -> impl Iterator<Item = String> {
        let cell = move |(_, cells): &(String, Vec<(usize, String)>)| {
            let place = cells.binary_search_by_key(&at, |(row, _)| *row).ok()?;
            Some(cells[place].1.clone())
        };
        self.0.iter().map(move |column| cell(column).unwrap_or_default())
    }
}
