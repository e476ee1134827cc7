//! Accounts, rights and what runs: in SQLite in a folder, or in PostgreSQL, by the same SQL.
//!
//! Times are since 1970, by the clock of the server: in seconds of accounts, in microseconds of everything else. What is in here is no truth
//! of a lake.

mod failing;
mod sqlite;
mod writing;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use datlake::{Error, ErrorKind, Result};
use sqlx::any::{AnyArguments, AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, SqlSafeStr as _};
use tokio::sync::Notify;
use tokio::time::timeout;

pub(crate) use failing::failed;
use sqlite::SqliteFile;
pub(crate) use writing::WriteTransaction;
use writing::WriteTurn;

/// A database that takes longer to say whether it is well is not.
const PATIENCE: Duration = Duration::from_secs(4);

/// Each is done once for a database, in this order, and never changes.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "accounts", include_str!("0001_accounts.sql")),
    (2, "imports", include_str!("0002_imports.sql")),
    (3, "jobs", include_str!("0003_jobs.sql")),
    (4, "tables", include_str!("0004_tables.sql")),
    (5, "dataflows", include_str!("0005_dataflows.sql")),
    (6, "sessions", include_str!("0006_sessions.sql")),
    (7, "schedules", include_str!("0007_schedules.sql")),
    (8, "lineage", include_str!("0008_lineage.sql")),
    (9, "uploads", include_str!("0009_uploads.sql")),
];

/// The database of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pool: AnyPool,
    turn: WriteTurn,
    /// Its file, where it is SQLite.
    file: Option<Arc<SqliteFile>>,
    committed: Arc<Notify>,
}

impl Database {
    /// Opens the database at `url`, or SQLite in `folder`, and brings it up to date.
    pub(crate) async fn open(url: Option<&str>, folder: &Path) -> Result<Self> {
        install_default_drivers();
        let file = url.is_none().then(|| SqliteFile::open(folder)).transpose()?.map(Arc::new);
        let pool = match (url, &file) {
            (None, Some(file)) => file.connect().await,
            (Some(url), _) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                postgresql(url).await
            }
            _ => {
                let message = "DATABASE_URL is for no database that a server can use";
                return Err(Error::new(ErrorKind::Config, message).with_hint("it begins with `postgres://`"));
            }
        };
        let pool = pool.map_err(|e| failed("open", e))?;
        let latest = MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or_default();
        migrator().run(&pool).await.map_err(|e| failing::not_up_to_date(e, latest))?;
        let turn = match &file {
            Some(file) => WriteTurn::in_line(file.writer().await.map_err(|e| failed("open", e))?),
            None => WriteTurn::AnyTime(pool.clone()),
        };
        Ok(Self { pool, turn, file, committed: Arc::default() })
    }

    pub(crate) fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// A transaction that writes. One that is dropped has changed nothing.
    pub(crate) async fn begin(&self) -> Result<WriteTransaction> {
        self.turn.begin().await
    }

    /// One statement that writes, by itself: how many rows it changed.
    pub(crate) async fn write(&self, query: Query<'_, Any, AnyArguments>) -> Result<u64> {
        let mut transaction = self.begin().await?;
        let done = query.execute(transaction.sql()).await.map_err(|e| failed("write to", e))?;
        transaction.commit().await?;
        Ok(done.rows_affected())
    }

    /// Is notified where a transaction of this server has committed events.
    pub(crate) fn committed(&self) -> &Notify {
        &self.committed
    }

    /// Now, in microseconds: by one clock for all servers that share it.
    pub(crate) async fn clock(&self, sql: &mut AnyConnection) -> Result<i64> {
        if self.file.is_some() {
            return Ok(now_micros());
        }
        let text = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";
        let row = sqlx::query_as::<_, (i64,)>(text).fetch_one(sql).await;
        row.map(|(now,)| now).map_err(|e| failed("ask", e))
    }

    /// Whether it answers.
    pub(crate) async fn check(&self) -> Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.check())?;
        let asked = timeout(PATIENCE, sqlx::query("SELECT 1").execute(&self.pool)).await.map_err(|_| {
            let message = format!("the server's database does not answer within {PATIENCE:?}");
            Error::new(ErrorKind::Unavailable, message)
        });
        asked?.map(drop).map_err(|e| failed("ask", e))
    }

    /// Whether it also takes what is written.
    pub(crate) async fn check_writes(&self) -> Result<()> {
        self.check().await?;
        self.write(sqlx::query("UPDATE event_head SET last_id = last_id WHERE id = 1")).await.map(drop)
    }

    /// Ends what is open.
    pub(crate) async fn close(&self) {
        self.turn.close().await;
        self.pool.close().await;
    }
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

async fn postgresql(url: &str) -> sqlx::Result<AnyPool> {
    let pool = AnyPoolOptions::new().acquire_timeout(Duration::from_secs(10)).connect(url).await;
    let Err(sqlx::Error::PoolTimedOut) = pool else { return pool };
    // That says nothing of why: one more attempt does.
    match timeout(PATIENCE, AnyConnection::connect(url)).await {
        Ok(Err(error)) => Err(error),
        _ => pool,
    }
}

/// Now.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Now, in microseconds.
pub(crate) fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A time in microseconds, as RFC 3339 in UTC.
pub(crate) fn rfc3339(micros: i64) -> String {
    // As far as that is written: the year 9999.
    let since = Duration::from_micros(u64::try_from(micros).unwrap_or(0)).min(Duration::from_secs(253_402_300_799));
    humantime::format_rfc3339_micros(UNIX_EPOCH + since).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Servers of the version before go on while a newer one brings their database up to date.
    #[test]
    fn no_version_of_the_schema_takes_anything_away() {
        for (version, _, sql) in MIGRATIONS {
            let statements = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<String>();
            let words = statements.to_uppercase();
            for word in ["DROP ", "RENAME ", "DELETE FROM ", "TRUNCATE "] {
                assert!(!words.contains(word), "{version} has {word}");
            }
        }
    }
}
