//! The graph of runs, snapshots, files and what else runs read and wrote.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::jobs::problem_with_field;
use crate::support::{Asking, Served, json as answered, problem};

fn begin(whom: &Asking<'_>, job: &str) -> String {
    let run = answered(whom.post(&format!("/jobs/{job}/runs"), &json!({})), StatusCode::CREATED);
    run["run_id"].as_str().unwrap().to_owned()
}

fn ids(graph: &Value) -> Vec<&str> {
    graph["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect()
}

/// What holds on each server.
pub(crate) fn everything(served: &Served) {
    let root = served.root();
    served.lake.add_bytes("lineage/raw.csv", "x,1\n").unwrap();
    let load = begin(&root, "lineage_load");
    let read = json!({"items": [{"kind": "file", "uri": "lake://lineage/raw.csv"}]});
    answered(root.post(&format!("/jobs/lineage_load/runs/{load}/inputs"), &read), StatusCode::OK);
    let registered = json!({"table_name": "lineage_users", "uri": "s3://curated/users/1", "format": "parquet", "job_name": "lineage_load", "run_id": load});
    let snapshot = answered(root.post("/jobs/register-snapshot", &registered), StatusCode::CREATED);
    let snapshot = format!("snapshot:{}", snapshot["snapshot_id"].as_str().unwrap());
    let report = begin(&root, "lineage_report");
    root.json(&format!("/tables/lineage_users/snapshots/latest?run_id={report}"));
    let wrote = json!({"items": [{"kind": "uri", "uri": "s3://out/lineage report"}]});
    answered(root.post(&format!("/jobs/lineage_report/runs/{report}/outputs"), &wrote), StatusCode::OK);
    let (load, report) = (format!("run:{load}"), format!("run:{report}"));
    let (data, file) = ("data:s3://out/lineage report", "lake:lineage/raw.csv");
    let ask =
        |node: &str, depth: usize| root.json(&format!("/lineage?node={}&depth={depth}", node.replace(' ', "%20")));
    // From its end, and from its beginning.
    let whole = ask(data, 6);
    assert_eq!((ids(&whole)[0], &whole["has_more"]), (data, &json!(false)));
    let mut found = ids(&whole);
    found.sort_unstable();
    let mut expected = vec![data, file, &load, &report, &snapshot, "table:lineage_users"];
    expected.sort_unstable();
    assert_eq!(found, expected);
    let edges: Vec<Value> = whole["edges"].as_array().unwrap().clone();
    for (from, to) in [(file, &*load), (&load, &snapshot), (&snapshot, &report), (&report, data)] {
        assert!(edges.contains(&json!({"from": from, "to": to})), "{from} to {to}: {edges:?}");
    }
    let mut again = ask(file, 6);
    let mut from_file = ids(&again);
    from_file.sort_unstable();
    assert_eq!(from_file, expected);
    again["nodes"].take();
    // One step shows who wrote it, and that there is more.
    let near = ask(data, 1);
    assert_eq!((ids(&near), &near["has_more"]), (vec![data, &report], &json!(true)));
    assert_eq!(near["nodes"][1]["details"]["job_name"], "lineage_report");
    problem(root.get("/lineage?node=run:0190f5c8-7d5f-7cc2-b1c3-00000000ffff"), 404, &["there is no `run:"]);
    problem(root.get("/lineage?node=lake:lineage/none.csv"), 404, &["there is no"]);
    problem_with_field(root.get("/lineage?node=sales"), 400, Some("node"));
    problem_with_field(root.get("/lineage?node=table:a&depth=99"), 400, Some("depth"));
    problem(
        served.account("lineage-little", &[("reader", "job:*")]).get("/lineage?node=table:a"),
        403,
        &["`reader` on `*`"],
    );
}
