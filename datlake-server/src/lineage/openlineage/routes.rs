//! `/api/v1/lineage`, where clients of OpenLineage send their events.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::received::receive;
use super::wire::SaidEvent;
use crate::access::AccessRole;
use crate::app::App;
use crate::http::{Asker, CreatedJson, JsonBody, Right, Routes, StrictJson};
use crate::problem::Reply;

/// What an event was taken for.
#[derive(Debug, Serialize, JsonSchema)]
struct TakenEvent {
    /// Of a job or a run.
    job_name: Option<String>,
    run_id: Option<String>,
}

pub(in crate::lineage) fn routes(routes: Routes) -> Routes {
    let writer = Right::Named(AccessRole::Writer);
    routes.post("/lineage", writer, "Takes an event of OpenLineage: of a run, a job or a dataset", take)
}

async fn take(
    State(app): State<App>,
    Asker(caller): Asker,
    JsonBody(SaidEvent(StrictJson(said))): JsonBody<SaidEvent>,
) -> Reply<CreatedJson<TakenEvent>> {
    let mut change = app.change(&caller).await?;
    let received = receive(&mut change, said, &caller).await?;
    change.commit().await?;
    Ok(CreatedJson(TakenEvent { job_name: received.job, run_id: received.run }))
}
