//! Staging: content on its way into the lake, hashed while it is written to a scratch file.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, BufWriter, Read, Seek as _, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use datlake_core::{Digest, Error, ErrorKind, Result, Subject};
use tokio::io::AsyncWrite;

use crate::adopted::Adopted;
use crate::dir::{Scratch, share};
use crate::hashing::{Hashing, hash_file};
use crate::in_parts;
use crate::maker::Maker;
use crate::runtime;

const BUFFER: usize = 64 << 10;

/// Finished content outside the lake. Dropping it removes it.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    maker: Maker,
    /// Where others wrote it.
    adopted: Option<Adopted>,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl Staged {
    /// Where it is. Nobody may write there.
    pub fn path(&self) -> &Path {
        self.adopted.as_ref().and_then(Adopted::copy).unwrap_or(&self.path)
    }

    /// Where the bytes are that are published: those that were hashed, which nobody can change any more.
    ///
    /// # Errors
    /// [`ErrorKind::Outputs`] where they were changed since.
    pub fn settle(&self) -> Result<&Path> {
        if let Some(adopted) = &self.adopted {
            adopted.settle(&self.path, &self.digest)?;
        }
        Ok(self.path())
    }

    /// Content given as bytes.
    pub fn from_bytes(scratch: &Scratch, bytes: &[u8]) -> Result<Self> {
        let mut writer = StagedWriter::new(scratch)?;
        writer.write_all(bytes)?;
        writer.finish()
    }

    /// A copy of a user's file, which may go on changing; of a pipe, what comes to its end. Where the disk can, it shares the bytes of
    /// a large one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a folder or a device, of which nothing is read, and for a file that changes meanwhile.
    pub fn copy_of(scratch: &Scratch, path: &Path) -> Result<Self> {
        let failed = |e| Error::io("read", path.display(), e);
        let mut file = Source::open(path)?;
        let mut writer = StagedWriter::new(scratch)?;
        if share(&file.file, &writer.hash.inner.get_ref().0) {
            // What is read is what was shared, and not the file.
            let (digest, size) = hash_file(writer.unfinished.path())?;
            file.is_still(size)?;
            return Ok(writer.unfinished.finish(digest, size));
        }
        if file.before.is_file() && in_parts::is_large(file.before.len()) {
            return file.copy_in_parts(writer);
        }
        let mut buffer = vec![0; BUFFER];
        loop {
            match file.file.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => writer.write_all(&buffer[..n])?,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failed(e)),
            }
        }
        let staged = writer.finish()?;
        file.is_still(staged.size)?;
        Ok(staged)
    }

    /// A finished file below this process's own scratch folder, which becomes content when it is [settled](Self::settle).
    ///
    /// # Errors
    /// [`ErrorKind::Outputs`] where there is no regular file at `path`.
    pub fn adopt(path: PathBuf) -> Result<Self> {
        let kind = std::fs::symlink_metadata(&path);
        if !kind.as_ref().is_ok_and(std::fs::Metadata::is_file) {
            let message = format!("`{}` was staged, but there is no file at that path", path.display());
            return Err(Error::new(ErrorKind::Outputs, message));
        }
        let (adopted, digest, size) = Adopted::new(&path)?;
        Ok(Self { path, maker: Maker::this(), adopted: Some(adopted), digest, size })
    }
}

/// What tells whether a file was written to: its size, and when it was last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64, Option<SystemTime>);

impl Stamp {
    /// Of what was found at a path.
    pub fn of(found: &Metadata) -> Self {
        Self(found.len(), found.modified().ok())
    }

    /// Of a file that was not looked at: it has so many bytes.
    pub fn unseen(size: u64) -> Self {
        Self(size, None)
    }

    /// The size in bytes.
    pub fn size(self) -> u64 {
        self.0
    }
}

/// Reads a user's file, which may go on changing, if it is smaller than `limit` bytes. Where it is as it was `found`, it is looked at once
/// more and not twice.
///
/// # Errors
/// As [`Staged::copy_of`].
pub fn read_small(path: &Path, limit: u64, found: Stamp) -> Result<Option<Vec<u8>>> {
    let file = open_found(path)?;
    if found.1.is_some()
        && found.size() < limit
        && let Some(bytes) = read_as_found(path, &file, found)?
    {
        return Ok(Some(bytes));
    }
    let source = Source::of(path, file)?;
    let size = source.before.len();
    if size >= limit || !source.before.is_file() {
        return Ok(None);
    }
    let failed = |e| Error::io("read", path.display(), e);
    // A read that ends before its room does has come to the file's end: of most files it is the only one.
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0) + 1];
    (&source.file).rewind().map_err(failed)?;
    let read = read_once(&source.file, &mut bytes).map_err(failed)?;
    bytes.truncate(read);
    if read as u64 != size {
        (&source.file).take(limit - read as u64).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 == limit {
        return Ok(None);
    }
    source.is_still(bytes.len() as u64)?;
    Ok(Some(bytes))
}

