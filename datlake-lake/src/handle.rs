//! A handle of a lake, and its parts.
//!
//! This module knows no file, no scope and no call. What can be done with a lake is in [`lake`](crate::lake), above the files.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use datlake_core::catalog::Catalog;
use datlake_core::flight::Flights;
use datlake_core::lineage::Lineage;
use datlake_core::record::Record;
use datlake_core::returned::ReturnedValues;
use datlake_core::tree::AddressedFile;
use datlake_core::{CreatorName, Digest, Location, Result, Uid};
use datlake_store::{LocalView, Maker, Outside, Permits};

use crate::at_end::Ends;
use crate::claims::OtherClaims;
use crate::event::Event;
use crate::journal::RunJournal;
use crate::last_packs::LastPacks;
use crate::located::Located;
use crate::mode::Mode;
use crate::provenance::Provenance;
use crate::receiver::Receiver;
use crate::remembered::RememberedCalls;
use crate::sync::lock;

/// A lake: a store on this machine and, optionally, a remote it shares with others.
///
/// Cheap to clone: clones are handles of one lake.
///
/// ```
/// use datlake::{File, Lake};
/// let lake = Lake::temp()?;
/// lake.add_bytes("greetings/en.txt", b"hello")?;
/// assert_eq!(lake.file("greetings/en.txt")?.read_to_string()?, "hello");
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Clone)]
pub struct Lake(pub(crate) Arc<Inner>);

pub(crate) type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// What the handles of one lake share.
pub(crate) struct Inner {
    pub(crate) local_view: Arc<LocalView>,
    pub(crate) provenance: Arc<Provenance>,
    pub(crate) journal: Arc<RunJournal>,
    /// Ends with the lake.
    pub(crate) _last_packs: Arc<LastPacks>,
    /// Who receives what bodies do.
    pub(crate) receiver: Option<Arc<Receiver>>,
    /// What tells them, in a program that can.
    pub(crate) reporter: Arc<ReporterSlot>,
    pub(crate) flights: Mutex<(Maker, Flights)>,
    pub(crate) permits: Permits,
    pub(crate) claims: OtherClaims,
    pub(crate) remembered: Mutex<RememberedCalls>,
    pub(crate) returned: ReturnedValues,
    pub(crate) observers: Mutex<Vec<Observer>>,
    /// What people call the content that may be on its way to the remote.
    pub(crate) sending: Mutex<HashMap<Digest, String>>,
    pub(crate) mode: Mode,
    /// What ran before, of each creator whose bodies ran here; `None` where nobody asked why bodies run.
    pub(crate) earlier: Option<Mutex<HashMap<CreatorName, Arc<Vec<Lineage>>>>>,
    /// Calls of each creator that would have run, where no body runs.
    pub(crate) missed: Mutex<HashMap<CreatorName, u64>>,
    /// How many bytes of content this machine is to keep at most.
    pub(crate) cache_limit: Option<u64>,
    /// How long other machines may miss a heartbeat of this one.
    pub(crate) lease: Duration,
    pub(crate) learned: AtomicBool,
    /// Held by who contacts the remote for the first time.
    pub(crate) contacting: futures_util::lock::Mutex<()>,
    /// The marks of versions that were pruned, once they were listed.
    pub(crate) pruned: Mutex<Option<Arc<HashSet<Location>>>>,
    /// Names of which the remote was asked what they lead to.
    pub(crate) refreshed: Mutex<HashSet<Uid>>,
    /// Why it was not reached when it was asked that.
    pub(crate) unreachable: Mutex<Option<String>>,
    pub(crate) told_refused: AtomicBool,
    /// The remote held no lake when it was first asked.
    pub(crate) new_remote: AtomicBool,
    /// The collection whose sweep took longer than anybody waits.
    pub(crate) outlasting: Mutex<Option<u64>>,
    /// What may be read outside of the lake.
    pub(crate) outside: Mutex<Outside>,
    /// What was in files outside that were brought in.
    pub(crate) brought: Mutex<HashMap<AddressedFile, Digest>>,
    /// The ranges of files of trees that were used.
    pub(crate) ranges: Mutex<HashMap<Digest, Digest>>,
    /// Where files of ranges of commits rest.
    pub(crate) located: Mutex<Located>,
    pub(crate) serial: AtomicU64,
    /// A lake that goes when its last handle does.
    pub(crate) temporary: Option<tempfile::TempDir>,
    pub(crate) maker: Maker,
}

/// What sends to the receiver, in the process whose bodies run.
pub trait Reporter: Send + Sync {
    /// A body began or ended in `lake`, and that is written down.
    fn noted(&self, lake: &Lake);
    /// The thread ends that opened the lake.
    fn end(&self);
}

/// The reporter of a lake, once a body ran there.
#[derive(Default)]
pub(crate) struct ReporterSlot(OnceLock<Box<dyn Reporter>>);

impl Ends for ReporterSlot {
    fn end(&self) {
        if let Some(reporter) = self.0.get() {
            reporter.end();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A temporary lake is its maker's to remove, not a forked child's.
        if !self.maker.is_here()
            && let Some(temporary) = self.temporary.take()
        {
            let _ = temporary.keep();
        }
    }
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lake").field("home", &self.home()).field("remote", &self.remote()).finish()
    }
}

