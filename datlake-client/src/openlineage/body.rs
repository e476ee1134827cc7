//! Events of one body, from what its run wrote down of it.

use datlake_core::run::{Noted, Outcome, RunHeader};
use datlake_core::{Error, ErrorKind, Result};
use datlake_lake::Lake;
use datlake_lake::report::{CallDetails, GraphItem, GraphNode, LineageGraph, after};
use serde_json::{Map, Value, json};

use super::{Events, event, execution_parameters, facet, function, job_facets, parent, run_id};

/// The event of a body of the run `head` that began or ended, or that never ended, if it is `over`.
///
/// # Errors
/// Those of reading the record of what it made. One that is gone or damaged makes an event that says less.
pub fn of_body(lake: &Lake, namespace: &str, head: &RunHeader, noted: &Noted, over: bool) -> Result<Option<Value>> {
    let Some(key) = noted.key else { return Ok(None) };
    let key = key.to_string();
    let id = run_id(&head.run, &noted.creator, &key, &noted.at);
    let mut facets: Map<String, Value> =
        parent(namespace, &head.run, &noted.creator).into_iter().map(|parent| ("parent".to_owned(), parent)).collect();
    let job = json!({ "namespace": namespace, "name": noted.creator, "facets": function() });
    let address = format!("@{}/{key}", noted.creator);
    let kept = match (noted.outcome, over) {
        (Outcome::Unfinished, false) => {
            let run = json!({ "runId": id, "facets": facets });
            return Ok(Some(event("START", &noted.at, &run, &job)));
        }
        (Outcome::Failed, _) => None,
        // Of one that published and was killed before it could write that down, the record tells.
        (Outcome::Unfinished, true) => made(lake, &address)?.filter(|made| made.is_of(&head.run, &noted.at)),
        _ => made(lake, &address)?,
    };
    if let Some(failure) = &noted.failure {
        facets.insert("executionParameters".to_owned(), execution_parameters(&failure.params));
        let error = json!({ "message": failure.error, "programmingLanguage": "RUST" });
        facets.insert("errorMessage".to_owned(), facet("1-0-1/ErrorMessageRunFacet", error));
    }
    let kind = match noted.outcome {
        Outcome::Failed => "FAIL",
        Outcome::Unfinished if kept.is_none() => "ABORT",
        _ => "COMPLETE",
    };
    let took = match (&kept, noted.took_ms) {
        (_, Some(took)) => took,
        (Some(made), None) => made.details().map_or(0, |details| details.duration_ms),
        (None, None) => 0,
    };
    let mut ended = event(kind, &after(&noted.at, took), &json!({ "runId": id, "facets": facets }), &job);
    if let Some(made) = kept {
        made.tell(&mut ended, namespace);
    }
    Ok(Some(ended))
}

/// What a call was given and made.
struct Made {
    graph: LineageGraph,
    call: usize,
    /// Whether it returned more than files.
    value: bool,
}

/// From the record of a call; `None` where that is gone, or damaged.
fn made(lake: &Lake, address: &str) -> Result<Option<Made>> {
    let read = || -> Result<Made> {
        let graph = lake.lineage_graph(address, 1, 0, 1)?;
        let absent = || Error::new(ErrorKind::NotFound, format!("{address} is in no graph"));
        let call = graph.nodes.iter().position(|node| node.address == address).ok_or_else(absent)?;
        Ok(Made { graph, call, value: lake.returned_more_than_files(address) })
    };
    match read() {
        Ok(made) => Ok(Some(made)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt | ErrorKind::Format) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Made {
    fn node(&self) -> &GraphNode {
        &self.graph.nodes[self.call]
    }

    fn details(&self) -> Option<&CallDetails> {
        match &self.node().item {
            GraphItem::Call(call) => call.details.as_ref(),
            _ => None,
        }
    }

    fn is_of(&self, run: &str, started_at: &str) -> bool {
        self.details().is_some_and(|details| details.run == run && details.started_at == started_at)
    }

    fn tell(&self, event: &mut Value, namespace: &str) {
        let events = Events { graph: &self.graph, namespace };
        let GraphItem::Call(call) = &self.node().item else { return };
        let Some(details) = &call.details else { return };
        let Value::Object(facets) = events.run_facets(self.node(), call, details) else { return };
        for (name, facet) in facets {
            // Its parent is who ran it now.
            if name != "parent" {
                event["run"]["facets"][name] = facet;
            }
        }
        event["job"]["facets"] = job_facets(details);
        event["inputs"] = events.given(self.call).map(|node| events.input(node)).collect();
        let is_file = |node: &&GraphNode| matches!(node.item, GraphItem::File(_));
        let files = events.after(self.call).filter(is_file);
        // Whether the value goes on to others is not known yet.
        let value = self.value.then(|| self.node());
        event["outputs"] = files.chain(value).map(|node| events.output(node)).collect();
    }
}
