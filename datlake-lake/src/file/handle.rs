//! A handle of a file.

use std::fmt;
use std::sync::{Arc, OnceLock};

use datlake_core::catalog::FileMeta;
use datlake_core::record::NameTarget;
use datlake_core::{Digest, Error, ErrorKind, FileRef, Result, Subject, Uid, UidKind};
use datlake_store::{Staged, Wanted, wait};
use serde::{Serialize, Serializer};

use crate::event::Event;
use crate::handle::Lake;
use crate::origin::Origin;
use crate::scope::{self, Frame, StagedFile, note_lake, refuse_in_body};

/// A file of a lake: a handle, whose content is downloaded when it is read.
///
/// Cheap to clone. As an argument it counts in a call's key by its content, and by its UID where a person chose that.
///
/// ```
/// use std::io::BufRead as _;
///
/// let lake = datlake::Lake::temp()?;
/// let file = lake.add_bytes("corpora/alice.txt", "down the\nrabbit hole\n")?;
///
/// // Known without the content being here:
/// assert_eq!((file.name(), file.len(), file.uid().map(|uid| uid.as_str())), ("alice.txt", 21, Some("corpora/alice.txt")));
/// println!("{} {}", file.digest(), file.lineage()?);
///
/// // Downloaded where it is not here, and verified:
/// assert_eq!(file.read_to_string()?.split_whitespace().count(), 4);
/// assert_eq!(file.read_range(0..4)?, b"down");
/// assert_eq!(file.open()?.lines().count(), 2);
/// assert!(file.path()?.ends_with("alice.txt") && file.is_local()?);
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Clone)]
pub struct File(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) lake: Lake,
    pub(super) name: Arc<str>,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) tree: bool,
    pub(super) place: Place,
}

pub(super) enum Place {
    /// In the lake.
    Published {
        uid: Uid,
        /// The content of the tree it is in: whoever may read that may read this.
        within: Option<Digest>,
        /// Of a version that was asked for by its address, or a file in one: what the name led to.
        version: Option<Arc<NameTarget>>,
        /// The range that leads to its content, where that rests in a pack; found when it is first asked for.
        range: OnceLock<Option<Digest>>,
    },
    /// Made by a body and not returned yet.
    Staged(Arc<StagedFile>),
}

impl Inner {
    fn version(&self) -> Option<&Arc<NameTarget>> {
        match &self.place {
            Place::Published { version, .. } => version.as_ref(),
            Place::Staged(_) => None,
        }
    }
}

impl File {
    pub(crate) fn known(lake: &Lake, known: FileMeta) -> Self {
        Self::version(lake, known, None)
    }

    /// As [`known`](Self::known), of content that a range leads to, or none.
    pub(crate) fn ranged(lake: &Lake, known: FileMeta, range: Option<Digest>) -> Self {
        let FileMeta { uid, name, digest, size, tree } = known;
        let name = called(&uid, name);
        let place = Place::Published { uid, within: None, version: None, range: range.into() };
        Self(Arc::new(Inner { lake: lake.clone(), name, digest, size, tree, place }))
    }

    /// As [`known`](Self::known), of a version of a name.
    pub(super) fn version(lake: &Lake, known: FileMeta, version: Option<Arc<NameTarget>>) -> Self {
        let FileMeta { uid, name, digest, size, tree } = known;
        let name = called(&uid, name);
        let place = Place::Published { uid, within: None, version, range: OnceLock::new() };
        Self(Arc::new(Inner { lake: lake.clone(), name, digest, size, tree, place }))
    }

    /// A file of a tree, which `range` leads to.
    pub(super) fn member(tree: &File, path: &str, (digest, size): (Digest, u64), range: Digest) -> Result<Self> {
        let inner = &*tree.0;
        let Some(uid) = tree.uid() else {
            // A staged tree knows its files themselves.
            return Err(Error::new(ErrorKind::Context, format!("the tree `{tree}` is not published yet")));
        };
        let uid = Uid::member(uid, path)?;
        let (within, version) = (Some(inner.digest), inner.version().cloned());
        let place = Place::Published { uid, within, version, range: Some(range).into() };
        Ok(Self(Arc::new(Inner { lake: inner.lake.clone(), name: path.into(), digest, size, tree: false, place })))
    }

