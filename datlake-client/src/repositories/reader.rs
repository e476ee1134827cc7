//! An object that is read: from where one seeks to, as it comes.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use datlake_core::{Error, ErrorKind, Result};
use ureq::http::{Method, StatusCode};
use ureq::{BodyReader, SendBody};

use super::reference::Reference;

/// An object that is [read](Read) and [sought](Seek) in. Nothing is asked for before it is read; what it is does not change while it is read,
/// and where it did, reading fails.
pub struct ObjectReader {
    at: Reference,
    path: String,
    size: u64,
    checksum: String,
    /// Where the store has it; it ends.
    url: Option<String>,
    position: u64,
    body: Option<BodyReader<'static>>,
}

impl Reference {
    /// Opens the object at `path`, to be read and sought in: as Python's modes `rb`, and `r` by
    /// [`read_to_string`](std::io::Read::read_to_string). With `pre_signed` it comes from the store itself, without it through the server;
    /// where neither is said, from the store if it gives out presigned URLs.
    ///
    /// # Errors
    /// As [`Reference::download`]; [`InvalidInput`](ErrorKind::InvalidInput) where there are no presigned URLs.
    pub fn open(&self, path: &str, pre_signed: Option<bool>) -> Result<ObjectReader> {
        let pre_signed = self.pre_signed(pre_signed)?;
        let stat = self.stat(path, pre_signed)?;
        let size = stat.size_bytes.ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("the server does not say what size `{path}` has"))
        })?;
        Ok(ObjectReader::new(self, path, size, stat.checksum, pre_signed.then_some(stat.physical_address)))
    }
}

impl ObjectReader {
    fn new(at: &Reference, path: &str, size: u64, checksum: String, url: Option<String>) -> Self {
        Self { at: at.clone(), path: path.to_owned(), size, checksum, url, position: 0, body: None }
    }

    /// How many bytes the object has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its content from here on.
    fn rest(&self) -> Result<BodyReader<'static>> {
        let headers = match self.position {
            0 => Vec::new(),
            position => vec![("Range", format!("bytes={position}-"))],
        };
        let connection = self.at.client().connection()?;
        let response = match &self.url {
            Some(url) => connection.ask_store(Method::GET, url, &headers, SendBody::none())?,
            None => connection.ask(Method::GET, self.at.object_at(&self.path), &headers, SendBody::none())?,
        };
        if self.position > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            let message = format!("`{}` cannot be read from byte {} on: no ranges", self.path, self.position);
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        // What the store has by a digest never changes, and has other tags there.
        let tag = response.headers().get("ETag").and_then(|tag| tag.to_str().ok()).map(|tag| tag.trim_matches('"'));
        if self.url.is_none() && tag.is_some_and(|tag| tag != self.checksum) {
            let message = format!("`{}` was replaced since it was opened", self.path);
            return Err(Error::new(ErrorKind::Conflict, message).with_hint("open it again, or open it at a commit"));
        }
        Ok(response.into_body().into_with_config().limit(u64::MAX).reader())
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        if self.body.is_none() {
            self.body = Some(self.rest().map_err(io::Error::other)?);
        }
        let read = self.body.as_mut().map_or(Ok(0), |body| body.read(buffer));
        match read {
            Ok(0) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("`{}` ended after {} of {} bytes", self.path, self.position, self.size),
            )),
            Ok(count) => {
                self.position += count as u64;
                Ok(count)
            }
            Err(error) => {
                self.body = None;
                Err(error)
            }
        }
    }
}

impl Seek for ObjectReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(from) => self.size.checked_add_signed(from),
            SeekFrom::Current(from) => self.position.checked_add_signed(from),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        if position != self.position {
            (self.position, self.body) = (position, None);
        }
        Ok(position)
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A presigned URL is a key.
        f.debug_struct("ObjectReader")
            .field("path", &self.path)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
