//! Uploads in parts: what the database knows of them, and their parts in the lake's store. Any server that shares both takes any part of any upload.
//!
//! - A part is known before it is kept, and counts once it is noted that it is kept, which is refused where the upload has ended. So a server that
//!   dies leaves nothing that nobody knows of.
//! - A part that is sent again replaces none that was listed: a completion says which it means by number and ETag.
//! - What an upload became is noted after it was put; who dies in between has put it, and the next who completes it finds that.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use datlake::{BranchPlace, Digest, Lake, Result, UploadPart};
use futures_util::{Stream, StreamExt as _, stream};
use s3s::{S3Error, S3ErrorCode, S3Result};
use serde::{Deserialize, Serialize};
use tokio_util::io::StreamReader;

use super::putting::{BrokenBody, too_large};
use super::refused::refused;
use crate::access::{new_id, random};
use crate::database::{Database, failed};

/// So many parts are removed at a time.
const AT_ONCE: usize = 16;

/// Why parts could not be read, if that is so.
pub(super) type Unreadable = Arc<Mutex<Option<datlake::Error>>>;

/// The uploads in parts of all servers that share a database. Cheap to clone.
#[derive(Clone)]
pub(super) struct Parts {
    lake: Lake,
    database: Database,
}

/// What is noted beside the object that an upload becomes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct UploadNotes {
    pub(super) content_type: Option<String>,
    pub(super) metadata: Vec<(String, String)>,
}

/// Whose upload one is, and what it is to become.
#[derive(Clone, Copy)]
pub(super) struct UploadOf<'a> {
    pub(super) account: &'a str,
    pub(super) repository: &'a str,
    pub(super) key: &'a str,
}

/// An upload that somebody has begun.
pub(super) struct BegunUpload {
    pub(super) place: BranchPlace,
    pub(super) notes: UploadNotes,
    /// What it became.
    pub(super) etag: Option<String>,
}

/// A part that is there.
pub(super) struct ListedPart {
    pub(super) number: i32,
    pub(super) part: UploadPart,
    /// In microseconds.
    pub(super) kept_at: i64,
}

/// An upload that goes on, in a list.
pub(super) struct ListedUpload {
    pub(super) key: String,
    pub(super) id: String,
    /// In microseconds.
    pub(super) begun_at: i64,
}

impl Parts {
    /// So long after it began an upload has expired, in microseconds. A collection of the lake takes no part before a day after that.
    pub(super) const EXPIRES: i64 = 7 * 24 * 3600 * 1_000_000;
    /// A part that was begun so long ago, in microseconds, is on its way to the store no more.
    pub(super) const ON_ITS_WAY: i64 = 24 * 3600 * 1_000_000;

    pub(super) fn new(lake: &Lake, database: &Database) -> Self {
        Self { lake: lake.clone(), database: database.clone() }
    }

    /// Begins an upload: its id.
    pub(super) async fn begin(&self, of: UploadOf<'_>, place: &BranchPlace, notes: &UploadNotes) -> Result<String> {
        let id = new_id()?;
        let notes = serde_json::to_string(notes).map_err(|e| datlake::Error::io("note", "an upload", e.into()))?;
        let sql = "INSERT INTO uploads (id, account, repository, object_key, place, notes, begun_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let query = sqlx::query(sql).bind(id.clone()).bind(of.account.to_owned()).bind(of.repository.to_owned());
        let query = query.bind(of.key.to_owned()).bind(place.to_string()).bind(notes).bind(self.now().await?);
        self.database.write(query).await?;
        Ok(id)
    }

    /// The upload `id`, where it is that one and was not given up.
    pub(super) async fn find(&self, id: &str, of: UploadOf<'_>) -> S3Result<BegunUpload> {
        let sql = "SELECT place, notes, etag FROM uploads WHERE id = $1 AND account = $2 AND repository = $3 AND object_key = $4 AND (etag IS NOT NULL OR (ended_at IS NULL AND begun_at >= $5))";
        let query = sqlx::query_as::<_, (String, String, Option<String>)>(sql).bind(id.to_owned());
        let query = query.bind(of.account.to_owned()).bind(of.repository.to_owned()).bind(of.key.to_owned());
        // A collection may take the parts of one that has expired before any server has looked.
        let query = query.bind(self.now().await.map_err(refused)?.saturating_sub(Self::EXPIRES));
        let row = query.fetch_optional(self.database.pool()).await.map_err(|e| refused(failed("read", e)))?;
        let (place, notes, etag) = row.ok_or_else(no_upload)?;
        let notes = serde_json::from_str(&notes).map_err(|e| internal(&e))?;
        Ok(BegunUpload { place: place.parse().map_err(refused)?, notes, etag })
    }

