//! One call from key to value, or to a body that runs: look, wait, claim.
//!
//! Invariants:
//! - A hit on this machine touches its record and nothing else: no thread, runtime, lock file or clock.
//! - No lock and no permit for transfers is held while a body runs; a call in a body takes no permit for bodies.
//! - Whatever happens to a body, its claim and its place in the flights go with the guard that holds them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use datlake_core::flight::{Boarding, FlightId};
use datlake_core::memo::{Candidate, Search, Step};
use datlake_core::record::{Kept, Record, Target as NameTarget};
use datlake_core::run::Outcome;
use datlake_core::{CallKey, Code, Error, ErrorKind, FileRef, Result, canonical};
use datlake_store::{offload, sleep};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::{self, Body};
use super::claim::AmongMachines;
use super::key::Target;
use super::running::{Claims, Running, given_back};
use crate::event::{CallId, Event};
use crate::lake::Lake;
use crate::scope::{self, Frame as _};
use crate::stolen;

/// A call inside itself that a work-stealing pool may have brought about runs once more, but not for ever.
const STOLEN_DEPTH: usize = 8;

/// How long a thread of a pool that steals work waits for another thread: the body waited for may itself be waiting for a job
/// that lies below on this very stack, which nobody can see. After that the call runs once more.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a caller can afford.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Its thread may block.
    Blocking,
    /// It is being polled by an executor.
    Polled,
}

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Local,
    Anywhere,
}

/// A call about to be looked up: where it stands and what it is.
pub(crate) struct Site {
    pub(crate) lake: Lake,
    pub(crate) target: Target,
    pub(super) parent: Option<Arc<Body>>,
    pub(super) pace: Pace,
}

/// What a call comes to.
pub(crate) enum Start<T> {
    Ready(T),
    Run(Box<Running>),
}

/// What a search comes to.
pub(crate) enum Found<T> {
    Hit(T, Arc<Record>),
    Miss(CallKey),
}

impl Pace {
    /// Does work of a store where it blocks no executor.
    pub(super) async fn io<T, F>(self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        match self {
            Self::Blocking => work.await,
            Self::Polled => offload(move || pollster::block_on(work)).await?,
        }
    }

    pub(super) async fn pause(self, duration: Duration) -> Result<()> {
        match self {
            Self::Blocking => std::thread::sleep(duration),
            Self::Polled => sleep(duration).await?,
        }
        Ok(())
    }
}

impl Site {
    /// Where a call of `target` stands.
    ///
    /// # Errors
    /// [`ErrorKind::Undeclared`] in a body that does not declare the creator; [`ErrorKind::Context`] where lakes would mix.
    pub(crate) fn new(target: Target, code: &'static Code, pace: Pace) -> Result<Self> {
        let mut parent = body::current();
        if let Some(body) = &parent
            && let Err(error) = Self::check_parent(body, &target, code)
        {
            // A pool that steals work may have put a call of somebody else's on top of this body.
            if stolen::is_excluded() {
                return Err(error);
            }
            parent = None;
        }
        if parent.is_none()
            && let Some((argument, file)) = target.identity.inputs().iter().find(|(_, file)| file.stage.is_some())
        {
            let message = format!(
                "argument `{argument}` of `{}` is `{}`, which a body made and has not returned: nobody else can use it",
                target.identity.creator, file.name
            );
            return Err(Error::new(ErrorKind::Outputs, message));
        }
        let lake = match (&target.lake, &parent) {
            (Some(lake), _) => lake.clone(),
            (None, Some(body)) => body.lake().clone(),
            (None, None) => Lake::current()?,
        };
        if let Some(body) = &parent
            && *body.lake() != lake
        {
            let message = format!(
                "a call of `{}` in the body of `{}` has files of another lake; lakes never mix",
                target.identity.creator,
                body.creator()
            );
            return Err(Error::new(ErrorKind::Context, message));
        }
        Ok(Self { lake, target, parent, pace })
    }

    /// Whether `body` may make this call: its key must know of the creator and of the files.
    fn check_parent(body: &Body, target: &Target, code: &'static Code) -> Result<()> {
        if !body.declares(code) {
            return Err(body.undeclared(code));
        }
        // Those of another lake are told below.
        if target.lake.as_ref().is_some_and(|lake| lake != body.lake()) {
            return Ok(());
        }
        target.identity.inputs().iter().try_for_each(|(_, file)| body.check_passed(file, &target.identity.creator))
    }

    pub(super) fn id(&self, key: CallKey) -> CallId {
        CallId { creator: self.target.identity.creator.clone(), key }
    }

    pub(super) fn emit_waited(&self, by: Option<String>) {
        self.lake.emit(&Event::Waited { call: self.id(self.target.identity.key), by });
    }

