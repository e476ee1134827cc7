//! What a command did.

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

pub(super) fn got(got: &Got) -> String {
    let what = if got.files == 1 { String::new() } else { format!("{}, ", files(got.files)) };
    format!("wrote {} ({what}{})\n", clean(&got.path.display().to_string()), bytes(got.size))
}

/// Paths as they are: other programs read them.
pub(super) fn paths(paths: &[Kept]) -> String {
    paths.iter().map(|kept| format!("{}\n", kept.path.display())).collect()
}

pub(super) fn removed(removed: &Removed) -> String {
    removed.removed.iter().map(|uid| format!("removed {}\n", short(uid))).collect()
}
