//! A strict store in memory whose every operation is a step of its own.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use datlake_core::catalog::{Collections, Packs};
use datlake_core::collect::Window;
use datlake_core::{Catalog, Created, Digest, Entry, Error, ErrorKind, LevelItem, Location, Pending, Prefix, Store};

use super::mistakes::{Mistake, Op, Place, What};
use super::state::{Change, Learned, State, hash, step};

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
    /// In a model of logs what is done to names and their logs makes a step. Else there are no logs to see.
    logs: bool,
    /// In a model of packs what is done to those of machines makes a step too.
    packs: bool,
    /// What somebody does wrong.
    mistake: Option<Mistake>,
}

/// In how much time somebody names what they found.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);

/// The name of the store that all homes share.
pub(crate) const REMOTE: &str = "remote";

impl World {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn is_step(&self, store: &str, path: &str) -> bool {
        let is = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
        match self.collects {
            true => store == REMOTE && !is(&["uses/"]) && (self.logs || !is(&["names/"])),
            false if is(&["names/"]) => self.logs,
            false if is(&["gc/", "rescued/"]) => false,
            // Where no machine keeps packs there is nothing to see.
            false if store != REMOTE && is(&["records/"]) => self.packs,
            false => !(self.coarse && is(&["blobs/", "uses/"])),
        }
    }

    /// A world in which what is done to documents alone makes a step.
    pub(crate) fn coarse() -> Self {
        Self { coarse: true, ..Self::default() }
    }

    /// A world in which what is done to documents alone makes a step, and names are replaced.
    pub(crate) fn logs() -> Self {
        Self { logs: true, ..Self::coarse() }
    }

    /// A world in which what is done to documents alone makes a step, also to packs of records that machines keep.
    pub(crate) fn packs() -> Self {
        Self { packs: true, ..Self::coarse() }
    }

    /// A world about collections, which begins at the second 1000.
    pub(crate) fn collecting() -> Self {
        let world = Self { collects: true, ..Self::default() };
        world.state().time = 1000;
        world
    }

    /// The same world, in which somebody makes that mistake.
    pub(crate) fn with(self, mistake: Option<Mistake>) -> Self {
        Self { mistake, ..self }
    }

