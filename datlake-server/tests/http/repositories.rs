//! Repositories, branches, commits, merges and tags.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Asking, Served, json as body, problem};

const MAIN: &str = "/repositories/sales/branches/main";

fn commit(root: &Asking<'_>, branch: &str, files: &[(&str, &str)], message: &str) -> String {
    let at = format!("/repositories/sales/branches/{branch}");
    files.iter().for_each(|(path, content)| assert_eq!(root.upload(&at, path, content).status(), 201));
    let made = root.post(&format!("{at}/commits"), &json!({"message": message, "metadata": {"n": "1"}}));
    body(made, StatusCode::CREATED)["id"].as_str().unwrap().to_owned()
}

fn ids(page: &Value) -> Vec<&str> {
    page["results"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

fn created(served: &Served) -> Asking<'_> {
    let root = served.root();
    let new =
        json!({"name": "sales", "storage_namespace": "s3://bucket", "default_branch": "main", "sample_data": true});
    let made = body(root.post("/repositories", &new), StatusCode::CREATED);
    assert_eq!(
        (&made["id"], &made["default_branch"], &made["storage_namespace"]),
        (&json!("sales"), &json!("main"), &json!("lake://sales"))
    );
    root
}

#[test]
fn repositories_come_and_go() {
    let served = Served::new();
    let root = created(&served);
    let new = json!({"name": "sales", "storage_namespace": ""});
    problem(root.post("/repositories", &new), 409, &["has a repository `sales`"]);
    problem(root.post("/repositories", &json!({"name": "x", "storage_namespace": ""})), 400, &["fewer than 3"]);
    problem(
        root.post("/repositories", &json!({"name": "xxx", "storage_namespace": "", "read_only": true})),
        400,
        &["read-only"],
    );
    assert_eq!(root.json("/repositories/sales/metadata"), json!({}));
    for name in ["a00", "b00", "b01"] {
        served.lake.new_repository(name).create().unwrap();
    }
    assert_eq!(ids(&root.json("/repositories?prefix=b0")), ["b00", "b01"]);
    let page = root.json("/repositories?amount=2");
    assert_eq!((ids(&page), &page["pagination"]["next_offset"]), (vec!["a00", "b00"], &json!("b00")));
    assert_eq!(ids(&root.json("/repositories?after=b00")), ["b01", "sales"]);
    // One that comes back under its name has nothing of the one before it.
    commit(&root, "main", &[("a", "1")], "one");
    assert_eq!(root.delete("/repositories/sales").status(), 204);
    problem(root.get("/repositories/sales"), 404, &[]);
    problem(root.get("/repositories/sales/refs/main/objects/stat?path=a"), 404, &["no repository `sales`"]);
    assert_eq!(root.post("/repositories", &new).status(), 201);
    problem(root.get("/repositories/sales/refs/main/objects/stat?path=a"), 404, &["there is no `a`"]);
}

#[test]
fn a_branch_is_tried_compared_and_merged() {
    let served = Served::new();
    let root = created(&served);
    let first = commit(&root, "main", &[("a", "1"), ("raw/x", "1"), ("gone", "1")], "one");
    let made = root.post("/repositories/sales/branches", &json!({"name": "dev", "source": "main"}));
    assert_eq!((made.status().as_u16(), made.text().unwrap()), (201, first.clone()));
    problem(
        root.post("/repositories/sales/branches", &json!({"name": "dev", "source": "main"})),
        409,
        &["has a branch `dev`"],
    );
    problem(root.post("/repositories/sales/branches", &json!({"name": "x", "source": "nope"})), 404, &[]);
    problem(
        root.post("/repositories/sales/branches", &json!({"name": "_tx-1", "source": "main"})),
        400,
        &["transactions"],
    );
    let hidden = "tx-2f1c3a9e-6f0b-4d57-9d0e-0c6f5a1b2c3d";
    assert_eq!(
        root.post("/repositories/sales/branches", &json!({"name": hidden, "source": "main", "hidden": true})).status(),
        201
    );
    assert_eq!(ids(&root.json("/repositories/sales/branches")), ["dev", "main"]);
    assert_eq!(ids(&root.json("/repositories/sales/branches?show_hidden=true")), ["dev", "main", hidden]);
    assert_eq!(root.json("/repositories/sales/branches/dev"), json!({"id": "dev", "commit_id": first}));

    let dev = "/repositories/sales/branches/dev";
    for (path, content) in [("a", "22"), ("raw/y", "1"), ("new", "333")] {
        root.upload(dev, path, content);
    }
    root.delete(&format!("{dev}/objects?path=gone"));
    let changes = |page: Value| -> Vec<(String, String, u64)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        page["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| (text(&d["type"]), text(&d["path"]), d["size_bytes"].as_u64().unwrap()))
            .collect()
    };
    let of = |kind: &str, path: &str, size| (kind.to_owned(), path.to_owned(), size);
    let all = [of("changed", "a", 2), of("removed", "gone", 0), of("added", "new", 3), of("added", "raw/y", 1)];
    assert_eq!(changes(root.json(&format!("{dev}/diff"))), all);
    let top = changes(root.json(&format!("{dev}/diff?delimiter=/&amount=4")));
    assert_eq!(top[3], of("prefix_changed", "raw/", 0));
    assert_eq!(changes(root.json(&format!("{dev}/diff?delimiter=/&after=raw/"))), []);
    commit(&root, "dev", &[], "two");
    problem(root.post(&format!("{dev}/commits"), &json!({"message": "again"})), 400, &["no changes"]);
    // What changed on the other side since does not count, unless both are compared as they are.
    commit(&root, "main", &[("main", "1")], "three");
    assert_eq!(changes(root.json("/repositories/sales/refs/main/diff/dev")), all);
    let two = changes(root.json("/repositories/sales/refs/main/diff/dev?type=two_dot&prefix=ma"));
    assert_eq!(two, [of("removed", "main", 0)]);
    let (one, next) = (
        root.json("/repositories/sales/refs/main/diff/dev?amount=3"),
        root.json("/repositories/sales/refs/main/diff/dev?amount=3&after=new"),
    );
    assert_eq!((&one["pagination"]["next_offset"], changes(next)), (&json!("new"), vec![of("added", "raw/y", 1)]));
}

#[test]
fn a_merge_is_in_the_log() {
    let served = Served::new();
    let root = created(&served);
    let first = commit(&root, "main", &[("a", "1")], "one");
    let dev = "/repositories/sales/branches/dev";
    root.post("/repositories/sales/branches", &json!({"name": "dev", "source": "main"}));
    let second = commit(&root, "dev", &[("new", "1")], "two");
    commit(&root, "main", &[("main", "1")], "three");
    // A body is not needed.
    let merge = root.request(reqwest::Method::POST, "/api/v1/repositories/sales/refs/dev/merge/main").send().unwrap();
    let merged = body(merge, StatusCode::OK)["reference"].as_str().unwrap().to_owned();
    let shown = root.json(&format!("/repositories/sales/commits/{merged}"));
    assert_eq!((shown["parents"].as_array().unwrap().len(), &shown["committer"]), (2, &json!("root")));
    assert_eq!(shown["parents"][1], second.as_str());
    problem(root.post("/repositories/sales/refs/dev/merge/main", &json!({})), 400, &["no changes"]);
    assert_eq!(ids(&root.json("/repositories/sales/refs/main/commits?amount=1")), [&*merged]);
    let log = root.json("/repositories/sales/refs/main/commits");
    let messages: Vec<_> =
        log["results"].as_array().unwrap().iter().map(|commit| commit["message"].as_str().unwrap()).collect();
    assert_eq!((messages.len(), messages[0], messages[4]), (5, "Merge 'dev' into 'main'", "Repository created"));
    let next = root.json(&format!("/repositories/sales/refs/main/commits?after={}", ids(&log)[3]));
    assert_eq!(ids(&next), [ids(&log)[4]]);
    assert_eq!(root.json("/repositories/sales/refs/main/commits?objects=new")["pagination"]["results"], 1);
    assert_eq!(
        root.json(&format!("/repositories/sales/refs/main/commits?stop_at={first}"))["pagination"]["results"],
        4
    );
    assert_eq!(root.delete(dev).status(), 204);
    problem(root.delete(dev), 404, &["no branch `dev`"]);
    problem(root.delete(MAIN), 400, &["default branch"]);
}

#[test]
fn a_conflict_says_where_and_a_strategy_decides() {
    let served = Served::new();
    let root = created(&served);
    commit(&root, "main", &[("a", "0")], "zero");
    root.post("/repositories/sales/branches", &json!({"name": "dev", "source": "main"}));
    commit(&root, "dev", &[("a", "dev")], "dev");
    commit(&root, "main", &[("a", "main")], "main");
    let merge = |how: Value| root.post("/repositories/sales/refs/dev/merge/main", &how);
    problem(merge(json!({})), 409, &["conflict", "`a`", "nothing was changed"]);
    problem(merge(json!({"strategy": "mine"})), 400, &["source-wins"]);
    problem(merge(json!({"squash_merge": true})), 400, &["squash_merge"]);
    root.upload(MAIN, "b", "uncommitted");
    problem(merge(json!({"strategy": "source-wins"})), 400, &["uncommitted changes"]);
    assert_eq!(root.put(MAIN, &json!({"type": "object", "path": "b"})).status(), 204);
    let merged =
        body(merge(json!({"strategy": "source-wins", "message": "ours", "metadata": {"k": "v"}})), StatusCode::OK);
    let shown = root.json(&format!("/repositories/sales/commits/{}", merged["reference"].as_str().unwrap()));
    assert_eq!((&shown["message"], &shown["metadata"]["k"]), (&json!("ours"), &json!("v")));
    assert_eq!(root.get("/repositories/sales/refs/main/objects?path=a").text().unwrap(), "dev");
    let revert = |body: Value| root.post(&format!("{MAIN}/revert"), &body);
    problem(revert(json!({"ref": "main", "parent_number": 0})), 400, &["it is a merge"]);
    problem(revert(json!({"ref": "main", "parent_number": 3})), 400, &["no parent 3"]);
    assert_eq!(revert(json!({"ref": "main", "parent_number": 1})).status(), 204);
    assert_eq!(root.get("/repositories/sales/refs/main/objects?path=a").text().unwrap(), "main");
    let extra = commit(&root, "dev", &[("extra", "1")], "extra");
    let picked = body(root.post(&format!("{MAIN}/cherry-pick"), &json!({"ref": extra})), StatusCode::CREATED);
    assert_eq!(picked["message"], "extra");
    problem(root.post(&format!("{MAIN}/cherry-pick"), &json!({"ref": extra})), 400, &["no changes"]);
}

#[test]
fn tags_and_expressions_lead_to_commits() {
    let served = Served::new();
    let root = created(&served);
    let first = commit(&root, "main", &[("a", "1")], "one");
    commit(&root, "main", &[("a", "2")], "two");
    root.upload(MAIN, "a", "3");
    let made = body(
        root.post("/repositories/sales/tags", &json!({"id": "releases/v1", "ref": "main~1"})),
        StatusCode::CREATED,
    );
    assert_eq!(made, json!({"id": "releases/v1", "commit_id": first}));
    problem(root.post("/repositories/sales/tags", &json!({"id": "releases/v1", "ref": "main"})), 409, &[]);
    problem(root.post("/repositories/sales/tags", &json!({"id": "a b", "ref": "main"})), 400, &["a space"]);
    let read =
        |reference: &str| root.get(&format!("/repositories/sales/refs/{reference}/objects?path=a")).text().unwrap();
    let read = ["main", "main%40", "main~1", "main%5E", "releases%2Fv1", &first, &first[..8]].map(read);
    assert_eq!(read, ["3", "2", "1", "1", "1", "1", "1"]);
    problem(root.get("/repositories/sales/refs/main~9/objects?path=a"), 404, &[]);
    problem(root.get("/repositories/sales/refs/~~/objects?path=a"), 400, &["no reference"]);
    assert_eq!(ids(&root.json("/repositories/sales/tags")), ["releases/v1"]);
    assert_eq!(root.json("/repositories/sales/tags/releases%2Fv1")["commit_id"], first.as_str());
    // What cannot be written to refuses it.
    problem(
        root.upload("/repositories/sales/branches/releases%2Fv1", "a", "x"),
        400,
        &["cannot be the name of a branch"],
    );
    problem(root.upload(&format!("/repositories/sales/branches/{first}"), "a", "x"), 404, &["no branch"]);
    assert_eq!(root.delete("/repositories/sales/tags/releases%2Fv1").status(), 204);
    problem(root.delete("/repositories/sales/tags/releases%2Fv1"), 404, &["no tag"]);
    for (reset, expected) in [(json!({"type": "common_prefix", "path": "b"}), "3"), (json!({"type": "reset"}), "2")] {
        assert_eq!(root.put(MAIN, &reset).status(), 204);
        assert_eq!(root.get("/repositories/sales/refs/main/objects?path=a").text().unwrap(), expected);
    }
    problem(root.put(MAIN, &json!({"type": "object"})), 400, &["`path` is missing"]);
    problem(root.put(MAIN, &json!({"type": "all"})), 400, &["the body is wrong"]);
}