/// Handles of the same lake are equal: of one home, by whatever path.
impl PartialEq for Lake {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.local_view.is_same_home(&other.0.local_view)
    }
}

impl Eq for Lake {}

impl Lake {
    /// The directory of this machine's store.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// assert!(lake.home().join("datlake.json").exists());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn home(&self) -> &Path {
        self.0.local_view.home()
    }

    /// The store shared with other machines, for people: a path or a URL without credentials.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// let lake = datlake::Lake::builder().home(dir.path().join("home")).remote("s3://bucket/lake").open()?;
    /// assert_eq!(lake.remote().as_deref(), Some("s3://bucket/lake")); // nothing was asked of it yet
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn remote(&self) -> Option<String> {
        self.catalog().remote.as_ref().map(|remote| remote.describe())
    }

    /// Whether there is a remote that is not asked, as under `DATLAKE_OFFLINE=1`.
    pub fn is_offline(&self) -> bool {
        self.catalog().offline
    }

    /// What the lake does about calls whose values it does not hold.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// Tells `observer` everything that happens in this lake through this process from now on.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.observe(|event| println!("{event:?}"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn observe(&self, observer: impl Fn(&Event) + Send + Sync + 'static) {
        lock(&self.0.observers).push(Arc::new(observer));
    }

    /// Removes what this process has begun to write to this machine's store and not finished, before it ends: for programs
    /// that handle signals. What writes at that time fails, and what begins to write waits until the process has ended.
    /// Without this, the next process that writes clears up.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.abandon_writes(); // and then `std::process::exit(130)`
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn abandon_writes(&self) {
        self.local_view().dir().end_scratch();
    }
}

/// For the engine of calls.
#[doc(hidden)]
impl Lake {
    pub fn local_view(&self) -> &Arc<LocalView> {
        &self.0.local_view
    }

    pub fn catalog(&self) -> &Catalog {
        self.0.local_view.catalog()
    }

    pub fn provenance(&self) -> &Provenance {
        &self.0.provenance
    }

    pub fn journal(&self) -> &RunJournal {
        &self.0.journal
    }

    /// The calls that this process runs. A forked child runs none of its parent's.
    pub fn flights(&self) -> Flights {
        let mut flights = lock(&self.0.flights);
        if !flights.0.is_here() {
            *flights = (Maker::this(), Flights::default());
        }
        flights.1.clone()
    }

    pub fn permits(&self) -> &Permits {
        &self.0.permits
    }

    pub fn claims(&self) -> &OtherClaims {
        &self.0.claims
    }

    pub fn lease(&self) -> Duration {
        self.0.lease
    }

    pub(crate) fn cache_limit(&self) -> Option<u64> {
        self.0.cache_limit
    }

    /// Whether each body that runs is explained.
    pub fn explains(&self) -> bool {
        self.0.earlier.is_some()
    }

    /// The calls of a creator, the latest first; where bodies are explained, those that were there when one first was.
    pub async fn earlier_calls(&self, creator: &CreatorName) -> Result<Arc<Vec<Lineage>>> {
        let known = self.0.earlier.as_ref().and_then(|earlier| lock(earlier).get(creator).cloned());
        if let Some(known) = known {
            return Ok(known);
        }
        let records = self.catalog().records_of(creator).await?;
        let found = Arc::new(records.iter().map(Record::lineage).collect::<Result<Vec<_>>>()?);
        if let Some(earlier) = &self.0.earlier {
            lock(earlier).insert(creator.clone(), Arc::clone(&found));
        }
        Ok(found)
    }

    /// Counts a call that would have run: how many of its creator there were before.
    pub fn count_missed(&self, creator: &CreatorName) -> u64 {
        let mut missed = lock(&self.0.missed);
        let count = missed.entry(creator.clone()).or_default();
        *count += 1;
        *count - 1
    }

    /// Who receives what bodies do.
    pub fn receiver(&self) -> Option<&Receiver> {
        self.0.receiver.as_deref()
    }

    /// A body began or ended: says so to who sends that, made where there is none yet.
    pub fn report(&self, make: impl FnOnce(&Self, &Receiver) -> Box<dyn Reporter>) {
        if let Some(receiver) = self.receiver().filter(|_| self.0.mode.stores()) {
            self.0.reporter.0.get_or_init(|| make(self, receiver)).noted(self);
        }
    }

    pub fn emit(&self, event: &Event) {
        event.trace();
        let observers: Vec<Observer> = lock(&self.0.observers).clone();
        for observer in observers {
            observer(event);
        }
    }

    /// A text that nobody else writes.
    pub fn nonce(&self) -> String {
        let (run, number) = (self.0.provenance.run(), self.0.serial.fetch_add(1, Ordering::Relaxed));
        // A forked child goes on counting where its parent does.
        match self.0.maker.is_here() {
            true => format!("{run}-{number}"),
            false => format!("{run}-{}-{number}", std::process::id()),
        }
    }
}
