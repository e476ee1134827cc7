//! Opening a lake.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datlake_core::claim::LONGEST_LEASE;
use datlake_core::flight::Flights;
use datlake_core::returned::ReturnedValues;
use datlake_core::{Error, ErrorKind, Result};
use datlake_store::{LocalView, Maker, Options, Outside, Permits, Reach, Wrap};

use super::opened::register;
use crate::at_end::at_end;
use crate::claims::OtherClaims;
use crate::config::{self, Settings};
use crate::handle::{Inner, Lake, ReporterSlot};
use crate::journal::RunJournal;
use crate::last_packs::LastPacks;
use crate::mode::Mode;
use crate::provenance::Provenance;
use crate::receiver::Receiver;
use crate::requests;

/// Settings of a lake that a program opens by itself. What is not set comes from the configuration, except the remote: a
/// lake with a home of its own has none unless it is given one.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let shared = format!("file://{}", dir.path().join("shared").display());
/// let ada = datlake::Lake::builder().home(dir.path().join("ada")).remote(&shared).email("ada@example.org").open()?;
/// let bob = datlake::Lake::builder().home(dir.path().join("bob")).remote(&shared).email("bob@example.org").open()?;
/// ada.add_bytes("greetings/en.txt", "hello")?;
/// assert_eq!(bob.file("greetings/en.txt")?.read_to_string()?, "hello");
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Default)]
pub struct LakeBuilder {
    home: Option<PathBuf>,
    remote: Option<String>,
    email: Option<String>,
    offline: bool,
    mode: Mode,
    explain: bool,
    lease: Option<Duration>,
    cache_limit: Option<u64>,
    keep_code: Option<bool>,
    receiver: Option<Arc<Receiver>>,
    /// URLs of what may be read outside, with blanks in between.
    read_from: String,
    options: Options,
    temporary: Option<tempfile::TempDir>,
}

impl Lake {
    /// Opens a lake under settings of one's own.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// let lake = datlake::Lake::builder().home(dir.path().join("lake")).email("ada@example.org").open()?;
    /// assert!(lake.list("")?.is_empty());
    /// # Ok::<(), datlake::Error>(())
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
    /// let lake = datlake::Lake::temp()?;
    /// assert!(lake.home().exists() && lake.remote().is_none());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn temp() -> Result<Self> {
        Self::builder().open_temp()
    }
}

impl std::fmt::Debug for LakeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the remote: people put passwords into URLs.
        f.debug_struct("LakeBuilder").field("home", &self.home).field("email", &self.email).finish_non_exhaustive()
    }
}

impl LakeBuilder {
    /// The settings of the default lake, from the environment and the configuration files, for a program that opens it
    /// itself: nothing is shown on standard error.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a file or a variable that says what it may not.
    ///
    /// ```no_run
    /// let lake = datlake::LakeBuilder::configured()?.open()?;
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn configured() -> Result<Self> {
        config::resolve().map(Self::from_settings)
    }

    /// The directory of this machine's store; it is made if there is none.
    #[must_use]
    pub fn home(mut self, home: impl AsRef<Path>) -> Self {
        self.home = Some(home.as_ref().to_owned());
        self
    }

    /// The URL of the store shared with other machines: `file:///path/to/folder`, `s3://bucket/folder`,
    /// `gs://bucket/folder`, `az://container/folder`. Credentials are taken from the provider's own variables and files.
    #[must_use]
    pub fn remote(mut self, url: impl Into<String>) -> Self {
        self.remote = Some(url.into());
        self
    }

    /// Goes on with a remote that cannot create an object without replacing one, as `DATLAKE_UNSAFE_REMOTE=yes` does. That is
    /// safe only while one machine at a time writes.
    #[must_use]
    pub fn unsafe_remote(mut self, go_on: bool) -> Self {
        self.options.remote.unsafe_creates = go_on;
        self
    }

    /// The person in the lineage of what this lake makes.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// Whether the source files of code that is in no commit are kept, for [`Lake::call_code`] to show. They are, where nothing
    /// is said; under `DATLAKE_KEEP_CODE=no` the default lake keeps none.
    #[must_use]
    pub fn keep_code(mut self, keep: bool) -> Self {
        self.keep_code = Some(keep);
        self
    }

