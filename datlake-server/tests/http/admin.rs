//! What whoever runs a server asks of it.

use datlake_server::Root;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ROOT, Served, json as answered, problem};

/// Who changed what.
fn writes_are_kept(served: &Served) {
    let (root, ada) = (served.root(), served.account("ada-audit", &[("writer", "job:audit"), ("admin", "repo:*")]));
    let run = answered(
        ada.request(Method::POST, "/api/v1/jobs/audit/runs?token=secret")
            .header("x-request-id", "req-1")
            .send()
            .unwrap(),
        StatusCode::CREATED,
    );
    let at = format!("/jobs/audit/runs/{}", run["run_id"].as_str().unwrap());
    answered(ada.post(&format!("{at}/heartbeat"), &json!({})), StatusCode::OK);
    ada.json(&at);
    problem(ada.put(&format!("{at}/complete"), &json!({"success": 1})), 400, &[]);
    answered(ada.put(&format!("{at}/complete"), &json!({"success": true})), StatusCode::OK);
    problem(served.with_token("dlt_A_B").put(&format!("{at}/complete"), &json!({"success": true})), 401, &[]);
    problem(ada.get("/admin/audit"), 403, &["`ada-audit` lacks the role `admin` on `*`"]);
    let page = root.json("/admin/audit?amount=2");
    let next = page["pagination"]["next_offset"].as_str().unwrap();
    let mut lines: Vec<Value> = page["results"].as_array().unwrap().clone();
    lines.extend(root.json(&format!("/admin/audit?amount=100&after={next}"))["results"].as_array().unwrap().clone());
    let theirs: Vec<_> = lines.iter().filter(|line| line["account"] == "ada-audit").collect();
    let seen: Vec<_> =
        theirs.iter().map(|line| (line["method"].as_str().unwrap(), line["status"].as_i64().unwrap())).collect();
    assert_eq!(seen, [("PUT", 200), ("PUT", 400), ("POST", 201)]);
    assert_eq!((&theirs[2]["path"], &theirs[2]["address"]), (&json!("/api/v1/jobs/audit/runs"), &json!("127.0.0.1")));
    assert_eq!(theirs[2]["request_id"], "req-1");
    problem(root.get("/admin/audit?after=x"), 400, &["`after` is"]);
}

fn parts_are_well(served: &Served) {
    let health = |whom: &crate::support::Asking<'_>| whom.json("/admin/health");
    assert_eq!(health(&served.nobody()), json!({"status": "ok"}));
    assert_eq!(health(&served.with_token("dlt_A_B")), json!({"status": "ok"}));
    let parts = health(&served.account("anybody-health", &[]));
    let names: Vec<&Value> = parts["parts"].as_array().unwrap().iter().map(|part| &part["name"]).collect();
    assert_eq!(names, ["database", "secrets", "lake"]);
}

fn the_configuration_has_no_secrets(served: &Served, database: &str) {
    let summary = served.root().json("/admin/config/summary");
    assert_eq!((&summary["database"], &summary["has_root"]), (&json!(database), &json!(true)));
    let Root { key_pair, .. } = &served.settings.root;
    let (text, key) = (summary.to_string(), served.settings.secret_key.clone().unwrap_or_else(|| ROOT.1.to_owned()));
    assert!(!text.contains(ROOT.1) && !text.contains(&key) && !text.contains("postgres://") && key_pair.is_some());
}

/// Figures of this server, and of what all have.
fn figures_are_what_happened(served: &Served) {
    let reader = served.account("prometheus", &[("reader", "*")]);
    problem(served.nobody().request(Method::GET, "/metrics").send().unwrap(), 401, &[]);
    problem(
        served.account("nobody-much", &[]).request(Method::GET, "/metrics").send().unwrap(),
        403,
        &["`reader` on `*`"],
    );
    let seen = || {
        let answer = reader.request(Method::GET, "/metrics").send().unwrap();
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
        let text = answer.text().unwrap();
        assert!(text.ends_with("# EOF\n") && !text.contains("secret-job"), "{text}");
        move |line: &str| -> f64 {
            let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
            value.map_or(0.0, |value| value.parse().unwrap())
        }
    };
    let (before, root) = (seen(), served.root());
    let run = answered(root.post("/jobs/secret-job/runs", &json!({})), StatusCode::CREATED);
    let running = seen();
    let of = |state: &str| format!("datlake_runs{{state=\"{state}\"}}");
    assert_eq!(running(&of("running")), before(&of("running")) + 1.0);
    let at = format!("/jobs/secret-job/runs/{}", run["run_id"].as_str().unwrap());
    answered(root.put(&format!("{at}/complete"), &json!({"success": false})), StatusCode::OK);
    let after = seen();
    assert_eq!(after(&of("failed")), before(&of("failed")) + 1.0);
    assert!(after("datlake_events_last_id") >= before("datlake_events_last_id") + 2.0);
    let begun = "datlake_http_requests_total{method=\"POST\",route=\"/api/v1/jobs/{job}/runs\",status=\"201\"}";
    assert_eq!(after(begun), before(begun) + 1.0);
    assert!(after("datlake_http_requests_in_progress") >= 1.0);
}

/// All of it, against one server.
pub(crate) fn everything(served: &Served, database: &str) {
    writes_are_kept(served);
    parts_are_well(served);
    the_configuration_has_no_secrets(served, database);
    figures_are_what_happened(served);
}
