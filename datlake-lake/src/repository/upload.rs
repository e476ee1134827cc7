//! Putting one file at a path of a branch.

use std::collections::BTreeMap;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::pin::pin;

use datlake_core::document::Content;
use datlake_core::repository::{BranchChanges, BranchState, EntryKind, Put};
use datlake_core::tree::{ObjectAttributes, TreeEntry};
use datlake_core::{Digest, Error, ErrorKind, Result};
use datlake_store::{
    AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, Publishing, Staged, StagedWriter, offload_method, wait,
};

use super::appending::is_there;
use super::branch::{Branch, content_of};
use super::item::{FoundPut, object};
use super::once::{BranchPlace, Once};
use super::pieces::Pieces;
use super::reference::{Reference, check_path};
use super::resolve::Resolved;
use super::shared::gone;
use super::wishes::Wish;
use crate::file::File;
use crate::report::ObjectInfo;
use crate::scope::refuse_in_body;
use crate::setters::setters;

/// How much is read of a reader at a time.
const BUFFER: usize = 64 << 10;
/// How much is written at a time of what comes in pieces: each goes to another thread.
const PIECE: usize = 256 << 10;

/// A file that is to be put at a path of a branch, and what is noted beside its content. See [`Branch::upload`].
#[derive(Clone, Debug)]
pub struct Upload {
    branch: Branch,
    path: String,
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
    create_only: bool,
    once: Option<Once>,
}

impl Branch {
    /// A file to put at `path`, with more than its content.
    ///
    /// ```
    /// use datlake::ErrorKind;
    ///
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// let upload = main.upload("raw/jan.csv").content_type("text/csv").metadata("rows", "1").create_only(true);
    /// assert_eq!(upload.put_bytes("x,1\n")?.content_type.as_deref(), Some("text/csv"));
    /// assert_eq!(main.stat("raw/jan.csv")?.metadata["rows"], "1");
    /// assert_eq!(upload.put_bytes("x,2\n").unwrap_err().kind(), ErrorKind::AlreadyExists);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn upload(&self, path: &str) -> Upload {
        let (content_type, metadata) = Default::default();
        Upload { branch: self.clone(), path: path.to_owned(), content_type, metadata, create_only: false, once: None }
    }
}

impl Upload {
    setters! {
        /// Its media type, which is noted.
        content_type: Some Into(String);
        /// Whether it is put only where there is nothing: else that is [`ErrorKind::AlreadyExists`]. Of several who do so at once, one
        /// puts it.
        create_only: bool;
    }

    /// Notes something.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Puts it once under this id, which is made of randomness: where that was done since the branch was at `since`, by whomever, and whatever
    /// came after it, nothing is put, and what was put then is the answer. `since` is from before the first attempt, and the same for all.
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// let upload = main.upload("a.csv").once(datlake::Digest::of(b"32 random bytes"), main.place()?);
    /// let put = upload.put_bytes("mine")?;
    /// main.put_bytes("a.csv", "of somebody else")?;
    /// // The reply got lost.
    /// assert_eq!(upload.put_bytes("mine")?.digest, put.digest);
    /// assert_eq!(main.read("a.csv")?, b"of somebody else");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    #[must_use]
    pub fn once(mut self, id: Digest, since: BranchPlace) -> Self {
        self.once = Some(Once { id, since });
        self
    }