/// The bytes of a file that was `found` so before, and still is when they are read; `None` where it is not.
fn read_as_found(path: &Path, file: &std::fs::File, found: Stamp) -> Result<Option<Vec<u8>>> {
    let failed = |e| Error::io("read", path.display(), e);
    let mut bytes = vec![0; usize::try_from(found.size()).unwrap_or(0) + 1];
    let read = read_once(file, &mut bytes).map_err(failed)?;
    bytes.truncate(read);
    let now = file.metadata().map_err(failed)?;
    let is_same = now.is_file() && Stamp::of(&now) == found && read as u64 == found.size();
    Ok(is_same.then_some(bytes))
}

/// Opens what was found to be a regular file a moment ago. Should a pipe be in its place by now, nobody waits for its writer.
fn open_found(path: &Path) -> Result<std::fs::File> {
    let failed = |e| Error::io("read", path.display(), e);
    let flags = rustix::fs::OFlags::NONBLOCK.union(rustix::fs::OFlags::NOCTTY).bits();
    match OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path) {
        // Somebody has a lease of it, as file servers do for their clients: they get the time to give it back.
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Source::open(path).map(|source| source.file),
        file => file.map_err(failed),
    }
}

fn read_once(mut file: &std::fs::File, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(bytes) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// A user's file that is being read.
struct Source<'a> {
    path: &'a Path,
    file: std::fs::File,
    before: Metadata,
}

impl<'a> Source<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let failed = |e| Error::io("read", path.display(), e);
        // Before it is opened, for that may do something to a device.
        is_readable(path, &std::fs::metadata(path).map_err(failed)?)?;
        Self::of(path, std::fs::File::open(path).map_err(failed)?)
    }

    fn of(path: &'a Path, file: std::fs::File) -> Result<Self> {
        let before = file.metadata().map_err(|e| Error::io("read", path.display(), e))?;
        is_readable(path, &before)?;
        Ok(Self { path, file, before })
    }

    /// Copies a large file into `writer`, which nothing was written to yet, and hashes it, with several threads.
    fn copy_in_parts(&self, writer: StagedWriter) -> Result<Staged> {
        let failed = |e| Error::io("read", self.path.display(), e);
        let (to, unfinished) = (&writer.hash.inner.get_ref().0, &writer.unfinished);
        let size = self.before.len();
        let copy = |range: Range<u64>, bytes: &mut [u8]| {
            match self.file.read_exact_at(bytes, range.start) {
                // It was cut short.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                    self.is_still(range.start)?;
                    Err(failed(e))
                }
                read => read.map_err(failed),
            }?;
            to.write_all_at(bytes, range.start).map_err(|e| Error::io("write", unfinished.path().display(), e))
        };
        let digest = in_parts::digest(size, copy)?;
        self.is_still(size)?;
        Ok(writer.unfinished.finish(digest, size))
    }

    /// Makes sure that the `read` bytes are the file as it is now, and as it was.
    fn is_still(&self, read: u64) -> Result<()> {
        let after = self.file.metadata().map_err(|e| Error::io("read", self.path.display(), e))?;
        let is_same = Stamp::of(&self.before) == Stamp::of(&after) && read == self.before.len();
        if !is_same && self.before.is_file() && !is_made_by_reading(&self.file) {
            let path = self.path.display();
            let message = format!("cannot add `{path}`: it changed while it was read; try again when it is finished");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(())
    }
}

/// Refuses what a path leads to that has no end, or no bytes of its own.
fn is_readable(path: &Path, found: &Metadata) -> Result<()> {
    let refused = |why: &str| {
        let error = Error::new(ErrorKind::InvalidInput, format!("cannot add `{}` as a file: {why}", path.display()));
        Err(error.about(Subject::Path(path.to_owned())))
    };
    let kind = found.file_type();
    if kind.is_dir() {
        return refused("it is a folder; add it as a tree");
    }
    if kind.is_char_device() || kind.is_block_device() {
        return refused("it is a device, which may have no end; `datlake add - UID` takes what a program reads of it");
    }
    if kind.is_socket() {
        return refused("it is a socket");
    }
    Ok(())
}

