//! Uploads in parts: kept in a folder of the server until they are completed, given up, or a week old.
//!
//! A part is a file named by its number and the digest of its content, so that one that is sent again replaces none that was listed. What an
//! upload became stays under its id, so that a reply that was lost can be asked for again.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use datlake::Digest;
use futures_util::{Stream, StreamExt as _};
use s3s::{S3Error, S3ErrorCode, S3Result};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWriteExt as _};
use tokio_util::io::{ReaderStream, StreamReader};

/// So long an upload is kept that nobody completes.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
const ABOUT: &str = "upload.json";
const DONE: &str = "done.json";

/// The uploads in parts of a server.
#[derive(Clone)]
pub(super) struct Parts(PathBuf);

/// What an upload is to become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) account: String,
    pub(super) repository: String,
    pub(super) key: String,
    pub(super) content_type: Option<String>,
    pub(super) metadata: Vec<(String, String)>,
}

impl Parts {
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.join("uploads"))
    }

    /// Begins an upload: its id.
    pub(super) async fn begin(&self, about: &About) -> S3Result<String> {
        self.clean().await;
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(|e| failed(&e))?;
        let id: String = random.iter().map(|b| format!("{b:02x}")).collect();
        let folder = self.0.join(&id);
        tokio::fs::create_dir_all(&folder).await.map_err(|e| failed(&e))?;
        write(&folder, ABOUT, about).await?;
        Ok(id)
    }

    /// What the upload `id` is to become, where it is of that account, repository and key.
    pub(super) async fn about(&self, id: &str, account: &str, repository: &str, key: &str) -> S3Result<About> {
        let about: About = read(&self.folder(id)?, ABOUT).await?.ok_or_else(no_upload)?;
        let is_it = about.account == account && about.repository == repository && about.key == key;
        is_it.then_some(about).ok_or_else(no_upload)
    }

    /// Keeps a part: the digest of its content.
    pub(super) async fn put(
        &self,
        id: &str,
        number: i32,
        body: impl Stream<Item = io::Result<bytes::Bytes>> + Send,
    ) -> S3Result<Digest> {
        let folder = self.folder(id)?;
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(|e| failed(&e))?;
        let unfinished = folder.join(format!(".{}", random.iter().map(|b| format!("{b:02x}")).collect::<String>()));
        let written = written(&unfinished, body).await;
        let digest = match written {
            Ok(digest) => digest,
            Err(error) => {
                let _ = tokio::fs::remove_file(&unfinished).await;
                return Err(error);
            }
        };
        tokio::fs::rename(&unfinished, folder.join(part_name(number, &digest))).await.map_err(|e| failed(&e))?;
        Ok(digest)
    }

    /// The content of the parts that are listed, one behind the other, of at most so many bytes.
    pub(super) async fn whole(
        &self,
        id: &str,
        listed: &[(i32, String)],
        most: u64,
    ) -> S3Result<impl AsyncRead + Send + use<>> {
        let (folder, mut size) = (self.folder(id)?, 0_u64);
        let mut files = Vec::new();
        for (at, (number, tag)) in listed.iter().enumerate() {
            if at > 0 && listed[at - 1].0 >= *number {
                return Err(S3Error::with_message(
                    S3ErrorCode::InvalidPartOrder,
                    "parts are listed by their numbers, each once",
                ));
            }
            let digest = tag.strip_suffix("-1").unwrap_or(tag).parse::<Digest>();
            let missing =
                || S3Error::with_message(S3ErrorCode::InvalidPart, format!("there is no part {number} with that ETag"));
            let file = folder.join(part_name(*number, &digest.map_err(|_| missing())?));
            size = match tokio::fs::metadata(&file).await {
                Ok(there) => size.saturating_add(there.len()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
                Err(error) => return Err(failed(&error)),
            };
            if size > most {
                return Err(too_large());
            }
            files.push(file);
        }
        let pieces = futures_util::stream::iter(files).then(|file| async move {
            match tokio::fs::File::open(file).await {
                Ok(file) => ReaderStream::with_capacity(file, 64 << 10).left_stream(),
                Err(error) => futures_util::stream::once(async move { Err(error) }).right_stream(),
            }
        });
        Ok(StreamReader::new(Box::pin(pieces.flatten())))
    }

    /// Notes what an upload became, and removes its parts.
    pub(super) async fn end(&self, id: &str, tag: &str) -> S3Result<()> {
        let folder = self.folder(id)?;
        write(&folder, DONE, &tag).await?;
        let mut entries = tokio::fs::read_dir(&folder).await.map_err(|e| failed(&e))?;
        while let Some(entry) = entries.next_entry().await.map_err(|e| failed(&e))? {
            if entry.file_name() != DONE && entry.file_name() != ABOUT {
                let _ = tokio::fs::remove_file(entry.path()).await;
            }
        }
        Ok(())
    }

    /// What an upload became, if it was completed.
    pub(super) async fn done(&self, id: &str) -> S3Result<Option<String>> {
        read(&self.folder(id)?, DONE).await
    }

    /// Gives an upload up.
    pub(super) async fn abort(&self, id: &str) -> S3Result<()> {
        tokio::fs::remove_dir_all(self.folder(id)?).await.map_err(|e| failed(&e))
    }

    fn folder(&self, id: &str) -> S3Result<PathBuf> {
        let is_id = id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if is_id { Ok(self.0.join(id)) } else { Err(no_upload()) }
    }

    /// Removes what is too old. What cannot be looked at stays.
    async fn clean(&self) {
        let Ok(mut entries) = tokio::fs::read_dir(&self.0).await else { return };
        while let Ok(Some(entry)) = entries.next_entry().await {
            let changed = entry.metadata().await.and_then(|metadata| metadata.modified());
            if changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT)) {
                let _ = tokio::fs::remove_dir_all(entry.path()).await;
            }
        }
    }
}

