//! What is asked of a server, by a worker and by the commands of jobs.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use anyhow::bail;
use datlake::{Error, ErrorKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Timeout};

/// How long the server may be silent, unless it waits for something.
const SILENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const ANSWER: u64 = 64 << 20;
/// A name as a segment of a path.
const SEGMENT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A server, and the key with which it is asked. The key is in no `Debug`.
pub(crate) struct ServerApi {
    agent: Agent,
    address: String,
    key: String,
}

/// A run that a worker has.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ClaimedWork {
    pub(super) run: ClaimedId,
    #[serde(default)]
    pub(super) command: Vec<String>,
    /// In place of a command.
    pub(super) creator: Option<ClaimedCreator>,
    pub(super) environment: Vec<String>,
    pub(super) directory: Option<String>,
    pub(super) timeout_seconds: f64,
    pub(super) lease_seconds: f64,
    pub(super) dataflow_queue_list: Option<Value>,
}

/// A creator that a program is to call.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ClaimedCreator {
    pub(super) program: Vec<String>,
    pub(super) name: String,
    #[serde(default)]
    pub(super) params: Map<String, Value>,
}

/// Which run it is.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ClaimedId {
    pub(super) run_id: String,
    pub(super) job_name: String,
    #[serde(default)]
    queue: Option<ClaimedAttempt>,
}

#[derive(Clone, Debug, Deserialize)]
struct ClaimedAttempt {
    attempt: i64,
}

impl ClaimedId {
    /// Which attempt it is.
    pub(super) fn attempt(&self) -> i64 {
        self.queue.as_ref().map_or(1, |queue| queue.attempt)
    }
}

/// Whether a run is to go on.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct WorkerBeat {
    pub(super) state: String,
    #[serde(default)]
    pub(super) is_cancelled: bool,
}

/// How much of a log the server has.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ShippedLog {
    pub(super) size: u64,
    pub(super) is_full: bool,
}

/// The server says no: asking again changes nothing.
#[derive(Debug)]
pub(super) struct ServerRefused {
    status: u16,
    message: String,
}

impl fmt::Display for ServerRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answers {}: {}", self.status, self.message)
    }
}

impl std::error::Error for ServerRefused {}

impl ServerApi {
    /// The server at `address`, or where `DATLAKE_API_URL` says, with the key in `DATLAKE_API_KEY`.
    pub(crate) fn new(address: Option<&str>) -> anyhow::Result<Self> {
        let said = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let config = |message: &str, hint: &str| Error::new(ErrorKind::Config, message).with_hint(hint);
        let address = address.map(str::to_owned).or_else(|| said("DATLAKE_API_URL"));
        let Some(address) = address else {
            bail!(config("no server is named", "--server or DATLAKE_API_URL names one, as http://127.0.0.1:8000"));
        };
        let address = address.trim().trim_end_matches('/').trim_end_matches("/api/v1").to_owned();
        let is_url = address.starts_with("http://") || address.starts_with("https://");
        if !is_url || address.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control()) {
            bail!(config("the address of the server is none", "as http://127.0.0.1:8000, without credentials in it"));
        }
        let Some(key) = said("DATLAKE_API_KEY") else {
            bail!(config("there is no key for the server", "DATLAKE_API_KEY has it: `datlake token create` makes one"));
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // The key goes where somebody meant it to go, and nowhere else.
            .max_redirects(0)
            .user_agent(concat!("datlake/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .timeout_resolve(Some(SILENCE))
            .timeout_connect(Some(SILENCE))
            .timeout_send_body(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .build()
            .into();
        Ok(Self { agent, address, key: key.trim().to_owned() })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// With what it is asked. Commands get it.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Claims a run, and waits so long for one.
    pub(super) fn claim(
        &self,
        worker: &str,
        jobs: &str,
        lease: Duration,
        wait: Duration,
    ) -> anyhow::Result<Option<ClaimedWork>> {
        #[derive(Deserialize)]
        struct Answer {
            claimed: Option<ClaimedWork>,
        }
        let asked = json!({
            "worker": worker, "jobs": jobs, "lease_seconds": lease.as_secs_f64(), "wait_seconds": wait.as_secs_f64()
        });
        Ok(self.post::<Answer>("/workers/claim", &asked)?.claimed)
    }

    pub(super) fn beat(&self, run: &ClaimedId) -> anyhow::Result<WorkerBeat> {
        self.post(&format!("{}/heartbeat", at(&run.job_name, &run.run_id)), &json!({}))
    }

    /// Appends to the log of a run what begins at `offset`.
    pub(super) fn ship(&self, run: &ClaimedId, offset: u64, piece: &[u8]) -> anyhow::Result<ShippedLog> {
        let path = format!("{}/log?offset={offset}", at(&run.job_name, &run.run_id));
        let request = self.agent.post(self.url(&path)).content_type("application/octet-stream");
        parsed(self.done(request.header("Authorization", self.bearer()).send(piece))?)
    }

    /// Ends a run.
    pub(super) fn complete(&self, run: &ClaimedId, success: bool, metadata: &Value) -> anyhow::Result<()> {
        let path = format!("{}/complete", at(&run.job_name, &run.run_id));
        let body = json!({"success": success, "metadata": metadata});
        let request = self.agent.put(self.url(&path)).content_type("application/json");
        self.done(request.header("Authorization", self.bearer()).send(body.to_string())).map(drop)
    }

    /// What is read, as JSON.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        parsed(self.done(self.agent.get(self.url(path)).header("Authorization", self.bearer()).call())?)
    }

    /// What is answered to `body`, as JSON.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        let body = serde_json::to_string(body)?;
        let request = self.agent.post(self.url(path)).content_type("application/json");
        parsed(self.done(request.header("Authorization", self.bearer()).send(body))?)
    }

    /// What is answered to `body`, which takes the place of what is there, as JSON.
    pub(crate) fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        let body = serde_json::to_string(body)?;
        let request = self.agent.put(self.url(path)).content_type("application/json");
        parsed(self.done(request.header("Authorization", self.bearer()).send(body))?)
    }

    /// Removes what is there.
    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.done(self.agent.delete(self.url(path)).header("Authorization", self.bearer()).call()).map(drop)
    }

