//! A store that fails as planned: what every test of failing stores uses.

use std::io::{self, Write};
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use datlake::testing::{Created, Entry, Location, Pending, Prefix, Side, Store, Wrap};
use datlake::{Error, ErrorKind};
use datlake_core::VisitLevel;

/// What may go wrong with one operation of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing happens, and that is said.
    Before,
    /// It happens, and is said not to have.
    After,
    /// It happens after a while.
    Delay,
    /// A stream ends in the middle, and that is said.
    Cut,
    /// One bit of what is read is another.
    Flip,
    /// Nothing happens, for who asks has no right to it.
    Denied,
    /// Nothing happens, for there is no room.
    #[allow(dead_code, reason = "other tests use it")]
    Full,
    /// It happens, the reply is lost, and a retry further down finds it done.
    LostReply,
    /// No store does that: a create does not happen, and is said to have. A test that does not find it out finds out nothing.
    NoCreate,
    /// No store does that: a removal does not happen, and is said to have.
    NoRemoval,
    /// No store does that: what is there is said not to be.
    Blind,
}

const DELAY: Duration = Duration::from_millis(3);

/// What a store is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) side: Side,
    pub(crate) what: What<'a>,
}

/// An operation of a store.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What<'a> {
    Get,
    Fetch,
    Size,
    List,
    Create(&'a Location),
    Remove(&'a Location),
}

impl What<'_> {
    pub(crate) fn is_change(self) -> bool {
        matches!(self, Self::Create(_) | Self::Remove(_))
    }
}

/// Says of each operation what goes wrong with it.
pub(crate) type Plan = Arc<dyn Fn(Asked<'_>) -> Option<Fault> + Send + Sync>;

/// Stores that fail by that plan.
#[allow(dead_code, reason = "other tests use it")]
pub(crate) fn faulty(plan: Plan) -> Wrap {
    faulty_by(plan, Clock::default())
}

/// The same, and those that are far away know the time by that clock.
pub(crate) fn faulty_by(plan: Plan, clock: Clock) -> Wrap {
    Arc::new(move |side, store| Arc::new(Faulty { store, side, plan: Arc::clone(&plan), clock: clock.clone() }))
}

/// The clock of a store, by which hours may pass in a moment.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<Vec<SystemTime>>>);

impl Clock {
    /// Three hours pass.
    pub(crate) fn leaps(&self) {
        // What is written before and after is distinguished by its time, which is not known to the nanosecond.
        std::thread::sleep(DELAY * 5);
        self.0.lock().unwrap().push(SystemTime::now());
        std::thread::sleep(DELAY * 5);
    }

    /// What it showed at that time.
    fn at(&self, time: SystemTime) -> SystemTime {
        let leaps = self.0.lock().unwrap().iter().filter(|leap| **leap <= time).count();
        time + Duration::from_secs(3 * 3600) * u32::try_from(leaps).unwrap()
    }
}

struct Faulty {
    store: Arc<dyn Store>,
    side: Side,
    plan: Plan,
    clock: Clock,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Faulty").field(&self.store).finish()
    }
}

impl Faulty {
    fn fault(&self, what: What<'_>) -> Option<Fault> {
        (self.plan)(Asked { side: self.side, what })
    }

    fn refusal(&self) -> Error {
        Error::new(ErrorKind::Denied, "the store refuses")
    }

    fn failure(&self) -> Error {
        match self.side {
            Side::Local => Error::new(ErrorKind::Io, "the disk fails"),
            Side::Remote => Error::new(ErrorKind::Unavailable, "the store does not answer"),
        }
    }

    /// `done` does the operation, after which a retry finds `again`. Who lies by `lie` says `otherwise`, and does nothing.
    async fn fails<T>(
        &self,
        what: What<'_>,
        done: Pending<'_, T>,
        again: impl FnOnce(T) -> T,
        (lie, otherwise): (Fault, T),
    ) -> datlake::Result<T> {
        match self.fault(what) {
            Some(Fault::Denied) => Err(self.refusal()),
            Some(Fault::Full) => Err(Error::new(ErrorKind::Io, "the store is full")),
            Some(Fault::Before) => Err(self.failure()),
            Some(Fault::After) => done.await.and(Err(self.failure())),
            Some(Fault::Delay) => {
                std::thread::sleep(DELAY);
                done.await
            }
            Some(Fault::LostReply) => done.await.map(again),
            Some(fault) if fault == lie => Ok(otherwise),
            _ => done.await,
        }
    }
}

