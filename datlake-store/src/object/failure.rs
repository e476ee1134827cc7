//! Errors of object stores: their kind, whether a retry can help, and their message.
//!
//! Texts of servers and clients are parsed, and never copied into an error: they may hold signed URLs.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use datlake_core::{Error, ErrorKind};
use object_store::client::{HttpError, HttpErrorKind};

use super::texts::Told;

/// A failed operation.
#[derive(Debug)]
pub(super) enum Failed {
    /// There is no such object.
    Absent,
    /// The object exists already.
    Exists,
    /// The object ends before the requested range.
    BeyondEnd,
    /// The server refused without a reason: the answer to a HEAD has no body.
    NoReason(Error),
    /// Anything else.
    Error { error: Error, retry: Retry },
}

/// Whether a retry can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// No.
    Never,
    /// The request was not sent: a few retries.
    Unsent,
    /// Timed out. The server may have done it.
    Late,
    /// Yes. The server may have done it.
    Unsure,
}

/// A server's refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The status of the answer, where that said success.
    pub(super) within: Option<u16>,
    /// The provider's code.
    pub(super) code: String,
    pub(super) message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, within, code, message } = self;
        write!(f, "{status}")?;
        if !code.is_empty() {
            write!(f, " {code}")?;
        }
        if !message.is_empty() {
            write!(f, ", \"{message}\"")?;
        }
        match within {
            Some(status) => write!(f, " in an answer with the status {status}"),
            None => Ok(()),
        }
    }
}

impl StdError for Refusal {}

