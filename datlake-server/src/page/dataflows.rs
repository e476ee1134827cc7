//! Dataflows: what each is waiting for, and what was set aside.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::address::address;
use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::jobs::{ROWS, job_link, run_link};
use super::show::{At, Said, changing, facts, more, more_of, table};
use crate::access::{AccessRole, Resource};
use crate::app::App;
use crate::database::{failed, rfc3339};
use crate::dataflows::{named, release_all, seen_dataflows};
use crate::deliveries::{Dataflow, ReadyDelivery, Take, ready, set_aside, sources_of};
use crate::events::last_id;
use crate::http::{At as Path, Query, Right};
use crate::problem::Reply;

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    after: String,
}

/// Behind which position each of the lists of a dataflow begins.
#[derive(Deserialize)]
struct Begins {
    ready: Option<i64>,
    aside: Option<i64>,
}

#[derive(Deserialize)]
struct AtDataflow {
    dataflow: String,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    routes
        .get("/dataflows", Right::Account, all)
        .get("/dataflows/{dataflow}", Right::Dataflow(AccessRole::Reader), one)
        .post("/dataflows/{dataflow}/release", Right::Dataflow(AccessRole::Operator), release)
}

async fn all(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply<Markup> {
    let seen = last_id(app.database()).await?;
    let (found, next) = seen_dataflows(app.database(), &visitor.caller, &asked.after, ROWS).await?;
    let rows = found.iter().map(|one| {
        html! {
            td { a href=(address(&["dataflows", &one.id], &[])) { (Said(&one.job)) } }
            td { (Said(&one.name.zone)) }
            td { (takes(one)) }
            td { (At(&rfc3339(one.created_at))) }
            td { (Said(&one.account)) }
        }
    });
    let content = html! {
        h1 { "Dataflows" }
        (changing("dataflows", table("Dataflows", &["Dataflow", "Zone", "Takes", "Created", "By"], rows, "There is none.")))
        (more(next.as_deref(), &["dataflows"], &[]))
    };
    Ok(visitor.live_page(Section::Dataflows, "Dataflows", Some(("dataflow", seen)), content))
}

fn takes(dataflow: &Dataflow) -> &'static str {
    match dataflow.rules.take {
        Take::Any => "whatever is ready",
        Take::All => "something of each source",
    }
}

async fn one(
    State(app): State<App>,
    visitor: Visitor,
    Path(at): Path<AtDataflow>,
    Query(begins): Query<Begins>,
) -> Reply<Markup> {
    let seen = last_id(app.database()).await?;
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    let dataflow = named(&mut connection, &at.dataflow, &visitor.caller).await?;
    let sources = sources_of(&mut connection, &dataflow.id).await?;
    let waiting = ready(&mut connection, &dataflow, begins.ready.unwrap_or(0), ROWS as i64 + 1).await?;
    let aside = set_aside(&mut connection, &dataflow, begins.aside.unwrap_or(0), ROWS as i64 + 1).await?;
    drop(connection);
    let more = |what, word, found: &[ReadyDelivery]| {
        let next = found.get(ROWS).and(found.get(ROWS - 1)).map(|last| last.position.to_string());
        let said = |at: Option<i64>| at.map_or_else(String::new, |at| at.to_string());
        let (ready, aside) = (said(begins.ready), said(begins.aside));
        more_of(what, word, next.as_deref(), &["dataflows", &dataflow.id], &[("ready", &ready), ("aside", &aside)])
    };
    let rows = sources.iter().filter(|source| visitor.caller.sees(&Resource::job(&source.job))).map(|source| {
        html! {
            td { a href=(address(&["dataflows", &source.source], &[])) { (Said(&source.job)) } }
            td { (At(&rfc3339(source.created_at))) }
        }
    });
    let may_release = visitor.caller.needs(AccessRole::Operator, &Resource::job(&dataflow.job)).is_ok();
    let content = html! {
        p class="way" { a href="/dataflows" { "Dataflows" } }
        h1 { (Said(&dataflow.job)) }
        (facts(&[
            ("Its runs", Some(job_link(&dataflow.job))),
            ("Takes", Some(html! { (takes(&dataflow)) ", at most " (dataflow.rules.batch_limit) " at once" })),
            ("Sets aside what failed", Some(html! { (dataflow.rules.max_attempts) " times" })),
            ("Partitions", dataflow.rules.match_partition.then(|| html! { "one at a time" })),
        ]))
        section aria-labelledby="sources" { h2 id="sources" { "Sources" } (table("Sources", &["Dataflow", "Since"], rows, "It has none.")) }
        section aria-labelledby="ready" {
            h2 id="ready" { "What its next run gets" }
            (changing("ready-deliveries", html! {
                (deliveries(&visitor, &waiting, "Nothing is ready."))
                (more("of what is ready", "ready", &waiting))
            }))
        }
        section aria-labelledby="aside" {
            h2 id="aside" { "Set aside" }
            (changing("deliveries-aside", html! {
                (deliveries(&visitor, &aside, "Nothing."))
                (more("of what was set aside", "aside", &aside))
                @if may_release && !aside.is_empty() {
                    (visitor.form(&address(&["dataflows", &dataflow.id, "release"], &[]), html! {
                        button type="submit" { "Make all of it ready again" }
                    }))
                }
            }))
        }
    };
    Ok(visitor.live_page(Section::Dataflows, &dataflow.job, Some(("dataflow,job_status", seen)), content))
}

fn deliveries(visitor: &Visitor, found: &[ReadyDelivery], empty: &str) -> Markup {
    let rows = found.iter().take(ROWS).map(|one| {
        let job = one.name.job().unwrap_or_default();
        let is_seen = visitor.caller.sees(&Resource::job(&job));
        html! {
            td { @if is_seen { (job_link(&job)) } @else { "…" } }
            td { @if is_seen { (run_link(&job, &one.source_run)) } }
            td class="number" { @if let Some(count) = one.record_count { (count) } }
            td { @if let Some(key) = &one.partition_key { (Said(key)) } }
            td class="number" { (one.attempts) }
        }
    });
    table("Deliveries", &["Source", "Run", "Records", "Partition", "Attempts"], rows, empty)
}

async fn release(State(app): State<App>, visitor: Visitor, Path(at): Path<AtDataflow>) -> Reply<Response> {
    release_all(&app, &visitor.caller, &at.dataflow, None).await?;
    let to = address(&["dataflows", &at.dataflow], &[]);
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response())
}
