//! A server of the tests' own that speaks as much of S3 as a lake needs, and does wrong what a test asks for.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It is done, and the connection ends before the answer.
    LoseReply,
    /// It is not done; the answer has this status and this code.
    Refuse(u16, &'static str),
    /// The answer's body ends after so many bytes.
    CutAfter(usize),
}

/// A request, for who looks what was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) key: String,
    pub(crate) range: Option<String>,
}

/// Decides what goes wrong: given the request and how many came before it.
pub(crate) type Plan = Box<dyn Fn(&Asked, usize) -> Option<Fault> + Send>;

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    asked: Vec<Asked>,
    plan: Option<Plan>,
    /// Whether objects are replaced, whatever the request says.
    replaces: bool,
}

/// A server on a port of its own, until the test ends.
#[derive(Clone)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    pub(crate) endpoint: String,
}

impl Fake {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { state: Arc::default(), endpoint };
        let serving = fake.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let serving = serving.clone();
                // A client that goes away is its own business.
                std::thread::spawn(move || while serving.answer(&connection).is_some() {});
            }
        });
        fake
    }

    pub(crate) fn replacing() -> Self {
        let fake = Self::start();
        fake.state().replaces = true;
        fake
    }

    pub(crate) fn with_plan(plan: impl Fn(&Asked, usize) -> Option<Fault> + Send + 'static) -> Self {
        let fake = Self::start();
        fake.state().plan = Some(Box::new(plan));
        fake
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What was asked since somebody last looked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }

    /// The object in the bucket with a key that ends so.
    pub(crate) fn object(&self, end: &str) -> Option<Vec<u8>> {
        self.state().objects.iter().find(|(key, _)| key.ends_with(end)).map(|(_, bytes)| bytes.clone())
    }

    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        self.state().objects.insert(key.to_owned(), bytes.to_vec());
    }

    pub(crate) fn remove(&self, key: &str) {
        self.state().objects.remove(key);
    }

    /// Answers one request; `None` when the connection is over.
    fn answer(&self, connection: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(connection);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let (method, target) = line.split_once(' ')?;
        let path = target.split([' ', '?']).next()?;
        let key = path.strip_prefix("/bucket/").unwrap_or_default();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body).ok()?;
        let asked = Asked { method: method.to_owned(), key: key.to_owned(), range: headers.get("range").cloned() };

        let mut state = self.state();
        let fault = state.plan.as_ref().and_then(|plan| plan(&asked, state.asked.len()));
        state.asked.push(asked.clone());
        let conditional = headers.contains_key("if-none-match") && !state.replaces;
        let (status, extra, bytes) = match (fault, method) {
            (Some(Fault::Refuse(status, code)), _) => (status, String::new(), said(code)),
            (_, "PUT") if conditional && state.objects.contains_key(key) => {
                (412, String::new(), said("PreconditionFailed"))
            }
            (_, "PUT") => {
                state.objects.insert(key.to_owned(), body);
                (200, String::new(), Vec::new())
            }
            (_, "DELETE") => {
                state.objects.remove(key);
                (204, String::new(), Vec::new())
            }
            (_, "GET" | "HEAD") => match (state.objects.get(key), &asked.range) {
                (None, _) => (404, String::new(), said("NoSuchKey")),
                (Some(bytes), None) => (200, String::new(), bytes.clone()),
                (Some(bytes), Some(range)) => part(bytes, range),
            },
            _ => (501, String::new(), said("NotImplemented")),
        };
        drop(state);
        if matches!(fault, Some(Fault::LoseReply)) {
            return None;
        }
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: {}\r\netag: \"1\"\r\nlast-modified: Sat, 21 Nov 2026 00:00:00 GMT\r\n{extra}\r\n",
            bytes.len()
        );
        let mut connection = connection;
        connection.write_all(head.as_bytes()).ok()?;
        if method == "HEAD" {
            return Some(());
        }
        if let Some(Fault::CutAfter(length)) = fault
            && length < bytes.len()
        {
            connection.write_all(&bytes[..length]).ok()?;
            return None;
        }
        connection.write_all(&bytes).ok()
    }
}

fn said(code: &str) -> Vec<u8> {
    format!("<Error><Code>{code}</Code><Message>As planned.</Message></Error>").into_bytes()
}

/// The answer to a request for a range as `bytes=0-7`.
fn part(bytes: &[u8], range: &str) -> (u16, String, Vec<u8>) {
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap_or(usize::MAX));
    if first >= bytes.len() {
        return (416, String::new(), said("InvalidRange"));
    }
    let last = last.min(bytes.len() - 1);
    (206, format!("content-range: bytes {first}-{last}/{}\r\n", bytes.len()), bytes[first..=last].to_vec())
}
