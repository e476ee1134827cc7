//! What happened, the latest first.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;

use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::jobs::{ROWS, event_table};
use super::show::{changing, more};
use crate::app::App;
use crate::events::{last_id, latest_events};
use crate::http::{Query, Right};
use crate::problem::Reply;

#[derive(Deserialize)]
struct Asked {
    after: Option<i64>,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    routes.get("/events", Right::Account, events)
}

async fn events(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply<Markup> {
    let seen = last_id(app.database()).await?;
    let (found, next) = latest_events(app.database(), &visitor.caller, asked.after, ROWS).await?;
    let content = html! {
        h1 { "Events" }
        (changing("events", event_table(&found, "Nothing happened yet.")))
        (more(next.map(|next| next.to_string()).as_deref(), &["events"], &[]))
    };
    Ok(visitor.live_page(Section::Events, "Events", Some(("", seen)), content))
}
