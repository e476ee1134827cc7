//! Making files in a body.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datlake_core::{Error, ErrorKind, Result, Uid};
use datlake_store::{AsyncStagedWriter, AsyncWrite, Staged, StagedWriter};

use super::handle::File;
use crate::scope::{self, Frame};

impl File {
    /// Starts a new output of the body the code stands in; it is published when the body returns it.
    ///
    /// `name` is what people and tools see; under `output_uid` it is the UID.
    ///
    /// # Errors
    /// [`ErrorKind::Context`] outside a body and after it has ended; [`ErrorKind::InvalidInput`] for a name that no UID may
    /// have.
    ///
    /// ```
    /// use datlake::{File, Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn hello() -> Result<File> {
    ///     use std::io::Write as _;
    ///
    ///     let mut out = File::create("hello.txt")?;
    ///     writeln!(out, "hello")?;
    ///     out.finish()
    /// }
    ///
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// assert_eq!(hello()?.read_to_string()?, "hello\n");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn create(name: &str) -> Result<FileWriter> {
        let (frame, name) = begin(name)?;
        let writer = StagedWriter::new(&frame.lake().local_view().scratch()?)?;
        Ok(FileWriter { opened: frame.note_opened(&name)?, writer, frame, name })
    }

    /// A new output with the content `bytes`.
    ///
    /// # Errors
    /// As [`File::create`].
    ///
    /// ```
    /// use datlake::{File, Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn hello() -> Result<File> {
    ///     File::from_bytes("hello.txt", "hello")
    /// }
    ///
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// assert_eq!(hello()?.name(), "hello.txt");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn from_bytes(name: &str, bytes: impl AsRef<[u8]>) -> Result<Self> {
        let mut writer = Self::create(name)?;
        writer.write_all(bytes.as_ref())?;
        writer.finish()
    }

    /// A new output with the content of the file at `path`, which is copied and stays.
    ///
    /// # Errors
    /// As [`File::create`]; [`ErrorKind::InvalidInput`] for a folder or a file that changes while it is read.
    ///
    /// ```
    /// use datlake::{File, Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn hello() -> Result<File> {
    ///     let dir = tempfile::tempdir()?;
    ///     std::fs::write(dir.path().join("out"), "made by some tool")?;
    ///     File::from_path("hello.txt", dir.path().join("out"))
    /// }
    ///
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// assert_eq!(hello()?.len(), 17);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn from_path(name: &str, path: impl AsRef<Path>) -> Result<Self> {
        let (frame, name) = begin(name)?;
        let staged = Staged::copy_of(&frame.lake().local_view().scratch()?, path.as_ref())?;
        File::staged(&*frame, &name, staged, false, None)
    }

    /// A path at which a library may write a new output. It ends in the last segment of `name`, with `_` for what the file
    /// system of the home cannot have in a name; nothing is there yet.
    ///
    /// # Errors
    /// As [`File::create`].
    ///
    /// ```
    /// use datlake::{File, Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn hello() -> Result<File> {
    ///     let staged = File::stage("hello.txt")?;
    ///     std::fs::write(staged.path(), "hello")?; // or any library that wants a path
    ///     staged.finish()
    /// }
    ///
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// assert_eq!(hello()?.read_to_string()?, "hello");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn stage(name: &str) -> Result<StagedPath> {
        let (frame, name) = begin(name)?;
        let scratch = frame.lake().local_view().scratch()?;
        let dir = scratch.dir()?;
        let path = dir.join(&*scratch.called(name.file_name()));
        Ok(StagedPath { opened: frame.note_opened(&name)?, frame, name, dir, path })
    }
}

fn begin(name: &str) -> Result<(Arc<dyn Frame>, Uid)> {
    let Some(frame) = scope::frame() else {
        let message = format!(
            "cannot create `{name}`: files are created in the body of a creator (threads and tasks it starts take `datlake::here()` along)"
        );
        return Err(Error::new(ErrorKind::Context, message).with_hint("outside, use `lake.create(uid)`"));
    };
    Ok((frame, Uid::chosen(name)?))
}

/// Writes an output of a body. It must be finished, and the file returned.
#[derive(Debug)]
pub struct FileWriter {
    writer: StagedWriter,
    frame: Arc<dyn Frame>,
    name: Uid,
    opened: u64,
}

impl FileWriter {
    pub(crate) fn into_async(self) -> Result<AsyncFileWriter> {
        let Self { writer, frame, name, opened } = self;
        Ok(AsyncFileWriter { writer: writer.into_async()?, frame, name, opened })
    }

    /// Ends the file, which the body may return now.
    ///
    /// # Errors
    /// Those of writing; [`ErrorKind::Context`] after the body has returned.
    pub fn finish(self) -> Result<File> {
        let staged = self.writer.finish()?;
        File::staged(&*self.frame, &self.name, staged, false, Some(self.opened))
    }
}

impl Write for FileWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.writer.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Writes an output of a body, with tokio's `AsyncWrite` on any executor. It must be finished, and the file returned.
///
/// ```
/// use datlake::{File, Lake, Result, file_creator};
///
/// #[file_creator]
/// async fn hello() -> Result<File> {
///     use tokio::io::AsyncWriteExt as _;
///
///     let mut out = File::create_async("hello.txt").await?;
///     out.write_all(b"hello").await?;
///     out.finish().await
/// }
///
/// # #[tokio::main]
/// # async fn main() -> datlake::Result<()> {
/// let lake = Lake::temp()?;
/// let file = lake.scope(hello()).await?;
/// assert_eq!(file.read_to_string_async().await?, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AsyncFileWriter {
    writer: AsyncStagedWriter,
    frame: Arc<dyn Frame>,
    name: Uid,
    opened: u64,
}

impl AsyncFileWriter {
    /// Ends the file, which the body may return now.
    ///
    /// # Errors
    /// As [`FileWriter::finish`].
    pub async fn finish(self) -> Result<File> {
        let Self { writer, frame, name, opened } = self;
        let staged = writer.finish().await?;
        File::staged(&*frame, &name, staged, false, Some(opened))
    }
}

impl AsyncWrite for AsyncFileWriter {
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

/// A path at which an output is written by other means. It must be finished, and the file returned.
#[derive(Debug)]
pub struct StagedPath {
    frame: Arc<dyn Frame>,
    name: Uid,
    opened: u64,
    dir: PathBuf,
    path: PathBuf,
}

impl StagedPath {
    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes what is at the path as the file, which the body may return now.
    ///
    /// # Errors
    /// [`ErrorKind::Outputs`] where there is no file.
    pub fn finish(self) -> Result<File> {
        let staged = Staged::adopt(self.path.clone())?;
        File::staged(&*self.frame, &self.name, staged, false, Some(self.opened))
    }
}

impl AsRef<Path> for StagedPath {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl Drop for StagedPath {
    fn drop(&mut self) {
        // What was finished keeps its folder; the process's scratch goes as a whole.
        let _ = std::fs::remove_dir(&self.dir);
    }
}