    pub(crate) fn is_wrong_by(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
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
        let store =
            |name, synced| -> Arc<dyn Store> { Arc::new(Memory { name, home, who, synced, world: self.clone() }) };
        let (remote, packs) = (remote.then(|| store(REMOTE, true)), Packs::default());
        Catalog {
            home: if self.is_wrong_by(Mistake::TakesOver) { "anybody" } else { home }.into(),
            local: packs.over(store(home, true)),
            cache: packs.over(store(home, false)),
            remote,
            offline: false,
            refused: Arc::default(),
            collections: Collections::new(Window(WINDOW), self.clock(who)),
            packs,
            claimed: Arc::default(),
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

    /// The power of the machine `home` is cut.
    pub(crate) fn loses_power(&self, home: &'static str) {
        let mut state = self.state();
        let State { unsynced, stores, .. } = &mut *state;
        let objects = stores.entry(home).or_default();
        unsynced.iter().filter(|(store, _)| *store == home).for_each(|(_, path)| drop(objects.remove(path)));
    }

    /// Puts `content` into the shared store, as it was at the beginning of time.
    pub(crate) fn plant(&self, content: &str) {
        self.plant_at(&Location::Blob(Digest::of(content.as_bytes())), content);
    }

    /// The same for any object.
    pub(crate) fn plant_at(&self, at: &Location, content: &str) {
        let path = at.path();
        let mut state = self.state();
        state.created.insert((REMOTE, path.clone()), 0);
        state.stores.entry(REMOTE).or_default().insert(path, content.into());
    }

    /// Whether the content `digest` is in the store `name`.
    pub(crate) fn has_blob(&self, name: &str, digest: &Digest) -> bool {
        let path = Location::Blob(*digest).path();
        self.state().stores.get(name).is_some_and(|store| store.contains_key(&path))
    }

    /// What is in the store `name` below a folder.
    pub(crate) fn below(&self, name: &str, folder: &str) -> Vec<(String, Vec<u8>)> {
        let state = self.state();
        let objects = state.stores.get(name).into_iter().flatten();
        objects
            .filter(|(path, _)| path.starts_with(folder))
            .map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect()
    }

    /// Whether anything in the store `name` has a path with `part` in it.
    pub(crate) fn mentions(&self, name: &str, part: &str) -> bool {
        self.state().stores.get(name).is_some_and(|store| store.keys().any(|path| path.contains(part)))
    }

    /// Everything that decides how a run goes on.
    pub(crate) fn fingerprint(&self) -> u64 {
        let State { time, created, timed, stores, claims, unsynced, late, remembered: _, lost, learned, log: _ } =
            &*self.state();
        hash(&(time, created, timed, stores, claims, unsynced, late, lost, learned))
    }

    /// Everything that somebody who looks on sees.
    pub(crate) fn stored(&self) -> u64 {
        hash(&self.state().stores)
    }

    /// What has been done so far, in order.
    pub(crate) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// Claims `what` among the processes of the machine `home`, where no other process has it.
    pub(crate) async fn try_claim(&self, home: &'static str, what: &str, nonce: &str) -> Option<Held> {
        let key = (home, what.to_owned());
        step().await;
        let is_free = self.state().claims.insert(key.clone()) || self.is_wrong_by(Mistake::Unclaimed);
        if !is_free {
            // What it knows from then on.
            self.state().claims.insert((home, format!("{nonce} goes without {what}")));
        }
        is_free.then(|| Held { world: self.clone(), key })
    }

    /// Claims `what` among the processes of the machine `home`.
    pub(crate) async fn claim(&self, home: &'static str, what: &str) -> Held {
        let key = (home, what.to_owned());
        loop {
            step().await;
            if self.state().claims.insert(key.clone()) || self.is_wrong_by(Mistake::Unclaimed) {
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

#[derive(Clone)]
struct Memory {
    name: &'static str,
    /// The machine that it is seen from.
    home: &'static str,
    who: Who,
    /// Whether what it creates survives a power cut.
    synced: bool,
    world: World,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Memory {
    fn act<'a, T, F>(&'a self, what: What, path: String, bytes: Option<&'a [u8]>, act: F) -> Pending<'a, T>
    where
        T: Learned + Send + 'a,
        F: FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T + Send + 'a,
    {
        Box::pin(async move {
            if self.who.is_some() && self.world.is_step(self.name, &path) {
                step().await;
            }
            let mistake = self.world.mistake.filter(|_| self.who.is_some());
            let is = |op: Op| self.is(op, what, &path);
            let change = || Change { store: self.name, path: path.clone(), bytes: bytes.map(<[u8]>::to_vec) };
            let mut is_lost = false;
            let result = {
                let mut state = self.world.state();
                let state = &mut *state;
                if let Some(who) = self.who {
                    state.timed.remove(&who);
                }
                let objects = state.stores.entry(self.name).or_default();
                let was_there = objects.contains_key(&path);
                let said = match mistake {
                    Some(Mistake::Omits(op)) if is(op) => act(&mut BTreeMap::new()),
                    Some(Mistake::Late(op, _)) if is(op) => {
                        state.late.entry(self.who.unwrap()).or_default().push(change());
                        act(&mut objects.clone())
                    }
                    Some(Mistake::Believes(op)) if is(op) && was_there => act(&mut BTreeMap::new()),
                    Some(Mistake::Replaces(op)) if is(op) => {
                        objects.remove(&path);
                        act(objects)
                    }
                    _ => act(objects),
                };
                if let Some(Mistake::LosesReply(op)) = mistake
                    && is(op)
                {
                    is_lost = state.lost.insert(self.who.unwrap());
                }
                let objects = state.stores.entry(self.name).or_default();
                let done = objects.contains_key(&path);
                let at = (self.name, path.clone());
                match what {
                    What::Create if done => {
                        state.created.entry(at.clone()).or_insert(state.time);
                        let forgets = matches!(mistake, Some(Mistake::Unsynced(op)) if is(op));
                        if self.synced && !forgets {
                            state.unsynced.remove(&at);
                        } else if !was_there {
                            state.unsynced.insert(at);
                        }
                    }
                    What::Remove if !done => {
                        state.created.remove(&at);
                        state.unsynced.remove(&at);
                    }
                    _ => {}
                }
                if let Some(Mistake::Copies(op)) = mistake
                    && is(op)
                {
                    let copies = state.stores.entry(self.home).or_default();
                    copies.entry(path.clone()).or_insert_with(|| bytes.unwrap_or_default().to_vec());
                }
                self.learns(state, &format!("{what:?} {path} in {} -> {}", self.name, said.text()));
                said
            };
            if is_lost {
                return Err(Error::new(ErrorKind::Unavailable, "the reply got lost"));
            }
            if let Some(Mistake::Late(_, after)) = mistake
                && is(after)
            {
                self.catch_up().await;
            }
            Ok(result)
        })
    }

    /// Whether this is such an operation.
    fn is(&self, op: Op, what: What, path: &str) -> bool {
        let at = if self.name == REMOTE { Place::Remote } else { Place::Home };
        self.who.is_some_and(|who| op.who.is_none_or(|of| of == who)) && op.is(what, at, path)
    }

    fn learns(&self, state: &mut State, what: &str) {
        let Some(who) = self.who else { return };
        let learned = hash(&(state.learned.get(&who), what));
        state.learned.insert(who, learned);
        state.log.push(format!("actor {who}: {what}"));
    }

    /// Does what was put off.
    async fn catch_up(&self) {
        let Some(who) = self.who else { return };
        loop {
            step().await;
            let mut state = self.world.state();
            let put_off = state.late.entry(who).or_default();
            if put_off.is_empty() {
                return;
            }
            let Change { store, path, bytes } = put_off.remove(0);
            self.learns(&mut state, &format!("does at last what it has to do with {path} in {store}"));
            let objects = state.stores.entry(store).or_default();
            match bytes {
                Some(bytes) => drop(objects.entry(path).or_insert(bytes)),
                None => drop(objects.remove(&path)),
            }
        }
    }
}

/// Paths of local files stand for themselves: the content of the file `x` is `x`.
impl Store for Memory {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        let path = at.path();
        let read = self.act(What::Get, path.clone(), None, {
            let path = path.clone();
            move |objects| objects.get(&path).cloned()
        });
        Box::pin(async move {
            let read = read.await?;
            match self.world.mistake {
                Some(Mistake::Remembers(op)) if self.is(op, What::Get, &path) => {
                    let mut state = self.world.state();
                    Ok(state.remembered.entry((self.who.unwrap(), path)).or_insert(read).clone())
                }
                _ => Ok(read),
            }
        })
    }

    fn fetch<'a>(
        &'a self,
        at: &'a Location,
        range: Range<u64>,
        sink: &'a mut (dyn Write + Send),
    ) -> Pending<'a, Option<u64>> {
        Box::pin(async move {
            let Some(bytes) = self.get(at).await? else { return Ok(None) };
            let at = |end: u64| bytes.len().min(usize::try_from(end).unwrap());
            sink.write_all(bytes.get(at(range.start)..at(range.end)).unwrap_or_default())?;
            Ok(Some(bytes.len() as u64))
        })
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        if let Location::Blob(digest) = at {
            assert_eq!(Digest::of(bytes), *digest, "a blob under a name that is not its own");
        }
        let path = at.path();
        self.act(What::Create, path.clone(), Some(bytes), move |objects| {
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
        let assumed = matches!(self.world.mistake, Some(Mistake::Assumes(op)) if self.is(op, What::Size, &path));
        self.act(What::Size, path.clone(), None, move |objects| {
            let size = objects.get(&path).map(|bytes| bytes.len() as u64);
            size.or(assumed.then_some(0))
        })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a Prefix,
        visit: &'a mut (dyn FnMut(Entry) -> ControlFlow<()> + Send),
    ) -> Pending<'a, ()> {
        let folder = format!("{}/", prefix.path());
        Box::pin(async move {
            let found = self
                .act(What::List, folder.clone(), None, move |objects| {
                    let below = objects.iter().filter(|(path, _)| path.starts_with(&folder));
                    below.map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect::<Vec<_>>()
                })
                .await?;
            let unseen = |path: &str| match self.world.mistake {
                Some(Mistake::Overlooks(op)) => self.is(op, What::List, path),
                Some(Mistake::OverlooksKnown(op)) => {
                    self.is(op, What::List, path) && self.world.mentions(self.home, path)
                }
                _ => false,
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

    fn list_level<'a>(&'a self, prefix: &'a Prefix, visit: datlake_core::VisitLevel<'a>) -> Pending<'a, ()> {
        Box::pin(async move {
            let (folder, mut found) = (format!("{}/", prefix.path()), BTreeMap::new());
            let mut gather = |entry: Entry| {
                let path = entry.location.path();
                drop(match path[folder.len()..].split_once('/') {
                    Some((name, _)) => found.insert(name.to_owned(), LevelItem::Folder(name.to_owned())),
                    None => found.insert(path, LevelItem::Object(entry.location)),
                });
                ControlFlow::Continue(())
            };
            self.list(prefix, &mut gather).await?;
            let _ = found.into_values().try_for_each(visit);
            Ok(())
        })
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        let path = at.path();
        self.act(What::Remove, path.clone(), None, move |objects| objects.remove(&path).is_some())
    }

    fn describe(&self) -> String {
        self.name.to_owned()
    }
}
