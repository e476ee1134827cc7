//! What one account has, asked for by another through ids of both: every route, each of its parameters, and what bodies name.
//!
//! All of that comes from the document: a parameter or a body that this test does not know makes it fail.

use std::collections::HashMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Asking, Served, json as answered};

/// What somebody has, by the names of parameters.
struct Owned {
    ids: HashMap<&'static str, String>,
    dataflow_run: String,
    import: String,
}

const NOTHING: StatusCode = StatusCode::NO_CONTENT;

/// A repository, a job, a table, a data set and a dataflow with something in each, by the account that owns them.
fn own(served: &Served, account: &Asking<'_>, name: &str) -> Owned {
    let secret = format!("SECRET-OF-{name}");
    let repository = served.lake.new_repository(name).create().unwrap();
    let (branch, tag) = (format!("branch-of-{name}"), format!("tag-of-{name}"));
    repository.branch(&branch).create("main").unwrap();
    let at = format!("/repositories/{name}/branches/{branch}");
    assert_eq!(account.upload(&at, "secret.csv", &secret).status(), 201);
    let commit = answered(account.post(&format!("{at}/commits"), &json!({"message": secret})), StatusCode::CREATED);
    let commit = text(&commit, "id");
    repository.tag(&tag).create(&commit).unwrap();
    // Something that is not committed.
    assert_eq!(account.upload(&at, "staged.csv", &secret).status(), 201);
    let note = json!({"metadata": {"note": secret}});
    let run = text(&answered(account.post(&format!("/jobs/{name}/runs"), &note), StatusCode::CREATED), "run_id");
    let rule = json!({"run": {"command": [secret]}});
    answered(account.put(&format!("/jobs/{name}/schedule"), &rule), StatusCode::OK);
    let table =
        json!({"table_name": name, "uri": format!("s3://{secret}"), "format": "csv", "job_name": name, "run_id": run});
    answered(account.post("/jobs/register-snapshot", &table), StatusCode::CREATED);
    let put = account.request(Method::PUT, &format!("/api/v1/datasets/{name}/secret.csv")).body(secret.clone());
    assert_eq!(put.send().unwrap().status(), 201);
    let created = account.post("/dataflows", &json!({"zone": name, "model_name": "m"}));
    let dataflow = text(&answered(created, StatusCode::CREATED), "dataflow_id");
    let started = account.post(&format!("/dataflows/{dataflow}/runs"), &note);
    let dataflow_run = text(&answered(started, StatusCode::CREATED), "run_id");
    let source = text(
        &answered(account.post("/dataflows", &json!({"zone": name, "model_name": "s"})), StatusCode::CREATED),
        "dataflow_id",
    );
    let sources = format!("/dataflows/{dataflow}/sources");
    answered(account.post(&sources, &json!({"source_dataflow_id": source})), NOTHING);
    let body = json!({"paths": [{"type": "object", "path": format!("lake://{name}/secret.csv"), "destination": "i.csv"}], "commit": {"message": secret}});
    served.lake.repository(name).unwrap().branch("imports").create("main").unwrap();
    let import = served.root().post(&format!("/repositories/{name}/branches/imports/import"), &body);
    let import = text(&answered(import, StatusCode::ACCEPTED), "id");
    let ids = [
        ("repository", name),
        ("branch", &branch),
        ("ref", &commit),
        ("right", &commit),
        ("tag", &tag),
        ("job", name),
        ("run", &run),
        ("table", name),
        ("bucket", name),
        ("dataflow", &dataflow),
        ("source", &source),
    ];
    Owned { ids: ids.into_iter().map(|(id, value)| (id, value.to_owned())).collect(), dataflow_run, import }
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned()
}

