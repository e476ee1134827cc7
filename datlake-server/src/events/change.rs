//! A change of what the server knows: one transaction, with its events.

use datlake::Result;
use sqlx::AnyConnection;

use super::event::{NewEvent, ServerEvent};
use crate::database::{Database, WriteTransaction, failed, now_micros};

/// A change that somebody makes. It is there with its events once it is committed; dropped, it has changed nothing.
pub(crate) struct StateChange {
    transaction: WriteTransaction,
    database: Database,
    account: String,
    at: i64,
    events: Vec<NewEvent>,
    has_written: bool,
    /// Under which key its answer is kept.
    pub(super) key: Option<String>,
}

impl StateChange {
    /// Begins one, by this account; the server's own have none.
    pub(crate) async fn begin(database: &Database, account: &str) -> Result<Self> {
        let transaction = database.begin().await?;
        let (account, at) = (account.to_owned(), now_micros());
        Ok(Self {
            transaction,
            database: database.clone(),
            account,
            at,
            events: Vec::new(),
            has_written: false,
            key: None,
        })
    }

    /// Where its statements are executed.
    pub(crate) fn sql(&mut self) -> &mut AnyConnection {
        self.transaction.sql()
    }

    /// When it began, in microseconds.
    pub(crate) fn at(&self) -> i64 {
        self.at
    }

    /// Now, in microseconds, by the clock of the database: what is due and what waits are compared with that alone.
    pub(crate) async fn clock(&mut self) -> Result<i64> {
        self.database.clock(self.transaction.sql()).await
    }

    /// Whose it is.
    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// Something that happened by it. It is written when the change is committed.
    pub(crate) fn note(&mut self, event: NewEvent) {
        self.events.push(event);
    }

    /// Writes what was noted, for a change whose answer has the events. Nothing but [`StateChange::commit`] comes behind it: from here to
    /// there nobody else gets an id.
    pub(crate) async fn write_events(&mut self) -> Result<Vec<ServerEvent>> {
        let new = std::mem::take(&mut self.events);
        let Ok(count @ 1..) = i64::try_from(new.len()) else { return Ok(Vec::new()) };
        self.has_written = true;
        let sql = "UPDATE event_head SET last_id = last_id + $1 WHERE id = 1 RETURNING last_id";
        let last = sqlx::query_as::<_, (i64,)>(sql).bind(count).fetch_one(self.sql()).await;
        let (last,) = last.map_err(|e| failed("write to", e))?;
        let mut seen = Vec::with_capacity(new.len());
        for (id, event) in (last - count + 1..).zip(new) {
            let sql = "INSERT INTO events (id, kind, noted_at, account, run, subject, data) VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let query = sqlx::query(sql).bind(id).bind(event.kind.as_str().to_owned()).bind(self.at);
            let query = query.bind(self.account.clone()).bind(event.run.clone());
            let query = query.bind(event.subject.to_string()).bind(event.data.to_string());
            query.execute(self.sql()).await.map_err(|e| failed("write to", e))?;
            seen.push(event.seen_as(id, self.at, &self.account));
        }
        Ok(seen)
    }

    /// Makes it so.
    pub(crate) async fn commit(mut self) -> Result<()> {
        self.write_events().await?;
        self.transaction.commit().await?;
        if self.has_written {
            self.database.committed().notify_one();
        }
        Ok(())
    }
}
