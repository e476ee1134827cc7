//! Jobs and their runs.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::events::Followed;
use crate::support::{Asking, Served, json as answered, problem};

/// Starts a run: what is answered.
fn start(whom: &Asking<'_>, job: &str, body: Value) -> Value {
    answered(whom.post(&format!("/jobs/{job}/runs"), &body), StatusCode::CREATED)
}

fn at(run: &Value) -> String {
    format!("/jobs/{}/runs/{}", run["job_name"].as_str().unwrap().replace('/', "%2F"), run["run_id"].as_str().unwrap())
}

/// A run from its start to its end, with its events.
fn goes_through(served: &Served) {
    let ada = served.account("ada-runs", &[("writer", "job:daily_*")]);
    let mut events = Followed::begin(&ada, "events=job_status,lineage_event", None);
    let run = start(&ada, "daily_users", json!({"metadata": {"source": "s3", "nested": {"ä": [1, 2.5, null]}}}));
    assert_eq!(
        (&run["state"], &run["account"], &run["ended_at"]),
        (&json!("running"), &json!("ada-runs"), &Value::Null)
    );
    let uri = json!({"kind": "uri", "name": "", "uri": "s3://raw/a"});
    let table = json!({"kind": "table", "name": "users", "uri": "s3://t/1", "snapshot_id": "7"});
    let inputs = format!("{}/inputs", at(&run));
    for _ in 0..2 {
        let noted = answered(ada.post(&inputs, &json!({"items": [table]})), StatusCode::OK);
        assert_eq!(noted["inputs"], json!([table]));
    }
    answered(
        ada.post(&format!("{}/events", at(&run)), &json!({"type": "stats", "data": {"rows": 3}})),
        StatusCode::CREATED,
    );
    let beat = answered(ada.post(&format!("{}/heartbeat", at(&run)), &json!({})), StatusCode::OK);
    assert_eq!((&beat["state"], &beat["run_id"]), (&json!("running"), &run["run_id"]));
    assert!(beat["lease_until"].as_str() > run["lease_until"].as_str());
    let log = json!({"type": "log", "uri": "s3://logs/run.log"});
    let end = json!({
        "success": true, "artifacts": [log],
        "metadata": {"inputs": ["s3://raw/a"], "outputs": [{"kind": "file", "name": "out.csv"}], "rows": 3}
    });
    let complete = format!("{}/complete", at(&run));
    let ended = answered(ada.put(&complete, &end), StatusCode::OK);
    assert_eq!((&ended["state"], &ended["artifacts"]), (&json!("succeeded"), &json!([log])));
    assert_eq!(ended["inputs"].as_array().unwrap().len(), 2);
    assert!(ended["inputs"].as_array().unwrap().contains(&uri));
    assert_eq!(ended["outputs"], json!([{"kind": "file", "name": "out.csv", "uri": ""}]));
    assert_eq!(ended["metadata"], json!({"source": "s3", "nested": {"ä": [1, 2.5, null]}, "rows": 3}));
    // The same end again is fine, another one is not.
    assert_eq!(answered(ada.put(&complete, &end), StatusCode::OK), ended);
    for other in [json!({"success": false}), json!({"success": true}), json!({"success": true, "artifacts": [log]})] {
        problem(ada.put(&complete, &other), 409, &["succeeded at", "another success, artifacts or metadata"]);
    }
    let beat = answered(ada.post(&format!("{}/heartbeat", at(&run)), &json!({})), StatusCode::OK);
    assert_eq!(beat["state"], "succeeded");
    assert_eq!(ada.json(&at(&run)), ended);
    let kinds: Vec<_> =
        (0..5).map(|_| events.next().unwrap()).map(|event| (event.kind, event.data["data"].clone())).collect();
    let states: Vec<_> =
        kinds.iter().filter(|(kind, _)| kind == "job_status").map(|(_, data)| &data["state"]).collect();
    assert_eq!(states, [&json!("running"), &json!("succeeded")]);
    let roles: Vec<_> =
        kinds.iter().filter(|(kind, _)| kind == "lineage_event").map(|(_, data)| &data["role"]).collect();
    assert_eq!(roles, [&json!("input"), &json!("input"), &json!("output")]);
    assert!(kinds.iter().all(|(_, data)| data["run_id"] == run["run_id"]));
    let job = ada.json("/jobs/daily_users");
    assert_eq!((&job["runs"]["succeeded"], &job["runs"]["running"]), (&json!(1), &json!(0)));
}