/// Whether a file's bytes are made when it is read, as in `/proc`: its size and its time say nothing.
fn is_made_by_reading(file: &std::fs::File) -> bool {
    #[cfg(target_os = "linux")]
    {
        // proc, sysfs, debugfs, tracefs, configfs, securityfs, cgroup, cgroup2, bpf.
        const KERNEL: [i64; 9] = [
            0x9fa0,
            0x6265_6572,
            0x6462_6720,
            0x7472_6163,
            0x6265_6570,
            0x7363_6673,
            0x0027_e0eb,
            0x6367_7270,
            0xcafe_4a11,
        ];
        #[allow(clippy::useless_conversion, reason = "the type is another on other machines")]
        rustix::fs::fstatfs(file).is_ok_and(|system| KERNEL.contains(&i64::from(system.f_type)))
    }
    #[cfg(not(target_os = "linux"))]
    {
        file.metadata().is_ok_and(|found| found.len() == 0)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Nothing to do where it fails: the scratch folder is removed as a whole.
        if self.maker.is_here() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A file being written and hashed. Dropping it unfinished removes it.
#[derive(Debug)]
pub struct StagedWriter {
    hash: Hashing<BufWriter<Own>>,
    unfinished: Unfinished,
}

/// A file of this process. A forked child has what its parent buffered, and must not write that once more.
#[derive(Debug)]
struct Own(std::fs::File, Maker);

impl Write for Own {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if !self.1.is_here() {
            return Err(io::Error::other("it is written by the process that this one was forked from"));
        }
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Removes what was not finished.
#[derive(Debug)]
struct Unfinished(Option<PathBuf>, Maker);

impl Unfinished {
    fn finish(mut self, digest: Digest, size: u64) -> Staged {
        Staged { path: self.0.take().unwrap_or_default(), maker: self.1, adopted: None, digest, size }
    }

    fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }

    /// Names the file, and what to do about a full disk.
    fn failed(&self, error: io::Error) -> io::Error {
        match error.kind() {
            kind @ (io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => kind.into(),
            kind => io::Error::new(kind, Error::io("write", self.path().display(), error)),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && self.1.is_here()
        {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl StagedWriter {
    /// A new file in `scratch`.
    pub fn new(scratch: &Scratch) -> Result<Self> {
        let path = scratch.file()?;
        let file = std::fs::File::create_new(&path).map_err(|e| Error::io("create", path.display(), e))?;
        Ok(Self {
            hash: Hashing::new(BufWriter::with_capacity(BUFFER, Own(file, Maker::this()))),
            unfinished: Unfinished(Some(path), Maker::this()),
        })
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<Staged> {
        self.flush()?;
        Ok(self.unfinished.finish(self.hash.digest(), self.hash.size()))
    }

    /// The asynchronous twin of a writer nothing was written to yet.
    pub fn into_async(self) -> Result<AsyncStagedWriter> {
        let Self { hash, unfinished } = self;
        let failed = |e: io::Error| Error::io("write", unfinished.path().display(), e);
        let Own(file, _) = hash.inner.into_inner().map_err(|e| failed(e.into_error()))?;
        Ok(AsyncStagedWriter { file: tokio::fs::File::from_std(file), hasher: hash.hasher, unfinished })
    }
}

impl Write for StagedWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.hash.write(buf).map_err(|e| self.unfinished.failed(e))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hash.flush().map_err(|e| self.unfinished.failed(e))
    }
}

/// A file being written and hashed, with tokio's `AsyncWrite`, on any executor. Dropping it unfinished removes it.
#[derive(Debug)]
pub struct AsyncStagedWriter {
    file: tokio::fs::File,
    hasher: Box<blake3::Hasher>,
    unfinished: Unfinished,
}

impl AsyncStagedWriter {
    /// Ends the file.
    pub async fn finish(mut self) -> Result<Staged> {
        use tokio::io::AsyncWriteExt as _;
        let done = runtime::Inside::new(self.file.flush()).await;
        done.map_err(|e| self.unfinished.failed(e))?;
        let digest = Digest::from_bytes(*self.hasher.finalize().as_bytes());
        Ok(self.unfinished.finish(digest, self.hasher.count()))
    }
}

impl AsyncWrite for AsyncStagedWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let _inside = runtime::enter()?;
        let n = ready!(Pin::new(&mut self.file).poll_write(cx, buf)).map_err(|e| self.unfinished.failed(e))?;
        self.hasher.update(&buf[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _inside = runtime::enter()?;
        Pin::new(&mut self.file).poll_flush(cx).map_err(|e| self.unfinished.failed(e))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _inside = runtime::enter()?;
        Pin::new(&mut self.file).poll_shutdown(cx).map_err(|e| self.unfinished.failed(e))
    }
}
