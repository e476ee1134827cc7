//! What the row of the server times: requests over connections that stay open, and files that last.

use std::fs::File as Plain;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};

use crate::any_result::AnyResult;
use crate::rows::serving::{KEY, SECRET};

const SIZE: usize = 4 << 10;
const HOUR: Duration = Duration::from_secs(3600);

/// What a program costs, in seconds.
pub(crate) fn program(name: &str, rest: &[String]) -> AnyResult<f64> {
    match (name, rest) {
        ("serving-plant", [at, connections]) => plant(at, connections.parse()?),
        ("serving", [what, at, connections, count]) => requests(what, at, connections.parse()?, count.parse()?),
        ("serving-large", [what, at, file, n]) => large(what, at, Path::new(file), n),
        ("serving-dataset", [at, file, n]) => dataset(at, Path::new(file), n),
        ("serving-events", [at, clients]) => events(at, clients.parse()?),
        ("floor-commits", [file, count]) => commits(Path::new(file), count.parse()?),
        ("floor-sent", [what, from, to]) => sent(what, Path::new(from), Path::new(to)),
        ("floor-lasting", [folder, writers, count]) => lasting(Path::new(folder), writers.parse()?, count.parse()?),
        _ => Err(format!("there is no program `{name}` with these arguments").into()),
    }
}

/// A connection that stays open.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(at: &str) -> AnyResult<Self> {
        let stream = TcpStream::connect(at)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::with_capacity(64 << 10, stream)))
    }

    /// Sends a request and reads the answer to its end: how many bytes its body has.
    fn ask(&mut self, head: &str, body: &[u8]) -> AnyResult<u64> {
        self.send(head, body)?;
        self.answer(head, &mut std::io::sink())
    }

    /// The same, with the body, which is JSON, if there is one.
    pub(crate) fn ask_json(&mut self, head: &str, body: &[u8]) -> AnyResult<serde_json::Value> {
        self.send(head, body)?;
        let mut answer = Vec::new();
        self.answer(head, &mut answer)?;
        Ok(if answer.is_empty() { serde_json::Value::Null } else { serde_json::from_slice(&answer)? })
    }

    fn send(&mut self, head: &str, body: &[u8]) -> AnyResult<()> {
        Ok(self.0.get_mut().write_all(&[head.as_bytes(), body].concat())?)
    }

    fn answer(&mut self, head: &str, into: &mut dyn Write) -> AnyResult<u64> {
        let (mut length, mut first, mut line) = (None, String::new(), String::new());
        loop {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(format!("no answer to {head}").into());
            }
            if first.is_empty() {
                first.clone_from(&line);
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = Some(value.trim().parse::<u64>()?);
            }
            if lower.starts_with("transfer-encoding:") {
                length = None;
            }
            if line == "\r\n" {
                break;
            }
        }
        if !first.contains(" 20") {
            return Err(format!("{first} to {head}").into());
        }
        match length {
            None if first.contains(" 204") => Ok(0),
            Some(length) => Ok(std::io::copy(&mut (&mut self.0).take(length), into)?),
            None => self.chunks(into),
        }
    }

    /// Reads lines to one that begins so.
    fn until(&mut self, begins: &str) -> AnyResult<()> {
        let mut line = String::new();
        while !line.starts_with(begins) {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(format!("nothing began with `{begins}`").into());
            }
        }
        Ok(())
    }

    fn chunks(&mut self, into: &mut dyn Write) -> AnyResult<u64> {
        let (mut all, mut line) = (0, String::new());
        loop {
            line.clear();
            self.0.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16)?;
            std::io::copy(&mut (&mut self.0).take(size), into)?;
            std::io::copy(&mut (&mut self.0).take(2), &mut std::io::sink())?;
            if size == 0 {
                return Ok(all);
            }
            all += size;
        }
    }
}

