//! Objects: put, read, listed, copied, deleted.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use datlake::Digest;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Asking, Served, json as body, problem};

const MAIN: &str = "/repositories/sales/branches/main";
const READ: &str = "/api/v1/repositories/sales/refs/main/objects";

fn served() -> Served {
    let served = Served::new();
    served.lake.new_repository("sales").create().unwrap();
    served
}

fn read(root: &Asking<'_>, path: &str, header: Option<(&str, &str)>) -> reqwest::blocking::Response {
    let request = root.request(Method::GET, READ).query(&[("path", path)]);
    header.into_iter().fold(request, |request, (name, value)| request.header(name, value)).send().unwrap()
}

#[test]
fn an_object_is_read_as_it_was_put() {
    let (served, content) = (served(), "0123456789");
    let root = served.root();
    let digest = Digest::of(content.as_bytes()).to_string();
    let request = root.request(Method::POST, &format!("/api/v1{MAIN}/objects")).query(&[("path", "raw/ä b.csv")]);
    let put = body(
        request.header("content-type", "text/csv").header("x-lakefs-meta-rows", "1").body(content).send().unwrap(),
        201.try_into().unwrap(),
    );
    assert_eq!((put["checksum"].as_str(), put["size_bytes"].as_u64()), (Some(&*digest), Some(10)));
    let stat = root.json("/repositories/sales/refs/main/objects/stat?path=raw/%C3%A4%20b.csv");
    assert_eq!(
        (&stat["content_type"], &stat["metadata"]["rows"], &stat["path_type"]),
        (&json!("text/csv"), &json!("1"), &json!("object"))
    );
    assert!(stat["mtime"].as_i64().unwrap() > 1_700_000_000);
    let whole = read(&root, "raw/ä b.csv", None);
    let header = |name: &str| whole.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (header("content-type"), header("etag"), header("content-length")),
        ("text/csv".into(), format!("\"{digest}\""), "10".into())
    );
    assert!(header("content-security-policy").contains("sandbox") && header("last-modified").ends_with("GMT"));
    assert_eq!(whole.text().unwrap(), content);
    for (range, expected, part) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=0-100", content, "bytes 0-9/10"),
    ] {
        let found = read(&root, "raw/ä b.csv", Some(("range", range)));
        assert_eq!((found.status().as_u16(), found.headers()["content-range"].to_str().unwrap()), (206, part));
        assert_eq!(found.text().unwrap(), expected);
    }
    let outside = read(&root, "raw/ä b.csv", Some(("range", "bytes=10-")));
    assert_eq!(outside.headers()["content-range"], "bytes */10");
    problem(outside, 416, &["has 10 bytes"]);
    assert_eq!(read(&root, "raw/ä b.csv", Some(("if-none-match", &format!("\"{digest}\"")))).status(), 304);
    assert_eq!(read(&root, "raw/ä b.csv", Some(("if-none-match", "\"other\""))).status(), 200);
    let head = root.request(Method::HEAD, READ).query(&[("path", "raw/ä b.csv")]).send().unwrap();
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, "10"));
    problem(read(&root, "raw", None), 404, &["there is no `raw`"]);
    assert_eq!(root.request(Method::HEAD, READ).query(&[("path", "x")]).send().unwrap().status(), 404);
}

#[test]
fn an_empty_object_and_a_large_one_come_whole() {
    let served = served();
    let root = served.root();
    assert_eq!(root.upload(MAIN, "empty", "").status(), 201);
    assert_eq!(read(&root, "empty", None).text().unwrap(), "");
    assert_eq!(read(&root, "empty", Some(("range", "bytes=0-"))).status(), 416);
    // Larger than what is in memory at a time, sent in chunks without a length.
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let request = root.request(Method::POST, &format!("/api/v1{MAIN}/objects")).query(&[("path", "large")]);
    let sent = request.body(reqwest::blocking::Body::new(std::io::Cursor::new(large.clone()))).send().unwrap();
    assert_eq!(sent.status(), 201);
    assert!(read(&root, "large", None).bytes().unwrap() == large);
    let part = read(&root, "large", Some(("range", "bytes=11999990-"))).bytes().unwrap();
    assert!(part == large[11_999_990..]);
}