/// A body that names, wherever one of these routes takes a name, what is the other's.
fn body(route: &str, other: &Owned) -> Value {
    let (commit, run, job) = (&other.ids["ref"], &other.ids["run"], &other.ids["job"]);
    match route.strip_prefix("/api/v1").unwrap() {
        "/repositories" => json!({"name": "stolen", "storage_namespace": format!("lake://{job}")}),
        "/repositories/{repository}/branches" => json!({"name": "stolen", "source": commit}),
        "/repositories/{repository}/branches/{branch}" => json!({"type": "reset"}),
        "/repositories/{repository}/branches/{branch}/commits" => json!({"message": "m", "allow_empty": true}),
        "/repositories/{repository}/branches/{branch}/revert" => json!({"ref": commit, "parent_number": 0}),
        "/repositories/{repository}/branches/{branch}/cherry-pick" => json!({"ref": commit}),
        "/repositories/{repository}/branches/{branch}/objects/delete" => json!({"paths": ["secret.csv"]}),
        "/repositories/{repository}/branches/{branch}/objects/copy" => {
            json!({"src_path": "secret.csv", "src_ref": commit})
        }
        "/repositories/{repository}/branches/{branch}/staging/backing" => json!({
            "staging": {"physical_address": format!("lake://{job}/secret.csv")}, "checksum": "0", "size_bytes": 1
        }),
        "/repositories/{repository}/branches/{branch}/import" => json!({
            "paths": [{"type": "object", "path": format!("lake://{job}/secret.csv"), "destination": "x"}],
            "commit": {"message": "m"}
        }),
        "/repositories/{repository}/refs/{ref}/merge/{branch}" => json!({}),
        "/repositories/{repository}/tags" => json!({"id": "stolen", "ref": commit}),
        "/events" => json!({"type": "a", "subject": format!("job:{job}"), "data": {}}),
        "/jobs/{job}/runs" => json!({"metadata": {"inputs": []}}),
        "/jobs/{job}/runs/{run}/complete" => json!({"success": true}),
        "/jobs/{job}/runs/{run}/inputs" | "/jobs/{job}/runs/{run}/outputs" => json!({"items": [{"uri": "s3://a"}]}),
        "/jobs/{job}/runs/{run}/artifacts" => json!({"artifacts": [{"type": "log", "uri": "s3://a"}]}),
        "/jobs/{job}/runs/{run}/events" => json!({"type": "a", "data": {}}),
        "/jobs/{job}/schedule" => {
            json!({"run": {"command": ["true"]}, "when": {"sources": {"dataflow_id": other.ids["dataflow"]}}})
        }
        "/workers/claim" => json!({"worker": "w", "jobs": job}),
        "/dataflows" => json!({"zone": job, "model_name": "stolen"}),
        "/dataflows/{dataflow}/sources" => json!({"source_dataflow_id": other.ids["dataflow"], "replay": true}),
        "/dataflows/{dataflow}/set-aside/release" => json!({"source_run_id": run}),
        "/dataflows/{dataflow}/runs" => json!({}),
        "/dataflows/runs/{run}/finish" => json!({"status": "success"}),
        "/jobs/register-snapshot" => {
            json!({"table_name": "eve", "uri": "s3://a", "format": "csv", "job_name": job, "run_id": run})
        }
        "/lineage" => json!({
            "eventType": "COMPLETE", "run": {"runId": run}, "job": {"namespace": job, "name": "x"}
        }),
        route => panic!("{route} has a body that this test does not know: say how it names what is another's"),
    }
}

/// What the query says where a parameter is an id; `None` of others.
fn query(name: &str, other: &Owned) -> Option<String> {
    match name {
        "id" => Some(other.import.clone()),
        "run_id" => Some(other.ids["run"].clone()),
        "job_name" => Some(other.ids["job"].clone()),
        "node" => Some(format!("run:{}", other.ids["run"])),
        "stop_at" => Some(other.ids["ref"].clone()),
        "after" | "amount" | "prefix" | "show_hidden" | "delimiter" | "type" | "path" | "presign" | "user_metadata"
        | "dest_path" | "first_parent" | "limit" | "objects" | "prefixes" | "since" | "events" | "state" | "follow"
        | "offset" | "depth" => None,
        name => panic!("a query has the parameter `{name}`, which this test does not know: is it an id?"),
    }
}

/// All that there is of somebody, as the root sees it.
fn all_of(served: &Served, owned: &Owned) -> Vec<Value> {
    let (root, ids) = (served.root(), &owned.ids);
    let (name, branch, dataflow) = (&ids["repository"], &ids["branch"], &ids["dataflow"]);
    let paths = [
        format!("/repositories/{name}/branches"),
        format!("/repositories/{name}/tags"),
        format!("/repositories/{name}/refs/{branch}/commits"),
        format!("/repositories/{name}/refs/{branch}/objects/ls"),
        format!("/repositories/{name}/branches/{branch}/diff"),
        format!("/jobs/{name}/runs"),
        format!("/jobs/{name}/schedule"),
        format!("/jobs/{name}%2Fm%2F%2F/runs"),
        format!("/tables/{name}/snapshots"),
        format!("/dataflows/{dataflow}/sources"),
    ];
    paths.iter().map(|path| root.json(path)).collect()
}

