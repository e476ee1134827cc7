//! Receivers of events, and that one is owed the run of this process.

use std::fmt;

use datlake_core::delivery::Delivery;
use datlake_core::{Digest, Error, ErrorKind, OUTBOX, Result, run_file};
use datlake_store::{DirStore, FileLock, LockAttempt};

use crate::config::without_secrets;

/// Where events come in, below a URL that has no path.
const USUAL_PATH: &str = "/api/v1/lineage";

/// Who receives what bodies do, as events of OpenLineage.
#[derive(Clone, PartialEq, Eq)]
pub struct Receiver {
    url: String,
    key: Option<String>,
    namespace: Option<String>,
    /// The name of its folder in the outbox.
    id: String,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("url", &self.shown()).finish_non_exhaustive()
    }
}

impl Receiver {
    pub(crate) fn new(url: &str, key: Option<String>, namespace: Option<String>) -> Result<Self> {
        Self::check(url)?;
        let authority = url.find("://").map_or(0, |at| at + 3);
        let end = url.find(['?', '#']).unwrap_or(url.len());
        let url = match url[authority..end].trim_end_matches('/').contains('/') {
            true => url.to_owned(),
            false => format!("{}{USUAL_PATH}{}", url[..end].trim_end_matches('/'), &url[end..]),
        };
        // Who only changes a password owes nothing else.
        let id = Digest::of(without_secrets(&url).as_bytes()).to_string();
        let id = id.rsplit(':').next().unwrap_or_default().chars().take(16).collect();
        Ok(Self { url, key, namespace, id })
    }

    /// Whether events can be sent to `url`.
    pub(crate) fn check(url: &str) -> Result<()> {
        let rest = url.strip_prefix("https://").or(url.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        // What is secret is no part of it, but the key.
        if !host.is_empty() && !host.contains('@') && !url.contains(char::is_whitespace) {
            return Ok(());
        }
        let message = format!("events of OpenLineage cannot be sent to `{}`", without_secrets(url).escape_debug());
        Err(Error::new(ErrorKind::Config, message)
            .with_hint("it is a URL as https://lineage.example.org; its key is DATLAKE_OPENLINEAGE_KEY"))
    }

    /// Where events are posted.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its URL without what may be secret in it.
    pub fn shown(&self) -> String {
        without_secrets(&self.url)
    }

    /// The bearer token.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// What distinguishes the names of this lake from those of others.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// That this process's run is owed; as long as it lives, nobody else sends it.
#[derive(Debug)]
pub(crate) struct Owed {
    _claim: Option<FileLock>,
    /// Bodies that run.
    going: u64,
    /// Where the last line of a body ends.
    last_body: u64,
    /// How much of the journal the receiver knows.
    sent: u64,
}

impl Owed {
    /// From where the run's journal ends now.
    pub(crate) fn begin(dir: &DirStore, receiver: &Receiver, run: &str) -> Result<Self> {
        let _claim = match dir.try_claim(&run_claim(receiver.id(), run), "")? {
            LockAttempt::Won(lock) => Some(lock),
            LockAttempt::Held { .. } | LockAttempt::Unsupported => None,
        };
        let sent = length(dir, run)?;
        dir.note_delivery(receiver.id(), run, &Delivery { to: receiver.shown(), sent, ..Delivery::default() })?;
        Ok(Self { _claim, going: 0, last_body: sent, sent })
    }

    /// A body begins or has ended, by a line up to there.
    pub(crate) fn body(&mut self, begins: bool, end: u64) {
        self.going = if begins { self.going + 1 } else { self.going.saturating_sub(1) };
        self.last_body = end;
    }

    pub(crate) fn sent(&mut self, sent: u64) {
        self.sent = sent;
    }

    /// Whether the receiver knows all, and nothing more comes by itself.
    pub(crate) fn is_paid(&self) -> bool {
        self.going == 0 && self.sent >= self.last_body
    }
}

pub(crate) fn run_claim(receiver: &str, run: &str) -> String {
    format!("{OUTBOX}-{receiver}-{run}")
}

/// How many bytes the run's journal has.
pub(crate) fn length(dir: &DirStore, run: &str) -> Result<u64> {
    let Some(file) = dir.open_run(run)? else { return Ok(0) };
    Ok(file.metadata().map_err(|e| Error::io("look at", run_file(run), e))?.len())
}
