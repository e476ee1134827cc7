//! `/api/v1/lineage`.

use axum::Json;
use axum::extract::State;

use super::graph::graph_around;
use super::openlineage;
use super::wire::{AskedGraph, ServerLineage};
use crate::access::AccessRole;
use crate::app::App;
use crate::http::{Query, Right, Routes};
use crate::problem::{Problem, Reply};

/// Steps, unless somebody says, and the most of them.
const STEPS: usize = 3;
const MOST_STEPS: usize = 20;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = openlineage::routes(routes);
    routes.get(
        "/lineage",
        Right::Server(AccessRole::Reader),
        "Shows where something came from and what became of it",
        graph,
    )
}

async fn graph(State(app): State<App>, Query(asked): Query<AskedGraph>) -> Reply<Json<ServerLineage>> {
    let depth = asked.depth.unwrap_or(STEPS);
    if depth > MOST_STEPS {
        let message = format!("`depth` is {depth}: at most {MOST_STEPS}");
        return Err(Problem::bad_request(message).of_field("depth"));
    }
    Ok(Json(graph_around(&app, &asked.node, depth).await?))
}
