//! What goes wrong, as data: a line and a hint for people, an object for programs, and an exit status.

use std::error::Error as StdError;
use std::io;

use datlake::{Error, ErrorKind, Subject};
use serde::Serialize;

/// The exit status where what was asked for is not there.
pub(crate) const ABSENT: u8 = 1;
/// The exit status of every other failure.
pub(crate) const FAILED: u8 = 2;

/// A failure as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Failure<'a> {
    kind: ErrorKind,
    /// What went wrong, with its causes.
    pub(crate) message: String,
    subject: Option<&'a Subject>,
    pub(crate) hint: Option<&'a str>,
}

impl<'a> Failure<'a> {
    pub(crate) fn new(error: &'a anyhow::Error) -> Self {
        let text = |cause: &(dyn StdError + 'static)| of_lake(cause).map_or(cause.to_string(), Error::without_hint);
        let message = error.chain().map(text).collect::<Vec<_>>().join(": ");
        let error = error.chain().find_map(of_lake);
        let kind = error.map_or(ErrorKind::Io, Error::kind);
        Self { kind, message, subject: error.and_then(Error::subject), hint: error.and_then(hint) }
    }

    pub(crate) fn status(&self) -> u8 {
        if self.kind == ErrorKind::NotFound { ABSENT } else { FAILED }
    }
}

/// The error of the library that `cause` is, or that a reader has put into its own.
fn of_lake<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    cause.downcast_ref().or_else(|| cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref())
}

/// What to do about an error, where there is something.
fn hint(error: &Error) -> Option<&str> {
    error.hint().or(match error.kind() {
        ErrorKind::Denied => Some(
            "people who share a folder need one group and `umask 002`; what a bucket permits, `datlake config check` shows",
        ),
        ErrorKind::Config => Some("`datlake config show --help` says where settings come from"),
        _ => None,
    })
}

/// The command refuses what was asked for.
pub(crate) fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

/// Whether the reader of what we write has gone.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
