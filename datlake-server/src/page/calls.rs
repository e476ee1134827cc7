//! Calls of the lake: found by the index, and one by one.

use std::time::{Duration, SystemTime};

use axum::extract::State;
use datlake::lineage::Param;
use datlake::report::{CallInfo, CallRow, InputRow, OutputRow};
use datlake::{CallKey, CallQuery, CreatorName, Uid};
use maud::{Markup, html};
use serde::Deserialize;

use super::address::address;
use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::jobs::ROWS;
use super::show::{At, Said, facts, json, millis, more, size, table};
use crate::access::AccessRole;
use crate::app::App;
use crate::http::{Query, Right};
use crate::problem::{Problem, Reply};

/// So many calls may have begun in the millisecond in which a page ends.
const AT_ONCE: usize = 200;

#[derive(Clone, Deserialize)]
struct Asked {
    #[serde(default)]
    creator: String,
    /// A condition for a parameter: `n>=7`.
    #[serde(default)]
    param: String,
    #[serde(default)]
    person: String,
    /// When the last call of the page before began, and its key.
    #[serde(default)]
    after: String,
}

#[derive(Deserialize)]
struct One {
    #[serde(default)]
    of: String,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    let reader = Right::Server(AccessRole::Reader);
    routes.get("/calls", reader, calls).get("/call", reader, one)
}

impl Asked {
    fn query(&self) -> Reply<CallQuery> {
        let mut query = CallQuery::default().limit(ROWS + 1 + AT_ONCE);
        if !self.creator.trim().is_empty() {
            query = query.creator(self.creator.trim());
        }
        if !self.param.trim().is_empty() {
            query = query.param(self.param.trim().parse().map_err(|e| Problem::from(e).of_field("param"))?);
        }
        if !self.person.trim().is_empty() {
            query = query.person(self.person.trim());
        }
        if let Some((at, _)) = self.last()? {
            // With those of the same millisecond, of which some were on the page before.
            query = query.until(at + Duration::from_millis(1));
        }
        Ok(query)
    }

    fn last(&self) -> Reply<Option<(SystemTime, &str)>> {
        let wrong = || Problem::bad_request("`after` is what a page before said");
        match self.after.as_str() {
            "" => Ok(None),
            after => {
                let (at, key) = after.split_once(' ').ok_or_else(wrong)?;
                Ok(Some((humantime::parse_rfc3339(at).map_err(|_| wrong())?, key)))
            }
        }
    }
}

