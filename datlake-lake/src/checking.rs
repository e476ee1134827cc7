//! What `datlake check` and the program that makes calls again say to each other.

use datlake_core::{CallKey, CreatorName, Result};
use serde::{Deserialize, Serialize};

use crate::report::CheckedCall;
use crate::requests::take_on;
pub use crate::requests::{Answers, CHECK as REQUEST, answers_of};

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

/// What this process was asked to check, and where the answers go.
///
/// # Errors
/// [`ErrorKind::Config`](datlake_core::ErrorKind::Config) where the request cannot be read.
pub fn asked() -> Result<Option<(CheckRequest, Answers)>> {
    take_on(REQUEST, "`datlake check`")
}
