//! Logs of runs as the database has them while the runs go on: pieces, each with where it begins, so that what is sent twice is there once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datlake::{Error, ErrorKind, Result};
use sqlx::AnyConnection;

use super::wire::LogState;
use crate::database::failed;
use crate::events::StateChange;
use crate::problem::{Problem, Reply};

/// The most bytes of a log.
pub(super) const MOST: i64 = 16 << 20;
/// The most bytes that are sent at once.
pub(super) const PIECE: usize = 256 << 10;
/// So many pieces are read at once.
const AT_ONCE: i64 = 8;

/// How a log and its run stand.
#[derive(Clone, Debug)]
pub(super) struct StoredLog {
    pub(super) size: i64,
    /// Where it is in the lake, once it is there.
    pub(super) name: Option<String>,
    /// Whether nothing more is to come.
    pub(super) has_ended: bool,
}

/// How the log of a run stands; `None` where no worker has or had it.
pub(super) async fn log_of(sql: &mut AnyConnection, run: &str) -> Result<Option<StoredLog>> {
    let text = "SELECT q.log_size, q.log_name, r.state FROM queued_runs q JOIN runs r ON r.id = q.run WHERE q.run = $1";
    let row = sqlx::query_as::<_, (i64, Option<String>, String)>(text).bind(run.to_owned()).fetch_optional(sql).await;
    let of = |(size, name, state): (i64, Option<String>, String)| StoredLog {
        size,
        name,
        has_ended: !matches!(state.as_str(), "queued" | "running"),
    };
    Ok(row.map_err(|e| failed("read", e))?.map(of))
}

/// Appends to the log of a run what begins at `offset`; what is there already stays as it is.
///
/// # Errors
/// 409 where what lies before is missing, or the log is in the lake already.
pub(super) async fn append(change: &mut StateChange, run: &str, offset: i64, content: &[u8]) -> Reply<LogState> {
    // Who else appends waits here.
    let sql = "UPDATE queued_runs SET log_size = log_size WHERE run = $1 AND log_name IS NULL AND claimed_by IS NOT NULL RETURNING log_size";
    let row = sqlx::query_as::<_, (i64,)>(sql).bind(run.to_owned()).fetch_optional(change.sql()).await;
    let ended =
        || Problem::conflict(format!("the run {run} takes no log: no worker has it, or its log is kept already"));
    let (size,) = row.map_err(|e| failed("write to", e))?.ok_or_else(ended)?;
    if offset > size {
        let message = format!("the log has {size} bytes: what comes next begins there, and not at {offset}");
        return Err(Problem::conflict(message).of_field("offset"));
    }
    let is_known = usize::try_from(size - offset).unwrap_or(usize::MAX);
    let new = content.get(is_known..).unwrap_or_default();
    let room = usize::try_from(MOST - size).unwrap_or(0);
    let new = &new[..new.len().min(room)];
    let after = size + i64::try_from(new.len()).unwrap_or(0);
    if !new.is_empty() {
        let sql = "INSERT INTO run_logs (run, at_offset, content) VALUES ($1, $2, $3)";
        let query = sqlx::query(sql).bind(run.to_owned()).bind(size).bind(STANDARD.encode(new));
        query.execute(change.sql()).await.map_err(|e| failed("write to", e))?;
        let query = sqlx::query("UPDATE queued_runs SET log_size = $1 WHERE run = $2").bind(after).bind(run.to_owned());
        query.execute(change.sql()).await.map_err(|e| failed("write to", e))?;
    }
    Ok(LogState { size: after, is_full: after >= MOST })
}

/// What a log has from `offset` on: some of it.
pub(super) async fn read_from(sql: &mut AnyConnection, run: &str, offset: i64) -> Result<Vec<u8>> {
    // No piece is longer: the one that `offset` is in begins behind this.
    let first = offset - PIECE as i64;
    let text = "SELECT at_offset, content FROM run_logs WHERE run = $1 AND at_offset > $2 ORDER BY at_offset LIMIT $3";
    let query = sqlx::query_as::<_, (i64, String)>(text).bind(run.to_owned()).bind(first).bind(AT_ONCE + 1);
    let mut found = Vec::new();
    for (at, content) in query.fetch_all(sql).await.map_err(|e| failed("read", e))? {
        let damaged = |e| Error::new(ErrorKind::Corrupt, format!("the log of {run} is unreadable at {at}: {e}"));
        let content = STANDARD.decode(content).map_err(damaged)?;
        let known = usize::try_from((offset - at).max(0)).unwrap_or(usize::MAX);
        found.extend_from_slice(content.get(known..).unwrap_or_default());
    }
    Ok(found)
}
