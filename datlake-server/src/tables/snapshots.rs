//! Snapshots are registered, and read.

use datlake::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use sqlx::AnyConnection;

use super::schema::{SchemaDiff, diff};
use super::wire::{TableInfo, TableSchema, TableSnapshot};
use crate::access::{Caller, Resource, random};
use crate::database::{Database, failed, rfc3339};
use crate::events::{EventType, NewEvent, StateChange};
use crate::http::not_there;
use crate::problem::{Problem, Reply};

/// So many tables are read at a time.
const READ: i64 = 500;

/// A snapshot that was checked, and is to be registered.
pub(super) struct NewSnapshot {
    pub(super) table: String,
    pub(super) uri: String,
    pub(super) format: String,
    pub(super) schema: Option<Value>,
    pub(super) digest: Option<String>,
    pub(super) run: Option<String>,
    pub(super) allow_breaking_schema: bool,
}

/// Registers a snapshot of a table, which comes into being: its id. Those of one table come one after the other.
///
/// # Errors
/// 409 for a schema that breaks readers.
pub(super) async fn register(change: &mut StateChange, new: &NewSnapshot) -> Reply<String> {
    let (account, at) = (change.account().to_owned(), change.at());
    let sql = "INSERT INTO known_tables (name, account, created_at, snapshots, schema_version) VALUES ($1, $2, $3, 1, 0) \
               ON CONFLICT (name) DO UPDATE SET snapshots = known_tables.snapshots + 1 RETURNING snapshots, schema_version";
    let query = sqlx::query_as::<_, (i64, i64)>(sql).bind(new.table.clone()).bind(account.clone()).bind(at);
    let (number, version) = query.fetch_one(change.sql()).await.map_err(|e| failed("write to", e))?;
    let version = match &new.schema {
        Some(schema) => Some(schema_version(change, new, schema, version).await?),
        None => None,
    };
    let millis = u64::try_from(at / 1000).unwrap_or_default();
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random()?).into_uuid().to_string();
    let sql = "INSERT INTO table_snapshots (id, table_name, number, uri, format, schema_version, digest, run, account, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let query = sqlx::query(sql).bind(id.clone()).bind(new.table.clone()).bind(number).bind(new.uri.clone());
    let query = query.bind(new.format.clone()).bind(version).bind(new.digest.clone()).bind(new.run.clone());
    query.bind(account).bind(at).execute(change.sql()).await.map_err(|e| failed("write to", e))?;
    let data = json!({
        "table_name": new.table, "snapshot_id": id, "uri": new.uri, "format": new.format, "schema_version": version, "run_id": new.run
    });
    let (kind, subject, run) = (EventType::LINEAGE, Resource::table(&new.table), new.run.clone());
    change.note(NewEvent { kind, subject, run, data });
    Ok(id)
}

/// The version that a schema has: that of the one before, where it is the same.
async fn schema_version(change: &mut StateChange, new: &NewSnapshot, schema: &Value, last: i64) -> Reply<i64> {
    let sql = "SELECT schema_json FROM table_schemas WHERE table_name = $1 AND version = $2";
    let query = sqlx::query_as::<_, (String,)>(sql).bind(new.table.clone()).bind(last);
    let before = query.fetch_optional(change.sql()).await.map_err(|e| failed("read", e))?;
    let before: Option<Value> = before.map(|(text,)| parsed(&text)).transpose()?;
    if before.as_ref() == Some(schema) {
        return Ok(last);
    }
    let diff = before.map_or_else(SchemaDiff::default, |before| diff(&before, schema));
    if !diff.breaking.is_empty() && !new.allow_breaking_schema {
        let (table, what) = (&new.table, diff.breaking.join(", "));
        let message = format!(
            "this schema breaks whoever reads the table `{table}`: {what}; `allow_breaking_schema` accepts that"
        );
        return Err(Problem::conflict(message).of_field("schema"));
    }
    let diff = serde_json::to_string(&diff).map_err(|e| Error::new(ErrorKind::Value, e.to_string()))?;
    let sql =
        "INSERT INTO table_schemas (table_name, version, schema_json, diff, created_at) VALUES ($1, $2, $3, $4, $5)";
    let query = sqlx::query(sql).bind(new.table.clone()).bind(last + 1).bind(schema.to_string()).bind(diff);
    query.bind(change.at()).execute(change.sql()).await.map_err(|e| failed("write to", e))?;
    let query = sqlx::query("UPDATE known_tables SET schema_version = $1 WHERE name = $2").bind(last + 1);
    query.bind(new.table.clone()).execute(change.sql()).await.map_err(|e| failed("write to", e))?;
    Ok(last + 1)
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::new(ErrorKind::Corrupt, format!("a schema is unreadable: {e}")))
}

type SnapshotRow = (
    String,
    String,
    String,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    i64,
    i64,
);

