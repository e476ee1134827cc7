//! Events over HTTP: pages of them, the stream as server-sent events, and what others say happened.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as Documented, StatusCode as Code};
use aide::operation::OperationOutput;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use schemars::JsonSchema;
use serde::Deserialize;

use super::event::{EventType, NewEvent, ServerEvent, read_events};
use super::follow::{Follower, NextEvent};
use super::seen::may_see;
use crate::access::{AccessRole, Resource};
use crate::app::App;
use crate::http::{Asker, CreatedJson, JsonBody, List, OnceKey, Query, Right, Routes, StrictJson, list, most};
use crate::problem::{Problem, Reply};

/// How often a stream on which nothing happens says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// So many events are read for one page at most, of which many may be nobody's to see.
const READ: usize = 5000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which events are asked for.
#[derive(Deserialize, JsonSchema)]
struct AskedEvents {
    /// Types, with commas in between. All of them unless somebody says.
    #[serde(default)]
    events: String,
    /// What is behind the event with this id.
    after: Option<i64>,
    /// So many at most, on a page.
    amount: Option<i64>,
}

impl AskedEvents {
    fn kinds(&self) -> Option<BTreeSet<String>> {
        let kinds: BTreeSet<String> =
            self.events.split(',').map(str::trim).filter(|kind| !kind.is_empty()).map(str::to_owned).collect();
        (!kinds.is_empty()).then_some(kinds)
    }
}

/// Something that happened, as somebody says.
#[derive(Deserialize, JsonSchema)]
struct EventCreation {
    r#type: String,
    /// What it is about: `job:daily_users`, `table:users`. Whoever may read that sees it.
    subject: String,
    /// Any JSON, of 64 KiB at most.
    #[serde(default)]
    data: StrictJson,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/events", Right::Account, "Lists events of what may be read, the oldest first", page)
        .get(
            "/events/stream",
            Right::AccountOrSession,
            "Follows events of what may be read, as server-sent events",
            follow,
        )
        .post("/events", Right::Named(AccessRole::Writer), "Says that something happened", create)
}

async fn page(
    State(app): State<App>,
    Asker(caller): Asker,
    Query(asked): Query<AskedEvents>,
) -> Reply<Json<List<ServerEvent>>> {
    let (kinds, most) = (asked.kinds(), most(asked.amount));
    let (mut at, mut read, mut results) = (asked.after.unwrap_or(0).max(0), 0, Vec::new());
    loop {
        let page = read_events(app.database(), at, most as i64).await?;
        let is_last = page.len() < most;
        read += page.len();
        for event in page {
            if results.len() == most {
                return Ok(Json(list(results, Some(at.to_string()))));
            }
            at = event.id;
            if kinds.as_ref().is_none_or(|kinds| kinds.contains(&event.r#type)) && may_see(&caller, &event) {
                results.push(event);
            }
        }
        if is_last || read > READ {
            return Ok(Json(list(results, (!is_last).then(|| at.to_string()))));
        }
    }
}

/// Server-sent events.
struct EventStream(Response);

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for EventStream {
    type Inner = String;

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        let content = [("text/event-stream".to_owned(), MediaType::default())].into_iter().collect();
        let description = "Events: `id`, `event` is the type, `data` the event as JSON; `lagged` is the last one for \
                           whoever cannot keep up"
            .to_owned();
        Some(Documented { description, content, ..Documented::default() })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Code>, Documented)> {
        let response = Self::operation_response(ctx, operation);
        response.map(|response| (Some(Code::Code(200)), response)).into_iter().collect()
    }
}

async fn follow(
    State(app): State<App>,
    Asker(caller): Asker,
    Query(asked): Query<AskedEvents>,
    headers: HeaderMap,
) -> Reply<EventStream> {
    let said = headers.get(LAST_EVENT_ID).map(|said| said.to_str().ok().and_then(|said| said.trim().parse().ok()));
    let after = match said {
        // Where a stream broke off says more than where it began.
        Some(Some(id)) => Some(id),
        Some(None) => return Err(Problem::bad_request("`Last-Event-ID` is the id of an event: a number")),
        None => asked.after,
    };
    let follower =
        Follower::new(app.events(), app.callers(), &caller, headers, asked.kinds(), after.map(|id| id.max(0)));
    let events = stream::unfold(follower.await?, |mut follower| async move {
        let sent = match follower.next().await? {
            NextEvent::Came(event) => {
                let data = serde_json::to_string(&*event).unwrap_or_default();
                Sent::default().id(event.id.to_string()).event(&event.r#type).data(data)
            }
            NextEvent::Lagged(why) => {
                Sent::default().event("lagged").data(serde_json::json!({ "message": why }).to_string())
            }
        };
        Some((Ok::<_, Infallible>(sent), follower))
    });
    // So that whoever asks knows that from here on it misses nothing.
    let begun = stream::iter([Ok(Sent::default().comment("begun"))]);
    let stream = Sse::new(begun.chain(events)).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat"));
    // Proxies that gather what comes would hand it on late.
    Ok(EventStream(([("x-accel-buffering", "no")], stream).into_response()))
}

async fn create(
    State(app): State<App>,
    Asker(caller): Asker,
    OnceKey(key): OnceKey,
    JsonBody(new): JsonBody<EventCreation>,
) -> Reply<CreatedJson<ServerEvent>> {
    let wrong =
        || Problem::bad_request("`subject` is as `job:NAME`, `table:NAME`, `dataset:BUCKET/PATH` or `repo:NAME`");
    let plain = !new.subject.chars().any(char::is_control) && new.subject.len() <= 1000;
    let subject = Resource::parse(&new.subject).filter(|_| plain).ok_or_else(|| wrong().of_field("subject"))?;
    caller.needs(AccessRole::Writer, &subject)?;
    let StrictJson(data) = new.data;
    let asked = ("event", &new.r#type, &new.subject, data.clone());
    let event = NewEvent::custom(EventType::custom(new.r#type.clone())?, subject, None, data)?;
    let mut change = app.change(&caller).await?;
    if let Some(before) = change.answered(key.as_deref(), &asked).await? {
        return Ok(CreatedJson(before));
    }
    change.note(event);
    Ok(CreatedJson(change.answer_event().await?))
}
