//! Content on its way from a bucket: in ranges, several at a time, each tried again by itself, in bounded memory whatever the
//! size.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datlake_core::{Error, ErrorKind, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::failure::{Failed, late};
use super::retry::Tries;
use super::{PATIENCE, Shared, unexpected};

/// The size of a part.
const PART: u64 = 8 << 20;
/// Parts of one transfer at a time.
pub(super) const PARTS_EACH: usize = 6;

/// Downloaded bytes, with the permit for their memory.
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Bytes from `start` on, and the size of the whole object.
struct Part {
    bytes: Bytes,
    size: u64,
}

impl Shared {
    /// Sends the bytes of `range`, in order: the size of the whole object, or `None` if there is none.
    pub(super) async fn download(
        &self,
        key: &Key,
        range: Range<u64>,
        send: mpsc::Sender<Chunk>,
    ) -> Result<Option<u64>> {
        self.download_of(key, range, None, send).await
    }

    /// The same, of the object that has this tag: where another is there, that is an error.
    pub(super) async fn download_of(
        &self,
        key: &Key,
        range: Range<u64>,
        tag: Option<&str>,
        send: mpsc::Sender<Chunk>,
    ) -> Result<Option<u64>> {
        let unread = |failed| match (tag, failed) {
            (Some(_), Failed::Exists | Failed::Absent) => {
                let message = format!("`{key}` in {} was replaced or removed while it was read", self.address.shown);
                Error::new(ErrorKind::Conflict, message)
            }
            (_, failed) => unexpected(failed),
        };
        if range.is_empty() {
            return self.size(key).await;
        }
        let _room = self.room().await;
        let first = match self.part(key, range.start, range.end.min(range.start.saturating_add(PART)), tag).await {
            Ok(part) => part,
            Err(Failed::Absent) if tag.is_none() => return Ok(None),
            // An empty object has no range at all.
            Err(Failed::BeyondEnd) => return self.size(key).await,
            Err(failed) => return Err(unread(failed)),
        };
        let size = first.size;
        let (done, end) = (range.start + first.bytes.len() as u64, range.end.min(size));
        if send.send(Chunk { bytes: first.bytes, _room }).await.is_err() {
            return Ok(Some(size));
        }
        let starts = (0..).map(|part| done + part * PART).take_while(|start| *start < end);
        let mut parts = stream::iter(starts)
            .map(async |start| {
                let room = self.room().await;
                let part = self.part(key, start, (start + PART).min(end), tag).await?;
                Ok(Chunk { bytes: part.bytes, _room: room })
            })
            .buffered(PARTS_EACH);
        while let Some(chunk) = parts.try_next().await.map_err(unread)? {
            if send.send(chunk).await.is_err() {
                break;
            }
        }
        Ok(Some(size))
    }

    /// The bytes from `start` to `end`, or to the object's end. Where the stream breaks it goes on at the byte where it broke.
    async fn part(&self, key: &Key, start: u64, end: u64, tag: Option<&str>) -> Result<Part, Failed> {
        let client = self.client().map_err(final_)?;
        let mut tries = Tries::default();
        let mut bytes = Vec::new();
        loop {
            let from = start + bytes.len() as u64;
            let one = async {
                let (range, if_match) = (Some(GetRange::Bounded(from..end)), tag.map(str::to_owned));
                let options = GetOptions { range, if_match, ..GetOptions::default() };
                let got = self.ask("read", key, client.objects.get_opts(key, options)).await?;
                let size = got.meta.size;
                // What is asked for is reserved at once: a buffer that grows takes twice the room.
                let rest = end.min(size).saturating_sub(from);
                bytes.reserve_exact(usize::try_from(rest).unwrap_or_default());
                let mut stream = got.into_stream();
                loop {
                    match tokio::time::timeout(PATIENCE, stream.try_next()).await {
                        Ok(Ok(Some(chunk))) => bytes.extend_from_slice(&chunk),
                        Ok(Ok(None)) => return Ok(size),
                        Ok(Err(error)) => return Err(self.understand(error, "read", key)),
                        Err(_) => return Err(late("read", key.as_ref(), &self.address.shown)),
                    }
                }
            };
            match one.await {
                Ok(size) if start + bytes.len() as u64 >= end.min(size) => {
                    return Ok(Part { bytes: bytes.into(), size });
                }
                Ok(_) => tries.next(cut_short(key, &self.address.shown)).await?,
                Err(failed) => tries.next(failed).await?,
            }
        }
    }

    /// Room in memory for one part.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed; if it were, transfers would be unbounded and not stuck.
        Arc::clone(&self.parts).acquire_owned().await.ok()
    }
}

fn final_(error: Error) -> Failed {
    Failed::Error { error, retry: super::failure::Retry::Never }
}

fn cut_short(key: &Key, place: &str) -> Failed {
    let error = Error::new(ErrorKind::Unavailable, format!("cannot read `{key}` in {place}: the answer is cut short"));
    Failed::Error { error, retry: super::failure::Retry::Unsure }
}
