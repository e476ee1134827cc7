//! What another process asks of this program: one file with what is asked, whose path is in a variable, and one to which the
//! program adds a line for each thing that it did. What a program died over can be read there.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use datlake_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sync::lock;

/// The variable with the path of a request to make calls again.
pub const CHECK: &str = "DATLAKE_CHECK";
/// The variable with the path of a request to call a creator.
pub const CALL: &str = "DATLAKE_CALL";

/// The answers as they are written.
#[derive(Debug)]
pub struct Answers(Mutex<File>, PathBuf);

/// Where the answers to a request stand.
pub fn answers_of(request: &Path) -> PathBuf {
    request.with_extension("answers")
}

/// What this process was asked by `variable`, and where the answers go; `None` where nobody asked, or another process took it on: one
/// that a body starts runs as ever.
///
/// # Errors
/// [`ErrorKind::Config`] where the request cannot be read.
pub(crate) fn take_on<T: DeserializeOwned>(variable: &str, of: &str) -> Result<Option<(T, Answers)>> {
    let Some(path) = std::env::var_os(variable).map(PathBuf::from) else { return Ok(None) };
    let wrong = |why: &dyn Display| {
        let message = format!("{variable} is no request of {of}, {}: {why}", path.display());
        Error::new(ErrorKind::Config, message).with_hint(format!("unset {variable}"))
    };
    let bytes = std::fs::read(&path).map_err(|error| wrong(&error))?;
    let request = serde_json::from_slice(&bytes).map_err(|error| wrong(&error))?;
    let answers = answers_of(&path);
    match OpenOptions::new().append(true).create_new(true).open(&answers) {
        Ok(file) => Ok(Some((request, Answers(Mutex::new(file), answers)))),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(wrong(&error)),
    }
}

/// No lake is opened in a program that was asked for something and does not know of it: it would do what it always does.
pub(crate) fn refuse_others() -> Result<()> {
    for (variable, what) in [(CHECK, "make calls again"), (CALL, "make a call")] {
        if let Some(path) = std::env::var_os(variable)
            && !answers_of(Path::new(&path)).exists()
        {
            let message = format!("this program was asked to {what}, and does not offer that");
            let hint = "begin its `main` with `datlake::start()?;` (or `datlake::start_async().await?;`)";
            return Err(Error::new(ErrorKind::Config, message).with_hint(hint));
        }
    }
    Ok(())
}

impl Answers {
    /// Adds a line.
    ///
    /// # Errors
    /// Those of writing it.
    pub fn say(&self, answer: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(answer).map_err(|error| Error::new(ErrorKind::Value, error.to_string()))?;
        line.push(b'\n');
        lock(&self.0).write_all(&line).map_err(|error| Error::io("write", self.1.display(), error))
    }
}
