//! Content on its way to a bucket: in one request, or in parts, several at a time, each tried again by itself.
//!
//! - An upload in parts that breaks off, is dropped, or whose process dies goes on where it was: the home remembers it
//!   (`journal`). Where nothing can be remembered it is aborted, also when it is dropped.
//! - What is sent is read in order and hashed. Content that is not what its name says, because a disk changed it, is aborted
//!   before it is complete. Of an upload that goes on, the parts that the server has are read and hashed too.
//! - An upload that the server does not know any more begins anew. One that nobody goes on with for a day is aborted by the
//!   next that this home begins.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use datlake_core::{Created, Digest, Error, ErrorKind, Result};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use object_store::multipart::PartId;
use object_store::path::Path as Key;
use object_store::{MultipartId, PutPayload};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::failure::Failed;
use super::journal::{Begun, Journal, Sent, Upload};
use super::retry::{Tries, patiently};
use super::transfer::PARTS_EACH;
use super::{Shared, unexpected};
use crate::hashing::is_still;
use crate::remote_identity::RemoteIdentity;
use crate::runtime;

/// The size of a part.
const PART: u64 = 8 << 20;
/// Up to this size content is sent in one request.
const WHOLE: u64 = 16 << 20;
/// From this size on it costs less to ask first whether the content is there.
const WORTH_ASKING: u64 = 256 << 10;
/// The most parts that an upload may have, at every provider.
const MOST_PARTS: u64 = 10_000;

/// Content that goes up in parts.
struct Source {
    file: Arc<std::fs::File>,
    digest: Digest,
    upload: Upload,
    /// Told how many bytes the server has, and of how many.
    told: mpsc::Sender<(u64, u64)>,
}

impl Shared {
    /// Creates an object from a file: of bytes with this digest, where its name says it, and whether others may have created it.
    pub(super) async fn upload(
        self: &Arc<Self>,
        key: &Key,
        (digest, may_be_there): (Option<Digest>, bool),
        file: &Path,
        told: mpsc::Sender<(u64, u64)>,
    ) -> Result<Created> {
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
        // What goes in one request is compared only where others may rely on its name.
        let digest = digest.filter(|_| may_be_there || size > WHOLE);
        if may_be_there && size >= WORTH_ASKING && self.size(key).await?.is_some() {
            return Ok(Created::Exists);
        }
        let (part, whole) = self.options.parts.unwrap_or((PART, WHOLE));
        if let Some(digest) = digest
            && size > whole
        {
            let part = part.max(size.div_ceil(MOST_PARTS));
            let upload = Upload { store: self.identity()?.distinct(), key: key.to_string(), size, part };
            let source = Source { file: Arc::new(source), digest, upload, told };
            return self.upload_parts(key, &source).await.map(|()| Created::New);
        }
        let _room = self.room().await;
        let read = blocking(move || {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            (&source).read_to_end(&mut bytes)?;
            let found = digest.map(|digest| (digest, Digest::of(&bytes)));
            Ok((Bytes::from(bytes), found))
        });
        let (bytes, found) = read.await?.map_err(failed)?;
        if let Some((digest, found)) = found {
            is_still(&digest, found, &self.address.shown)?;
        }
        self.create(key, bytes).await
    }

