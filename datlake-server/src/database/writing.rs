//! Transactions that write.

use std::sync::Arc;
use std::time::Duration;

use datlake::{Error, ErrorKind, Result};
use sqlx::{Any, AnyConnection, AnyPool, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::failed;

/// Whoever has not got its turn by then gets an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who may write now.
///
/// SQLite has one writer at a time. Left alone, the others sleep and look again, ever longer: here they stand in line, and the next one begins as
/// soon as the one before it has ended. PostgreSQL has many.
#[derive(Clone, Debug)]
pub(super) struct WriteTurn(Option<Arc<Mutex<()>>>);

impl WriteTurn {
    pub(super) fn of(is_one_at_a_time: bool) -> Self {
        Self(is_one_at_a_time.then(Arc::default))
    }

    pub(super) async fn begin(&self, pool: &AnyPool) -> Result<WriteTransaction> {
        // Before a connection is taken: those who wait leave these to readers.
        let turn = match &self.0 {
            None => None,
            Some(turn) => Some(tokio::time::timeout(PATIENCE, Arc::clone(turn).lock_owned()).await.map_err(|_| {
                let message = format!("others have written to the server's database for {PATIENCE:?}");
                Error::new(ErrorKind::Unavailable, message).with_hint("try it again; many writers want PostgreSQL")
            })?),
        };
        // Who reads before it writes is to wait for its turn at once, not to fail when it writes.
        let begin = if turn.is_some() { "BEGIN IMMEDIATE" } else { "BEGIN" };
        let transaction = pool.begin_with(begin).await.map_err(|e| failed("write to", e))?;
        Ok(WriteTransaction { transaction, _turn: turn })
    }
}

/// A transaction that writes. One that is dropped has changed nothing.
pub(crate) struct WriteTransaction {
    transaction: Transaction<'static, Any>,
    /// Until it has ended.
    _turn: Option<OwnedMutexGuard<()>>,
}

impl WriteTransaction {
    /// Where its statements are executed.
    pub(crate) fn sql(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Makes it so.
    pub(crate) async fn commit(self) -> Result<()> {
        let Self { transaction, _turn } = self;
        transaction.commit().await.map_err(|e| failed("write to", e))
    }
}
