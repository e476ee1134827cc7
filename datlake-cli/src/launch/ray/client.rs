//! Ray's job server, over HTTP.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use datlake::{Error, ErrorKind};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{RootCerts, TlsConfig};

use crate::failure::refused;

/// How long Ray may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// Where a Ray is that somebody started on this machine.
const USUAL: &str = "http://127.0.0.1:8265";
/// Variables that say where it is, as for Ray's own commands.
const ADDRESSES: [&str; 2] = ["RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"];

/// Whoever talks to it. The headers are secret: there is no `Debug`.
pub(super) struct Client {
    agent: Agent,
    pub(super) address: String,
    headers: Vec<(String, String)>,
}

/// Why there is no answer that was asked for.
pub(super) enum Failed {
    /// Ray knows no such job.
    Unknown,
    /// Nobody answers, or somebody who cannot now: perhaps later.
    Silent(Error),
    Refused(Error),
}

impl From<Failed> for anyhow::Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Unknown => Error::new(ErrorKind::NotFound, "Ray does not know the job").into(),
            Failed::Silent(error) | Failed::Refused(error) => error.into(),
        }
    }
}

/// The address that is meant: as given, or by the environment.
pub(super) fn address(given: Option<&str>) -> anyhow::Result<String> {
    let named = ADDRESSES.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let meant = match given.map(str::to_owned).or(named) {
        Some(address) if address != "auto" => address,
        _ => return Ok(USUAL.to_owned()),
    };
    let (scheme, rest) = meant.split_once("://").unwrap_or(("http", &meant));
    if !["http", "https"].contains(&scheme) {
        let error = refused(format!("Ray takes jobs over HTTP: `{scheme}://` is another of its addresses"));
        bail!(error.with_hint("the address is that of its dashboard, as http://head:8265"));
    }
    if rest.split('/').next().is_some_and(|host| host.contains('@')) {
        let error = refused("an address of Ray names no password");
        bail!(error.with_hint("RAY_JOB_HEADERS takes headers as JSON, and RAY_AUTH_TOKEN a token"));
    }
    Ok(format!("{scheme}://{}", rest.trim_end_matches('/')))
}

/// The headers of each request, as for Ray's own commands: RAY_JOB_HEADERS, and a token where there is one.
fn headers() -> anyhow::Result<Vec<(String, String)>> {
    let wrong = "RAY_JOB_HEADERS is no JSON object of texts";
    let mut headers = Vec::new();
    if let Ok(text) = std::env::var("RAY_JOB_HEADERS").as_deref() {
        let Ok(Value::Object(given)) = serde_json::from_str(text) else { bail!(refused(wrong)) };
        for (name, value) in given {
            headers.push((name, value.as_str().with_context(|| wrong)?.to_owned()));
        }
    }
    let is_given = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    if !is_given && let Some(token) = token()? {
        headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
    }
    Ok(headers)
}

/// The token that Ray's own commands would send.
fn token() -> anyhow::Result<Option<String>> {
    let text = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if text("RAY_AUTH_MODE").is_some_and(|mode| mode != "token") {
        return Ok(None);
    }
    if let Some(token) = text("RAY_AUTH_TOKEN") {
        return Ok(Some(token));
    }
    let (file, must_be) = match text("RAY_AUTH_TOKEN_PATH") {
        Some(file) => (PathBuf::from(file), true),
        None => match text("HOME") {
            Some(home) => (PathBuf::from(home).join(".ray/auth_token"), false),
            None => return Ok(None),
        },
    };
    match std::fs::read_to_string(&file) {
        Ok(token) => Ok(Some(token.trim().to_owned()).filter(|token| !token.is_empty())),
        Err(e) if e.kind() == io::ErrorKind::NotFound && !must_be => Ok(None),
        Err(e) => Err(e).with_context(|| format!("cannot read Ray's token in `{}`", file.display())),
    }
}