#[test]
fn nobody_reaches_what_is_anothers_by_its_id() {
    let served = Served::new();
    let patterns = |name: &str| {
        ["repo:NAME", "job:NAME", "job:NAME/*", "table:NAME", "dataset:NAME/*"].map(|p| p.replace("NAME", name))
    };
    let [ada, eve] = ["ada", "eve"].map(|name| {
        let patterns = patterns(name);
        served.account(name, &patterns.each_ref().map(|pattern| ("admin", &**pattern)))
    });
    let (of_ada, of_eve) = (own(&served, &ada, "ada"), own(&served, &eve, "eve"));
    let before = all_of(&served, &of_ada);
    let document: Value = served.nobody().request(Method::GET, "/openapi.json").send().unwrap().json().unwrap();
    let mut asked = 0;
    for (route, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["x-datlake-right"] == "none" || method == "head" {
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let named = |kind: &str| -> Vec<String> {
                let all = operation["parameters"].as_array().into_iter().flatten();
                all.filter(|one| one["in"] == kind).map(|one| text(one, "name")).collect()
            };
            // A path in a bucket or a repository is no id: what is meant says the bucket.
            let ids: Vec<_> = named("path").into_iter().filter(|name| name != "path").collect();
            let query: Vec<_> =
                named("query").iter().filter_map(|name| Some((name.clone(), query(name, &of_ada)?))).collect();
            let body = operation["requestBody"].is_object().then(|| &operation["requestBody"]["content"]);
            let body =
                body.filter(|content| content["application/json"].is_object()).map(|_| self::body(route, &of_ada));
            // With one's own ids alone, only where the body or the query has another's.
            let is_mentioned = !query.is_empty() || body.as_ref().is_some_and(|body| mentions(body, &of_ada));
            if method == Method::GET && !ids.is_empty() && !is_mentioned {
                let path = filled(route, &ids, |_| &of_eve);
                let own = eve.request(Method::GET, &path).query(&[("path", "secret.csv")]).send().unwrap();
                // There is no bucket to write to by a URL.
                let expected = if path.ends_with("/staging/backing") { 400 } else { 200 };
                assert_eq!(own.status(), expected, "{path}");
            }
            for whose in (if is_mentioned { 0 } else { 1 })..1_u32 << ids.len() {
                let path = filled(route, &ids, |at| if whose >> at & 1 == 1 { &of_ada } else { &of_eve });
                let request = eve
                    .request(method.clone(), &path)
                    .query(&[("path", "secret.csv"), ("dest_path", "x")])
                    .query(&query);
                let request = match &body {
                    Some(body) => request.json(body),
                    None => request,
                };
                let response = request.send().unwrap();
                let (status, said) = (response.status().as_u16(), response.text().unwrap());
                assert!(!said.contains("SECRET-OF-ada"), "{method} {path} says {said}");
                let is_nothing = said == "{\"claimed\":null}"
                    || (path.ends_with("/set-aside/release") && said == "{\"released\":0}");
                assert!((400..500).contains(&status) || is_nothing, "{method} {path} {body:?}: {status} {said}");
                asked += 1;
            }
        }
    }
    assert!(asked > 150, "{asked}");
    assert_eq!(all_of(&served, &of_ada), before);
}

/// A route, with the ids of somebody in the place of each parameter.
fn filled<'o>(route: &str, ids: &[String], whose: impl Fn(usize) -> &'o Owned) -> String {
    let mut path = route.replace("{path}", "secret.csv");
    for (at, id) in ids.iter().enumerate() {
        let owned = whose(at);
        let unknown = || panic!("{route} has the id {id}, which this test does not know");
        let value = match route.starts_with("/api/v1/dataflows/runs") {
            true => &owned.dataflow_run,
            false => owned.ids.get(&**id).unwrap_or_else(unknown),
        };
        path = path.replace(&format!("{{{id}}}"), value);
    }
    path
}

/// Whether a body has one of the ids of somebody.
fn mentions(body: &Value, owned: &Owned) -> bool {
    let said = body.to_string();
    let short = ["\"ada", ":ada", "/ada"].iter().any(|name| said.contains(name));
    short || owned.ids.values().any(|id| id.len() > 3 && said.contains(&**id))
}
