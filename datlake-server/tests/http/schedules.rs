//! Schedules, and runs that wait for a worker.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::events::Followed;
use crate::jobs::problem_with_field;
use crate::support::{Asking, Served, json as answered, problem};

/// Sets a schedule: what is answered.
fn set(whom: &Asking<'_>, job: &str, spec: &Value) -> Value {
    answered(whom.put(&format!("/jobs/{job}/schedule"), spec), StatusCode::OK)
}

fn command() -> Value {
    json!({"command": ["sh", "-c", "true"]})
}

/// A schedule, from when it is set until it is removed.
fn are_kept(served: &Served) {
    let ada = served.account("ada-plans", &[("operator", "job:plan_*")]);
    let spec = json!({
        "when": {"cron": "30 2 * * *", "time_zone": "Europe/Berlin"},
        "run": {"command": ["make", "daily"], "environment": ["S3_KEY"], "directory": "/srv"},
        "priority": 7, "max_attempts": 3
    });
    let kept = set(&ada, "plan_daily", &spec);
    assert_eq!((&kept["run"], &kept["when"]), (&spec["run"], &spec["when"]));
    assert_eq!((&kept["account"], &kept["missed"]), (&json!("ada-plans"), &json!("run_once")));
    assert_eq!(ada.json("/jobs/plan_daily/schedule"), kept);
    let upcoming = ada.json("/jobs/plan_daily/schedule/upcoming?amount=3");
    assert_eq!(upcoming["times"].as_array().unwrap().len(), 3);
    assert_eq!(upcoming["times"][0], kept["due_at"]);
    assert!(["T00:30:00.000000Z", "T01:30:00.000000Z"].iter().any(|at| kept["due_at"].as_str().unwrap().ends_with(at)));
    for (what, is_paused) in [("pause", true), ("pause", true), ("resume", false)] {
        let turned = answered(ada.post(&format!("/jobs/plan_daily/schedule/{what}"), &json!({})), StatusCode::OK);
        assert_eq!((turned["paused_at"].is_string(), turned["due_at"].is_null()), (is_paused, is_paused));
    }
    // What waits goes with the schedule.
    let run = answered(
        ada.post("/jobs/plan_daily/runs", &json!({"queued": true, "metadata": {"by": "hand"}})),
        StatusCode::CREATED,
    );
    assert_eq!(
        (&run["state"], &run["queue"]["attempt"], &run["metadata"]),
        (&json!("queued"), &json!(1), &json!({"by": "hand"}))
    );
    let at = format!("/jobs/plan_daily/runs/{}", run["run_id"].as_str().unwrap());
    problem(ada.put(&format!("{at}/complete"), &json!({"success": true})), 409, &["waits for a worker"]);
    assert_eq!(answered(ada.post(&format!("{at}/heartbeat"), &json!({})), StatusCode::OK)["state"], "queued");
    assert_eq!(ada.delete("/jobs/plan_daily/schedule").status(), 204);
    assert_eq!(ada.json(&at)["state"], "cancelled");
    problem(ada.get("/jobs/plan_daily/schedule"), 404, &["job:plan_daily has no schedule"]);
    problem(ada.delete("/jobs/plan_daily/schedule"), 404, &["has no schedule"]);
    problem(ada.post("/jobs/plan_daily/runs", &json!({"queued": true})), 409, &["has no schedule"]);
    let counts = ada.json("/jobs/plan_daily")["runs"].clone();
    assert_eq!((&counts["cancelled"], &counts["queued"]), (&json!(1), &json!(0)));
}

/// Who sets a schedule says what a worker runs.
fn are_operators(served: &Served) {
    let (bob, nothing) = (served.account("bob-plans", &[("writer", "job:op_*")]), served.account("no-plans", &[]));
    let ada = served.account("ada-ops", &[("operator", "job:op_*")]);
    let spec = json!({"run": command()});
    problem(bob.put("/jobs/op_a/schedule", &spec), 403, &["lacks the role `operator` on `job:op_a`"]);
    set(&ada, "op_a", &spec);
    problem(bob.delete("/jobs/op_a/schedule"), 403, &["lacks the role `operator`"]);
    problem(bob.post("/jobs/op_a/schedule/pause", &json!({})), 403, &["lacks the role `operator`"]);
    assert_eq!(bob.json("/jobs/op_a/schedule")["run"], command());
    problem(nothing.get("/jobs/op_a/schedule"), 404, &["there is no job `op_a`"]);
    // A writer runs what the operator said, and cancels what is its own.
    let queue = |whom: &Asking<'_>| {
        answered(whom.post("/jobs/op_a/runs", &json!({"queued": true, "priority": 5})), StatusCode::CREATED)
    };
    let (own, others) = (queue(&bob), queue(&ada));
    let cancel = |run: &Value| format!("/jobs/op_a/runs/{}/cancel", run["run_id"].as_str().unwrap());
    problem(bob.post(&cancel(&others), &json!({})), 403, &["lacks the role `operator`"]);
    for _ in 0..2 {
        assert_eq!(answered(bob.post(&cancel(&own), &json!({})), StatusCode::OK)["state"], "cancelled");
    }
    let started = answered(bob.post("/jobs/op_a/runs", &json!({})), StatusCode::CREATED);
    problem(bob.post(&cancel(&started), &json!({})), 409, &["no worker runs"]);
}

