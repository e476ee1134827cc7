//! Settings, and where they were taken from.

use datlake::report::{Setting, Source};
use owo_colors::OwoColorize as _;

use super::text::{clean, padded};

/// Columns of the names.
const NAME: usize = 8;
/// Columns from which a value and its source share a line.
const WIDE: usize = 80;

pub(super) fn text(settings: &[Setting], columns: usize) -> String {
    let mut text = String::new();
    for setting in settings {
        let value = match (&setting.value, setting.key) {
            (Some(value), _) => clean(value).into_owned(),
            (None, "email") => "not set: git's user.email, else the login name".to_owned(),
            (None, _) => "not set".to_owned(),
        };
        let source = format!("from {}", source(&setting.source));
        let gap = if columns >= WIDE { "  ".to_owned() } else { format!("\n{}", " ".repeat(NAME)) };
        text.push_str(&format!("{}{value}{gap}{}\n", padded(setting.key, NAME).bold(), source.dimmed()));
    }
    text
}

fn source(source: &Source) -> String {
    match source {
        Source::Environment { variable } => (*variable).to_owned(),
        Source::File { path, context: None } => clean(&path.display().to_string()).into_owned(),
        Source::File { path, context: Some(context) } => {
            clean(&format!("{}, context {context}", path.display())).into_owned()
        }
        _ => "the default".to_owned(),
    }
}
