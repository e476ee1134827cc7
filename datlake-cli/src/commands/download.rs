//! What `datlake add` gets by a URL: a body that ends, or an error that says why not. No error names what is secret in a URL.

use std::io::{self, Read};
use std::time::Duration;

use anyhow::bail;
use datlake::config::without_secrets;
use datlake::{Error, ErrorKind};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Timeout};

/// How often a server may send us elsewhere.
const REDIRECTS: u32 = 10;
/// How much is read of a body whose length nobody has told, unless a limit says otherwise.
const UNTOLD: u64 = 10 << 30;

/// What is waited for and how much is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long a server may be silent.
    pub(super) silence: Duration,
    /// The largest body, in bytes.
    pub(super) size: Option<u64>,
}

/// A body that is about to be read.
pub(super) struct Body {
    reader: Box<dyn Read>,
    /// What the server calls it.
    pub(super) content_type: Option<String>,
    /// Its size in bytes, as the server says.
    length: Option<u64>,
    read: u64,
    limits: Limits,
    tell: Box<dyn FnMut(u64, Option<u64>)>,
}

/// Whether an argument of `add` is a URL.
pub(super) fn is_url(path: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| path.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// Whether it looks like a URL of another kind.
pub(super) fn is_other_url(path: &str) -> bool {
    let scheme = path.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+')
}

/// The last segment of a URL's path.
pub(super) fn file_name(url: &str) -> Option<&str> {
    let place = url.split(['?', '#']).next()?;
    let (_, path) = place.split_once("://")?.1.split_once('/')?;
    path.rsplit('/').next().filter(|name| !name.is_empty())
}

/// Requests `url`. `tell` is called with the bytes that have come, and how many there are.
pub(super) fn open(url: &str, limits: Limits, tell: Box<dyn FnMut(u64, Option<u64>)>) -> anyhow::Result<Body> {
    let error = |kind, why: &str| Error::new(kind, format!("cannot download `{}`: {why}", without_secrets(url)));
    let failed = |why: &str| error(ErrorKind::Io, why);
    if url.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        bail!(
            failed("a URL has no blanks and only ASCII").with_hint("other characters are written as %20 and the like")
        );
    }
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        // What was asked for in secret is not got in the open.
        .https_only(!url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:")))
        .max_redirects(REDIRECTS)
        // Of a connection that was used before, nobody knows whether the server is about to close it.
        .max_idle_connections(0)
        .user_agent(concat!("datlake/", env!("CARGO_PKG_VERSION")))
        // Bytes as they are at the server.
        .accept_encoding("identity")
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .timeout_resolve(Some(limits.silence))
        .timeout_connect(Some(limits.silence))
        .timeout_recv_response(Some(limits.silence))
        .timeout_per_read(Some(limits.silence))
        .build()
        .into();
    let response = agent.get(url).call().map_err(|e| failed(&why(&e, limits)))?;
    let status = response.status();
    if !status.is_success() {
        let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
        let kind = if matches!(status.as_u16(), 404 | 410) { ErrorKind::NotFound } else { ErrorKind::Io };
        bail!(error(kind, &format!("the server answers {}{reason}", status.as_u16())));
    }
    if status.as_u16() != 200 {
        bail!(failed(&format!("the server answers {}, which is not the file", status.as_u16())));
    }
    let body = response.into_body();
    let (content_type, length) = (body.mime_type().map(str::to_owned), body.content_length());
    if let (Some(length), Some(limit)) = (length, limits.size)
        && length > limit
    {
        bail!(failed(&format!("it has {length} bytes, more than --max-size allows")));
    }
    let reader = Box::new(body.into_with_config().limit(u64::MAX).reader());
    Ok(Body { reader, content_type, length, read: 0, limits, tell })
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buf).map_err(|e| match e.downcast::<ureq::Error>() {
            Ok(ureq::Error::Io(e)) if e.kind() == io::ErrorKind::UnexpectedEof => self.cut_short(),
            Ok(error) => io::Error::other(why(&error, self.limits)),
            Err(e) if matches!(e.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                io::Error::other(silent(self.limits))
            }
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => self.cut_short(),
            Err(e) => e,
        })?;
        self.read += n as u64;
        (self.tell)(self.read, self.length);
        match (n, self.length, self.limits.size) {
            (0, Some(length), _) if self.read != length => Err(self.cut_short()),
            (_, _, Some(limit)) if self.read > limit => {
                Err(io::Error::other(format!("it has more than the {limit} bytes that --max-size allows")))
            }
            (_, None, None) if self.read > UNTOLD => Err(io::Error::other(
                "it does not end: the server tells no length, and 10 GiB have come; --max-size allows more",
            )),
            _ => Ok(n),
        }
    }
}

impl Body {
    fn cut_short(&self) -> io::Error {
        let of = self.length.map(|length| format!(" of {length}")).unwrap_or_default();
        io::Error::other(format!("the server broke off after {}{of} bytes; try again", self.read))
    }
}

fn silent(limits: Limits) -> String {
    format!("the server was silent for {} s; --timeout waits longer", limits.silence.as_secs_f64())
}

/// What went wrong, without the URL.
fn why(error: &ureq::Error, limits: Limits) -> String {
    match error {
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            format!("no connection within {} s; --timeout waits longer", limits.silence.as_secs_f64())
        }
        ureq::Error::Timeout(_) => silent(limits),
        ureq::Error::HostNotFound => "there is no host of that name".to_owned(),
        ureq::Error::TooManyRedirects => format!("the server sends us elsewhere more than {REDIRECTS} times"),
        ureq::Error::RequireHttpsOnly(_) => "the server sends us from https to http".to_owned(),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "it is no URL that can be asked for".to_owned(),
        ureq::Error::Io(e) if e.kind() == io::ErrorKind::ConnectionRefused => "nobody answers there".to_owned(),
        ureq::Error::Io(e) => e.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_segment_is_the_name() {
        assert_eq!(file_name("https://example.org/a/b.csv?x=/y#z/w"), Some("b.csv"));
        for none in ["https://example.org", "https://example.org/", "https://example.org/a/", "https://example.org?a/b"]
        {
            assert_eq!(file_name(none), None, "{none}");
        }
    }
}
