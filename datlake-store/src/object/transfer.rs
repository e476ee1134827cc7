//! Content on its way to and from a bucket: in parts above a size, several at a time, each tried again by itself, in bounded
//! memory whatever the size.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use datlake_core::{Created, Error, ErrorKind, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::multipart::PartId;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, PutPayload};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::failure::{Failed, late};
use super::retry::{Tries, patiently};
use super::{PATIENCE, Shared, unexpected};

/// The size of a part.
const PART: u64 = 8 << 20;
/// Up to this size content is sent in one request.
const WHOLE: u64 = 16 << 20;
/// From this size on it costs less to ask first whether the content is there.
const WORTH_ASKING: u64 = 256 << 10;
/// Parts in memory, of all transfers through one store.
pub(super) const PARTS: usize = 16;
/// Parts of one transfer at a time.
const PARTS_EACH: usize = 6;
/// The most parts that an upload may have, at every provider.
const MOST_PARTS: u64 = 10_000;

/// Bytes on their way to whoever reads, with the room in memory that they take.
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Bytes from `start` on, and the size of the whole object.
struct Range {
    bytes: Bytes,
    size: u64,
}

impl Shared {
    /// Sends the bytes of an object from `from` on, in order: whether there is such an object.
    pub(super) async fn download(&self, key: &Key, from: u64, send: mpsc::Sender<Chunk>) -> Result<bool> {
        let Some(end) = from.checked_add(PART) else { return Ok(self.size(key).await?.is_some()) };
        let _room = self.room().await;
        let first = match self.range(key, from, end).await {
            Ok(range) => range,
            Err(Failed::Absent) => return Ok(false),
            // An empty object has no range at all.
            Err(Failed::BeyondEnd) => return Ok(self.size(key).await?.is_some()),
            Err(failed) => return Err(unexpected(failed)),
        };
        let size = first.size;
        let done = from + first.bytes.len() as u64;
        if send.send(Chunk { bytes: first.bytes, _room }).await.is_err() {
            return Ok(true);
        }
        let starts = (0..).map(|part| done + part * PART).take_while(|start| *start < size);
        let mut parts = stream::iter(starts)
            .map(async |start| {
                let room = self.room().await;
                let range = self.range(key, start, (start + PART).min(size)).await?;
                Ok(Chunk { bytes: range.bytes, _room: room })
            })
            .buffered(PARTS_EACH);
        while let Some(chunk) = parts.try_next().await.map_err(unexpected)? {
            if send.send(chunk).await.is_err() {
                break;
            }
        }
        Ok(true)
    }

    /// The bytes from `start` to `end`, or to the object's end. Where the stream breaks it goes on at the byte where it broke.
    async fn range(&self, key: &Key, start: u64, end: u64) -> Result<Range, Failed> {
        let client = self.client().map_err(final_)?;
        let mut tries = Tries::default();
        let mut bytes = Vec::new();
        loop {
            let from = start + bytes.len() as u64;
            let one = async {
                let options = GetOptions { range: Some(GetRange::Bounded(from..end)), ..GetOptions::default() };
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
                    return Ok(Range { bytes: bytes.into(), size });
                }
                Ok(_) => tries.next(cut_short(key, &self.address.shown)).await?,
                Err(failed) => tries.next(failed).await?,
            }
        }
    }

    /// Creates an object from a file: `is_blob` where its name is the digest of its content.
    pub(super) async fn upload(self: &Arc<Self>, key: &Key, is_blob: bool, file: &Path) -> Result<Created> {
        let failed = |e| Error::io("read", file.display(), e);
        let source = file.to_owned();
        let opened = blocking(move || {
            let file = std::fs::File::open(&source)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(std::io::ErrorKind::IsADirectory.into());
            }
            Ok((file, metadata.len()))
        });
        let (source, size) = opened.await?.map_err(failed)?;
        if is_blob && size >= WORTH_ASKING && self.size(key).await?.is_some() {
            return Ok(Created::Exists);
        }
        if is_blob && size > WHOLE {
            return self.upload_parts(key, source, size).await.map(|()| Created::New);
        }
        let _room = self.room().await;
        let read = blocking(move || {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            (&source).read_to_end(&mut bytes).map(|_| Bytes::from(bytes))
        });
        self.create(key, read.await?.map_err(failed)?).await
    }

    async fn upload_parts(&self, key: &Key, source: std::fs::File, size: u64) -> Result<()> {
        let client = self.client()?;
        let id = patiently(|| self.ask("create", key, client.parts.create_multipart(key))).await.map_err(unexpected)?;
        let sent = self.send_parts(key, &id, source, size).await;
        let done = match sent {
            Ok(parts) => {
                let mut tries = Tries::default();
                loop {
                    match self.ask("create", key, client.parts.complete_multipart(key, &id, parts.clone())).await {
                        Ok(_) => break Ok(()),
                        // An upload that is unknown to the server after a lost reply was completed.
                        Err(Failed::Absent) if tries.unsure && self.size(key).await? == Some(size) => break Ok(()),
                        Err(failed) => {
                            if let Err(failed) = tries.next(failed).await {
                                break Err(unexpected(failed));
                            }
                        }
                    }
                }
            }
            Err(error) => Err(error),
        };
        if done.is_err() {
            // What was sent costs its owner money until it is gone. Where this fails too, the bucket's own rules tidy up.
            let _ = self.ask("remove the parts of", key, client.parts.abort_multipart(key, &id)).await;
        }
        done
    }

    async fn send_parts(
        &self,
        key: &Key,
        id: &object_store::MultipartId,
        source: std::fs::File,
        size: u64,
    ) -> Result<Vec<PartId>> {
        let client = self.client()?;
        let source = Arc::new(source);
        let part = PART.max(size.div_ceil(MOST_PARTS));
        let parts = stream::iter((0..size.div_ceil(part)).zip(0..))
            .map(|(number, index)| {
                let source = Arc::clone(&source);
                async move {
                    let _room = self.room().await;
                    let (start, length) = (number * part, part.min(size - number * part));
                    let bytes = blocking(move || read_at(&source, start, length)).await?;
                    let bytes = bytes.map_err(|e| Error::io("read", "content to upload", e))?;
                    let sent = patiently(|| async {
                        let put = client.parts.put_part(key, id, index, PutPayload::from_bytes(bytes.clone()));
                        put.await.map_err(|error| self.understand(error, "create", key))
                    });
                    sent.await.map_err(unexpected)
                }
            })
            .buffered(PARTS_EACH);
        parts.try_collect().await
    }

    /// Room in memory for one part.
    async fn room(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed; if it were, transfers would be unbounded and not stuck.
        Arc::clone(&self.parts).acquire_owned().await.ok()
    }
}

fn read_at(source: &std::fs::File, start: u64, length: u64) -> std::io::Result<Bytes> {
    use std::os::unix::fs::FileExt as _;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    source.read_exact_at(&mut bytes, start)?;
    Ok(bytes.into())
}

/// Runs `job` on a thread of the network's runtime that may block.
async fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(job).await;
    done.map_err(|e| Error::new(ErrorKind::Io, "datlake's network threads were shut down").because(e))
}

fn final_(error: Error) -> Failed {
    Failed::Error { error, again: super::failure::Again::Never }
}

fn cut_short(key: &Key, place: &str) -> Failed {
    let error = Error::new(ErrorKind::Unavailable, format!("cannot read `{key}` in {place}: the answer is cut short"));
    Failed::Error { error, again: super::failure::Again::Unsure }
}