/// The first lines of a request to the API.
fn api(method: &str, at: &str, path: &str, length: usize) -> String {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{KEY}:{SECRET}"));
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {at}\r\nauthorization: Basic {basic}\r\n\
         content-type: application/octet-stream\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// The first lines of a request to the gateway, signed.
fn signed(method: &str, at: &str, object: &str, length: u64) -> AnyResult<String> {
    let bucket = Bucket::new(format!("http://{at}").parse()?, UrlStyle::Path, "bench", "us-east-1")?;
    let credentials = Credentials::new(KEY, SECRET);
    let url = match method {
        "PUT" => bucket.put_object(Some(&credentials), object).sign(HOUR),
        _ => bucket.get_object(Some(&credentials), object).sign(HOUR),
    };
    let (path, query) = (url.path(), url.query().unwrap_or_default());
    Ok(format!("{method} {path}?{query} HTTP/1.1\r\nhost: {at}\r\ncontent-length: {length}\r\n\r\n"))
}

fn object(n: u64) -> String {
    format!("data/{n:05}.bin")
}

/// 4 KiB that no other number has.
fn bytes(n: u64) -> Vec<u8> {
    format!("{n:016x}").repeat(SIZE / 16).into_bytes()
}

/// A repository with a committed object for each connection.
fn plant(at: &str, connections: u64) -> AnyResult<f64> {
    let mut to = Connection::open(at)?;
    let begun = Instant::now();
    let body = br#"{"name": "bench", "storage_namespace": "local://bench", "default_branch": "main"}"#;
    let head =
        api("POST", at, "/api/v1/repositories", body.len()).replace("application/octet-stream", "application/json");
    to.ask(&head, body)?;
    for n in 0..connections {
        to.ask(&api("POST", at, &put_path(&object(n)), SIZE), &bytes(n))?;
    }
    let body = br#"{"message": "all"}"#;
    let path = "/api/v1/repositories/bench/branches/main/commits";
    to.ask(&api("POST", at, path, body.len()).replace("application/octet-stream", "application/json"), body)?;
    Ok(begun.elapsed().as_secs_f64())
}

fn put_path(object: &str) -> String {
    format!("/api/v1/repositories/bench/branches/main/objects?path={}", object.replace('/', "%2F"))
}

/// So many requests, over so many connections at a time.
fn requests(what: &str, at: &str, connections: u64, count: u64) -> AnyResult<f64> {
    // Others put other objects, and each run other ones than the run before.
    let run = u64::from(std::process::id()) << 32;
    let next = AtomicU64::new(0);
    let one = |to: &mut Connection, connection: u64, n: u64| -> AnyResult<()> {
        if what == "runs" {
            return one_run(to, at, connection);
        }
        let of = object(connection);
        let (head, body) = match what {
            "memory" => (api("GET", at, "/health", 0), Vec::new()),
            "api-get" => {
                let path = format!("/api/v1/repositories/bench/refs/main/objects?path={}", of.replace('/', "%2F"));
                (api("GET", at, &path, 0), Vec::new())
            }
            "gateway-get" => (signed("GET", at, &format!("main/{of}"), 0)?, Vec::new()),
            "api-put" => (api("POST", at, &put_path(&object(run + n)), SIZE), bytes(run + n)),
            "gateway-put" => (signed("PUT", at, &format!("main/{}", object(run + n)), SIZE as u64)?, bytes(run + n)),
            unknown => return Err(format!("nothing is asked that is called `{unknown}`").into()),
        };
        let read = to.ask(&head, &body)?;
        if what.ends_with("-get") && read != SIZE as u64 {
            return Err(format!("{read} bytes of {SIZE}").into());
        }
        Ok(())
    };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let (next, one) = (&next, &one);
        let work = |connection| {
            move || {
                let mut to = Connection::open(at).map_err(|error| error.to_string())?;
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return Ok::<(), String>(());
                    }
                    one(&mut to, connection, n).map_err(|error| error.to_string())?;
                }
            }
        };
        let all: Vec<_> = (0..connections).map(|connection| scope.spawn(work(connection))).collect();
        all.into_iter().try_for_each(|one| one.join().map_err(|_| "a thread panicked".to_owned())?)
    })?;
    Ok(begun.elapsed().as_secs_f64())
}

/// The head of a request to the API with JSON.
pub(crate) fn json_head(method: &str, at: &str, path: &str, length: usize) -> String {
    api(method, at, path, length).replace("application/octet-stream", "application/json")
}

/// A run that begins and ends.
fn one_run(to: &mut Connection, at: &str, job: u64) -> AnyResult<()> {
    let path = format!("/api/v1/jobs/bench_{job}/runs");
    let run = to.ask_json(&json_head("POST", at, &path, 2), b"{}")?;
    let id = run["run_id"].as_str().ok_or("no run began")?;
    let end = br#"{"success":true}"#;
    to.ask(&json_head("PUT", at, &format!("{path}/{id}/complete"), end.len()), end)?;
    Ok(())
}

