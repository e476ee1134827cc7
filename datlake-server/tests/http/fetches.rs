//! Whatever clients register that looks like an address, the server asks nobody there: it is text, unless who runs the server allowed it.
//!
//! The fields come from the document: one whose name sounds like an address, and that this test does not fill, makes it fail.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};

use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::page::Browser;
use crate::support::{Asking, Served, json as answered};

/// Names of fields that may be an address, or lead to one.
const SOUNDS: [&str; 17] = [
    "uri",
    "url",
    "address",
    "source",
    "location",
    "namespace",
    "path",
    "hook",
    "endpoint",
    "host",
    "server",
    "target",
    "callback",
    "producer",
    "link",
    "remote",
    "proxy",
];

/// All fields of a schema that are texts, by their names.
fn texts(schemas: &Value, schema: &Value, found: &mut BTreeSet<String>, depth: usize) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => &schemas[name.rsplit('/').next().unwrap()],
        None => schema,
    };
    if depth > 12 {
        return;
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let kind = field["type"].to_string();
        if kind.contains("string") || kind.contains("array") {
            found.insert(name.clone());
        }
        texts(schemas, field, found, depth + 1);
    }
    for of in ["anyOf", "oneOf", "allOf"] {
        schema[of].as_array().into_iter().flatten().for_each(|one| texts(schemas, one, found, depth + 1));
    }
    texts_if(schemas, &schema["items"], found, depth);
}

fn texts_if(schemas: &Value, schema: &Value, found: &mut BTreeSet<String>, depth: usize) {
    if schema.is_object() {
        texts(schemas, schema, found, depth + 1);
    }
}

/// What is sent where `address` may stand: the method, the path, and a body.
fn requests(address: &str, job: &str, run: &str) -> Vec<(Method, String, Value)> {
    let (post, put) = (Method::POST, Method::PUT);
    let item = json!([{"kind": "uri", "name": address, "uri": address}]);
    let import = |kind: &str| json!({"paths": [{"type": kind, "path": address, "destination": "i"}], "commit": {"message": "m"}});
    let branch = "/repositories/sales/branches/main";
    let staging = json!({
        "staging": {"physical_address": address, "presigned_url": address}, "checksum": "0", "size_bytes": 1,
    });
    let dataset = json!({"namespace": address, "name": "x", "facets": {
        "dataSource": {"_producer": address, "_schemaURL": address, "name": "d", "uri": address},
        "documentation": {"_producer": address, "_schemaURL": address, "description": address},
    }});
    let event = json!({
        "eventType": "COMPLETE", "eventTime": "2026-11-30T00:00:00Z", "producer": address, "schemaURL": address,
        "run": {"runId": format!("0190f5c8-7d5f-7cc2-b1c3-{:012x}", job.len()), "facets": {"parent": {"_producer": address, "_schemaURL": address}}},
        "job": {"namespace": address, "name": "x", "facets": {"sourceCodeLocation": {"_producer": address, "_schemaURL": address, "url": address}}},
        "inputs": [dataset], "outputs": [dataset],
    });
    vec![
        (
            post.clone(),
            "/repositories".to_owned(),
            json!({"name": format!("r{}", job.len()), "storage_namespace": address}),
        ),
        (post.clone(), "/repositories/sales/branches".to_owned(), json!({"name": "b", "source": address})),
        (put.clone(), branch.to_owned(), json!({"type": "object", "path": address})),
        (post.clone(), format!("{branch}/objects/copy?dest_path=c"), json!({"src_path": address, "src_ref": address})),
        (post.clone(), format!("{branch}/objects/delete"), json!({"paths": [address]})),
        (put.clone(), format!("{branch}/staging/backing?path=l"), staging),
        (post.clone(), format!("{branch}/import"), import("object")),
        (post.clone(), format!("{branch}/import"), import("common_prefix")),
        (
            post.clone(),
            "/jobs/register-snapshot".to_owned(),
            json!({"table_name": "t", "uri": address, "format": "csv"}),
        ),
        (post.clone(), format!("/jobs/{job}/runs/{run}/inputs"), json!({"items": item})),
        (post.clone(), format!("/jobs/{job}/runs/{run}/outputs"), json!({"items": item})),
        (
            post.clone(),
            format!("/jobs/{job}/runs/{run}/artifacts"),
            json!({"artifacts": [{"type": "log", "uri": address}]}),
        ),
        (
            post.clone(),
            "/events".to_owned(),
            json!({"type": "a", "subject": format!("job:{job}"), "data": {"url": address}}),
        ),
        (post.clone(), format!("/dataflows/{run}/sources"), json!({"source_dataflow_id": address})),
        (post.clone(), format!("/dataflows/{run}/set-aside/release"), json!({"source_run_id": address})),
        (post.clone(), "/lineage".to_owned(), event),
        (put, format!("/jobs/{job}/schedule"), json!({"run": {"command": [address], "directory": "/x"}})),
        (
            Method::PUT,
            format!("/jobs/{job}/runs/{run}/complete"),
            json!({
                "success": true, "artifacts": [{"type": "log", "uri": address}], "metadata": {"inputs": [address], "outputs": item},
            }),
        ),
    ]
}

