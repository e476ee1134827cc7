//! What goes wrong: one line, a hint where there is one, and an exit status.

use std::fmt;
use std::io;

use datlake::ErrorKind;

/// The exit status where what was asked for is not there.
pub(crate) const ABSENT: u8 = 1;
/// The exit status of every other failure.
pub(crate) const FAILED: u8 = 2;

/// A failure that the command itself finds.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<&'static str>,
    status: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, status: FAILED }
    }

    /// What was asked for is not there.
    pub(crate) fn absent(message: impl fmt::Display) -> Self {
        Self::new(message.to_string()).of_absence()
    }

    /// The same, because what was asked for is not there.
    pub(crate) fn of_absence(self) -> Self {
        Self { status: ABSENT, ..self }
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The exit status of a failure.
pub(crate) fn status(error: &anyhow::Error) -> u8 {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.status;
    }
    match error.downcast_ref::<datlake::Error>() {
        Some(error) if error.kind() == ErrorKind::NotFound => ABSENT,
        _ => FAILED,
    }
}

/// What to do about a failure, where there is something.
pub(crate) fn hint(error: &anyhow::Error) -> Option<&'static str> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.hint;
    }
    match error.downcast_ref::<datlake::Error>()?.kind() {
        ErrorKind::NotFound => Some("`datlake ls` shows the files, `datlake calls` the calls, `datlake runs` the runs"),
        ErrorKind::InUse => {
            Some("`datlake lineage --down UID` shows what was made from a file, `rm --cascade` takes it along")
        }
        ErrorKind::AlreadyExists => Some("`datlake info UID` shows what is there"),
        ErrorKind::Denied => Some(
            "people who share a folder need one group and `umask 002`; what a bucket permits, `datlake config check` shows",
        ),
        ErrorKind::Config => Some("`datlake config show --help` says where settings come from"),
        _ => None,
    }
}

/// Whether the reader of what we write has gone.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
