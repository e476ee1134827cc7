//! The lineage graph: that of `datlake lineage --format html`, within the page.

use std::sync::LazyLock;

use axum::extract::State;
use datlake::report::LineageGraph;
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;

use super::address::address;
use super::assets::Asset;
use super::frame::{Section, Visitor};
use super::guard::PageRoutes;
use super::show::Said;
use crate::access::AccessRole;
use crate::app::App;
use crate::http::{Query, Right};
use crate::problem::{Problem, Reply};

/// What `web/` is built to, with a script and a style in it.
const BUILT: &str = include_str!("lineage.html");
/// Steps up and down, unless somebody says, and the most of them.
const STEPS: usize = 5;
const MOST_STEPS: usize = 50;
/// So many calls below are looked at.
const CALLS: usize = 500;

static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::script("/lineage.js", part("script type=\"module\"", "script")));
static STYLE: LazyLock<Asset> = LazyLock::new(|| Asset::style("/lineage.css", part("style", "style")));

/// What stands in the first element that begins so.
fn part(begins: &str, name: &str) -> &'static str {
    let rest = BUILT.split_once(&format!("<{begins}>")).map_or("", |(_, rest)| rest);
    rest.split_once(&format!("</{name}>")).map_or("", |(text, _)| text)
}

#[derive(Deserialize)]
struct Asked {
    /// A file, a call or a creator; the pipeline where nothing is said.
    #[serde(default)]
    of: String,
    steps: Option<usize>,
}

pub(super) fn routes(routes: PageRoutes) -> PageRoutes {
    routes
        .get("/lineage", Right::Server(AccessRole::Reader), lineage)
        .get(SCRIPT.path(), Right::Open, || std::future::ready(SCRIPT.answer()))
        .get(STYLE.path(), Right::Open, || std::future::ready(STYLE.answer()))
}

async fn lineage(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply<Markup> {
    let (lake, of) = (app.lake().clone(), asked.of.trim().to_owned());
    let steps = asked.steps.unwrap_or(STEPS).min(MOST_STEPS);
    let graph = tokio::task::spawn_blocking(move || graph_of(&lake, &of, steps)).await;
    let graph = graph.map_err(|e| Problem::internal(&e))??;
    // In JSON this stands in strings alone, and there it may be an escape. Without it nothing ends the element that it stands in.
    let answer = serde_json::to_string(&graph).unwrap_or_default().replace('<', "\\u003c");
    let title = if asked.of.is_empty() { "The pipeline" } else { asked.of.as_str() };
    let content = html! {
        link rel="stylesheet" href=(STYLE.address());
        h1 { "Lineage" }
        form class="ask" action="/lineage" {
            input type="search" name="of" aria-label="A file, a call or a function" placeholder="file, @call or function" value=(asked.of);
            button type="submit" { "Show" }
        }
        p class="way" {
            (Said(title))
            @if !asked.of.is_empty() && (graph.more_above || graph.left_out > 0) && steps < MOST_STEPS {
                " · " a href=(address(&["lineage"], &[("of", &asked.of), ("steps", &(steps * 2).to_string())])) { "more steps" }
            }
        }
        @if graph.nodes.is_empty() { p class="empty" { "The lake has no calls." } }
        @else { div id="lineage" class="graph" { noscript { "The graph is drawn by a script." } } }
        script type="application/json" id="answer" { (PreEscaped(answer)) }
        script type="module" src=(SCRIPT.address()) {}
    };
    Ok(visitor.page(Section::Lineage, title, content))
}

fn graph_of(lake: &datlake::Lake, of: &str, steps: usize) -> datlake::Result<LineageGraph> {
    if of.is_empty() {
        return lake.pipeline_graph();
    }
    let mut notes = Vec::new();
    let mut latest = |creator: &str, count| datlake_index::latest_calls(lake, creator, count, &mut notes);
    let graph = lake.lineage_graph_by(of, steps, steps, CALLS, &mut latest)?;
    lake.lineage_contents_by(&graph, &mut latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_page_has_a_script_and_a_style() {
        let (script, style) = (part("script type=\"module\"", "script"), part("style", "style"));
        assert!(script.len() > 50_000 && script.contains("getElementById(") && style.contains(".lineage"));
    }
}
