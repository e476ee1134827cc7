//! Posting one event.

use std::io;
use std::time::Duration;

use datlake_core::Result;
use datlake_lake::Receiver;
use serde_json::Value;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Timeout};

/// How long a receiver may be silent.
const SILENCE: Duration = Duration::from_secs(10);
/// How long it may take until it is reached.
const CONNECT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read, and characters of it that are shown.
const ANSWER: u64 = 64 << 10;
const SHOWN: usize = 200;

/// What a receiver said to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PostOutcome {
    Taken,
    /// It will not take this one, whenever it is asked.
    Refused(String),
    /// It takes none now.
    Unavailable {
        why: String,
        /// How long it wants to be left alone.
        pause: Option<Duration>,
    },
}

/// Where events are posted.
pub(crate) struct Endpoint {
    agent: Agent,
    url: String,
    key: Option<String>,
}

impl Endpoint {
    pub(crate) fn of(receiver: &Receiver) -> Self {
        let agent = agent(SILENCE, Some(SILENCE));
        Self { agent, url: receiver.url().to_owned(), key: receiver.key().map(str::to_owned) }
    }

    pub(crate) fn post(&self, event: &Value) -> PostOutcome {
        match self.answer(event) {
            Ok(answer) => answer,
            Err(error) => PostOutcome::Unavailable { why: silent(&error, SILENCE), pause: None },
        }
    }

    fn answer(&self, event: &Value) -> Result<PostOutcome, ureq::Error> {
        let mut request = self.agent.post(&self.url).content_type("application/json");
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let response = request.send(event.to_string())?;
        let (status, reason) = (response.status(), response.status().canonical_reason().unwrap_or_default());
        let seconds = response.headers().get("Retry-After").and_then(|value| value.to_str().ok()?.trim().parse().ok());
        // To its end, so that the connection is good for the next.
        let said = response.into_body().into_with_config().limit(ANSWER).read_to_vec().unwrap_or_default();
        if status.is_success() {
            return Ok(PostOutcome::Taken);
        }
        let mut why = format!("it answers {} {reason}{}", status.as_u16(), self.said(&said));
        match status.as_u16() {
            400 | 413 | 422 => return Ok(PostOutcome::Refused(why)),
            300..400 => why.push_str(", which leads elsewhere: the URL must be the one where events come in"),
            401 | 403 => why.push_str(", by the key in DATLAKE_OPENLINEAGE_KEY"),
            404 | 405 => why.push_str(": the URL must be the one where events come in"),
            _ => {}
        }
        Ok(PostOutcome::Unavailable { why, pause: seconds.map(Duration::from_secs) })
    }

    /// The beginning of what it said, on one line and without our key.
    fn said(&self, answer: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(answer).trim().to_owned();
        if let Some(key) = self.key.as_deref().filter(|key| !key.is_empty()) {
            text = text.replace(key, "***");
        }
        if text.is_empty() {
            return String::new();
        }
        let shown: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!(" ({shown}{})", if text.chars().nth(SHOWN).is_some() { "…" } else { "" })
    }
}

/// Connections whose other end may be silent for so long, and whose bodies may take so long.
pub(crate) fn agent(silence: Duration, body: Option<Duration>) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        // A key goes where somebody meant it to go, and nowhere else.
        .max_redirects(0)
        .user_agent(concat!("datlake/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_send_body(body)
        .timeout_recv_response(Some(silence))
        .timeout_recv_body(body)
        .build()
        .into()
}

/// Why there is no answer.
pub(crate) fn silent(error: &ureq::Error, silence: Duration) -> String {
    match error {
        ureq::Error::Io(e) if e.kind() == io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        ureq::Error::HostNotFound => "there is no host of that name".to_owned(),
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => "it cannot be reached".to_owned(),
        ureq::Error::Timeout(_) => format!("it is silent for {} s", silence.as_secs()),
        other => other.to_string(),
    }
}
