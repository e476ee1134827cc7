//! `datlake add URL`

use std::io::{Read as _, Write as _};
use std::sync::mpsc;

use crate::server::{Server, answer, nobody};
use crate::support::{Machine, check_failure, files_in};

/// The content of every file in the lake.
fn everything(machine: &Machine) -> String {
    let all = files_in(&machine.home()).into_iter().map(|path| std::fs::read(machine.home().join(path)).unwrap());
    String::from_utf8_lossy(&all.collect::<Vec<_>>().concat()).into_owned()
}

#[test]
fn what_a_server_has_is_added_with_where_it_came_from_and_no_secret() {
    let machine = Machine::new();
    let (told, headers) = mpsc::channel();
    let server = Server::new(move |path, headers, stream| {
        told.send(format!("{path}\n{headers}")).unwrap();
        stream.write_all(answer("200 OK", "text/csv", "a,b\n").as_bytes())
    });
    let url = server.url("ada:hunter2@", "/data/a.csv?token=hunter2&page=3");
    let public = server.url("***@", "/data/a.csv?token=***&page=***");
    let said = machine.ok(&["add", &url, "raw/a.csv"]);
    assert!(said.starts_with("added raw/a.csv (4 B, ") && said.ends_with(&format!(" from {public})\n")), "{said}");
    let asked = headers.recv().unwrap();
    // The request has all of it.
    assert!(asked.starts_with("/data/a.csv?token=hunter2&page=3\n"), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: basic ywrhomh1bnrlcji="), "{asked}");
    assert_eq!(machine.ok(&["cat", "raw/a.csv"]), "a,b\n");
    assert!(machine.ok(&["info", "raw/a.csv"]).contains(&format!("from      {public}\n")));
    assert_eq!(machine.json(&["info", "raw/a.csv"])["source"], public.as_str());
    assert!(!everything(&machine).contains("hunter2"));
    // Into a folder it goes under its own name; the same bytes change nothing.
    assert!(machine.ok(&["add", &url, "raw/"]).starts_with("was there already: raw/a.csv"));
    machine.fails(2, &["has no name of its own"], &["add", &server.url("", "/"), "raw/"]);
    machine.fails(2, &["a URL is no folder"], &["add", "-r", &url, "x"]);
    machine.fails(2, &["a URL cannot be moved"], &["add", "--move", &url, "x"]);
}

#[test]
fn an_answer_that_is_not_the_file_is_not_added() {
    let machine = Machine::new();
    let add = |server: &Server, status: i32, says: &[&str]| {
        let ran = machine.run(&["add", &server.url("ada:hunter2@", "/a.csv?k=hunter2"), "a.csv"]);
        check_failure(&ran, status, says);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        assert!(!machine.lake().exists("a.csv").unwrap());
    };
    let page = "<html>No such page</html>";
    add(&Server::saying(answer("404 Not Found", "text/html", page)), 1, &["cannot download", "404 Not Found"]);
    add(&Server::saying(answer("410 Gone", "text/html", page)), 1, &["410 Gone"]);
    add(&Server::saying(answer("403 Forbidden", "text/csv", page)), 2, &["403 Forbidden"]);
    add(&Server::saying(answer("500 Oh", "text/html", page)), 2, &["500 Internal Server Error"]);
    add(&Server::saying(answer("202 Accepted", "text/csv", "later")), 2, &["202", "not the file"]);
    add(&Server::saying("SSH-2.0-OpenSSH_9.2\r\n"), 2, &["cannot download"]);
    add(&Server::saying(""), 2, &["cannot download"]);
    // Less than was said, and a chunk that breaks off.
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this";
    add(&Server::saying(short), 2, &["to be added as `a.csv`", "the server broke off after 9 of 100 bytes; try again"]);
    let broken = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo";
    add(&Server::saying(broken), 2, &["to be added as `a.csv`", "the server broke off after 7 bytes; try again"]);
    let elsewhere = "HTTP/1.1 302 Found\r\nLocation: /again?k=hunter2\r\nContent-Length: 0\r\n\r\n";
    add(&Server::saying(elsewhere), 2, &["sends us elsewhere more than 10 times"]);
    for other in ["ftp://ada:hunter2@example.org/a.csv", "s3://bucket/a.csv?sig=hunter2"] {
        let ran = machine.run(&["add", other, "a.csv"]);
        check_failure(&ran, 2, &["datlake speaks only http and https", "| datlake add - UID"]);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    }
    assert_eq!(machine.ok(&["ls"]), "");
}

#[test]
fn a_page_under_another_name_is_warned_of() {
    let machine = Machine::new();
    let server = Server::saying(answer("200 OK", "text/html; charset=utf-8", "<html>Please log in</html>"));
    let ran = machine.run(&["add", &server.url("", "/a.csv"), "a.csv"]);
    assert_eq!(ran.status, 0);
    assert!(ran.err.contains("the server calls what is `a.csv` now text/html"), "{}", ran.err);
    machine.ok(&["add", &server.url("", "/a"), "a.html"]);
    let added = machine.json(&["add", &server.url("", "/b.htm"), "b.htm"]);
    assert_eq!(added[0]["content_type"], "text/html");
}

#[test]
fn servers_may_send_us_elsewhere_and_tell_no_length() {
    let machine = Machine::new();
    let server = Server::new(|path, _, stream| match path {
        "/chunks" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")
        }
        "/end" => stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"),
        _ => stream.write_all(b"HTTP/1.1 301 Moved\r\nLocation: /chunks\r\nContent-Length: 0\r\n\r\n"),
    });
    machine.ok(&["add", &server.url("", "/from"), &server.url("", "/end"), "in/"]);
    assert_eq!(machine.ok(&["cat", "in/from", "in/end"]), "hello!until the end");
}

