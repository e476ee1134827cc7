//! Requests that are sent twice and done once: `Idempotency-Key`.

use axum::http::StatusCode;
use datlake::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::change::StateChange;
use super::event::ServerEvent;
use crate::database::{Database, failed};
use crate::problem::{Problem, Reply};

/// An answer is kept so long, in microseconds.
const KEPT: i64 = 24 * 3600 * 1_000_000;

impl StateChange {
    /// What the same request was answered that had this key; `None` for the first one, which goes on. Two that come at once wait for
    /// each other.
    ///
    /// # Errors
    /// 422 where the key was that of another request.
    pub(crate) async fn answered<T: DeserializeOwned>(
        &mut self,
        key: Option<&str>,
        asked: &impl Serialize,
    ) -> Reply<Option<T>> {
        let Some(key) = key else { return Ok(None) };
        let wrong = |e: serde_json::Error| Error::new(ErrorKind::Value, e.to_string());
        let request = blake3::hash(&serde_json::to_vec(asked).map_err(wrong)?).to_hex().to_string();
        let (account, at) = (self.account().to_owned(), self.at());
        let sql = "INSERT INTO answered (account, said_key, request, noted_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql).bind(account.clone()).bind(key.to_owned()).bind(request.clone()).bind(at);
        let noted = query.execute(self.sql()).await.map_err(|e| failed("write to", e))?;
        if noted.rows_affected() == 1 {
            self.key = Some(key.to_owned());
            return Ok(None);
        }
        let sql = "SELECT request, answer FROM answered WHERE account = $1 AND said_key = $2";
        let query = sqlx::query_as::<_, (String, Option<String>)>(sql).bind(account).bind(key.to_owned());
        let (before, answer) = query.fetch_one(self.sql()).await.map_err(|e| failed("read", e))?;
        if before != request {
            let message = "this `Idempotency-Key` was that of another request: each request has a new one";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message));
        }
        Ok(answer.map(|answer| serde_json::from_str(&answer).map_err(wrong)).transpose()?)
    }

    /// Makes it so, and answers the last event of it.
    pub(crate) async fn answer_event(mut self) -> Reply<ServerEvent> {
        let event = self.write_events().await?.pop();
        let event = event.ok_or_else(|| Problem::internal(&"a change without an event answers one"))?;
        Ok(self.answer(event).await?)
    }

    /// Makes it so, and keeps what it is answered with for whoever sends it again.
    pub(crate) async fn answer<T: Serialize>(mut self, answer: T) -> Result<T> {
        self.write_events().await?;
        if let Some(key) = self.key.take() {
            let text = serde_json::to_string(&answer).map_err(|e| Error::new(ErrorKind::Value, e.to_string()))?;
            let account = self.account().to_owned();
            let query = sqlx::query("UPDATE answered SET answer = $1 WHERE account = $2 AND said_key = $3");
            let query = query.bind(text).bind(account).bind(key);
            query.execute(self.sql()).await.map_err(|e| failed("write to", e))?;
        }
        self.commit().await?;
        Ok(answer)
    }
}

/// Forgets answers that are old.
pub(crate) async fn forget_answers(database: &Database, now: i64) -> Result<()> {
    database.write(sqlx::query("DELETE FROM answered WHERE noted_at < $1").bind(now - KEPT)).await.map(drop)
}
