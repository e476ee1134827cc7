//! Accounts, rights and what runs: in SQLite in a folder, or in PostgreSQL, by the same SQL.
//!
//! Times are since 1970, by the clock of the server: in seconds of accounts, in microseconds of everything else. What is in here is no truth
//! of a lake.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use datlake::{Error, ErrorKind, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyConnection, AnyPool, Executor as _, SqlSafeStr as _, Transaction};
use tokio::sync::Notify;

/// Each is done once for a database, in this order, and never changes.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "accounts", include_str!("0001_accounts.sql")),
    (2, "imports", include_str!("0002_imports.sql")),
    (3, "jobs", include_str!("0003_jobs.sql")),
    (4, "tables", include_str!("0004_tables.sql")),
    (5, "dataflows", include_str!("0005_dataflows.sql")),
    (6, "sessions", include_str!("0006_sessions.sql")),
    (7, "schedules", include_str!("0007_schedules.sql")),
];

/// The database of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pool: AnyPool,
    /// What begins a transaction that writes.
    begin: &'static str,
    is_sqlite: bool,
    committed: Arc<Notify>,
}

impl Database {
    /// Opens the database at `url`, or SQLite in `folder`, and brings it up to date.
    pub(crate) async fn open(url: Option<&str>, folder: &Path) -> Result<Self> {
        install_default_drivers();
        let is_sqlite = url.is_none();
        let pool = match url {
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                AnyPoolOptions::new().acquire_timeout(Duration::from_secs(10)).connect(url).await
            }
            Some(_) => {
                let message = "DATABASE_URL is for no database that a server can use";
                return Err(Error::new(ErrorKind::Config, message).with_hint("it begins with `postgres://`"));
            }
            None => sqlite(&file(folder)?).await,
        };
        let pool = pool.map_err(|e| failed("open", e))?;
        migrator().run(&pool).await.map_err(|e| {
            let error = Error::new(ErrorKind::Config, "cannot bring the server's database up to date").because(e);
            error.with_hint("a newer server may have used it: use that version, or another database")
        })?;
        // SQLite has one writer at a time: who reads before it writes is to wait for its turn at once, not to fail when it writes.
        let begin = if is_sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
        Ok(Self { pool, begin, is_sqlite, committed: Arc::default() })
    }

    pub(crate) fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// A transaction that writes. One that is dropped has changed nothing.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>> {
        self.pool.begin_with(self.begin).await.map_err(|e| failed("write to", e))
    }

    /// Is notified where a transaction of this server has committed events.
    pub(crate) fn committed(&self) -> &Notify {
        &self.committed
    }

    /// Now, in microseconds: by one clock for all servers that share it.
    pub(crate) async fn clock(&self, sql: &mut AnyConnection) -> Result<i64> {
        if self.is_sqlite {
            return Ok(now_micros());
        }
        let text = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";
        let row = sqlx::query_as::<_, (i64,)>(text).fetch_one(sql).await;
        row.map(|(now,)| now).map_err(|e| failed("ask", e))
    }

    /// Whether it answers.
    pub(crate) async fn check(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map(drop).map_err(|e| failed("ask", e))
    }

    /// Ends what is open.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// The file, which is nobody else's to read.
fn file(folder: &Path) -> Result<std::path::PathBuf> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = folder.join("server.sqlite3");
    let opened = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&file);
    opened.map_err(|e| Error::io("create", file.display(), e))?;
    Ok(file)
}

async fn sqlite(file: &Path) -> sqlx::Result<AnyPool> {
    let options = AnyPoolOptions::new().acquire_timeout(Duration::from_secs(10)).after_connect(|connection, _| {
        Box::pin(async move {
            for pragma in ["PRAGMA busy_timeout = 10000", "PRAGMA journal_mode = WAL", "PRAGMA foreign_keys = ON"] {
                connection.execute(pragma).await?;
            }
            Ok(())
        })
    });
    // Its path may have what a URL spells otherwise.
    let path = file.to_string_lossy();
    const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');
    let spelled = utf8_percent_encode(&path, &PLAIN);
    options.connect(&format!("sqlite://{spelled}?mode=rw")).await
}

/// The error of a database that fails at what it is asked to do.
pub(crate) fn failed(what: &str, error: sqlx::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot {what} the server's database")).because(error)
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
