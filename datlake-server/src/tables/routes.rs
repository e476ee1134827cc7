//! Tables over HTTP.

use axum::Json;
use axum::extract::State;
use datlake::{ErrorKind, Uid};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::snapshots::{NewSnapshot, latest, register, schemas, snapshots, table, tables};
use super::wire::{SnapshotCreation, TableInfo, TableSchema, TableSnapshot};
use crate::access::{AccessRole, Caller, Resource};
use crate::app::App;
use crate::database::failed;
use crate::events::StateChange;
use crate::http::{
    Asker, At, CreatedJson, JsonBody, List, OnceKey, PageAfter, Query, Right, Routes, check_name, list, most, object_of,
};
use crate::jobs::{ItemRole, RunItem, RunItemKind, note_items, own_run};
use crate::problem::{Problem, Reply};

/// The most bytes of a URI, and of a format.
const LONGEST: usize = 4000;

/// A table in a path.
#[derive(Deserialize, JsonSchema)]
struct AtTable {
    table: String,
}

/// Who reads a table.
#[derive(Deserialize, JsonSchema)]
struct ReadBy {
    /// The run that reads it: that is noted as its input.
    run_id: Option<String>,
    /// The job of that run.
    job_name: Option<String>,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let reader = Right::Table(AccessRole::Reader);
    routes
        .get("/tables", Right::Account, "Lists tables that may be read", list_tables)
        .get("/tables/{table}", reader, "Shows a table", show)
        .get("/tables/{table}/schemas", reader, "Lists the schemas that a table had, the oldest first", list_schemas)
        .get("/tables/{table}/snapshots", reader, "Lists snapshots of a table, the latest first", list_snapshots)
        .get("/tables/{table}/snapshots/latest", reader, "Shows the latest snapshot of a table", show_latest)
        .post("/jobs/register-snapshot", Right::Named(AccessRole::Writer), "Registers a snapshot of a table", create)
}

async fn list_tables(
    State(app): State<App>,
    Asker(caller): Asker,
    Query(page): Query<PageAfter>,
) -> Reply<Json<List<TableInfo>>> {
    let (tables, next) = tables(app.database(), &caller, &page.after, most(page.amount)).await?;
    Ok(Json(list(tables, next)))
}

async fn show(State(app): State<App>, At(at): At<AtTable>) -> Reply<Json<TableInfo>> {
    check_name("table", &at.table, "table")?;
    Ok(Json(table(app.database(), &at.table).await?))
}

async fn list_schemas(
    State(app): State<App>,
    At(at): At<AtTable>,
    Query(page): Query<PageAfter>,
) -> Reply<Json<List<TableSchema>>> {
    check_name("table", &at.table, "table")?;
    table(app.database(), &at.table).await?;
    let (after, most) = (number(&page.after)?.unwrap_or(0), most(page.amount));
    let mut found = schemas(app.database(), &at.table, after, most as i64 + 1).await?;
    let has_more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| has_more).map(|schema| schema.version.to_string());
    Ok(Json(list(found, next)))
}

async fn list_snapshots(
    State(app): State<App>,
    At(at): At<AtTable>,
    Query(page): Query<PageAfter>,
) -> Reply<Json<List<TableSnapshot>>> {
    check_name("table", &at.table, "table")?;
    table(app.database(), &at.table).await?;
    let (before, most) = (number(&page.after)?.unwrap_or(i64::MAX), most(page.amount));
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    let mut found = snapshots(&mut connection, &at.table, before, most as i64 + 1).await?;
    let has_more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| has_more).map(|(number, _)| number.to_string());
    Ok(Json(list(found.into_iter().map(|(_, snapshot)| snapshot).collect(), next)))
}

fn number(after: &str) -> Reply<Option<i64>> {
    let wrong = |_| Problem::bad_request("`after` is the `next_offset` of a page: a number");
    if after.is_empty() { Ok(None) } else { after.parse().map(Some).map_err(wrong) }
}

async fn show_latest(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtTable>,
    Query(by): Query<ReadBy>,
) -> Reply<Json<TableSnapshot>> {
    check_name("table", &at.table, "table")?;
    let Some(run) = by.run_id else {
        let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
        return Ok(Json(latest(&mut connection, &at.table).await?));
    };
    let mut change = app.change(&caller).await?;
    let found = latest(change.sql(), &at.table).await?;
    let (job, run) = own_run(&mut change, by.job_name.as_deref(), &run, &caller).await?;
    note_items(&mut change, &job, &run, ItemRole::Input, &[item(&found)]).await?;
    change.commit().await?;
    Ok(Json(found))
}

