//! Adding files that no call made.

use std::io::{self, Write};
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use datlake_core::catalog::{Catalog, Commit, FileMeta, GcGuard, Replacement};
use datlake_core::lineage::Added;
use datlake_core::record::{Name, NameTarget};
use datlake_core::version::Moved;
use datlake_core::{Digest, Error, ErrorKind, Location, Result, Subject, Uid};
use datlake_store::{
    AsyncRead, AsyncReadExt as _, AsyncStagedWriter, AsyncWrite, AsyncWriteExt as _, Publishing, Staged, StagedWriter,
    is_executable, offload_method, wait,
};

use super::{Lake, refuse_in_body};
use crate::event::Event;
use crate::file::File;

/// How much is read of a reader at a time.
const BUFFER: usize = 64 << 10;

impl Lake {
    /// A writer of a new file `uid`, which appears in the lake when it is finished.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for what is no UID, [`ErrorKind::AlreadyExists`] where there is such a file,
    /// [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// use std::io::Write as _;
    ///
    /// let lake = datlake::Lake::temp()?;
    /// let mut writer = lake.create("greetings/en.txt")?;
    /// writeln!(writer, "hello")?;
    /// let file = writer.finish()?;
    /// assert_eq!(file.read_to_string()?, "hello\n");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn create(&self, uid: &str) -> Result<LakeWriter> {
        let uid = self.free(uid)?;
        Ok(LakeWriter { lake: self.clone(), uid, writer: StagedWriter::new(&self.local_view().scratch()?)? })
    }

    /// Adds `bytes` as the file `uid`. Adding the same bytes again changes nothing, and heals
    /// content that is damaged or missing.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where `uid` has other content, [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", "hello")?;
    /// lake.add_bytes("greetings/en.txt", "hello")?;
    /// assert!(lake.add_bytes("greetings/en.txt", "goodbye").is_err());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn add_bytes(&self, uid: &str, bytes: impl AsRef<[u8]>) -> Result<File> {
        self.bytes_as(uid, bytes.as_ref(), Existing::Refused)
    }

    pub(super) fn bytes_as(&self, uid: &str, bytes: &[u8], existing: Existing) -> Result<File> {
        refuse_in_body("add a file")?;
        let uid = Uid::fresh(uid)?;
        let staged = Staged::from_bytes(&self.local_view().scratch()?, bytes)?;
        self.add_staged(uid, &staged, None, existing)
    }

    /// Adds what `reader` gives, to its end, as the file `uid`. Adding the same bytes again changes nothing.
    ///
    /// # Errors
    /// As [`Lake::add_bytes`]; those of reading.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// assert_eq!(lake.add_reader("greetings/en.txt", &mut "hello".as_bytes())?.len(), 5);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn add_reader(&self, uid: &str, reader: &mut dyn io::Read) -> Result<File> {
        self.add_read(uid, reader, None, Existing::Refused)
    }

    /// Adds what `reader` gives, to its end, as the file `uid`, and keeps in its lineage that it came from `url`. Of that
    /// nothing is kept that may be secret: no user, password and fragment, and of a query the names alone.
    ///
    /// # Errors
    /// As [`Lake::add_reader`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let (url, mut body) = ("https://example.org/en.txt?token=abc", "hello".as_bytes());
    /// let file = lake.add_download("greetings/en.txt", url, &mut body)?;
    /// let origin = file.lineage()?;
    /// assert_eq!(origin.added().and_then(|added| added.source.as_deref()), Some("https://example.org/en.txt?token=***"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn add_download(&self, uid: &str, url: &str, reader: &mut dyn io::Read) -> Result<File> {
        self.add_read(uid, reader, Some(crate::config::without_secrets(url)), Existing::Refused)
    }

    /// As [`Lake::add_reader`], of what is read without blocking.
    ///
    /// # Errors
    /// As [`Lake::add_reader`].
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// assert_eq!(lake.add_reader_async("greetings/en.txt", "hello".as_bytes()).await?.len(), 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn add_reader_async(&self, uid: &str, reader: impl AsyncRead) -> Result<File> {
        self.add_read_async(uid, reader, None, Existing::Refused).await
    }

    /// As [`Lake::add_download`], of what is read without blocking.
    ///
    /// # Errors
    /// As [`Lake::add_reader`].
    pub async fn add_download_async(&self, uid: &str, url: &str, reader: impl AsyncRead) -> Result<File> {
        self.add_read_async(uid, reader, Some(crate::config::without_secrets(url)), Existing::Refused).await
    }

    pub(super) async fn add_read_async(
        &self,
        uid: &str,
        reader: impl AsyncRead,
        source: Option<String>,
        existing: Existing,
    ) -> Result<File> {
        refuse_in_body("add a file")?;
        let uid = Uid::fresh(uid)?;
        let lake = self.clone();
        let writer = offload_method(move || StagedWriter::new(&lake.local_view().scratch()?)).await??;
        let (mut writer, mut reader) = (writer.into_async()?, pin!(reader));
        let mut buffer = vec![0; BUFFER];
        loop {
            match reader.read(&mut buffer).await {
                Ok(0) => break,
                Ok(n) => writer.write_all(&buffer[..n]).await.map_err(|e| Error::io("add", &uid, e))?,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io("read what is to be added as", &uid, e)),
            }
        }
        AsyncLakeWriter { lake: self.clone(), uid, writer }.published(source, existing).await
    }

    pub(super) fn add_read(
        &self,
        uid: &str,
        reader: &mut dyn io::Read,
        source: Option<String>,
        existing: Existing,
    ) -> Result<File> {
        refuse_in_body("add a file")?;
        let uid = Uid::fresh(uid)?;
        let mut writer = StagedWriter::new(&self.local_view().scratch()?)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            // A full disk is not the fault of the reader.
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => writer.write_all(&buffer[..n]).map_err(|e| Error::io("add", &uid, e))?,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io("read what is to be added as", &uid, e)),
            }
        }
        self.add_staged(uid, &writer.finish()?, source, existing)
    }

    /// Adds a copy of the file at `path` as `uid`; of a pipe, what comes to its end. Adding the same bytes again changes nothing.
    ///
    /// # Errors
    /// As [`Lake::add_bytes`]; [`ErrorKind::InvalidInput`] for a folder or a device, of which nothing is read, and for a file that
    /// changes while it is read.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let manifest = lake.add_path("cargo/manifest.toml", "Cargo.toml")?;
    /// assert_eq!(manifest.name(), "manifest.toml");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn add_path(&self, uid: &str, path: impl AsRef<Path>) -> Result<File> {
        self.path_as(uid, path.as_ref(), Existing::Refused)
    }

    pub(super) fn path_as(&self, uid: &str, path: &Path, existing: Existing) -> Result<File> {
        refuse_in_body("add a file")?;
        let uid = Uid::fresh(uid)?;
        let staged = Staged::copy_of(&self.local_view().scratch()?, path)?;
        if std::fs::metadata(path).is_ok_and(|found| found.is_file() && is_executable(path, &found)) {
            let path = path.display().to_string();
            self.emit(&Event::NotKept { path, why: "a lake does not keep that it is executable".to_owned() });
        }
        self.add_staged(uid, &staged, None, existing)
    }

    /// Leads a name elsewhere, in this person's name.
    pub(super) fn replacement(&self, uid: Uid, target: NameTarget, nonce: String) -> Result<Replacement> {
        let host = self.provenance().host().to_owned();
        let moved = Moved { person: self.provenance().person()?, host, at: crate::provenance::now() };
        Ok(Replacement::new(uid, target, moved, nonce))
    }

    /// A UID that no file has.
    fn free(&self, uid: &str) -> Result<Uid> {
        refuse_in_body("add a file")?;
        let uid = Uid::fresh(uid)?;
        if wait(self.find(&uid))?.is_some() {
            let error = Error::new(ErrorKind::AlreadyExists, format!("cannot create `{uid}`: it exists"));
            let hint = "files never change by themselves: choose another UID, replace it by what `replacing()` adds, or remove it first";
            return Err(error.about(Subject::Uid(uid)).with_hint(hint));
        }
        Ok(uid)
    }

    fn add_staged(&self, uid: Uid, staged: &Staged, source: Option<String>, existing: Existing) -> Result<File> {
        let _sends = self.sends([(staged.digest, uid.to_string())]);
        wait(self.contact_remote())?;
        let publishing = wait(self.local_view().publishing())?;
        wait(self.local_view().restore(&staged.digest, staged.size, staged.path()))?;
        let (digest, size, name) = (staged.digest, staged.size, uid.file_name().to_owned());
        let new = self.new_name(FileMeta { name, uid, digest, size, tree: false }, source, existing)?;
        self.add_secured(publishing, &[(digest, size)], &new)
    }

    /// Gives content that is in the lake a name, which is all that keeps `contents` from being collected.
    pub(super) fn add_secured(
        &self,
        publishing: Publishing,
        contents: &[(Digest, u64)],
        new: &NewName,
    ) -> Result<File> {
        let added = self.secured(publishing.since, contents, |secured| self.add_name(self.catalog(), new, secured))?;
        wait(self.note_made_remote());
        self.note_published();
        Ok(added)
    }

    /// What leads to a file that is to be added, however often that is tried. What was replaced here without the remote goes there
    /// first.
    pub(super) fn new_name(&self, known: FileMeta, source: Option<String>, existing: Existing) -> Result<NewName> {
        let FileMeta { uid, name, digest, size, tree } = known.clone();
        let (person, host, at) =
            (self.provenance().person()?, self.provenance().host().to_owned(), crate::provenance::now());
        let target = NameTarget::Added(Added { name, digest, size, tree, source, person, host, at });
        let document = match existing {
            Existing::Refused => NewDocument::First(Name::create(uid, target, &self.catalog().home, &self.nonce())?),
            Existing::Replaced => {
                self.push_replacements(&uid)?;
                NewDocument::Replacement(self.replacement(uid, target, self.nonce())?)
            }
        };
        Ok(NewName { known, document })
    }

    /// Gives content that was `secured` a name.
    pub(super) fn add_name(&self, catalog: &Catalog, new: &NewName, secured: &GcGuard) -> Result<Commit<File>> {
        let NewName { known, document } = new;
        let added = wait(async {
            let lease = self.local_view().claim(&claim_of(&known.uid), "add").await?;
            match document {
                NewDocument::First(name) if lease.is_some() => catalog.add(name.clone(), secured).await,
                NewDocument::First(name) => catalog.without_claims(&name.nonce).add(name.clone(), secured).await,
                NewDocument::Replacement(to) => catalog.replace(to, secured).await,
            }
        })?;
        Ok(added.map(|()| File::known(self, known.clone())))
    }
}