/// What no worker could do, with the field at fault.
fn refuse_bad_input(served: &Served) {
    let root = served.root();
    let put = |spec: Value| root.put("/jobs/bad_plan/schedule", &spec);
    let with = |field: &str, value: Value| {
        let mut spec = json!({"run": command()});
        spec[field] = value;
        spec
    };
    for (spec, field) in [
        (with("when", json!({"cron": "0 0 30 2 *"})), "when.cron"),
        (with("when", json!({"cron": "every day"})), "when.cron"),
        (with("when", json!({"cron": "* * * * *", "time_zone": "Nowhere"})), "when.time_zone"),
        (with("when", json!({"every_seconds": 60, "time_zone": "UTC"})), "when.time_zone"),
        (with("when", json!({"every_seconds": 0})), "when.every_seconds"),
        (with("when", json!({"every_seconds": 1e300})), "when.every_seconds"),
        (with("when", json!({"cron": "* * * * *", "every_seconds": 60})), "when"),
        (with("when", json!({})), "when"),
        (with("when", json!({"sources_ready": true})), "when.sources_ready"),
        (with("run", json!({"command": []})), "run.command"),
        (with("run", json!({"command": ["a\u{0}"]})), "run.command[0]"),
        (with("run", json!({"command": ["x".repeat(70_000)]})), "run.command"),
        (with("run", json!({})), "run.command"),
        (with("run", json!({"command": ["a"], "creator": {"program": ["a"], "name": "b"}})), "run"),
        (with("run", json!({"creator": {"program": [], "name": "b"}})), "run.creator.program"),
        (with("run", json!({"creator": {"program": ["a", "\u{0}"], "name": "b"}})), "run.creator.program[1]"),
        (with("run", json!({"creator": {"program": ["a"], "name": ""}})), "run.creator.name"),
        (with("run", json!({"creator": {"program": ["a"], "name": "b\n"}})), "run.creator.name"),
        (with("run", json!({"creator": {"program": ["a"]}})), "run.creator"),
        (with("run", json!({"creator": {"program": ["a"], "name": "b", "params": [1]}})), "run.creator.params"),
        (with("run", json!({"creator": {"program": ["a"], "name": "b", "params": {"": 1}}})), "run.creator.params"),
        (
            with("run", json!({"creator": {"program": ["a"], "name": "b", "params": {"x": "y".repeat(70_000)}}})),
            "run.creator.params",
        ),
        (with("run", json!({"command": ["a"], "environment": ["KEY=secret"]})), "run.environment[0]"),
        (with("run", json!({"command": ["a"], "directory": "../x"})), "run.directory"),
        (with("priority", json!(101)), "priority"),
        (with("max_attempts", json!(0)), "max_attempts"),
        (with("timeout_seconds", json!(0)), "timeout_seconds"),
        (with("backoff_seconds", json!(-1)), "backoff_seconds"),
        (with("odd", json!(1)), "odd"),
        (json!({}), ""),
    ] {
        problem_with_field(put(spec), 400, Some(field).filter(|field| !field.is_empty()));
    }
    problem(root.get("/jobs/bad_plan"), 404, &["there is no job"]);
    problem(root.put("/jobs/a%0Ab/schedule", &json!({"run": command()})), 400, &["cannot be the name of a job"]);
    set(&root, "bad_plan", &json!({"run": command()}));
    problem_with_field(
        root.post("/jobs/bad_plan/runs", &json!({"queued": true, "priority": 101})),
        400,
        Some("priority"),
    );
}

/// What is due comes to be without anybody's request, once at a time.
fn come_due(served: &Served) {
    let root = served.root();
    let mut events = Followed::begin(&root, "events=schedule,job_status", None);
    set(&root, "due", &json!({"run": command(), "when": {"every_seconds": 1}}));
    let mut next = || loop {
        let event = events.next().unwrap();
        if event.data["subject"] == "job:due" {
            break (event.kind, event.data["data"].clone());
        }
    };
    assert_eq!(next().1["what"], "set");
    let (kind, data) = next();
    assert_eq!((&*kind, &data["state"]), ("job_status", &json!("queued")));
    let (_, passed) = next();
    assert_eq!((&passed["what"], &passed["why"]), (&json!("passed_over"), &json!("a run waits already")));
    let run = root.json(&format!("/jobs/due/runs/{}", data["run_id"].as_str().unwrap()));
    assert_eq!((&run["state"], &run["account"]), (&json!("queued"), &json!("root")));
    assert!(run["queue"]["due_at"].as_str() < passed["due_at"].as_str());
    assert_eq!(root.delete("/jobs/due/schedule").status(), 204);
}

/// All of it, against one server.
pub(crate) fn everything(served: &Served) {
    are_kept(served);
    are_operators(served);
    refuse_bad_input(served);
    come_due(served);
}
