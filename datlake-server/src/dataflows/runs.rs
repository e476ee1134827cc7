//! Runs of dataflows: one that starts claims what is ready, one that ends settles that.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::routes::{AtDataflow, named};
use super::wire::ReadyRecord;
use crate::access::AccessRole;
use crate::app::App;
use crate::deliveries::{Dataflow, SaidOfData, claim, dataflow_of_run, say};
use crate::http::{Asker, At, CreatedJson, JsonBody, OnceKey, Right, Routes, StrictJson, no_dataflow, object_of};
use crate::jobs::{JobRun, RunEnd, end_run, lease_of, start_run};
use crate::problem::{Problem, Reply};

/// The most bytes of what a source says of its data.
const LONGEST: usize = 1000;

/// A run of a dataflow in a path.
#[derive(Deserialize, JsonSchema)]
struct AtDataflowRun {
    run: String,
}

/// A run that is to start.
#[derive(Default, Deserialize, JsonSchema)]
struct DataflowRunCreation {
    /// A JSON object, of 1 MiB at most.
    #[serde(default)]
    #[schemars(with = "Option<Map<String, Value>>")]
    metadata: Option<StrictJson>,
    /// A run that gives no heartbeat for so long is lost, and what it has claimed goes to others: 300 unless somebody says.
    lease_seconds: Option<f64>,
}

/// A run that has started.
#[derive(Serialize, Deserialize, JsonSchema)]
struct StartedDataflowRun {
    run_id: String,
    dataflow_id: String,
    /// The job that it is a run of: heartbeats are given there.
    job_name: String,
    started_at: String,
    lease_until: String,
    /// What it has claimed, in the order in which it became ready.
    dataflow_queue_list: Vec<ReadyRecord>,
}

/// How a run ends.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FinishStatus {
    /// What it claimed is consumed, and it is ready for its targets.
    Success,
    /// What it claimed is ready for others.
    Failure,
}

/// The end of a run.
#[derive(Deserialize, JsonSchema)]
struct DataflowRunFinish {
    status: FinishStatus,
    /// How many records its data have.
    record_count: Option<i64>,
    /// A name of the batch, for the targets.
    dataflow_batch_run_id: Option<String>,
    /// Which partition its data are of.
    dataflow_partition_key: Option<String>,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let writer = Right::Dataflow(AccessRole::Writer);
    routes.post("/dataflows/{dataflow}/runs", writer, "Starts a run, which claims what is ready", start).put(
        "/dataflows/runs/{run}/finish",
        writer,
        "Ends a run; the same end again is fine",
        finish,
    )
}

async fn start(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtDataflow>,
    OnceKey(key): OnceKey,
    new: Option<JsonBody<DataflowRunCreation>>,
) -> Reply<CreatedJson<StartedDataflowRun>> {
    let JsonBody(new) = new.unwrap_or_default();
    let lease = lease_of(new.lease_seconds)?;
    let metadata = object_of("metadata", new.metadata)?;
    let mut change = app.change(&caller).await?;
    let dataflow = named(change.sql(), &at.dataflow, &caller).await?;
    let request = ("dataflow run", &dataflow.id, lease.as_secs_f64(), &metadata);
    if let Some(before) = change.answered(key.as_deref(), &request).await? {
        return Ok(CreatedJson(before));
    }
    let begun = start_run(&mut change, &dataflow.job, &metadata, lease).await?;
    let JobRun { run_id, started_at, lease_until, .. } = begun;
    let claimed = claim(&mut change, &dataflow, &run_id).await?;
    let Dataflow { id, job, .. } = dataflow;
    let dataflow_queue_list = claimed.into_iter().map(ReadyRecord::from).collect();
    let started =
        StartedDataflowRun { run_id, dataflow_id: id, job_name: job, started_at, lease_until, dataflow_queue_list };
    Ok(CreatedJson(change.answer(started).await?))
}

async fn finish(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtDataflowRun>,
    JsonBody(end): JsonBody<DataflowRunFinish>,
) -> Reply<Json<JobRun>> {
    check(&end)?;
    let mut change = app.change(&caller).await?;
    let dataflow = dataflow_of_run(change.sql(), &at.run).await?.ok_or_else(|| no_dataflow(&at.run))?;
    // What it says is part of how it ends, and so compared with what it said before.
    let said = json!({
        "record_count": end.record_count,
        "dataflow_batch_run_id": end.dataflow_batch_run_id,
        "dataflow_partition_key": end.dataflow_partition_key,
    });
    let metadata = match said {
        Value::Object(said) => said.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    };
    let (batch_run_id, partition_key) = (end.dataflow_batch_run_id, end.dataflow_partition_key);
    say(&mut change, &at.run, SaidOfData { record_count: end.record_count, batch_run_id, partition_key }).await?;
    let end = RunEnd { success: end.status == FinishStatus::Success, artifacts: Vec::new(), metadata };
    let run = end_run(&mut change, &dataflow.job, &at.run, end, &caller).await?;
    change.commit().await?;
    Ok(Json(run))
}

fn check(end: &DataflowRunFinish) -> Reply<()> {
    if let Some(count) = end.record_count.filter(|count| *count < 0) {
        return Err(
            Problem::bad_request(format!("`record_count` is {count}: it is 0 or more")).of_field("record_count")
        );
    }
    let texts = [
        ("dataflow_batch_run_id", &end.dataflow_batch_run_id),
        ("dataflow_partition_key", &end.dataflow_partition_key),
    ];
    for (field, text) in texts {
        let wrong = text.as_ref().filter(|text| text.len() > LONGEST || text.chars().any(char::is_control));
        if wrong.is_some() {
            let message = format!("`{field}` has more than {LONGEST} bytes, or a control character");
            return Err(Problem::bad_request(message).of_field(field));
        }
    }
    Ok(())
}
