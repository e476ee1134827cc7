//! Putting an object: what is noted beside it, its conditions, and what is wrong with its body.

use std::io;
use std::pin::pin;

use bytes::Bytes;
use datlake::Upload;
use datlake::report::ObjectInfo;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use s3s::dto::ETagCondition;
use s3s::{S3Error, S3ErrorCode, S3Result};
use tokio_util::io::StreamReader;

use super::parts::bad_body;
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
    let broke = std::sync::Arc::new(std::sync::Mutex::new(None));
    let noted = std::sync::Arc::clone(&broke);
    let body = body.map_err(move |error| {
        let again = io::Error::new(error.kind(), error.to_string());
        *noted.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
        again
    });
    let put = upload.put_reader_async(StreamReader::new(Box::pin(body))).await;
    let broke = broke.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    put.map_err(|error| match broke {
        Some(broke) => bad_body(&broke),
        None => refused(error),
    })
}
