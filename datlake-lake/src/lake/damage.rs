//! Errors about one object: what else was asked for can be answered without it.

use std::fmt::Display;

use datlake_core::{CallKey, CreatorName, Error, ErrorKind, Result, Subject};

use crate::handle::Lake;
use crate::report::Damage;

/// That there is no record of a call.
pub(crate) fn no_call(creator: &CreatorName, key: &CallKey) -> Error {
    let message = format!("call {creator}/{} has not been made or was removed", key.short());
    let error = Error::new(ErrorKind::NotFound, message).about(Subject::Call(creator.clone(), *key));
    error.with_hint("`datlake calls` shows the calls")
}

impl Lake {
    /// An error about missing content, with where that is, if it is in a store that is not configured now.
    #[doc(hidden)]
    pub fn located(&self, error: Error) -> Error {
        let (ErrorKind::MissingBlob, Some(Subject::Digest(digest))) = (error.kind(), error.subject()) else {
            return error;
        };
        match self.local_view().elsewhere(digest) {
            Some(there) => {
                let message = format!("{}, but {there}", error.message());
                error.with_message(message).with_hint(there.hint())
            }
            None => error,
        }
    }
}

pub(crate) fn is_damage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Format | ErrorKind::MissingBlob)
}

/// Whether an error is about one object, and no reason to leave the others.
pub(crate) fn concerns_one(error: &Error) -> bool {
    is_damage(error) || error.kind() == ErrorKind::InvalidInput
}

/// What was read of `what`; `None` where that is damaged, which is noted.
pub(crate) fn unless_damaged<T>(read: Result<T>, what: impl Display, damaged: &mut Vec<Damage>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if is_damage(&error) => {
            damaged.push(Damage::new(what, &error));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
