//! What went wrong at an object store, understood once: what it means, whether trying again can help, and what to tell.
//!
//! No text of a server or client goes into an error unread: it may hold signed URLs and what was signed.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use datlake_core::{Error, ErrorKind};
use object_store::client::{HttpError, HttpErrorKind};

use super::texts::Told;

/// An operation that did not give what it should.
#[derive(Debug)]
pub(super) enum Failed {
    /// There is no such object.
    Absent,
    /// There is such an object already.
    Exists,
    /// The object ends before the range that was asked for.
    BeyondEnd,
    /// The server refused and did not say why: the answer to a HEAD has no body.
    Mute(Error),
    /// Anything else.
    Error { error: Error, again: Again },
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It cannot.
    Never,
    /// The request has not been sent: it can, but not for long.
    Unsent,
    /// It can, for the time was up. What was asked for may have been done.
    Late,
    /// It can. What was asked for may have been done.
    Unsure,
}

/// What a server said instead of doing what it was asked.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The provider's own word for it.
    pub(super) code: String,
    pub(super) message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, code, message } = self;
        write!(f, "{status}")?;
        if !code.is_empty() {
            write!(f, " {code}")?;
        }
        if !message.is_empty() {
            write!(f, ", \"{message}\"")?;
        }
        Ok(())
    }
}

impl StdError for Refusal {}

/// The service that gives a machine its credentials did not.
#[derive(Debug)]
pub(super) struct NoCredentials;

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no credentials")
    }
}

impl StdError for NoCredentials {}

impl Refusal {
    /// Reads the answer of a server: XML with `Code` and `Message`, as all three providers write it.
    pub(super) fn read(status: u16, code: Option<&str>, body: &str) -> Self {
        let element = |name: &str| {
            let (_, rest) = body.split_once(&format!("<{name}>"))?;
            Some(rest.split_once(&format!("</{name}>"))?.0)
        };
        // One line of words; what is behind a line feed are request ids.
        let plain = |text: &str| -> String {
            let line = text.lines().next().unwrap_or_default();
            line.chars().filter(|c| !c.is_control()).take(200).collect()
        };
        Self {
            status,
            code: plain(code.or_else(|| element("Code")).unwrap_or_default()),
            message: plain(element("Message").unwrap_or_default()),
        }
    }

    /// Whether it is about the bucket, and not about an object in it.
    pub(super) fn is_of_bucket(&self) -> bool {
        matches!(self.code.as_str(), "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted")
    }

    /// Whether the server has seen a conflict that tells nothing about what is there now.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.code.as_str(), "ConditionalRequestConflict" | "OperationAborted")
    }

    fn meaning(&self) -> (ErrorKind, Again, &'static str) {
        match (self.status, self.code.as_str()) {
            (_, "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture") => (
                ErrorKind::Clock,
                Again::Never,
                "this machine's clock differs too much from the server's: set it right",
            ),
            (_, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => {
                (ErrorKind::Denied, Again::Never, "the session has ended: get new credentials")
            }
            _ if self.is_of_bucket() => {
                (ErrorKind::Config, Again::Never, "there is no such bucket: make it, or correct the URL of the remote")
            }
            _ if self.is_passing() => {
                (ErrorKind::Unavailable, Again::Unsure, "it was busy with the same object: run again")
            }
            (401 | 403, _) => (
                ErrorKind::Denied,
                Again::Never,
                "check the credentials, and what they permit; `datlake config check` shows what works",
            ),
            (301 | 302 | 307 | 308, _)
            | (400, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => (
                ErrorKind::Config,
                Again::Never,
                "the bucket is in another region, or behind another endpoint: set AWS_REGION or AWS_ENDPOINT_URL",
            ),
            (501, _) | (_, "NotImplemented") => (ErrorKind::Unsupported, Again::Never, "this store cannot do that"),
            (408, _) | (_, "RequestTimeout") => {
                (ErrorKind::Unavailable, Again::Late, "what was sent came too slowly: run again later")
            }
            (429 | 500.., _) | (_, "SlowDown" | "InternalError") => {
                (ErrorKind::Unavailable, Again::Unsure, "it is overloaded or out of order: run again later")
            }
            _ => (ErrorKind::Io, Again::Never, "it did not accept the request"),
        }
    }
}

/// What `error` means for `operation` (for example "create") on `object` of the store `place`.
pub(super) fn understand(error: object_store::Error, operation: &str, object: &str, place: &str) -> Failed {
    use object_store::Error as Said;
    let tell = |kind, again, why: &str| Failed::Error {
        error: Error::new(kind, format!("cannot {operation} `{object}` in {place}: {why}")),
        again,
    };
    if let Some(refusal) = find::<Refusal>(&error) {
        if refusal.status == 416 {
            return Failed::BeyondEnd;
        }
        let error = refused(refusal, operation, object, place);
        if refusal.status == 400 && refusal.code.is_empty() {
            return Failed::Mute(error);
        }
        return Failed::Error { error, again: refusal.meaning().1 };
    }
    if find::<NoCredentials>(&error).is_some() {
        let why = "no credentials were found; set the provider's variables (for S3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE)";
        return tell(ErrorKind::Denied, Again::Never, why);
    }
    match &error {
        Said::NotFound { .. } => return Failed::Absent,
        Said::AlreadyExists { .. } | Said::Precondition { .. } | Said::NotModified { .. } => return Failed::Exists,
        _ => {}
    }
    if find::<rustls::Error>(&error).is_some() {
        let why = "no secure connection: it speaks no TLS, or its certificate is not trusted, or is another server's; install the authority's certificate, or correct the endpoint";
        return tell(ErrorKind::Untrusted, Again::Never, why);
    }
    match Told::by(&error) {
        // Some servers answer such a request with nothing; the client notices.
        Some(Told::BeyondEnd) => return Failed::BeyondEnd,
        Some(Told::NotHttps) => {
            let why = "the endpoint is not https: set AWS_ALLOW_HTTP=true (or AZURE_…, GOOGLE_…) if that is meant";
            return tell(ErrorKind::Config, Again::Never, why);
        }
        Some(Told::NoSuchHost) => {
            let why = "its name is unknown to this network: check the endpoint and the connection";
            return tell(ErrorKind::Unavailable, Again::Never, why);
        }
        None => {}
    }
    match find::<HttpError>(&error).map(HttpError::kind) {
        Some(HttpErrorKind::Connect) => {
            let refused = find::<io::Error>(&error).is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused);
            let why = if refused {
                "nobody answers there: is the endpoint right, and the server running?"
            } else {
                "no connection"
            };
            tell(ErrorKind::Unavailable, Again::Unsent, why)
        }
        Some(HttpErrorKind::Timeout) => tell(ErrorKind::Unavailable, Again::Late, "the server did not answer in time"),
        Some(HttpErrorKind::Request | HttpErrorKind::Interrupted | HttpErrorKind::Decode) => {
            tell(ErrorKind::Unavailable, Again::Unsure, "the connection broke")
        }
        // A connection that ends within an answer comes in many disguises; none of them can be the answer itself.
        Some(_) => tell(ErrorKind::Unavailable, Again::Unsure, "the exchange with the server failed"),
        None => tell(ErrorKind::Io, Again::Never, "the client cannot make sense of the answer, or of its own settings"),
    }
}