/// Lists, page by page.
fn are_listed(served: &Served) {
    let bob = served.account("bob-lists", &[("operator", "job:list_*"), ("reader", "job:zone/*")]);
    let runs: Vec<Value> = (0..3).map(|n| start(&bob, "list_b", json!({"metadata": {"n": n}}))).collect();
    start(&bob, "list_a", json!({}));
    start(&served.root(), "zone%2Fmodel%2F", json!({}));
    start(&served.root(), "zoned", json!({}));
    let names = |page: &Value| -> Vec<String> {
        page["results"].as_array().unwrap().iter().map(|job| job["job_name"].as_str().unwrap().to_owned()).collect()
    };
    let (mut after, mut all) = (String::new(), Vec::new());
    loop {
        let page = bob.json(&format!("/jobs?amount=2&after={}", after.replace('/', "%2F")));
        all.extend(names(&page));
        if page["pagination"]["has_more"] == false {
            break;
        }
        page["pagination"]["next_offset"].as_str().unwrap().clone_into(&mut after);
    }
    assert_eq!(all, ["list_a", "list_b", "zone/model/"]);
    let ids = |page: &Value| -> Vec<Value> {
        page["results"].as_array().unwrap().iter().map(|run| run["metadata"]["n"].clone()).collect()
    };
    let mut seen = ids(&bob.json("/jobs/list_b/runs?amount=2"));
    let next = bob.json("/jobs/list_b/runs?amount=2")["pagination"]["next_offset"].as_str().unwrap().to_owned();
    seen.extend(ids(&bob.json(&format!("/jobs/list_b/runs?amount=2&after={next}"))));
    seen.sort_by_key(|n| n.as_i64());
    assert_eq!(seen, [json!(0), json!(1), json!(2)]);
    answered(bob.put(&format!("{}/complete", at(&runs[1])), &json!({"success": false})), StatusCode::OK);
    assert_eq!(ids(&bob.json("/jobs/list_b/runs?state=failed")), [json!(1)]);
    assert_eq!(ids(&bob.json("/jobs/list_b/runs?state=running")).len(), 2);
    problem(bob.get("/jobs/list_b/runs?state=odd"), 400, &["state"]);
    assert_eq!(bob.json("/jobs/zone%2Fmodel%2F")["runs"]["running"], 1);
}

/// Whose run it is.
fn are_somebodys(served: &Served) {
    let (ada, bob) =
        (served.account("ada-own", &[("writer", "job:own")]), served.account("bob-own", &[("writer", "job:own")]));
    let (operator, nothing) = (served.account("op-own", &[("operator", "job:own")]), served.account("no-own", &[]));
    let run = start(&ada, "own", json!({}));
    let complete = format!("{}/complete", at(&run));
    for (method, path, body) in [
        (Method::PUT, complete.clone(), json!({"success": true})),
        (Method::POST, format!("{}/heartbeat", at(&run)), json!({})),
        (Method::POST, format!("{}/inputs", at(&run)), json!({"items": [{"kind": "uri", "uri": "x"}]})),
        (Method::POST, format!("{}/events", at(&run)), json!({"type": "a"})),
    ] {
        let ask =
            |whom: &Asking<'_>| whom.request(method.clone(), &format!("/api/v1{path}")).json(&body).send().unwrap();
        problem(ask(&bob), 403, &["started by `ada-own`", "`bob-own` lacks the role `operator` on `job:own`"]);
        problem(ask(&nothing), 403, &["lacks the role `writer` on `job:own`"]);
    }
    assert_eq!(bob.json(&at(&run))["state"], "running");
    problem(nothing.get(&at(&run)), 404, &["there is no job `own`"]);
    let absent = problem(nothing.get("/jobs/absent"), 404, &[]);
    assert_eq!(problem(nothing.get("/jobs/own"), 404, &[]), absent.replace("absent", "own"));
    assert_eq!(nothing.json("/jobs")["results"], json!([]));
    answered(operator.put(&complete, &json!({"success": false})), StatusCode::OK);
    problem(ada.put(&complete, &json!({"success": true})), 409, &["failed at"]);
}

