//! What an event is, and events as the database has them.

use std::borrow::Cow;

use datlake::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::Resource;
use crate::database::{Database, failed, rfc3339};
use crate::problem::{Problem, Reply};

/// The most bytes that the data of an event has as JSON.
const LARGEST: usize = 64 << 10;
/// The types that the server gives itself, and those that a stream says itself.
const OWN: [&str; 8] =
    ["job_status", "lineage_event", "commit", "dataflow", "schedule", "ingestion", "access", "lagged"];

/// What kind of event it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventType(Cow<'static, str>);

/// Something that happened and is written by the transaction that did it.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    pub(crate) kind: EventType,
    /// What it is about: whoever may read that may read the event.
    pub(crate) subject: Resource,
    pub(crate) run: Option<String>,
    pub(crate) data: Value,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ServerEvent {
    /// Rises in the order in which changes were committed, by one each.
    pub(crate) id: i64,
    /// `job_status`, `lineage_event`, `commit`, `dataflow`, `schedule`, `ingestion`, `access`, or what somebody else called it.
    pub(crate) r#type: String,
    /// RFC 3339, in UTC.
    pub(crate) time: String,
    /// Who did it. Empty for the server itself.
    pub(crate) account: String,
    /// The run that it is of.
    pub(crate) run_id: Option<String>,
    /// What it is about: `job:daily_users`.
    pub(crate) subject: String,
    pub(crate) data: Value,
}

impl EventType {
    /// A run began or ended.
    pub(crate) const JOB_STATUS: Self = Self(Cow::Borrowed("job_status"));
    /// Something was read or written.
    pub(crate) const LINEAGE: Self = Self(Cow::Borrowed("lineage_event"));

    /// A branch leads to another commit.
    pub(crate) const COMMIT: Self = Self(Cow::Borrowed("commit"));

    /// Files came into the lake from elsewhere, or could not.
    pub(crate) const INGESTION: Self = Self(Cow::Borrowed("ingestion"));

    /// An account, what it may or what it signs in with came to be, or ended.
    pub(crate) const ACCESS: Self = Self(Cow::Borrowed("access"));

    /// Something became ready, was given back or set aside, or another dataflow's source.
    pub(crate) const DATAFLOW: Self = Self(Cow::Borrowed("dataflow"));

    /// A schedule was set, paused or removed, or what was due was passed over.
    pub(crate) const SCHEDULE: Self = Self(Cow::Borrowed("schedule"));

    /// A type that a client gives.
    ///
    /// # Errors
    /// 400 for what is none, or one of the server's own.
    pub(crate) fn custom(text: String) -> Reply<Self> {
        let is_fine = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
        let wrong =
            |why: &str| Problem::bad_request(format!("`{shown}` is no type of an event: {why}")).of_field("type");
        if !(1..=64).contains(&text.len()) || !text.bytes().all(is_fine) {
            return Err(wrong("it has letters, digits and `_-.`, at most 64"));
        }
        if OWN.contains(&text.as_str()) {
            return Err(wrong("the server alone says that"));
        }
        Ok(Self(Cow::Owned(text)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl NewEvent {
    /// What a client says happened.
    ///
    /// # Errors
    /// 413 for data that are too large.
    pub(crate) fn custom(kind: EventType, subject: Resource, run: Option<String>, data: Value) -> Reply<Self> {
        let size = data.to_string().len();
        if size > LARGEST {
            let message = format!("the data of an event have {size} bytes: at most {LARGEST}");
            return Err(Problem::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, message).of_field("data"));
        }
        Ok(Self { kind, subject, run, data })
    }

    /// As it is seen once it has this id.
    pub(super) fn seen_as(self, id: i64, at: i64, account: &str) -> ServerEvent {
        ServerEvent {
            id,
            r#type: self.kind.0.into_owned(),
            time: rfc3339(at),
            account: account.to_owned(),
            run_id: self.run,
            subject: self.subject.to_string(),
            data: self.data,
        }
    }
}

type EventRow = (i64, String, i64, String, Option<String>, String, String);

/// Up to `most` events behind `after`, in their order.
pub(crate) async fn read_events(database: &Database, after: i64, most: i64) -> Result<Vec<ServerEvent>> {
    let sql = "SELECT id, kind, noted_at, account, run, subject, data FROM events WHERE id > $1 ORDER BY id LIMIT $2";
    let rows = sqlx::query_as::<_, EventRow>(sql).bind(after).bind(most).fetch_all(database.pool()).await;
    rows.map_err(|e| failed("read", e))?.into_iter().map(server_event).collect()
}

fn server_event((id, kind, at, account, run_id, subject, data): EventRow) -> Result<ServerEvent> {
    let unreadable = |e| Error::new(ErrorKind::Corrupt, format!("the event {id} is unreadable: {e}"));
    let data = serde_json::from_str(&data).map_err(unreadable)?;
    Ok(ServerEvent { id, r#type: kind, time: rfc3339(at), account, run_id, subject, data })
}

/// Up to `most` events of a run behind `after`, in their order.
pub(crate) async fn events_of_run(database: &Database, run: &str, after: i64, most: i64) -> Result<Vec<ServerEvent>> {
    let sql = "SELECT id, kind, noted_at, account, run, subject, data FROM events \
               WHERE run = $1 AND id > $2 ORDER BY id LIMIT $3";
    let query = sqlx::query_as::<_, EventRow>(sql).bind(run.to_owned()).bind(after).bind(most);
    let rows = query.fetch_all(database.pool()).await;
    rows.map_err(|e| failed("read", e))?.into_iter().map(server_event).collect()
}

/// Up to `most` events before the one with that id, the latest first.
pub(super) async fn events_before(database: &Database, before: i64, most: i64) -> Result<Vec<ServerEvent>> {
    let sql = "SELECT id, kind, noted_at, account, run, subject, data FROM events \
               WHERE id < $1 ORDER BY id DESC LIMIT $2";
    let rows = sqlx::query_as::<_, EventRow>(sql).bind(before).bind(most).fetch_all(database.pool()).await;
    rows.map_err(|e| failed("read", e))?.into_iter().map(server_event).collect()
}

/// The id of the last event.
pub(crate) async fn last_id(database: &Database) -> Result<i64> {
    let row = sqlx::query_as::<_, (i64,)>("SELECT last_id FROM event_head WHERE id = 1").fetch_one(database.pool());
    row.await.map(|(last,)| last).map_err(|e| failed("read", e))
}
