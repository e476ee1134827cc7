//! What somebody may do with what a grant names.

use std::fmt;
use std::str::FromStr;

use datlake::{Error, ErrorKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody may do with what a grant names. Each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessRole {
    /// Reads.
    Reader,
    /// Puts, deletes, commits and merges.
    Writer,
    /// Creates and deletes repositories, and deletes tags.
    Operator,
    /// Says who may do what.
    Admin,
}

impl AccessRole {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for AccessRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AccessRole {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let all = [Self::Reader, Self::Writer, Self::Operator, Self::Admin];
        all.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            let error = Error::new(ErrorKind::InvalidInput, format!("`{}` is no role", text.escape_debug()));
            error.with_hint("it is `reader`, `writer`, `operator` or `admin`")
        })
    }
}
