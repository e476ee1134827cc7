//! Reading a blob: from the file here, or in ranges from where it is.

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use datlake_core::Result;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, ReadBuf};

use crate::dir::share;
use crate::runtime;

const BUFFER: usize = 64 << 10;
/// The most that an asynchronous reader hands to its thread at a time.
const LARGEST: usize = 2 << 20;
/// The least that one request fetches.
const AHEAD: u64 = 256 << 10;
/// The most read-ahead of sequential reads.
const FARTHEST: u64 = 8 << 20;

/// Content that is elsewhere, as a [`Reader`] asks for it.
pub trait Ranges: Send + Sync {
    /// Its size in bytes.
    fn size(&self) -> u64;

    /// Whether the code that reads now may get bytes of a range, which nobody has verified.
    fn may_be_ranges(&self) -> bool;

    /// Whether the whole is verified, and kept: then a read from the beginning fetches all of it.
    fn keeps_whole(&self) -> bool;

    /// The bytes of a range within it; `None` where the whole should be opened instead.
    fn range(&self, range: Range<u64>) -> Result<Option<Vec<u8>>>;

    /// Opens the whole, verified.
    fn whole(&self) -> Result<Reader>;

    /// The next range is asked for on another thread, for the code that runs now.
    fn carry(&mut self);
}

/// A file's content: `Read + BufRead + Seek`. What is on this machine stays readable when the file is removed from the lake
/// meanwhile; what comes as it is read needs the remote until then.
///
/// Large content that is only at the remote is fetched as it is read. Reading from the beginning fetches all of it first,
/// verified; seeking first fetches ranges, with some read-ahead, until half of it was fetched: then the whole is fetched,
/// verified, and kept. The size of a range is checked, its bytes are not. A body that reads what was opened
/// outside gets the whole at once, verified.
#[derive(Debug)]
pub struct Reader(Inner);

#[derive(Debug)]
enum Inner {
    Here(BufReader<File>),
    /// What is small, and rests among others.
    Bytes(io::Cursor<Vec<u8>>),
    Away(Box<Away>),
}

impl Reader {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self::from)
    }

    /// Reads content that is elsewhere.
    pub fn of(ranges: Box<dyn Ranges>) -> Self {
        Self(Inner::Away(Box::new(Away { ranges, position: 0, start: 0, window: Vec::new(), ahead: AHEAD })))
    }

    /// Lets an empty file have the whole content, where the disk keeps it once for both: whether it does.
    ///
    /// # Errors
    /// Those of reading.
    #[doc(hidden)]
    pub fn share_with(&mut self, file: &File) -> io::Result<bool> {
        self.fill(1)?;
        Ok(matches!(&self.0, Inner::Here(here) if share(here.get_ref(), file)))
    }

    /// Whether the code that reads now may get what came before.
    fn is_right(&self) -> bool {
        match &self.0 {
            Inner::Here(_) | Inner::Bytes(_) => true,
            Inner::Away(away) => away.ranges.may_be_ranges(),
        }
    }

    /// Makes sure that there is something to read, if anything is left: up to `wanted` bytes.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        if let Inner::Away(away) = &mut self.0
            && let Some(whole) = away.fill(wanted as u64)?
        {
            *self = whole;
        }
        Ok(())
    }
}

impl From<File> for Reader {
    fn from(file: File) -> Self {
        Self(Inner::Here(BufReader::with_capacity(BUFFER, file)))
    }
}

