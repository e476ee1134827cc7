//! A strict store in memory whose every operation is a step of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use datlake_core::catalog::Collections;
use datlake_core::collect::Window;
use datlake_core::{Catalog, Created, Digest, Entry, Location, Pending, Prefix, Store};

/// Which of the actors does something; `None` looks on, without taking steps or leaving traces.
pub(crate) type Who = Option<usize>;

/// Some stores, by name, and the claims of the machines whose homes they are.
#[derive(Clone, Default)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    /// Whether what is done to documents alone makes a step, for models with many actors: content and `uses` are created
    /// by whoever comes first, and it is all the same by whom.
    coarse: bool,
    /// In a model of collections what is done at the remote, but for `uses`, makes a step, and nothing else does.
    collects: bool,
    /// What an actor leaves out: who, the operation, and the beginning of the path.
    omits: Option<(usize, &'static str, &'static str)>,
}

#[derive(Clone, Default)]
struct State {
    /// In seconds.
    time: u64,
    created: BTreeMap<(&'static str, String), u64>,
    /// Who has seen that there is time left, and has not used it.
    timed: BTreeSet<usize>,
    stores: BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>,
    claims: BTreeSet<(&'static str, String)>,
    /// All that each actor has learned: two runs in which these and the stores are equal go on alike.
    learned: BTreeMap<usize, u64>,
    log: Vec<String>,
}

/// In how much time somebody names what they found.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);

/// The name of the store that all homes share.
pub(crate) const REMOTE: &str = "remote";

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn is_step(&self, store: &str, path: &str) -> bool {
        let is = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
        match self.collects {
            true => store == REMOTE && !is(&["uses/"]),
            false if is(&["gc/", "rescued/"]) => false,
            false => !(self.coarse && is(&["blobs/", "uses/"])),
        }
    }

    /// A world in which what is done to documents alone makes a step.
    pub(crate) fn coarse() -> Self {
        Self { coarse: true, ..Self::default() }
    }

    /// A world about collections, which begins at the second 1000, and in which one step is left out.
    pub(crate) fn collecting(omits: Option<(usize, &'static str, &'static str)>) -> Self {
        let world = Self { collects: true, omits, ..Self::default() };
        world.state().time = 1000;
        world
    }

    /// Lets time pass, but not while a request is under way that was sent in time.
    pub(crate) async fn pass(&self, seconds: u64) {
        loop {
            step().await;
            let mut state = self.state();
            if state.timed.is_empty() {
                state.time += seconds;
                return;
            }
        }
    }

    /// The lake as `who` sees it from the machine `home`.
    pub(crate) fn catalog(&self, who: Who, home: &'static str, remote: bool) -> Catalog {
        let store = |name| -> Arc<dyn Store> { Arc::new(Memory { name, who, world: self.clone() }) };
        let remote = remote.then(|| store(REMOTE));
        Catalog {
            home: home.into(),
            local: store(home),
            cache: store(home),
            remote,
            offline: false,
            refused: Arc::default(),
            collections: Collections::new(Window(WINDOW), self.clock(who)),
        }
    }

    /// What `who` looks at: after that, their next operation is done before time passes.
    fn clock(&self, who: Who) -> impl Fn() -> Duration + Send + Sync + 'static {
        let bell = Bell { who, world: self.clone() };
        move || {
            let mut state = bell.world.state();
            state.timed.extend(bell.who);
            let time = state.time;
            if let Some(who) = bell.who {
                let learned = hash(&(state.learned.get(&who), "the clock", time));
                state.learned.insert(who, learned);
            }
            Duration::from_secs(time)
        }
    }

    /// The same world, to look around in without changing this one.
    pub(crate) fn copy(&self) -> Self {
        Self { state: Arc::new(Mutex::new(self.state().clone())), ..self.clone() }
    }

    /// Puts `content` into the shared store, as it was at the beginning of time.
    pub(crate) fn plant(&self, content: &str) {
        let path = Location::Blob(Digest::of(content.as_bytes())).path();
        let mut state = self.state();
        state.created.insert((REMOTE, path.clone()), 0);
        state.stores.entry(REMOTE).or_default().insert(path, content.into());
    }

    /// Whether the content `digest` is in the store `name`.
    pub(crate) fn has_blob(&self, name: &str, digest: &Digest) -> bool {
        let path = Location::Blob(*digest).path();
        self.state().stores.get(name).is_some_and(|store| store.contains_key(&path))
    }

    /// Everything that decides how a run goes on.
    pub(crate) fn fingerprint(&self) -> u64 {
        let State { time, created, timed, stores, claims, learned, log: _ } = &*self.state();
        hash(&(time, created, timed, stores, claims, learned))
    }

    /// Everything that somebody who looks on sees.
    pub(crate) fn stored(&self) -> u64 {
        hash(&self.state().stores)
    }

    /// What has been done so far, in order.
    pub(crate) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// Claims `what` among the processes of the machine `home`.
    pub(crate) async fn claim(&self, home: &'static str, what: &str) -> Held {
        let key = (home, what.to_owned());
        loop {
            step().await;
            if self.state().claims.insert(key.clone()) {
                return Held { world: self.clone(), key };
            }
        }
    }
}