    /// Puts `bytes`.
    ///
    /// # Errors
    /// As [`Branch::put_bytes`]; [`ErrorKind::AlreadyExists`] where it is to be [created only](Upload::create_only).
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// assert_eq!(main.upload("raw/jan.csv").put_bytes("x,1\n")?.size, 4);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn put_bytes(&self, bytes: impl AsRef<[u8]>) -> Result<ObjectInfo> {
        self.check()?;
        let scratch = self.branch.shared().lake.local_view().scratch()?;
        self.put_staged(&Staged::from_bytes(&scratch, bytes.as_ref())?)
    }

    /// Puts what `reader` gives, to its end.
    ///
    /// # Errors
    /// As [`Upload::put_bytes`]; those of reading: then nothing is put.
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.upload("raw/jan.csv").put_reader(&mut "x,1\n".as_bytes())?;
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn put_reader(&self, reader: &mut dyn Read) -> Result<ObjectInfo> {
        self.check()?;
        let mut writer = StagedWriter::new(&self.branch.shared().lake.local_view().scratch()?)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => writer.write_all(&buffer[..n]).map_err(|e| self.unwritten(e))?,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.unread(e)),
            }
        }
        self.put_staged(&writer.finish()?)
    }

    /// As [`Upload::put_reader`], of what is read without blocking.
    ///
    /// # Errors
    /// As [`Upload::put_reader`].
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> datlake::Result<()> {
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// assert_eq!(main.upload("raw/jan.csv").put_reader_async("x,1\n".as_bytes()).await?.size, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn put_reader_async(&self, reader: impl AsyncRead) -> Result<ObjectInfo> {
        refuse_in_body("put a file")?;
        let (this, mut reader, mut piece) = (self.clone(), pin!(reader), Vec::new());
        if self.fill(&mut reader, &mut piece).await? {
            // All of it, by one way to another thread.
            return offload_method(move || this.put_bytes(&piece)).await?;
        }
        let begin = move || {
            this.check()?;
            StagedWriter::new(&this.branch.shared().lake.local_view().scratch()?)
        };
        let mut writer = offload_method(begin).await??.into_async()?;
        loop {
            writer.write_all(&piece).await.map_err(|e| self.unwritten(e))?;
            piece.clear();
            if self.fill(&mut reader, &mut piece).await? {
                break;
            }
        }
        writer.write_all(&piece).await.map_err(|e| self.unwritten(e))?;
        let (this, staged) = (self.clone(), writer.finish().await?);
        offload_method(move || this.put_staged(&staged)).await?
    }

    /// Reads a piece, or to the end: whether it is there.
    async fn fill(&self, reader: &mut (impl AsyncRead + Unpin), piece: &mut Vec<u8>) -> Result<bool> {
        while piece.len() < PIECE {
            piece.reserve(BUFFER);
            match reader.read_buf(piece).await {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.unread(e)),
            }
        }
        Ok(false)
    }

    /// Puts a copy of the file at `file` of this machine.
    ///
    /// # Errors
    /// As [`Upload::put_bytes`] and [`Branch::put_path`].
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.upload("manifest.toml").content_type("application/toml").put_path("Cargo.toml")?;
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn put_path(&self, file: impl AsRef<Path>) -> Result<ObjectInfo> {
        self.check()?;
        let scratch = self.branch.shared().lake.local_view().scratch()?;
        self.put_staged(&Staged::copy_of(&scratch, file.as_ref())?)
    }

    /// Puts a file of the same lake, without copying it.
    ///
    /// # Errors
    /// As [`Upload::put_bytes`] and [`Branch::put`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let file = lake.add_bytes("tables/jan.csv", "x,1\n")?;
    /// let main = lake.new_repository("sales").create()?.default_branch();
    /// assert_eq!(main.upload("raw/jan.csv").put(&file)?.digest, Some(file.digest()));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn put(&self, file: &File) -> Result<ObjectInfo> {
        self.check()?;
        let content = content_of(&self.branch.shared().lake, &self.path, file)?;
        let attributes = ObjectAttributes { from: file.uid().cloned(), ..self.attributes()? };
        let entry = TreeEntry::file(content.digest, file.len(), false);
        self.put_content(&content, Put { file: entry, attributes })
    }

    /// Puts what is at `from_path` of the reference `from` of the same repository, without copying it. What is noted there is noted here,
    /// but for what is given here.
    ///
    /// # Errors
    /// As [`Upload::put_bytes`] and [`Branch::copy_object`].
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.upload("raw/jan.csv").content_type("text/csv").metadata("rows", "1").put_bytes("x,1\n")?;
    /// let copy = main.upload("raw/copy.csv").metadata("rows", "one").copy("main", "raw/jan.csv")?;
    /// assert_eq!((copy.content_type.as_deref(), &*copy.metadata["rows"]), (Some("text/csv"), "one"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn copy(&self, from: &str, from_path: &str) -> Result<ObjectInfo> {
        self.check()?;
        let Some(FoundPut { put, range }) = Reference::any(self.branch.shared(), from).put_at(from_path)? else {
            return Err(gone(format!("there is no `{from_path}` at `{}@{from}`", self.branch.repository_name())));
        };
        let Put { file, attributes } = put;
        // What lies outside of the lake is brought in: what is put at a branch stays.
        let file = match file {
            TreeEntry::Addressed(outside) => {
                let (digest, size) = self.branch.shared().lake.bring(&outside)?;
                TreeEntry::file(digest, size, false)
            }
            file => file,
        };
        let (digest, size) = file.content().ok_or_else(|| no_file(from_path))?;
        let range = self.branch.shared().lake.resting_in(range, (digest, size))?;
        let content = Content { range, ..Content::put(digest, size, from_path.to_owned()) };
        let ObjectAttributes { put, content_type, metadata, .. } = self.attributes()?;
        let attributes = ObjectAttributes {
            put,
            content_type: content_type.or(attributes.content_type),
            metadata: if metadata.is_empty() { attributes.metadata } else { metadata },
            ..attributes
        };
        self.put_content(&content, Put { file, attributes })
    }

    /// Refuses early what would be refused after all was read.
    fn check(&self) -> Result<()> {
        check_path(&self.path)?;
        let state = self.branch.state("put a file")?;
        match self.was_put(&state)? {
            Some(_) => Ok(()),
            None => self.check_absent(&state),
        }
    }

    /// What was put by an earlier attempt, where it is to be put once.
    fn was_put(&self, state: &BranchState) -> Result<Option<Put>> {
        self.once.as_ref().map_or(Ok(None), |once| once.found(self.branch.shared(), state, &self.path))
    }

    fn check_absent(&self, state: &BranchState) -> Result<()> {
        let shared = self.branch.shared();
        if !self.create_only || shared.entry(&shared.view(&Resolved::branch(state.clone()))?, &self.path)?.is_none() {
            return Ok(());
        }
        Err(is_there(&self.branch, &self.path))
    }

    fn put_staged(&self, staged: &Staged) -> Result<ObjectInfo> {
        let lake = &self.branch.shared().lake;
        let _sends = lake.sends([(staged.digest, self.path.clone())]);
        let publishing = wait(lake.local_view().publishing())?;
        wait(lake.local_view().restore(&staged.digest, staged.size, staged.path()))?;
        let file = TreeEntry::file(staged.digest, staged.size, false);
        self.put_entry(&publishing, Put { file, attributes: self.attributes()? })
    }

    /// Puts content that the lake has, and sees that it stays.
    fn put_content(&self, content: &Content, put: Put) -> Result<ObjectInfo> {
        let lake = &self.branch.shared().lake;
        let publishing = wait(lake.local_view().publishing())?;
        wait(lake.see_to(std::slice::from_ref(content)))?;
        self.put_entry(&publishing, put)
    }

    fn put_entry(&self, publishing: &Publishing, put: Put) -> Result<ObjectInfo> {
        if let Some(once) = &self.once {
            return self.put_once(publishing, once, put);
        }
        let (path, create_only) = (self.path.clone(), self.create_only);
        self.branch.change(publishing, Wish::Put { path, put: Box::new(put.clone()), create_only })?;
        self.info(put)
    }

    /// Puts it as an entry of its own, which bears its id. What is there is looked at anew whenever somebody else changed something.
    fn put_once(&self, publishing: &Publishing, once: &Once, put: Put) -> Result<ObjectInfo> {
        let shared = self.branch.shared();
        let mut author = shared.author()?;
        author.nonce = once.nonce(&author.nonce);
        let changes: BranchChanges = [(self.path.clone(), Some(put.clone()))].into();
        let pieces: Pieces = put.file.content().into_iter().collect();
        loop {
            let state = self.branch.state("put a file")?;
            if let Some(put) = self.was_put(&state)? {
                return self.info(put);
            }
            self.check_absent(&state)?;
            let kind = EntryKind::Changes(changes.clone());
            if let Some(state) = self.branch.append_entry(publishing, &state, kind, &author, &|| Ok(pieces.clone()))? {
                wait(shared.lake.note_made_remote());
                shared.lake.note_published();
                self.branch.checkpoint(state)?;
                return self.info(put);
            }
        }
    }

    fn info(&self, put: Put) -> Result<ObjectInfo> {
        object(&self.path, &put.file).map(|info| info.with(put.attributes)).ok_or_else(|| no_file(&self.path))
    }

    /// What is noted beside the content.
    fn attributes(&self) -> Result<ObjectAttributes> {
        let (content_type, metadata) = (self.content_type.clone(), self.metadata.clone());
        Ok(ObjectAttributes { content_type, metadata, ..self.branch.put_now()? })
    }

    fn unread(&self, error: io::Error) -> Error {
        Error::io("read what is to be put at", &self.path, error)
    }

    fn unwritten(&self, error: io::Error) -> Error {
        Error::io("put", &self.path, error)
    }
}

fn no_file(path: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("`{path}` is no file"))
}
