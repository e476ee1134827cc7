//! What it means that a database fails.

use datlake::{Error, ErrorKind};
use sqlx::migrate::MigrateError;

use crate::problem::{DATABASE_FULL, DATABASE_READ_ONLY};

/// The error of a database that fails at what it is asked to do.
pub(crate) fn failed(what: &str, error: sqlx::Error) -> Error {
    let message = reason(&error).map_or_else(|| format!("cannot {what} the server's database"), str::to_owned);
    Error::new(ErrorKind::Unavailable, message).because(error)
}

/// Why a database that answers does not do it, where the reason is one that whoever asks is to know.
fn reason(error: &sqlx::Error) -> Option<&'static str> {
    match &*error.as_database_error()?.code()? {
        // SQLITE_FULL; disk_full.
        "13" | "53100" => Some(DATABASE_FULL),
        // SQLITE_READONLY with what follows it; read_only_sql_transaction.
        "8" | "264" | "520" | "776" | "1032" | "1288" | "1544" | "25006" => Some(DATABASE_READ_ONLY),
        _ => None,
    }
}

/// The error of a database that cannot be brought to this server's version of its schema, `latest`.
pub(super) fn not_up_to_date(error: MigrateError, latest: i64) -> Error {
    let (kind, message, hint) = match &error {
        MigrateError::VersionMissing(version) => (
            ErrorKind::Config,
            format!(
                "the server's database was used by a newer server: its schema has version {version}, and this server knows {latest}"
            ),
            "start the newer version, or a copy of the database from before it was used",
        ),
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => (
            ErrorKind::Config,
            format!("version {version} of the schema of the server's database is not the one that this server knows"),
            "use another database, or a copy of this one",
        ),
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => (
            ErrorKind::Unavailable,
            reason(cause).unwrap_or("cannot bring the server's database up to date").to_owned(),
            "nothing was changed: start the server again once the database can be written",
        ),
        _ => (
            ErrorKind::Config,
            "cannot bring the server's database up to date".to_owned(),
            "use another database, or a copy of this one",
        ),
    };
    Error::new(kind, message).with_hint(hint).because(error)
}
