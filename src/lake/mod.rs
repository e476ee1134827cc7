//! A lake: where files are, and what is remembered of how they came to be.

mod accept;
mod builder;
mod collect;
mod contact;
mod content;
mod current;
mod evict;
mod files;
mod folder;
mod mirror;
mod pull;
mod push;
mod repair;
mod secure;
mod sending;
mod tidy;
mod url;
mod verify;
mod write;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datlake_core::catalog::{Catalog, Known};
use datlake_core::flight::Flights;
use datlake_core::record::Record;
use datlake_core::{CallKey, Digest, Error, ErrorKind, Result, Uid, UidKind};
use datlake_store::{Permits, Vault};
use futures_util::stream::{self, StreamExt as _};

pub use builder::LakeBuilder;
pub use collect::Collect;
pub(crate) use content::{Content, each};
pub use evict::Evict;
pub use files::Files;
pub use mirror::Mirror;
pub(crate) use secure::Patience;
pub use verify::Verify;
pub(crate) use write::claim_of;
pub use write::{AsyncLakeWriter, LakeWriter};

pub(crate) use crate::nearest::nearest;
pub(crate) use crate::sync::lock;

use crate::context::{self, Context, Entered, Scoped};
use crate::event::Event;
use crate::file::{File, Tree};
use crate::journal::Journal;
use crate::provenance::Provenance;
use crate::report::{Damage, is_damage};

/// How many names are looked up at a time.
pub(crate) const AT_ONCE: usize = 64;

/// A lake: a store on this machine and, optionally, a remote it shares with others.
///
/// Cheap to clone: clones are handles of one lake.
///
/// ```
/// use datlake::{File, Lake};
/// # fn main() -> datlake::Result<()> {
/// let lake = Lake::temp()?;
/// lake.add_bytes("greetings/en.txt", b"hello")?;
/// assert_eq!(lake.file("greetings/en.txt")?.read_to_string()?, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Lake(Arc<Inner>);

type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

struct Inner {
    vault: Arc<Vault>,
    provenance: Arc<Provenance>,
    journal: Arc<Journal>,
    flights: Flights,
    permits: Permits,
    remembered: Mutex<HashMap<CallKey, Arc<Record>>>,
    observers: Mutex<Vec<Observer>>,
    /// What people call the content that may be on its way to the remote.
    sending: Mutex<HashMap<Digest, String>>,
    /// Bodies run and nothing is remembered.
    bypass: bool,
    /// How many bytes of content this machine is to keep at most.
    cache_limit: Option<u64>,
    /// How long other machines may miss a sign of life of this one.
    lease: Duration,
    learned: AtomicBool,
    told_refused: AtomicBool,
    /// The collection whose sweep took longer than anybody waits.
    outlasting: Mutex<Option<u64>>,
    serial: AtomicU64,
    /// A lake that goes when its last handle does.
    _temporary: Option<tempfile::TempDir>,
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lake").field("home", &self.home()).field("remote", &self.remote()).finish()
    }
}

/// Handles of the same lake are equal.
impl PartialEq for Lake {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Lake {}

impl Lake {
    /// The current lake: the one entered on this thread or in this future, else the only one that is open, else the default
    /// one of the configuration, which is opened then.
    ///
    /// # Errors
    /// [`ErrorKind::Context`] where several lakes are open and none is current; those of opening the default lake.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// let _current = lake.enter();
    /// assert_eq!(datlake::Lake::current()?, lake);
    /// # Ok(())
    /// # }
    /// ```
    pub fn current() -> Result<Self> {
        current::lake()
    }

    /// Opens a lake under settings of one's own.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// let lake = datlake::Lake::builder().home(dir.path().join("lake")).email("ada@example.org").open()?;
    /// assert!(lake.list("")?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> LakeBuilder {
        LakeBuilder::default()
    }

