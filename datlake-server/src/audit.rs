//! Who changed what, when and from where: a line for each write that was asked for by somebody who is known.
//!
//! A line is written after the request was done and before it is answered; those of requests at the same time by one transaction. What a
//! server did that was killed in between has none.

use std::net::SocketAddr;

use axum::extract::{OriginalUri, Request};
use axum::http::Method;
use datlake::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::access::random;
use crate::database::{Database, failed, now_micros, rfc3339};

/// So many lines are written at once.
const AT_ONCE: usize = 200;
/// The most bytes of a path that are kept.
const LONGEST: usize = 2000;

/// Where a request came from: the other end of its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) SocketAddr);

/// A write, as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct AuditLine {
    pub(crate) account: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) address: String,
    pub(crate) request_id: String,
}

impl AuditLine {
    /// A request, where it may change something: what it was answered comes later. Heartbeats, pieces of logs and looks for work are too many, and
    /// change nothing that anybody asks for: which worker has which run, the run says.
    pub(crate) fn of(request: &Request, account: &str) -> Option<Self> {
        let (method, path) = (request.method(), request.uri().path());
        if matches!(*method, Method::GET | Method::HEAD)
            || ["/heartbeat", "/log", "/workers/claim"].iter().any(|end| path.ends_with(end))
        {
            return None;
        }
        // Nested routes see what is behind their prefix.
        let path = request.extensions().get::<OriginalUri>().map_or(path, |original| original.path());
        let address =
            request.extensions().get::<ClientAddress>().map(|ClientAddress(address)| address.ip().to_string());
        let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        Some(Self {
            account: account.to_owned(),
            method: method.to_string(),
            path: path.to_owned(),
            status: 0,
            address: address.unwrap_or_default(),
            request_id: id.unwrap_or_default().to_owned(),
        })
    }
}

/// A write that somebody asked for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct AuditedWrite {
    pub(crate) id: String,
    /// RFC 3339, in UTC.
    pub(crate) time: String,
    pub(crate) account: String,
    pub(crate) method: String,
    /// Without its query.
    pub(crate) path: String,
    /// What it was answered: what is 400 and above has changed nothing.
    pub(crate) status: i64,
    /// The other end of the connection: a proxy, where there is one.
    pub(crate) address: String,
    /// As the log of the server has it.
    pub(crate) request_id: String,
}

/// Keeps writes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AuditTrail(mpsc::Sender<(AuditLine, oneshot::Sender<()>)>);

/// The other end of it, which writes.
pub(crate) struct AuditWriter {
    database: Database,
    lines: mpsc::Receiver<(AuditLine, oneshot::Sender<()>)>,
}

impl AuditTrail {
    pub(crate) fn new(database: &Database) -> (Self, AuditWriter) {
        let (sender, lines) = mpsc::channel(AT_ONCE);
        (Self(sender), AuditWriter { database: database.clone(), lines })
    }

    /// Keeps a line, and waits for that.
    pub(crate) async fn keep(&self, line: AuditLine) {
        let (kept, is_kept) = oneshot::channel();
        if self.0.send((line, kept)).await.is_err() || is_kept.await.is_err() {
            tracing::error!("a write is not in the audit trail");
        }
    }
}

impl AuditWriter {
    /// Writes what is to be kept, as long as the server runs.
    pub(crate) async fn write(mut self) {
        let mut some = Vec::new();
        while self.lines.recv_many(&mut some, AT_ONCE).await > 0 {
            match self.insert(&some).await {
                Ok(()) => some.drain(..).for_each(|(_, kept)| {
                    // Whoever asked may have gone.
                    let _ = kept.send(());
                }),
                Err(error) => {
                    some.iter()
                        .for_each(|(line, _)| tracing::error!(%error, ?line, "a write is not in the audit trail"));
                    some.clear();
                }
            }
        }
    }

    async fn insert(&self, lines: &[(AuditLine, oneshot::Sender<()>)]) -> Result<()> {
        let at = now_micros();
        let millis = u64::try_from(at / 1000).unwrap_or_default();
        let mut transaction = self.database.begin().await?;
        for (line, _) in lines {
            let id = uuid::Builder::from_unix_timestamp_millis(millis, &random()?).into_uuid().to_string();
            let sql = "INSERT INTO audit (id, noted_at, account, method, path, status, address, request_id) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
            let query = sqlx::query(sql).bind(id).bind(at).bind(line.account.clone()).bind(line.method.clone());
            let path: String = line.path.chars().take(LONGEST).collect();
            let query = query.bind(path).bind(i64::from(line.status)).bind(line.address.clone());
            let query = query.bind(line.request_id.clone()).execute(transaction.sql());
            query.await.map_err(|e| failed("write to", e))?;
        }
        transaction.commit().await
    }
}

/// Writes, the latest first: up to `most` before the one with that id.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for what is no id.
pub(crate) async fn writes(database: &Database, before: &str, most: usize) -> Result<Vec<AuditedWrite>> {
    type Row = (String, i64, String, String, String, i64, String, String);
    let wrong = |_| Error::new(ErrorKind::InvalidInput, "`after` is the `next_offset` of a page");
    let before = match before {
        // Behind all ids.
        "" => "g".to_owned(),
        before => uuid::Uuid::try_parse(before).map_err(wrong)?.to_string(),
    };
    let sql = "SELECT id, noted_at, account, method, path, status, address, request_id FROM audit \
               WHERE id < $1 ORDER BY id DESC LIMIT $2";
    let query = sqlx::query_as::<_, Row>(sql).bind(before).bind(most as i64).fetch_all(database.pool());
    let of = |(id, at, account, method, path, status, address, request_id): Row| AuditedWrite {
        id,
        time: rfc3339(at),
        account,
        method,
        path,
        status,
        address,
        request_id,
    };
    Ok(query.await.map_err(|e| failed("read", e))?.into_iter().map(of).collect())
}