/// So many clients follow events: how long it takes until each of them has the one that is sent then.
fn events(at: &str, clients: u64) -> AnyResult<f64> {
    let mut all = Vec::new();
    for _ in 0..clients {
        let mut client = Connection::open(at)?;
        client.send(&api("GET", at, "/api/v1/events/stream?events=bench", 0), b"")?;
        client.until(": begun")?;
        all.push(client);
    }
    let mut to = Connection::open(at)?;
    let event = br#"{"type":"bench","subject":"job:bench","data":{}}"#;
    let begun = Instant::now();
    to.ask(&json_head("POST", at, "/api/v1/events", event.len()), event)?;
    for client in &mut all {
        client.until("event:")?;
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// As many records appended to one file, each so that it lasts before the next begins, as a database commits.
fn commits(file: &Path, count: u64) -> AnyResult<f64> {
    let mut out = Plain::create(file)?;
    let begun = Instant::now();
    for n in 0..count {
        out.write_all(&bytes(n))?;
        out.sync_data()?;
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// A file put as a dataset.
fn dataset(at: &str, file: &Path, n: &str) -> AnyResult<f64> {
    let mut to = Connection::open(at)?;
    let mut from = Plain::open(file)?;
    let length = usize::try_from(from.metadata()?.len())?;
    let begun = Instant::now();
    let head = api("PUT", at, &format!("/api/v1/datasets/bench/large-{n}.bin"), length);
    to.0.get_mut().write_all(head.as_bytes())?;
    std::io::copy(&mut from, to.0.get_mut())?;
    to.answer(&head, &mut std::io::sink())?;
    Ok(begun.elapsed().as_secs_f64())
}

/// One large object, put from a file or read.
fn large(what: &str, at: &str, file: &Path, n: &str) -> AnyResult<f64> {
    let mut to = Connection::open(at)?;
    let begun = Instant::now();
    match what {
        "put" => {
            let mut from = Plain::open(file)?;
            let head = signed("PUT", at, &format!("main/large-{n}.bin"), from.metadata()?.len())?;
            to.0.get_mut().write_all(head.as_bytes())?;
            std::io::copy(&mut from, to.0.get_mut())?;
            to.answer(&head, &mut std::io::sink())?;
        }
        _ => drop(to.ask(&signed("GET", at, &format!("main/large-{n}.bin"), 0)?, &[])?),
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// As many small files, written by so many at a time so that they last, as a store creates an object: under another name, synced, and linked.
fn lasting(folder: &Path, writers: u64, count: u64) -> AnyResult<f64> {
    std::fs::create_dir_all(folder)?;
    let next = AtomicU64::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let next = &next;
        let work = move || -> std::io::Result<()> {
            let parent = Plain::open(folder)?;
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return Ok(());
                }
                let (scratch, last) = (folder.join(format!("{n}.new")), folder.join(n.to_string()));
                let mut out = Plain::create(&scratch)?;
                out.write_all(&bytes(n))?;
                out.sync_all()?;
                std::fs::rename(&scratch, &last)?;
                parent.sync_all()?;
            }
        };
        let all: Vec<_> = (0..writers).map(|_| scope.spawn(work)).collect();
        all.into_iter()
            .try_for_each(|one| one.join().unwrap_or_else(|_| Err(std::io::Error::other("a thread panicked"))))
    })?;
    Ok(begun.elapsed().as_secs_f64())
}

/// A file that is sent over a connection to a thread that hashes and writes it so that it lasts, or that is sent by one and thrown away.
fn sent(what: &str, from: &Path, to: &Path) -> AnyResult<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let at = listener.local_addr()?;
    let begun = Instant::now();
    std::thread::scope(|scope| -> AnyResult<()> {
        let other = scope.spawn(|| -> std::io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            if what == "get" {
                return copied(&mut Plain::open(from)?, &mut stream, |_| {});
            }
            let (mut hasher, mut out) = (blake3::Hasher::new(), Plain::create(to)?);
            copied(&mut stream, &mut out, |piece| {
                hasher.update(piece);
            })?;
            std::hint::black_box(hasher.finalize());
            out.sync_all()?;
            stream.write_all(b".")
        });
        let mut stream = TcpStream::connect(at)?;
        if what != "get" {
            std::io::copy(&mut Plain::open(from)?, &mut stream)?;
            stream.shutdown(Shutdown::Write)?;
        }
        std::io::copy(&mut stream, &mut std::io::sink())?;
        Ok(other.join().map_err(|_| "a thread panicked")??)
    })?;
    Ok(begun.elapsed().as_secs_f64())
}

fn copied(from: &mut impl Read, to: &mut impl Write, mut see: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut piece = vec![0; 256 << 10];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(()),
            read => {
                see(&piece[..read]);
                to.write_all(&piece[..read])?;
            }
        }
    }
}