/// A clock, which is looked at no more when its owner is gone.
struct Bell {
    who: Who,
    world: World,
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(who) = self.who {
            self.world.state().timed.remove(&who);
        }
    }
}

/// A claim, which goes with its holder.
pub(crate) struct Held {
    world: World,
    key: (&'static str, String),
}

impl Drop for Held {
    fn drop(&mut self) {
        self.world.state().claims.remove(&self.key);
    }
}

/// For tests: what is stored is never named by such a hash.
pub(crate) fn hash(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::new().hash_one(value)
}

/// Lets the scheduler choose who goes on.
async fn step() {
    let mut stepped = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut stepped, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[derive(Clone)]
struct Memory {
    name: &'static str,
    who: Who,
    world: World,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Memory {
    fn act<'a, T, F>(&'a self, what: &'static str, path: String, act: F) -> Pending<'a, T>
    where
        T: Learned + Send + 'a,
        F: FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T + Send + 'a,
    {
        Box::pin(async move {
            if self.who.is_some() && self.world.is_step(self.name, &path) {
                step().await;
            }
            let mut state = self.world.state();
            if let Some(who) = self.who {
                state.timed.remove(&who);
            }
            let omitted = self.world.omits.is_some_and(|(who, omitted, below)| {
                (self.who, what) == (Some(who), omitted) && self.name == REMOTE && path.starts_with(below)
            });
            let result = match omitted {
                true => act(&mut BTreeMap::new()),
                false => act(state.stores.entry(self.name).or_default()),
            };
            if what == "create" && !omitted {
                let time = state.time;
                state.created.entry((self.name, path.clone())).or_insert(time);
            }
            if what == "remove" {
                state.created.remove(&(self.name, path.clone()));
            }
            if let Some(who) = self.who {
                let said = result.text();
                let learned = hash(&(state.learned.get(&who), what, &path, &said));
                state.learned.insert(who, learned);
                state.log.push(format!("actor {who}: {what} {path} in {} -> {said}", self.name));
            }
            Ok(result)
        })
    }
}

/// What an actor learns from an operation.
trait Learned {
    fn text(&self) -> String;
}

impl Learned for Option<Vec<u8>> {
    fn text(&self) -> String {
        self.as_ref().map_or("nothing".to_owned(), |bytes| format!("{} bytes, {:x}", bytes.len(), hash(bytes)))
    }
}

macro_rules! learned {
    ($($ty:ty),*) => {
        $(impl Learned for $ty {
            fn text(&self) -> String {
                format!("{self:?}")
            }
        })*
    };
}
learned!(Created, Option<u64>, bool, Vec<(String, u64)>);

/// Paths of local files stand for themselves: the content of the file `x` is `x`.
impl Store for Memory {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        let path = at.path();
        self.act("get", path.clone(), move |objects| objects.get(&path).cloned())
    }

    fn fetch<'a>(&'a self, at: &'a Location, from: u64, sink: &'a mut (dyn Write + Send)) -> Pending<'a, Option<u64>> {
        Box::pin(async move {
            let Some(bytes) = self.get(at).await? else { return Ok(None) };
            let rest = bytes.get(usize::try_from(from).unwrap()..).unwrap_or(&[]);
            sink.write_all(rest)?;
            Ok(Some(rest.len() as u64))
        })
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        if let Location::Blob(digest) = at {
            assert_eq!(Digest::of(bytes), *digest, "a blob under a name that is not its own");
        }
        let path = at.path();
        self.act("create", path.clone(), move |objects| {
            if objects.contains_key(&path) {
                return Created::Exists;
            }
            objects.insert(path, bytes.to_vec());
            Created::New
        })
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        self.create(at, file.to_str().unwrap().as_bytes())
    }

    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        let path = at.path();
        self.act("size", path.clone(), move |objects| objects.get(&path).map(|bytes| bytes.len() as u64))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a Prefix,
        visit: &'a mut (dyn FnMut(Entry) -> ControlFlow<()> + Send),
    ) -> Pending<'a, ()> {
        let folder = format!("{}/", prefix.path());
        Box::pin(async move {
            let found = self
                .act("list", folder.clone(), move |objects| {
                    let below = objects.iter().filter(|(path, _)| path.starts_with(&folder));
                    below.map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect::<Vec<_>>()
                })
                .await?;
            let unseen = |path: &str| {
                self.world.omits.is_some_and(|(who, omitted, below)| {
                    (self.who, "see") == (Some(who), omitted) && self.name == REMOTE && path.starts_with(below)
                })
            };
            for (path, size) in found.into_iter().filter(|(path, _)| !unseen(path)) {
                let created = self.world.state().created.get(&(self.name, path.clone())).copied().unwrap_or_default();
                let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(created);
                let Some(location) = Location::parse(&path).filter(|location| prefix.has(location)) else { continue };
                if visit(Entry { location, size, modified }).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        let path = at.path();
        self.act("remove", path.clone(), move |objects| objects.remove(&path).is_some())
    }

    fn describe(&self) -> String {
        self.name.to_owned()
    }
}
