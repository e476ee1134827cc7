//! One call from key to value, or to a body that runs: look, wait, claim.
//!
//! Invariants:
//! - No lock and no permit for transfers is held while a body runs; a call in a body takes no permit for bodies.
//! - Whatever happens to a body, its claim and its place in the flights go with the guard that holds them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datlake_core::admission::Admitted;
use datlake_core::flight::{Boarding, Flight, FlightId};
use datlake_core::memo::{Candidate, Search, Step};
use datlake_core::record::{CallValue, NameTarget, Record};
use datlake_core::run::Outcome;
use datlake_core::{CallKey, Code, Error, ErrorKind, FileRef, Result, Subject, Uid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::admission::Room;
use super::body::Chain;
use super::claim::{ANOTHER, AmongMachines, ClaimHere, Next, may_wait};
use super::explain::{differences, explain};
use super::key::OnChange;
use super::running::{Claims, Running, given_back};
use super::site::{BlockingMode, CallSite, Lookup, SearchIn, WhenHeld, told};
use super::waiting::Patience;
use crate::work_stealing;
use datlake_lake::{Event, Mode, scope, shared_run};
use datlake_store::{BodyPermit, release_claims_on_sigterm};

/// A call inside itself that a work-stealing pool may have brought about runs once more, but not for ever.
const STOLEN_DEPTH: usize = 8;

/// Bodies that may stand in each other. Each needs room on a stack, and a claim.
const DEEPEST: usize = 2000;
/// Of these, how many an error names at either end.
const SHOWN: usize = 3;

/// Of how many calls of one creator that would run a lake says why: each compares itself with all earlier ones.
const EXPLAINED: u64 = 20;

/// Who makes a call that does not fit this one.
const ANOTHER_PROCESS: &str = "another process";

/// Whether a call may go on in this process.
enum Aboard<T> {
    Goes {
        flight: Flight,
        redundant: bool,
        room: Option<Admitted>,
    },
    Hit(T, Arc<CallValue>),
    /// Another process makes it, of which this is known.
    Leave(String),
}

/// What a call comes to.
pub(crate) enum Start<T> {
    Ready(T),
    Run(Box<Running>),
    /// Another process runs it, of which this is known, and the call [does not wait](WhenHeld::Leave). It holds nothing.
    Held(Box<CallSite>, String),
}

impl CallSite {
    async fn hit<T: Serialize>(&self, value: T, answer: &Arc<CallValue>) -> Result<Start<T>> {
        if self.target.on_change == OnChange::Replace && self.lake.mode().runs() {
            // Apart, for the room that a future takes.
            Box::pin(self.lead_back(answer)).await?;
        }
        self.pass_on(&value, Some(answer))?;
        self.lake.journal().found(&self.target.identity.creator, answer.key, Outcome::Hit);
        self.lake.emit(&Event::Hit(self.id(answer.key)));
        Ok(Start::Ready(value))
    }

    /// Finds the call's value, or takes on to run it.
    pub(crate) async fn start<T: Serialize + DeserializeOwned>(
        self,
        code: &'static Code,
        force: bool,
        when_held: WhenHeld,
    ) -> Result<Start<T>> {
        let parent = self.parent.clone();
        self.find_or_board(code, force, when_held).await.inspect_err(|error| told(parent.as_deref(), error))
    }

    async fn find_or_board<T: Serialize + DeserializeOwned>(
        mut self,
        code: &'static Code,
        force: bool,
        when_held: WhenHeld,
    ) -> Result<Start<T>> {
        let of_other_code = self.lake.mode() == Mode::Run && self.is_of_other_code();
        if self.lake.mode() == Mode::Bypass || of_other_code || self.again.is_some() {
            return Box::pin(self.run_alone(code)).await;
        }
        self.consume_staged().await?;
        if !force && let Lookup::Hit(value, answer) = self.find(SearchIn::Local).await? {
            return self.hit(value, &answer).await;
        }
        if !self.lake.mode().runs() {
            return Box::pin(self.look_only(force)).await;
        }
        if self.lake.mode() == Mode::Check {
            return Box::pin(self.find_or_run(code)).await;
        }
        self.join_run();
        // Apart: a hit needs nothing of it, and what holds a future holds the room for all its states.
        Box::pin(self.take_on(code, force, when_held)).await
    }

    /// Finds the value of a call in one that is made again, wherever the lake has it; else runs it too.
    async fn find_or_run<T: Serialize + DeserializeOwned>(self, code: &'static Code) -> Result<Start<T>> {
        match self.find(SearchIn::Anywhere).await? {
            Lookup::Hit(value, answer) => self.hit(value, &answer).await,
            Lookup::Miss(_) => self.run_alone(code).await,
        }
    }

    /// Takes on to run it for this process alone: nothing is remembered of it.
    async fn run_alone<T>(mut self, code: &'static Code) -> Result<Start<T>> {
        self.check_depth()?;
        self.goes_under_way()?;
        let room = match self.room(true).await {
            Ok(Room::Has(room)) => room,
            Ok(Room::Elsewhere(_) | Room::Later) => None,
            Err(error) => return Err(self.never_ran(error)),
        };
        let (key, claims) = (self.target.identity.key, Claims { room, ..Claims::default() });
        Ok(Start::Run(Box::new(self.run(code, key, None, false, claims, None, None))))
    }

    /// The value of a call that does not fit this process, where another has made it.
    async fn made_elsewhere<T: Serialize + DeserializeOwned>(&self) -> Result<Option<(T, Arc<CallValue>)>> {
        match self.find(SearchIn::Anywhere).await? {
            Lookup::Hit(value, answer) => Ok(Some((value, answer))),
            Lookup::Miss(_) => Ok(None),
        }
    }

    /// The call has no value here: waits for somebody who makes it, or takes on to run it.
    async fn take_on<T: Serialize + DeserializeOwned>(
        mut self,
        code: &'static Code,
        force: bool,
        when_held: WhenHeld,
    ) -> Result<Start<T>> {
        self.check_depth()?;
        self.goes_under_way()?;
        // With something of the machine a call does not wait for others.
        let when_held = if self.target.resources.is_nothing() { when_held } else { WhenHeld::Leave };
        let (flight, redundant, room) = match self.board_with_room(force).await? {
            Aboard::Goes { flight, redundant, room } => (flight, redundant, room),
            Aboard::Hit(value, answer) => return self.hit(value, &answer).await,
            Aboard::Leave(by) => return Ok(self.left(by)),
        };
        if when_held == WhenHeld::Leave && !redundant && !force && self.is_known_to_be_held().await? {
            return Ok(self.left(ANOTHER.to_owned()));
        }
        // What has something of the machine is bounded by that; and a call that waits for a permit has none of it.
        let permit = if self.target.resources.is_nothing() { self.permit().await } else { None };
        // Not before: of many that are awaited together, the first that may go on fetch the packs.
        if !force && let Some((value, answer)) = self.packed().await? {
            return self.hit(value, &answer).await;
        }
        let patience = self.wait.get_or_insert_default().patience.get_or_insert_with(Patience::new).clone();
        let claimed = if redundant { ClaimHere::Unneeded } else { self.claim(when_held, &patience).await? };
        let lease = match claimed {
            ClaimHere::Ours(lock) => Some(lock),
            ClaimHere::Unneeded => None,
            ClaimHere::Held(by) => {
                self.is_left_here = true;
                return Ok(self.left(by));
            }
        };
        let mut machines = AmongMachines::new(!redundant && !force, lease.is_some(), when_held, patience);
        // After winning, look again: the last holder may have finished.
        let (key, expected) = loop {
            let (key, expected) = if force {
                match self.find_record::<T>().await? {
                    Lookup::Hit((), answer) => (answer.key, self.record(&answer.creator, &answer.key).await?),
                    Lookup::Miss(key) => (key, None),
                }
            } else {
                match self.find::<T>(SearchIn::Anywhere).await? {
                    Lookup::Hit(value, answer) => {
                        given_back(machines.into_claim(), true).await;
                        return self.hit(value, &answer).await;
                    }
                    Lookup::Miss(key) => (key, None),
                }
            };
            if let Some(kept) = self.check_names(&key).await? {
                return Ok(Start::Ready(kept));
            }
            match machines.claim(&mut self).await? {
                Next::Run => break (key, expected),
                Next::Look => {}
                Next::Leave(by) => {
                    self.is_left_here = false;
                    return Ok(self.left(by));
                }
            }
        };
        if self.lake.explains() {
            Box::pin(self.tell_why(key, force)).await;
        }
        let claims = Claims { room, here: lease, among: machines.into_claim() };
        Ok(Start::Run(Box::new(self.run(code, key, Some(flight), redundant, claims, permit, expected))))
    }

    /// Takes what the body needs, and then the right to run it in this process, or finds what another thread has made meanwhile.
    async fn board_with_room<T: Serialize + DeserializeOwned>(&mut self, force: bool) -> Result<Aboard<T>> {
        loop {
            let room = match self.room(force).await {
                Ok(Room::Has(room)) => room,
                Ok(Room::Later) => return Ok(Aboard::Leave(ANOTHER_PROCESS.to_owned())),
                Ok(Room::Elsewhere(by)) => {
                    let made = self.made_elsewhere().await?;
                    return Ok(made.map_or(Aboard::Leave(by), |(value, answer)| Aboard::Hit(value, answer)));
                }
                Err(error) => match self.made_elsewhere().await? {
                    Some((value, answer)) if !force => return Ok(Aboard::Hit(value, answer)),
                    _ => return Err(self.never_ran(error)),
                },
            };
            let waiter = match self.board()? {
                Boarding::Go(flight) => return Ok(Aboard::Goes { flight, redundant: false, room }),
                Boarding::Redundant(flight) => return Ok(Aboard::Goes { flight, redundant: true, room }),
                Boarding::Recursion => return Err(self.recursion()),
                Boarding::Wait(waiter) => waiter,
            };
            drop(room);
            self.emit_waited(None);
            self.begin_to_wait();
            if self.pace == BlockingMode::Blocking && work_stealing::is_possible() {
                if !waiter.ended_within(work_stealing::PATIENCE) {
                    return Ok(Aboard::Goes { flight: self.lake.flights().beside(), redundant: true, room: None });
                }
            } else {
                waiter.ended().await;
            }
            self.ends_waiting();
            if !force && let Lookup::Hit(value, answer) = self.find(SearchIn::Local).await? {
                return Ok(Aboard::Hit(value, answer));
            }
        }
    }

    /// The call's value, where a pack that was fetched has its record: a claim would be a file made and removed for each of thousands
    /// of calls that others made.
    async fn packed<T: Serialize + DeserializeOwned>(&self) -> Result<Option<(T, Arc<CallValue>)>> {
        let identity = &self.target.identity;
        if !self.lake.catalog().is_packed(&identity.creator, &identity.key).await {
            return Ok(None);
        }
        match self.find(SearchIn::Anywhere).await? {
            Lookup::Hit(value, answer) => Ok(Some((value, answer))),
            Lookup::Miss(_) => Ok(None),
        }
    }

    /// Whether the call is left without trying to claim it. The second time it is tried: nothing else is left to do then, and
    /// what the claim shows of its holder may be that it is dead. A process of this machine has a lock that ends with it.
    async fn is_known_to_be_held(&self) -> Result<bool> {
        Ok(may_wait() && !self.is_left_here && self.times_left != 1 && self.is_held().await?)
    }

    fn left<T>(mut self, by: String) -> Start<T> {
        self.begin_to_wait();
        self.times_left = self.times_left.saturating_add(1);
        Start::Held(Box::new(self), by)
    }

    /// In a lake that runs no body: the call's value, or why it would run.
    async fn look_only<T: Serialize + DeserializeOwned>(&self, force: bool) -> Result<Start<T>> {
        let found = self.find::<T>(SearchIn::Anywhere).await?;
        let why = match found {
            Lookup::Hit(value, answer) if !force => return self.hit(value, &answer).await,
            Lookup::Hit(..) => Some("it is forced".to_owned()),
            Lookup::Miss(key) => {
                if let Some(kept) = self.check_names(&key).await? {
                    return Ok(Start::Ready(kept));
                }
                match self.lake.count_missed(&self.target.identity.creator) < EXPLAINED {
                    true => Some(explain(self, found).await?.reason()),
                    false => None,
                }
            }
        };
        let call = self.id(self.target.identity.key);
        let reason = why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        let message = format!("{} would run{reason}", call.function());
        let mode = self.lake.mode();
        let hint = format!("no body runs in mode `{}`: to run it, unset DATLAKE", mode.name());
        let about = Subject::Call(call.creator.clone(), call.key);
        self.lake.emit(&Event::WouldRun { call, why });
        Err(Error::new(ErrorKind::WouldRun, message).about(about).with_hint(hint))
    }

    /// The turn of a body among asynchronous ones; a body within another has that one's.
    async fn permit(&self) -> Option<BodyPermit> {
        match (self.pace, &self.parent) {
            (BlockingMode::Polled, None) => Some(self.lake.permits().body().await),
            _ => None,
        }
    }

    /// Tells why the call runs. That this is not known keeps it from nothing.
    async fn tell_why(&self, key: CallKey, force: bool) {
        let why = match force {
            true => "it is forced".to_owned(),
            false => match explain::<()>(self, Lookup::Miss(key)).await {
                Ok(why) => why.reason(),
                Err(error) => format!("why is not known: {error}"),
            },
        };
        self.lake.emit(&Event::Explained { call: self.id(key), why });
    }

    /// Whether sources were written while the program was compiled from them: nothing that it makes is kept then.
    fn is_of_other_code(&self) -> bool {
        static TOLD: AtomicBool = AtomicBool::new(false);
        let newer = crate::creators::newer();
        if let Some(file) = newer
            && !TOLD.swap(true, Ordering::Relaxed)
        {
            self.lake.emit(&Event::Newer { file: file.to_owned() });
        }
        newer.is_some()
    }

    /// Files that the surrounding body made and passes on go into the lake first.
    async fn consume_staged(&mut self) -> Result<()> {
        let Some(parent) = &self.parent else { return Ok(()) };
        let files: Vec<FileRef> = self.target.identity.inputs().iter().map(|(_, file)| file.clone()).collect();
        let consumed = parent.consume(&files);
        if consumed.is_empty() {
            return Ok(());
        }
        let (lake, parent) = (self.lake.clone(), Arc::clone(parent));
        let put = async move {
            parent.hold(lake.local_view().hold().await?);
            for file in consumed {
                lake.catalog().put_blob(&file.content.digest, file.content.settle()?).await?;
            }
            Ok(())
        };
        self.pace.io(put).await
    }

    fn board(&self) -> Result<Boarding> {
        let key = self.target.identity.key;
        let chain = || self.parent.iter().flat_map(|parent| parent.chain().iter());
        let ancestors: Vec<FlightId> = chain().filter_map(|body| body.flight).collect();
        let beneath = if self.pace == BlockingMode::Blocking { scope::stack() } else { Vec::new() };
        let recursive = chain().filter(|body| body.key == key).count();
        if recursive > 0 {
            // On a pool that steals work this may be a stranger on top of us.
            if !work_stealing::is_possible() || recursive >= STOLEN_DEPTH {
                return Ok(Boarding::Recursion);
            }
            return Ok(self.lake.flights().board(key, &[], &ancestors));
        }
        Ok(self.lake.flights().board(key, &ancestors, &beneath))
    }

    /// Prepares for a call that is no hit: in a process that was not started alone, what its run needs.
    fn join_run(&self) {
        if shared_run::here().is_some() {
            release_claims_on_sigterm();
        }
        if shared_run::here().is_some() && self.lake.is_another_build() {
            self.lake.emit(&Event::AnotherBuild);
        }
    }

    /// Whether one more body may run in those that the call stands in.
    fn check_depth(&self) -> Result<()> {
        let Some(chain) = self.parent.as_ref().map(|parent| parent.chain()).filter(|chain| chain.depth >= DEEPEST)
        else {
            return Ok(());
        };
        let shown = |body: &Chain| format!("`{}` (call {})", body.creator, body.key.short());
        let mut named: Vec<String> = chain.iter().take(SHOWN).map(shown).collect();
        named.push("…".to_owned());
        named.extend(chain.iter().skip(chain.depth + 1 - SHOWN).map(shown));
        named.reverse();
        let message = format!(
            "cannot run `{}` (call {}): {} bodies wait for each other already, {}",
            self.target.identity.creator,
            self.target.identity.key.short(),
            chain.depth + 1,
            named.join(" › ")
        );
        let hint =
            "end the recursion, or make the inner calls first, a thousand at a time: what is remembered needs no body";
        Err(Error::new(ErrorKind::Recursion, message).with_hint(hint))
    }

    fn recursion(&self) -> Error {
        let message = format!(
            "`{}` was called in its own body with the same arguments (call {}): it would never end",
            self.target.identity.creator,
            self.target.identity.key.short()
        );
        Error::new(ErrorKind::Recursion, message)
    }

    /// The names that the caller chose may lead elsewhere since the call was made, as where an edit was taken back.
    pub(super) async fn lead_back(&self, answer: &Arc<CallValue>) -> Result<()> {
        let Some(names) = self.target.names.clone() else { return Ok(()) };
        let (lake, answer) = (self.lake.clone(), Arc::clone(answer));
        self.pace.io(async move { lake.lead_back(&names, &answer).await }).await.map(drop)
    }

    /// Whether the UIDs that the caller chose are free; under `on_change = "keep"` the value of the call that has them.
    async fn check_names<T: Serialize + DeserializeOwned>(&self, key: &CallKey) -> Result<Option<T>> {
        let Some(names) = &self.target.names else { return Ok(None) };
        for uid in names {
            Uid::fresh(uid.as_str())?;
            if self.target.on_change == OnChange::Replace {
                continue;
            }
            let (lake, wanted) = (self.lake.clone(), uid.clone());
            let look = async move {
                lake.refresh(&wanted).await?;
                let Some(named) = lake.catalog().named(&wanted).await? else { return Ok(None) };
                let why = lake.catalog().why_taken(&named);
                Ok(why.map(|why| (named, why)))
            };
            let Some((named, mut why)) = self.pace.io(look).await? else { continue };
            let creator = &self.target.identity.creator;
            if let NameTarget::Output(output) = named.target()
                && output.creator == *creator
            {
                if output.key == *key {
                    continue;
                }
                if let Some(record) = named.record {
                    why = self.what_differs(&record).await?;
                    if self.target.on_change == OnChange::Keep {
                        return self.keep(record, &why).await;
                    }
                }
            }
            let message = format!("`{creator}` is to make `{uid}`, which exists and was made otherwise: {why}");
            let hint = format!(
                "choose another UID, remove `{uid}` to make it anew, or say on_change = \"replace\" to lead `{uid}` to the new file, or on_change = \"keep\" to go on with what is there"
            );
            return Err(Error::new(ErrorKind::AlreadyExists, message).about(Subject::Uid(uid.clone())).with_hint(hint));
        }
        Ok(None)
    }

    /// As [`explain`] says it.
    async fn what_differs(&self, record: &Record) -> Result<String> {
        let differences = differences(self, &record.lineage()?).await?;
        Ok(differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    async fn keep<T: Serialize + DeserializeOwned>(&self, record: Record, why: &str) -> Result<Option<T>> {
        let (lake, key, answer) = (self.lake.clone(), record.key, Arc::new(record.answer()));
        let candidate = self.pace.io(async move { Candidate::of(lake.catalog(), answer, false).await }).await?;
        let inside = scope::outside_bodies(&self.lake);
        let step = Search::new(&self.target.identity.creator, key).consider(Some(candidate))?;
        drop(inside);
        let Step::Found(value, answer, Some(encoded)) = step else {
            let message = format!(
                "`{}` cannot keep what is there: its return type has changed its meaning since",
                self.target.identity.creator
            );
            let error = Error::new(ErrorKind::AlreadyExists, message).with_hint("remove the file to make it anew");
            return Err(error.about(Subject::Call(self.target.identity.creator.clone(), key)));
        };
        self.pass_on_encoded(&encoded, Some(&answer));
        self.lake.note_returned(&answer, typeid::of::<T>(), encoded.bytes);
        self.lake.journal().found(&self.target.identity.creator, key, Outcome::Kept);
        self.lake.emit(&Event::Kept { call: self.id(key), why: why.to_owned() });
        Ok(Some(value))
    }
}
