//! Requests to the server, and what its answers mean.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datlake_core::{Error, ErrorKind, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Method, Request, StatusCode};
use ureq::{Agent, Body, SendBody};

use super::credentials::{Access, Credentials};
use crate::endpoint::{agent, silent};

/// How long a server may be silent, where it may have to copy much before it answers.
const SILENCE: Duration = Duration::from_secs(300);
/// The most that is read of an answer that is no object, in bytes.
const ANSWER: u64 = 64 << 20;
/// What stands for itself in a path or in a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How long is waited before what may be repeated is asked once more.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// What comes of an attempt that changes nothing at the server: where it cannot be reached, or has too much to do, after another two.
pub(super) fn repeated<T>(mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    for pause in PAUSES {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Unavailable => std::thread::sleep(pause),
            done => return done,
        }
    }
    attempt()
}

/// A server, and connections to it.
pub(crate) struct Connection {
    access: Access,
    agent: Agent,
}

/// What is asked: a path of the API and its parameters.
#[derive(Clone)]
pub(crate) struct Asked {
    url: String,
    has_query: bool,
}

/// An answer.
pub(super) type Response = ureq::http::Response<Body>;

impl Asked {
    /// The path that is made of these segments.
    pub(crate) fn at(segments: &[&str]) -> Self {
        let spelled = segments.iter().map(|segment| format!("/{}", utf8_percent_encode(segment, PLAIN)));
        Self { url: spelled.collect(), has_query: false }
    }

    /// The same, with a parameter.
    pub(crate) fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.url += if self.has_query { "&" } else { "?" };
        self.url += &format!("{name}={}", utf8_percent_encode(&value.to_string(), PLAIN));
        self.has_query = true;
        self
    }
}

impl Connection {
    pub(super) fn new(access: Access) -> Self {
        Self { access, agent: agent(SILENCE, None) }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.access.endpoint
    }

    /// What a GET answers, which is repeated where that may help.
    pub(crate) fn get<T: DeserializeOwned>(&self, asked: Asked) -> Result<T> {
        repeated(|| self.read(self.ask(Method::GET, asked.clone(), &[], SendBody::none())?))
    }

    /// What a request with a body of JSON answers.
    pub(crate) fn send<T: DeserializeOwned>(&self, method: Method, asked: Asked, body: &Value) -> Result<T> {
        self.read(self.ask_json(method, asked, body)?)
    }

    /// What a request with a body of JSON answers that does the same however often it is sent.
    pub(crate) fn send_again<T: DeserializeOwned>(&self, method: Method, asked: Asked, body: &Value) -> Result<T> {
        repeated(|| self.send(method.clone(), asked.clone(), body))
    }

    /// What a request answers that starts something: it has a key, by which the server sees that it has had it already.
    pub(crate) fn send_once<T: DeserializeOwned>(&self, asked: Asked, body: &Value) -> Result<T> {
        let mut random = [0; 16];
        let failed =
            |e: getrandom::Error| Error::new(ErrorKind::Io, format!("the system gives no random numbers: {e}"));
        getrandom::fill(&mut random).map_err(failed)?;
        let key: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let once = ("Idempotency-Key", key);
        repeated(|| self.read(self.ask_json_with(Method::POST, asked.clone(), body, Some(once.clone()))?))
    }

    /// A request whose answer says nothing but that it was done.
    pub(crate) fn tell(&self, method: Method, asked: Asked, body: Option<&Value>) -> Result<()> {
        let response = match body {
            Some(body) => self.ask_json(method, asked, body)?,
            None => self.ask(method, asked, &[], SendBody::none())?,
        };
        // To its end, so that the connection is good for the next.
        response.into_body().into_with_config().limit(ANSWER).read_to_vec().map(drop).map_err(|e| self.failed(&e))
    }

    fn ask_json(&self, method: Method, asked: Asked, body: &Value) -> Result<Response> {
        self.ask_json_with(method, asked, body, None)
    }

