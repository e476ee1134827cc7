//! What holds for every request.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Served, problem};

#[test]
fn the_document_has_every_shape_and_the_page_every_route() {
    let served = Served::new();
    let get = |path: &str| served.nobody().request(Method::GET, path).send().unwrap();
    let health: Value = get("/health").json().unwrap();
    assert_eq!(health["status"], "ok");
    assert_eq!(get("/api/v1/healthcheck").status(), 204);
    let document: Value = get("/openapi.json").json().unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let (page, policy) = (get("/docs"), get("/docs").headers()["content-security-policy"].to_str().unwrap().to_owned());
    let page = page.text().unwrap();
    assert!(policy.contains("default-src 'none'") && !page.contains("http://") && !page.contains("<script"));
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path} {responses:?}");
            let is_healthcheck = path.ends_with("/healthcheck") || path.ends_with("/config") || path.ends_with("/user");
            assert!(responses.contains_key("default") || is_healthcheck, "{method} {path}");
        }
    }
    let created = &document["paths"]["/api/v1/repositories"]["post"]["responses"];
    assert!(created["201"].is_object() && created["200"].is_null(), "{created}");
}

#[test]
fn each_answer_has_the_id_of_its_request() {
    let served = Served::new();
    let ask = |id: &str| {
        let request = served.nobody().request(Method::GET, "/health");
        let request = if id.is_empty() { request } else { request.header("x-request-id", id) };
        request.send().unwrap().headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(ask("abc-1"), "abc-1");
    assert_ne!(ask(""), ask(""));
    for odd in ["a b", "<script>", &"x".repeat(200)] {
        assert_ne!(ask(odd), odd);
    }
}

#[test]
fn what_is_no_route_no_method_or_no_body_is_a_problem() {
    let served = Served::new();
    let root = served.root();
    problem(root.get("/nothing"), 404, &["no such route"]);
    problem(root.request(Method::PUT, "/api/v1/repositories").send().unwrap(), 405, &["no such method"]);
    let post = |body: &'static str| {
        root.request(Method::POST, "/api/v1/repositories")
            .header("content-type", "application/json")
            .body(body)
            .send()
            .unwrap()
    };
    problem(post("{"), 400, &["the body is wrong"]);
    problem(post("[]"), 400, &["the body is wrong"]);
    problem(post("{\"name\":1}"), 400, &["the body is wrong"]);
    problem(post("{\"name\":\"a\",\"name\":\"b\"}"), 400, &["duplicate field"]);
    problem(
        root.post("/repositories", &json!({"name": "../x", "storage_namespace": ""})),
        400,
        &["cannot be the name"],
    );
    let deep = "[".repeat(100_000);
    problem(root.request(Method::POST, "/api/v1/repositories").body(deep).send().unwrap(), 400, &["the body is wrong"]);
    let large = "x".repeat((8 << 20) + 1);
    problem(root.request(Method::POST, "/api/v1/repositories").body(large).send().unwrap(), 413, &["larger than"]);
    problem(root.get("/repositories?amount=many"), 400, &["amount"]);
}

#[test]
fn a_body_that_is_not_asked_for_is_no_part_of_the_next_request() {
    let served = Served::new();
    let mut stream = TcpStream::connect(served.url.strip_prefix("http://").unwrap()).unwrap();
    let head = "POST /api/v1/repositories/x/branches/y/objects?path=a HTTP/1.1\r\nHost: x\r\n";
    stream.write_all(format!("{head}Expect: 100-continue\r\nContent-Length: 1\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    // To its end: nothing else is read from there.
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401") && answer.to_lowercase().contains("connection: close"), "{answer}");
}

#[test]
fn a_server_that_ends_answers_what_is_under_way() {
    let mut served = Served::new();
    served.lake.new_repository("sales").create().unwrap();
    let main = served.lake.repository("sales").unwrap().default_branch();
    let address = served.url.strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    // It is let in once it is answered.
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut seen = String::new();
    while !seen.ends_with("\"}") {
        let mut buffer = [0; 1024];
        let n = stream.read(&mut buffer).unwrap();
        seen += std::str::from_utf8(&buffer[..n]).unwrap();
    }
    // An upload that is half sent when the server is to end. It is under way once the server asks for its body:
    // a request whose head was not read yet may be left unanswered.
    let path = "/api/v1/repositories/sales/branches/main/objects?path=a";
    let credentials = "Authorization: Basic Uk9PVDp0aGUtc2VjcmV0LW9mLXJvb3Q=";
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{credentials}\r\nExpect: 100-continue\r\n");
    stream.write_all(format!("{head}Content-Length: 10\r\n\r\n").as_bytes()).unwrap();
    let mut asked = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut asked).unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asked));
    stream.write_all(b"12345").unwrap();
    let answer = std::thread::scope(|scope| {
        scope.spawn(|| served.end());
        while TcpStream::connect(&address).is_ok() {
            std::thread::yield_now();
        }
        stream.write_all(b"67890").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(main.read("a").unwrap(), b"1234567890");
}
