//! A lake's store in a bucket: S3 and what speaks like it, Azure Blob, Google Cloud Storage.
//!
//! Invariants:
//! - No client is made and no thread starts before something is asked of the store.
//! - Every exchange runs on datlake's own runtime; futures of this module may be awaited, or blocked on, anywhere.
//! - All retries are in `retry`, all understanding of errors in `failure`. No credential is in an error or in `describe`.
//! - An object is created by a request that the server itself makes conditional. Only large blobs come in parts, which no
//!   provider completes on a condition everywhere: there the name says what the bytes are, so nothing can be replaced by
//!   anything else.

mod address;
mod answer;
#[cfg(feature = "azure")]
mod azure;
mod bandwidth;
mod client;
mod failure;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod journal;
#[cfg(feature = "aws")]
mod left_over;
mod listing;
mod others;
mod outside;
mod plain;
#[cfg(feature = "aws")]
mod profile;
mod ready;
mod retry;
mod sign;
mod texts;
mod transfer;
mod upload;
mod watch;

use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use datlake_core::{Created, Error, ErrorKind, Location, Pending, Prefix, Result, Sink, Store, Visit, VisitLevel};
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use tokio::sync::{OnceCell, Semaphore, mpsc};

use self::address::Address;
use self::bandwidth::Bandwidth;
use self::client::Client;
use self::failure::{Failed, late, understand};
use self::retry::{Tries, patiently};
use crate::options::RemoteOptions;
use crate::remote_identity::RemoteIdentity;
use crate::runtime;

/// The longest key that S3 and Google Cloud Storage take, in bytes.
const LONGEST_KEY: usize = 1024;
/// How long an answer to a small request may take before it is asked for again.
const PATIENCE: Duration = Duration::from_secs(30);
/// Smaller content ignores the bandwidth limit.
const SMALL: usize = 256 << 10;
/// Small requests at a time.
const REQUESTS: usize = 64;
/// Pages of a listing that are buffered.
const PAGES: usize = 2;

/// Parts in memory, of all transfers through one store.
const PARTS: usize = 16;

/// A store in a bucket.
#[derive(Clone)]
pub(crate) struct ObjectStore(Arc<Shared>);

struct Shared {
    address: Address,
    identity: OnceLock<RemoteIdentity>,
    options: RemoteOptions,
    client: OnceLock<Result<Client>>,
    ready: OnceCell<()>,
    bandwidth: OnceLock<Bandwidth>,
    requests: Semaphore,
    parts: Arc<Semaphore>,
}

impl std::fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ObjectStore({})", self.0.address.shown)
    }
}

impl ObjectStore {
    /// The store at `url`. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a URL that names no place in an object store.
    pub(crate) fn open(url: &str, options: RemoteOptions) -> Result<Self> {
        let address = Address::parse(url)?;
        Ok(Self(Arc::new(Shared {
            address,
            identity: OnceLock::new(),
            options,
            client: OnceLock::new(),
            ready: OnceCell::new(),
            bandwidth: OnceLock::new(),
            requests: Semaphore::new(REQUESTS),
            parts: Arc::new(Semaphore::new(PARTS)),
        })))
    }

    /// What the home remembers of it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where a setting is missing or wrong.
    pub(crate) fn identity(&self) -> Result<&RemoteIdentity> {
        self.0.identity()
    }

    /// Runs `work` on the network's runtime.
    fn on_network<'a, T, F>(&self, work: impl FnOnce(Arc<Shared>) -> F) -> Pending<'a, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        Box::pin(runtime::on_network(work(Arc::clone(&self.0))))
    }
}

impl Shared {
    fn client(&self) -> Result<&Client> {
        self.client.get_or_init(|| Client::new(&self.address, &self.options.variables())).as_ref().map_err(Clone::clone)
    }