/// The names of all fields of a body in which that text stands.
fn filled(body: &Value, address: &str, found: &mut BTreeSet<String>) {
    let is_said = |value: &Value| {
        value.as_str() == Some(address)
            || value.as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some(address)))
    };
    match body {
        Value::Object(object) => {
            found.extend(object.iter().filter(|(_, value)| is_said(value)).map(|(name, _)| name.clone()));
            object.values().for_each(|value| filled(value, address, found));
        }
        Value::Array(all) => all.iter().for_each(|value| filled(value, address, found)),
        _ => {}
    }
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned()
}

#[test]
fn no_address_that_a_client_registers_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let here = listener.local_addr().unwrap();
    let served = Served::new();
    served.lake.new_repository("sales").create().unwrap();
    let (root, browser) = (served.root(), Browser::root(&served));
    let document: Value = served.nobody().request(Method::GET, "/openapi.json").send().unwrap().json().unwrap();
    let schemas = &document["components"]["schemas"];
    let mut known = BTreeSet::new();
    let mut taken = 0;
    for (at, scheme) in ["http://HERE/x", "https://ada:secret@HERE/x", "s3://HERE/x", "//HERE/x", "file:///etc/passwd"]
        .iter()
        .enumerate()
    {
        let address = scheme.replace("HERE", &here.to_string());
        let job = "j".repeat(at + 1);
        let run = text(&answered(root.post(&format!("/jobs/{job}/runs"), &json!({})), StatusCode::CREATED), "run_id");
        for (method, path, body) in requests(&address, &job, &run) {
            filled(&body, &address, &mut known);
            let response = root.request(method.clone(), &format!("/api/v1{path}")).json(&body).send().unwrap();
            let (status, said) = (response.status(), response.text().unwrap());
            assert!(status.as_u16() < 500, "{method} {path} {body}: {status} {said}");
            assert!(!said.contains("root:x:0:0"), "{method} {path}: {said}");
            taken += usize::from(status.is_success());
            settle(&root, &path, &said);
        }
        look(&root, &browser, &address, &job, &run);
    }
    assert!(taken >= 40, "{taken} were taken");
    for (route, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let mut fields = BTreeSet::new();
            texts_if(schemas, &operation["requestBody"]["content"]["application/json"]["schema"], &mut fields, 0);
            let sounds = |name: &&String| SOUNDS.iter().any(|part| name.to_lowercase().contains(part));
            let unknown: Vec<_> = fields.iter().filter(sounds).filter(|name| !known.contains(*name)).collect();
            assert!(unknown.is_empty(), "{method} {route} has fields that this test does not fill: {unknown:?}");
        }
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "somebody was asked");
    // It would have been seen.
    let _own = TcpStream::connect(here).unwrap();
    while listener.accept().is_err() {
        std::thread::yield_now();
    }
}

/// Waits until an import has ended, which goes on by itself.
fn settle(root: &Asking<'_>, path: &str, said: &str) {
    if !path.ends_with("/import") {
        return;
    }
    let Ok(Value::Object(begun)) = serde_json::from_str::<Value>(said) else { return };
    let Some(id) = begun.get("id").and_then(Value::as_str) else { return };
    while root.json(&format!("/repositories/sales/branches/main/import?id={id}"))["completed"] == json!(false) {
        std::thread::yield_now();
    }
}

/// Looks at all that shows it, over the API and on the page.
fn look(root: &Asking<'_>, browser: &Browser<'_>, address: &str, job: &str, run: &str) {
    let spelled: String =
        percent_encoding::utf8_percent_encode(address, percent_encoding::NON_ALPHANUMERIC).to_string();
    for path in ["/tables/t".to_owned(), "/tables/t/snapshots/latest".to_owned(), format!("/jobs/{job}/runs/{run}")] {
        root.json(&path);
        browser.page(path.trim_end_matches("/snapshots/latest"));
    }
    for path in [
        format!("/lineage?node={spelled}"),
        format!("/repositories/sales/refs/main/objects?path={spelled}&presign=true"),
        format!("/repositories/sales/refs/{spelled}/objects/ls"),
        format!("/repositories/sales/branches/main/staging/backing?path={spelled}&presign=true"),
    ] {
        assert!(root.get(&path).status().as_u16() < 500, "{path}");
    }
    for path in
        [format!("/lineage?of={spelled}"), format!("/file?uid={spelled}"), "/events".to_owned(), format!("/jobs/{job}")]
    {
        assert!(browser.get(&path).status().as_u16() < 500, "{path}");
    }
}

/// So that the test above sees a field that somebody adds.
#[test]
fn fields_are_found_wherever_they_stand() {
    let schemas =
        json!({"Inner": {"properties": {"callback_url": {"type": ["string", "null"]}, "count": {"type": "integer"}}}});
    let schema = json!({"properties": {
        "all": {"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/Inner"}, {"type": "null"}]}},
        "webhook": {"type": "string"},
    }});
    let mut found = BTreeSet::new();
    texts(&schemas, &schema, &mut found, 0);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["all", "callback_url", "webhook"]);
    let (body, mut found): (Map<String, Value>, _) =
        (json!({"a": {"b": ["x"]}, "c": "x"}).as_object().unwrap().clone(), BTreeSet::new());
    filled(&Value::Object(body), "x", &mut found);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["b", "c"]);
}
