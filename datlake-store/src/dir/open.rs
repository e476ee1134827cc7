//! Opening a lake, and making one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datlake_core::{Error, ErrorKind, Location, Result, Subject};

use super::publish::Source;
use super::state::{Method, Shared};
use super::{DirStore, Durability, Scratch, sys};
use crate::lake_header::{self, LakeHeader};
use crate::names::Names;

/// What may stand in the root of a lake, also in one that has lost its `datlake.json`. Of a disk of its own also what
/// `mkfs` puts there.
const OWN: &str = "blobs calls claims collect.lock condemned datlake.json files fill format gc index lost+found outbox remotes \
    removed rename.lock rescued runs shared sweeping tmp unpushed uses";

impl DirStore {
    /// Opens the lake in the directory `root`, or makes one where there is none: in a new or an empty directory.
    ///
    /// ```
    /// use datlake_core::{Created, Digest, Location, Store};
    /// use datlake_store::{DirStore, Durability};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let root = folder.path();
    /// let store = DirStore::open(root, Durability::Synced)?;
    /// let hello = Location::Blob(Digest::of(b"hello"));
    /// # datlake_store::wait(async {
    /// assert_eq!(store.create(&hello, b"hello").await?, Created::New);
    /// assert_eq!(store.create(&hello, b"hello").await?, Created::Exists);
    /// # Ok::<(), datlake_core::Error>(())
    /// # })?;
    /// assert_eq!(store.read(&hello)?.as_deref(), Some(&b"hello"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where `root` is a file or a directory of other things, [`ErrorKind::Denied`],
    /// [`ErrorKind::Corrupt`] and [`ErrorKind::Format`] for a `datlake.json` that is damaged or of a newer format.
    pub fn open(root: &Path, durability: Durability) -> Result<Self> {
        open_by(root, durability, Method::Link)
    }

    /// The lake in the directory `root`, an absolute path; `None` where there is none yet. Nothing is made.
    pub(crate) fn find(root: &Path, durability: Durability) -> Result<Option<Self>> {
        if let Some(header) = read_header(root)? {
            return Ok(Some(store(root.to_owned(), header, durability, Method::Link)));
        }
        match foreign(root) {
            Ok(Some(foreign)) => Err(not_a_lake(root, &foreign)),
            Ok(None) => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("look into", root.display(), e)),
        }
    }
}

pub(super) fn open_by(root: &Path, durability: Durability, method: Method) -> Result<DirStore> {
    let root = std::path::absolute(root)
        .map_err(|e| Error::new(ErrorKind::InvalidInput, "the path of a lake's directory is empty").because(e))?;
    let header = match read_header(&root)? {
        Some(header) => header,
        None => make(&root, method)?,
    };
    Ok(store(root, header, durability, method))
}

fn store(root: PathBuf, header: LakeHeader, durability: Durability, method: Method) -> DirStore {
    let LakeHeader { id, names, .. } = header;
    let shared = Shared { root, id, names, method, scratch: Default::default(), lasting: Default::default() };
    DirStore { shared: Arc::new(shared), durability }
}

fn read_header(root: &Path) -> Result<Option<LakeHeader>> {
    let path = root.join(Location::Lake.path());
    match std::fs::read(&path) {
        Ok(bytes) => lake_header::parse(&path.display(), &bytes).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => Err(not_a_directory(root)),
        Err(e) if e.kind() == io::ErrorKind::IsADirectory => {
            Err(lake_header::damaged(&path.display(), "it is a directory"))
        }
        Err(e) => Err(Error::io("open the lake: cannot read", path.display(), e)),
    }
}

fn not_a_directory(root: &Path) -> Error {
    let message = format!("`{}` is a file, or lies below one: a lake is a directory", root.display());
    Error::new(ErrorKind::InvalidInput, message).about(Subject::Path(root.to_owned()))
}

fn not_a_lake(root: &Path, foreign: &str) -> Error {
    let message = format!("`{}` is not a lake and not empty (it holds `{foreign}`)", root.display());
    let error = Error::new(ErrorKind::InvalidInput, message).about(Subject::Path(root.to_owned()));
    error.with_hint("a lake is made in a new or an empty directory")
}

/// Makes a lake and returns its header: another's, if somebody else makes one at the same time.
fn make(root: &Path, method: Method) -> Result<LakeHeader> {
    make_root(root).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => not_a_directory(root),
        _ => refused(root, e),
    })?;
    if let Some(foreign) = foreign(root).map_err(|e| refused(root, e))? {
        return Err(not_a_lake(root, &foreign));
    }
    let names = Scratch::new(root, Names::Plain)
        .and_then(|scratch| Names::tried_in(scratch.path()))
        .map_err(|e| refused(root, e))?;
    let (header, bytes) = lake_header::fresh(names)?;
    store(root.to_owned(), header, Durability::Synced, method)
        .publish(&Location::Lake, Source::Bytes(&bytes))
        .map_err(|e| match e.kind() {
            ErrorKind::Denied => refused(root, e.into()),
            _ => e,
        })?;
    match read_header(root)? {
        Some(header) => Ok(header),
        None => Err(Error::new(
            ErrorKind::Unavailable,
            format!("the lake `{}` was removed while it was made", root.display()),
        )),
    }
}

fn refused(root: &Path, e: io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            let message = format!("cannot make a lake in `{}`: no permission to write there", root.display());
            let error = Error::new(ErrorKind::Denied, message).about(Subject::Path(root.to_owned()));
            error.with_hint("set DATLAKE_HOME to a directory of your own").because(e)
        }
        _ => Error::io("make a lake in", root.display(), e),
    }
}

/// Makes the directory and those above it, lasting.
fn make_root(root: &Path) -> io::Result<()> {
    let made: Vec<_> = root.ancestors().take_while(|folder| !folder.exists()).collect();
    std::fs::create_dir_all(root)?;
    for folder in made {
        if let Some(parent) = folder.parent() {
            sys::sync_dir(parent)?;
        }
    }
    Ok(())
}

/// Something in the directory that no lake puts there.
fn foreign(root: &Path) -> io::Result<Option<String>> {
    for entry in std::fs::read_dir(root)? {
        let name = entry?.file_name();
        if !OWN.split(' ').any(|own| name == own) {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}
