//! A server of the tests' own that speaks as much of S3 as a lake needs, and does wrong what a test asks for.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It is done, and the connection ends before the answer.
    LoseReply,
    /// It is not done; the answer has this status and this code.
    Refuse(u16, &'static str),
    /// It is done, and the answer takes so long.
    Wait(Duration),
    /// The answer's body ends after so many bytes.
    CutAfter(usize),
    /// It is not done; the answer says success, with these headers and this body.
    Say(&'static str, &'static str),
    /// It is done; the answer has this body.
    SayAfter(&'static str),
}

/// A request, for who looks what was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) key: String,
    pub(crate) query: String,
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
    /// The parts of uploads that were begun, by id and number.
    uploads: BTreeMap<String, BTreeMap<usize, Vec<u8>>>,
}

/// A server on a port of its own, until the test ends.
#[derive(Clone)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    /// How many parts are on their way, where two at a time never arrive.
    narrow: Option<Arc<AtomicUsize>>,
    pub(crate) endpoint: String,
}

impl Fake {
    pub(crate) fn start() -> Self {
        Self::serve(None)
    }

    /// Behind a line over which parts of an upload arrive one at a time, or not at all.
    pub(crate) fn behind_a_narrow_line() -> Self {
        Self::serve(Some(Arc::default()))
    }

