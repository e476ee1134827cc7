//! Claims of workers, and what they ship.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::jobs::problem_with_field;
use crate::page::Browser;
use crate::support::{Asking, Served, json as answered, problem};

fn claim(whom: &Asking<'_>, jobs: &str) -> Value {
    let asked = json!({"worker": "host-1", "jobs": jobs, "lease_seconds": 30});
    answered(whom.post("/workers/claim", &asked), StatusCode::OK)["claimed"].clone()
}

fn queue(whom: &Asking<'_>, job: &str, body: Value) -> Value {
    let mut body = body;
    body["queued"] = json!(true);
    answered(whom.post(&format!("/jobs/{job}/runs"), &body), StatusCode::CREATED)["run_id"].clone()
}

fn at(claimed: &Value) -> String {
    let run = &claimed["run"];
    format!("/jobs/{}/runs/{}", run["job_name"].as_str().unwrap().replace('/', "%2F"), run["run_id"].as_str().unwrap())
}

fn end(whom: &Asking<'_>, claimed: &Value, success: bool) -> Value {
    answered(whom.put(&format!("{}/complete", at(claimed)), &json!({"success": success})), StatusCode::OK)
}

fn schedule(served: &Served, job: &str, more: Value) {
    let mut spec = json!({"run": {"command": ["true"], "environment": ["LANG"]}, "backoff_seconds": 0});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    answered(served.root().put(&format!("/jobs/{job}/schedule"), &spec), StatusCode::OK);
}

/// Which run a worker gets, and what of it.
fn are_claimed_in_turn(served: &Served) {
    for (job, more) in [("turn_a", json!({"priority": 5})), ("turn_b", json!({})), ("turn_c", json!({}))] {
        schedule(served, job, more);
    }
    let root = served.root();
    let worker = served.account("worker-turn", &[("writer", "job:turn_*")]);
    let [b1, b2, c, a] = ["turn_b", "turn_b", "turn_c", "turn_a"].map(|job| queue(&root, job, json!({})));
    let urgent = queue(&root, "turn_c", json!({"priority": 9}));
    let other = served.account("worker-other", &[("writer", "job:other_*"), ("reader", "job:turn_*")]);
    assert_eq!((claim(&other, "*"), claim(&worker, "other_*")), (Value::Null, Value::Null));
    let mut got = Vec::new();
    for _ in 0..5 {
        let claimed = claim(&worker, "turn_*");
        assert_eq!((&claimed["command"], &claimed["environment"]), (&json!(["true"]), &json!(["LANG"])));
        assert_eq!(
            (&claimed["run"]["state"], &claimed["run"]["queue"]["worker"]),
            (&json!("running"), &json!("host-1"))
        );
        got.push(claimed["run"]["run_id"].clone());
        end(&worker, &claimed, true);
    }
    // What matters more, and then one job after the other, each its oldest first.
    assert_eq!(got, [urgent, a, b1, c, b2]);
    assert_eq!(claim(&worker, "*"), Value::Null);
    // Runs of one job wait for each other, a paused job waits.
    let (first, second) = (queue(&root, "turn_a", json!({})), queue(&root, "turn_a", json!({})));
    let claimed = claim(&worker, "turn_a");
    assert_eq!((&claimed["run"]["run_id"], claim(&worker, "turn_a")), (&first, Value::Null));
    end(&worker, &claimed, true);
    answered(root.post("/jobs/turn_a/schedule/pause", &json!({})), StatusCode::OK);
    assert_eq!(claim(&worker, "turn_a"), Value::Null);
    answered(root.post("/jobs/turn_a/schedule/resume", &json!({})), StatusCode::OK);
    let claimed = claim(&worker, "turn_a");
    assert_eq!(claimed["run"]["run_id"], second);
    end(&worker, &claimed, false);
    assert_eq!(root.json(&at(&claimed))["state"], "failed");
}