impl Client {
    pub(super) fn of(address: String) -> anyhow::Result<Self> {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("datlake/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .timeout_connect(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .build()
            .into();
        Ok(Self { agent, address, headers: headers()? })
    }

    /// Uploads what a job begins in.
    pub(super) fn upload(&self, package: &str, content: &[u8]) -> Result<(), Failed> {
        self.ask("PUT", &format!("/api/packages/gcs/{package}"), "application/octet-stream", content).map(drop)
    }

    pub(super) fn submit(&self, job: &Value) -> Result<(), Failed> {
        self.ask("POST", "/api/jobs/", "application/json", job.to_string().as_bytes()).map(drop)
    }

    /// What Ray says of a job.
    pub(super) fn job(&self, job: &str) -> Result<Value, Failed> {
        self.json("GET", &format!("/api/jobs/{job}"))
    }

    /// All that it has said so far.
    pub(super) fn log(&self, job: &str) -> Result<String, Failed> {
        let mut answer = self.json("GET", &format!("/api/jobs/{job}/logs"))?;
        match answer.get_mut("logs").map(Value::take) {
            Some(Value::String(text)) => Ok(text),
            _ => Ok(String::new()),
        }
    }

    pub(super) fn stop(&self, job: &str) -> Result<(), Failed> {
        self.ask("POST", &format!("/api/jobs/{job}/stop"), "application/json", b"").map(drop)
    }

    fn json(&self, method: &str, path: &str) -> Result<Value, Failed> {
        let answer = self.ask(method, path, "application/json", b"")?;
        serde_json::from_slice(&answer).map_err(|_| Failed::Refused(self.is_no_ray()))
    }

    fn ask(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<Vec<u8>, Failed> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        for (name, value) in [("Content-Type", content_type)].into_iter().chain(self.pairs()) {
            request = request.header(name, value);
        }
        let wrong =
            |_| Failed::Refused(refused(format!("`{}` is no address of Ray, or a header is none", self.address)));
        let answer = self.agent.run(request.body(body).map_err(wrong)?).map_err(|error| self.silent(&error))?;
        let status = answer.status();
        let content = answer.into_body().into_with_config().limit(u64::MAX).read_to_vec();
        let content = content.map_err(|error| self.silent(&error))?;
        match status.as_u16() {
            200 => Ok(content),
            code => Err(self.refusal(code, method, path, &String::from_utf8_lossy(&content))),
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn silent(&self, error: &ureq::Error) -> Failed {
        let why = match error {
            ureq::Error::Io(e) if e.kind() == io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
            ureq::Error::HostNotFound => "there is no host of that name".to_owned(),
            other => other.to_string(),
        };
        let error = Error::new(ErrorKind::Unavailable, format!("Ray does not answer at {}: {why}", self.address));
        Failed::Silent(error.with_hint("--address, or RAY_ADDRESS, is that of Ray's dashboard, as http://head:8265"))
    }

    fn is_no_ray(&self) -> Error {
        let message = format!("what answers at {} is not Ray's job server", self.address);
        Error::new(ErrorKind::Unavailable, message).with_hint("it needs `ray[default]`, which has the dashboard")
    }

    fn refusal(&self, status: u16, method: &str, path: &str, said: &str) -> Failed {
        // The last line of a traceback says what it is about.
        let said = said.trim().lines().last().unwrap_or_default();
        let message = |what: &str| format!("Ray at {} refuses ({what}): {said}", self.address);
        match status {
            401 | 403 => Failed::Refused(
                Error::new(ErrorKind::Denied, message(&status.to_string()))
                    .with_hint("RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or RAY_JOB_HEADERS has what it asks for"),
            ),
            404 if said.contains("does not exist") => Failed::Unknown,
            300..=399 | 404 | 405 => Failed::Refused(self.is_no_ray()),
            _ if method == "GET" => Failed::Silent(Error::new(ErrorKind::Unavailable, message(&status.to_string()))),
            _ => Failed::Refused(Error::new(ErrorKind::Unavailable, message(&format!("{method} {path}, {status}")))),
        }
    }
}
