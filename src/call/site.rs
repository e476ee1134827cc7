//! Where a call stands, and looking for its value.
//!
//! A hit on this machine reads the head of its record and nothing else: no thread, runtime, lock file or clock.

use std::any::TypeId;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use datlake_core::canonical::{self, Encoded};
use datlake_core::lineage::Lineage;
use datlake_core::memo::{Candidate, Search, Step};
use datlake_core::record::{CallAnswer, CallValue, Record, ValueBytes};
use datlake_core::run::{BodyFailure, Outcome};
use datlake_core::{CallKey, Code, CreatorName, Error, ErrorKind, Result, Subject};
use datlake_store::{offload_method, sleep, wait};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::{self, Body};
use super::key::CallTarget;
use super::remade::Remaking;
use super::waiting::WaitState;
use crate::work_stealing;
use datlake_lake::Lake;
use datlake_lake::scope::{self, Frame as _};
use datlake_lake::{CallId, Event, Remembered, provenance};

/// What a caller can afford.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockingMode {
    /// Its thread may block.
    Blocking,
    /// It is being polled by an executor.
    Polled,
}

/// What a call does while another process runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenHeld {
    /// It waits for the result.
    Wait,
    /// It is left: who made it has others to make, or waits in a way of its own.
    Leave,
}

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SearchIn {
    Local,
    Anywhere,
}

/// A call about to be looked up: where it stands and what it is.
pub(crate) struct CallSite {
    pub(crate) lake: Lake,
    pub(crate) target: CallTarget,
    pub(super) parent: Option<Arc<Body>>,
    pub(super) pace: BlockingMode,
    /// How often the call was left to another process.
    pub(super) times_left: u32,
    /// Whether the process that it was left to is of this machine.
    pub(super) is_left_here: bool,
    /// Whether it was said that the call waits for another process.
    said_it_waits: bool,
    /// Where what the call makes goes, if it is made again to be compared.
    pub(super) again: Option<Remaking>,
    /// How it waits, and for whom; apart, for futures hold a site several times.
    pub(super) wait: Option<Box<WaitState>>,
}

/// What a search comes to.
pub(crate) enum Lookup<T> {
    Hit(T, Arc<CallValue>),
    Miss(CallKey),
}

