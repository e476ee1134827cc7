//! One call from key to value: look, wait, claim, run, publish.
//!
//! Invariants:
//! - A hit on this machine touches its record and nothing else: no thread, runtime, lock file or clock.
//! - No lock and no permit for transfers is held while a body runs; a call in a body takes no permit for bodies.
//! - Whatever happens to a body, its claim and its place in the flights go with the guard that holds them.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datlake_core::catalog::{Publication, Published};
use datlake_core::flight::{Boarding, Flight, FlightId};
use datlake_core::lineage::Lineage;
use datlake_core::memo::{Candidate, Search, Step};
use datlake_core::record::{Kept, NewRecord, Record, Target as NameTarget};
use datlake_core::run::Outcome;
use datlake_core::{CallKey, Code, Error, ErrorKind, FileRef, Result, Uid, canonical, codec};
use datlake_store::{Beating, BodyPermit, Lease, offload, sleep};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::{Body, NewBody, input};
use super::claim::AmongMachines;
use super::key::{Target, only_of};
use super::stray;
use crate::context::{self, Context};
use crate::event::{CallId, Event};
use crate::lake::{Lake, claim_of};
use crate::{provenance, stolen};

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
    parent: Option<Arc<Body>>,
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

/// The claims under which a body runs.
#[derive(Default)]
pub(crate) struct Claims {
    /// Among the processes of this machine.
    here: Option<Lease>,
    /// Among the machines that share the remote.
    among: Option<Beating>,
}

/// A body about to run, or running. Dropped before [`finish`](Running::finish) it has failed.
pub(crate) struct Running {
    site: Site,
    body: Arc<Body>,
    flight: Option<Flight>,
    redundant: bool,
    claims: Claims,
    permit: Option<BodyPermit>,
    began: Instant,
    started_at: String,
    /// The record that a forced run is compared with.
    expected: Option<Arc<Record>>,
    /// Whether the body has returned: else it panicked or was cancelled.
    returned: bool,
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
        let mut parent = context::body();
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