    /// Keeps a part: what it is.
    pub(super) async fn put(
        &self,
        upload: &str,
        number: i32,
        body: impl Stream<Item = io::Result<Bytes>> + Send,
    ) -> S3Result<ListedPart> {
        let broken = BrokenBody::default();
        let body = StreamReader::new(Box::pin(broken.noting(body)));
        let id = Digest::from_bytes(random::<32>().map_err(refused)?);
        let received = self.lake.receive_part(id, body).await.map_err(|error| broken.blamed(error))?;
        let part = received.part();
        self.expect(upload, number, &part).await.map_err(refused)?;
        let kept = match received.keep(&self.lake).await {
            Ok(()) => self.is_kept(&part).await,
            Err(error) => Err(error),
        };
        match kept.map_err(refused)? {
            Some(kept_at) => Ok(ListedPart { number, part, kept_at }),
            // It was completed or given up meanwhile.
            None => {
                self.remove(&part).await.map_err(refused)?;
                Err(no_upload())
            }
        }
    }

    /// Notes a part that is about to be kept.
    async fn expect(&self, upload: &str, number: i32, part: &UploadPart) -> Result<()> {
        let sql = "INSERT INTO upload_parts (id, upload, part_number, content, size, begun_at) VALUES ($1, $2, $3, $4, $5, $6)";
        let query = sqlx::query(sql).bind(part.id.to_string()).bind(upload.to_owned()).bind(i64::from(number));
        let query = query.bind(part.content.to_string()).bind(i64::try_from(part.size).unwrap_or(i64::MAX));
        self.database.write(query.bind(self.now().await?)).await.map(drop)
    }

    /// Notes that a part is kept, and when; `None` where its upload has ended.
    async fn is_kept(&self, part: &UploadPart) -> Result<Option<i64>> {
        let now = self.now().await?;
        let sql = "UPDATE upload_parts SET kept_at = $1 WHERE id = $2 AND EXISTS (SELECT 1 FROM uploads WHERE uploads.id = upload_parts.upload AND uploads.ended_at IS NULL)";
        let done = self.database.write(sqlx::query(sql).bind(now).bind(part.id.to_string())).await?;
        Ok((done > 0).then_some(now))
    }

    /// Removes a part, and then what is known of it.
    async fn remove(&self, part: &UploadPart) -> Result<()> {
        self.lake.remove_part(part).await?;
        let query = sqlx::query("DELETE FROM upload_parts WHERE id = $1").bind(part.id.to_string());
        self.database.write(query).await.map(drop)
    }

    /// All parts that are there, of those with one number in the order in which they came.
    async fn kept(&self, upload: &str) -> Result<Vec<ListedPart>> {
        let sql = "SELECT id, part_number, content, size, kept_at FROM upload_parts WHERE upload = $1 AND kept_at IS NOT NULL ORDER BY part_number, kept_at, id";
        let query = sqlx::query_as::<_, (String, i64, String, i64, i64)>(sql).bind(upload.to_owned());
        let rows = query.fetch_all(self.database.pool()).await.map_err(|e| failed("read", e))?;
        rows.into_iter()
            .map(|(id, number, content, size, kept_at)| {
                let number = i32::try_from(number).unwrap_or(0);
                Ok(ListedPart { number, part: part_of(&id, &content, size)?, kept_at })
            })
            .collect()
    }

    /// The parts of an upload as a list has them: of each number the one that came last.
    pub(super) async fn listed(&self, upload: &str) -> Result<Vec<ListedPart>> {
        let all: BTreeMap<i32, ListedPart> =
            self.kept(upload).await?.into_iter().map(|part| (part.number, part)).collect();
        Ok(all.into_values().collect())
    }

    /// The parts that a completion names, of at most so many bytes together.
    pub(super) async fn selected(&self, upload: &str, named: &[(i32, String)], most: u64) -> S3Result<Vec<UploadPart>> {
        let kept = self.kept(upload).await.map_err(refused)?;
        let kept: HashMap<(i32, Digest), UploadPart> =
            kept.into_iter().map(|ListedPart { number, part, .. }| ((number, part.content), part)).collect();
        if named.windows(2).any(|two| two[0].0 >= two[1].0) {
            let message = "parts are listed by their numbers, each once";
            return Err(S3Error::with_message(S3ErrorCode::InvalidPartOrder, message));
        }
        let (mut selected, mut size) = (Vec::with_capacity(named.len()), 0_u64);
        for (number, tag) in named {
            let content = tag.strip_suffix("-1").unwrap_or(tag).parse::<Digest>().ok();
            let Some(part) = content.and_then(|content| kept.get(&(*number, content))) else {
                let message = format!("there is no part {number} with that ETag");
                return Err(S3Error::with_message(S3ErrorCode::InvalidPart, message));
            };
            size = size.saturating_add(part.size);
            if size > most {
                return Err(too_large());
            }
            selected.push(*part);
        }
        Ok(selected)
    }

