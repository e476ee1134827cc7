//! The one error type of datlake's libraries.
//!
//! An error has a kind, a message (the operation that failed and its object), the object again as a [`Subject`] for programs,
//! a hint (what to do next), and what caused it as its `source()`. `Display` puts them on one line. No error carries the value
//! of a secret parameter or a credential.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{CallKey, CreatorName, Digest, Uid};

/// What kind of thing went wrong: what a program may want to branch on.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A UID, name, digest or setting that is not well-formed.
    InvalidInput,
    /// The lake has no such file or call.
    NotFound,
    /// A UID is taken: by other bytes, or by another call.
    AlreadyExists,
    /// Something in the lake was made from it.
    InUse,
    /// There is nothing to commit, or to merge.
    Unchanged,
    /// A branch has changes that are not committed, and what was asked needs one without.
    Uncommitted,
    /// Others changed the same meanwhile, to something else.
    Conflict,
    /// Somebody else holds it: try again when they have finished.
    Busy,
    /// Stored bytes are not what was stored: truncated, edited, wrong digest.
    Corrupt,
    /// A record is intact but the bytes it names are missing.
    MissingBlob,
    /// The lake was written by a newer format.
    Format,
    /// A file system or store operation failed.
    Io,
    /// The store could not be reached.
    Unavailable,
    /// The store refused the credentials or the permission.
    Denied,
    /// No secure connection to the store could be made: its certificate is not trusted, or is another's.
    Untrusted,
    /// The clock of this machine is so wrong that the store refuses its requests.
    Clock,
    /// The store cannot do what a lake needs.
    Unsupported,
    /// A value cannot be part of a key, or does not survive being stored.
    Value,
    /// A body used something that its creator does not declare.
    Undeclared,
    /// A body created files and did not return them, or returned files that it should not.
    Outputs,
    /// A body called itself with the same arguments.
    Recursion,
    /// A body ended its process so often that nobody runs it any more in this run.
    SetAside,
    /// A body asks for more of its machine than any process has that could run it.
    Resources,
    /// A body would have to run, and the lake runs none: its mode is `frozen` or `plan`.
    WouldRun,
    /// A forced run made other outputs than the lake holds.
    NotReproducible,
    /// An operation that is possible only inside, or only outside, the body of a creator.
    Context,
    /// Configuration is missing or inconsistent.
    Config,
}

/// What an error is about.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A file by its UID.
    Uid(Uid),
    /// Content.
    Digest(Digest),
    /// A call.
    Call(CreatorName, CallKey),
    /// A file or folder of this machine, outside of the lake's own names.
    Path(PathBuf),
}

/// The call whose body failed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedCall {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// Its arguments, cut short; of a secret one only the name.
    pub arguments: String,
    /// Where the creator is, `src/main.rs:12`.
    pub place: String,
}

impl FailedCall {
    /// The call of `creator` with these arguments.
    pub fn new(creator: CreatorName, key: CallKey, arguments: String, place: String) -> Self {
        Self { creator, key, arguments, place }
    }
}

/// `` `train` of rate = 5.0, depth = 1 (src/main.rs:4) ``
impl fmt::Display for FailedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.creator.function();
        let of = if self.arguments.is_empty() { "" } else { " of " };
        write!(f, "`{function}`{of}{} ({})", self.arguments, self.place)
    }
}

/// An error of datlake: [`kind`](Error::kind) to branch on, `Display` for people, `source()` for the cause.
///
/// ```
/// use datlake_core::{Error, ErrorKind, Subject, Uid};
///
/// let uid: Uid = "notes/a.txt".parse()?;
/// let error = Error::new(ErrorKind::NotFound, format!("the lake has no file `{uid}`"))
///     .about(Subject::Uid(uid.clone()))
///     .with_hint("`datlake ls` shows the files");
/// assert_eq!(error.to_string(), "the lake has no file `notes/a.txt`; `datlake ls` shows the files");
/// assert_eq!(error.subject(), Some(&Subject::Uid(uid)));
/// # Ok::<(), datlake_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Error(Box<Repr>);

