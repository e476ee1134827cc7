//! What runs now, and what failed.

use axum::extract::State;
use maud::{Markup, html};

use datlake::CallQuery;

use super::address::address;
use super::calls::{call_table, find};
use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::jobs::run_rows;
use super::show::{Said, changing, table};
use crate::app::App;
use crate::events::last_id;
use crate::http::Right;
use crate::jobs::{WhichRuns, latest_runs};
use crate::problem::{Problem, Reply};

/// So many runs of a kind are shown.
const SHOWN: usize = 20;

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    routes.get("/", Right::Account, home)
}

pub(super) fn routes_alone(routes: PageRoutes) -> PageRoutes {
    let of_server = ["/jobs", "/runs", "/tables", "/dataflows", "/events", "/access"];
    let routes = routes.get("/", Right::Account, home_alone);
    of_server
        .into_iter()
        .fold(routes, |routes, path| routes.get(path, Right::Account, || std::future::ready(needs_server())))
}

fn needs_server() -> Problem {
    Problem::not_found("what is here is in the database of a server: `datlake serve` has it")
}

/// What a lake has without a server.
async fn home_alone(State(app): State<App>, visitor: Visitor) -> Reply<Markup> {
    let (calls, notes) = find(&app, CallQuery::default().limit(SHOWN)).await?;
    let content = html! {
        h1 { "The lake" }
        section aria-labelledby="calls" {
            h2 id="calls" { "Latest calls" }
            @for note in &notes { p class="quiet" { (Said(note)) "." } }
            (call_table(&calls))
            p { a href="/calls" { "All calls" } }
        }
        p class="quiet" {
            "This page is yours alone, and reads. What runs, tables, dataflows and accounts are in the database of a server: " code { "datlake serve" } "."
        }
    };
    Ok(visitor.page(Section::Home, "Home", content))
}

async fn home(State(app): State<App>, visitor: Visitor) -> Reply<Markup> {
    // What happens while this is read is seen later once more, and not missed.
    let seen = last_id(app.database()).await?;
    let of = async |which| latest_runs(app.database(), &visitor.caller, which, "", SHOWN).await;
    let (unlucky, _) = of(WhichRuns::Unlucky).await?;
    let (running, more) = of(WhichRuns::Running).await?;
    let (latest, _) = of(WhichRuns::All).await?;
    let heads = ["State", "Job", "Run", "Started", "Took", "By"];
    let content = html! {
        h1 { "What is going on" }
        section aria-labelledby="unlucky" {
            h2 id="unlucky" { "Failed lately" }
            (changing("unlucky-runs", table("Runs that failed or were lost", &heads, run_rows(&unlucky), "Nothing failed.")))
        }
        section aria-labelledby="running" {
            h2 id="running" { "Running now" }
            (changing("running-runs", html! {
                (table("Runs that go on", &heads, run_rows(&running), "Nothing runs."))
                @if more.is_some() { p { a href=(address(&["runs"], &[("state", "running")])) { "All that run" } } }
            }))
        }
        section aria-labelledby="latest" {
            h2 id="latest" { "Latest runs" }
            (changing("latest-runs", table("The latest runs", &heads, run_rows(&latest), "No run was reported to this server yet.")))
            p { a href="/runs" { "All runs" } }
        }
    };
    Ok(visitor.live_page(Section::Home, "Home", Some(("job_status", seen)), content))
}