/// A creator is claimed as it was said: who knows of commands alone has none to run.
fn have_creators(served: &Served) {
    let creator = json!({
        "program": ["./pipeline"], "name": "word_count",
        "params": {"corpus": "sales@main:raw/a.txt", "min_len": 3, "key": {"$env": "API_KEY"}}
    });
    schedule(served, "creator_a", json!({"run": {"creator": creator, "environment": ["API_KEY"]}}));
    let (root, page) = (served.root(), Browser::root(served));
    assert_eq!(root.json("/jobs/creator_a/schedule")["run"]["creator"], creator);
    queue(&root, "creator_a", json!({}));
    let claimed = claim(&root, "creator_a");
    assert_eq!((&claimed["command"], &claimed["creator"]), (&json!([]), &creator));
    end(&root, &claimed, true);
    let shown = page.page("/jobs/creator_a");
    for said in ["word_count", "./pipeline", "sales@main:raw/a.txt", "min_len"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}

/// What fails is tried again, and what is cancelled is not.
fn are_tried_again(served: &Served) {
    schedule(served, "again", json!({"max_attempts": 2}));
    let root = served.root();
    let worker = served.account("worker-again", &[("writer", "job:again")]);
    queue(&root, "again", json!({"metadata": {"n": 1}}));
    let first = claim(&worker, "again");
    assert_eq!(end(&worker, &first, false)["state"], "failed");
    let second = claim(&worker, "again");
    let run = &second["run"];
    assert_eq!((&run["queue"]["attempt"], &run["queue"]["run_before"]), (&json!(2), &first["run"]["run_id"]));
    assert_eq!(run["metadata"], json!({"n": 1}));
    end(&worker, &second, false);
    assert_eq!(claim(&worker, "again"), Value::Null);
    queue(&root, "again", json!({}));
    let third = claim(&worker, "again");
    assert_eq!(answered(root.post(&format!("{}/cancel", at(&third)), &json!({})), StatusCode::OK)["state"], "running");
    let beat = answered(worker.post(&format!("{}/heartbeat", at(&third)), &json!({})), StatusCode::OK);
    assert_eq!((&beat["state"], &beat["is_cancelled"]), (&json!("running"), &json!(true)));
    assert_eq!(end(&worker, &third, false)["state"], "cancelled");
    assert_eq!(claim(&worker, "again"), Value::Null);
    problem(worker.put(&format!("{}/complete", at(&third)), &json!({"success": true})), 409, &["cancelled at"]);
    // Whoever ended before that has ended.
    queue(&root, "again", json!({}));
    let fourth = claim(&worker, "again");
    end(&worker, &fourth, true);
    problem(root.post(&format!("{}/cancel", at(&fourth)), &json!({})), 409, &["nothing to cancel"]);
}

/// A log, from its first piece until it is content of the lake.
fn ship_logs(served: &Served) {
    schedule(served, "logs%2Fdaily", json!({}));
    let root = served.root();
    let worker = served.account("worker-logs", &[("writer", "job:logs")]);
    let stranger = served.account("other-logs", &[("writer", "job:logs")]);
    queue(&root, "logs%2Fdaily", json!({}));
    let claimed = claim(&worker, "logs");
    let log = format!("{}/log", at(&claimed));
    let send = |whom: &Asking<'_>, offset: i64, piece: &str| {
        whom.request(Method::POST, &format!("/api/v1{log}?offset={offset}")).body(piece.to_owned()).send().unwrap()
    };
    assert_eq!(answered(send(&worker, 0, "one\n"), StatusCode::OK), json!({"size": 4, "is_full": false}));
    assert_eq!(answered(send(&worker, 0, "one\n"), StatusCode::OK)["size"], 4);
    problem(send(&worker, 9, "x"), 409, &["has 4 bytes"]);
    problem(send(&worker, -1, "x"), 400, &["number of bytes"]);
    problem(send(&worker, 4, &"x".repeat(300_000)), 413, &["larger than"]);
    problem(send(&stranger, 4, "x"), 403, &["lacks the role `operator`"]);
    assert_eq!(root.get(&log).text().unwrap(), "one\n");
    // It is seen while it is written, and to its end.
    let seen = std::thread::scope(|scope| {
        let follows = scope.spawn(|| root.get(&format!("{log}?offset=2&follow=true")).text().unwrap());
        answered(send(&worker, 4, "two\n"), StatusCode::OK);
        answered(send(&worker, 8, "three\n"), StatusCode::OK);
        end(&worker, &claimed, true);
        follows.join().unwrap()
    });
    assert_eq!(seen, "e\ntwo\nthree\n");
    // The page shows it, as text.
    let page = || {
        Browser::root(served).page(&format!("/jobs/logs%2Fdaily/runs/{}", claimed["run"]["run_id"].as_str().unwrap()))
    };
    assert!(page().contains(">one\ntwo\nthree\n</pre>"), "{}", page());
    let artifacts = loop {
        let artifacts = root.json(&at(&claimed))["artifacts"].clone();
        if artifacts != json!([]) {
            break artifacts;
        }
    };
    let name = format!("datlake-artifacts/jobs/logs/daily/{}/worker.log", claimed["run"]["run_id"].as_str().unwrap());
    assert_eq!(artifacts, json!([{"type": "log", "uri": format!("lake://{name}")}]));
    assert_eq!(served.lake.file(&name).unwrap().read().unwrap(), b"one\ntwo\nthree\n");
    assert_eq!(root.get(&format!("{log}?offset=4")).text().unwrap(), "two\nthree\n");
    problem(send(&worker, 14, "late"), 409, &["is kept already"]);
    // A run that no worker had has none.
    let run = answered(root.post("/jobs/logs%2Fdaily/runs", &json!({})), StatusCode::CREATED);
    assert_eq!(
        root.get(&format!("/jobs/logs%2Fdaily/runs/{}/log", run["run_id"].as_str().unwrap())).text().unwrap(),
        ""
    );
}