/// A snapshot, as a run reads or writes it.
fn item(snapshot: &TableSnapshot) -> RunItem {
    let (name, uri) = (snapshot.table_name.clone(), snapshot.uri.clone());
    RunItem { kind: RunItemKind::Table, name, uri, snapshot_id: Some(snapshot.snapshot_id.clone()) }
}

async fn create(
    State(app): State<App>,
    Asker(caller): Asker,
    OnceKey(key): OnceKey,
    JsonBody(new): JsonBody<SnapshotCreation>,
) -> Reply<CreatedJson<TableSnapshot>> {
    check_name("table", &new.table_name, "table_name")?;
    caller.needs(AccessRole::Writer, &Resource::table(&new.table_name))?;
    for (field, text) in [("uri", &new.uri), ("format", &new.format)] {
        if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
            let message = format!("`{field}` has 1 to {LONGEST} bytes, and no control characters");
            return Err(Problem::bad_request(message).of_field(field));
        }
    }
    if new.job_name.is_some() && new.run_id.is_none() {
        return Err(Problem::bad_request("`job_name` is said with a `run_id`").of_field("run_id"));
    }
    let schema = match new.schema.filter(|schema| !schema.0.is_null()) {
        Some(schema) => Some(Value::Object(object_of("schema", Some(schema))?)),
        None => None,
    };
    let digest = digest_of(&app, &caller, &new.uri, new.digest.as_deref()).await?;
    let mut change = app.change(&caller).await?;
    let asked = ("snapshot", &new.table_name, &new.uri, &new.format, &schema, &new.run_id, &new.digest);
    if let Some(before) = change.answered(key.as_deref(), &asked).await? {
        return Ok(CreatedJson(before));
    }
    let run = match &new.run_id {
        Some(run) => Some(own_run(&mut change, new.job_name.as_deref(), run, &caller).await?),
        None => None,
    };
    let allow_breaking_schema = new.allow_breaking_schema;
    let (table, uri, format) = (new.table_name, new.uri, new.format);
    let id = run.as_ref().map(|(_, run)| run.clone());
    let new = NewSnapshot { table, uri, format, schema, digest, run: id, allow_breaking_schema };
    register(&mut change, &new).await?;
    let registered = latest(change.sql(), &new.table).await?;
    written_by(&mut change, run, &registered).await?;
    Ok(CreatedJson(change.answer(registered).await?))
}

async fn written_by(change: &mut StateChange, run: Option<(String, String)>, snapshot: &TableSnapshot) -> Reply<()> {
    if let Some((job, run)) = run {
        note_items(change, &job, &run, ItemRole::Output, &[item(snapshot)]).await?;
    }
    Ok(())
}

/// The digest of content of the lake; none for what is elsewhere, which nobody asks for.
///
/// # Errors
/// 400 where it is not there, 409 where it is another, 403 where it may not be read.
async fn digest_of(app: &App, caller: &Caller, uri: &str, said: Option<&str>) -> Reply<Option<String>> {
    let Some(name) = uri.strip_prefix("lake://") else {
        return match said {
            None => Ok(None),
            Some(_) => Err(Problem::bad_request("`digest` is of content of the lake: `lake://…`").of_field("digest")),
        };
    };
    let (bucket, path) = name.split_once('/').unwrap_or((name, ""));
    caller.needs(AccessRole::Reader, &Resource::dataset(bucket, path))?;
    Uid::fresh(name).map_err(|error| Problem::from(error).of_field("uri"))?;
    let file = app.lake().file_async(name).await.map_err(|error| match error.kind() {
        // Its hint would name files that are not theirs to know.
        ErrorKind::NotFound => {
            Problem::bad_request(format!("the lake has no `{}`", name.escape_debug())).of_field("uri")
        }
        _ => error.into(),
    })?;
    let digest = file.digest().to_string();
    match said {
        Some(said) if !said.eq_ignore_ascii_case(&digest) => {
            let message = format!("`{}` has the digest {digest}, and not the one that is said", name.escape_debug());
            Err(Problem::conflict(message).of_field("digest"))
        }
        _ => Ok(Some(digest)),
    }
}
