//! Settings, and where they were taken from.

use datlake::config::{Changed, ContextRow, Setting, Source};
use datlake::report::{Ability, RemoteCheck, RemoteState};
use owo_colors::OwoColorize as _;

use super::text::{clean, padded, width};

/// The least columns of the names.
const NAME: usize = 8;
/// Columns from which a value and its source share a line.
const WIDE: usize = 80;

pub(super) fn text(settings: &[Setting], columns: usize) -> String {
    let mut text = String::new();
    let name = settings.iter().map(|setting| setting.key.len() + 1).fold(NAME, usize::max);
    for setting in settings {
        let value = match (&setting.value, &*setting.key) {
            (Some(value), _) => clean(value).into_owned(),
            (None, "email") => "not set: git's user.email, else the login name".to_owned(),
            (None, _) => "not set".to_owned(),
        };
        let source = format!("from {}", source(&setting.source));
        let gap = if columns >= WIDE { "  ".to_owned() } else { format!("\n{}", " ".repeat(name)) };
        text.push_str(&format!("{}{value}{gap}{}\n", padded(&setting.key, name).bold(), source.dimmed()));
    }
    text
}

pub(super) fn source(source: &Source) -> String {
    match source {
        Source::Environment { variable } => (*variable).to_owned(),
        Source::File { path, context: None } => clean(&path.display().to_string()).into_owned(),
        Source::File { path, context: Some(context) } => {
            clean(&format!("{}, context {context}", path.display())).into_owned()
        }
        _ => "the default".to_owned(),
    }
}

/// What works with the remote, in plain words.
pub(super) fn checked(check: &RemoteCheck) -> String {
    let mut text = format!("{}\n", clean(&check.remote).bold());
    for step in &check.steps {
        let what = match step.what {
            Ability::List => "list objects",
            Ability::Read => "read objects",
            Ability::Create => "create objects",
            Ability::CreateConditionally => "keep objects that exist from being replaced",
            Ability::Presign => "hand out URLs for downloads (only `url` needs it)",
            Ability::Delete => "delete objects (only `rm` needs it)",
            _ => "something newer",
        };
        let (mark, why) = match &step.problem {
            None => ("works".green().to_string(), String::new()),
            Some(why) => ("fails".red().to_string(), format!("\n       {}", clean(why))),
        };
        text.push_str(&format!("{mark}  {what}{why}\n"));
    }
    if check.state == RemoteState::New {
        text.push_str("The folder is no lake yet: the first write makes it one. If there should be one, mount it or correct the URL.\n");
    }
    if let Some(quickest) = check.round_trip_ms {
        text.push_str(&format!("The quickest answer took {quickest} ms.\n"));
    }
    text
}

pub(super) fn changed(changed: &Changed) -> String {
    let Changed { key, value, path, context, .. } = changed;
    let context = context.as_ref().map(|context| format!(", context {context}")).unwrap_or_default();
    let place = format!("{}{context}", path.display());
    let text = match value {
        Some(value) => format!("set {key} = {value} in {place}"),
        None => format!("took {key} out of {place}"),
    };
    format!("{}\n", clean(&text))
}

/// One line for each context, marked where it is in use; below it, where there is little room, what is set.
pub(super) fn contexts(contexts: &[ContextRow], columns: usize) -> String {
    let wide = columns >= WIDE;
    let name_width = contexts.iter().map(|context| width(&clean(&context.name))).max().unwrap_or(0);
    let mut text = String::new();
    for context in contexts {
        let mark = if context.current { "*" } else { " " };
        let name = clean(&context.name);
        text.push_str(&format!("{mark} {}", padded(&name, if wide { name_width } else { 0 }).bold()));
        for (at, (key, value)) in set(context).into_iter().enumerate() {
            let gap = match (wide, at) {
                (true, 0) => "  ",
                (true, _) => ", ",
                (false, _) => "\n    ",
            };
            text.push_str(&format!("{gap}{key} = {}", clean(value)));
        }
        text.push('\n');
    }
    text
}

pub(super) fn context(done: &str, context: &ContextRow) -> String {
    let set: Vec<_> = set(context).into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let set = if set.is_empty() { "nothing is set in it".to_owned() } else { set.join(", ") };
    format!("{}\n", clean(&format!("{done} the context {} ({set})", context.name)))
}

fn set(context: &ContextRow) -> Vec<(&'static str, &str)> {
    let values = [("home", &context.home), ("remote", &context.remote), ("email", &context.email)];
    values.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))).collect()
}