    fn id(&self, key: CallKey) -> CallId {
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
            let inside = context::enter(Context { lake: Some(self.lake.clone()), body: None });
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
    fn pass_on<T: Serialize>(&self, value: &T) -> Result<()> {
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
        let lake = self.lake.clone();
        let put = async move {
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
        let beneath = if self.pace == Pace::Blocking { context::stack() } else { Vec::new() };
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
        let inside = context::enter(Context { lake: Some(self.lake.clone()), body: None });
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

    #[expect(clippy::too_many_arguments, reason = "the parts of a run, gathered where it begins")]
    fn run(
        self,
        code: &'static Code,
        key: CallKey,
        flight: Option<Flight>,
        redundant: bool,
        claims: Claims,
        permit: Option<BodyPermit>,
        expected: Option<Arc<Record>>,
    ) -> Running {
        let mut chain = self.parent.as_ref().map_or_else(Vec::new, |parent| parent.chain().to_vec());
        chain.extend(flight.as_ref().map(|flight| (flight.id(), self.target.identity.key)));
        let given: HashSet<_> = self.target.identity.inputs().iter().map(|(_, file)| file.digest).collect();
        let body = Body::new(NewBody {
            lake: self.lake.clone(),
            code,
            creator: self.target.identity.creator.clone(),
            key,
            chain,
            given,
            names: self.target.names.clone(),
        });
        let body = Arc::new(body);
        stray::begins(&body);
        let mut running = Running {
            site: self,
            body,
            flight,
            redundant,
            claims,
            permit,
            began: Instant::now(),
            started_at: provenance::now(),
            expected,
            returned: false,
        };
        running.note(Outcome::Unfinished, None);
        // Who runs it, for example, may have taken a moment to find out.
        running.began = Instant::now();
        running
    }
}

impl Running {
    /// Runs a blocking body.
    pub(crate) fn call<R>(&self, body: impl FnOnce() -> R) -> R {
        let _inside = context::enter(self.context());
        let _stack = self.flight.as_ref().map(|flight| context::on_stack(&[flight.id()]));
        stolen::mark(body)
    }

    /// Where the body stands.
    pub(crate) fn context(&self) -> Context {
        Context { lake: Some(self.site.lake.clone()), body: Some(Arc::clone(&self.body)) }
    }

    /// Writes down what became of the body.
    fn note(&self, outcome: Outcome, took: Option<Duration>) {
        let (creator, key) = (&self.site.target.identity.creator, self.body.key());
        self.site.lake.journal().body(creator, key, outcome, &self.started_at, took);
    }

    /// The body returned `value`: publishes it, and gives back what every later call will get.
    pub(crate) async fn finish<T: Serialize + DeserializeOwned>(mut self, value: T) -> Result<T> {
        self.returned = true;
        let took = self.began.elapsed();
        let finished = self.publish(value, took).await;
        given_back(self.claims.among.take(), finished.is_ok()).await;
        let id = self.site.id(self.body.key());
        match finished {
            Ok((value, event)) => {
                self.note(outcome(&event), Some(took));
                self.site.pass_on(&value)?;
                self.site.lake.emit(&event);
                Ok(value)
            }
            Err(error) => {
                self.note(Outcome::Failed, Some(took));
                self.site.lake.emit(&Event::Failed(id));
                told(self.site.parent.as_deref(), &error);
                Err(error)
            }
        }
    }

    async fn publish<T: Serialize + DeserializeOwned>(&self, value: T, took: Duration) -> Result<(T, Event)> {
        let (lake, identity) = (&self.site.lake, &self.site.target.identity);
        let id = self.site.id(self.body.key());
        let inside = context::enter(Context { lake: Some(lake.clone()), body: None });
        let (returned, of_this_lake) = only_of(lake, || canonical::encode(&value));
        if !of_this_lake {
            let message = format!(
                "the body of `{}` returned a file of another lake; lakes never mix: add the file to this one",
                identity.creator
            );
            return Err(Error::new(ErrorKind::Context, message));
        }
        let made = self.body.finish(&returned?.files)?;
        let executed = Event::Executed { call: id.clone(), took, redundant: self.redundant };
        if lake.bypass() {
            return Ok((value, executed));
        }
        // Now that files have their UIDs, the value can be written.
        let encoded = canonical::encode(&value)?;
        let stored = codec::encode(&value)?;
        drop(inside);
        let outputs = encoded.files.iter().filter_map(output).collect::<Vec<_>>();
        if let Some(expected) = &self.expected {
            self.compare(expected, &stored.digest, &outputs)?;
            // The same bytes: what was lost or damaged of them is whole again.
            let (lake, blobs) = (lake.clone(), made.blobs);
            let heal = async move {
                for (digest, path) in &blobs {
                    let size = std::fs::metadata(path).map_err(|e| Error::io("look at", path.display(), e))?.len();
                    lake.vault().restore(digest, size, path).await?;
                }
                Ok(())
            };
            self.site.pace.io(heal).await?;
            let Found::Hit(value, record) = self.site.find(Reach::Anywhere).await? else {
                return Err(Error::new(ErrorKind::NotFound, format!("call {id} was removed while it ran again")));
            };
            return Ok((value, Event::Reproduced(self.site.id(record.key))));
        }
        let mut inputs: Vec<_> = identity.inputs().iter().map(|(argument, file)| input(Some(argument), file)).collect();
        inputs.extend(made.inputs);
        let mut uses: Vec<_> = inputs.iter().map(|input| input.digest).collect();
        uses.sort_unstable();
        uses.dedup();
        let is_chosen = |uid: &&Uid| self.site.target.names.as_ref().is_some_and(|names| names.contains(uid));
        let mut names: Vec<Uid> = outputs.iter().map(|output| &output.uid).filter(is_chosen).cloned().collect();
        // A file may be returned twice.
        names.sort();
        names.dedup();
        let lineage: Lineage = lake.provenance().lineage(provenance::Ran {
            identity,
            key: self.body.key(),
            inputs,
            outputs,
            started_at: &self.started_at,
            took,
        })?;
        let (lake, pace, code) = (lake.clone(), self.site.pace, identity.code);
        let (value_digest, bytes, fetched) = (stored.digest, stored.bytes, made.fetched);
        let (blobs, alive) = (made.blobs, made.alive);
        let publish = async move {
            lake.provenance().keep_lock_text(&lake, &lineage, code).await?;
            let nonce = lake.nonce();
            let new = NewRecord { nonce: &nonce, value_digest, value: &bytes, fetched, lineage: &lineage };
            let (record, value) = Record::create(new)?;
            let mut leases = Vec::new();
            let mut claims: Vec<String> = names.iter().map(claim_of).collect();
            // In one order everywhere, so that no two publishers wait for each other.
            claims.sort();
            for claim in claims {
                leases.push(lake.vault().claim(&claim, "publish").await?);
            }
            let catalog = match leases.iter().all(Option::is_some) {
                true => lake.catalog(),
                false => &lake.catalog().without_claims(&nonce),
            };
            let published = catalog.publish(Publication { record, value, blobs, uses, names }).await;
            lake.note_published();
            drop((leases, alive));
            published
        };
        match pace.io(publish).await? {
            Published::Ours(record) => {
                self.site.lake.remember(&Arc::new(record));
                Ok((stored.value, executed))
            }
            Published::Theirs(record) => {
                self.site.lake.remember(&Arc::new(record));
                match self.site.find(Reach::Anywhere).await? {
                    Found::Hit(value, record) => Ok((value, Event::Adopted(self.site.id(record.key)))),
                    Found::Miss(_) => Err(Error::new(
                        ErrorKind::AlreadyExists,
                        format!(
                            "another program published call {id} at the same time, with a return type of another meaning; run again"
                        ),
                    )),
                }
            }
        }
    }

    /// Whether a forced run made what the lake holds.
    fn compare(
        &self,
        expected: &Record,
        value: &datlake_core::Digest,
        outputs: &[datlake_core::lineage::Output],
    ) -> Result<()> {
        let id = self.site.id(expected.key);
        let before = expected.lineage()?.outputs;
        let different = |what: String| {
            let message = format!(
                "a forced run of {id} made something else than the lake holds and keeps: {what}; the creator is not deterministic, or depends on something that is not in its key"
            );
            Err(Error::new(ErrorKind::NotReproducible, message))
        };
        for (was, now) in before.iter().zip(outputs) {
            if was.digest != now.digest {
                return different(format!(
                    "output `{}` ({}) had digest {} and now has {}",
                    was.uid, was.name, was.digest, now.digest
                ));
            }
        }
        if before.len() != outputs.len() {
            return different(format!("it returned {} files and now {}", before.len(), outputs.len()));
        }
        if expected.value_digest != *value {
            return different(format!(
                "the value beside its files had digest {} and now has {value}",
                expected.value_digest
            ));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.body.end();
        stray::ended(&self.body);
        if !self.returned {
            self.note(Outcome::Failed, Some(self.began.elapsed()));
            self.site.lake.emit(&Event::Failed(self.site.id(self.body.key())));
        }
        // The claims first: who waits for the flight looks for a record and then claims.
        let among = self.claims.among.take();
        if self.site.pace == Pace::Blocking {
            // The program may end right after this.
            pollster::block_on(given_back(among, false));
        }
        drop(self.claims.here.take());
        drop(self.flight.take());
        drop(self.permit.take());
    }
}

fn outcome(event: &Event) -> Outcome {
    match event {
        Event::Adopted(_) => Outcome::Adopted,
        Event::Reproduced(_) => Outcome::Reproduced,
        _ => Outcome::Executed,
    }
}

/// What is not given back is taken for dead one day: no reason to fail.
async fn given_back(claim: Option<Beating>, recorded: bool) {
    if let Some(claim) = claim {
        let _ = claim.release(recorded).await;
    }
}

fn output(file: &FileRef) -> Option<datlake_core::lineage::Output> {
    Some(datlake_core::lineage::Output {
        uid: file.uid.clone()?,
        name: file.name.to_string(),
        digest: file.digest,
        size: file.size,
        tree: file.tree,
    })
}

/// A call failed for what no key knows of: a body that it stands in cannot go on as if nothing had happened.
fn told(parent: Option<&Body>, error: &Error) {
    use ErrorKind as Kind;
    let known = [Kind::InvalidInput, Kind::Value, Kind::Undeclared, Kind::Outputs, Kind::Recursion, Kind::Context];
    if let Some(body) = parent
        && !known.contains(&error.kind())
        && stolen::is_excluded()
    {
        body.note_failed(error);
    }
}
