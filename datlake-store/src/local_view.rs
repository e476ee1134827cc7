//! One machine's view of a lake: its home, its remote, and downloads from there.

mod download;
mod fetched;
mod holding;
mod packed;
mod packs;
mod pin;
mod range;
mod send;
mod wanted;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use datlake_core::catalog::{Collections, Packs, SweepMemory};
use datlake_core::claim::{DEFAULT_LEASE, Holder, Seen};
use datlake_core::collect::Window;
use datlake_core::{CallKey, Catalog, Digest, Error, ErrorKind, Location, Result, Side, Store, WHOLE};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::backoff::Backoff;
use crate::dir::{DirStore, Durability, FileLock, LockAttempt, Scratch, Seal};
use crate::elsewhere::{self, Elsewhere};
use crate::hashing::{Hashing, hash_file};
use crate::lease::{Among, HeartbeatLease};
use crate::offline_hint::OfflineHint;
use crate::options::{Progress, RemoteOptions};
use crate::reader::Reader;
use crate::remote::Remote;
use crate::sweeps::Sweeps;
use crate::usage::{self, TrackUsage, Usage};
use crate::{clock, remote};

pub use self::holding::Publishing;
pub use self::pin::Pinned;
pub use self::wanted::Wanted;

/// How often content may be evicted between its download and its use.
const EVICTIONS: usize = 5;
/// Downloads at a time.
const TRANSFERS: usize = 16;

/// Decorates a store, so that a program can watch, delay or fail its requests.
pub type Wrap = Arc<dyn Fn(Side, Arc<dyn Store>) -> Arc<dyn Store> + Send + Sync>;

/// Which remote a lake uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach<'a> {
    /// There is no remote.
    Home,
    /// There is one, which is not used now.
    Offline,
    /// The remote at this URL.
    Remote(&'a str),
}

/// How a lake is opened.
#[derive(Clone, Default)]
pub struct Options {
    /// The remote. The home remembers what it can do, whatever `memory` says.
    pub remote: RemoteOptions,
    /// The most content that should be here; with it, usage is tracked.
    pub limit: Option<u64>,
    /// Decorates both stores.
    pub wrap: Option<Wrap>,
    /// The most time between finding content and naming it, on all machines.
    pub window: Window,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("remote", &self.remote).finish_non_exhaustive()
    }
}

/// One machine's view of a lake.
pub struct LocalView {
    dir: DirStore,
    catalog: Catalog,
    /// The catalog has it too, as a store.
    remote: Option<Remote>,
    /// How much content is here, where there is a limit.
    usage: Option<Arc<Usage>>,
    /// As given for the remote.
    options: RemoteOptions,
    wrap: Option<Wrap>,
    transfers: Semaphore,
    ranges: fetched::Fetched,
    packs: packs::PackMemory,
    sending: Arc<OnceLock<Listener>>,
    sweeps: Option<Arc<Sweeps>>,
}

/// Receives, for large content on its way to the remote, how many bytes are there, and its size.
type Listener = Box<dyn Fn(&Digest, u64, u64) + Send + Sync>;

impl std::fmt::Debug for LocalView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalView").field("dir", &self.dir).field("remote", &self.remote).finish_non_exhaustive()
    }
}

