//! Clients that take their time, and bodies that are more than they seem: ended in a bounded time, while others are answered.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use datlake_server::{ClientPatience, ServerSettings};
use reqwest::Method;
use serde_json::json;

use crate::support::{Served, problem};

/// How long the server waits here.
const PATIENCE: Duration = Duration::from_secs(1);
/// So long nobody here waits for it.
const LONGEST: Duration = Duration::from_secs(60);
const CREDENTIALS: &str = "Authorization: Basic Uk9PVDp0aGUtc2VjcmV0LW9mLXJvb3Q=";

/// A client that says something, and from then on as little as it can.
struct Slow {
    what: &'static str,
    stream: TcpStream,
    trickles: Option<u8>,
    heard: Vec<u8>,
    is_over: bool,
}

impl Slow {
    fn new(served: &Served, what: &'static str, says: &[u8], trickles: Option<u8>) -> Self {
        let mut stream = TcpStream::connect(served.url.strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(says).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self { what, stream, trickles, heard: Vec::new(), is_over: false }
    }

    /// Says a byte more, and listens: until the server has closed the connection.
    fn go_on(&mut self) {
        let written = self.trickles.map_or(Ok(0), |byte| self.stream.write(&[byte]));
        let mut buffer = [0; 4096];
        let read = self.stream.read(&mut buffer);
        self.heard.extend_from_slice(&buffer[..*read.as_ref().unwrap_or(&0)]);
        let is_open = |e: &std::io::Error| e.kind() == ErrorKind::WouldBlock;
        self.is_over = matches!(&read, Ok(0)) || [written.err(), read.err()].iter().flatten().any(|e| !is_open(e));
    }
}

#[test]
fn who_trickles_is_cut_off_and_others_go_on() {
    let patience = ClientPatience { head: PATIENCE, body: PATIENCE };
    let served = Served::with(|settings| ServerSettings { patience, ..settings });
    served.lake.new_repository("sales").create().unwrap();
    let root = served.root();
    let sends = |path: &str, kind: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{CREDENTIALS}\r\nContent-Type: {kind}\r\nContent-Length: 100000\r\n\r\n"
        )
    };
    let objects = "/api/v1/repositories/sales/branches/main/objects";
    let health = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let all = [
        ("half of what HTTP/2 begins with", "PRI * HT".to_owned(), None),
        ("HTTP/2 without a request", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_owned(), None),
        ("a head that trickles", "GET /health HTTP/1.1\r\nX: ".to_owned(), Some(b'x')),
        ("a request and no other", health.to_owned(), None),
        ("a request and half of another", format!("{health}GET /hea"), None),
        ("JSON that trickles", sends("/api/v1/repositories", "application/json"), Some(b' ')),
        ("an object that trickles", sends(&format!("{objects}?path=slow"), "text/plain"), Some(b'x')),
        ("an object that stops", sends(&format!("{objects}?path=stops"), "text/plain") + "abc", None),
        ("a file of a data set that trickles", sends("/api/v1/datasets/a/slow", "").replace("POST", "PUT"), Some(b'x')),
        ("a form that trickles", sends("/sign-in", "application/x-www-form-urlencoded"), Some(b'x')),
    ];
    let mut slow: Vec<_> =
        all.iter().map(|(what, says, trickles)| Slow::new(&served, what, says.as_bytes(), *trickles)).collect();
    slow.extend((0..100).map(|_| Slow::new(&served, "one that says nothing", b"", None)));
    let began = Instant::now();
    while slow.iter().any(|one| !one.is_over) {
        let open: Vec<_> = slow.iter_mut().filter(|one| !one.is_over).collect();
        assert!(began.elapsed() < LONGEST, "still open: {:?}", open.iter().map(|one| one.what).collect::<Vec<_>>());
        open.into_iter().for_each(Slow::go_on);
        // Nobody else notices.
        assert_eq!(root.get("/healthcheck").status(), 204);
        std::thread::sleep(Duration::from_millis(20));
    }
    for one in &slow {
        let heard = String::from_utf8_lossy(&one.heard);
        let is_answered = heard.contains("HTTP/1.1 2");
        assert_eq!(is_answered, one.what.starts_with("a request"), "{}: {heard}", one.what);
    }
    for path in ["slow", "stops"] {
        problem(root.get(&format!("/repositories/sales/refs/main/objects?path={path}")), 404, &[]);
    }
    assert!(!served.lake.exists("a/slow").unwrap());
}

/// What is compressed could be anything once it is not: nothing is decoded here.
#[test]
fn what_is_compressed_is_refused() {
    let served = Served::new();
    served.lake.new_repository("sales").create().unwrap();
    let root = served.root();
    let document = served.nobody().request(Method::GET, "/openapi.json").send().unwrap();
    let document: serde_json::Value = document.json().unwrap();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["requestBody"].is_null() {
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{repository}", "sales").replace("{branch}", "main").replace("{job}", "j");
            for coding in ["gzip", "x-gzip", "deflate", "br", "zstd", "identity, gzip"] {
                let request = root.request(method.clone(), &path).header("content-encoding", coding);
                let response = request.body(b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec()).send().unwrap();
                // What is not there is not there before a body is looked at.
                let status = response.status().as_u16();
                assert!(status == 415 || (status == 404 && path.contains('{')), "{method} {path} {coding}: {status}");
                asked += 1;
            }
        }
    }
    assert!(asked > 100, "{asked}");
    let plain = root.request(Method::POST, "/api/v1/jobs/j/runs").header("content-encoding", "identity");
    assert_eq!(plain.json(&json!({})).send().unwrap().status(), 201);
    let refused = root.request(Method::PUT, "/api/v1/datasets/a/b").header("content-encoding", "gzip").body("x");
    problem(refused.send().unwrap(), 415, &["decodes none"]);
    assert!(!served.lake.exists("a/b").unwrap());
}
