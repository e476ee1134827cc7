//! Files of a repository that lie outside of the lake: read where they are, as they were when they were imported.

use std::io::Write as _;
use std::ops::Range;

use datlake_core::document::Content;
use datlake_core::tree::{AddressedFile, TreeEntry};
use datlake_core::{Digest, Error, ErrorKind, Result};
use datlake_store::{Ranges, Reader, StagedWriter, wait};

use crate::handle::Lake;
use crate::scope::refuse_in_body;
use crate::sync::lock;

/// So much is read at a time of what is brought into the lake.
const PIECE: u64 = 8 << 20;
/// Of so many files this process remembers what was in them.
const REMEMBERED: usize = 1 << 16;

impl Lake {
    /// Lets what is below these addresses be read, beside what the configuration lets: `file:///path/to/folder`, `s3://bucket/folder`,
    /// `gs://…`, `az://…`. Branches can [import](crate::Branch::import_addresses) files there without reading them. Whoever may read the
    /// repository can then have read what is below these addresses, by this process.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is no such URL.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.allow_addresses(&["file:///srv/exports", "s3://bucket/exports"])?;
    /// assert!(lake.allow_addresses(&["exports"]).is_err());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn allow_addresses(&self, urls: &[impl AsRef<str>]) -> Result<()> {
        let mut outside = lock(&self.0.outside);
        *outside = outside.with(urls.iter().map(AsRef::as_ref), self.0.local_view.remote_options())?;
        Ok(())
    }

    /// Content and size of a file of a tree; what lies outside of the lake is brought in. `None` for what is no file.
    pub(crate) fn kept(&self, entry: &TreeEntry) -> Result<Option<(Digest, u64)>> {
        match entry {
            TreeEntry::Addressed(file) => self.bring(file).map(Some),
            entry => Ok(entry.content()),
        }
    }

    /// Brings a file into the lake: its content, which nothing keeps yet.
    pub(crate) fn bring(&self, file: &AddressedFile) -> Result<(Digest, u64)> {
        let known = lock(&self.0.brought).get(file).copied();
        if let Some(digest) = known
            && self.is_here(&Content::put(digest, file.size, file.address.clone()))?
        {
            return Ok((digest, file.size));
        }
        let mut writer = StagedWriter::new(&self.local_view().scratch()?)?;
        self.read_outside(file, &mut |bytes| {
            writer.write_all(bytes).map_err(|e| Error::io("bring into the lake", &file.address, e))
        })?;
        let staged = writer.finish()?;
        wait(self.local_view().restore(&staged.digest, staged.size, staged.path()))?;
        let mut brought = lock(&self.0.brought);
        if brought.len() >= REMEMBERED {
            brought.clear();
        }
        brought.insert(file.clone(), staged.digest);
        Ok((staged.digest, staged.size))
    }

    /// Reads a file that lies outside of the lake, piece after piece, as it was when it was imported.
    pub(super) fn read_outside(&self, file: &AddressedFile, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let outside = lock(&self.0.outside).clone();
        if file.size == 0 {
            wait(outside.check(file))?;
        }
        let mut start = 0;
        while start < file.size {
            let end = file.size.min(start + PIECE);
            each(&wait(outside.read(file, start..end))?)?;
            start = end;
        }
        Ok(())
    }
}

/// A file outside, as a reader asks for it.
pub(super) struct ReadOutside {
    lake: Lake,
    file: AddressedFile,
}

impl ReadOutside {
    /// Looks whether the file is there as it was.
    pub(super) fn new(lake: &Lake, file: &AddressedFile) -> Result<Self> {
        wait(lock(&lake.0.outside).clone().check(file))?;
        Ok(Self { lake: lake.clone(), file: file.clone() })
    }

    pub(super) fn file(&self) -> &AddressedFile {
        &self.file
    }

    pub(super) fn read(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let outside = lock(&self.lake.0.outside).clone();
        wait(outside.read(&self.file, range))
    }

    pub(super) fn reader(self) -> Reader {
        Reader::of(Box::new(self))
    }
}

impl Ranges for ReadOutside {
    fn size(&self) -> u64 {
        self.file.size
    }

    fn may_be_ranges(&self) -> bool {
        // Nothing has verified these bytes by a digest.
        refuse_in_body("read").is_ok()
    }

    fn keeps_whole(&self) -> bool {
        false
    }

    fn range(&self, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        self.read(range).map(Some)
    }

    fn whole(&self) -> Result<Reader> {
        let message =
            format!("`{}` lies outside of the lake: a body reads it as a file that it is given", self.file.address);
        Err(Error::new(ErrorKind::Context, message).with_hint("pass `Reference::file` to the creator"))
    }

    fn carry(&mut self) {}
}