/// The middle bit of the middle byte is another.
fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 8;
    }
}

/// Passes on half of what comes, or all with a bit changed.
struct Bad<'a> {
    sink: &'a mut (dyn Write + Send),
    fault: Fault,
    done: bool,
}

impl Write for Bad<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.fault {
            Fault::Cut => {
                self.sink.write_all(&bytes[..bytes.len() / 2])?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Fault::Flip if !self.done => {
                let mut bytes = bytes.to_vec();
                flip(&mut bytes);
                self.done = true;
                self.sink.write_all(&bytes)?;
                Ok(bytes.len())
            }
            _ => self.sink.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

impl Store for Faulty {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            match self.fault(What::Get) {
                Some(Fault::Denied) => Err(self.refusal()),
                Some(Fault::Before | Fault::After | Fault::Cut) => Err(self.failure()),
                Some(Fault::Flip) => Ok(self.store.get(at).await?.map(|mut bytes| {
                    flip(&mut bytes);
                    bytes
                })),
                Some(Fault::Blind) => Ok(None),
                Some(Fault::Delay) => {
                    std::thread::sleep(DELAY);
                    self.store.get(at).await
                }
                _ => self.store.get(at).await,
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
            let fault = match self.fault(What::Fetch) {
                Some(fault @ (Fault::Cut | Fault::Flip)) => fault,
                Some(Fault::Denied) => return Err(self.refusal()),
                Some(Fault::Before) => return Err(self.failure()),
                Some(Fault::After) => return self.store.fetch(at, range, sink).await.and(Err(self.failure())),
                _ => return self.store.fetch(at, range, sink).await,
            };
            let read = self.store.fetch(at, range, &mut Bad { sink, fault, done: false }).await;
            if fault == Fault::Cut { read.and(Err(self.failure())).map_err(|_| self.failure()) } else { read }
        })
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        let created = self.store.create(at, bytes);
        Box::pin(self.fails(What::Create(at), created, |_| Created::Exists, (Fault::NoCreate, Created::New)))
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        let created = self.store.create_from(at, file);
        Box::pin(self.fails(What::Create(at), created, |_| Created::Exists, (Fault::NoCreate, Created::New)))
    }

    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        Box::pin(self.fails(What::Size, self.store.size(at), |size| size, (Fault::Blind, None)))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a Prefix,
        visit: &'a mut (dyn FnMut(Entry) -> ControlFlow<()> + Send),
    ) -> Pending<'a, ()> {
        let visit = move |entry: Entry| {
            let modified = if self.side == Side::Remote { self.clock.at(entry.modified) } else { entry.modified };
            visit(Entry { modified, ..entry })
        };
        Box::pin(async move {
            let mut visit = visit;
            match self.fault(What::List) {
                Some(Fault::Denied) => Err(self.refusal()),
                Some(Fault::Before) => Err(self.failure()),
                Some(Fault::After) => self.store.list(prefix, &mut visit).await.and(Err(self.failure())),
                Some(Fault::Cut) => {
                    let mut seen = 0;
                    let mut some = |entry| {
                        seen += 1;
                        if seen > 2 { ControlFlow::Break(()) } else { visit(entry) }
                    };
                    self.store.list(prefix, &mut some).await.and(Err(self.failure()))
                }
                _ => self.store.list(prefix, &mut visit).await,
            }
        })
    }

    fn list_level<'a>(&'a self, prefix: &'a Prefix, visit: VisitLevel<'a>) -> Pending<'a, ()> {
        Box::pin(self.fails(What::List, self.store.list_level(prefix, visit), |()| (), (Fault::Before, ())))
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        Box::pin(self.fails(What::Remove(at), self.store.remove(at), |_| false, (Fault::NoRemoval, true)))
    }

    fn describe(&self) -> String {
        self.store.describe()
    }
}