    /// Looks for the call's value.
    pub(crate) async fn find<T: Serialize + DeserializeOwned>(&self, reach: Reach) -> Result<Found<T>> {
        let mut search = Search::new(&self.target.identity.creator, self.target.identity.key);
        loop {
            let candidate = self.candidate(&mut search, reach).await?;
            // What is decoded belongs to this lake.
            let inside = scope::outside_bodies(&self.lake);
            let step = search.consider(candidate)?;
            drop(inside);
            match step {
                Step::Found(value, record) => return Ok(Found::Hit(value, record)),
                Step::Absent(key) => return Ok(Found::Miss(key)),
                Step::Next => {}
            }
        }
    }

    async fn candidate(&self, search: &mut Search, reach: Reach) -> Result<Option<Candidate>> {
        let catalog = self.lake.catalog();
        let record = loop {
            let (creator, key) = search.place();
            if let Some(record) = self.lake.remembered(key) {
                break record;
            }
            let found = match reach {
                Reach::Local => catalog.kept_here(creator, key).await?,
                Reach::Anywhere => {
                    let (lake, creator, key) = (self.lake.clone(), creator.clone(), *key);
                    let look = async move {
                        lake.contact_remote().await?;
                        lake.catalog().kept(&creator, &key).await
                    };
                    self.pace.io(look).await?
                }
            };
            match found {
                None => return Ok(None),
                Some(Kept::Abandoned(mark)) => search.pass(&mark.digest)?,
                Some(Kept::Record(record)) => {
                    let record = Arc::new(record);
                    self.lake.remember(&record);
                    break record;
                }
            }
        };
        if record.fetched.is_empty() && matches!(record.value, datlake_core::record::ValueBytes::Inline(_)) {
            return Ok(Some(Candidate { record, apart: None, holds: true }));
        }
        let catalog = catalog.clone();
        self.pace.io(async move { Candidate::of(&catalog, record).await }).await.map(Some)
    }

    /// A value was found: tells the body the call stands in.
    pub(super) fn pass_on<T: Serialize>(&self, value: &T) -> Result<()> {
        if let Some(parent) = &self.parent {
            parent.note_nested(canonical::encode(value)?.files);
        }
        Ok(())
    }

    fn hit<T: Serialize>(&self, value: T, record: &Record) -> Result<Start<T>> {
        self.pass_on(&value)?;
        self.lake.journal().found(&self.target.identity.creator, record.key, Outcome::Hit);
        self.lake.emit(&Event::Hit(self.id(record.key)));
        Ok(Start::Ready(value))
    }

    /// Whether the call is running, here or in another process of this machine.
    pub(crate) fn is_running(&self) -> Result<bool> {
        let key = &self.target.identity.key;
        Ok(self.lake.flights().is_running(key) || self.lake.vault().is_claimed(&key.to_string())?)
    }

    /// Finds the call's value, or takes on to run it.
    pub(crate) async fn start<T: Serialize + DeserializeOwned>(
        self,
        code: &'static Code,
        force: bool,
    ) -> Result<Start<T>> {
        let parent = self.parent.clone();
        self.find_or_board(code, force).await.inspect_err(|error| told(parent.as_deref(), error))
    }

    async fn find_or_board<T: Serialize + DeserializeOwned>(
        mut self,
        code: &'static Code,
        force: bool,
    ) -> Result<Start<T>> {
        if self.lake.bypass() {
            let key = self.target.identity.key;
            return Ok(Start::Run(Box::new(self.run(code, key, None, false, Claims::default(), None, None))));
        }
        self.consume_staged().await?;
        if !force && let Found::Hit(value, record) = self.find(Reach::Local).await? {
            return self.hit(value, &record);
        }
        let (flight, redundant) = loop {
            match self.board()? {
                Boarding::Go(flight) => break (flight, false),
                Boarding::Redundant(flight) => break (flight, true),
                Boarding::Recursion => return Err(self.recursion()),
                Boarding::Wait(waiter) => {
                    self.emit_waited(None);
                    if self.pace == Pace::Blocking && stolen::is_possible() {
                        if !waiter.ended_within(PATIENCE) {
                            break (self.lake.flights().beside(), true);
                        }
                    } else {
                        waiter.ended().await;
                    }
                    if !force && let Found::Hit(value, record) = self.find(Reach::Local).await? {
                        return self.hit(value, &record);
                    }
                }
            }
        };
        let permit = match (self.pace, &self.parent) {
            (Pace::Polled, None) => Some(self.lake.permits().body().await),
            _ => None,
        };
        let lease = if redundant { None } else { self.claim().await? };
        let mut machines = AmongMachines::new(!redundant && !force, lease.is_some());
        // After winning, look again: the last holder may have finished.
        let (key, expected) = loop {
            let (key, expected) = match self.find::<T>(Reach::Anywhere).await? {
                Found::Hit(value, record) if !force => {
                    given_back(machines.into_claim(), true).await;
                    return self.hit(value, &record);
                }
                Found::Hit(_, record) => (record.key, Some(record)),
                Found::Miss(key) => (key, None),
            };
            if let Some(kept) = self.check_names(&key).await? {
                self.pass_on(&kept)?;
                return Ok(Start::Ready(kept));
            }
            if machines.claim(&self).await? {
                break (key, expected);
            }
        };
        let claims = Claims { here: lease, among: machines.into_claim() };
        Ok(Start::Run(Box::new(self.run(code, key, Some(flight), redundant, claims, permit, expected))))
    }

