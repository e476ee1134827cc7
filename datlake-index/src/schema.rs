//! The file of the index: what it is called, its tables, and whether this version reads it.
//!
//! Invariant: an identity in `calls` is never given again, so that what other tables keep of a call that has gone means nothing.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::trouble::{Trouble, Usable};

/// The version of the tables. Another makes the index anew.
pub(crate) const VERSION: i64 = 1;

/// The file in the index's folder.
pub(crate) const FILE: &str = "calls.sqlite";

/// Names, addresses, runs, commits and paths stand in `words` once.
const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE folders (path TEXT PRIMARY KEY, changed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE);
CREATE TABLE calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT, creator INTEGER NOT NULL, key BLOB NOT NULL, state INTEGER NOT NULL,
    started TEXT NOT NULL, duration INTEGER NOT NULL, size INTEGER NOT NULL, trees INTEGER NOT NULL,
    run INTEGER NOT NULL, person INTEGER NOT NULL, source INTEGER NOT NULL,
    UNIQUE (creator, key)
);
CREATE TABLE contents (digest BLOB NOT NULL, call INTEGER NOT NULL, PRIMARY KEY (digest, call)) WITHOUT ROWID;
CREATE TABLE leaves (
    call INTEGER NOT NULL, path INTEGER NOT NULL, kind INTEGER NOT NULL, value,
    PRIMARY KEY (call, path, kind, value)
) WITHOUT ROWID;
";

/// Made after the first filling, which they would slow down.
const ORDERS: &str = "
CREATE INDEX IF NOT EXISTS by_start ON calls (started DESC, key);
CREATE INDEX IF NOT EXISTS by_creator ON calls (creator, started DESC, key);
CREATE INDEX IF NOT EXISTS by_duration ON calls (duration);
CREATE INDEX IF NOT EXISTS by_size ON calls (size);
CREATE INDEX IF NOT EXISTS by_run ON calls (run);
CREATE INDEX IF NOT EXISTS by_person ON calls (person);
CREATE INDEX IF NOT EXISTS by_source ON calls (source);
CREATE INDEX IF NOT EXISTS unread ON calls (id) WHERE state <> 0;
CREATE INDEX IF NOT EXISTS with_trees ON calls (id) WHERE trees;
CREATE INDEX IF NOT EXISTS by_value ON leaves (path, kind, value);
";

/// Opens the index in `folder`, which is there, or makes an empty one.
pub(crate) fn open(folder: &Path, patience: Duration) -> Usable<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(folder.join(FILE), flags)?;
    db.busy_timeout(patience)?;
    // A commit waits for no disk. What a power failure takes away is found to be missing by the folders' times.
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "normal")?;
    db.pragma_update(None, "secure_delete", "fast")?;
    db.pragma_update(None, "cache_size", -64 * 1024)?;
    match version(&db)? {
        VERSION => {}
        newer if newer > VERSION => return Err(Trouble::Newer),
        _ => make(&mut db)?,
    }
    Ok(db)
}

fn version(db: &Connection) -> Usable<i64> {
    Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Makes the tables, and forgets what an older version had.
fn make(db: &mut Connection) -> Usable<()> {
    let make = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have been first.
    if version(&make)? == VERSION {
        return Ok(());
    }
    let old: Vec<String> = {
        let mut names =
            make.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?;
        let names = names.query_map([], |row| row.get(0))?;
        names.collect::<rusqlite::Result<_>>()?
    };
    for name in old {
        make.execute_batch(&format!("DROP TABLE \"{}\"", name.replace('"', "\"\"")))?;
    }
    make.execute_batch(TABLES)?;
    make.pragma_update(None, "user_version", VERSION)?;
    make.commit()?;
    Ok(())
}

/// Makes what answers questions quickly, if it is not there.
pub(crate) fn make_orders(db: &Connection) -> Usable<()> {
    Ok(db.execute_batch(ORDERS)?)
}

/// Removes the index in `folder`.
pub(crate) fn remove(folder: &Path) -> std::io::Result<()> {
    for end in ["-wal", "-shm", ""] {
        match std::fs::remove_file(folder.join(format!("{FILE}{end}"))) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}
