//! Tables: their snapshots, and the schemas that they had.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;

use super::address::address;
use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::jobs::{ROWS, run_link, uri};
use super::show::{At, Said, badge, changing, json, more, table};
use crate::access::{AccessRole, Resource};
use crate::app::App;
use crate::database::failed;
use crate::events::last_id;
use crate::http::{At as Path, Query, Right, check_name};
use crate::problem::{Problem, Reply};
use crate::tables::{SchemaDiff, TableSchema, TableSnapshot, latest_schemas, snapshots, table as table_of, tables};

/// So many schemas of a table are shown.
const SCHEMAS: i64 = 20;

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    after: String,
}

#[derive(Deserialize)]
struct AtTable {
    table: String,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    routes.get("/tables", Right::Account, all).get("/tables/{table}", Right::Table(AccessRole::Reader), one)
}

async fn all(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply<Markup> {
    let seen = last_id(app.database()).await?;
    let (found, next) = tables(app.database(), &visitor.caller, &asked.after, ROWS).await?;
    let rows = found.iter().map(|one| {
        html! {
            td { a href=(address(&["tables", &one.table_name], &[])) { (Said(&one.table_name)) } }
            td class="number" { (one.snapshots) }
            td class="number" { (one.schema_version) }
            td { (At(&one.created_at)) }
            td { (Said(&one.account)) }
        }
    });
    let content = html! {
        h1 { "Tables" }
        (changing("tables", table("Tables", &["Table", "Snapshots", "Schemas", "Since", "First by"], rows, "No snapshot of a table was registered yet.")))
        (more(next.as_deref(), &["tables"], &[]))
    };
    Ok(visitor.live_page(Section::Tables, "Tables", Some(("lineage_event", seen)), content))
}

async fn one(
    State(app): State<App>,
    visitor: Visitor,
    Path(AtTable { table: name }): Path<AtTable>,
    Query(asked): Query<Asked>,
) -> Reply<Markup> {
    check_name("table", &name, "table")?;
    let seen = last_id(app.database()).await?;
    table_of(app.database(), &name).await?;
    let wrong = |_| Problem::bad_request("`after` is what a page before said");
    let before = if asked.after.is_empty() { i64::MAX } else { asked.after.parse().map_err(wrong)? };
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    let mut found = snapshots(&mut connection, &name, before, ROWS as i64 + 1).await?;
    drop(connection);
    let has_more = found.len() > ROWS;
    found.truncate(ROWS);
    let next = found.last().filter(|_| has_more).map(|(number, _)| number.to_string());
    let schemas = latest_schemas(app.database(), &name, SCHEMAS).await?;
    let rows = found.iter().map(|(number, snapshot)| snapshot_row(&visitor, *number, snapshot));
    let heads = ["Number", "Where", "Format", "Schema", "Made by", "Time", "By"];
    let content = html! {
        p class="way" { a href="/tables" { "Tables" } }
        h1 { (Said(&name)) }
        section aria-labelledby="snapshots" {
            h2 id="snapshots" { "Snapshots" }
            (changing("table-snapshots", table("Snapshots", &heads, rows, "There is none.")))
            (more(next.as_deref(), &["tables", &name], &[]))
        }
        section aria-labelledby="schemas" {
            h2 id="schemas" { "Schemas" }
            (changing("table-schemas", html! {
                @if schemas.is_empty() { p class="empty" { "None is known." } }
                @for schema in &schemas { (schema_of(schema)) }
            }))
        }
    };
    Ok(visitor.live_page(Section::Tables, &name, Some(("lineage_event", seen)), content))
}

fn snapshot_row(visitor: &Visitor, number: i64, snapshot: &TableSnapshot) -> Markup {
    let job = snapshot.job_name.as_deref().filter(|job| visitor.caller.sees(&Resource::job(job)));
    html! {
        td class="number" { (number) }
        td { (uri(&snapshot.uri)) }
        td { (Said(&snapshot.format)) }
        td class="number" { @if let Some(version) = snapshot.schema_version { (version) } }
        td { @if let (Some(job), Some(run)) = (job, &snapshot.run_id) { (Said(job)) " " (run_link(job, run)) } }
        td { (At(&snapshot.created_at)) }
        td { (Said(&snapshot.account)) }
    }
}

/// A schema, and what changed from the one before.
fn schema_of(schema: &TableSchema) -> Markup {
    html! {
        article class="card" {
            h3 { "Version " (schema.version) " " small { (At(&schema.created_at)) } }
            (diff_of(&schema.diff))
            details { summary { "All of it" } (json(&schema.schema)) }
        }
    }
}

fn diff_of(diff: &SchemaDiff) -> Markup {
    html! {
        ul class="plain" {
            @for name in &diff.added { li { (badge("added")) " " code { (Said(name)) } } }
            @for name in &diff.removed { li { (badge("removed")) " " code { (Said(name)) } } }
            @for field in &diff.changed {
                li {
                    (badge("changed")) " " code { (Said(&field.name)) } ": "
                    (Said(&field.from.r#type.to_string())) @if field.from.nullable { " or null" } " → "
                    (Said(&field.to.r#type.to_string())) @if field.to.nullable { " or null" }
                }
            }
            @for why in &diff.breaking { li { (badge("breaking")) " " (Said(why)) } }
        }
    }
}
