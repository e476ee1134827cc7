//! A program that is asked to call a creator: what it is asked, and what it answered.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use datlake::calling::{self, CallRequest, CreatorAnswer};
use datlake::report::CalledCall;
use datlake::{Error, ErrorKind};

use crate::failure::refused;

/// A request in a file.
#[derive(Debug)]
pub(crate) struct AskedProgram(PathBuf);

impl AskedProgram {
    /// The variable of the program with the path of the request.
    pub(crate) const VARIABLE: &str = calling::REQUEST;

    /// Writes down, in a folder, what is asked.
    pub(crate) fn new(folder: &Path, request: &CallRequest) -> anyhow::Result<Self> {
        let path = folder.join("call");
        std::fs::write(&path, serde_json::to_vec(request)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn request(&self) -> &Path {
        &self.0
    }

    /// What the program answered, which has ended with `status`.
    pub(crate) fn answer(&self, program: &str, status: &str) -> anyhow::Result<CalledCall> {
        let answers = match std::fs::read(calling::answers_of(&self.0)) {
            Ok(answers) => answers,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let error = refused(format!("`{program}` ended ({status}), and offers no creators by name"));
                bail!(error.with_hint("begin its `main` with `datlake::start()?;`"));
            }
            Err(error) => return Err(error).context("cannot read what the program answered"),
        };
        // A line without an end was cut off with the program.
        let line = answers.split_inclusive(|byte| *byte == b'\n').next().filter(|line| line.ends_with(b"\n"));
        match line.and_then(|line| serde_json::from_slice(line).ok()) {
            Some(CreatorAnswer::Called(called)) => Ok(*called),
            Some(CreatorAnswer::Failed { message, hint }) => {
                let error = Error::new(ErrorKind::InvalidInput, message);
                bail!(match hint {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                })
            }
            None => bail!("`{program}` ended ({status}) before the call did: what it said above tells why"),
        }
    }
}
