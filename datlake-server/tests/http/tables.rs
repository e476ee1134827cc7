//! Tables, as a registry of snapshots.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Asking, Served, json as answered, problem};

fn register(whom: &Asking<'_>, body: Value) -> Value {
    answered(whom.post("/jobs/register-snapshot", &body), StatusCode::CREATED)
}

fn snapshot(table: &str, uri: &str, schema: Value) -> Value {
    json!({"table_name": table, "uri": uri, "format": "parquet", "schema": schema})
}

/// All of it, against one server.
pub(crate) fn everything(served: &Served) {
    let ada = served
        .account("ada-tables", &[("writer", "table:users*"), ("writer", "job:daily"), ("reader", "dataset:raw/*")]);
    let run = answered(ada.post("/jobs/daily/runs", &json!({})), StatusCode::CREATED);
    let mut made = snapshot("users", "s3://t/1", Value::Null);
    made["job_name"] = json!("daily");
    made["run_id"] = run["run_id"].clone();
    let first = register(&ada, made.clone());
    assert_eq!((&first["run_id"], &first["job_name"]), (&run["run_id"], &json!("daily")));
    assert_eq!((&first["schema"], &first["schema_version"]), (&Value::Null, &Value::Null));
    // Schemas are counted as they change.
    let (one, two) = (json!({"id": "int", "name": "string"}), json!({"id": "long", "name": "string", "at": "date"}));
    let versions: Vec<Value> = [&one, &one, &two]
        .map(|schema| register(&ada, snapshot("users", "s3://t/2", schema.clone()))["schema_version"].clone())
        .to_vec();
    assert_eq!(versions, [json!(1), json!(1), json!(2)]);
    let breaking = problem(
        ada.post("/jobs/register-snapshot", &snapshot("users", "s3://t/3", one.clone())),
        409,
        &["`at` is removed", "`id` was \"long\" and is \"int\"", "`allow_breaking_schema`"],
    );
    assert!(breaking.contains("`users`"));
    let mut forced = snapshot("users", "s3://t/3", one.clone());
    forced["allow_breaking_schema"] = json!(true);
    let last = register(&ada, forced);
    assert_eq!((&last["schema_version"], &last["schema"]), (&json!(3), &one));
    let schemas = ada.json("/tables/users/schemas");
    let diffs: Vec<&Value> = schemas["results"].as_array().unwrap().iter().map(|schema| &schema["diff"]).collect();
    assert_eq!((&diffs[1]["added"], &diffs[1]["breaking"]), (&json!(["at"]), &json!([])));
    assert_eq!((&diffs[2]["removed"], diffs[2]["breaking"].as_array().unwrap().len()), (&json!(["at"]), 2));
    // Reading by a run is an input of it.
    assert_eq!(ada.json("/tables/users/snapshots/latest"), last);
    let reading = answered(ada.post("/jobs/daily/runs", &json!({})), StatusCode::CREATED);
    let id = reading["run_id"].as_str().unwrap();
    assert_eq!(ada.json(&format!("/tables/users/snapshots/latest?run_id={id}")), last);
    let item = |snapshot: &Value| json!([{"kind": "table", "name": "users", "uri": snapshot["uri"], "snapshot_id": snapshot["snapshot_id"]}]);
    assert_eq!(ada.json(&format!("/jobs/daily/runs/{id}"))["inputs"], item(&last));
    let by = ada.json(&format!("/jobs/daily/runs/{}", run["run_id"].as_str().unwrap()));
    assert_eq!((&by["outputs"], &by["inputs"]), (&item(&first), &json!([])));
    // Lists.
    let page = ada.json("/tables/users/snapshots?amount=2");
    let uris = |page: &Value| -> Vec<Value> {
        page["results"].as_array().unwrap().iter().map(|snapshot| snapshot["uri"].clone()).collect()
    };
    assert_eq!(uris(&page), [json!("s3://t/3"), json!("s3://t/2")]);
    let next = page["pagination"]["next_offset"].as_str().unwrap();
    assert_eq!(uris(&ada.json(&format!("/tables/users/snapshots?after={next}"))).len(), 3);
    register(&served.root(), snapshot("hidden", "s3://x", Value::Null));
    let table = ada.json("/tables/users");
    assert_eq!((&table["snapshots"], &table["schema_version"]), (&json!(5), &json!(3)));
    assert_eq!(ada.json("/tables")["results"], json!([table]));
    refused(served, &ada, &made);
    of_the_lake(served, &ada);
}

fn refused(served: &Served, ada: &Asking<'_>, made: &Value) {
    let post = |body: &Value| ada.post("/jobs/register-snapshot", body);
    problem(ada.get("/tables/hidden"), 404, &["there is no table `hidden`"]);
    problem(ada.get("/tables/users_none/snapshots/latest"), 404, &["there is no table `users_none`"]);
    problem(post(&snapshot("other", "s3://x", Value::Null)), 403, &["`writer` on `table:other`"]);
    for (part, value, status, says) in [
        ("table_name", json!("a\u{0}"), 400, "cannot be the name of a table"),
        ("uri", json!(""), 400, "`uri` has 1 to 4000 bytes"),
        ("format", json!("a\nb"), 400, "`format` has 1 to 4000 bytes"),
        ("schema", json!([1]), 400, "`schema` is a JSON object"),
        ("run_id", json!("00000000-0000-7000-8000-000000000000"), 404, "there is no run"),
        ("run_id", json!("x"), 404, "there is no run"),
        ("job_name", json!("other"), 404, "there is no run"),
        ("digest", json!("x"), 400, "`digest` is of content of the lake"),
    ] {
        let mut body = made.clone();
        body[part] = value;
        problem(post(&body), status, &[says]);
    }
    let theirs = answered(served.root().post("/jobs/secret/runs", &json!({})), StatusCode::CREATED);
    let theirs = theirs["run_id"].as_str().unwrap();
    let latest = |run: &str| ada.get(&format!("/tables/users/snapshots/latest?run_id={run}"));
    assert_eq!(problem(latest(theirs), 404, &[]).replace(theirs, "x"), problem(latest("x"), 404, &[]));
    problem(ada.get("/tables/users/snapshots?after=x"), 400, &["a number"]);
}

/// A snapshot of content of the lake has its digest.
fn of_the_lake(served: &Served, ada: &Asking<'_>) {
    let file = served.lake.add_bytes("raw/users.parquet", "x").unwrap();
    served.lake.add_bytes("secret/users.parquet", "x").unwrap();
    let digest = file.digest().to_string();
    let of = |uri: &str, digest: Option<&str>| {
        let mut body = snapshot("users_raw", uri, Value::Null);
        body["digest"] = json!(digest);
        ada.post("/jobs/register-snapshot", &body)
    };
    let registered = answered(of("lake://raw/users.parquet", None), StatusCode::CREATED);
    assert_eq!(registered["digest"], json!(digest));
    answered(of("lake://raw/users.parquet", Some(&digest)), StatusCode::CREATED);
    problem(of("lake://raw/users.parquet", Some(&"0".repeat(64))), 409, &[&digest]);
    problem(of("lake://raw/none", None), 400, &["the lake has no `raw/none`"]);
    problem(of("lake://secret/users.parquet", None), 403, &["`reader` on `dataset:secret/users.parquet`"]);
    problem(of("lake://raw/../secret", None), 400, &[]);
}
