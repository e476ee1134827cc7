//! Reading a file: what is not here is downloaded first, and what is here is what it was.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use datlake_core::{Digest, Error, ErrorKind, Result, Subject};
use datlake_store::{Reader, wait};

use super::handle::{File, Place, noted};
use crate::scope::refuse_in_body;

/// How much is read at a time.
const BUFFER: usize = 64 << 10;

impl File {
    /// Opens it: `Read + BufRead + Seek`. It is downloaded and verified first where it is not here; outside a body only when
    /// that is worth it: who [seeks](Reader) in a large file gets ranges of it, [unverified](File::unverified), as long as the
    /// remote has them.
    ///
    /// # Errors
    /// [`ErrorKind::Undeclared`] in a body that it was not given to; [`ErrorKind::MissingBlob`] and [`ErrorKind::Corrupt`].
    ///
    /// ```
    /// use std::io::BufRead as _;
    ///
    /// let file = datlake::Lake::temp()?.add_bytes("a.csv", "x,1\ny,2\n")?;
    /// let mut lines = file.open()?.lines();
    /// assert_eq!(lines.next().transpose()?.as_deref(), Some("x,1"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn open(&self) -> Result<Reader> {
        self.open_ranges(false)
    }

    /// Opens all of it, downloaded and verified.
    pub(super) fn whole(&self) -> Result<Reader> {
        self.check_access()?;
        self.download()
    }

    /// [`whole`](Self::whole), for code that opened it before.
    pub(super) fn download(&self) -> Result<Reader> {
        match &self.0.place {
            Place::Staged(staged) if staged.content.path().exists() => {
                std::fs::File::open(staged.content.path()).map(Reader::from).map_err(|e| Error::io("open", self, e))
            }
            _ => {
                let (reader, fetched) = self.asked(|lake, wanted| wait(lake.local_view().open_blob(wanted)))?;
                self.note_download(fetched);
                Ok(reader)
            }
        }
    }

    /// Its whole content, verified.
    ///
    /// # Errors
    /// As [`File::open`]; [`ErrorKind::Corrupt`] where what was read has another digest.
    ///
    /// ```
    /// let file = datlake::Lake::temp()?.add_bytes("a.bin", [1, 2, 3])?;
    /// assert_eq!(file.read()?, [1, 2, 3]);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.0.size).unwrap_or(0).min(1 << 30));
        self.whole()?.read_to_end(&mut bytes).map_err(|e| Error::io("read", self, e))?;
        if Digest::of(&bytes) != self.0.digest {
            return Err(self.damaged());
        }
        Ok(bytes)
    }

    /// Its whole content as text, verified.
    ///
    /// # Errors
    /// As [`File::read`]; [`ErrorKind::InvalidInput`] where it is not UTF-8.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// assert_eq!(lake.add_bytes("a.txt", "down the rabbit hole")?.read_to_string()?, "down the rabbit hole");
    /// let error = lake.add_bytes("a.bin", [0xff])?.read_to_string().unwrap_err();
    /// assert_eq!(error.kind(), datlake::ErrorKind::InvalidInput);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn read_to_string(&self) -> Result<String> {
        String::from_utf8(self.read()?).map_err(|e| {
            Error::new(ErrorKind::InvalidInput, format!("`{self}` is not UTF-8 text")).because(e.utf8_error())
        })
    }

    /// Writes the content into an empty file, with which the disk may share it, and checks that it is what it was.
    ///
    /// # Errors
    /// As [`File::read`]; those of writing.
    #[doc(hidden)]
    pub fn write_into(&self, out: &mut std::fs::File) -> Result<()> {
        let unread = |e| Error::io("read", self, e);
        let (mut reader, mut hasher) = (self.open()?, blake3::Hasher::new());
        if reader.share_with(out).map_err(unread)? {
            hasher.update_reader(&mut *out).map_err(unread)?;
        } else {
            let mut buffer = vec![0; BUFFER];
            loop {
                match reader.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(n) => {
                        hasher.update(&buffer[..n]);
                        out.write_all(&buffer[..n]).map_err(|e| Error::io("write a copy of", self, e))?;
                    }
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(unread(e)),
                }
            }
        }
        match Digest::from_bytes(*hasher.finalize().as_bytes()) == self.0.digest {
            true => Ok(()),
            false => Err(self.damaged()),
        }
    }

    fn damaged(&self) -> Error {
        let message = format!("the content of `{self}` is damaged: it no longer has digest {}", self.0.digest);
        noted(Error::new(ErrorKind::Corrupt, message).about(Subject::Digest(self.0.digest)))
    }

    /// A path to its content for libraries that insist on one. It ends in the file's own name (of `sub/table.csv` in
    /// `table.csv`; with `_` for what the file system of the home cannot have in a name), is read-only where there are modes,
    /// and stays valid while the process lives.
    ///
    /// # Errors
    /// As [`File::open`].
    ///
    /// ```
    /// let file = datlake::Lake::temp()?.add_bytes("tables/a.csv", "x,1")?;
    /// let path = file.path()?; // for a library that opens files by itself
    /// assert_eq!((path.extension().unwrap(), std::fs::read(&path)?), ("csv".as_ref(), b"x,1".to_vec()));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn path(&self) -> Result<PathBuf> {
        self.check_access()?;
        let name = self.0.name.rsplit('/').next().unwrap_or_default();
        match &self.0.place {
            Place::Staged(staged) if staged.content.path().exists() => {
                self.0.lake.local_view().scratch()?.link_named(staged.content.path(), name)
            }
            _ => {
                let (path, fetched) = self.asked(|lake, wanted| wait(lake.local_view().path(wanted, name)))?;
                self.note_download(fetched);
                Ok(path)
            }
        }
    }

    /// A path in the lake's directory to its content, read-only, after a download where that is needed. It ends in the file's own
    /// name where the file system has symbolic links, else in the digest. Unlike [`path`](File::path) it outlives the process,
    /// and leads nowhere once the content is evicted or collected.
    ///
    /// # Errors
    /// As [`File::open`]; [`ErrorKind::Context`] in a body, which works on inputs by [`path`](File::path).
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let file = lake.add_bytes("greetings/en.txt", b"hello")?;
    /// let path = file.stored_path()?;
    /// assert_eq!((path.file_name().unwrap(), std::fs::read(&path)?), ("en.txt".as_ref(), b"hello".to_vec()));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn stored_path(&self) -> Result<PathBuf> {
        refuse_in_body("ask where content is kept")?;
        drop(self.whole()?);
        self.asked(|lake, wanted| wait(lake.local_view().ensure(wanted)))?;
        let name = self.0.name.rsplit('/').next().unwrap_or_default();
        Ok(self.lake().local_view().dir().named_path(&self.digest(), name))
    }
}
