//! What the database has beside a node: what runs read and wrote.

use datlake::Result;
use serde_json::json;
use sqlx::AnyConnection;

use super::wire::{LineageEdge, LineageNode, NodeKind};
use crate::database::{failed, rfc3339};

/// So many neighbours a node has at most.
const NEIGHBOURS: i64 = 500;
/// What begins the URI of something in the lake.
pub(super) const IN_LAKE: &str = "lake://";

/// What is beside a node: edges, and so ids.
pub(super) type Beside = Vec<LineageEdge>;

/// An item of a run as it stands in the table.
type ItemRow = (String, String, String, String, String, String);

/// The run `id`; `None` where there is none.
pub(super) async fn run(sql: &mut AnyConnection, id: &str) -> Result<Option<LineageNode>> {
    let text = "SELECT job, state, started_at FROM runs WHERE id = $1";
    let row = sqlx::query_as::<_, (String, String, i64)>(text).bind(id.to_owned()).fetch_optional(sql).await;
    Ok(row.map_err(|e| failed("read", e))?.map(|(job, state, at)| LineageNode {
        id: format!("run:{id}"),
        kind: NodeKind::Run,
        details: json!({"job_name": job, "state": state, "started_at": rfc3339(at)}),
        name: job,
    }))
}

/// The snapshot `id`, and where it is.
pub(super) async fn snapshot(
    sql: &mut AnyConnection,
    id: &str,
) -> Result<Option<(LineageNode, String, Option<String>)>> {
    let text = "SELECT table_name, uri, format, run, created_at FROM table_snapshots WHERE id = $1";
    type Row = (String, String, String, Option<String>, i64);
    let row = sqlx::query_as::<_, Row>(text).bind(id.to_owned()).fetch_optional(sql).await;
    Ok(row.map_err(|e| failed("read", e))?.map(|(table, uri, format, run, at)| {
        let details = json!({"table_name": table, "uri": uri, "format": format, "created_at": rfc3339(at)});
        (LineageNode { id: format!("snapshot:{id}"), kind: NodeKind::Snapshot, name: table, details }, uri, run)
    }))
}

/// Whether there is a table of that name.
pub(super) async fn has_table(sql: &mut AnyConnection, name: &str) -> Result<bool> {
    let text = "SELECT name FROM known_tables WHERE name = $1";
    let row = sqlx::query_as::<_, (String,)>(text).bind(name.to_owned()).fetch_optional(sql).await;
    Ok(row.map_err(|e| failed("read", e))?.is_some())
}

/// What a run read and wrote.
pub(super) async fn beside_run(sql: &mut AnyConnection, id: &str) -> Result<Beside> {
    let mut beside: Beside = items(sql, "run = $1", id).await?.into_iter().map(edge).collect();
    for (snapshot,) in ids(sql, "SELECT id FROM table_snapshots WHERE run = $1 ORDER BY id LIMIT $2", id).await? {
        beside.push(LineageEdge { from: format!("run:{id}"), to: format!("snapshot:{snapshot}") });
    }
    Ok(beside)
}

/// Which runs read a snapshot.
pub(super) async fn beside_snapshot(sql: &mut AnyConnection, id: &str) -> Result<Beside> {
    Ok(items(sql, "snapshot = $1 AND snapshot <> ''", id).await?.into_iter().map(edge).collect())
}

/// The snapshots of a table, and runs that said no more than its name.
pub(super) async fn beside_table(sql: &mut AnyConnection, name: &str) -> Result<Beside> {
    let text = "SELECT id FROM table_snapshots WHERE table_name = $1 ORDER BY number DESC LIMIT $2";
    let of = |(snapshot,): (String,)| LineageEdge { from: format!("snapshot:{snapshot}"), to: format!("table:{name}") };
    let mut beside: Beside = ids(sql, text, name).await?.into_iter().map(of).collect();
    let named = items(sql, "kind = 'table' AND name = $1 AND snapshot = '' AND uri = ''", name).await?;
    beside.extend(named.into_iter().map(edge));
    Ok(beside)
}

/// Which runs read and wrote what is at a URI, and which snapshots it is.
pub(super) async fn beside_uri(sql: &mut AnyConnection, uri: &str) -> Result<Beside> {
    let mut beside: Beside = items(sql, "uri = $1 AND snapshot = ''", uri).await?.into_iter().map(edge).collect();
    for (snapshot,) in ids(sql, "SELECT id FROM table_snapshots WHERE uri = $1 ORDER BY id DESC LIMIT $2", uri).await? {
        beside.push(LineageEdge { from: node_at(uri), to: format!("snapshot:{snapshot}") });
    }
    Ok(beside)
}

/// What stands for a URI.
pub(super) fn node_at(uri: &str) -> String {
    uri.strip_prefix(IN_LAKE).map_or_else(|| format!("data:{uri}"), |name| format!("lake:{name}"))
}

/// From or to a run.
fn edge((run, role, kind, name, uri, snapshot): ItemRow) -> LineageEdge {
    let item = match (snapshot.is_empty(), uri.is_empty()) {
        (false, _) => format!("snapshot:{snapshot}"),
        (true, false) => node_at(&uri),
        (true, true) if kind == "table" => format!("table:{name}"),
        (true, true) => format!("data:{name}"),
    };
    let run = format!("run:{run}");
    if role == "input" { LineageEdge { from: item, to: run } } else { LineageEdge { from: run, to: item } }
}

async fn items(sql: &mut AnyConnection, that: &'static str, value: &str) -> Result<Vec<ItemRow>> {
    let text = format!(
        "SELECT run, role, kind, name, uri, snapshot FROM run_items \
         WHERE role IN ('input', 'output') AND {that} ORDER BY run DESC, item LIMIT $2"
    );
    let query = sqlx::query_as::<_, ItemRow>(sqlx::AssertSqlSafe(text)).bind(value.to_owned()).bind(NEIGHBOURS);
    query.fetch_all(sql).await.map_err(|e| failed("read", e))
}

async fn ids(sql: &mut AnyConnection, text: &'static str, value: &str) -> Result<Vec<(String,)>> {
    let query = sqlx::query_as::<_, (String,)>(text).bind(value.to_owned()).bind(NEIGHBOURS);
    query.fetch_all(sql).await.map_err(|e| failed("read", e))
}