#[test]
fn a_form_is_an_upload_too() {
    let served = served();
    let root = served.root();
    let form = "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"content\"; filename=\"a\"\r\n\
                Content-Type: text/plain\r\n\r\nthe content\r\n--x--\r\n";
    let send = |form: &'static str| {
        let request = root.request(Method::POST, &format!("/api/v1{MAIN}/objects")).query(&[("path", "a")]);
        request.header("content-type", "multipart/form-data; boundary=x").body(form).send().unwrap()
    };
    assert_eq!(body(send(form), 201.try_into().unwrap())["content_type"], "text/plain");
    assert_eq!(read(&root, "a", None).text().unwrap(), "the content");
    problem(
        send("--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n1\r\n--x--\r\n"),
        400,
        &["no part `content`"],
    );
    problem(send("--x\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\ncut o"), 400, &["nothing was put"]);
    assert_eq!(read(&root, "a", None).text().unwrap(), "the content");
}

#[test]
fn what_is_put_under_a_condition_it_does_not_meet_is_not_put() {
    let served = served();
    let root = served.root();
    let put = |path: &str, header: (&str, &str)| {
        let request = root.request(Method::POST, &format!("/api/v1{MAIN}/objects")).query(&[("path", path)]);
        request.header(header.0, header.1).body("1").send().unwrap()
    };
    assert_eq!(put("a", ("if-none-match", "*")).status(), 201);
    problem(put("a", ("if-none-match", "*")), 412, &["there is a `a` at `sales@main` already"]);
    problem(put("a", ("if-none-match", "\"x\"")), 400, &["`If-None-Match` is `*`"]);
    problem(put("a", ("if-match", "\"x\"")), 501, &["`If-Match` is not supported"]);
    problem(put("b", ("x-lakefs-meta-a", &"x".repeat(9000))), 400, &["at most 8192"]);
    problem(root.upload("/repositories/sales/branches/nope", "a", "1"), 404, &["no branch `nope`"]);
    for path in ["", "..", "a//b", "/a", "a/../b", "a\u{7}", &"x".repeat(2048)] {
        problem(root.upload(MAIN, path, "1"), 400, &["cannot be a path"]);
    }
    // Look-alikes are kept as given, and so is a path below another.
    for path in ["caf\u{e9}", "cafe\u{301}", "a/b"] {
        assert_eq!(root.upload(MAIN, path, path).status(), 201);
        assert_eq!(read(&root, path, None).text().unwrap(), path);
    }
    assert_eq!(served.lake.repository("sales").unwrap().default_branch().list_all("").unwrap().len(), 4);
}

