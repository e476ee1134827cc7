//! Content of the lake, put and read by anybody's program.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::events::Followed;
use crate::support::{Asking, Served, json as answered, problem};

fn put(whom: &Asking<'_>, path: &str, bytes: &[u8]) -> reqwest::blocking::Response {
    whom.request(Method::PUT, &format!("/api/v1/datasets/{path}")).body(bytes.to_vec()).send().unwrap()
}

#[test]
fn content_is_put_and_read() {
    let served = Served::new();
    let ada = served.account("ada", &[("writer", "dataset:logs/jobs/*"), ("reader", "dataset:open")]);
    let mut events = Followed::begin(&ada, "events=lineage_event", None);
    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let done = answered(put(&ada, "logs/jobs/daily/ä%20b/run.log", &large), StatusCode::CREATED);
    let file = served.lake.file("logs/jobs/daily/ä b/run.log").unwrap();
    let expected = json!({
        "uri": "lake://logs/jobs/daily/ä b/run.log", "bucket": "logs", "path": "jobs/daily/ä b/run.log",
        "digest": file.digest().to_string(), "size_bytes": large.len()
    });
    assert_eq!((&done, file.read().unwrap() == large), (&expected, true));
    assert_eq!(events.next().unwrap().data["data"]["action"], "put");
    // The same bytes again are fine, others are not.
    assert_eq!(answered(put(&ada, "logs/jobs/daily/ä%20b/run.log", &large), StatusCode::CREATED), done);
    problem(put(&ada, "logs/jobs/daily/ä%20b/run.log", b"other"), 409, &["has other content"]);
    let at = "/datasets/logs/jobs%2Fdaily%2F%C3%A4%20b%2Frun.log";
    let get = ada.get(at);
    let tag = get.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(
        (get.headers()["content-type"].to_str().unwrap(), &*tag),
        ("application/octet-stream", &*format!("\"{}\"", file.digest()))
    );
    assert!(
        get.headers()["content-security-policy"].to_str().unwrap().contains("sandbox") && get.bytes().unwrap() == large
    );
    let part = |range: &str| ada.request(Method::GET, &format!("/api/v1{at}")).header("range", range).send().unwrap();
    let found = part("bytes=4-7");
    assert_eq!(
        (found.status(), found.headers()["content-range"].to_str().unwrap()),
        (StatusCode::PARTIAL_CONTENT, "bytes 4-7/1200000")
    );
    assert_eq!(found.bytes().unwrap(), 1_u32.to_le_bytes()[..]);
    assert_eq!(part("bytes=9999999-").status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let unchanged = ada.request(Method::GET, &format!("/api/v1{at}")).header("if-none-match", tag).send().unwrap();
    assert_eq!((unchanged.status(), unchanged.text().unwrap()), (StatusCode::NOT_MODIFIED, String::new()));
    let head = ada.request(Method::HEAD, &format!("/api/v1{at}")).send().unwrap();
    assert_eq!((head.status(), head.headers()["content-length"].to_str().unwrap()), (StatusCode::OK, "1200000"));
    assert_eq!(answered(put(&ada, "logs/jobs/empty", b""), StatusCode::CREATED)["size_bytes"], 0);
    assert_eq!(ada.delete(at).status(), StatusCode::NO_CONTENT);
    problem(ada.get(at), 404, &["there is no dataset"]);
    problem(ada.delete(at), 404, &["there is no dataset"]);
    answered(put(&ada, "logs/jobs/daily/ä%20b/run.log", b"other"), StatusCode::CREATED);
    refused(&served, &ada);
}

fn refused(served: &Served, ada: &Asking<'_>) {
    served.lake.add_bytes("open/a", "x").unwrap();
    served.lake.add_bytes("secret/a", "x").unwrap();
    let main = served.lake.new_repository("sales").create().unwrap().default_branch();
    main.put_bytes("raw/a.csv", "x").unwrap();
    main.commit("first").unwrap();
    assert_eq!(ada.get("/datasets/open/a").text().unwrap(), "x");
    problem(put(ada, "open/b", b"x"), 403, &["lacks the role `writer` on `dataset:open/b`"]);
    problem(ada.delete("/datasets/open/a"), 403, &["`writer` on `dataset:open/a`"]);
    problem(put(ada, "logs/other", b"x"), 403, &["`writer` on `dataset:logs/other`"]);
    assert_eq!(
        problem(ada.get("/datasets/secret/a"), 404, &[]),
        problem(ada.get("/datasets/secret/b"), 404, &[]).replace("/b`", "/a`")
    );
    let root = served.root();
    for path in [
        "a/..%2Fb",
        "a/%00",
        "a/b%5Cc",
        "a//b",
        "a/b@%7B1%7D",
        "@a/b",
        "sales@main:raw/a.csv",
        "sales@main:raw%2Fa.csv/x",
    ] {
        problem(put(&root, path, b"x"), 400, &[]);
        problem(root.get(&format!("/datasets/{path}")), 400, &[]);
    }
    problem(root.get(&format!("/datasets/a/{}", "x".repeat(2000))), 400, &[]);
    let text =
        |problem: reqwest::blocking::Response| problem.json::<Value>().unwrap()["message"].as_str().unwrap().to_owned();
    // Nor the names that one may have meant.
    assert!(!text(root.get("/datasets/secret/aa")).contains("secret/a`"));
}