impl LocalView {
    /// Opens the lake in `home`.
    ///
    /// # Errors
    /// As [`DirStore::open`]; [`ErrorKind::Config`] for a URL of an unknown kind.
    pub fn open(home: &Path, reach: Reach<'_>, options: &Options) -> Result<Self> {
        let dir = DirStore::open(home, Durability::Synced)?;
        let wrapped = |side: Side, store: Arc<dyn Store>| match &options.wrap {
            Some(wrap) => wrap(side, store),
            None => store,
        };
        let sending = Arc::<OnceLock<Listener>>::default();
        let listens = Arc::clone(&sending);
        let progress: Progress = Arc::new(move |at, done, size| {
            if let (Some(digest), Some(listener)) = (at.content(), listens.get()) {
                listener(&digest, done, size);
            }
        });
        let how = || RemoteOptions {
            memory: Some(dir.root().join("remotes")),
            progress: Some(progress),
            ..options.remote.clone()
        };
        let remote = match reach {
            Reach::Remote(url) => Some(remote::open(url, how())?),
            Reach::Home | Reach::Offline => None,
        };
        if let Some(remote) = &remote
            && remote.same_place(dir.root())
        {
            let message = format!("the remote `{}` is the lake's own home", dir.root().display());
            return Err(Error::new(ErrorKind::Config, message).with_hint("choose another folder"));
        }
        let usage = options.limit.map(|limit| Arc::new(Usage::new(dir.root(), limit)));
        if usage.is_none() {
            // Usage is not tracked from now on: an old count would be too low later.
            let _ = std::fs::remove_file(dir.root().join(usage::NAME));
        }
        let sweeps = remote.clone().map(|remote| Arc::new(Sweeps::of(dir.root(), remote)));
        let record_packs = Packs::default();
        let own = |durability| -> Arc<dyn Store> {
            let store = wrapped(Side::Local, Arc::new(dir.with_durability(durability)));
            record_packs.over(match &usage {
                Some(usage) => Arc::new(TrackUsage { store, usage: Arc::clone(usage) }),
                None => store,
            })
        };
        let catalog = Catalog {
            home: dir.id().into(),
            local: own(Durability::Synced),
            cache: own(Durability::Cached),
            remote: remote
                .clone()
                .map(|remote| -> Arc<dyn Store> { Arc::new(OfflineHint(wrapped(Side::Remote, remote.into_store()))) }),
            offline: reach == Reach::Offline,
            refused: Arc::default(),
            collections: Collections::new(options.window, clock::elapsed)
                .remembered_by(sweeps.clone().map(|sweeps| -> Arc<dyn SweepMemory> { sweeps })),
            packs: record_packs.clone(),
            claimed: Arc::default(),
        };
        let (wrap, options) = (options.wrap.clone(), options.remote.clone());
        let (transfers, ranges, packs) = (Semaphore::new(TRANSFERS), Default::default(), Default::default());
        Ok(Self { dir, catalog, remote, usage, options, wrap, transfers, ranges, packs, sending, sweeps })
    }

    /// The documents.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Whether the content here should be counted.
    pub fn may_be_full(&self) -> bool {
        self.usage.as_ref().is_some_and(|usage| usage.is_due())
    }

    /// Records a count, and at which usage the next is due.
    pub fn counted(&self, counted: u64, due_at: u64) -> Result<()> {
        match &self.usage {
            Some(usage) => usage.settle(counted, due_at, &self.scratch()?.file()?),
            None => Ok(()),
        }
    }

    /// A store to mirror to, decorated as the others.
    pub(crate) fn wrapped(&self, other: Arc<dyn Store>) -> Arc<dyn Store> {
        match &self.wrap {
            Some(wrap) => wrap(Side::Remote, other),
            None => other,
        }
    }

    /// The lake's home as a store, with what it has for this machine alone: runs, scratch, claims.
    pub fn dir(&self) -> &DirStore {
        &self.dir
    }

