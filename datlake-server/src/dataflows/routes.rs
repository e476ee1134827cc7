//! What is asked of dataflows: creating them, their sources, and what is ready.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use sqlx::AnyConnection;

use super::wire::{DataflowCreation, DataflowInfo, ReadyRecord, Release, Released, SourceCreation, SourceInfo};
use crate::access::{AccessRole, Caller, Resource};
use crate::app::App;
use crate::database::{Database, failed};
use crate::deliveries::{
    Associated, Dataflow, DataflowName, ReadyDelivery, SaidRules, associate, create, disassociate, find, page_of,
    ready, release_set_aside, set_aside, sources_of,
};
use crate::events::{EventType, NewEvent, StateChange};
use crate::http::{
    Asker, At, CreatedJson, JsonBody, List, NoContent, PageAfter, Query, Right, Routes, check_name, list, most,
    no_dataflow,
};
use crate::problem::{Problem, Reply};

/// So many dataflows are read at a time.
const READ: i64 = 1000;

/// A dataflow in a path.
#[derive(Deserialize, JsonSchema)]
pub(super) struct AtDataflow {
    pub(super) dataflow: String,
}

/// A source of a dataflow in a path.
#[derive(Deserialize, JsonSchema)]
struct AtSource {
    dataflow: String,
    source: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let (reader, writer, operator) = (
        Right::Dataflow(AccessRole::Reader),
        Right::Dataflow(AccessRole::Writer),
        Right::Dataflow(AccessRole::Operator),
    );
    let one = "/dataflows/{dataflow}";
    routes
        .get("/dataflows", Right::Account, "Lists dataflows that may be read", list_dataflows)
        .post(
            "/dataflows",
            Right::Named(AccessRole::Writer),
            "Creates a dataflow, or finds it created",
            create_dataflow,
        )
        .get(one, reader, "Shows a dataflow", show_dataflow)
        .get(&format!("{one}/sources"), reader, "Lists the sources of a dataflow", list_sources)
        .post(&format!("{one}/sources"), writer, "Makes a dataflow a source of another", add_source)
        .delete(&format!("{one}/sources/{{source}}"), writer, "Ends that a dataflow is a source of another", end_source)
        .get(&format!("{one}/ready"), reader, "Shows what a run would claim that starts now", show_ready)
        .get(&format!("{one}/set-aside"), reader, "Shows what was set aside", show_set_aside)
        .post(&format!("{one}/set-aside/release"), operator, "Makes what was set aside ready again", release)
}

/// The dataflow that a path or a body names.
///
/// # Errors
/// 404 where there is none, or it is not theirs to know.
pub(crate) async fn named(sql: &mut AnyConnection, id: &str, caller: &Caller) -> Reply<Dataflow> {
    let found = find(sql, id).await?.filter(|found| caller.sees(&Resource::job(&found.job)));
    found.ok_or_else(|| no_dataflow(id))
}

fn note(change: &mut StateChange, dataflow: &Dataflow, data: serde_json::Value) {
    change.note(NewEvent { kind: EventType::DATAFLOW, subject: Resource::job(&dataflow.job), run: None, data });
}

async fn list_dataflows(
    State(app): State<App>,
    Asker(caller): Asker,
    Query(page): Query<PageAfter>,
) -> Reply<Json<List<DataflowInfo>>> {
    let (found, next) = seen_dataflows(app.database(), &caller, &page.after, most(page.amount)).await?;
    Ok(Json(list(found.into_iter().map(DataflowInfo::from).collect(), next)))
}

/// Dataflows that `caller` may read behind `after`: up to `most`, and what the next page is behind.
pub(crate) async fn seen_dataflows(
    database: &Database,
    caller: &Caller,
    after: &str,
    most: usize,
) -> Reply<(Vec<Dataflow>, Option<String>)> {
    let (mut after, mut results) = (after.to_owned(), Vec::new());
    let mut connection = database.pool().acquire().await.map_err(|e| failed("read", e))?;
    loop {
        let read = page_of(&mut connection, &after, READ).await?;
        let Some(last) = read.last().map(|last| last.job.clone()) else { return Ok((results, None)) };
        for dataflow in read.into_iter().filter(|one| caller.sees(&Resource::job(&one.job))) {
            if results.len() == most {
                return Ok((results, Some(after)));
            }
            after.clone_from(&dataflow.job);
            results.push(dataflow);
        }
        after = last;
    }
}

async fn create_dataflow(
    State(app): State<App>,
    Asker(caller): Asker,
    JsonBody(new): JsonBody<DataflowCreation>,
) -> Reply<CreatedJson<DataflowInfo>> {
    let name = DataflowName {
        zone: new.zone,
        model_name: new.model_name,
        model_key: new.model_key.unwrap_or_default(),
        model_sec_key: new.model_sec_key.unwrap_or_default(),
    };
    let job = name.job()?;
    check_name("dataflow", &job, "model_name")?;
    caller.needs(AccessRole::Writer, &Resource::job(&job))?;
    let DataflowCreation { take, batch_limit, match_partition, max_attempts, .. } = new;
    let said = SaidRules { take, batch_limit, match_partition, max_attempts };
    let mut change = app.change(&caller).await?;
    let (dataflow, is_new) = create(&mut change, name, &said).await?;
    if is_new {
        let data = json!({"what": "created", "dataflow_id": dataflow.id});
        note(&mut change, &dataflow, data);
    }
    change.commit().await?;
    Ok(CreatedJson(dataflow.into()))
}