    async fn upload_parts(self: &Arc<Self>, key: &Key, source: &Source) -> Result<()> {
        self.abort_abandoned().await;
        let folder = self.options.memory.as_ref().map(|memory| memory.join("uploads"));
        let upload = source.upload.clone();
        let opened = blocking(move || Journal::open(&folder?, &upload)).await?;
        let Some((journal, begun)) = opened else { return self.upload_unremembered(key, source).await };
        if let Some(begun) = begun {
            match self.send_all(key, source, &begun, Some(&journal)).await {
                Ok(()) => {
                    journal.end();
                    return Ok(());
                }
                Err(error) if goes_on(&error) => return Err(error),
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    if self.abort(key, &begun.id).await.is_ok() {
                        journal.end();
                    }
                    return Err(error);
                }
                // The server does not know it any more, or not those parts.
                Err(_) => drop(self.abort(key, &begun.id).await),
            }
        }
        let begun = self.begin(key).await?;
        journal.begin(&source.upload, &begun.id);
        let sent = self.send_all(key, source, &begun, Some(&journal)).await;
        match &sent {
            Err(error) if goes_on(error) => return sent,
            Err(_) if self.abort(key, &begun.id).await.is_err() => return sent,
            _ => journal.end(),
        }
        sent
    }

    /// Uploads where no home remembers what was begun.
    async fn upload_unremembered(self: &Arc<Self>, key: &Key, source: &Source) -> Result<()> {
        let begun = self.begin(key).await?;
        let mut abort = Abort { shared: Arc::clone(self), key: key.clone(), id: Some(begun.id.clone()) };
        let sent = self.send_all(key, source, &begun, None).await;
        abort.id = None;
        if sent.is_err() {
            let _ = self.abort(key, &begun.id).await;
        }
        sent
    }

    async fn begin(&self, key: &Key) -> Result<Begun> {
        let client = self.client()?;
        let id = patiently(|| self.ask("create", key, client.parts.create_multipart(key))).await.map_err(unexpected)?;
        Ok(Begun { id, parts: Default::default() })
    }

    /// Removes the parts of an upload: they cost their owner money until they are gone. `repair` finds what is left.
    pub(super) async fn abort(&self, key: &Key, id: &MultipartId) -> Result<()> {
        let client = self.client()?;
        match patiently(|| self.ask("remove the parts of", key, client.parts.abort_multipart(key, id))).await {
            // Somebody else did, or completed it.
            Ok(()) | Err(Failed::Absent) => Ok(()),
            Err(failed) => Err(unexpected(failed)),
        }
    }

    async fn abort_abandoned(&self) {
        let Some(folder) = self.options.memory.as_ref().map(|memory| memory.join("uploads")) else { return };
        let Ok(store) = self.identity().map(RemoteIdentity::distinct) else { return };
        for (journal, key, id) in blocking(move || Journal::abandoned(&folder, store)).await.unwrap_or_default() {
            let Ok(key) = Key::parse(&key) else { continue };
            if self.abort(&key, &id).await.is_ok() {
                journal.end();
            }
        }
    }

    /// Sends the parts that the server has not got, and completes the upload.
    async fn send_all(&self, key: &Key, source: &Source, begun: &Begun, journal: Option<&Journal>) -> Result<()> {
        let client = self.client()?;
        let parts = self.send_parts(key, source, begun, journal).await?;
        let mut tries = Tries::default();
        loop {
            // Putting large content together may take a store minutes.
            match self.exchange("create", key, client.parts.complete_multipart(key, &begun.id, parts.clone())).await {
                Ok(_) => return Ok(()),
                // An upload that is unknown to the server after a lost reply was completed.
                Err(Failed::Absent) if tries.unsure && self.size(key).await? == Some(source.upload.size) => {
                    return Ok(());
                }
                Err(failed) => tries.next(failed).await.map_err(unexpected)?,
            }
        }
    }

    async fn send_parts(
        &self,
        key: &Key,
        source: &Source,
        begun: &Begun,
        journal: Option<&Journal>,
    ) -> Result<Vec<PartId>> {
        let (client, bandwidth) = (self.client()?, self.bandwidth()?);
        let Upload { size, part, .. } = source.upload;
        let length = move |index: usize| part.min(size - index as u64 * part);
        let mut has: u64 = begun.parts.keys().map(|index| length(*index)).sum();
        if has > 0 {
            // Nobody listening is no reason to stop.
            let _ = source.told.send((has, size)).await;
        }
        let count = usize::try_from(size.div_ceil(part)).unwrap_or(usize::MAX);
        let sending = self
            .read_parts(source, count)
            .map(async |read| {
                let Part { index, bytes, digest, _room } = read?;
                let there = begun.parts.get(&index);
                if let Some(there) = there.filter(|there| there.digest == digest) {
                    return Ok((there.id.clone(), 0));
                }
                let length = bytes.len() as u64;
                let sent = patiently(|| {
                    let put = client.parts.put_part(key, &begun.id, index, PutPayload::from_bytes(bytes.clone()));
                    bandwidth.send(length, async { put.await.map_err(|error| self.understand(error, "create", key)) })
                });
                let sent = Sent { id: sent.await.map_err(unexpected)?, digest };
                if let Some(journal) = journal {
                    journal.has(index, &sent);
                }
                // What was there and was other than now is counted already.
                Ok::<_, Error>((sent.id, if there.is_some() { 0 } else { length }))
            })
            .buffered(PARTS_EACH);
        let mut sending = std::pin::pin!(sending);
        let mut parts = Vec::with_capacity(count);
        while let Some((part, sent)) = sending.try_next().await? {
            parts.push(part);
            if sent > 0 {
                has += sent;
                let _ = source.told.send((has, size)).await;
            }
        }
        Ok(parts)
    }

    /// The content in parts, in order; an error behind the last where they are not what was to be sent.
    fn read_parts<'a>(&'a self, source: &'a Source, count: usize) -> impl Stream<Item = Result<Part>> + 'a {
        let Upload { size, part, .. } = source.upload;
        let begin = (0, Box::<blake3::Hasher>::default());
        stream::try_unfold(begin, move |(index, mut hasher)| async move {
            if index == count {
                let found = Digest::from_bytes(*hasher.finalize().as_bytes());
                return is_still(&source.digest, found, &self.address.shown).map(|()| None);
            }
            let _room = self.room().await;
            let (file, start) = (Arc::clone(&source.file), index as u64 * part);
            let read = blocking(move || {
                let bytes = read_at(&file, start, part.min(size - start))?;
                hasher.update(&bytes);
                Ok((Digest::of(&bytes), bytes, hasher))
            });
            let (digest, bytes, hasher) = read.await?.map_err(|e| Error::io("read", "content to upload", e))?;
            Ok(Some((Part { index, bytes, digest, _room }, (index + 1, hasher))))
        })
    }
}

/// A part that was read, with the room in memory that it takes.
struct Part {
    index: usize,
    bytes: Bytes,
    digest: Digest,
    _room: Option<OwnedSemaphorePermit>,
}

/// Whether an upload that ended so is worth going on with.
fn goes_on(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Denied)
}

/// Aborts an upload that is dropped, and that nobody remembers.
struct Abort {
    shared: Arc<Shared>,
    key: Key,
    id: Option<MultipartId>,
}

impl Drop for Abort {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let (shared, key) = (Arc::clone(&self.shared), self.key.clone());
        runtime::detach(async move { drop(shared.abort(&key, &id).await) });
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
