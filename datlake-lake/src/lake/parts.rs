//! Parts of uploads that come in parts: kept until the upload is put together, given up, or too old.
//!
//! - A part is at the remote, where every process that shares it finds it; in the home where there is none.
//! - Nothing refers to a part, and collections know it by its age alone: which upload has it, whoever began that knows. So no collection
//!   takes one from an upload that is younger.
//! - Its place says what its bytes are, which is compared when it is read.

use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use datlake_core::{Created, Digest, Error, ErrorKind, Location, Result, Store};
use datlake_store::{
    AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, Staged, StagedWriter, offload, offload_method, wait,
};
use futures_util::{Stream, StreamExt as _, stream};

use super::Lake;

/// So old is a part that a collection removes.
pub(super) const KEPT: Duration = Duration::from_secs(8 * 24 * 3600);
/// So much is read at a time, and so often at once.
const PIECE: u64 = 8 << 20;
const AHEAD: usize = 2;
const BUFFER: usize = 64 << 10;
/// What to do where a part cannot be read.
const AGAIN: &str = "send that part again, and complete the upload with it";

/// A part of an upload, where it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadPart {
    /// Under which it is kept, made of randomness: two parts never have the same.
    pub id: Digest,
    /// BLAKE3 of its bytes.
    pub content: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// A part that has come, and is on this machine alone: see [`Lake::receive_part`].
#[derive(Debug)]
pub struct ReceivedPart {
    staged: Staged,
    part: UploadPart,
}

/// The bytes of parts, one behind the other: see [`Lake::read_parts`].
pub struct PartsReader(Pin<Box<dyn Stream<Item = Result<Vec<u8>>> + Send>>);

impl std::fmt::Debug for PartsReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartsReader").finish_non_exhaustive()
    }
}

impl PartsReader {
    /// What comes next; `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a part that was removed; [`ErrorKind::Corrupt`] for one that is damaged; those of the store.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>>> {
        self.0.next().await
    }
}

impl ReceivedPart {
    /// What it is once it is kept.
    pub fn part(&self) -> UploadPart {
        self.part
    }

    /// Keeps it where every process finds it that has the lake's remote, until it is [removed](Lake::remove_part) or eight days old.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn keep(self, lake: &Lake) -> Result<()> {
        let store = lake.store_of_parts();
        offload_method(move || {
            let Self { staged, part } = self;
            match wait(store.create_from(&part.at(), staged.path()))? {
                Created::New | Created::Exists => Ok(()),
            }
        })
        .await?
    }
}

impl UploadPart {
    fn at(&self) -> Location {
        Location::Part(self.id, self.content)
    }
}

impl Lake {
    /// Takes a part of an upload, to its end: its bytes are on this machine until it is [kept](ReceivedPart::keep), and go where it is dropped.
    ///
    /// # Errors
    /// Those of reading and of writing.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// let received = lake.receive_part(datlake::Digest::of(b"32 random bytes"), "x,1\n".as_bytes()).await?;
    /// let part = received.part();
    /// received.keep(&lake).await?;
    /// assert_eq!(lake.read_parts(vec![part, part]).next().await.unwrap()?, b"x,1\n");
    /// lake.remove_part(&part).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn receive_part(&self, id: Digest, reader: impl AsyncRead) -> Result<ReceivedPart> {
        let this = self.clone();
        let begin = move || StagedWriter::new(&this.local_view().scratch()?);
        let (mut writer, mut reader) = (offload(begin).await??.into_async()?, pin!(reader));
        let mut buffer = vec![0; BUFFER];
        loop {
            match reader.read(&mut buffer).await {
                Ok(0) => break,
                Ok(n) => {
                    let written = writer.write_all(&buffer[..n]).await;
                    written.map_err(|e| Error::io("write", "a part of an upload", e))?;
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io("read", "a part of an upload", e)),
            }
        }
        let staged = writer.finish().await?;
        let part = UploadPart { id, content: staged.digest, size: staged.size };
        Ok(ReceivedPart { staged, part })
    }

    /// Reads parts, one behind the other, in little memory.
    pub fn read_parts(&self, parts: Vec<UploadPart>) -> PartsReader {
        let store = self.store_of_parts();
        let pieces = stream::iter(parts.into_iter().flat_map(pieces)).map(move |(part, range)| {
            let store = Arc::clone(&store);
            async move {
                let is_last = range.end == part.size;
                let bytes = offload_method(move || read(&*store, &part, range)).await??;
                Ok::<_, Error>((part, bytes, is_last))
            }
        });
        let mut hasher = blake3::Hasher::new();
        let checked = pieces.buffered(AHEAD).map(move |read| {
            let (part, bytes, is_last) = read?;
            hasher.update(&bytes);
            if is_last {
                let found = Digest::from_bytes(*hasher.finalize().as_bytes());
                hasher.reset();
                if found != part.content {
                    let message = format!("`{}` is damaged: its bytes are others than its name says", part.at().path());
                    return Err(Error::new(ErrorKind::Corrupt, message).with_hint(AGAIN));
                }
            }
            Ok(bytes)
        });
        PartsReader(Box::pin(checked))
    }

    /// Removes a part, if it is there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remove_part(&self, part: &UploadPart) -> Result<()> {
        let (store, at) = (self.store_of_parts(), part.at());
        offload_method(move || wait(store.remove(&at)).map(drop)).await?
    }

    fn store_of_parts(&self) -> Arc<dyn Store> {
        let catalog = self.catalog();
        Arc::clone(catalog.remote.as_ref().unwrap_or(&catalog.local))
    }
}

/// What is read of a part at a time.
fn pieces(part: UploadPart) -> impl Iterator<Item = (UploadPart, Range<u64>)> {
    let count = part.size.div_ceil(PIECE).max(1);
    (0..count).map(move |at| (part, at * PIECE..part.size.min((at + 1) * PIECE)))
}

fn read(store: &dyn Store, part: &UploadPart, range: Range<u64>) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(range.end - range.start).unwrap_or(0));
    match wait(store.fetch(&part.at(), range, &mut bytes))? {
        Some(_) => Ok(bytes),
        None => {
            let message = format!("`{}` is there no more", part.at().path());
            Err(Error::new(ErrorKind::NotFound, message).with_hint(AGAIN))
        }
    }
}
