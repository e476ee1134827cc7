//! A remote in a folder, often a share that is mounted.
//!
//! Invariants:
//! - Reading makes nothing. A folder that is not there, and never was, is an empty remote; the first write makes it.
//! - What this home knows as a lake is never made anew: where it is not there, or is another, that is an error. So a share that
//!   is not mounted is not taken for a new lake, also where it goes while a process runs.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use datlake_core::{Created, Entry, Error, ErrorKind, Location, Pending, Prefix, Result, Store};

use crate::dir::{DirStore, Durability};
use crate::known::Known;

/// A remote in a folder. Its clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Folder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    known: Known,
    opened: OnceLock<DirStore>,
}

impl Folder {
    /// The remote in `root`. It is not looked at yet.
    pub(crate) fn new(root: PathBuf, memory: Option<&Path>) -> Self {
        // However many slashes the URL ends in.
        let root: PathBuf = root.components().collect();
        let shown = format!("file://{}", root.display());
        let known = Known::of(memory, &shown, &shown);
        Self(Arc::new(Shared { root, known, opened: OnceLock::new() }))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0.root
    }

    pub(crate) fn known(&self) -> &Known {
        &self.0.known
    }

    /// The lake there; `None` where there is none, and none was known.
    pub(crate) fn find(&self) -> Result<Option<&DirStore>> {
        let Shared { root, known, opened } = &*self.0;
        if let Some(store) = opened.get() {
            return Ok(Some(store));
        }
        // In this order: what is made and remembered between the two looks is not gone.
        let remembered = known.id();
        match DirStore::find(root, Durability::Synced).map_err(unreached)? {
            Some(store) => {
                known.check(store.id())?;
                Ok(Some(opened.get_or_init(|| store)))
            }
            None => remembered.map_or(Ok(None), |id| Err(known.gone(&id))),
        }
    }

    /// As [`find`](Self::find), where it is asked whether the lake still is there.
    pub(crate) fn find_now(&self) -> Result<Option<&DirStore>> {
        let found = self.find()?;
        found.map_or(Ok(()), |store| self.still(store))?;
        Ok(found)
    }

    /// The lake there, to be written to: made where there is none, and none was known.
    ///
    /// A directory is written as carefully as a home: it may hold the only copy.
    fn made(&self) -> Result<&DirStore> {
        let Shared { root, known, opened } = &*self.0;
        if let Some(store) = self.find_now()? {
            return Ok(store);
        }
        let store = DirStore::open(root, Durability::Synced).map_err(unreached)?;
        known.check(store.id())?;
        Ok(opened.get_or_init(|| store))
    }

    /// Makes sure that a lake that was there is: without it, nothing that is not found means anything.
    fn still(&self, store: &DirStore) -> Result<()> {
        match store.path_of(&Location::Lake).try_exists() {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.0.known.gone(store.id())),
            Err(e) => Err(unreached(Error::io("look at the remote", self.0.root.display(), e))),
        }
    }

    /// What reading gives; `nothing` where there is no lake. Where it gives nothing, or fails, it is looked whether the lake is
    /// there at all.
    async fn read<'a, T>(
        &'a self,
        nothing: T,
        is_nothing: fn(&T) -> bool,
        read: impl FnOnce(&'a DirStore) -> Pending<'a, T>,
    ) -> Result<T> {
        let Some(store) = self.find()? else { return Ok(nothing) };
        let found = read(store).await;
        if found.as_ref().map_or(true, is_nothing) {
            self.still(store)?;
        }
        found
    }
}

/// A folder that cannot be looked at is away; one that cannot be meant is not.
fn unreached(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Io | ErrorKind::Denied | ErrorKind::Unavailable => {
            Error::new(ErrorKind::Unavailable, format!("the remote cannot be reached: {error}"))
        }
        _ => error,
    }
}

impl Store for Folder {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(self.read(None, Option::is_none, |store| store.get(at)))
    }

    fn fetch<'a>(&'a self, at: &'a Location, from: u64, sink: &'a mut (dyn Write + Send)) -> Pending<'a, Option<u64>> {
        Box::pin(self.read(None, Option::is_none, move |store| store.fetch(at, from, sink)))
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        Box::pin(async move { self.made()?.create(at, bytes).await })
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        Box::pin(async move { self.made()?.create_from(at, file).await })
    }

    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        Box::pin(self.read(None, Option::is_none, |store| store.size(at)))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a Prefix,
        visit: &'a mut (dyn FnMut(Entry) -> ControlFlow<()> + Send),
    ) -> Pending<'a, ()> {
        // What a listing does not show is not there: always a reason to look.
        Box::pin(self.read((), |()| true, move |store| store.list(prefix, visit)))
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        Box::pin(self.read(false, |removed| !removed, |store| store.remove(at)))
    }

    fn describe(&self) -> String {
        self.0.root.display().to_string()
    }
}