/// Snapshots of a table, the latest first, and their numbers: up to `most` before the one with that number.
pub(crate) async fn snapshots(
    connection: &mut AnyConnection,
    table: &str,
    before: i64,
    most: i64,
) -> Result<Vec<(i64, TableSnapshot)>> {
    let sql = "SELECT s.id, s.table_name, s.uri, s.format, s.schema_version, t.schema_json, s.digest, r.job, s.run, s.account, \
               s.created_at, s.number FROM table_snapshots s \
               LEFT JOIN table_schemas t ON t.table_name = s.table_name AND t.version = s.schema_version \
               LEFT JOIN runs r ON r.id = s.run \
               WHERE s.table_name = $1 AND s.number < $2 ORDER BY s.number DESC LIMIT $3";
    let query = sqlx::query_as::<_, SnapshotRow>(sql).bind(table.to_owned()).bind(before).bind(most);
    let rows = query.fetch_all(connection).await.map_err(|e| failed("read", e))?;
    rows.into_iter().map(snapshot).collect()
}

fn snapshot(row: SnapshotRow) -> Result<(i64, TableSnapshot)> {
    let (snapshot_id, table_name, uri, format, schema_version, schema, digest, job_name, run_id, account, at, number) =
        row;
    let schema = schema.map(|schema| parsed(&schema)).transpose()?;
    let created_at = rfc3339(at);
    let snapshot = TableSnapshot {
        table_name,
        snapshot_id,
        uri,
        format,
        schema,
        schema_version,
        digest,
        job_name,
        run_id,
        account,
        created_at,
    };
    Ok((number, snapshot))
}

/// The latest snapshot of a table.
///
/// # Errors
/// 404 where there is no such table.
pub(super) async fn latest(connection: &mut AnyConnection, table: &str) -> Reply<TableSnapshot> {
    let found = snapshots(connection, table, i64::MAX, 1).await?.pop();
    found.map(|(_, snapshot)| snapshot).ok_or_else(|| not_there(&Resource::table(table)))
}

type TableRow = (String, String, i64, i64, i64);

fn table_info((table_name, account, created_at, snapshots, schema_version): TableRow) -> TableInfo {
    TableInfo { table_name, account, created_at: rfc3339(created_at), snapshots, schema_version }
}

/// A table.
///
/// # Errors
/// 404 where there is none.
pub(crate) async fn table(database: &Database, name: &str) -> Reply<TableInfo> {
    let sql = "SELECT name, account, created_at, snapshots, schema_version FROM known_tables WHERE name = $1";
    let row = sqlx::query_as::<_, TableRow>(sql).bind(name.to_owned()).fetch_optional(database.pool()).await;
    row.map_err(|e| failed("read", e))?.map(table_info).ok_or_else(|| not_there(&Resource::table(name)))
}

/// Tables that `caller` may read behind `after`: up to `most`, and what the next page is behind.
pub(crate) async fn tables(
    database: &Database,
    caller: &Caller,
    after: &str,
    most: usize,
) -> Result<(Vec<TableInfo>, Option<String>)> {
    let (mut tables, mut after) = (Vec::<TableInfo>::new(), after.to_owned());
    loop {
        let sql = "SELECT name, account, created_at, snapshots, schema_version FROM known_tables \
                   WHERE name > $1 ORDER BY name LIMIT $2";
        let query = sqlx::query_as::<_, TableRow>(sql).bind(after.clone()).bind(READ).fetch_all(database.pool());
        let page = query.await.map_err(|e| failed("read", e))?;
        let is_last = (page.len() as i64) < READ;
        for row in page {
            if tables.len() == most {
                let next = tables.last().map(|table| table.table_name.clone());
                return Ok((tables, next));
            }
            after.clone_from(&row.0);
            if caller.sees(&Resource::table(&row.0)) {
                tables.push(table_info(row));
            }
        }
        if is_last {
            return Ok((tables, None));
        }
    }
}

type SchemaRow = (i64, String, String, i64);

/// The schemas of a table behind that version, the oldest first.
pub(super) async fn schemas(database: &Database, table: &str, after: i64, most: i64) -> Result<Vec<TableSchema>> {
    let sql = "SELECT version, schema_json, diff, created_at FROM table_schemas \
               WHERE table_name = $1 AND version > $2 ORDER BY version LIMIT $3";
    let query = sqlx::query_as::<_, SchemaRow>(sql).bind(table.to_owned()).bind(after).bind(most);
    let rows = query.fetch_all(database.pool()).await.map_err(|e| failed("read", e))?;
    rows.into_iter().map(table_schema).collect()
}

/// The latest schemas of a table, the latest first.
pub(crate) async fn latest_schemas(database: &Database, table: &str, most: i64) -> Result<Vec<TableSchema>> {
    let sql = "SELECT version, schema_json, diff, created_at FROM table_schemas \
               WHERE table_name = $1 ORDER BY version DESC LIMIT $2";
    let query = sqlx::query_as::<_, SchemaRow>(sql).bind(table.to_owned()).bind(most).fetch_all(database.pool());
    query.await.map_err(|e| failed("read", e))?.into_iter().map(table_schema).collect()
}

fn table_schema((version, schema, diff, at): SchemaRow) -> Result<TableSchema> {
    Ok(TableSchema { version, schema: parsed(&schema)?, diff: parsed(&diff)?, created_at: rfc3339(at) })
}
