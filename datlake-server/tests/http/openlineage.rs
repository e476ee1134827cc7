//! Events of OpenLineage: what is made of them, in whatever order they come, and by whom.

use std::process::Command;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::jobs::problem_with_field;
use crate::support::{Served, json as answered, problem};

const RUN: &str = "0190f5c8-7d5f-7cc2-b1c3-0000000000";

fn event(kind: &str, run: &str, job: &str) -> Value {
    json!({
        "eventType": kind, "eventTime": "2026-01-02T03:04:05Z", "producer": "https://example.org",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run, "facets": {"nominalTime": {"nominalStartTime": "2026-01-02T03:00:00Z"}}},
        "job": {"namespace": "airflow", "name": job}, "inputs": [{"namespace": "s3://raw", "name": "/users.csv"}], "outputs": []
    })
}

/// What holds on each server.
pub(crate) fn everything(served: &Served) {
    let airflow = served.account("airflow", &[("writer", "job:airflow"), ("writer", "dataset:warehouse/*")]);
    let send = |event: &Value| answered(airflow.post("/lineage", event), StatusCode::CREATED);
    // The end comes first, twice, and its beginning last.
    let run = format!("{RUN}01");
    let mut end = event("COMPLETE", &run, "load");
    end["outputs"] = json!([{"namespace": "s3://clean/", "name": "users.parquet"}]);
    for _ in 0..2 {
        assert_eq!(send(&end), json!({"job_name": "airflow/load", "run_id": run}));
    }
    send(&event("START", &run, "load"));
    let seen = airflow.json(&format!("/jobs/airflow%2Fload/runs/{run}"));
    assert_eq!((&seen["state"], &seen["account"]), (&json!("succeeded"), &json!("airflow")));
    assert_eq!(
        (seen["inputs"].as_array().unwrap().len(), &seen["inputs"][0]["uri"]),
        (1, &json!("s3://raw/users.csv"))
    );
    assert_eq!(seen["outputs"][0]["uri"], "s3://clean/users.parquet");
    problem(airflow.post("/lineage", &event("FAIL", &run, "load")), 409, &["succeeded at"]);
    problem(airflow.post("/lineage", &event("START", &run, "other")), 409, &["of another job"]);
    let failing = format!("{RUN}02");
    send(&event("START", &failing, "load"));
    assert_eq!(airflow.json(&format!("/jobs/airflow%2Fload/runs/{failing}"))["state"], "running");
    send(&event("FAIL", &failing, "load"));
    assert_eq!(airflow.json(&format!("/jobs/airflow%2Fload/runs/{failing}"))["state"], "failed");
    // Its facets stay with it.
    let events = airflow.json("/events?events=lineage_event&amount=1000");
    let kept = events["results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["run_id"] == failing.as_str() && event["data"]["openlineage"].is_object());
    assert_eq!(kept.unwrap()["data"]["openlineage"]["run"]["facets"], end["run"]["facets"]);
    // Of a job and of a dataset, there is the event alone.
    let job = json!({"eventTime": "2026-01-02T03:04:05Z", "job": {"namespace": "airflow", "name": "known"}, "producer": "https://example.org"});
    assert_eq!(send(&job), json!({"job_name": "airflow/known", "run_id": null}));
    send(&json!({"eventTime": "2026-01-02T03:04:05Z", "dataset": {"namespace": "warehouse", "name": "users"}}));
    // What is none, and what is not theirs.
    problem_with_field(airflow.post("/lineage", &event("BEGIN", &run, "load")), 400, Some("eventType"));
    problem_with_field(airflow.post("/lineage", &event("START", "x", "load")), 400, Some("run.runId"));
    problem(airflow.post("/lineage", &json!({"eventType": "START"})), 400, &["it has a `run` and a `job`"]);
    let mut theirs = event("START", &run, "load");
    theirs["job"]["namespace"] = json!("dbt");
    problem(airflow.post("/lineage", &theirs), 403, &["`writer` on `job:dbt/load`"]);
    let other = served.account("airflow-2", &[("writer", "job:airflow")]);
    problem(other.post("/lineage", &event("RUNNING", &failing, "load")), 403, &["was started by `airflow`"]);
}

/// The client that others use.
#[test]
fn the_client_of_openlineage_is_understood() {
    let Ok(python) = std::env::var("DATLAKE_TEST_VALIDATORS") else {
        return eprintln!(
            "LEFT OUT: the_client_of_openlineage_is_understood needs a Python package; ./test gets it where it can"
        );
    };
    let served = Served::new();
    let token = served.token("airflow", &[("writer", "job:airflow")]);
    let program = r#"
import sys, uuid
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport

auth = ApiKeyTokenProvider({"apiKey": sys.argv[2]})
client = OpenLineageClient(transport=HttpTransport(HttpConfig(url=sys.argv[1], auth=auth)))
run, job = Run(runId=sys.argv[3]), Job(namespace="airflow", name="load")
for state in (RunState.START, RunState.COMPLETE):
    client.emit(RunEvent(eventType=state, eventTime="2026-01-02T03:04:05Z", run=run, job=job, producer="https://example.org",
        inputs=[InputDataset(namespace="s3://raw", name="users.csv")], outputs=[OutputDataset(namespace="s3://clean", name="users")]))
"#;
    let run = format!("{RUN}03");
    let ran = Command::new(python).args(["-W", "ignore", "-c", program, &served.url, &token, &run]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let seen = served.root().json(&format!("/jobs/airflow%2Fload/runs/{run}"));
    assert_eq!((&seen["state"], &seen["outputs"][0]["uri"]), (&json!("succeeded"), &json!("s3://clean/users")));
}
