//! Why an index cannot be used. Nobody who asks a question gets that as an error: the question is answered without it.

use std::fmt;

use rusqlite::ErrorCode;

pub(crate) type Usable<T> = std::result::Result<T, Trouble>;

/// Why an index cannot be used.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A newer version of datlake made it.
    Newer,
    /// What SQLite says.
    Sql(rusqlite::Error),
    /// What the lake says.
    Lake(datlake::Error),
}

impl Trouble {
    /// Whether its file is no index, or damaged: nothing is lost where it goes.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Sql(rusqlite::Error::SqliteFailure(error, _)) => {
                // The last where tables are not those that this version made.
                matches!(error.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
            }
            // Rows of other types.
            Self::Sql(
                rusqlite::Error::SqlInputError { .. }
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..),
            ) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = match self {
            Self::Sql(rusqlite::Error::SqliteFailure(error, _)) => Some(error.code),
            _ => None,
        };
        match (self, code) {
            (Self::Newer, _) => f.write_str("a newer datlake made it"),
            (Self::Lake(error), _) => write!(f, "{error}"),
            (_, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => {
                f.write_str("another process is writing to it")
            }
            (_, Some(ErrorCode::DiskFull)) => f.write_str("the disk is full"),
            (_, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)) => {
                f.write_str("it cannot be written here")
            }
            (Self::Sql(error), _) => write!(f, "{error}"),
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<datlake::Error> for Trouble {
    fn from(error: datlake::Error) -> Self {
        Self::Lake(error)
    }
}