    fn ask_json_with(
        &self,
        method: Method,
        asked: Asked,
        body: &Value,
        more: Option<(&str, String)>,
    ) -> Result<Response> {
        let bytes = body.to_string().into_bytes();
        let (length, kind) = (bytes.len().to_string(), "application/json".to_owned());
        let mut headers = vec![("Content-Type", kind), ("Content-Length", length)];
        headers.extend(more);
        self.ask(method, asked, &headers, SendBody::from_owned_reader(std::io::Cursor::new(bytes)))
    }

    /// The answer to a request, where it is a success.
    ///
    /// # Errors
    /// What the server says of what went wrong; [`ErrorKind::Unavailable`] where it cannot be reached.
    pub(super) fn ask(
        &self,
        method: Method,
        asked: Asked,
        headers: &[(&str, String)],
        body: SendBody<'_>,
    ) -> Result<Response> {
        let mut request =
            Request::builder().method(method).uri(format!("{}/api/v1{}", self.access.endpoint, asked.url));
        let authorization = match &self.access.credentials {
            Credentials::KeyPair(id, secret) => format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
            Credentials::Token(token) => format!("Bearer {token}"),
        };
        request = request.header("Authorization", authorization);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        self.done(request.body(body), "the server")
    }

    /// The answer of a store to a request by a presigned URL, which has all that is needed.
    pub(super) fn ask_store(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, String)],
        body: SendBody<'_>,
    ) -> Result<Response> {
        let request = Request::builder().method(method).uri(url);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        self.done(request.body(body), "the store behind the server")
    }

    fn done(&self, request: Result<Request<SendBody<'_>>, ureq::http::Error>, who: &str) -> Result<Response> {
        let wrong = |_| Error::new(ErrorKind::InvalidInput, "a name, a path or a note cannot be sent");
        let response = self.agent.run(request.map_err(wrong)?).map_err(|e| self.failed(&e))?;
        match response.status() {
            status if status.is_success() => Ok(response),
            status => Err(refused(status, response, who)),
        }
    }

    /// What an answer says.
    pub(super) fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T> {
        let bytes = response.into_body().into_with_config().limit(ANSWER).read_to_vec().map_err(|e| self.failed(&e))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let message = format!("{} gave an answer that cannot be understood: {error}", self.access.endpoint);
            Error::new(ErrorKind::Unsupported, message).with_hint("is the endpoint that of the API?")
        })
    }

    fn failed(&self, error: &ureq::Error) -> Error {
        let message = format!("the server at {} cannot be asked: {}", self.access.endpoint, silent(error, SILENCE));
        Error::new(ErrorKind::Unavailable, message).with_hint("try again, or check the endpoint")
    }
}

/// All of an object, as far as memory goes.
pub(super) fn whole(response: Response) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = response.into_body().into_with_config().limit(u64::MAX).reader().read_to_end(&mut bytes);
    read.map_err(|e| Error::io("read", "an object", e))?;
    Ok(bytes)
}

/// The error of an answer that is none.
fn refused(status: StatusCode, response: Response, who: &str) -> Error {
    let said = response.into_body().into_with_config().limit(64 << 10).read_to_string().unwrap_or_default();
    let said = serde_json::from_str::<Value>(&said).ok().and_then(|said| Some(said["message"].as_str()?.to_owned()));
    let said = said.unwrap_or_else(|| format!("{who} answers {}", status.as_u16()));
    let said: String = said.chars().take(2000).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let kind = match status.as_u16() {
        400 if said.starts_with("no changes") => ErrorKind::Unchanged,
        400 | 413 | 414 | 422 => ErrorKind::InvalidInput,
        401 | 403 => ErrorKind::Denied,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        410 => ErrorKind::MissingBlob,
        412 => ErrorKind::AlreadyExists,
        416 => ErrorKind::InvalidInput,
        405 | 501 => ErrorKind::Unsupported,
        408 | 429 | 502..=504 => ErrorKind::Unavailable,
        _ => ErrorKind::Io,
    };
    Error::new(kind, said)
}