    /// Works with what is on this machine: the remote is not asked, and what is made stays here, [unpushed](Lake::push), as
    /// under `DATLAKE_OFFLINE=1`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// let lake = datlake::Lake::builder().home(dir.path().join("home")).remote("s3://bucket/lake").offline(true).open()?;
    /// lake.add_bytes("a.txt", "a")?; // stays here until it is pushed
    /// assert_eq!((lake.is_offline(), lake.status()?.unpushed.len()), (true, 1));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    #[must_use]
    pub fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Runs every body and remembers nothing, as `DATLAKE=bypass` does.
    ///
    /// ```
    /// use datlake::{Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn double(n: u32) -> Result<u32> {
    ///     Ok(2 * n)
    /// }
    ///
    /// # let dir = tempfile::tempdir()?;
    /// let lake = Lake::builder().home(dir.path().join("home")).bypass(true).open()?;
    /// let _current = lake.enter();
    /// double(4)?;
    /// assert!(lake.history(None)?.calls.is_empty());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    #[must_use]
    pub fn bypass(self, bypass: bool) -> Self {
        self.mode(if bypass { Mode::Bypass } else { Mode::Run })
    }

    /// What the lake does about calls whose values it does not hold, as `DATLAKE` says it.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Tells why each body runs, before it does, by [`Event::Explained`](crate::Event::Explained) and a line on standard error, as
    /// `DATLAKE_EXPLAIN=1` does. It is compared with what ran before this process looked: the first time that a creator's body runs, all
    /// records of that creator are read, and for each body those of the calls that made what was given to it and to the nearest calls.
    #[must_use]
    pub fn explain(mut self, explain: bool) -> Self {
        self.explain = explain;
        self
    }

