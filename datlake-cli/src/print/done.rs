//! What a command did.

use datlake::report::Removable;

use crate::commands::{Added, Got, Kept, Removed};

use super::files::files;
use super::text::{bytes, clean, short};

pub(super) fn added(added: &[Added]) -> String {
    added.iter().map(one_added).collect()
}

fn one_added(added: &Added) -> String {
    let what = match added.files {
        Some(count) => format!("{}, {}", files(count), bytes(added.size)),
        None => bytes(added.size),
    };
    let how = match (added.new, added.moved) {
        (true, false) => "added",
        (true, true) => "moved",
        (false, true) => "was there already, removed the source of",
        (false, false) => "was there already:",
    };
    let from = match &added.source {
        Some(url) => format!(", {} from {url}", added.digest.short()),
        None => String::new(),
    };
    format!("{}\n", clean(&format!("{how} {} ({what}{from})", added.uid)))
}

pub(super) fn got(got: &[Got]) -> String {
    got.iter().map(one_got).collect()
}

fn one_got(got: &Got) -> String {
    let what = if got.files == 1 { String::new() } else { format!("{}, ", files(got.files)) };
    format!("wrote {} ({what}{})\n", clean(&got.path.display().to_string()), bytes(got.size))
}

/// Paths as they are: other programs read them.
pub(super) fn paths(paths: &[Kept]) -> String {
    paths.iter().map(|kept| format!("{}\n", kept.path.display())).collect()
}

/// What would go together, on one line.
pub(super) fn removable(row: &Removable) -> String {
    let files: Vec<_> = row.files.iter().map(short).collect();
    match (&row.call, files.is_empty()) {
        (None, _) => files.join(", "),
        (Some((creator, key)), true) => format!("{}/{} (a value, no files)", clean(creator.as_str()), key.short()),
        (Some((creator, _)), false) => format!("{} (made by {})", files.join(", "), clean(creator.as_str())),
    }
}

pub(super) fn removed(removed: &Removed) -> String {
    let how = if removed.local { "forgot" } else { "removed" };
    removed.removed.iter().map(|uid| format!("{how} {}\n", short(uid))).collect()
}