/// What becomes of what a name leads to, where somebody adds something else under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// It stays, and that is an error.
    Refused,
    /// It becomes an earlier version.
    Replaced,
}

/// A file that is to be added.
pub(super) struct NewName {
    known: FileMeta,
    document: NewDocument,
}

enum NewDocument {
    First(Name),
    Replacement(Replacement),
}

/// What to claim before a name is written: one word for any UID.
pub(crate) fn claim_of(uid: &Uid) -> String {
    Location::Name(uid.clone()).claim()
}

/// Writes a new file of a lake. Dropping it unfinished leaves nothing.
#[derive(Debug)]
pub struct LakeWriter {
    lake: Lake,
    uid: Uid,
    writer: StagedWriter,
}

impl LakeWriter {
    pub(crate) fn into_async(self) -> Result<AsyncLakeWriter> {
        let Self { lake, uid, writer } = self;
        Ok(AsyncLakeWriter { lake, uid, writer: writer.into_async()? })
    }

    /// Publishes the file.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where somebody created it with other content meanwhile.
    pub fn finish(self) -> Result<File> {
        let staged = self.writer.finish()?;
        self.lake.add_staged(self.uid, &staged, None, Existing::Refused)
    }
}

impl Write for LakeWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.writer.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Writes a new file of a lake, with tokio's `AsyncWrite`. Dropping it unfinished leaves nothing.
///
/// ```
/// use tokio::io::AsyncWriteExt as _;
///
/// # #[tokio::main]
/// # async fn main() -> datlake::Result<()> {
/// let lake = datlake::Lake::temp()?;
/// let mut writer = lake.create_async("greetings/en.txt").await?;
/// writer.write_all(b"hello").await?;
/// assert_eq!(writer.finish().await?.len(), 5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AsyncLakeWriter {
    lake: Lake,
    uid: Uid,
    writer: AsyncStagedWriter,
}

impl AsyncLakeWriter {
    /// Publishes the file.
    ///
    /// # Errors
    /// As [`LakeWriter::finish`].
    pub async fn finish(self) -> Result<File> {
        self.published(None, Existing::Refused).await
    }

    async fn published(self, source: Option<String>, existing: Existing) -> Result<File> {
        let Self { lake, uid, writer } = self;
        let staged = writer.finish().await?;
        offload_method(move || lake.add_staged(uid, &staged, source, existing)).await?
    }
}

impl AsyncWrite for AsyncLakeWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}
