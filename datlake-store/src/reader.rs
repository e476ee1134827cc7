//! Reading a blob that is on this machine.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, ReadBuf};

use crate::runtime;

const BUFFER: usize = 64 << 10;

/// A file's content: `Read + BufRead + Seek`. It stays readable when the file is removed from the lake meanwhile.
#[derive(Debug)]
pub struct Reader(BufReader<std::fs::File>);

impl Reader {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        std::fs::File::open(path).map(Self::from)
    }
}

impl From<std::fs::File> for Reader {
    fn from(file: std::fs::File) -> Self {
        Self(BufReader::with_capacity(BUFFER, file))
    }
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        self.0.read_to_end(buf)
    }

    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        self.0.read_to_string(buf)
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

impl Seek for Reader {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        self.0.seek(pos)
    }
}

/// A file's content with tokio's traits: `AsyncRead + AsyncBufRead + AsyncSeek`, on any executor.
#[derive(Debug)]
pub struct AsyncReader(tokio::io::BufReader<tokio::fs::File>);

impl AsyncReader {
    /// The asynchronous twin of `reader`, at the same position.
    pub fn new(reader: Reader) -> io::Result<Self> {
        let mut inner = reader.0;
        inner.stream_position().and_then(|at| inner.seek(SeekFrom::Start(at)))?;
        Ok(Self(tokio::io::BufReader::with_capacity(BUFFER, tokio::fs::File::from_std(inner.into_inner()))))
    }
}

impl AsyncRead for AsyncReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let _inside = runtime::enter()?;
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncBufRead for AsyncReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let _inside = runtime::enter()?;
        Pin::new(&mut self.get_mut().0).poll_fill_buf(cx)
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        Pin::new(&mut self.0).consume(amount);
    }
}

impl AsyncSeek for AsyncReader {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let _inside = runtime::enter()?;
        Pin::new(&mut self.0).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let _inside = runtime::enter()?;
        Pin::new(&mut self.0).poll_complete(cx)
    }
}
