//! Putting an object: what is noted beside it, its conditions, and what is wrong with its body.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use bytes::Bytes;
use datlake::report::ObjectInfo;
use datlake::{Error, Upload};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use s3s::dto::ETagCondition;
use s3s::{S3Error, S3ErrorCode, S3Result};
use tokio_util::io::StreamReader;

use super::checked::WrongBody;
use super::refused::refused;

/// An upload with what is noted beside it.
pub(super) fn noting(
    upload: Upload,
    content_type: Option<String>,
    metadata: impl IntoIterator<Item = (String, String)>,
) -> Upload {
    let upload = metadata.into_iter().fold(upload, |upload, (key, value)| upload.metadata(key, value));
    content_type.into_iter().fold(upload, Upload::content_type)
}

/// Whether an object is put only where there is none.
pub(super) fn creates_only(if_none_match: Option<&ETagCondition>, if_match: Option<&ETagCondition>) -> S3Result<bool> {
    match (if_none_match, if_match) {
        (None, None) => Ok(false),
        (Some(ETagCondition::Any), None) => Ok(true),
        _ => Err(S3Error::with_message(
            S3ErrorCode::NotImplemented,
            "of conditions, `If-None-Match: *` alone is supported",
        )),
    }
}

/// Refuses a request that is `conditional` where no condition is supported: to ignore one may lose what somebody else put.
pub(super) fn unconditional(conditional: bool) -> S3Result<()> {
    match conditional {
        true => Err(S3Error::with_message(
            S3ErrorCode::NotImplemented,
            "this request takes no conditions: leave them out, or put with `If-None-Match: *`",
        )),
        false => Ok(()),
    }
}

/// Reads a body that has no content.
pub(super) async fn nothing(body: impl Stream<Item = io::Result<Bytes>> + Send) -> S3Result<()> {
    let mut body = pin!(body);
    while let Some(piece) = body.next().await {
        if !piece.map_err(|e| bad_body(&e))?.is_empty() {
            let message = "a key that ends in `/` is a folder, which has no content";
            return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, message));
        }
    }
    Ok(())
}

/// Puts what `body` gives. What is wrong with the body is said as such.
pub(super) async fn put(upload: &Upload, body: impl Stream<Item = io::Result<Bytes>> + Send) -> S3Result<ObjectInfo> {
    let broken = BrokenBody::default();
    let put = upload.put_reader_async(StreamReader::new(Box::pin(broken.noting(body)))).await;
    put.map_err(|error| broken.blamed(error))
}

/// Why a body could not be read to its end, if that is so.
#[derive(Clone, Default)]
pub(super) struct BrokenBody(Arc<Mutex<Option<io::Error>>>);

impl BrokenBody {
    /// A body, of which is noted why it breaks.
    pub(super) fn noting<S: Stream<Item = io::Result<Bytes>> + Send>(
        &self,
        body: S,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<S> {
        let noted = Arc::clone(&self.0);
        body.map_err(move |error| {
            let again = io::Error::new(error.kind(), error.to_string());
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            again
        })
    }

    /// What `error`, which came of reading it, is to a client.
    pub(super) fn blamed(&self, error: Error) -> S3Error {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(broke) => bad_body(&broke),
            None => refused(error),
        }
    }
}

/// The error of a body that cannot be read to its end.
fn bad_body(error: &io::Error) -> S3Error {
    match error.kind() {
        io::ErrorKind::FileTooLarge => too_large(),
        _ => {
            let wrong = error.get_ref().and_then(|wrong| wrong.downcast_ref::<WrongBody>());
            wrong.copied().unwrap_or(WrongBody::Short).into()
        }
    }
}

impl From<WrongBody> for S3Error {
    fn from(wrong: WrongBody) -> Self {
        let (code, status) = match wrong {
            WrongBody::Checksum => (S3ErrorCode::BadDigest, StatusCode::BAD_REQUEST),
            WrongBody::Sha256 => (S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()), StatusCode::BAD_REQUEST),
            WrongBody::Signature => (S3ErrorCode::SignatureDoesNotMatch, StatusCode::FORBIDDEN),
            WrongBody::Short | WrongBody::Length => (S3ErrorCode::IncompleteBody, StatusCode::BAD_REQUEST),
            WrongBody::Trailer => (S3ErrorCode::Custom("MalformedTrailerError".into()), StatusCode::BAD_REQUEST),
        };
        let mut error = Self::with_message(code, wrong.to_string());
        error.set_status_code(status);
        error
    }
}

pub(super) fn too_large() -> S3Error {
    S3Error::with_message(S3ErrorCode::EntityTooLarge, "the object is larger than this server takes")
}