async fn show_dataflow(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtDataflow>,
) -> Reply<Json<DataflowInfo>> {
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    Ok(Json(named(&mut connection, &at.dataflow, &caller).await?.into()))
}

async fn list_sources(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtDataflow>,
) -> Reply<Json<List<SourceInfo>>> {
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    let dataflow = named(&mut connection, &at.dataflow, &caller).await?;
    let sources = sources_of(&mut connection, &dataflow.id).await?;
    let seen = sources.into_iter().filter(|source| caller.sees(&Resource::job(&source.job)));
    Ok(Json(list(seen.map(SourceInfo::from).collect(), None)))
}

async fn add_source(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtDataflow>,
    JsonBody(new): JsonBody<SourceCreation>,
) -> Reply<NoContent> {
    let mut change = app.change(&caller).await?;
    let target = named(change.sql(), &at.dataflow, &caller).await?;
    let of_source = |problem: Problem| problem.of_field("source_dataflow_id");
    let source = named(change.sql(), &new.source_dataflow_id, &caller).await.map_err(of_source)?;
    if let Associated::Circle(path) = associate(&mut change, &source, &target, new.replay.unwrap_or(false)).await? {
        let seen = path.iter().map(|job| if caller.sees(&Resource::job(job)) { job } else { "…" });
        let path = seen.collect::<Vec<_>>().join(" → ");
        let message =
            format!("`{}` cannot be a source of `{}`: data would go in a circle, {path}", source.job, target.job);
        return Err(of_source(Problem::conflict(message)));
    }
    let data = json!({"what": "associated", "dataflow_id": target.id, "source_dataflow_id": source.id});
    note(&mut change, &target, data);
    change.commit().await?;
    Ok(NoContent)
}

async fn end_source(State(app): State<App>, Asker(caller): Asker, At(at): At<AtSource>) -> Reply<NoContent> {
    let mut change = app.change(&caller).await?;
    let target = named(change.sql(), &at.dataflow, &caller).await?;
    let source = named(change.sql(), &at.source, &caller).await?;
    if !disassociate(&mut change, &source, &target).await? {
        return Err(Problem::not_found(format!("`{}` is no source of `{}`", source.job, target.job)));
    }
    let data = json!({"what": "disassociated", "dataflow_id": target.id, "source_dataflow_id": source.id});
    note(&mut change, &target, data);
    change.commit().await?;
    Ok(NoContent)
}

async fn show_ready(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtDataflow>,
    Query(page): Query<PageAfter>,
) -> Reply<Json<List<ReadyRecord>>> {
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    let dataflow = named(&mut connection, &at.dataflow, &caller).await?;
    let (after, most) = (place(&page.after)?, most(page.amount));
    Ok(Json(records(ready(&mut connection, &dataflow, after, one_more(most)).await?, most)))
}

async fn show_set_aside(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtDataflow>,
    Query(page): Query<PageAfter>,
) -> Reply<Json<List<ReadyRecord>>> {
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    let dataflow = named(&mut connection, &at.dataflow, &caller).await?;
    let (after, most) = (place(&page.after)?, most(page.amount));
    Ok(Json(records(set_aside(&mut connection, &dataflow, after, one_more(most)).await?, most)))
}

async fn release(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtDataflow>,
    said: Option<JsonBody<Release>>,
) -> Reply<Json<Released>> {
    let JsonBody(Release { source_run_id }) = said.unwrap_or_default();
    if source_run_id.as_ref().is_some_and(|run| run.contains('\0')) {
        return Err(Problem::bad_request("`source_run_id` is the id of a run").of_field("source_run_id"));
    }
    let released = release_all(&app, &caller, &at.dataflow, source_run_id.as_deref()).await?;
    Ok(Json(Released { released }))
}

/// Makes what was set aside ready again, of one run of a source or all of it: how many deliveries that were.
pub(crate) async fn release_all(app: &App, caller: &Caller, id: &str, source_run: Option<&str>) -> Reply<u64> {
    let mut change = app.change(caller).await?;
    let dataflow = named(change.sql(), id, caller).await?;
    let released = release_set_aside(&mut change, &dataflow, source_run).await?;
    let data = json!({"what": "released", "dataflow_id": dataflow.id, "released": released});
    note(&mut change, &dataflow, data);
    change.commit().await?;
    Ok(released)
}

/// What a page says as `after`.
fn place(after: &str) -> Reply<i64> {
    if after.is_empty() {
        return Ok(0);
    }
    after.parse().map_err(|_| Problem::bad_request("`after` is the `next_offset` of a page"))
}

fn one_more(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(READ) + 1
}

fn records(mut found: Vec<ReadyDelivery>, most: usize) -> List<ReadyRecord> {
    let has_more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| has_more).map(|last| last.position.to_string());
    list(found.into_iter().map(ReadyRecord::from).collect(), next)
}
