//! Bytes that a client sends: read as they come, to a limit.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::problem::Problem;

/// How many bytes a client may send, and how many came.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    most: u64,
    came: Arc<AtomicU64>,
    broke: Arc<std::sync::atomic::AtomicBool>,
}

impl Incoming {
    pub(crate) fn new(most: u64) -> Self {
        Self { most, came: Arc::default(), broke: Arc::default() }
    }

    /// What comes, as it comes.
    pub(crate) fn read<E: std::fmt::Display + Send + 'static>(
        &self,
        stream: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> impl AsyncRead + Send {
        let this = self.clone();
        StreamReader::new(Box::pin(stream.map(move |piece| match piece {
            Err(error) => {
                this.broke.store(true, Ordering::Relaxed);
                Err(io::Error::other(error.to_string()))
            }
            Ok(piece) => {
                let length = piece.len() as u64;
                match this.came.fetch_add(length, Ordering::Relaxed) + length > this.most {
                    true => Err(io::ErrorKind::FileTooLarge.into()),
                    false => Ok(piece),
                }
            }
        })))
    }

    /// What went wrong, where it was what came.
    pub(crate) fn blamed(&self, error: datlake::Error) -> Problem {
        if self.came.load(Ordering::Relaxed) > self.most {
            let message = format!("the object is larger than the {} bytes that this server takes", self.most);
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message);
        }
        match self.broke.load(Ordering::Relaxed) {
            true => Problem::bad_request("the body ended early, or came too slowly: nothing was put"),
            false => error.into(),
        }
    }
}
