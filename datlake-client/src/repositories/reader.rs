//! An object that is read: from where one seeks to, as it comes.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use datlake_core::{Error, ErrorKind, Result};
use ureq::http::{Method, StatusCode};
use ureq::{BodyReader, SendBody};

use super::http::repeated;
use super::reference::Reference;

/// How often what breaks off is asked for again, before anything more of it came.
const AGAIN: u32 = 2;

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
        // What lies where there are no such URLs comes through the server.
        let url = (pre_signed && stat.physical_address_expiry.is_some()).then_some(stat.physical_address);
        Ok(ObjectReader::new(self, path, size, stat.checksum, url))
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

    /// Its content from here on. Where a presigned URL is refused, which ends by itself, another one is asked for.
    fn rest(&mut self) -> Result<BodyReader<'static>> {
        match repeated(|| self.body_at(self.position)) {
            Err(error) if self.url.is_some() && matches!(error.kind(), ErrorKind::Denied | ErrorKind::InvalidInput) => {
                let stat = self.at.stat(&self.path, true)?;
                if stat.checksum != self.checksum {
                    return Err(self.replaced());
                }
                self.url = Some(stat.physical_address);
                repeated(|| self.body_at(self.position))
            }
            body => body,
        }
    }

    fn body_at(&self, position: u64) -> Result<BodyReader<'static>> {
        let headers = match position {
            0 => Vec::new(),
            position => vec![("Range", format!("bytes={position}-"))],
        };
        let connection = self.at.client().connection()?;
        let response = match &self.url {
            Some(url) => connection.ask_store(Method::GET, url, &headers, SendBody::none())?,
            None => connection.ask(Method::GET, self.at.object_at(&self.path), &headers, SendBody::none())?,
        };
        if position > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            let message = format!("`{}` cannot be read from byte {position} on: no ranges", self.path);
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        // What the store has by a digest never changes, and has other tags there.
        let tag = response.headers().get("ETag").and_then(|tag| tag.to_str().ok()).map(|tag| tag.trim_matches('"'));
        if self.url.is_none() && tag.is_some_and(|tag| tag != self.checksum) {
            return Err(self.replaced());
        }
        Ok(response.into_body().into_with_config().limit(u64::MAX).reader())
    }

    fn replaced(&self) -> Error {
        let message = format!("`{}` was replaced since it was opened", self.path);
        Error::new(ErrorKind::Conflict, message).with_hint("open it again, or open it at a commit")
    }

    /// Some of what comes next.
    fn some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.body.is_none() {
            self.body = Some(self.rest().map_err(io::Error::other)?);
        }
        match self.body.as_mut().map_or(Ok(0), |body| body.read(buffer)) {
            Ok(0) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("`{}` ended after {} of {} bytes", self.path, self.position, self.size),
            )),
            read => read,
        }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let mut broke = 0;
        loop {
            match self.some(buffer) {
                Ok(count) => {
                    self.position += count as u64;
                    return Ok(count);
                }
                // What broke off goes on at the byte where it did; what cannot be opened was tried often enough.
                Err(error) => {
                    if self.body.take().is_none() || broke == AGAIN {
                        return Err(error);
                    }
                    broke += 1;
                }
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
