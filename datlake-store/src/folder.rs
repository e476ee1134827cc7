//! A remote in a folder, often a share that is mounted.
//!
//! Invariants:
//! - Reading creates nothing. A folder that never existed is an empty remote; the first write creates it.
//! - A lake that this home knows is never created again: if it is missing, or is another, that is an error. So a share that is
//!   not mounted, or is unmounted while a process runs, is not taken for a new lake.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use datlake_core::{
    Created, Digest, Error, ErrorKind, Location, Pending, Prefix, Result, Sink, Store, Visit, VisitLevel,
};

use crate::dir::{DirStore, Durability};
use crate::hashing::{Hashing, is_still};
use crate::options::{Progress, RemoteOptions};
use crate::remote_identity::RemoteIdentity;

/// Progress is reported for content from this size on, as in buckets.
const WATCHED: u64 = 16 << 20;
/// Bytes between two reports.
const STEP: u64 = 4 << 20;

/// A remote in a folder. Its clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Folder(Arc<Shared>);

struct Shared {
    root: PathBuf,
    identity: RemoteIdentity,
    progress: Option<Progress>,
    opened: OnceLock<DirStore>,
    /// Whether the folder is marked as a remote.
    marked: OnceLock<()>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("root", &self.root).field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Folder {
    /// The remote in `root`, which is not opened yet.
    pub(crate) fn new(root: PathBuf, how: &RemoteOptions) -> Self {
        // However many slashes the URL ends in.
        let root: PathBuf = root.components().collect();
        let shown = format!("file://{}", root.display());
        let identity = RemoteIdentity::of(how, &shown, &shown);
        Self(Arc::new(Shared {
            root,
            identity,
            progress: how.progress.clone(),
            opened: OnceLock::new(),
            marked: OnceLock::new(),
        }))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0.root
    }

    pub(crate) fn identity(&self) -> &RemoteIdentity {
        &self.0.identity
    }

    /// The lake there; `None` where there is none, and none was known.
    pub(crate) fn find(&self) -> Result<Option<&DirStore>> {
        let Shared { root, identity, opened, .. } = &*self.0;
        if let Some(store) = opened.get() {
            return Ok(Some(store));
        }
        // In this order, so that a lake that is created in between is not taken for gone.
        let remembered = identity.id();
        match DirStore::find(root, Durability::Synced).map_err(unreached)? {
            Some(store) => {
                identity.check(store.id())?;
                Ok(Some(opened.get_or_init(|| store)))
            }
            None => remembered.map_or(Ok(None), |id| Err(identity.gone(&id))),
        }
    }

    /// As [`find`](Self::find), and checks that the lake still exists.
    pub(crate) fn find_now(&self) -> Result<Option<&DirStore>> {
        let found = self.find()?;
        found.map_or(Ok(()), |store| self.still(store))?;
        Ok(found)
    }

    /// The lake to write to: created if there is none, and none was known. Writes are synced: it may hold the only copy.
    fn made(&self) -> Result<&DirStore> {
        let Shared { root, identity, opened, marked, .. } = &*self.0;
        let store = match self.find_now()? {
            Some(store) => store,
            None => {
                let store = DirStore::open(root, Durability::Synced).map_err(unreached)?;
                identity.check(store.id())?;
                opened.get_or_init(|| store)
            }
        };
        if marked.get().is_none() {
            // Also a lake that was a home before.
            store.share()?;
            let _ = marked.set(());
        }
        Ok(store)
    }

    /// Checks that the lake still exists: without it, an absent object means nothing.
    fn still(&self, store: &DirStore) -> Result<()> {
        match store.path_of(&Location::Lake).try_exists() {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.0.identity.gone(store.id())),
            Err(e) => Err(unreached(Error::io("look at the remote", self.0.root.display(), e))),
        }
    }

    /// Reads from the lake; `nothing` if there is none. If the result is nothing or an error, checks that the lake still exists.
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

/// Copies large content into the store, hashes it on the way, and reports progress.
async fn send(
    store: &DirStore,
    digest: &Digest,
    file: &Path,
    size: u64,
    told: &(dyn Fn(u64) + Sync),
) -> Result<Created> {
    let path = store.scratch()?.file()?;
    let copied = (|| {
        let (mut from, mut into) = (File::open(file)?, Hashing::new(File::create_new(&path)?));
        let mut sent = 0;
        while sent < size {
            let n = io::copy(&mut (&mut from).take(STEP), &mut into)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            sent += n;
            if sent < size {
                told(sent);
            }
        }
        Ok(into.digest())
    })();
    let created = match copied {
        Ok(found) => match is_still(digest, found, &store.describe()) {
            Ok(()) => store.create_from(&Location::Blob(*digest), &path).await,
            Err(error) => Err(error),
        },
        Err(e) => Err(Error::io("send to the remote", file.display(), e)),
    };
    let _ = std::fs::remove_file(&path);
    let created = created?;
    told(size);
    Ok(created)
}

/// A folder that cannot be read counts as offline; one that cannot be a lake does not.
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

    fn fetch<'a>(&'a self, at: &'a Location, range: Range<u64>, sink: Sink<'a>) -> Pending<'a, Option<u64>> {
        Box::pin(self.read(None, Option::is_none, move |store| store.fetch(at, range, sink)))
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        Box::pin(async move { self.made()?.create(at, bytes).await })
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        Box::pin(async move {
            let store = self.made()?;
            match (&self.0.progress, at.content()) {
                (Some(progress), Some(digest)) => {
                    let size = file.metadata().map_or(0, |found| found.len());
                    let told = |sent| progress(at, sent, size);
                    if size >= WATCHED && store.size(at).await?.is_none() {
                        return send(store, &digest, file, size, &told).await;
                    }
                    store.create_from(at, file).await
                }
                _ => store.create_from(at, file).await,
            }
        })
    }

    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        Box::pin(self.read(None, Option::is_none, |store| store.size(at)))
    }

    fn list<'a>(&'a self, prefix: &'a Prefix, visit: Visit<'a>) -> Pending<'a, ()> {
        // A listing says what is absent, so it is always checked.
        Box::pin(self.read((), |()| true, move |store| store.list(prefix, visit)))
    }

    fn list_level<'a>(&'a self, prefix: &'a Prefix, visit: VisitLevel<'a>) -> Pending<'a, ()> {
        Box::pin(self.read((), |()| true, move |store| store.list_level(prefix, visit)))
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        Box::pin(self.read(false, |removed| !removed, |store| store.remove(at)))
    }

    fn describe(&self) -> String {
        self.0.root.display().to_string()
    }
}