/// The error of a server that said no.
pub(super) fn refused(refusal: &Refusal, operation: &str, object: &str, place: &str) -> Error {
    let (kind, _, cure) = refusal.meaning();
    Error::new(kind, format!("cannot {operation} `{object}` in {place}: the server said {refusal}; {cure}"))
}

/// An answer that did not come.
pub(super) fn late(operation: &str, object: &str, place: &str) -> Failed {
    let why = format!("cannot {operation} `{object}` in {place}: the server did not answer in time");
    Failed::Error { error: Error::new(ErrorKind::Unavailable, why), again: Again::Late }
}

/// The first error of this type among the causes of `error`.
fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // What an input/output error wraps is passed over by its `source`.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(inner) = inner
            && let Some(found) = find::<T>(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, code: &str) -> Failed {
        let body = format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>Words.\nRequestId:1</Message>\
             <StringToSign>AWS4-HMAC hunter2</StringToSign><AWSAccessKeyId>hunter2</AWSAccessKeyId></Error>"
        );
        let refusal = HttpError::new(HttpErrorKind::Unknown, Refusal::read(status, None, &body));
        let error = object_store::Error::Generic { store: "S3", source: Box::new(refusal) };
        understand(error, "create", "files/a.datlake", "s3://bucket/lake")
    }

    #[test]
    fn each_refusal_has_a_kind_and_a_way_on() {
        for (status, code, kind, again, way_on) in [
            (403, "AccessDenied", ErrorKind::Denied, Again::Never, "check the credentials"),
            (403, "SignatureDoesNotMatch", ErrorKind::Denied, Again::Never, "check the credentials"),
            (400, "ExpiredToken", ErrorKind::Denied, Again::Never, "get new credentials"),
            (403, "RequestTimeTooSkewed", ErrorKind::Clock, Again::Never, "clock"),
            (404, "NoSuchBucket", ErrorKind::Config, Again::Never, "no such bucket"),
            (404, "ContainerNotFound", ErrorKind::Config, Again::Never, "no such bucket"),
            (301, "PermanentRedirect", ErrorKind::Config, Again::Never, "AWS_REGION"),
            (501, "NotImplemented", ErrorKind::Unsupported, Again::Never, "cannot do that"),
            (503, "SlowDown", ErrorKind::Unavailable, Again::Unsure, "later"),
            (429, "", ErrorKind::Unavailable, Again::Unsure, "later"),
            (409, "ConditionalRequestConflict", ErrorKind::Unavailable, Again::Unsure, "run again"),
        ] {
            let Failed::Error { error, again: found } = said(status, code) else { panic!("{code} is an error") };
            assert_eq!((error.kind(), found), (kind, again), "{error}");
            let text = format!("{error} {error:?}");
            assert!(text.contains("create `files/a.datlake` in s3://bucket/lake") && text.contains(way_on), "{text}");
            assert!(!text.contains("hunter2") && !text.contains("RequestId") && !text.contains('\n'), "{text}");
        }
        assert!(matches!(said(416, "InvalidRange"), Failed::BeyondEnd));
    }

    #[test]
    fn a_certificate_nobody_trusts_is_found_below_input_and_output() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, tls);
        let http = HttpError::new(HttpErrorKind::Connect, wrapped);
        let error = object_store::Error::Generic { store: "S3", source: Box::new(http) };
        let Failed::Error { error, again } = understand(error, "read", "x", "s3://b") else { panic!("an error") };
        assert_eq!((error.kind(), again), (ErrorKind::Untrusted, Again::Never));
    }
}