/// What cannot be a run, a name or metadata.
fn refuse_bad_input(served: &Served) {
    let root = served.root();
    let run = start(&root, "bad", json!({}));
    let none = "00000000-0000-7000-8000-000000000000";
    for path in [
        format!("/jobs/bad/runs/{none}"),
        "/jobs/bad/runs/x".into(),
        "/jobs/bad/runs/%00".into(),
        at(&run).replace("/bad/", "/worse/"),
    ] {
        problem(root.get(&path), 404, &["there is no run"]);
        problem(root.put(&format!("{path}/complete"), &json!({"success": true})), 404, &["there is no run"]);
        problem(root.post(&format!("{path}/heartbeat"), &json!({})), 404, &["there is no run"]);
    }
    problem(root.get("/jobs/none"), 404, &["there is no job `none`"]);
    problem(root.get("/jobs/none/runs"), 404, &["there is no job `none`"]);
    for name in ["%00", "a%0Ab", "a%E2%80%AEb", "%20a", &"x".repeat(401)] {
        problem(root.post(&format!("/jobs/{name}/runs"), &json!({})), 400, &["cannot be the name of a job"]);
        problem(root.get(&format!("/jobs/{name}")), 400, &["cannot be the name of a job"]);
    }
    assert_eq!(start(&root, "%E6%97%A5%E6%9C%AC%20%F0%9F%A6%80", json!({}))["job_name"], "日本 🦀");
    let deep = |depth: usize| format!("{{\"metadata\":{}1{}}}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let post = |body: String| root.request(Method::POST, "/api/v1/jobs/bad/runs").body(body).send().unwrap();
    assert_eq!(post(deep(64)).status(), StatusCode::CREATED);
    for (body, status, says, field) in [
        (deep(65), 400, "within each other", Some("metadata")),
        (deep(10_000), 400, "recursion limit", Some("metadata.a…")),
        ("{\"metadata\":[]}".into(), 400, "is a JSON object", Some("metadata")),
        ("{\"metadata\":{\"a\":{\"b\":1,\"b\":2}}}".into(), 400, "`b` is said twice", Some("metadata.a…")),
        (format!("{{\"metadata\":{{\"a\":\"{}\"}}}}", "x".repeat(1 << 20)), 413, "at most 1048576", Some("metadata")),
        (format!("{{\"metadata\":{{\"a\":\"{}\"}}}}", "x".repeat(10 << 20)), 413, "larger than", None),
        ("{\"lease_seconds\":0}".into(), 400, "from 0.1", Some("lease_seconds")),
        ("{\"lease_seconds\":1e300}".into(), 400, "from 0.1", Some("lease_seconds")),
        ("{\"lease_seconds\":\"1\"}".into(), 400, "the body is wrong", Some("lease_seconds")),
        ("nothing".into(), 400, "the body is wrong", None),
        ("{} {}".into(), 400, "the body is wrong", None),
    ] {
        let response = post(body);
        let text = problem_with_field(response, status, field);
        assert!(text.contains(says), "{text}");
    }
    // What nobody could read again is kept as it is.
    let odd = start(&root, "bad", json!({"metadata": {"\u{0}": "\u{0}\u{202e}</script>'; DROP TABLE runs"}}));
    assert_eq!(root.json(&at(&odd))["metadata"], json!({"\u{0}": "\u{0}\u{202e}</script>'; DROP TABLE runs"}));
    let complete = |body: Value| root.put(&format!("{}/complete", at(&run)), &body);
    for (body, field) in [
        (json!({"success": true, "artifacts": [{"type": "log", "uri": ""}]}), "artifacts[0].uri"),
        (json!({"success": true, "artifacts": [{"type": "log"}]}), "artifacts[0]"),
        (json!({"success": true, "metadata": {"inputs": "x"}}), "metadata.inputs"),
        (json!({"success": true, "metadata": {"outputs": [{"kind": "odd"}]}}), "metadata.outputs"),
        (json!({"success": true, "metadata": {"outputs": [""]}}), "metadata.outputs[0]"),
        (json!({"success": true, "metadata": {"outputs": ["a\nb"]}}), "metadata.outputs[0]"),
        (json!({"success": 1}), "success"),
    ] {
        problem_with_field(complete(body), 400, Some(field));
    }
    assert_eq!(root.json(&at(&run))["state"], "running");
}

pub(crate) fn problem_with_field(response: reqwest::blocking::Response, status: u16, field: Option<&str>) -> String {
    let (found, problem) = (response.status(), response.json::<Value>().unwrap());
    let said = problem["field"].as_str();
    let is_right = match field.and_then(|field| field.strip_suffix('…')) {
        Some(begins) => said.is_some_and(|said| said.starts_with(begins) && said.len() < 110),
        None => said == field,
    };
    assert!(found.as_u16() == status && is_right, "{problem}");
    problem["message"].as_str().unwrap().to_owned()
}

/// What is sent again with its key is done once.
fn are_started_once(served: &Served) {
    let root = served.root();
    let send = |key: &str, body: Value| {
        let request = root.request(Method::POST, "/api/v1/jobs/once/runs").header("idempotency-key", key);
        request.json(&body).send().unwrap()
    };
    // Also where the second comes before the first is answered.
    let runs: Vec<Value> = std::thread::scope(|scope| {
        let sent: Vec<_> =
            (0..4).map(|_| scope.spawn(|| answered(send("one", json!({})), StatusCode::CREATED))).collect();
        sent.into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    assert!(runs.iter().all(|run| *run == runs[0]), "{runs:?}");
    assert_ne!(answered(send("two", json!({})), StatusCode::CREATED)["run_id"], runs[0]["run_id"]);
    problem(send("one", json!({"metadata": {"a": 1}})), 422, &["that of another request"]);
    assert_eq!(root.json("/jobs/once")["runs"]["running"], 2);
}

/// A run that gives no heartbeat is lost, and may still complete.
fn are_lost(served: &Served) {
    let root = served.root();
    let run = start(&root, "lost", json!({"lease_seconds": 0.2}));
    let mut events = Followed::begin(&root, "events=job_status", None);
    let event = loop {
        let event = events.next().unwrap();
        if event.data["run_id"] == run["run_id"] {
            break event;
        }
    };
    assert_eq!((&event.data["data"]["state"], &event.data["account"]), (&json!("lost"), &json!("")));
    let beat = answered(root.post(&format!("{}/heartbeat", at(&run)), &json!({})), StatusCode::OK);
    assert_eq!(beat["state"], "lost");
    assert_eq!(root.json(&at(&run))["state"], "lost");
    let end = json!({"success": true, "metadata": {"late": true}});
    let ended = answered(root.put(&format!("{}/complete", at(&run)), &end), StatusCode::OK);
    assert_eq!(ended["state"], "succeeded");
    problem(root.put(&format!("{}/complete", at(&run)), &json!({"success": false})), 409, &["succeeded at"]);
}

/// All of it, against one server.
pub(crate) fn everything(served: &Served) {
    goes_through(served);
    are_listed(served);
    are_somebodys(served);
    refuse_bad_input(served);
    are_started_once(served);
    are_lost(served);
}

#[test]
fn jobs_runs_and_events_are_kept() {
    let served = Served::new();
    everything(&served);
    crate::events::everything(&served);
    crate::events::refused(&served);
    crate::tables::everything(&served);
    crate::schedules::everything(&served);
    crate::workers::everything(&served);
    crate::openlineage::everything(&served);
    crate::lineage::everything(&served);
    crate::admin::everything(&served, "sqlite");
}
