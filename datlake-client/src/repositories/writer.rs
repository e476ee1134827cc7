//! An object that is written: kept here until it is closed, and there all at once then.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Seek as _, SeekFrom, Write};

use datlake_core::{Error, ErrorKind, Result};
use serde_json::json;
use tempfile::SpooledTempFile;
use ureq::SendBody;
use ureq::http::Method;

use super::branch::Branch;
use super::http::{Asked, Connection};
use super::object::ObjectInfo;
use super::wire::{StagingLocation, Stat};

/// So much is in memory; what is more is in a temporary file.
const IN_MEMORY: usize = 8 << 20;

/// An object that is [written](Write). It is there when it was [closed](ObjectWriter::close), all at once; where it is dropped before,
/// nothing is. As Python's modes `w` and `wb`.
pub struct ObjectWriter {
    upload: Sending,
    written: Option<SpooledTempFile>,
}

/// Where an object goes, and what is noted beside it.
#[derive(Clone, Debug)]
struct Sending {
    branch: Branch,
    path: String,
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
    pre_signed: bool,
}

impl Branch {
    /// Puts `data` at `path`, through the server.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where there is no such branch; as [`Client::configuration`](super::Client::configuration).
    pub fn upload(&self, data: impl AsRef<[u8]>, path: &str) -> Result<ObjectInfo> {
        let data = data.as_ref();
        self.sending(path, false).send(&mut &*data, Some(data.len() as u64))
    }

    /// Puts what `reader` gives at `path`, through the server.
    ///
    /// # Errors
    /// Those of reading, then nothing is put; as [`Branch::upload`].
    pub fn upload_reader(&self, reader: &mut dyn Read, path: &str) -> Result<ObjectInfo> {
        self.sending(path, false).send(reader, None)
    }

    /// An object that is written to, and is at `path` once it is [closed](ObjectWriter::close). With `pre_signed` it goes to the store
    /// itself, without it through the server; where neither is said, to the store if it gives out presigned URLs.
    ///
    /// # Errors
    /// As [`Client::configuration`](super::Client::configuration).
    pub fn create_object(&self, path: &str, pre_signed: Option<bool>) -> Result<ObjectWriter> {
        Ok(ObjectWriter::new(self.sending(path, self.pre_signed(pre_signed)?)))
    }

    /// Puts what is at `from_path` of the reference `from` at `path`. No content is sent.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound); as [`Branch::upload`].
    pub fn copy_object(&self, from: &str, from_path: &str, path: &str) -> Result<ObjectInfo> {
        let copy = json!({ "src_ref": from, "src_path": from_path });
        let asked = self.at(&["objects", "copy"]).with("dest_path", path);
        let stat: Stat = self.client().connection()?.send(Method::POST, asked, &copy)?;
        Ok(ObjectInfo::new(self, stat))
    }

    fn sending(&self, path: &str, pre_signed: bool) -> Sending {
        let (content_type, metadata) = Default::default();
        Sending { branch: self.clone(), path: path.to_owned(), content_type, metadata, pre_signed }
    }
}

impl ObjectWriter {
    fn new(upload: Sending) -> Self {
        Self { upload, written: Some(SpooledTempFile::new(IN_MEMORY)) }
    }

    /// Notes its media type.
    #[must_use]
    pub fn content_type(mut self, kind: impl Into<String>) -> Self {
        self.upload.content_type = Some(kind.into());
        self
    }

    /// Notes something beside its content.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.upload.metadata.insert(key.into(), value.into());
        self
    }

    /// Puts what was written. It is closed then, and takes nothing more, also where this fails.
    ///
    /// # Errors
    /// [`Context`](ErrorKind::Context) where it was closed before; as [`Branch::upload`].
    pub fn close(&mut self) -> Result<ObjectInfo> {
        let Some(mut written) = self.written.take() else {
            return Err(Error::new(ErrorKind::Context, closed(&self.upload.path)));
        };
        let failed = |e| Error::io("read what was written to", &self.upload.path, e);
        let size = written.stream_position().map_err(failed)?;
        written.seek(SeekFrom::Start(0)).map_err(failed)?;
        self.upload.send(&mut written, Some(size))
    }
}

fn closed(path: &str) -> String {
    format!("`{path}` was closed, and what was written to it is there: it takes nothing more")
}

impl Sending {
    /// Puts what `content` gives.
    fn send(&self, content: &mut dyn Read, size: Option<u64>) -> Result<ObjectInfo> {
        let connection = self.branch.client().connection()?;
        let stat = match (self.pre_signed, size) {
            (false, _) => self.through_server(connection, content, size)?,
            (true, Some(size)) => self.to_store(connection, content, size)?,
            (true, None) => {
                // A store has to know how much comes.
                let mut whole = SpooledTempFile::new(IN_MEMORY);
                let failed = |e| Error::io("read what is to be put at", &self.path, e);
                let size = io::copy(content, &mut whole).map_err(failed)?;
                whole.seek(SeekFrom::Start(0)).map_err(failed)?;
                self.to_store(connection, &mut whole, size)?
            }
        };
        Ok(ObjectInfo::new(&self.branch, stat))
    }

    fn through_server(&self, connection: &Connection, mut content: &mut dyn Read, size: Option<u64>) -> Result<Stat> {
        let kind = self.content_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned());
        let notes = self.metadata.iter().map(|(key, value)| (format!("x-lakefs-meta-{key}"), value.clone()));
        let notes: Vec<(String, String)> = notes.collect();
        let mut headers = vec![("Content-Type", kind)];
        headers.extend(size.map(|size| ("Content-Length", size.to_string())));
        headers.extend(notes.iter().map(|(key, value)| (key.as_str(), value.clone())));
        let asked = self.at(&["objects"]);
        let response = connection.ask(Method::POST, asked, &headers, SendBody::from_reader(&mut content))?;
        connection.read(response)
    }

    /// An address is asked for, the content put there, and the object made of it.
    fn to_store(&self, connection: &Connection, mut content: &mut dyn Read, size: u64) -> Result<Stat> {
        let place: StagingLocation = connection.get(self.at(&["staging", "backing"]).with("presign", true))?;
        let Some(url) = &place.presigned_url else {
            return Err(Error::new(ErrorKind::Unsupported, "the server gives out no presigned URL to write to"));
        };
        let mut headers = vec![("Content-Length", size.to_string())];
        headers.extend(self.content_type.iter().map(|kind| ("Content-Type", kind.clone())));
        if self.branch.client().configuration()?.storage_config().blockstore_type() == "azure" {
            headers.push(("x-ms-blob-type", "BlockBlob".to_owned()));
        }
        let put = connection.ask_store(Method::PUT, url, &headers, SendBody::from_reader(&mut content))?;
        let tag = put.headers().get("ETag").and_then(|tag| tag.to_str().ok()).unwrap_or_default();
        let link = json!({
            "staging": place, "checksum": tag.trim_matches('"'), "size_bytes": size,
            "user_metadata": self.metadata, "content_type": self.content_type,
        });
        connection.send(Method::PUT, self.at(&["staging", "backing"]), &link)
    }

    fn at(&self, rest: &[&str]) -> Asked {
        self.branch.at(rest).with("path", &self.path)
    }
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.written {
            Some(written) => written.write(bytes),
            None => Err(io::Error::other(closed(&self.upload.path))),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for ObjectWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectWriter").field("path", &self.upload.path).finish_non_exhaustive()
    }
}