/// Content that was read already.
impl From<Vec<u8>> for Reader {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Inner::Bytes(io::Cursor::new(bytes)))
    }
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.fill(buf.len())?;
        match &mut self.0 {
            Inner::Here(file) => file.read(buf),
            Inner::Bytes(bytes) => bytes.read(buf),
            Inner::Away(away) => {
                let read = away.rest().read(buf)?;
                away.position += read as u64;
                Ok(read)
            }
        }
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        let before = buf.len();
        loop {
            self.fill(usize::MAX)?;
            match &mut self.0 {
                Inner::Here(file) => return file.read_to_end(buf).map(|_| buf.len() - before),
                Inner::Bytes(bytes) => return bytes.read_to_end(buf).map(|_| buf.len() - before),
                Inner::Away(away) if away.rest().is_empty() => return Ok(buf.len() - before),
                Inner::Away(away) => {
                    buf.extend_from_slice(away.rest());
                    away.position = away.end();
                }
            }
        }
    }

    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        if let Inner::Here(file) = &mut self.0 {
            return file.read_to_string(buf);
        }
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        buf.push_str(std::str::from_utf8(&bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?);
        Ok(bytes.len())
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill(1)?;
        match &mut self.0 {
            Inner::Here(file) => file.fill_buf(),
            Inner::Bytes(bytes) => bytes.fill_buf(),
            Inner::Away(away) => Ok(away.rest()),
        }
    }

    fn consume(&mut self, amount: usize) {
        match &mut self.0 {
            Inner::Here(file) => file.consume(amount),
            Inner::Bytes(bytes) => bytes.consume(amount),
            Inner::Away(away) => away.position += amount as u64,
        }
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let away = match &mut self.0 {
            Inner::Here(file) => return file.seek(to),
            Inner::Bytes(bytes) => return bytes.seek(to),
            Inner::Away(away) => away,
        };
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => away.ranges.size().checked_add_signed(by),
            SeekFrom::Current(by) => away.position.checked_add_signed(by),
        };
        away.position = position.ok_or_else(before_the_start)?;
        Ok(away.position)
    }
}

fn before_the_start() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "cannot seek to before the start, or so far beyond the end")
}

/// A reader of what is elsewhere.
struct Away {
    ranges: Box<dyn Ranges>,
    position: u64,
    /// Where the window begins.
    start: u64,
    /// What came last.
    window: Vec<u8>,
    /// How much to fetch next, where less is wanted.
    ahead: u64,
}

impl fmt::Debug for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Away").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Away {
    fn end(&self) -> u64 {
        self.start + self.window.len() as u64
    }

    /// What of the window is not read yet.
    fn rest(&self) -> &[u8] {
        let read = self.position.checked_sub(self.start).and_then(|read| usize::try_from(read).ok());
        read.and_then(|read| self.window.get(read..)).unwrap_or_default()
    }

    /// Moves the window to the position, unless it is there; or opens the whole, at the position.
    fn fill(&mut self, wanted: u64) -> io::Result<Option<Reader>> {
        let size = self.ranges.size();
        if self.position >= size {
            return Ok(None);
        }
        // Asked each time: another may read now, who must not get what came for the one before.
        let ranges = self.ranges.may_be_ranges();
        if ranges && !self.rest().is_empty() {
            return Ok(None);
        }
        // A read from the beginning probably reads all of it.
        if ranges && !(self.ranges.keeps_whole() && self.window.is_empty() && self.position == 0) {
            let reads_on = !self.window.is_empty() && self.position == self.end();
            self.ahead = if reads_on { (self.ahead * 2).min(FARTHEST) } else { AHEAD };
            // At the end there may be a footer, which is read backwards.
            let start = self.position.min(size.saturating_sub(self.ahead));
            let end = self.position.saturating_add(wanted.max(self.ahead)).min(size);
            if let Some(window) = self.ranges.range(start..end)? {
                (self.start, self.window) = (start, window);
                return Ok(None);
            }
        }
        let mut whole = self.ranges.whole()?;
        whole.seek(SeekFrom::Start(self.position))?;
        Ok(Some(whole))
    }
}

/// A file's content with tokio's traits: `AsyncRead + AsyncBufRead + AsyncSeek`, on any executor. See [`Reader`].
#[derive(Debug)]
pub struct AsyncReader {
    state: State,
    /// The first `read` bytes of it are what was read, and those from `given` on are not handed out yet.
    chunk: Vec<u8>,
    read: usize,
    given: usize,
}

enum State {
    Idle(Reader),
    /// The reader is on another thread; whether it fills the chunk there, or seeks.
    Busy {
        job: Job,
        fills: bool,
    },
    /// That thread has ended with it.
    Lost,
}