    /// The bytes of parts, one behind the other; where they cannot be read, the error is noted.
    pub(super) fn bytes(
        &self,
        parts: Vec<UploadPart>,
        broke: &Unreadable,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let broke = Arc::clone(broke);
        stream::unfold(self.lake.read_parts(parts), move |mut reader| {
            let broke = Arc::clone(&broke);
            async move {
                let read = reader.next().await?.map(Bytes::from).map_err(|error| {
                    let again = io::Error::other(error.message().to_owned());
                    *broke.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    again
                });
                Some((read, reader))
            }
        })
    }

    /// Notes that an upload is about to be put: how far the branch had come when somebody first was.
    pub(super) async fn putting(&self, upload: &str, place: &BranchPlace) -> S3Result<BranchPlace> {
        let noted = async {
            let sql = "UPDATE uploads SET since = $1 WHERE id = $2 AND since IS NULL";
            let first = sqlx::query(sql).bind(place.to_string()).bind(upload.to_owned());
            self.database.write(first).await?;
            let sql = "SELECT since FROM uploads WHERE id = $1";
            let row = sqlx::query_as::<_, (Option<String>,)>(sql).bind(upload.to_owned());
            row.fetch_optional(self.database.pool()).await.map_err(|e| failed("read", e))
        };
        let since = noted.await.map_err(refused)?.and_then(|(since,)| since).ok_or_else(no_upload)?;
        since.parse().map_err(refused)
    }

    /// Notes what an upload became. Its parts are of no use any more.
    pub(super) async fn end(&self, upload: &str, etag: &str) -> Result<()> {
        let sql = "UPDATE uploads SET ended_at = COALESCE(ended_at, $1), etag = $2 WHERE id = $3";
        let query = sqlx::query(sql).bind(self.now().await?).bind(etag.to_owned()).bind(upload.to_owned());
        self.database.write(query).await.map(drop)
    }

    /// Gives an upload up.
    pub(super) async fn abort(&self, upload: &str) -> Result<()> {
        let sql = "UPDATE uploads SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL";
        let query = sqlx::query(sql).bind(self.now().await?).bind(upload.to_owned());
        self.database.write(query).await.map(drop)
    }

    /// The uploads of an account that go on in a repository, by key and id.
    pub(super) async fn going_on(&self, account: &str, repository: &str) -> Result<Vec<ListedUpload>> {
        let sql =
            "SELECT object_key, id, begun_at FROM uploads WHERE account = $1 AND repository = $2 AND ended_at IS NULL";
        let query =
            sqlx::query_as::<_, (String, String, i64)>(sql).bind(account.to_owned()).bind(repository.to_owned());
        let mut rows = query.fetch_all(self.database.pool()).await.map_err(|e| failed("read", e))?;
        // By bytes, which a database may order otherwise.
        rows.sort_unstable();
        Ok(rows.into_iter().map(|(key, id, begun_at)| ListedUpload { key, id, begun_at }).collect())
    }

    /// Removes the parts of an upload that has ended. Of one that may still be on its way to the store it is known until it has come.
    pub(super) async fn clear(&self, upload: &str) -> Result<()> {
        let old = self.now().await?.saturating_sub(Self::ON_ITS_WAY);
        let sql =
            "SELECT id, content, size FROM upload_parts WHERE upload = $1 AND (kept_at IS NOT NULL OR begun_at < $2)";
        let query = sqlx::query_as::<_, (String, String, i64)>(sql).bind(upload.to_owned()).bind(old);
        let rows = query.fetch_all(self.database.pool()).await.map_err(|e| failed("read", e))?;
        let removing = stream::iter(rows)
            .map(|(id, content, size)| async move { self.remove(&part_of(&id, &content, size)?).await });
        let removed: Vec<Result<()>> = removing.buffer_unordered(AT_ONCE).collect().await;
        removed.into_iter().collect()
    }

    /// Now, by the clock of the database.
    pub(super) async fn now(&self) -> Result<i64> {
        let mut connection = self.database.pool().acquire().await.map_err(|e| failed("ask", e))?;
        self.database.clock(&mut connection).await
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }
}

fn part_of(id: &str, content: &str, size: i64) -> Result<UploadPart> {
    Ok(UploadPart { id: id.parse()?, content: content.parse()?, size: u64::try_from(size).unwrap_or(0) })
}

pub(super) fn no_upload() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchUpload, "there is no such upload, or it was given up")
}

fn internal(error: &dyn std::fmt::Display) -> S3Error {
    tracing::error!(%error, "an upload in parts failed");
    S3Error::with_message(S3ErrorCode::InternalError, "the server failed; its log says why")
}
