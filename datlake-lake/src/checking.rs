//! What `datlake check` and the program that makes calls again say to each other: one file with what is asked, and one to which
//! the program adds a line for each thing that it did. What a program died over can be read there.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use datlake_core::{CallKey, CreatorName, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::report::CheckedCall;
use crate::sync::lock;

/// The variable with the path of the request.
pub const REQUEST: &str = "DATLAKE_CHECK";

/// What is asked of a program.
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckRequest {
    /// The calls to be made again, in this order.
    pub calls: Vec<(CreatorName, CallKey)>,
    /// Only those that are hits of the program, and were made in another environment.
    pub changed: bool,
    /// How many at a time.
    pub at_once: usize,
}

/// A line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckAnswer {
    /// A body is about to run.
    Begins(CreatorName, CallKey),
    /// What came of a call.
    Checked(Box<CheckedCall>),
    /// A hit was left out: it was made in the program's environment.
    Unchanged(CreatorName, CallKey),
    /// There is nothing else.
    End,
}

/// The answers as they are written.
#[derive(Debug)]
pub struct CheckAnswers(Mutex<File>, PathBuf);

/// Where the answers to a request stand.
pub fn answers_of(request: &Path) -> PathBuf {
    request.with_extension("answers")
}

/// What this process was asked to check, and where the answers go; `None` where nobody asked, or another process took it on: one
/// that a body starts runs as ever.
///
/// # Errors
/// [`ErrorKind::Config`] where the request cannot be read.
pub fn asked() -> Result<Option<(CheckRequest, CheckAnswers)>> {
    let Some(path) = std::env::var_os(REQUEST).map(PathBuf::from) else { return Ok(None) };
    let wrong = |why: &dyn std::fmt::Display| {
        let message = format!("{REQUEST} is no request of `datlake check`, {}: {why}", path.display());
        Error::new(ErrorKind::Config, message).with_hint(format!("unset {REQUEST}"))
    };
    let bytes = std::fs::read(&path).map_err(|error| wrong(&error))?;
    let request = serde_json::from_slice(&bytes).map_err(|error| wrong(&error))?;
    let answers = answers_of(&path);
    match OpenOptions::new().append(true).create_new(true).open(&answers) {
        Ok(file) => Ok(Some((request, CheckAnswers(Mutex::new(file), answers)))),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(wrong(&error)),
    }
}

/// No lake is opened in a program that was asked to make calls again and does not know of it: it would do what it always does.
pub(crate) fn refuse_others() -> Result<()> {
    match std::env::var_os(REQUEST) {
        Some(path) if !answers_of(Path::new(&path)).exists() => {
            let message = "this program was asked to make calls again, and does not offer that";
            let error = Error::new(ErrorKind::Config, message);
            Err(error.with_hint("begin its `main` with `datlake::start()?;` (or `datlake::start_async().await?;`)"))
        }
        _ => Ok(()),
    }
}

impl CheckAnswers {
    /// Adds a line.
    ///
    /// # Errors
    /// Those of writing it.
    pub fn say(&self, answer: &CheckAnswer) -> Result<()> {
        let mut line = serde_json::to_vec(answer).map_err(|error| Error::new(ErrorKind::Value, error.to_string()))?;
        line.push(b'\n');
        lock(&self.0).write_all(&line).map_err(|error| Error::io("write", self.1.display(), error))
    }
}