    /// The key of an object.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for one that is too long. A call whose longest key would be is refused when its record is
    /// first asked for, before its body runs.
    fn key(&self, at: &Location) -> Result<Key> {
        let key = self.address.key(&at.path());
        let longest = self.address.key(&at.longest_path()).len();
        if longest > LONGEST_KEY {
            let cure = match at.creator() {
                Some(_) => "give the creator a shorter one by `name = \"…\"`",
                None => "choose a shorter UID",
            };
            let message = format!(
                "a name is too long for {}: `{}` makes a key of {longest} bytes, and a bucket takes {LONGEST_KEY}; {cure}, or use a remote with a shorter path",
                self.address.shown,
                at.path()
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Key::parse(&key).map_err(|e| {
            Error::new(ErrorKind::InvalidInput, format!("`{key}` cannot be a key of {}", self.address.shown)).because(e)
        })
    }

    fn understand(&self, error: object_store::Error, operation: &str, key: &Key) -> Failed {
        let object = self.address.path(key.as_ref()).unwrap_or_else(|| key.as_ref());
        understand(error, operation, object, &self.address.shown)
    }

    /// One small request: its answer in good time, or none.
    async fn ask<T>(
        &self,
        operation: &str,
        key: &Key,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Failed> {
        // The semaphore is never closed; if it were, requests would be unbounded and not stuck.
        let _permit = self.requests.acquire().await.ok();
        match tokio::time::timeout(PATIENCE, request).await {
            Ok(answer) => answer.map_err(|error| self.understand(error, operation, key)),
            Err(_) => Err(late(operation, key.as_ref(), &self.address.shown)),
        }
    }

    /// One request with content, limited by the client's timeout.
    async fn exchange<T>(
        &self,
        operation: &str,
        key: &Key,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Failed> {
        let _permit = self.requests.acquire().await.ok();
        request.await.map_err(|error| self.understand(error, operation, key))
    }

    /// The bandwidth that large content shares.
    fn bandwidth(&self) -> Result<&Bandwidth> {
        let limit = self.client()?.limit;
        Ok(self.bandwidth.get_or_init(|| Bandwidth::new(limit)))
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        let client = self.client()?;
        let got =
            patiently(|| self.exchange("read", key, async { client.objects.get(key).await?.bytes().await })).await;
        absent(got)
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>> {
        let client = self.client()?;
        let asked = patiently(|| self.ask("look for", key, client.objects.head(key))).await.map(|meta| meta.size);
        match asked {
            // Why it refuses, such as a session that has ended, stands in the body of the answer to a GET.
            Err(Failed::NoReason(_)) => {
                let options = || GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() };
                match patiently(|| self.ask("look for", key, client.objects.get_opts(key, options()))).await {
                    Err(Failed::BeyondEnd) => Ok(Some(0)),
                    got => absent(got.map(|got| got.meta.size)),
                }
            }
            asked => absent(asked),
        }
    }

    /// Creates an object in one request.
    async fn create(&self, key: &Key, bytes: Bytes) -> Result<Created> {
        let mut tries = Tries::default();
        let created = self.put(key, &bytes, &mut tries).await?;
        if created == Created::Exists && tries.unsure {
            // Documents carry a text that no other writer has: the same bytes are our own, whose reply got lost.
            let ours = self.get(key).await?.is_some_and(|there| there == bytes);
            return Ok(if ours { Created::New } else { Created::Exists });
        }
        Ok(created)
    }

    /// The store's last answer. After a lost reply, [`Created::Exists`] may mean our own object.
    async fn put(&self, key: &Key, bytes: &Bytes, tries: &mut Tries) -> Result<Created> {
        if self.options.unsafe_creates && self.size(key).await?.is_some() {
            return Ok(Created::Exists);
        }
        let mode = if self.options.unsafe_creates { PutMode::Overwrite } else { PutMode::Create };
        let client = self.client()?;
        loop {
            let options = PutOptions { mode: mode.clone(), ..PutOptions::default() };
            let put = client.objects.put_opts(key, PutPayload::from_bytes(bytes.clone()), options);
            let put = self.exchange("create", key, put);
            let put = match bytes.len() {
                ..SMALL => put.await,
                large => self.bandwidth()?.send(large as u64, put).await,
            };
            match put {
                Ok(_) => return Ok(Created::New),
                Err(Failed::Exists) => return Ok(Created::Exists),
                Err(failed) => tries.next(failed).await.map_err(|failed| match failed {
                    // A write says so only where there is no bucket.
                    Failed::Absent => self.no_bucket(),
                    failed => unexpected(failed),
                })?,
            }
        }
    }

    async fn remove(&self, key: &Key) -> Result<bool> {
        let client = self.client()?;
        if !client.misses_deleted && self.size(key).await?.is_none() {
            return Ok(false);
        }
        let mut tries = Tries::default();
        loop {
            match self.ask("remove", key, client.objects.delete(key)).await {
                Ok(()) => return Ok(true),
                // An earlier attempt may have done it.
                Err(Failed::Absent) => return Ok(tries.unsure),
                Err(failed) => tries.next(failed).await.map_err(unexpected)?,
            }
        }
    }

    fn no_bucket(&self) -> Error {
        let message =
            format!("there is no such bucket as in {}: make it, or correct the URL of the remote", self.address.shown);
        Error::new(ErrorKind::Config, message)
    }
}

/// An absent object is no error.
fn absent<T>(found: Result<T, Failed>) -> Result<Option<T>> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(Failed::Absent) => Ok(None),
        Err(failed) => Err(unexpected(failed)),
    }
}

/// The error of a failure that was not expected.
fn unexpected(failed: Failed) -> Error {
    match failed {
        Failed::Error { error, .. } | Failed::NoReason(error) => error,
        Failed::Absent => Error::new(ErrorKind::Io, "the store says that there is no such object, or no such bucket"),
        Failed::Exists => Error::new(ErrorKind::Io, "the store says that the object exists, where nobody asked"),
        Failed::BeyondEnd => Error::new(ErrorKind::Io, "the store says that the object is shorter than it was"),
    }
}

impl Store for ObjectStore {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        let at = at.clone();
        self.on_network(|shared| async move {
            let got = shared.get(&shared.key(&at)?).await?;
            if at == Location::Lake {
                shared.identify(got.as_deref())?;
            }
            Ok(got.map(Vec::from))
        })
    }

    fn fetch<'a>(&'a self, at: &'a Location, range: Range<u64>, sink: Sink<'a>) -> Pending<'a, Option<u64>> {
        Box::pin(async move {
            let (shared, at, (send, mut chunks)) = (Arc::clone(&self.0), at.clone(), mpsc::channel(1));
            let sending = runtime::start(async move { shared.download(&shared.key(&at)?, range, send).await })?;
            while let Some(chunk) = chunks.recv().await {
                let unwritten = |e: io::Error| match e.downcast::<Error>() {
                    Ok(error) => error,
                    Err(e) => Error::io("write", "what was downloaded", e),
                };
                sink.write_all(&chunk.bytes).map_err(unwritten)?;
            }
            sending.await
        })
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        let (at, bytes) = (at.clone(), Bytes::copy_from_slice(bytes));
        self.on_network(|shared| async move {
            let key = shared.key(&at)?;
            shared.ready().await?;
            shared.create(&key, bytes).await
        })
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        Box::pin(async move {
            let (shared, place, file) = (Arc::clone(&self.0), at.clone(), file.to_owned());
            // One at a time: the upload waits for the progress callback.
            let (told, mut hears) = mpsc::channel(1);
            let sending = runtime::start(async move {
                let key = shared.key(&place)?;
                shared.ready().await?;
                shared.upload(&key, (place.digest(), place.content().is_some()), &file, told).await
            })?;
            let progress = |sent, size| {
                if let Some(progress) = &self.0.options.progress {
                    progress(at, sent, size);
                }
            };
            let mut all = None;
            while let Some((sent, size)) = hears.recv().await {
                all = Some(size);
                if sent < size {
                    progress(sent, size);
                }
            }
            let created = sending.await?;
            if let Some(size) = all {
                progress(size, size);
            }
            Ok(created)
        })
    }

    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        let at = at.clone();
        self.on_network(|shared| async move { shared.size(&shared.key(&at)?).await })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix, visit: Visit<'a>) -> Pending<'a, ()> {
        Box::pin(async move {
            let (shared, prefix, (send, mut pages)) = (Arc::clone(&self.0), prefix.clone(), mpsc::channel(PAGES));
            let listing = runtime::start(async move { shared.list(prefix, send).await })?;
            while let Some(page) = pages.recv().await {
                if page.into_iter().try_for_each(&mut *visit).is_break() {
                    return Ok(());
                }
            }
            listing.await
        })
    }

    fn list_level<'a>(&'a self, prefix: &'a Prefix, visit: VisitLevel<'a>) -> Pending<'a, ()> {
        Box::pin(async move {
            let (shared, prefix, (send, mut pages)) = (Arc::clone(&self.0), prefix.clone(), mpsc::channel(PAGES));
            let listing = runtime::start(async move { shared.list_level(prefix, send).await })?;
            while let Some(page) = pages.recv().await {
                if page.into_iter().try_for_each(&mut *visit).is_break() {
                    return Ok(());
                }
            }
            listing.await
        })
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        let at = at.clone();
        self.on_network(|shared| async move { shared.remove(&shared.key(&at)?).await })
    }

    fn describe(&self) -> String {
        self.0.address.shown.clone()
    }
}
