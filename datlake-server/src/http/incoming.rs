//! Bytes that a client sends: read as they come, to a limit.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use s3s::crypto::{Checksum as _, Md5};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::problem::Problem;

/// How many bytes a client may send, and how many came.
#[derive(Clone)]
pub(crate) struct Incoming {
    most: u64,
    came: Arc<AtomicU64>,
    broke: Arc<AtomicBool>,
    /// What `Content-MD5` says, and whether it is something else that came.
    md5: Option<String>,
    differs: Arc<AtomicBool>,
}

impl Incoming {
    pub(crate) fn new(most: u64) -> Self {
        Self { most, came: Arc::default(), broke: Arc::default(), md5: None, differs: Arc::default() }
    }

    /// The body of a request, of which these are the headers.
    pub(crate) fn of(headers: &HeaderMap, most: u64) -> Self {
        let md5 = headers.get("content-md5").map(|md5| String::from_utf8_lossy(md5.as_bytes()).trim().to_owned());
        Self { md5, ..Self::new(most) }
    }

    /// What comes, as it comes.
    pub(crate) fn read<E: std::fmt::Display + Send + 'static>(
        &self,
        stream: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> impl AsyncRead + Send {
        let (this, hasher) = (self.clone(), Arc::new(Mutex::new(self.md5.is_some().then(Md5::new))));
        let (at_end, whole) = (self.clone(), Arc::clone(&hasher));
        let pieces = stream.map(move |piece| match piece {
            Err(error) => {
                this.broke.store(true, Ordering::Relaxed);
                Err(io::Error::other(error.to_string()))
            }
            Ok(piece) => {
                if let Some(hasher) = &mut *hasher.lock().unwrap_or_else(PoisonError::into_inner) {
                    hasher.update(&piece);
                }
                let length = piece.len() as u64;
                match this.came.fetch_add(length, Ordering::Relaxed) + length > this.most {
                    true => Err(io::ErrorKind::FileTooLarge.into()),
                    false => Ok(piece),
                }
            }
        });
        let end = stream::once(async move {
            let found = whole.lock().unwrap_or_else(PoisonError::into_inner).take();
            match found.map(|found| STANDARD.encode(found.finalize())) == at_end.md5 {
                true => Ok(Bytes::new()),
                false => {
                    at_end.differs.store(true, Ordering::Relaxed);
                    Err(io::ErrorKind::InvalidData.into())
                }
            }
        });
        StreamReader::new(Box::pin(pieces.chain(end)))
    }

    /// What went wrong, where it was what came.
    pub(crate) fn blamed(&self, error: datlake::Error) -> Problem {
        if self.came.load(Ordering::Relaxed) > self.most {
            let message = format!("the object is larger than the {} bytes that this server takes", self.most);
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message);
        }
        if self.differs.load(Ordering::Relaxed) {
            return Problem::bad_request("the body has another MD5 than `Content-MD5` says: nothing was put");
        }
        match self.broke.load(Ordering::Relaxed) {
            true => Problem::bad_request("the body ended early, or came too slowly: nothing was put"),
            false => error.into(),
        }
    }
}