#[test]
fn whoever_does_not_answer_is_not_waited_for() {
    let machine = Machine::new();
    machine.fails(2, &["cannot download", "nobody answers there"], &["add", &nobody(), "a.csv"]);
    for head in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"] {
        // Silent until the other side has gone.
        let server = Server::new(move |_, _, stream| {
            stream.write_all(head.as_bytes())?;
            stream.read(&mut [0; 1]).map(drop)
        });
        let says = ["the server was silent for 0.3 s; --timeout waits longer"];
        machine.fails(2, &says, &["add", "--timeout", "0.3", &server.url("", "/a.csv"), "a.csv"]);
    }
    assert_eq!(machine.ok(&["ls"]), "");
}

#[test]
fn what_does_not_end_is_not_added() {
    let machine = Machine::new();
    let server = Server::new(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            stream.write_all(&[b'x'; 4096])?;
        }
    });
    let url = server.url("", "/a.csv");
    machine.fails(
        2,
        &["more than the 1048576 bytes that --max-size allows"],
        &["add", "--max-size", "1M", &url, "a.csv"],
    );
    let large = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
    let says = ["it has 99999999999 bytes, more than --max-size allows"];
    machine.fails(2, &says, &["add", "--max-size", "1M", &large.url("", "/a.csv"), "a.csv"]);
    let endless = "yes | datlake add --max-size 1M - a.csv";
    let ran = crate::support::ran(machine.around("bash", &["-c", endless]).output().unwrap());
    check_failure(&ran, 2, &["more than --max-size allows"]);
    // Nothing is left of what had come.
    assert_eq!(
        files_in(&machine.home()).into_iter().filter(|path| path.starts_with("tmp/")).collect::<Vec<_>>(),
        [""; 0]
    );
}

#[test]
fn what_is_no_url_is_no_url() {
    let machine = Machine::new();
    for wrong in ["http://", "http:///a", "https://[::1/a", "http://a b/c", "http://host:99999999/a"] {
        machine.fails(2, &["cannot download"], &["add", wrong, "a"]);
    }
    machine.fails(2, &["cannot read `C:/a`"], &["add", "C:/a", "a"]);
}