    fn serve(narrow: Option<Arc<AtomicUsize>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { state: Arc::default(), narrow, endpoint };
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
    fn answer(&self, mut connection: &TcpStream) -> Option<()> {
        let request = Request::read(connection)?;
        if request.of_upload("partNumber").is_some() && !self.arrives(connection) {
            return None;
        }
        let is_head = request.asked.method == "HEAD";
        let mut state = self.state();
        let fault = state.plan.as_ref().and_then(|plan| plan(&request.asked, state.asked.len()));
        state.asked.push(request.asked.clone());
        let (status, extra, bytes) = match fault {
            Some(Fault::Refuse(status, code)) => (status, String::new(), said(code)),
            Some(Fault::Say(headers, body)) => (200, headers.to_owned(), body.as_bytes().to_vec()),
            Some(Fault::SayAfter(body)) => {
                let (status, headers, _) = state.serve(request);
                (status, headers, body.as_bytes().to_vec())
            }
            _ => state.serve(request),
        };
        drop(state);
        if let Some(Fault::Wait(time)) = fault {
            std::thread::sleep(time);
        }
        if matches!(fault, Some(Fault::LoseReply)) {
            return None;
        }
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: {}\r\netag: \"1\"\r\nlast-modified: Sat, 21 Nov 2026 00:00:00 GMT\r\n{extra}\r\n",
            bytes.len()
        );
        connection.write_all(head.as_bytes()).ok()?;
        if is_head {
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

/// A request, read to its end.
struct Request {
    asked: Asked,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn read(connection: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(connection);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let (method, target) = line.split_once(' ')?;
        let target = target.split(' ').next()?;
        // A client of a proxy sends the whole URL.
        let target = target.strip_prefix("http://").and_then(|url| Some(&url[url.find('/')?..])).unwrap_or(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
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
        let range = headers.get("range").cloned();
        let asked = Asked { method: method.to_owned(), key: key.to_owned(), query: query.to_owned(), range };
        Some(Self { asked, headers, body })
    }

    /// A parameter of the query.
    fn of_upload(&self, name: &str) -> Option<&str> {
        self.asked.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

impl Fake {
    /// Whether a part arrives: where the line is narrow, when no other is on its way. Else its client waits in vain.
    fn arrives(&self, mut connection: &TcpStream) -> bool {
        let Some(on_the_way) = &self.narrow else { return true };
        let before = on_the_way.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(200));
        let alone = before == 0 && on_the_way.load(Ordering::SeqCst) == 1;
        if !alone {
            let _ = connection.read(&mut [0]);
        }
        on_the_way.fetch_sub(1, Ordering::SeqCst);
        alone
    }

    /// How many uploads were begun, and neither completed nor aborted.
    pub(crate) fn uploads(&self) -> usize {
        self.state().uploads.len()
    }
}

impl State {
    /// Status, headers and body.
    fn serve(&mut self, request: Request) -> (u16, String, Vec<u8>) {
        let (id, number) = (request.of_upload("uploadId"), request.of_upload("partNumber"));
        let Asked { method, key, query, range } = &request.asked;
        let conditional = request.headers.contains_key("if-none-match") && !self.replaces;
        match &**method {
            "GET" if request.of_upload("uploads").is_some() => (200, String::new(), self.begun()),
            "GET" if request.of_upload("list-type").is_some() => {
                (200, String::new(), self.list(&request.of_upload("prefix").unwrap_or_default().replace("%2F", "/")))
            }
            "POST" if query.starts_with("uploads") => {
                let id = format!("upload-{}", self.asked.len());
                self.uploads.insert(id.clone(), BTreeMap::new());
                (200, String::new(), format!("<Result><UploadId>{id}</UploadId></Result>").into_bytes())
            }
            method if id.is_some() => self.go_on(method, key, id.unwrap(), number, request.body.clone()),
            "PUT" if conditional && self.objects.contains_key(key) => (412, String::new(), said("PreconditionFailed")),
            "PUT" => {
                self.objects.insert(key.clone(), request.body);
                (200, String::new(), Vec::new())
            }
            "DELETE" => {
                self.objects.remove(key);
                (204, String::new(), Vec::new())
            }
            "GET" | "HEAD" => match (self.objects.get(key), range) {
                (None, _) => (404, String::new(), said("NoSuchKey")),
                (Some(bytes), None) => (200, String::new(), bytes.clone()),
                (Some(bytes), Some(range)) => part(bytes, range),
            },
            _ => (501, String::new(), said("NotImplemented")),
        }
    }

    /// The list of objects whose keys begin so.
    fn list(&self, prefix: &str) -> Vec<u8> {
        let found = self.objects.iter().filter(|(key, _)| key.starts_with(prefix));
        let each = |(key, bytes): (&String, &Vec<u8>)| {
            // Objects are kept by their keys as requests have them.
            let key = key.replace("%3A", ":");
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-11-21T00:00:00.000Z</LastModified><ETag>1</ETag><Size>{}</Size></Contents>",
                bytes.len()
            )
        };
        let all: String = found.map(each).collect();
        format!("<ListBucketResult><IsTruncated>false</IsTruncated>{all}</ListBucketResult>").into_bytes()
    }

    /// The list of uploads that were begun.
    fn begun(&self) -> Vec<u8> {
        let each = |id: &String| format!("<Upload><Key>lake/blobs/x</Key><UploadId>{id}</UploadId></Upload>");
        let all: String = self.uploads.keys().map(each).collect();
        format!("<Result><IsTruncated>false</IsTruncated>{all}</Result>").into_bytes()
    }

    /// What is asked about an upload that was begun.
    fn go_on(
        &mut self,
        method: &str,
        key: &str,
        id: &str,
        number: Option<&str>,
        body: Vec<u8>,
    ) -> (u16, String, Vec<u8>) {
        let Some(parts) = self.uploads.get_mut(id) else { return (404, String::new(), said("NoSuchUpload")) };
        match (method, number) {
            ("PUT", Some(number)) => {
                parts.insert(number.parse().unwrap(), body);
                (200, String::new(), Vec::new())
            }
            ("POST", _) => {
                let bytes = self.uploads.remove(id).unwrap().into_values().flatten().collect();
                self.objects.insert(key.to_owned(), bytes);
                (200, String::new(), b"<Result><ETag>1</ETag></Result>".to_vec())
            }
            _ => {
                self.uploads.remove(id);
                (204, String::new(), Vec::new())
            }
        }
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