    /// How long this machine may send no heartbeat before others that share the remote take the calls over that it runs;
    /// 24 s where nothing is said, and 90 s for a remote in a folder that is on no local disk: a share may show heartbeats a
    /// minute late. Heartbeats are sent four times as often. From 100 ms to 10 minutes.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease.clamp(Duration::from_millis(100), LONGEST_LEASE));
        self
    }

    /// Sends what bodies do to a receiver of [OpenLineage](https://openlineage.io) events, as `DATLAKE_OPENLINEAGE_URL` does, with
    /// `key` as its bearer token. A URL without a path means `/api/v1/lineage` there.
    ///
    /// Programs send by themselves with the feature `openlineage`; what they could not send waits in the lake's home, until another
    /// does or `datlake outbox send`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a URL that is none of `http` or `https`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// let builder = datlake::Lake::builder().home(dir.path().join("lake"));
    /// let lake = builder.openlineage("https://lineage.example.org", Some("a key".to_owned()))?.open()?;
    /// assert!(lake.outbox()?.runs.is_empty());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn openlineage(mut self, url: &str, key: Option<String>) -> Result<Self> {
        self.receiver = Some(Arc::new(Receiver::new(url, key, None)?));
        Ok(self)
    }

    /// In how much time content that was found is named. All machines that share a remote must have the same.
    #[doc(hidden)]
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.options.window = datlake_core::collect::Window(window);
        self
    }

    /// How many bytes of content this machine keeps, about, as `DATLAKE_CACHE_LIMIT` says it. Where downloads and publishing
    /// have brought more, what the remote has goes by itself, the least recently used first, as by [`Lake::evict`]; what is on
    /// this machine only stays, and what bodies that run may read.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let shared = format!("file://{}", dir.path().join("shared").display());
    /// let lake = datlake::Lake::builder().home(dir.path().join("ada")).remote(&shared).cache_limit(50 << 30).open()?;
    /// assert_eq!(lake.status()?.cache_limit, Some(50 << 30));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    #[must_use]
    pub fn cache_limit(mut self, bytes: u64) -> Self {
        self.cache_limit = Some(bytes);
        self
    }

    /// Puts something between datlake and its stores, to watch, delay or fail what is asked of them.
    #[doc(hidden)]
    #[must_use]
    pub fn wrap_stores(mut self, wrap: Wrap) -> Self {
        self.options.wrap = Some(wrap);
        self
    }

    /// The variables that the remote's settings are taken from, in place of the environment.
    #[doc(hidden)]
    #[must_use]
    pub fn remote_variables(mut self, variables: Vec<(String, String)>) -> Self {
        self.options.remote.variables = Some(variables);
        self
    }

    /// Opens the lake.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a home and without a configuration that names one, [`ErrorKind::InvalidInput`] for a
    /// home that is a file or holds other things, [`ErrorKind::Denied`], [`ErrorKind::Format`] for a lake of a newer format.
    pub fn open(self) -> Result<Lake> {
        let lake = self.open_unregistered()?;
        register(&lake);
        Ok(lake)
    }

    /// Opens a lake in a temporary directory that goes with its last handle.
    pub(super) fn open_temp(mut self) -> Result<Lake> {
        let made = tempfile::Builder::new().prefix("datlake-").tempdir();
        let dir = made.map_err(|e| Error::io("make a temporary directory in", std::env::temp_dir().display(), e))?;
        self.home = Some(dir.path().join("home"));
        self.temporary = Some(dir);
        self.open()
    }

    pub(super) fn from_settings(settings: Settings) -> Self {
        let mut options = Options::default();
        options.remote.unsafe_creates = settings.unsafe_remote;
        Self {
            home: Some(settings.home),
            remote: settings.remote,
            options,
            email: settings.email,
            cache_limit: settings.cache_limit,
            keep_code: Some(settings.keep_code),
            receiver: settings.receiver.map(Arc::new),
            read_from: settings.read_from,
            offline: settings.offline,
            mode: settings.mode,
            explain: settings.explain,
            ..Self::default()
        }
    }

    pub(super) fn open_unregistered(self) -> Result<Lake> {
        let Self {
            home,
            remote,
            email,
            offline,
            mode,
            explain,
            lease,
            cache_limit,
            keep_code,
            receiver,
            read_from,
            mut options,
            temporary,
        } = self;
        requests::refuse_others()?;
        options.limit = cache_limit;
        let home = home.map_or_else(|| config::resolve().map(|settings| settings.home), Ok)?;
        refuse_empty(&home)?;
        let reach = match &remote {
            None => Reach::Home,
            Some(_) if offline => Reach::Offline,
            Some(url) => Reach::Remote(url),
        };
        let outside = Outside::default().with(read_from.split_ascii_whitespace(), &options.remote)?;
        let local_view = Arc::new(LocalView::open(&home, reach, &options)?);
        let lease = lease.unwrap_or_else(|| local_view.usual_lease());
        let provenance = Arc::new(Provenance::new(email, keep_code.unwrap_or(true)));
        let is_off = !mode.stores();
        let journal = RunJournal::new(Arc::clone(&local_view), Arc::clone(&provenance), receiver.clone(), is_off);
        // After the journal, so that it has all that is to be sent.
        let reporter = Arc::<ReporterSlot>::default();
        at_end(&reporter);
        let last_packs = Arc::new(LastPacks(Arc::clone(&local_view)));
        at_end(&last_packs);
        let lake = Lake(Arc::new(Inner {
            local_view,
            provenance,
            journal,
            _last_packs: last_packs,
            receiver,
            reporter,
            flights: Mutex::new((Maker::this(), Flights::default())),
            permits: Permits::default(),
            remembered: Mutex::default(),
            returned: ReturnedValues::default(),
            pruned: Mutex::default(),
            observers: Mutex::new(Vec::new()),
            sending: Mutex::new(HashMap::new()),
            mode,
            earlier: explain.then(Mutex::default),
            missed: Mutex::default(),
            cache_limit,
            claims: OtherClaims::new(lease),
            lease,
            learned: AtomicBool::new(false),
            contacting: futures_util::lock::Mutex::default(),
            refreshed: Mutex::default(),
            unreachable: Mutex::default(),
            told_refused: AtomicBool::new(false),
            new_remote: AtomicBool::new(false),
            outlasting: Mutex::default(),
            outside: Mutex::new(outside),
            brought: Mutex::default(),
            ranges: Mutex::default(),
            located: Mutex::default(),
            serial: AtomicU64::new(0),
            temporary,
            maker: Maker::this(),
        }));
        let weak = Arc::downgrade(&lake.0);
        lake.local_view().on_sending(move |digest, done, size| {
            if let Some(lake) = weak.upgrade() {
                Lake(lake).tell_sending(digest, done, size);
            }
        });
        Ok(lake)
    }
}

fn refuse_empty(home: &Path) -> Result<()> {
    match home.as_os_str().is_empty() {
        false => Ok(()),
        true => {
            let error = Error::new(ErrorKind::Config, "the lake's home is empty");
            Err(error.with_hint("set DATLAKE_HOME to a directory"))
        }
    }
}