    /// A new, empty lake in a temporary directory that goes with its last handle: for tests.
    ///
    /// # Errors
    /// Those of making a temporary directory.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// assert!(lake.home().exists() && lake.remote().is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn temp() -> Result<Self> {
        Self::builder().open_temp()
    }

    /// Makes this lake the current one of this thread, until the guard is dropped.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("a.txt", "a")?;
    /// let _current = lake.enter();
    /// assert_eq!(datlake::File::get("a.txt")?.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn enter(&self) -> Entered {
        context::enter(Context { lake: Some(self.clone()), body: context::body() })
    }

    /// A future in which this lake is the current one.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("a.txt", "a")?;
    /// let file = lake.scope(datlake::File::get_async("a.txt")).await?;
    /// assert_eq!(file.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        let _inside = self.enter();
        context::here().scope(future)
    }

    /// The directory of this machine's store.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// assert!(lake.home().join("datlake.json").exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn home(&self) -> &Path {
        self.0.vault.home()
    }

    /// The store shared with other machines, for people: a path or a URL without credentials.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// let lake = datlake::Lake::builder().home(dir.path().join("home")).remote("s3://bucket/lake").open()?;
    /// assert_eq!(lake.remote().as_deref(), Some("s3://bucket/lake")); // nothing was asked of it yet
    /// # Ok(())
    /// # }
    /// ```
    pub fn remote(&self) -> Option<String> {
        self.catalog().remote.as_ref().map(|remote| remote.describe())
    }

    /// Whether there is a remote that is not asked, as under `DATLAKE_OFFLINE=1`.
    pub fn is_offline(&self) -> bool {
        self.catalog().offline
    }

    /// Tells `observer` everything that happens in this lake through this process from now on.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.observe(|event| println!("{event:?}"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn observe(&self, observer: impl Fn(&Event) + Send + Sync + 'static) {
        lock(&self.0.observers).push(Arc::new(observer));
    }

    /// The file called `uid`. Nothing is downloaded.
    ///
    /// In a body, `uid` is recorded as an input of the call.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], which names the nearest UIDs; [`ErrorKind::InvalidInput`] for what is no UID.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("corpora/alice.txt", "down the rabbit hole")?;
    /// assert_eq!(lake.file("corpora/alice.txt")?.len(), 20);
    ///
    /// let error = lake.file("corpora/alise.txt").unwrap_err();
    /// assert!(error.to_string().contains("the nearest names are `corpora/alice.txt`"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn file(&self, uid: &str) -> Result<File> {
        let uid: Uid = uid.parse()?;
        if let UidKind::Member { tree, path } = uid.kind() {
            // What a body gets of a tree is fixed by the tree.
            return Tree::try_from(self.file(tree.as_str())?)?.get(&path);
        }
        let found = pollster::block_on(self.find(&uid)).and_then(|file| file.ok_or_else(|| self.not_found(&uid)));
        match &found {
            Ok(file) => context::body().iter().for_each(|body| body.note_fetched(&uid, file)),
            Err(error) => context::certain_body().iter().for_each(|body| body.note_failed(error)),
        }
        found
    }

    /// Whether the lake has a file called `uid`.
    ///
    /// # Errors
    /// [`ErrorKind::Context`] in a body: whether a file exists must not decide what a remembered call returns.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// assert!(!lake.exists("a.txt")?);
    /// lake.add_bytes("a.txt", "a")?;
    /// assert!(lake.exists("a.txt")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn exists(&self, uid: &str) -> Result<bool> {
        refuse_in_body("look whether a file exists")?;
        Ok(pollster::block_on(self.find(&uid.parse()?))?.is_some())
    }

    /// The files with chosen names below the folder `prefix` (all if it is empty), sorted by UID. A damaged document hides
    /// its own file only, and is named in [`Files::damaged`].
    ///
    /// # Errors
    /// [`ErrorKind::Context`] in a body: what is in the lake must not decide what a remembered call returns.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("notes/a.txt", "a")?;
    /// lake.add_bytes("b.txt", "b")?;
    /// assert_eq!(lake.list("notes")?[0].name(), "a.txt");
    /// assert_eq!(lake.list("")?.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self, prefix: &str) -> Result<Files> {
        refuse_in_body("list the lake")?;
        pollster::block_on(async {
            self.contact_remote().await?;
            let folder = prefix.trim_end_matches('/');
            let folder = if folder.is_empty() { None } else { Some(Uid::chosen(folder)?) };
            let names = self.catalog().names(folder.as_ref()).await?;
            let mut found = stream::iter(folder.into_iter().chain(names))
                .map(|uid| async move { (self.find(&uid).await, uid) })
                .buffered(AT_ONCE);
            let mut files = Files::default();
            while let Some((file, uid)) = found.next().await {
                match file {
                    // A name whose call never finished shows nothing.
                    Ok(file) => files.files.extend(file),
                    Err(error) if is_damage(&error) => {
                        files.damaged.push(Damage { what: uid.to_string(), error: error.to_string() });
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(files)
        })
    }

    /// Removes the file called `uid`. Of a call's output, the call is forgotten with everything it returned: it would run
    /// again. Returns the UIDs that are gone; none if there was no such file. Content stays until it is collected.
    ///
    /// # Errors
    /// [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("a.txt", "first")?;
    /// assert_eq!(lake.remove("a.txt")?.len(), 1);
    /// lake.add_bytes("a.txt", "second")?; // the name is free again
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, uid: &str) -> Result<Vec<Uid>> {
        refuse_in_body("remove a file")?;
        let uid: Uid = uid.parse()?;
        let (person, at) = (self.0.provenance.person()?, crate::provenance::now());
        let gone = pollster::block_on(async {
            self.contact_remote().await?;
            let serial = || format!("{}-{}", at.replace([':', '.'], ""), self.nonce());
            self.catalog().remove(&uid, &person, &at, serial).await
        })?;
        self.forget_remembered();
        Ok(gone)
    }

    /// Removes what this process has begun to write to this machine's store and not finished, before it ends: for programs
    /// that handle signals. What writes at that time fails, and what begins to write waits until the process has ended.
    /// Without this, the next process that writes clears up.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.abandon_writes(); // and then `std::process::exit(130)`
    /// # Ok(())
    /// # }
    /// ```
    pub fn abandon_writes(&self) {
        self.vault().end_scratch();
    }

    /// The file called `uid`, wherever it is.
    pub(crate) async fn find(&self, uid: &Uid) -> Result<Option<File>> {
        if let UidKind::Member { tree, path } = uid.kind() {
            let Some(tree) = self.known(&tree).await? else { return Ok(None) };
            return Tree::try_from(File::known(self, tree))?.find(&path).await;
        }
        Ok(self.known(uid).await?.map(|known| File::known(self, known)))
    }

    async fn known(&self, uid: &Uid) -> Result<Option<Known>> {
        if let Some(known) = self.catalog().here().file(uid).await? {
            return Ok(Some(known));
        }
        self.contact_remote().await?;
        self.catalog().file(uid).await
    }

    fn not_found(&self, uid: &Uid) -> Error {
        let mut message = format!("the lake in `{}` has no file `{uid}`", self.home().display());
        if let UidKind::Output { creator, key, .. } = uid.kind() {
            message.push_str(&format!(", because call {creator}/{} has not been made or was removed", key.short()));
        } else {
            // A hint is worth a look at the names, and no second error.
            let names = pollster::block_on(self.catalog().names(None)).unwrap_or_default();
            let near = nearest(uid.as_str(), names.iter().map(Uid::as_str));
            if near.is_empty() {
                message.push_str(if names.is_empty() { "; it has no named files at all" } else { "" });
            } else {
                message.push_str(&format!("; the nearest names are {}", near.join(", ")));
            }
        }
        if self.is_offline() {
            message.push_str(" (offline: only this machine was asked)");
        }
        Error::new(ErrorKind::NotFound, message)
    }

    // ---- for the rest of the crate

    pub(crate) fn vault(&self) -> &Arc<Vault> {
        &self.0.vault
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        self.0.vault.catalog()
    }

    pub(crate) fn provenance(&self) -> &Provenance {
        &self.0.provenance
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.0.journal
    }

    pub(crate) fn flights(&self) -> &Flights {
        &self.0.flights
    }

    pub(crate) fn permits(&self) -> &Permits {
        &self.0.permits
    }

    pub(crate) fn lease(&self) -> Duration {
        self.0.lease
    }

    pub(crate) fn cache_limit(&self) -> Option<u64> {
        self.0.cache_limit
    }

    pub(crate) fn bypass(&self) -> bool {
        self.0.bypass
    }

    pub(crate) fn emit(&self, event: &Event) {
        event.trace();
        let observers: Vec<Observer> = lock(&self.0.observers).clone();
        for observer in observers {
            observer(event);
        }
    }

    /// Something was published: says once if it went no further than this machine, and makes room where that is due.
    pub(crate) fn note_published(&self) {
        if self.catalog().is_refused() && !self.0.told_refused.swap(true, Ordering::AcqRel) {
            self.emit(&Event::Refused { remote: self.remote().unwrap_or_default() });
        }
        self.relieve(None);
    }

    /// A text that nobody else writes.
    pub(crate) fn nonce(&self) -> String {
        format!("{}-{}", self.0.provenance.run(), self.0.serial.fetch_add(1, Ordering::Relaxed))
    }
}

/// What decides what a body does must be in its key.
pub(crate) fn refuse_in_body(what: &str) -> Result<()> {
    let Some(body) = context::certain_body() else { return Ok(()) };
    let message = format!(
        "cannot {what} in the body of `{}`: what the lake holds is not part of the call's key; do it outside and pass the result as an argument",
        body.creator()
    );
    Err(Error::new(ErrorKind::Context, message))
}