async fn calls(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply<Markup> {
    let (mut rows, notes) = find(&app, asked.query()?).await?;
    if let Some((_, key)) = asked.last()? {
        let before = rows.iter().position(|call| call.key.to_string() == key).map_or(0, |at| at + 1);
        rows.drain(..before);
    }
    let has_more = rows.len() > ROWS;
    rows.truncate(ROWS);
    let last = rows.last().filter(|_| has_more);
    let next = last.map(|call| format!("{} {}", call.started_at.as_deref().unwrap_or_default(), call.key));
    let content = html! {
        h1 { "Calls" }
        form class="ask" action="/calls" {
            input type="search" name="creator" aria-label="Function" placeholder="function" value=(asked.creator);
            input type="search" name="param" aria-label="Condition for a parameter" placeholder="parameter, as n>=7" value=(asked.param);
            input type="search" name="person" aria-label="Person" placeholder="person" value=(asked.person);
            button type="submit" { "Find" }
        }
        @for note in &notes { p class="quiet" { (Said(note)) "." } }
        (call_table(&rows))
        (more(next.as_deref(), &["calls"], &[("creator", &asked.creator), ("param", &asked.param), ("person", &asked.person)]))
    };
    Ok(visitor.page(Section::Calls, "Calls", content))
}

/// Calls, as the index finds them, and what was wrong with that.
pub(super) async fn find(app: &App, query: CallQuery) -> Reply<(Vec<CallRow>, Vec<String>)> {
    let lake = app.lake().clone();
    let found = tokio::task::spawn_blocking(move || datlake_index::find_calls(&lake, &query)).await;
    let found = found.map_err(|e| Problem::internal(&e))??;
    Ok((found.found.calls, found.notes))
}

pub(super) fn call_table(calls: &[CallRow]) -> Markup {
    let heads = ["Function", "Call", "Parameters", "Files", "Started", "Took", "By"];
    table("Calls", &heads, calls.iter().map(row), "There is none.")
}

fn row(call: &CallRow) -> Markup {
    html! {
        td { a href=(address(&["calls"], &[("creator", call.creator.as_str())])) { (Said(call.creator.function())) } }
        td { (call_link(&call.creator, &call.key)) }
        td { code class="long" { (Said(&in_words(&call.params))) } }
        td class="number" { (call.outputs.len()) }
        td { @if let Some(at) = &call.started_at { (At(at)) } }
        td class="number" { @if let Some(took) = call.duration_ms { (millis(took)) } }
        td { @if let Some(by) = &call.originator { (Said(by)) } }
    }
}

fn in_words(params: &[Param]) -> String {
    let word =
        |param: &Param| format!("{}={}", param.name, if param.secret { "secret".to_owned() } else { param.shown() });
    params.iter().map(word).collect::<Vec<_>>().join(", ")
}

pub(super) fn call_link(creator: &CreatorName, key: &CallKey) -> Markup {
    let (whole, key) = (format!("@{creator}/{key}"), key.to_string());
    html! { a href=(address(&["call"], &[("of", &whole)])) title=(whole) { code { (creator.function()) "/" (&key[..8.min(key.len())]) } } }
}

pub(super) fn file_link(uid: &Uid, name: &str) -> Markup {
    html! { a href=(address(&["file"], &[("uid", uid.as_str())])) title=(uid.as_str()) { (Said(name)) } }
}

/// What it was called with. Of a secret there is no value.
pub(super) fn parameters(params: &[Param]) -> Markup {
    let rows = params.iter().map(|param| {
        html! {
            td { (Said(&param.name)) }
            td { @if param.secret { span class="quiet" { "secret" } } @else { code class="long" { (Said(&param.shown())) } } }
        }
    });
    table("Parameters", &["Parameter", "Value"], rows, "It has no parameters.")
}

pub(super) fn inputs(inputs: &[InputRow]) -> Markup {
    let rows = inputs.iter().map(|input| {
        html! {
            td { @match &input.uid { Some(uid) => (file_link(uid, &input.name)), None => (Said(&input.name)) } }
            td class="number" { (size(input.size)) }
            td { @if let Some(argument) = &input.argument { (Said(argument)) } }
        }
    });
    table("Files that it was given", &["File", "Size", "Parameter"], rows, "It was given no files.")
}

pub(super) fn outputs(outputs: &[OutputRow]) -> Markup {
    let rows = outputs.iter().map(|output| {
        html! { td { (file_link(&output.uid, &output.name)) } td class="number" { (size(output.size)) } }
    });
    table("Files that it made", &["File", "Size"], rows, "It made no files.")
}

async fn one(State(app): State<App>, visitor: Visitor, Query(One { of }): Query<One>) -> Reply<Markup> {
    let info = app.lake().call_info_async(&of).await?;
    let call = &info.call;
    let whole = format!("@{}/{}", call.creator, call.key);
    let content = html! {
        p class="way" { a href=(address(&["calls"], &[("creator", call.creator.as_str())])) { (Said(call.creator.as_str())) } }
        h1 { (Said(call.creator.function())) " " code { (call.key) } }
        p class="choices" { a href=(address(&["lineage"], &[("of", &whole)])) { "Lineage" } }
        (facts(&facts_of(&info)))
        section aria-labelledby="parameters" { h2 id="parameters" { "Parameters" } (parameters(&call.params)) }
        section aria-labelledby="value" {
            h2 id="value" { "What it returned" }
            @match (&info.value.json, &info.value.not_shown) {
                (Some(value), _) => (json(value)),
                (None, why) => p class="empty" { (Said(why.as_deref().unwrap_or("It cannot be shown"))) "." },
            }
        }
        section aria-labelledby="inputs" { h2 id="inputs" { "Made from" } (inputs(&call.inputs)) }
        section aria-labelledby="outputs" { h2 id="outputs" { "Made" } (outputs(&call.outputs)) }
    };
    Ok(visitor.page(Section::Calls, call.creator.function(), content))
}

fn facts_of(info: &CallInfo) -> Vec<(&'static str, Option<Markup>)> {
    let call = &info.call;
    let code = html! {
        (Said(&call.package)) " " (Said(&call.package_version)) ", " (Said(&call.file)) ":" (call.line)
        @if let Some(link) = call.permalink.as_ref().filter(|link| link.starts_with("https://")) {
            " " a href=(link) rel="noreferrer" { "the source" }
        }
    };
    vec![
        ("Started", Some(html! { (At(&info.created_at)) })),
        ("Took", Some(millis(call.duration_ms))),
        ("By", Some(html! { (Said(&info.originator)) " on " (Said(&call.host)) })),
        ("Run", Some(html! { code { (Said(&call.run)) } })),
        ("Code", Some(code)),
        ("Commit", call.commit.as_ref().map(|commit| html! { code { (Said(commit)) } })),
    ]
}