impl BlockingMode {
    /// Does work of a store where it blocks no executor.
    pub(super) async fn io<T, F>(self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        match self {
            Self::Blocking => work.await,
            Self::Polled => offload_method(move || wait(work)).await?,
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

impl CallSite {
    /// Where a call of `target` stands.
    ///
    /// # Errors
    /// [`ErrorKind::Undeclared`] in a body that does not declare the creator; [`ErrorKind::Context`] where lakes would mix.
    pub(crate) fn new(target: CallTarget, code: &'static Code, pace: BlockingMode) -> Result<Self> {
        let mut parent = body::current();
        if let Some(body) = &parent
            && let Err(error) = Self::check_parent(body, &target, code)
        {
            // A pool that steals work may have put a call of somebody else's on top of this body.
            if work_stealing::is_excluded() {
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
            (None, None) => {
                if pace == BlockingMode::Polled {
                    scope::polled_lake()?;
                }
                Lake::current()?
            }
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
        let (times_left, is_left_here, said_it_waits) = (0, false, false);
        Ok(Self { lake, target, parent, pace, times_left, is_left_here, said_it_waits, again: None, wait: None })
    }

    /// Whether `body` may make this call: its key must know of the creator and of the files.
    fn check_parent(body: &Body, target: &CallTarget, code: &'static Code) -> Result<()> {
        if !body.declares(code) {
            return Err(body.undeclared(code));
        }
        // Those of another lake are reported below.
        if target.lake.as_ref().is_some_and(|lake| lake != body.lake()) {
            return Ok(());
        }
        target.identity.inputs().iter().try_for_each(|(_, file)| body.check_passed(file, &target.identity.creator))
    }

    pub(super) fn id(&self, key: CallKey) -> CallId {
        CallId { creator: self.target.identity.creator.clone(), key }
    }

    /// Writes down that the call fails although its body has not run.
    pub(super) fn never_ran(&self, error: Error) -> Error {
        let call = self.id(self.target.identity.key);
        let failure = BodyFailure::new(error.to_string(), Vec::new());
        self.lake.journal().body(&call, Outcome::Failed, &provenance::now(), None, Some(failure));
        self.lake.emit(&Event::Failed { call, process: None });
        error
    }

    pub(super) fn emit_waited(&self, by: Option<String>) {
        if by.is_some() {
            self.lake.journal().waits(&self.id(self.target.identity.key));
        }
        self.lake.emit(&Event::Waited { call: self.id(self.target.identity.key), by });
    }

    /// Says once that the call waits for another process.
    pub(super) fn says_it_waits(&mut self, by: String) {
        self.begin_to_wait();
        if !std::mem::replace(&mut self.said_it_waits, true) {
            self.emit_waited(Some(by));
        }
    }

    /// Looks for the call's value.
    pub(crate) async fn find<T: Serialize + DeserializeOwned>(&self, reach: SearchIn) -> Result<Lookup<T>> {
        self.follow(&mut Search::new(&self.target.identity.creator, self.target.identity.key), reach).await
    }

    /// As [`find`](Self::find), for a call that runs whatever is found: its value may be lost or damaged, if it has a record.
    pub(super) async fn find_record<T: Serialize + DeserializeOwned>(&self) -> Result<Lookup<()>> {
        let mut search = Search::new(&self.target.identity.creator, self.target.identity.key);
        match self.follow::<T>(&mut search, SearchIn::Anywhere).await {
            Ok(Lookup::Hit(_, answer)) => Ok(Lookup::Hit((), answer)),
            Ok(Lookup::Miss(key)) => Ok(Lookup::Miss(key)),
            Err(error) => match self.lake.remembered(search.place().1) {
                Some(known) if is_lost(&known.answer, &error) => Ok(Lookup::Hit((), known.answer)),
                _ => Err(error),
            },
        }
    }

    async fn follow<T: Serialize + DeserializeOwned>(&self, search: &mut Search, reach: SearchIn) -> Result<Lookup<T>> {
        let of_type = typeid::of::<T>();
        loop {
            let candidate = self.candidate(search, of_type, reach).await?;
            // What is decoded belongs to this lake.
            let inside = scope::outside_bodies(&self.lake);
            let step = search.consider(candidate)?;
            drop(inside);
            match step {
                Step::Found(value, answer, encoded) => {
                    if let Some(encoded) = encoded {
                        self.lake.note_returned(&answer, of_type, encoded.bytes);
                    }
                    return Ok(Lookup::Hit(value, answer));
                }
                Step::Absent(key) => return Ok(Lookup::Miss(key)),
                Step::Next => {}
            }
        }
    }

    /// The whole record of a call that was found.
    pub(super) async fn record(&self, creator: &CreatorName, key: &CallKey) -> Result<Option<Record>> {
        let (lake, creator, key) = (self.lake.clone(), creator.clone(), *key);
        self.pace.io(async move { lake.catalog().record(&creator, &key).await }).await
    }

    /// How a call came about that was found.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where somebody has removed it since.
    pub(super) async fn lineage_of(&self, answer: &CallValue) -> Result<Lineage> {
        match self.record(&answer.creator, &answer.key).await? {
            Some(record) => record.lineage(),
            None => {
                let message = format!("call {} was removed while it was looked at", self.id(answer.key));
                Err(Error::new(ErrorKind::NotFound, message))
            }
        }
    }

    /// What may answer the call.
    async fn candidate(&self, search: &mut Search, of_type: TypeId, reach: SearchIn) -> Result<Option<Candidate>> {
        let catalog = self.lake.catalog();
        let (answer, checked) = loop {
            let (creator, key) = search.place();
            if let Some(Remembered { answer, checked }) = self.lake.remembered(key) {
                break (answer, checked == Some(of_type));
            }
            let found = match reach {
                SearchIn::Local => catalog.answer_here(creator, key).await?,
                SearchIn::Anywhere => {
                    let (lake, creator, key) = (self.lake.clone(), creator.clone(), *key);
                    let look = async move {
                        lake.contact_remote().await?;
                        lake.catalog().kept(&creator, &key).await
                    };
                    self.pace.io(look).await?.map(|kept| kept.answer())
                }
            };
            match found {
                None => return Ok(None),
                Some(CallAnswer::Abandoned(mark)) => search.pass(&mark)?,
                Some(CallAnswer::Found(answer)) => {
                    let answer = Arc::new(answer);
                    self.lake.remember(&answer);
                    break (answer, false);
                }
            }
        };
        if answer.dynamic_inputs.is_empty() && matches!(answer.value, ValueBytes::Inline(_)) {
            return Ok(Some(Candidate { answer, apart: None, holds: true, checked }));
        }
        let (catalog, lake) = (catalog.clone(), self.lake.clone());
        let candidate = async move {
            for input in &answer.dynamic_inputs {
                lake.refresh(&input.uid).await?;
            }
            Candidate::of(&catalog, answer, checked).await
        };
        let candidate = self.pace.io(candidate).await;
        candidate.map(Some).map_err(|error| self.lake.located(error))
    }

    /// A value was found, with this answer if it is remembered: tells the body the call stands in.
    pub(super) fn pass_on<T: Serialize>(&self, value: &T, answer: Option<&CallValue>) -> Result<()> {
        if self.parent.is_some() {
            self.pass_on_encoded(&canonical::encode(value)?, answer);
        }
        Ok(())
    }

    /// The same with the value's encoding.
    pub(super) fn pass_on_encoded(&self, value: &Encoded, answer: Option<&CallValue>) {
        if let Some(parent) = &self.parent {
            parent.note_nested(value, answer);
        }
    }

    /// Whether what its body returns is kept.
    pub(super) fn is_remembered(&self) -> bool {
        self.lake.mode().stores() && crate::creators::newer().is_none()
    }

    /// Whether the call is running, here or in another process of this machine.
    pub(crate) fn is_running(&self) -> Result<bool> {
        let key = &self.target.identity.key;
        Ok(self.lake.flights().is_running(key) || self.lake.local_view().dir().is_claimed(&key.to_string())?)
    }
}

/// Whether `error` says that the value which the record of `answer` keeps apart is lost, or damaged.
fn is_lost(answer: &CallValue, error: &Error) -> bool {
    matches!(&answer.value, ValueBytes::Blob(digest) if error.subject() == Some(&Subject::Digest(*digest)))
        && matches!(error.kind(), ErrorKind::MissingBlob | ErrorKind::Corrupt)
}

/// A call failed for what no key knows of: a body that it stands in cannot go on as if nothing had happened.
pub(super) fn told(parent: Option<&Body>, error: &Error) {
    use ErrorKind as Kind;
    let known = [Kind::InvalidInput, Kind::Value, Kind::Undeclared, Kind::Outputs, Kind::Recursion, Kind::Context];
    if let Some(body) = parent
        && !known.contains(&error.kind())
        && work_stealing::is_excluded()
    {
        body.note_failed(error);
    }
}