    /// A body as it comes, however long it takes.
    pub(crate) fn stream(&self, path: &str) -> anyhow::Result<impl Read + use<>> {
        let body = self.done(self.agent.get(self.url(path)).header("Authorization", self.bearer()).call())?;
        Ok(body.into_with_config().limit(u64::MAX).reader())
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.address)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    /// What came, where it is what was asked for.
    fn done(&self, response: Result<ureq::http::Response<Body>, ureq::Error>) -> anyhow::Result<Body> {
        let response = response.map_err(|error| {
            let why = match error {
                ureq::Error::Io(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
                    "nobody listens there".to_owned()
                }
                ureq::Error::HostNotFound => "there is no host of that name".to_owned(),
                ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => "it cannot be reached".to_owned(),
                other => other.to_string(),
            };
            Error::new(ErrorKind::Unavailable, format!("cannot ask the server at {}: {why}", self.address))
        })?;
        let status = response.status();
        let mut body = response.into_body();
        if status.is_success() {
            return Ok(body);
        }
        let text = body.with_config().limit(ANSWER).read_to_string().unwrap_or_default();
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let reason = status.canonical_reason().unwrap_or_default();
        let message = problem["message"].as_str().unwrap_or(reason).to_owned();
        match status.as_u16() {
            404 => bail!(Error::new(ErrorKind::NotFound, message)),
            401 => bail!(Error::new(
                ErrorKind::Denied,
                format!("the server does not take the key in DATLAKE_API_KEY: {message}")
            )),
            status @ (400 | 403 | 409 | 413 | 422) => bail!(ServerRefused { status, message }),
            status => bail!(Error::new(ErrorKind::Unavailable, format!("the server answers {status}: {message}"))),
        }
    }
}

fn parsed<T: DeserializeOwned>(mut body: Body) -> anyhow::Result<T> {
    let text = body.with_config().limit(ANSWER).read_to_string()?;
    Ok(serde_json::from_str(&text)?)
}

/// Where a run is.
pub(crate) fn at(job: &str, run: &str) -> String {
    format!("{}/runs/{}", at_job(job), utf8_percent_encode(run, &SEGMENT))
}

/// Where a job is.
pub(crate) fn at_job(job: &str) -> String {
    format!("/jobs/{}", utf8_percent_encode(job, &SEGMENT))
}