/// What came is not an answer: this is why.
#[derive(Debug)]
pub(super) struct NoAnswer(pub(super) &'static str);

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl StdError for NoAnswer {}

/// The metadata service gave no credentials.
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
            within: None,
            code: plain(code.or_else(|| element("Code")).unwrap_or_default()),
            message: plain(element("Message").unwrap_or_default()),
        }
    }

    /// Reads an error in an answer with a `status` of success. It means what its code does elsewhere.
    pub(super) fn within(status: u16, body: &str) -> Self {
        let refusal = Self::read(status, None, body);
        let meant = match refusal.code.as_str() {
            "NoSuchUpload" | "NoSuchKey" | "NoSuchBucket" => 404,
            "PreconditionFailed" => 412,
            "ConditionalRequestConflict" | "OperationAborted" => 409,
            "AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" => 403,
            "BadDigest" | "EntityTooLarge" | "EntityTooSmall" | "InvalidArgument" | "InvalidPart"
            | "InvalidPartOrder" | "InvalidRequest" | "MalformedXML" => 400,
            "SlowDown" | "ServiceUnavailable" => 503,
            _ => 500,
        };
        Self { status: meant, within: Some(status), ..refusal }
    }

    /// Whether it is about the bucket, and not about an object in it.
    pub(super) fn is_of_bucket(&self) -> bool {
        matches!(self.code.as_str(), "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted")
    }

    /// Whether the server has seen a conflict that tells nothing about what is there now.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.code.as_str(), "ConditionalRequestConflict" | "OperationAborted")
    }

    fn meaning(&self) -> (ErrorKind, Retry, &'static str) {
        match (self.status, self.code.as_str()) {
            (_, "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture") => (
                ErrorKind::Clock,
                Retry::Never,
                "this machine's clock differs too much from the server's: set it right",
            ),
            (_, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => {
                (ErrorKind::Denied, Retry::Never, "the session has ended: get new credentials")
            }
            _ if self.is_of_bucket() => {
                (ErrorKind::Config, Retry::Never, "there is no such bucket: make it, or correct the URL of the remote")
            }
            _ if self.is_passing() => {
                (ErrorKind::Unavailable, Retry::Unsure, "it was busy with the same object: run again")
            }
            (401 | 403, _) => (
                ErrorKind::Denied,
                Retry::Never,
                "check the credentials, and what they permit; `datlake config check` shows what works",
            ),
            (301 | 302 | 307 | 308, _)
            | (400, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => (
                ErrorKind::Config,
                Retry::Never,
                "the bucket is in another region, or behind another endpoint: set AWS_REGION or AWS_ENDPOINT_URL",
            ),
            (501, _) | (_, "NotImplemented") => (ErrorKind::Unsupported, Retry::Never, "this store cannot do that"),
            (408, _) | (_, "RequestTimeout") => {
                (ErrorKind::Unavailable, Retry::Late, "what was sent came too slowly: run again later")
            }
            (429 | 500.., _) | (_, "SlowDown" | "InternalError") => {
                (ErrorKind::Unavailable, Retry::Unsure, "it is overloaded or out of order: run again later")
            }
            _ => (ErrorKind::Io, Retry::Never, "it did not accept the request"),
        }
    }
}

/// What `error` means for `operation` (for example "create") on `object` of the store `place`.
pub(super) fn understand(error: object_store::Error, operation: &str, object: &str, place: &str) -> Failed {
    use object_store::Error as Said;
    let tell = |kind, retry, why: &str| Failed::Error {
        error: Error::new(kind, format!("cannot {operation} `{object}` in {place}: {why}")),
        retry,
    };
    if let Some(refusal) = find::<Refusal>(&error) {
        if refusal.status == 416 {
            return Failed::BeyondEnd;
        }
        let error = refused(refusal, operation, object, place);
        if refusal.status == 400 && refusal.code.is_empty() {
            return Failed::NoReason(error);
        }
        return Failed::Error { error, retry: refusal.meaning().1 };
    }
    if find::<NoCredentials>(&error).is_some() {
        let why = "no credentials were found; set the provider's variables (for S3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE)";
        return tell(ErrorKind::Denied, Retry::Never, why);
    }
    if let Some(NoAnswer(why)) = find::<NoAnswer>(&error) {
        return tell(ErrorKind::Unavailable, Retry::Unsure, why);
    }
    match &error {
        Said::NotFound { .. } => return Failed::Absent,
        Said::AlreadyExists { .. } | Said::Precondition { .. } | Said::NotModified { .. } => return Failed::Exists,
        _ => {}
    }
    if find::<rustls::Error>(&error).is_some() {
        let why = "no secure connection: it speaks no TLS, or its certificate is not trusted, or is another server's; install the authority's certificate, or correct the endpoint";
        return tell(ErrorKind::Untrusted, Retry::Never, why);
    }
    match Told::by(&error) {
        // Some servers answer such a request with nothing; the client notices.
        Some(Told::BeyondEnd) => return Failed::BeyondEnd,
        Some(Told::NotHttps) => {
            let why = "the endpoint is not https: set AWS_ALLOW_HTTP=true (or AZURE_…, GOOGLE_…) if that is meant";
            return tell(ErrorKind::Config, Retry::Never, why);
        }
        Some(Told::NoSuchHost) => {
            let why = "its name is unknown to this network: check the endpoint and the connection";
            return tell(ErrorKind::Unavailable, Retry::Never, why);
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
            tell(ErrorKind::Unavailable, Retry::Unsent, why)
        }
        Some(HttpErrorKind::Timeout) => tell(ErrorKind::Unavailable, Retry::Late, "the server did not answer in time"),
        Some(HttpErrorKind::Request | HttpErrorKind::Interrupted | HttpErrorKind::Decode) => {
            tell(ErrorKind::Unavailable, Retry::Unsure, "the connection broke")
        }
        // A connection that ends within an answer comes in many disguises; none of them can be the answer itself.
        Some(_) => tell(ErrorKind::Unavailable, Retry::Unsure, "the exchange with the server failed"),
        None => tell(ErrorKind::Io, Retry::Never, "the client cannot make sense of the answer, or of its own settings"),
    }
}

/// The error of a server that said no.
pub(super) fn refused(refusal: &Refusal, operation: &str, object: &str, place: &str) -> Error {
    let (kind, _, cure) = refusal.meaning();
    Error::new(kind, format!("cannot {operation} `{object}` in {place}: the server said {refusal}")).with_hint(cure)
}

/// An answer that did not come.
pub(super) fn late(operation: &str, object: &str, place: &str) -> Failed {
    let why = format!("cannot {operation} `{object}` in {place}: the server did not answer in time");
    Failed::Error { error: Error::new(ErrorKind::Unavailable, why), retry: Retry::Late }
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
        for (status, code, kind, retry, way_on) in [
            (403, "AccessDenied", ErrorKind::Denied, Retry::Never, "check the credentials"),
            (403, "SignatureDoesNotMatch", ErrorKind::Denied, Retry::Never, "check the credentials"),
            (400, "ExpiredToken", ErrorKind::Denied, Retry::Never, "get new credentials"),
            (403, "RequestTimeTooSkewed", ErrorKind::Clock, Retry::Never, "clock"),
            (404, "NoSuchBucket", ErrorKind::Config, Retry::Never, "no such bucket"),
            (404, "ContainerNotFound", ErrorKind::Config, Retry::Never, "no such bucket"),
            (301, "PermanentRedirect", ErrorKind::Config, Retry::Never, "AWS_REGION"),
            (501, "NotImplemented", ErrorKind::Unsupported, Retry::Never, "cannot do that"),
            (503, "SlowDown", ErrorKind::Unavailable, Retry::Unsure, "later"),
            (429, "", ErrorKind::Unavailable, Retry::Unsure, "later"),
            (409, "ConditionalRequestConflict", ErrorKind::Unavailable, Retry::Unsure, "run again"),
        ] {
            let Failed::Error { error, retry: found } = said(status, code) else { panic!("{code} is an error") };
            assert_eq!((error.kind(), found), (kind, retry), "{error}");
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
        let Failed::Error { error, retry } = understand(error, "read", "x", "s3://b") else { panic!("an error") };
        assert_eq!((error.kind(), retry), (ErrorKind::Untrusted, Retry::Never));
    }
}