#[test]
fn an_upload_that_is_cut_off_or_too_large_puts_nothing() {
    let served = Served::with(|settings| datlake_server::ServerSettings { largest_object: 1000, ..settings });
    served.lake.new_repository("sales").create().unwrap();
    let root = served.root();
    problem(root.upload(MAIN, "a", &"x".repeat(1001)), 413, &["larger than the 1000 bytes"]);
    assert_eq!(root.upload(MAIN, "fits", &"x".repeat(1000)).status(), 201);
    let mut stream = TcpStream::connect(served.url.strip_prefix("http://").unwrap()).unwrap();
    let head = format!(
        "POST /api/v1{MAIN}/objects?path=b HTTP/1.1\r\nHost: x\r\nAuthorization: Basic Uk9PVDp0aGUtc2VjcmV0LW9mLXJvb3Q=\r\n"
    );
    stream.write_all(format!("{head}Content-Length: 10\r\n\r\n12345").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(!answer.contains(" 201 "), "{answer}");
    let all = served.lake.repository("sales").unwrap().default_branch().list_all("").unwrap();
    assert_eq!(all.iter().map(|object| &*object.path).collect::<Vec<_>>(), ["fits"]);
}

#[test]
fn lists_have_pages_and_common_prefixes() {
    let served = served();
    let root = served.root();
    for path in ["a", "raw/feb.csv", "raw/jan.csv", "raw/old/x.csv", "z"] {
        assert_eq!(root.upload(MAIN, path, path).status(), 201);
    }
    let all = |query: &str| {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = root.json(&format!("/repositories/sales/refs/main/objects/ls?{query}&after={after}"));
            let results = page["results"].as_array().unwrap();
            assert_eq!(page["pagination"]["results"], results.len());
            found.extend(
                results.iter().map(|item| (item["path"].as_str().unwrap().to_owned(), item["path_type"] == "object")),
            );
            if page["pagination"]["has_more"] == false {
                return found;
            }
            after = page["pagination"]["next_offset"].as_str().unwrap().to_owned();
        }
    };
    let names = |found: Vec<(String, bool)>| found.into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    for amount in [1, 2, 100] {
        assert_eq!(names(all(&format!("amount={amount}"))), ["a", "raw/feb.csv", "raw/jan.csv", "raw/old/x.csv", "z"]);
        let top = all(&format!("amount={amount}&delimiter=/"));
        assert_eq!(top, [("a".into(), true), ("raw/".into(), false), ("z".into(), true)]);
        let raw = names(all(&format!("amount={amount}&delimiter=/&prefix=raw/")));
        assert_eq!(raw, ["raw/feb.csv", "raw/jan.csv", "raw/old/"]);
    }
    let copied = root.post(&format!("{MAIN}/objects/copy?dest_path=copy"), &json!({"src_path": "raw/jan.csv"}));
    assert_eq!(body(copied, 201.try_into().unwrap())["path"], "copy");
    assert_eq!(read(&root, "copy", None).text().unwrap(), "raw/jan.csv");
    problem(
        root.post(&format!("{MAIN}/objects/copy?dest_path=x"), &json!({"src_path": "none"})),
        404,
        &["there is no `none`"],
    );
    assert_eq!(root.delete(&format!("{MAIN}/objects?path=copy")).status(), 204);
    assert_eq!(root.delete(&format!("{MAIN}/objects?path=copy")).status(), 204);
    let deleted = root.post(&format!("{MAIN}/objects/delete"), &json!({"paths": ["a", "none", "z"]}));
    assert_eq!(body(deleted, 200.try_into().unwrap())["errors"], Value::Array(Vec::new()));
    assert_eq!(names(all("amount=10")), ["raw/feb.csv", "raw/jan.csv", "raw/old/x.csv"]);
    let many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    problem(root.post(&format!("{MAIN}/objects/delete"), &json!({"paths": many})), 400, &["at most 1000"]);
}

#[test]
fn a_body_with_another_md5_is_not_put() {
    use base64::Engine as _;
    use s3s::crypto::{Checksum as _, Md5};
    let served = served();
    let (root, mut right) = (served.root(), Md5::new());
    right.update(b"content");
    let right = base64::engine::general_purpose::STANDARD.encode(right.finalize());
    for (path, md5, status) in [("a", &*right, 201), ("b", "AAAA", 400), ("c", "1B2M2Y8AsgTpgAmY7PhCfg==", 400)] {
        for (method, at) in [
            (Method::POST, format!("/api/v1{MAIN}/objects?path={path}")),
            (Method::PUT, format!("/api/v1/datasets/logs/{path}")),
        ] {
            let answer = root.request(method, &at).header("content-md5", md5).body("content").send().unwrap();
            let (found, text) = (answer.status().as_u16(), answer.text().unwrap());
            assert!(found == status && (status == 201 || text.contains("another MD5")), "{at}: {found} {text}");
            let there = root.request(Method::GET, &at.replace("branches/main/objects", "refs/main/objects"));
            assert_eq!(there.send().unwrap().status().is_success(), status == 201, "{at}");
        }
    }
}

/// Who signed a form stands in it, so it would be held in memory whoever sends it.
#[test]
fn a_form_for_the_gateway_is_refused_before_it_is_read() {
    let served = served();
    let mut stream = TcpStream::connect(served.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let head = "POST /sales?X-Amz-Signature=x HTTP/1.1\r\nHost: x\r\nContent-Type: Multipart/form-data; boundary=b\r\n\
                Content-Length: 1000000000000\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&[b'x'; 100_000]).unwrap();
    let mut answer = [0; 200];
    let read = stream.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 501"), "{answer}");
}