type Job = Pin<Box<dyn Future<Output = Result<(Reader, Vec<u8>, io::Result<u64>)>> + Send + Sync>>;

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle(_) => "Idle",
            Self::Busy { .. } => "Busy",
            Self::Lost => "Lost",
        })
    }
}

impl AsyncReader {
    /// The asynchronous twin of `reader`, at the same position.
    pub fn new(reader: Reader) -> Self {
        Self { state: State::Idle(reader), chunk: Vec::new(), read: 0, given: 0 }
    }

    fn is_right(&self) -> bool {
        !matches!(&self.state, State::Idle(reader) if !reader.is_right())
    }

    fn rest(&self) -> &[u8] {
        self.chunk.get(self.given..self.read).unwrap_or_default()
    }

    /// Begins `work` on another thread, with the reader and the chunk, of which nothing counts any more.
    fn start<F>(&mut self, fills: bool, work: F)
    where
        F: FnOnce(&mut Reader, &mut Vec<u8>) -> io::Result<u64> + Send + Sync + 'static,
    {
        self.state = match std::mem::replace(&mut self.state, State::Lost) {
            State::Idle(mut reader) => {
                if let Inner::Away(away) = &mut reader.0 {
                    away.ranges.carry();
                }
                let mut chunk = std::mem::take(&mut self.chunk);
                (self.read, self.given) = (0, 0);
                let work = move || {
                    let done = work(&mut reader, &mut chunk);
                    (reader, chunk, done)
                };
                State::Busy { job: Box::pin(runtime::offload(work)), fills }
            }
            other => other,
        };
    }

    /// Waits for what was begun: what it gave, and whether it filled the chunk; `None` where nothing was.
    fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<(u64, bool)>>> {
        let (done, fills) = match &mut self.state {
            State::Idle(_) => return Poll::Ready(Ok(None)),
            State::Lost => return Poll::Ready(Err(io::Error::other("the thread that read this file has ended"))),
            State::Busy { job, fills } => (ready!(job.as_mut().poll(cx)), *fills),
        };
        self.state = State::Lost;
        let (reader, chunk, done) = done?;
        (self.state, self.chunk) = (State::Idle(reader), chunk);
        if let (Ok(read), true) = (&done, fills) {
            self.read = usize::try_from(*read).unwrap_or(usize::MAX);
        }
        Poll::Ready(done.map(|value| Some((value, fills))))
    }

    /// Makes sure that there is something to hand out, if anything is left.
    fn poll_fill(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<()>> {
        while self.rest().is_empty() || !self.is_right() {
            let unread = i64::try_from(self.rest().len()).unwrap_or(i64::MAX);
            match ready!(self.poll_done(cx))? {
                Some((_, true)) if self.rest().is_empty() => break,
                Some(_) => {}
                None => self.start(true, move |reader, chunk| {
                    if unread > 0 {
                        // It must not be handed out, and is read again.
                        reader.seek(SeekFrom::Current(-unread))?;
                    }
                    let wanted = wanted.clamp(BUFFER, LARGEST);
                    if chunk.len() < wanted {
                        *chunk = vec![0; wanted];
                    }
                    reader.read(chunk).map(|read| read as u64)
                }),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for AsyncReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_fill(cx, buf.remaining()))?;
        let read = self.rest().len().min(buf.remaining());
        buf.put_slice(&self.rest()[..read]);
        self.given += read;
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for AsyncReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_fill(cx, BUFFER))?;
        Poll::Ready(Ok(this.rest()))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        self.given += amount;
    }
}

impl AsyncSeek for AsyncReader {
    fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        if !matches!(self.state, State::Idle(_)) {
            return Err(io::Error::other("this file is being read or sought in; wait for that first"));
        }
        let to = match to {
            // The reader is ahead by the chunk.
            SeekFrom::Current(by) => {
                let ahead = i64::try_from(self.rest().len()).unwrap_or(i64::MAX);
                SeekFrom::Current(by.checked_sub(ahead).ok_or_else(before_the_start)?)
            }
            to => to,
        };
        self.start(false, move |reader, _| reader.seek(to));
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let done = ready!(self.poll_done(cx))?;
        Poll::Ready(Ok(done.map_or(0, |(position, _)| position)))
    }
}