    /// Files that the surrounding body made and passes on go into the lake first.
    async fn consume_staged(&mut self) -> Result<()> {
        let Some(parent) = &self.parent else { return Ok(()) };
        let files: Vec<FileRef> = self.target.identity.inputs().iter().map(|(_, file)| file.clone()).collect();
        let blobs = parent.consume(&files);
        if blobs.is_empty() {
            return Ok(());
        }
        let (lake, parent) = (self.lake.clone(), Arc::clone(parent));
        let put = async move {
            parent.hold(lake.vault().hold().await?);
            for (digest, path) in &blobs {
                lake.catalog().put_blob(digest, path).await?;
            }
            Ok(())
        };
        self.pace.io(put).await
    }

    fn board(&self) -> Result<Boarding> {
        let key = self.target.identity.key;
        let chain = self.parent.as_ref().map_or(&[][..], |parent| parent.chain());
        let ancestors: Vec<FlightId> = chain.iter().map(|(id, _)| *id).collect();
        let beneath = if self.pace == Pace::Blocking { scope::stack() } else { Vec::new() };
        let recursive = chain.iter().filter(|(_, at)| *at == key).count();
        if recursive > 0 {
            // On a pool that steals work this may be a stranger on top of us.
            if !stolen::is_possible() || recursive >= STOLEN_DEPTH {
                return Ok(Boarding::Recursion);
            }
            return Ok(self.lake.flights().board(key, &[], &ancestors));
        }
        Ok(self.lake.flights().board(key, &ancestors, &beneath))
    }

    fn recursion(&self) -> Error {
        let message = format!(
            "`{}` was called in its own body with the same arguments (call {}): it would never end",
            self.target.identity.creator,
            self.target.identity.key.short()
        );
        Error::new(ErrorKind::Recursion, message)
    }

    /// Whether the UIDs that the caller chose are free; under `on_change = "keep"` the value of the call that has them.
    async fn check_names<T: Serialize + DeserializeOwned>(&self, key: &CallKey) -> Result<Option<T>> {
        let Some(names) = &self.target.names else { return Ok(None) };
        for uid in names {
            let (lake, wanted) = (self.lake.clone(), uid.clone());
            let look = async move {
                let Some(named) = lake.catalog().named(&wanted).await? else { return Ok(None) };
                let why = lake.catalog().why_taken(&named);
                Ok(why.map(|why| (named, why)))
            };
            let Some((named, mut why)) = self.pace.io(look).await? else { continue };
            let creator = &self.target.identity.creator;
            if let NameTarget::Output(output) = &named.name.target
                && output.creator == *creator
            {
                if output.key == *key {
                    continue;
                }
                if let Some(record) = named.record.map(Arc::new) {
                    why = self.what_differs(&record)?;
                    if self.target.keep {
                        return self.keep(record, &why).await;
                    }
                }
            }
            let message = format!(
                "`{creator}` is to make `{uid}`, which exists and was made otherwise: {why}; choose another UID, remove `{uid}` to make it anew, or say on_change = \"keep\" to go on with what is there"
            );
            return Err(Error::new(ErrorKind::AlreadyExists, message));
        }
        Ok(None)
    }

    fn what_differs(&self, record: &Record) -> Result<String> {
        let differences = super::explain::sketch(&self.target.identity).differences(&record.lineage()?);
        Ok(differences.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    }

    async fn keep<T: Serialize + DeserializeOwned>(&self, record: Arc<Record>, why: &str) -> Result<Option<T>> {
        let (lake, key) = (self.lake.clone(), record.key);
        let candidate = self.pace.io(async move { Candidate::of(lake.catalog(), record).await }).await?;
        let inside = scope::outside_bodies(&self.lake);
        let step = Search::new(&self.target.identity.creator, key).consider(Some(candidate))?;
        drop(inside);
        let Step::Found(value, _) = step else {
            let message = format!(
                "`{}` cannot keep what is there: its return type has changed its meaning since; remove the file to make it anew",
                self.target.identity.creator
            );
            return Err(Error::new(ErrorKind::AlreadyExists, message));
        };
        self.lake.journal().found(&self.target.identity.creator, key, Outcome::Kept);
        self.lake.emit(&Event::Kept { call: self.id(key), why: why.to_owned() });
        Ok(Some(value))
    }
}

/// A call failed for what no key knows of: a body that it stands in cannot go on as if nothing had happened.
pub(super) fn told(parent: Option<&Body>, error: &Error) {
    use ErrorKind as Kind;
    let known = [Kind::InvalidInput, Kind::Value, Kind::Undeclared, Kind::Outputs, Kind::Recursion, Kind::Context];
    if let Some(body) = parent
        && !known.contains(&error.kind())
        && stolen::is_excluded()
    {
        body.note_failed(error);
    }
}