/// Whoever set a schedule and may not any more has nothing run.
fn need_whoever_set_them(served: &Served) {
    let (root, ada) = (served.root(), served.account("ada-left", &[("operator", "job:left")]));
    answered(ada.put("/jobs/left/schedule", &json!({"run": {"command": ["true"]}})), StatusCode::OK);
    queue(&ada, "left", json!({}));
    served.accounts(async |accounts| accounts.delete("ada-left").await);
    assert_eq!(claim(&root, "left"), Value::Null);
    assert!(root.json("/jobs/left/schedule")["paused_at"].is_string());
}

/// A dataflow whose sources are ready runs, with what they made ready.
fn run_dataflows(served: &Served) {
    let root = served.root();
    let create = |model: &str| {
        let created = root.post("/dataflows", &json!({"zone": "work", "model_name": model, "max_attempts": 5}));
        let created = answered(created, StatusCode::CREATED);
        (created["dataflow_id"].as_str().unwrap().to_owned(), created["job_name"].as_str().unwrap().replace('/', "%2F"))
    };
    let ((source, _), (target, job)) = (create("raw"), create("clean"));
    let joined = root.post(&format!("/dataflows/{target}/sources"), &json!({"source_dataflow_id": source}));
    assert_eq!(joined.status(), 204);
    schedule(served, &job, json!({"when": {"sources_ready": true}, "max_attempts": 2}));
    assert_eq!(claim(&root, "work"), Value::Null);
    let run = answered(root.post(&format!("/dataflows/{source}/runs"), &json!({})), StatusCode::CREATED);
    let finish = format!("/dataflows/runs/{}/finish", run["run_id"].as_str().unwrap());
    answered(root.put(&finish, &json!({"status": "success", "record_count": 3})), StatusCode::OK);
    let asked = json!({"worker": "host-1", "jobs": "work", "wait_seconds": 30});
    let waits = || answered(root.post("/workers/claim", &asked), StatusCode::OK)["claimed"].clone();
    let first = waits();
    assert_eq!(first["dataflow_queue_list"][0]["source_run_id"], run["run_id"]);
    let report = json!({"artifacts": [{"type": "report", "uri": "s3://reports/1"}]});
    let linked = answered(root.post(&format!("{}/artifacts", at(&first)), &report), StatusCode::OK);
    assert_eq!(linked["artifacts"], report["artifacts"]);
    end(&root, &first, false);
    // What it gave back goes to the next attempt.
    let second = waits();
    assert_eq!(second["dataflow_queue_list"][0]["attempts"], 1);
    assert_eq!(second["run"]["queue"]["attempt"], 2);
    end(&root, &second, true);
    assert_eq!(root.json(&format!("/dataflows/{target}/ready"))["results"], json!([]));
    assert_eq!(root.delete(&format!("/jobs/{job}/schedule")).status(), 204);
}

fn refuse_bad_input(served: &Served) {
    let root = served.root();
    for (body, field) in [
        (json!({"worker": ""}), "worker"),
        (json!({"worker": "a\u{202e}"}), "worker"),
        (json!({"worker": "a", "jobs": ""}), "jobs"),
        (json!({"worker": "a", "jobs": "a b"}), "jobs"),
        (json!({"worker": "a", "wait_seconds": 31}), "wait_seconds"),
        (json!({"worker": "a", "lease_seconds": 0}), "lease_seconds"),
    ] {
        problem_with_field(root.post("/workers/claim", &body), 400, Some(field));
    }
    problem(served.nobody().post("/workers/claim", &json!({"worker": "a"})), 401, &["needs credentials"]);
}

/// All of it, against one server.
pub(crate) fn everything(served: &Served) {
    are_claimed_in_turn(served);
    have_creators(served);
    are_tried_again(served);
    ship_logs(served);
    need_whoever_set_them(served);
    run_dataflows(served);
    refuse_bad_input(served);
}
