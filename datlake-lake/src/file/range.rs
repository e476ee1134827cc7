//! Reading parts of a file that is not here.
//!
//! Invariant: a body gets verified bytes, unless it says otherwise: what it makes of a wrong one is remembered.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use datlake_core::{Error, ErrorKind, Result};
use datlake_store::{Ranges, Reader, wait};

use super::handle::{File, Place};
use crate::scope::{self, Frame, Here};

impl File {
    /// The bytes of `range`, clamped to the file's size.
    ///
    /// Of a large file that is not on this machine only these bytes are fetched, [unverified](File::unverified). In a body the
    /// whole is downloaded and verified first, and so it is of a small file, and once half of it was fetched like this.
    ///
    /// # Errors
    /// As [`File::open`]; [`ErrorKind::InvalidInput`] for a range that ends before it starts.
    ///
    /// ```
    /// let file = datlake::Lake::temp()?.add_bytes("a.txt", "down the rabbit hole")?;
    /// assert_eq!(file.read_range(5..8)?, b"the");
    /// assert_eq!(file.read_range(16..100)?, b"hole");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn read_range(&self, range: Range<u64>) -> Result<Vec<u8>> {
        self.range_of(range, false)
    }

    /// This file for a body that reads parts of what is not here without downloading the whole, and takes the remote's word for
    /// them.
    ///
    /// A digest tells about the whole only. Of a part datlake checks its length and the size of the whole; that its bytes are
    /// right rests on the store, which checks what it keeps, and on the connection to it. A body that gets a wrong byte makes a
    /// wrong result, which is remembered: say so only where that does not matter, or the format has checksums of its own.
    ///
    /// ```
    /// use datlake::{File, Result, file_creator};
    ///
    /// /// The last bytes of a table, which say what is in it.
    /// #[file_creator]
    /// fn footer(table: &File) -> Result<Vec<u8>> {
    ///     let length = table.len();
    ///     table.unverified().read_range(length.saturating_sub(8)..length)
    /// }
    ///
    /// # let lake = datlake::Lake::temp()?;
    /// # let _current = lake.enter();
    /// assert_eq!(footer(&lake.add_bytes("a.parquet", "PAR1 \x05\0\0\0PAR1")?)?, b"\x05\0\0\0PAR1");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn unverified(&self) -> Unverified {
        Unverified(self.clone())
    }

    /// Whether the code may get unverified bytes although it did not ask for them: it is not in a body, and on no thread
    /// that a body may have started without [`here`](scope::here).
    fn may_be_ranges(&self) -> bool {
        let in_reach = |body: Arc<dyn Frame>| {
            body.may_read(&self.0.digest) || self.within().is_some_and(|tree| body.may_read(tree))
        };
        scope::frame().is_none() && !scope::running().into_iter().any(in_reach)
    }

    /// Opens it to be read in ranges, where it is worth it, and right for the code unless that is `trusting`.
    pub(super) fn open_ranges(&self, trusting: bool) -> Result<Reader> {
        self.check_access()?;
        let ranges = !self.is_staged_here()
            && (trusting || self.may_be_ranges())
            && self.asked(|lake, wanted| wait(lake.local_view().has_ranges(wanted)))?;
        if !ranges {
            return self.whole();
        }
        Ok(Reader::of(Box::new(Away { file: self.clone(), trusting, here: scope::here() })))
    }

    fn range_of(&self, range: Range<u64>, trusting: bool) -> Result<Vec<u8>> {
        let Range { start, end } = range;
        if start > end {
            let message = format!("cannot read bytes {start}..{end} of `{self}`: the range ends before it starts");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        self.check_access()?;
        let range = start.min(self.0.size)..end.min(self.0.size);
        if !self.is_staged_here()
            && (trusting || self.may_be_ranges())
            && let Some(bytes) = self.fetch(range.clone())?
        {
            return Ok(bytes);
        }
        let (mut reader, mut bytes) = (self.whole()?, Vec::new());
        reader
            .seek(SeekFrom::Start(range.start))
            .and_then(|_| reader.take(range.end - range.start).read_to_end(&mut bytes))
            .map_err(|e| Error::io("read", self, e))?;
        Ok(bytes)
    }

    fn fetch(&self, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        self.asked(|lake, wanted| wait(lake.local_view().range(wanted, range)))
    }

    fn is_staged_here(&self) -> bool {
        matches!(&self.0.place, Place::Staged(staged) if staged.content.path().exists())
    }
}

/// A file that is read in parts, taking the remote's word for them. See [`File::unverified`].
#[derive(Clone, Debug)]
pub struct Unverified(File);

impl Unverified {
    /// As [`File::read_range`], also in a body.
    ///
    /// # Errors
    /// As [`File::read_range`].
    pub fn read_range(&self, range: Range<u64>) -> Result<Vec<u8>> {
        self.0.range_of(range, true)
    }

    /// As [`File::open`], also in a body.
    ///
    /// # Errors
    /// As [`File::open`].
    pub fn open(&self) -> Result<Reader> {
        self.0.open_ranges(true)
    }
}

/// A file that is not on this machine.
struct Away {
    file: File,
    /// Whether unverified bytes were asked for.
    trusting: bool,
    /// Where it was opened: a thread that reads it may stand nowhere.
    here: Here,
}

impl Away {
    /// Does `work` in the body of the code that reads, or else of the code that opened it.
    fn in_body<R>(&self, work: impl FnOnce() -> R) -> R {
        if scope::frame().is_some() { work() } else { self.here.run(work) }
    }
}

impl Ranges for Away {
    fn size(&self) -> u64 {
        self.file.0.size
    }

    fn may_be_ranges(&self) -> bool {
        self.trusting || self.in_body(|| self.file.may_be_ranges())
    }

    fn keeps_whole(&self) -> bool {
        true
    }

    fn range(&self, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        if self.may_be_ranges() { self.in_body(|| self.file.fetch(range)) } else { Ok(None) }
    }

    fn whole(&self) -> Result<Reader> {
        self.in_body(|| self.file.download())
    }

    fn carry(&mut self) {
        if scope::frame().is_some() {
            self.here = scope::here();
        }
    }
}
