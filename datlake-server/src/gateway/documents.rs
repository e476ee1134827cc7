//! Requests whose bodies are documents, which are read whole: what the request says of such a body is compared as it passes.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::{S3Error, S3Result};

use super::checked::WrongBody;

/// What is wrong with a document, as far as it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Document(Arc<Mutex<Option<WrongBody>>>);

impl Document {
    /// A request, with a look at its body where that is a document.
    pub(super) fn watched(request: Request) -> (Request, Self) {
        let document = Self::default();
        if request.method() != Method::POST {
            return (request, document);
        }
        let (mut head, body) = request.into_parts();
        head.extensions.insert(document.clone());
        let of_body = head.uri.query().is_some_and(|query| query.split('&').any(is_delete));
        let watching = Watching::new(document.clone(), &head.headers, of_body, body.into_data_stream());
        let body = Body::from_stream(stream::unfold(watching, |mut watching| async move {
            watching.next().await.map(|piece| (piece, watching))
        }));
        (Request::from_parts(head, body), document)
    }

    fn blame(&self, wrong: WrongBody) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(wrong);
    }

    fn wrong(&self) -> Option<WrongBody> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a request whose document is not what it says.
    pub(super) fn check(extensions: &axum::http::Extensions) -> S3Result<()> {
        let wrong = extensions.get::<Self>().and_then(Self::wrong);
        wrong.map_or(Ok(()), |wrong| Err(wrong.into()))
    }

    /// The answer to a request, which for `s3s` is a failure of ours where its document could not be read.
    pub(super) fn blamed(&self, response: Response) -> Response {
        match self.wrong().filter(|_| response.status().is_server_error()) {
            Some(wrong) => answer(&wrong.into()),
            None => response,
        }
    }
}

fn is_delete(parameter: &str) -> bool {
    parameter == "delete" || parameter.starts_with("delete=")
}

/// An error, as `s3s` writes it.
pub(super) fn answer(error: &S3Error) -> Response {
    let status = error.status_code().unwrap_or(StatusCode::BAD_REQUEST);
    let escaped = error.message().unwrap_or_default().replace('&', "&amp;").replace('<', "&lt;");
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{}</Code><Message>{escaped}</Message></Error>",
        error.code().as_str()
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], xml).into_response()
}

struct Watching {
    document: Document,
    body: BodyDataStream,
    said: Vec<(String, &'static str)>,
    md5: Md5,
    hasher: Option<ChecksumHasher>,
    signed: Option<String>,
    /// How many bytes are still to come, where that is said: nobody asks for more than these.
    left: Option<u64>,
}

impl Watching {
    fn new(document: Document, headers: &HeaderMap, of_body: bool, body: BodyDataStream) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // Of a completion the checksums are those of the object.
        let checksums: &[&'static str] = if of_body { &super::checked::TRAILERS } else { &[] };
        let names = std::iter::once(&"content-md5").chain(checksums);
        let hasher = ChecksumHasher {
            crc32: Some(Crc32::new()),
            crc32c: Some(Crc32c::new()),
            crc64nvme: Some(Crc64Nvme::new()),
            sha1: Some(Sha1::new()),
            sha256: Some(Sha256::new()),
        };
        Self {
            document,
            body,
            said: names.filter_map(|name| Some((text(name)?, *name))).collect(),
            md5: Md5::new(),
            hasher: Some(hasher),
            left: text("content-length").and_then(|length| length.parse().ok()),
            signed: text("x-amz-content-sha256").filter(|sum| sum.len() == 64),
        }
    }

    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        let piece = self.body.next().await;
        match &piece {
            Some(Ok(bytes)) => {
                self.md5.update(bytes);
                self.hasher.iter_mut().for_each(|hasher| hasher.update(bytes));
                self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
                if self.left == Some(0) {
                    self.compare();
                }
            }
            Some(Err(_)) => self.document.blame(WrongBody::Short),
            None => self.compare(),
        }
        piece
    }

    fn compare(&mut self) {
        let Some(hasher) = self.hasher.take() else { return };
        let found = hasher.finalize();
        let md5 = STANDARD.encode(std::mem::replace(&mut self.md5, Md5::new()).finalize());
        let sha256 = found.checksum_sha256.clone().and_then(|sum| STANDARD.decode(sum).ok()).unwrap_or_default();
        let sha256: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.signed.as_ref().is_some_and(|signed| *signed != sha256) {
            self.document.blame(WrongBody::Sha256);
        }
        let of = |name: &str| match name {
            "content-md5" => Some(&md5),
            "x-amz-checksum-crc32" => found.checksum_crc32.as_ref(),
            "x-amz-checksum-crc32c" => found.checksum_crc32c.as_ref(),
            "x-amz-checksum-crc64nvme" => found.checksum_crc64nvme.as_ref(),
            "x-amz-checksum-sha1" => found.checksum_sha1.as_ref(),
            _ => found.checksum_sha256.as_ref(),
        };
        if self.said.iter().any(|(said, name)| of(name) != Some(said)) {
            self.document.blame(WrongBody::Checksum);
        }
    }
}