    /// A range of a tree, which is read by who may read the tree.
    pub(super) fn part_of(tree: &File, digest: Digest, size: u64) -> Result<Self> {
        let inner = &*tree.0;
        let Some(uid) = tree.uid() else {
            return Err(Error::new(ErrorKind::Context, format!("the tree `{tree}` is not published yet")));
        };
        let (uid, within, version) = (uid.clone(), Some(inner.digest), inner.version().cloned());
        let place = Place::Published { uid, within, version, range: None.into() };
        let (lake, name) = (inner.lake.clone(), Arc::clone(&inner.name));
        Ok(Self(Arc::new(Inner { lake, name, digest, size, tree: false, place })))
    }

    /// An output of the body `frame`, whose content is complete: of the one that was `opened`, if it was.
    pub(super) fn staged(
        frame: &dyn Frame,
        name: &Uid,
        content: Staged,
        tree: bool,
        opened: Option<u64>,
    ) -> Result<Self> {
        let staged = frame.note_staged(name, content, opened)?;
        let (name, digest, size) = (Arc::clone(&staged.name), staged.content.digest, staged.content.size);
        Ok(Self(Arc::new(Inner { lake: frame.lake().clone(), name, digest, size, tree, place: Place::Staged(staged) })))
    }

    /// Its UID; `None` while it is not returned from the body that made it.
    ///
    /// ```
    /// let file = datlake::Lake::temp()?.add_bytes("a.txt", "a")?;
    /// assert_eq!(file.uid().map(|uid| uid.as_str()), Some("a.txt"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn uid(&self) -> Option<&Uid> {
        match &self.0.place {
            Place::Published { uid, .. } => Some(uid),
            Place::Staged(staged) => staged.uid.get(),
        }
    }

    /// Its own name: what it was created as.
    ///
    /// ```
    /// let file = datlake::Lake::temp()?.add_bytes("corpora/alice.txt", "down")?;
    /// assert_eq!(file.name(), "alice.txt");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// BLAKE3 of its content.
    ///
    /// A body that asks it of a file that it was not given fails when it ends, with [`ErrorKind::Undeclared`].
    ///
    /// ```
    /// let file = datlake::Lake::temp()?.add_bytes("a.txt", "a")?;
    /// assert_eq!(file.digest(), datlake::Digest::of(b"a"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn digest(&self) -> Digest {
        self.note_looked_at();
        self.0.digest
    }

    /// Its size in bytes.
    ///
    /// A body that asks it of a file that it was not given fails when it ends, with [`ErrorKind::Undeclared`].
    ///
    /// ```
    /// assert_eq!(datlake::Lake::temp()?.add_bytes("a.txt", "down")?.len(), 4);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    #[expect(clippy::len_without_is_empty, reason = "the size of a file is no count of elements")]
    pub fn len(&self) -> u64 {
        self.note_looked_at();
        self.0.size
    }

    /// Whether its content is on this machine.
    ///
    /// # Errors
    /// Those of looking into the lake's directory.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let remote = format!("file://{}", folder.path().join("remote").display());
    /// # let machine = |name| datlake::Lake::builder().home(folder.path().join(name)).remote(&remote).open();
    /// machine("one")?.add_bytes("a.txt", "a")?;
    /// let file = machine("other")?.file("a.txt")?;
    /// assert!(!file.is_local()?);
    /// file.read()?;
    /// assert!(file.is_local()?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn is_local(&self) -> Result<bool> {
        match &self.0.place {
            Place::Staged(_) => Ok(true),
            Place::Published { .. } => self.asking(|lake, wanted| lake.local_view().has(&wanted)),
        }
    }

    /// Whether the remote has its content, as a blob of its own or in a pack.
    pub(crate) async fn is_at_remote(&self) -> Result<bool> {
        let Inner { lake, digest, size, .. } = &*self.0;
        let wanted = Wanted { digest, size: *size, what: self, range: self.range(), progress: &|_| {} };
        lake.local_view().is_there(wanted).await
    }

    /// How it came to be: the call that made it, or who added it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where it was removed, or is not published yet; [`ErrorKind::Context`] in a body: no key knows
    /// who made a file, and when.
    ///
    /// ```
    /// let lake = datlake::Lake::builder().email("ada@example.org");
    /// # let folder = tempfile::tempdir()?;
    /// # let lake = lake.home(folder.path().join("home"));
    /// let file = lake.open()?.add_bytes("a.txt", "a")?;
    /// assert_eq!(file.lineage()?.added().unwrap().person.email, "ada@example.org");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn lineage(&self) -> Result<Origin> {
        refuse_in_body("ask for the lineage of a file")?;
        let Some(uid) = self.uid() else {
            let message = format!("`{}` has no lineage before the body that makes it has returned it", self.0.name);
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        wait(async {
            match self.0.version() {
                Some(target) => {
                    self.0.lake.contact_remote().await?;
                    Origin::of_target(self.0.lake.catalog(), uid, (**target).clone()).await
                }
                None => Origin::of(&self.0.lake, uid, &self.0.digest).await,
            }
        })
    }

    // ---- for the rest of the crate

    pub(crate) fn lake(&self) -> &Lake {
        &self.0.lake
    }

    /// Its digest, whoever asks.
    pub(crate) fn content(&self) -> Digest {
        self.0.digest
    }

    pub(crate) fn is_tree(&self) -> bool {
        self.0.tree
    }

    pub(crate) fn within(&self) -> Option<&Digest> {
        match &self.0.place {
            Place::Published { within, .. } => within.as_ref(),
            Place::Staged(_) => None,
        }
    }

    pub(super) fn staged_file(&self) -> Option<&StagedFile> {
        match &self.0.place {
            Place::Staged(staged) => Some(staged),
            Place::Published { .. } => None,
        }
    }

    /// What a key and a record say of it.
    pub(crate) fn to_ref(&self) -> FileRef {
        let stage = match &self.0.place {
            Place::Staged(staged) if staged.uid.get().is_none() => Some(staged.id),
            _ => None,
        };
        FileRef {
            uid: self.uid().cloned(),
            digest: self.0.digest,
            size: self.0.size,
            // A published file goes by the last segment where a person chose its UID.
            name: Arc::clone(&self.0.name),
            tree: self.0.tree,
            stage,
        }
    }

    pub(crate) fn from_ref(lake: &Lake, file: FileRef) -> Option<Self> {
        let FileRef { uid, digest, size, name, tree, stage: _ } = file;
        let uid = uid?;
        let name = called(&uid, name);
        let place = Place::Published { uid, within: None, version: None, range: OnceLock::new() };
        Some(Self(Arc::new(Inner { lake: lake.clone(), name, digest, size, tree, place })))
    }

    /// Asks for the content; says so while it comes.
    pub(super) fn asking<T>(&self, ask: impl FnOnce(&Lake, Wanted<'_>) -> T) -> T {
        let lake = &self.0.lake;
        let progress = |done| lake.emit(&Event::Downloading { file: self.to_string(), done, size: self.0.size });
        let range = self.range();
        ask(lake, Wanted { digest: &self.0.digest, size: self.0.size, what: self, range, progress: &progress })
    }

    /// The range that leads to its content, if it is a file of a tree. Of one that came without its tree, that is looked for where
    /// the content is no blob here.
    pub(crate) fn range(&self) -> Option<Digest> {
        let Place::Published { uid, range, .. } = &self.0.place else { return None };
        let Inner { lake, digest, size, .. } = &*self.0;
        *range.get_or_init(|| {
            let kind = uid.kind();
            let wanted = Wanted { digest, size: *size, what: self, range: None, progress: &|_| {} };
            if !matches!(kind, UidKind::Member { .. } | UidKind::Committed { .. })
                || matches!(lake.local_view().has(&wanted), Ok(true))
            {
                return None;
            }
            // Where the tree cannot be read, the content may be a blob elsewhere.
            match kind {
                UidKind::Member { tree, path } => lake.range_in(&tree, &path, digest).ok().flatten(),
                _ => lake.range_in_commit(uid, (*digest, *size)).ok().flatten(),
            }
        })
    }

    /// Something is about to refer to it.
    pub(super) fn note_named(&self) {
        if let Place::Published { range, .. } = &self.0.place
            && let Some(Some(range)) = range.get()
        {
            self.0.lake.note_range(self.0.digest, *range);
        }
    }

    /// [`asking`](Self::asking), with errors that say what to do.
    pub(super) fn asked<T>(&self, ask: impl FnOnce(&Lake, Wanted<'_>) -> Result<T>) -> Result<T> {
        self.asking(ask).map_err(|e| noted(self.advised(e)))
    }

    /// Whether the code that asks may read it: `frame` is the body that it stands in.
    pub(super) fn is_for(&self, frame: &dyn Frame) -> Result<()> {
        frame.check_access(&self.0.lake, self.0.digest, self.within().copied(), self)
    }

    pub(super) fn check_access(&self) -> Result<()> {
        let Some(frame) = scope::frame() else { return Ok(()) };
        match self.is_for(&*frame) {
            // Somebody else's work may read it, on top of a body that waits.
            Err(_) if !frame.is_certain() => Ok(()),
            checked => checked,
        }
    }

    /// What it is, and not what is in it, is known without an error to give: the end of the body reports a use that is not allowed.
    fn note_looked_at(&self) {
        if let Some(frame) = scope::frame()
            && let Err(error) = self.is_for(&*frame)
            && frame.is_certain()
        {
            frame.note_violation(error);
        }
    }

    /// An error about missing or damaged content, with the call that made it and what to do.
    pub(super) fn advised(&self, error: Error) -> Error {
        let (ErrorKind::MissingBlob | ErrorKind::Corrupt, Some(uid)) = (error.kind(), self.uid()) else { return error };
        let here = self.0.lake.catalog().here();
        let made_by = match wait(Origin::in_catalog(&here, uid, &self.0.digest)) {
            Ok(Origin::Call(lineage)) => format!(", made by call {}/{}", lineage.creator, lineage.key.short()),
            _ => String::new(),
        };
        let message = format!("{} (`{uid}`{made_by})", error.message());
        let elsewhere = match error.kind() {
            ErrorKind::MissingBlob => self.0.lake.local_view().elsewhere(&self.0.digest),
            _ => None,
        };
        let hint = match elsewhere {
            Some(there) => there.hint(),
            None => format!("`datlake repair {uid}` heals it, or says how to"),
        };
        error.with_message(message).about(Subject::Uid(uid.clone())).with_hint(hint)
    }

    pub(super) fn note_download(&self, fetched: bool) {
        if fetched {
            self.0.lake.emit(&Event::Downloaded { file: self.to_string(), size: self.0.size });
            self.0.lake.relieve(Some(self.0.digest));
        }
    }
}

/// A file's own name. A UID that a person chose says it by itself, and nobody else has a say.
fn called(uid: &Uid, name: impl Into<Arc<str>>) -> Arc<str> {
    if uid.is_chosen() { uid.file_name().into() } else { name.into() }
}

/// Content that is not to be had today: a body that goes on without it is not remembered.
pub(super) fn noted(error: Error) -> Error {
    if let Some(frame) = scope::certain_frame() {
        frame.note_failed(&error);
    }
    error
}

/// Two handles are equal when they mean the same file: UID and content.
impl PartialEq for File {
    fn eq(&self, other: &Self) -> bool {
        let same_name = match (self.uid(), other.uid()) {
            (None, None) => self.0.name == other.0.name,
            (a, b) => a == b,
        };
        Arc::ptr_eq(&self.0, &other.0) || (self.0.digest == other.0.digest && self.0.tree == other.0.tree && same_name)
    }
}

impl Eq for File {}

/// The UID where a person chose it; else the file's own name.
impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.uid() {
            Some(uid) if !matches!(uid.kind(), UidKind::Output { .. }) => fmt::Display::fmt(uid, f),
            _ => f.write_str(&self.0.name),
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("uid", &self.uid())
            .field("name", &self.0.name)
            .field("digest", &self.0.digest)
            .field("len", &self.0.size)
            .finish()
    }
}

impl Serialize for File {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        note_lake(&self.0.lake);
        self.note_named();
        self.to_ref().serialize(serializer)
    }
}