fn part_name(number: i32, digest: &Digest) -> String {
    format!("{number}-{digest}")
}

async fn written(file: &Path, body: impl Stream<Item = io::Result<bytes::Bytes>> + Send) -> S3Result<Digest> {
    let mut out = match tokio::fs::File::create(file).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(no_upload()),
        out => out.map_err(|e| failed(&e))?,
    };
    let (mut hasher, mut body) = (blake3::Hasher::new(), std::pin::pin!(body));
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|e| bad_body(&e))?;
        hasher.update(&piece);
        out.write_all(&piece).await.map_err(|e| failed(&e))?;
    }
    out.flush().await.map_err(|e| failed(&e))?;
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

/// The error of a body that cannot be read to its end.
pub(super) fn bad_body(error: &io::Error) -> S3Error {
    match error.kind() {
        io::ErrorKind::InvalidData => S3Error::with_message(S3ErrorCode::BadDigest, super::checked::MISMATCH),
        io::ErrorKind::FileTooLarge => too_large(),
        _ => S3Error::with_message(S3ErrorCode::IncompleteBody, "the body ended early: nothing was put"),
    }
}

fn too_large() -> S3Error {
    S3Error::with_message(S3ErrorCode::EntityTooLarge, "the object is larger than this server takes")
}

async fn write<T: Serialize>(folder: &Path, name: &str, value: &T) -> S3Result<()> {
    let bytes = serde_json::to_vec(value).map_err(|e| failed(&e))?;
    tokio::fs::write(folder.join(name), bytes).await.map_err(|e| failed(&e))
}

async fn read<T: for<'de> Deserialize<'de>>(folder: &Path, name: &str) -> S3Result<Option<T>> {
    match tokio::fs::read(folder.join(name)).await {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| failed(&e)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

fn no_upload() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchUpload, "there is no such upload, or it was given up")
}

fn failed(error: &dyn std::fmt::Display) -> S3Error {
    tracing::error!(%error, "an upload in parts failed");
    S3Error::with_message(S3ErrorCode::InternalError, "the server failed; its log says why")
}
