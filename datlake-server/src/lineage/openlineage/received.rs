//! What an event changes.
//!
//! Events of a run may come in any order, several times, and after its end: the first makes the run, an end ends it, and what it read and wrote is
//! added. Nobody gives a heartbeat for such a run, so it is lost late, and may still complete.

use std::time::Duration;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::wire::{NamedInEvent, OpenLineageEvent, RunEventType};
use crate::access::{AccessRole, Caller, Resource};
use crate::events::{EventType, NewEvent, StateChange};
use crate::http::check_name;
use crate::jobs::{ItemRole, RunEnd, RunItem, RunItemKind, begin_run, check_items, end_run, note_items};
use crate::problem::{Problem, Reply};

/// So long a run may be silent.
const LEASE: Duration = Duration::from_secs(24 * 3600);
/// The most bytes of an event that are kept with it.
const LARGEST: usize = 32 << 10;

/// What came of an event.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) job: Option<String>,
    pub(super) run: Option<String>,
}

/// Does what an event says.
///
/// # Errors
/// 400 for what is none, 403 for who may not write in its job or dataset, 409 for a run of another job, and for another end than before.
pub(super) async fn receive(change: &mut StateChange, said: Value, caller: &Caller) -> Reply<Received> {
    let event = OpenLineageEvent::of(&said)?;
    match (&event.job, &event.run, &event.dataset) {
        (Some(job), Some(run), None) => of_run(change, &event, job, &run.run_id, said, caller).await,
        (Some(job), None, None) => {
            let (job, resource) = job_of(job)?;
            caller.needs(AccessRole::Writer, &resource)?;
            note(change, resource, None, said);
            Ok(Received { job: Some(job), run: None })
        }
        (None, None, Some(dataset)) => {
            let name = dataset.whole();
            check_name("dataset", &name, "dataset")?;
            let resource = Resource::dataset(&dataset.namespace, &dataset.name);
            caller.needs(AccessRole::Writer, &resource)?;
            note(change, resource, None, said);
            Ok(Received::default())
        }
        _ => Err(Problem::bad_request(
            "the event is none of OpenLineage: it has a `run` and a `job`, a `job`, or a `dataset`",
        )),
    }
}

fn job_of(job: &NamedInEvent) -> Reply<(String, Resource)> {
    let name = job.whole();
    check_name("job", &name, "job")?;
    Ok((name.clone(), Resource::job(&name)))
}

async fn of_run(
    change: &mut StateChange,
    event: &OpenLineageEvent,
    job: &NamedInEvent,
    run: &str,
    said: Value,
    caller: &Caller,
) -> Reply<Received> {
    let (job, resource) = job_of(job)?;
    caller.needs(AccessRole::Writer, &resource)?;
    let Ok(run) = Uuid::try_parse(run) else {
        return Err(Problem::bad_request("`run.runId` is no UUID").of_field("run.runId"));
    };
    let run = run.to_string();
    let inputs = items("inputs", &event.inputs)?;
    let outputs = items("outputs", &event.outputs)?;
    begin_run(change, &job, &run, LEASE, caller).await?;
    note_items(change, &job, &run, ItemRole::Input, &inputs).await?;
    note_items(change, &job, &run, ItemRole::Output, &outputs).await?;
    note(change, resource, Some(run.clone()), said);
    let success = match event.event_type {
        Some(RunEventType::Complete) => Some(true),
        Some(RunEventType::Fail | RunEventType::Abort) => Some(false),
        _ => None,
    };
    if let Some(success) = success {
        let end = RunEnd { success, artifacts: Vec::new(), metadata: Map::new() };
        end_run(change, &job, &run, end, caller).await?;
    }
    Ok(Received { job: Some(job), run: Some(run) })
}

fn items(field: &str, said: &[NamedInEvent]) -> Reply<Vec<RunItem>> {
    let item = |said: &NamedInEvent| RunItem {
        kind: RunItemKind::Uri,
        name: said.name.clone(),
        uri: said.whole(),
        snapshot_id: None,
    };
    let items: Vec<RunItem> = said.iter().map(item).collect();
    check_items(field, &items)?;
    Ok(items)
}

/// Keeps the event itself, with its facets, where it is not too large.
fn note(change: &mut StateChange, subject: Resource, run: Option<String>, said: Value) {
    let size = said.to_string().len();
    let data = match size > LARGEST {
        true => {
            json!({"openlineage": {"eventType": said["eventType"], "eventTime": said["eventTime"]}, "left_out_bytes": size})
        }
        false => json!({"openlineage": said}),
    };
    change.note(NewEvent { kind: EventType::LINEAGE, subject, run, data });
}