#[derive(Clone)]
struct Repr {
    kind: ErrorKind,
    message: String,
    subject: Option<Subject>,
    hint: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    call: Option<Box<FailedCall>>,
}

/// `Result` with datlake's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` that says `message`: one line naming the operation and the object.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Repr { kind, message: message.into(), subject: None, hint: None, source: None, call: None }))
    }

    /// The same error, about `subject`.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.0.subject = Some(subject);
        self
    }

    /// The same error, of the body of `call`. The innermost call stays.
    #[must_use]
    pub fn of_call(mut self, call: FailedCall) -> Self {
        self.0.call.get_or_insert_with(|| Box::new(call));
        self
    }

    /// The same error, with what to do next. An earlier hint is nearer to the cause, and stays in front.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(match self.0.hint.take() {
            Some(earlier) => format!("{earlier}; {}", hint.into()),
            None => hint.into(),
        });
        self
    }

    /// The same error in other words; what it is about, its hint and its cause stay.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The same error, caused by `source`.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// An input/output error while doing `operation` on `object`.
    pub fn io(operation: &str, object: impl fmt::Display, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let (kind, why) = match source.kind() {
            Io::PermissionDenied | Io::ReadOnlyFilesystem => {
                (ErrorKind::Denied, ": no permission to write or read there")
            }
            Io::StorageFull | Io::QuotaExceeded => (ErrorKind::Io, ": the disk is full"),
            Io::InvalidFilename => (ErrorKind::Io, ": its name is too long for this file system"),
            Io::FileTooLarge => {
                (ErrorKind::Io, ": the file would be larger than this file system, or a limit of this process, allows")
            }
            _ => (ErrorKind::Io, ""),
        };
        let is_full = matches!(source.kind(), Io::StorageFull | Io::QuotaExceeded);
        let error = Self::new(kind, format!("cannot {operation} `{object}`{why}")).because(source);
        if is_full { error.with_hint("free some space and run again") } else { error }
    }

    /// What went wrong, to branch on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What went wrong, without hint and cause.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What it is about, where that has a name.
    pub fn subject(&self) -> Option<&Subject> {
        self.0.subject.as_ref()
    }

    /// The innermost call whose body failed with it.
    pub fn call(&self) -> Option<&FailedCall> {
        self.0.call.as_deref()
    }

    /// What went wrong, what caused it and in which call, for those who show the hint by itself.
    pub fn without_hint(&self) -> String {
        let mut text = self.0.message.clone();
        // Writing to a string cannot fail.
        if let Some(source) = &self.0.source {
            let _ = write!(text, ": {source}");
        }
        if let Some(call) = &self.0.call {
            let _ = write!(text, ", in {call}");
        }
        text
    }

    /// What to do next, where there is something.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line that says it all where people print with `{}` alone.
        f.write_str(&self.without_hint())?;
        match &self.0.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `fn main() -> Result<()>` prints errors with `Debug`: people read it.
        write!(f, "{self} ({:?})", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.source {
            // The cause's own text is part of this error's, so the chain goes on behind it.
            Some(source) => source.source(),
            None => None,
        }
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::NotFound | ErrorKind::MissingBlob => std::io::ErrorKind::NotFound,
            ErrorKind::AlreadyExists => std::io::ErrorKind::AlreadyExists,
            ErrorKind::Denied => std::io::ErrorKind::PermissionDenied,
            ErrorKind::Corrupt | ErrorKind::Format => std::io::ErrorKind::InvalidData,
            ErrorKind::InvalidInput => std::io::ErrorKind::InvalidInput,
            _ => std::io::ErrorKind::Other,
        };
        std::io::Error::new(kind, error)
    }
}

impl From<std::io::Error> for Error {
    /// So that a body may use `?` on what it reads and writes.
    fn from(source: std::io::Error) -> Self {
        match source.downcast::<Error>() {
            Ok(error) => error,
            Err(source) => Self::new(ErrorKind::Io, "input/output failed").because(source),
        }
    }
}
