//! SQLite in a file of a folder.

use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use datlake::{Error, ErrorKind, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection as _, Executor as _};

const PRAGMAS: [&str; 3] = ["PRAGMA busy_timeout = 10000", "PRAGMA journal_mode = WAL", "PRAGMA foreign_keys = ON"];

/// The file of a database, as it was when that was opened.
#[derive(Debug)]
pub(super) struct SqliteFile {
    path: PathBuf,
    /// Its device and its inode.
    id: (u64, u64),
}

impl SqliteFile {
    /// The file in `folder`, which is nobody else's to read, and is made where it is not there.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("server.sqlite3");
        let opened = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let metadata = opened.and_then(|file| file.metadata()).map_err(|e| Error::io("create", path.display(), e))?;
        Ok(Self { path, id: (metadata.dev(), metadata.ino()) })
    }

    /// Whether it is still there: SQLite goes on with one that was removed, and nobody sees again what it writes.
    pub(super) fn check(&self) -> Result<()> {
        if std::fs::metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.id) {
            return Ok(());
        }
        let message = "the file of the server's database was removed or replaced while the server ran";
        Err(Error::new(ErrorKind::Unavailable, message).with_hint("end the server, put back a copy and start it again"))
    }

    /// Connections that read.
    pub(super) async fn connect(&self) -> sqlx::Result<AnyPool> {
        // Of a file that is no database a pool would say after a while that there is no connection.
        self.writer().await?.close().await?;
        let options = AnyPoolOptions::new()
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(|connection, _| Box::pin(set_up(connection)));
        options.connect(&self.url()).await
    }

    /// A connection that writes.
    pub(super) async fn writer(&self) -> sqlx::Result<AnyConnection> {
        let mut connection = AnyConnection::connect(&self.url()).await?;
        set_up(&mut connection).await?;
        Ok(connection)
    }

    fn url(&self) -> String {
        // Its path may have what a URL spells otherwise.
        let path = self.path.to_string_lossy();
        const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');
        format!("sqlite://{}?mode=rw", utf8_percent_encode(&path, &PLAIN))
    }
}

async fn set_up(connection: &mut AnyConnection) -> sqlx::Result<()> {
    for pragma in PRAGMAS {
        connection.execute(pragma).await?;
    }
    Ok(())
}