    /// Waits for a permit to transfer content.
    pub(crate) async fn transfer(&self) -> Result<SemaphorePermit<'_>> {
        self.transfers.acquire().await.map_err(|_| Error::new(ErrorKind::Io, "the lake is closed"))
    }

    /// The remote, for what it has besides objects: signed URLs, uploads that were left, its state.
    pub fn remote(&self) -> Option<&Remote> {
        self.remote.as_ref()
    }

    /// How long this machine may send no heartbeat where nothing else is said: longer where heartbeats show late.
    pub fn usual_lease(&self) -> Duration {
        self.remote.as_ref().map_or(DEFAULT_LEASE, Remote::usual_lease)
    }

    /// How the remote was to be opened.
    pub fn remote_options(&self) -> &RemoteOptions {
        &self.options
    }

    /// The documents of another lake, of which this machine has no copies.
    pub fn catalog_at(&self, other: Arc<dyn Store>) -> Catalog {
        let collections = Collections::new(self.catalog.collections.window, clock::elapsed);
        let (refused, packs) = (Arc::default(), Packs::default());
        Catalog { remote: Some(other), offline: false, refused, collections, packs, ..self.catalog.clone() }
    }

    /// The lake's home.
    pub fn home(&self) -> &Path {
        self.dir.root()
    }

    /// Whether both are of one directory, by whatever paths.
    pub fn is_same_home(&self, other: &Self) -> bool {
        let inode = |view: &Self| std::fs::metadata(view.home()).map(|found| (found.dev(), found.ino())).ok();
        self.dir.id() == other.dir.id() && inode(self).is_some_and(|home| inode(other) == Some(home))
    }

    /// Where this process writes unfinished files.
    pub fn scratch(&self) -> Result<Scratch> {
        self.dir.scratch()
    }

    /// Whether the content is on this machine, judged without reading it.
    pub fn has(&self, wanted: &Wanted<'_>) -> Result<bool> {
        Ok(self.dir.inspect(wanted.digest, wanted.size)? != Seal::Missing || self.rests_here(wanted)?)
    }

    /// Opens content for reading, and whether it had to be downloaded first.
    ///
    /// # Errors
    /// [`ErrorKind::MissingBlob`] if no store has it, [`ErrorKind::Corrupt`] if its bytes have another digest.
    pub async fn open_blob(&self, wanted: Wanted<'_>) -> Result<(Reader, bool)> {
        if let Some((bytes, fetched)) = self.packed(wanted).await? {
            return Ok((bytes.into(), fetched));
        }
        let path = self.dir.path_of(&Location::Blob(*wanted.digest));
        for _ in 0..EVICTIONS {
            let fetched = self.ensure(wanted).await?;
            match Reader::open(&path) {
                // Evicted since.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                opened => return Ok((opened.map_err(|e| Error::io("open", wanted.what, e))?, fetched)),
            }
        }
        Err(wanted.evicted())
    }

    /// A path to content, ending in `name`, that stays while the process lives.
    pub async fn path(&self, wanted: Wanted<'_>, name: &str) -> Result<(PathBuf, bool)> {
        let blob = self.dir.path_of(&Location::Blob(*wanted.digest));
        for _ in 0..EVICTIONS {
            let fetched = self.ensure(wanted).await?;
            match self.scratch()?.link_named(&blob, name) {
                // Evicted since.
                Err(error) if error.kind() == ErrorKind::MissingBlob => {}
                linked => return Ok((linked?, fetched)),
            }
        }
        Err(wanted.evicted())
    }

    /// Downloads content unless it is here and intact: whether it had to.
    pub async fn ensure(&self, wanted: Wanted<'_>) -> Result<bool> {
        let mut backoff = Backoff::up_to(Duration::from_millis(100));
        loop {
            match self.dir.inspect(wanted.digest, wanted.size)? {
                Seal::Intact => return Ok(false),
                Seal::Touched => return self.look_again(wanted).map(|()| false),
                Seal::Missing => {}
            }
            if let Some((bytes, fetched)) = self.packed(wanted).await? {
                return self.catalog.cache.create(&Location::Blob(*wanted.digest), &bytes).await.map(|_| fetched);
            }
            let Some(remote) = &self.catalog.remote else {
                let place = self.dir.root().display();
                let content = format!("the content of `{}` ({})", wanted.what, wanted.digest);
                let missing = |message| wanted.error(ErrorKind::MissingBlob, message);
                if self.catalog.offline {
                    let error = missing(format!("{content} is missing from the lake in {place}"));
                    return Err(error.with_hint("the lake is offline, so its remote was not asked"));
                }
                return Err(match self.elsewhere(wanted.digest) {
                    Some(there) => {
                        missing(format!("{content} is not in the lake in {place}, but {there}")).with_hint(there.hint())
                    }
                    None => missing(format!("{content} is missing from the lake in {place}")),
                });
            };
            // One download, however many threads and processes ask.
            match self.dir.try_claim(&claim_of(wanted.digest), "download")? {
                LockAttempt::Held { .. } => backoff.wait().await?,
                attempt => {
                    if self.dir.inspect(wanted.digest, wanted.size)? == Seal::Missing {
                        self.download(&**remote, wanted, matches!(attempt, LockAttempt::Won(_))).await?;
                        drop(attempt);
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// Where content is that neither this machine nor the remote has, if a store has it that the home remembers.
    pub fn elsewhere(&self, digest: &Digest) -> Option<Elsewhere> {
        if self.catalog.offline {
            // The configured one is not asked either: that is the reason then.
            return None;
        }
        let current = self.catalog.remote.as_ref().map(|remote| remote.describe());
        elsewhere::look(self.dir.root(), current.as_deref(), digest)
    }

    /// Hashes a blob whose file, or its time, was changed.
    fn look_again(&self, wanted: Wanted<'_>) -> Result<()> {
        let path = self.dir.path_of(&Location::Blob(*wanted.digest));
        let (digest, size) = hash_file(&path)?;
        if digest == *wanted.digest && size == wanted.size {
            return match self.dir.reseal(wanted.digest) {
                Err(error) if error.kind() == ErrorKind::Denied => Ok(()),
                other => other,
            };
        }
        let cure = match self.catalog.remote {
            Some(_) => "remove that file to download it again",
            None => "restore it from a copy; or delete it, and run the call that made it, or add the file, again",
        };
        Err(wanted.damaged(&path, digest, size, cure))
    }

    /// Reads a blob on one side: its real digest and size; `None` if it is not there.
    pub async fn read_through(&self, side: Side, digest: &Digest) -> Result<Option<(Digest, u64)>> {
        let store = match (side, &self.catalog.remote) {
            (Side::Local, _) => &self.catalog.local,
            (Side::Remote, Some(remote)) => remote,
            (Side::Remote, None) => return Ok(None),
        };
        let mut sink = Hashing::new(std::io::sink());
        let found = store.fetch(&Location::Blob(*digest), WHOLE, &mut sink).await?;
        Ok(found.map(|_| (sink.digest(), sink.size())))
    }

    /// Removes damaged content from this machine: whether there was any. Content is hashed only if its seal is broken. Open
    /// readers keep it.
    pub async fn discard_damaged(&self, digest: &Digest, size: u64) -> Result<bool> {
        if self.dir.inspect(digest, size)? != Seal::Touched {
            return Ok(false);
        }
        let at = Location::Blob(*digest);
        if hash_file(&self.dir.path_of(&at))? == (*digest, size) {
            self.dir.reseal(digest)?;
            return Ok(false);
        }
        self.catalog.local.remove(&at).await
    }

    /// Stores content, in place of a damaged copy.
    pub async fn restore(&self, digest: &Digest, size: u64, file: &Path) -> Result<()> {
        self.discard_damaged(digest, size).await?;
        self.catalog.put_blob(digest, file).await
    }

    /// As [`restore`](Self::restore), on this machine alone.
    ///
    /// # Errors
    /// Those of the file system.
    pub async fn restore_here(&self, digest: &Digest, size: u64, file: &Path) -> Result<()> {
        self.discard_damaged(digest, size).await?;
        self.catalog.here().put_blob(digest, file).await
    }

    /// As [`restore`](Self::restore), unsynced: whether [`sync`](DirStore::sync) must be called before anything names it.
    pub async fn restore_unsynced(&self, digest: &Digest, size: u64, file: &Path) -> Result<bool> {
        self.discard_damaged(digest, size).await?;
        self.catalog.put_blob_unsynced(digest, file).await
    }

    /// Where the content is, or would be, on this machine.
    pub fn place_of(&self, digest: &Digest) -> PathBuf {
        self.dir.path_of(&Location::Blob(*digest))
    }

    /// Tries to claim a call among the machines that share the remote, taking over the expired claim `dead`. `None` without a
    /// remote, or without permission to write there.
    pub async fn try_claim_among(&self, key: &CallKey, holder: &Holder, dead: Option<&Seen>) -> Result<Option<Among>> {
        let Some(remote) = &self.catalog.remote else { return Ok(None) };
        match HeartbeatLease::claim(Arc::clone(remote), key, holder, dead).await {
            Err(error) if error.kind() == ErrorKind::Denied => Ok(None),
            tried => tried.map(Some),
        }
    }

    /// Claims `what`, however long that takes. `None` where this file system has no locks.
    pub async fn claim(&self, what: &str, note: &str) -> Result<Option<FileLock>> {
        let mut backoff = Backoff::up_to(Duration::from_millis(200));
        loop {
            match self.dir.try_claim(what, note)? {
                LockAttempt::Won(lock) => return Ok(Some(lock)),
                LockAttempt::Unsupported => return Ok(None),
                LockAttempt::Held { .. } => backoff.wait().await?,
            }
        }
    }
}

/// What to claim before content is downloaded.
fn claim_of(digest: &Digest) -> String {
    format!("fetch-{digest}")
}
