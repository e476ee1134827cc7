//! What is wrong with a lake, what was healed, and what was put away.

use datlake::Side;
use datlake::report::{Cleaned, Evicted, FindingKind, RepairOutcome, Repaired, Verified};
use owo_colors::OwoColorize as _;

use super::files::files;
use super::text::{bytes, clean};
use crate::commands::Pruned;

pub(super) fn verified(verified: &Verified) -> String {
    let mut text = String::new();
    for finding in &verified.findings {
        let kind = match finding.kind {
            FindingKind::WrongBytes => "wrong bytes",
            FindingKind::MissingContent => "missing",
            FindingKind::Dangling => "dangling",
            FindingKind::DamagedDocument => "damaged",
            _ => "wrong",
        };
        let place = if finding.place == Side::Remote { "at the remote" } else { "here" };
        let (kind, what, error) = (kind.red(), clean(&finding.what), clean(&finding.error));
        text.push_str(&format!("{kind} {place}: {}\n  {error}\n", what.bold()));
    }
    let found = match verified.findings.len() {
        0 => "nothing is wrong".to_owned(),
        1 => "1 finding".to_owned(),
        more => format!("{more} findings"),
    };
    let Verified { documents, blobs, read, stale, .. } = verified;
    text.push_str(&format!("{found}: {documents} documents, {blobs} pieces of content, {read} of them read\n"));
    if *stale > 0 {
        text.push_str(&format!(
            "scratch of {stale} processes that ended is still there; the next to write clears it away\n"
        ));
    }
    if let Some(left) = left_over(verified.claims, verified.uploads) {
        text.push_str(&format!("{left} left over at the remote; `datlake repair`, without a file, clears that\n"));
    }
    text
}

/// What is left of holders who are gone, if anything.
fn left_over(claims: u64, uploads: Option<u64>) -> Option<String> {
    let claims = match claims {
        0 => None,
        1 => Some("the claim of 1 call".to_owned()),
        more => Some(format!("the claims of {more} calls")),
    };
    let uploads = match uploads {
        None | Some(0) => None,
        Some(1) => Some("1 upload that was never completed".to_owned()),
        Some(more) => Some(format!("{more} uploads that were never completed")),
    };
    let all: Vec<_> = [claims, uploads].into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

pub(super) fn tidied(tidied: &Cleaned) -> String {
    match left_over(tidied.claims, tidied.uploads) {
        Some(left) => format!("cleared {left}\n"),
        None => "nothing was left over at the remote\n".to_owned(),
    }
}

pub(super) fn repaired(repaired: &Repaired) -> String {
    let mut text = String::new();
    for item in &repaired.items {
        let how = match item.outcome {
            RepairOutcome::Fetched => "healed from the remote:",
            RepairOutcome::Sent => "sent to the remote:",
            RepairOutcome::Lost => "lost:",
            RepairOutcome::Unasked => "not whole here:",
            _ => continue,
        };
        text.push_str(&format!("{how} {}\n", clean(&item.what)));
    }
    if text.is_empty() {
        text = format!("nothing is wrong with {}\n", clean(repaired.uid.as_str()));
    }
    text
}

pub(super) fn evicted(evicted: &Evicted) -> String {
    let left = bytes(evicted.left);
    match evicted.blobs {
        0 => format!("nothing evicted; {left} of content are here\n"),
        1 => format!("evicted 1 piece of content ({}); {left} are left\n", bytes(evicted.bytes)),
        more => format!("evicted {more} pieces of content ({}); {left} are left\n", bytes(evicted.bytes)),
    }
}

pub(super) fn pruned(pruned: &Pruned) -> String {
    let made = files(pruned.files.len() as u64);
    match pruned.calls {
        0 => "nothing to prune\n".to_owned(),
        1 => format!("removed 1 call, which had made {made}\n"),
        more => format!("removed {more} calls, which had made {made}\n"),
    }
}
