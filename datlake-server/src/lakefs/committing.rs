//! What committing, merging and reverting refuse alike.

use axum::http::StatusCode;
use datlake::CommitMessage;
use datlake::report::MergeConflict;

use super::wire::CommitCreation;
use crate::problem::{Problem, Reply};

/// Refuses what a lake does not have.
pub(super) fn refuse_empty(allow_empty: bool) -> Reply<()> {
    match allow_empty {
        true => Err(Problem::bad_request("`allow_empty` is not supported: a commit of a lake changes something")),
        false => Ok(()),
    }
}

/// What a commit says.
pub(super) fn committing(new: CommitCreation) -> Reply<CommitMessage> {
    refuse_empty(new.allow_empty)?;
    if new.date.is_some() {
        return Err(Problem::bad_request("`date` cannot be said: a commit has the time at which it is made"));
    }
    let metadata = new.metadata.unwrap_or_default().into_iter();
    Ok(metadata.fold(CommitMessage::new(new.message), |message, (key, value)| message.metadata(key, value)))
}

/// The answer where both sides changed the same.
pub(super) fn conflicts(paths: &[MergeConflict]) -> Problem {
    let shown: Vec<String> = paths.iter().take(10).map(|conflict| format!("`{}`", conflict.path)).collect();
    let more = paths.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("conflict: both sides changed {}{more}; nothing was changed", shown.join(", "));
    Problem::new(StatusCode::CONFLICT, message)
}
