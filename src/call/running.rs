//! A body that runs, from where it begins to what it published.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datlake_core::admission::Admitted;
use datlake_core::canonical::{self, Encoded};
use datlake_core::catalog::Published;
use datlake_core::codec::Stored;
use datlake_core::flight::Flight;
use datlake_core::lineage::{Output, Param, ValueInput};
use datlake_core::record::{Record, ValueBytes};
use datlake_core::returned::{ReturnedBy, ValueInputs};
use datlake_core::run::{BodyFailure, BodyProcess, Outcome};
use datlake_core::value_shape::ValueShape;
use datlake_core::{CallKey, Code, Digest, Error, ErrorKind, FailedCall, FileRef, Result, Subject, Uid, codec};
use datlake_store::{BodyPermit, FileLock, HeartbeatLease, Staged, cpu_time, wait};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::{Body, Chain, Made, NewBody, input};
use super::failure::{self, Describe};
use super::key::OnChange;
use super::site::{BlockingMode, CallSite, Lookup, SearchIn, told};
use super::undeclared_use;
#[cfg(not(feature = "openlineage"))]
use super::unsent;
use datlake_lake::scope::{self, Ambient, StagedFile, mark, seen_lakes};
use datlake_lake::{Event, MadeAgain, NewCall};
use datlake_lake::{provenance, shared_run};

/// Characters of one argument, and of all, that an error shows.
const LONGEST_ARGUMENT: usize = 60;
const LONGEST_ARGUMENTS: usize = 300;

/// What a body holds while it runs.
#[derive(Default)]
pub(crate) struct Claims {
    /// What it was given of the process's resources.
    pub(super) room: Option<Admitted>,
    /// Among the processes of this machine.
    pub(super) here: Option<FileLock>,
    /// Among the machines that share the remote.
    pub(super) among: Option<HeartbeatLease>,
}

/// A body about to run, or running. Dropped before [`finish`](Running::finish) it has failed.
pub(crate) struct Running {
    site: CallSite,
    body: Arc<Body>,
    flight: Option<Flight>,
    redundant: bool,
    claims: Claims,
    permit: Option<BodyPermit>,
    began: Instant,
    started_at: String,
    /// What this process had used of CPUs when it began.
    cpu_before: Option<Duration>,
    /// The values among its arguments that other calls returned.
    values: ValueInputs,
    /// The record that a forced run is compared with.
    expected: Option<Record>,
    /// Whether the body has returned: else it panicked or was cancelled.
    returned: bool,
    /// Why it failed, in words.
    error: Option<String>,
}

/// What every later call will get, and how that came about.
struct Finished<T> {
    value: T,
    event: Event,
}

impl CallSite {
    /// A body is about to run.
    #[expect(clippy::too_many_arguments, reason = "the parts of a run, gathered where it begins")]
    pub(super) fn run(
        mut self,
        code: &'static Code,
        key: CallKey,
        flight: Option<Flight>,
        redundant: bool,
        claims: Claims,
        permit: Option<BodyPermit>,
        expected: Option<Record>,
    ) -> Running {
        // Before the body: what it gets from calls of its own is none of its arguments.
        let values = match self.is_remembered() {
            true => self.lake.returned_values().inputs(&self.target.identity),
            false => ValueInputs::default(),
        };
        self.target.identity.release();
        let outer = self.parent.as_ref().map(|parent| Arc::clone(parent.chain()));
        let chain = Chain {
            creator: self.target.identity.creator.clone(),
            key: self.target.identity.key,
            flight: flight.as_ref().map(Flight::id),
            depth: outer.as_ref().map_or(0, |outer| outer.depth + 1),
            outer,
        };
        let given: HashSet<_> = self.target.identity.inputs().iter().map(|(_, file)| file.digest).collect();
        let body = Body::new(NewBody {
            lake: self.lake.clone(),
            code,
            creator: self.target.identity.creator.clone(),
            key,
            chain: Arc::new(chain),
            given,
            names: self.target.names.clone(),
            admitted: claims.room.as_ref().map(Admitted::id),
        });
        self.ends_waiting();
        let body = Arc::new(body);
        undeclared_use::begins(&body);
        let mut running = Running {
            site: self,
            body,
            flight,
            redundant,
            claims,
            permit,
            began: Instant::now(),
            started_at: provenance::now(),
            cpu_before: shared_run::here().and_then(|_| cpu_time()),
            values,
            expected,
            returned: false,
            error: None,
        };
        running.note(Outcome::Unfinished, None, None);
        running.site.lake.emit(&Event::Started(running.site.id(key)));
        // Who runs it, for example, may have taken a moment to find out.
        running.began = Instant::now();
        running
    }
}

impl Running {
    /// Runs a blocking body.
    pub(crate) fn call<R>(&mut self, body: impl FnOnce() -> R) -> R {
        let _inside = scope::enter(self.scope());
        let _stack = self.flight.as_ref().map(|flight| scope::on_stack(&[flight.id()]));
        let returned = catch_unwind(AssertUnwindSafe(|| mark(body)));
        self.unless_panic(returned)
    }

    /// What a body returned. A panic goes on, and is remembered.
    pub(crate) fn unless_panic<R>(&mut self, returned: std::thread::Result<R>) -> R {
        returned.unwrap_or_else(|panic| {
            self.error = Some(failure::of_panic(&*panic));
            resume_unwind(panic)
        })
    }

    /// The body returned something else than a value: says in an error whose it is.
    pub(crate) fn failed<R>(mut self, mut returned: R, describe: Describe<R>) -> R {
        let error = describe(&mut returned, &self.failed_call());
        let error = error.unwrap_or_else(|| "its error has no words".to_owned());
        if let Some(again) = &self.site.again {
            again.failed(error.clone());
        }
        self.error = Some(error);
        returned
    }

    fn failed_call(&self) -> FailedCall {
        let identity = &self.site.target.identity;
        let shown = |param: &Param| match param.secret {
            true => format!("{} (secret)", param.name),
            false => format!("{} = {}", param.name, cut(&param.shown(), LONGEST_ARGUMENT)),
        };
        let arguments: Vec<_> = identity.params().iter().map(shown).collect();
        let arguments = cut(&arguments.join(", "), LONGEST_ARGUMENTS);
        let code = self.body.code();
        FailedCall::new(identity.creator.clone(), self.body.key(), arguments, format!("{}:{}", code.file, code.line))
    }

    /// Where the body stands.
    pub(crate) fn scope(&self) -> Ambient {
        Ambient { lake: Some(self.site.lake.clone()), frame: Some(Arc::<Body>::clone(&self.body)), unclear: false }
    }

    /// Writes down what became of the body.
    fn note(&self, outcome: Outcome, took: Option<Duration>, error: Option<String>) {
        if crate::creators::newer().is_some() {
            return;
        }
        let failure = error.map(|error| BodyFailure::new(error, self.site.target.identity.params()));
        self.site.lake.journal().body(&self.site.id(self.body.key()), outcome, &self.started_at, took, failure);
        #[cfg(feature = "openlineage")]
        self.site.lake.report(datlake_client::reporter);
        #[cfg(not(feature = "openlineage"))]
        self.site.lake.report(unsent::reporter);
    }

    fn emit_failed(&self) {
        let process = shared_run::process(self.cpu_before).map(Box::new);
        self.site.lake.emit(&Event::Failed { call: self.site.id(self.body.key()), process });
    }

    /// The body returned `value`: publishes it, and gives back what every later call will get.
    pub(crate) async fn finish<T: Serialize + DeserializeOwned>(mut self, value: T) -> Result<T> {
        self.returned = true;
        let took = self.began.elapsed();
        // Others need it, and publishing needs none.
        drop(self.claims.room.take());
        let finished = self.publish(value, took).await;
        given_back(self.claims.among.take(), finished.is_ok()).await;
        match finished {
            Ok(Finished { value, event }) => {
                self.note(outcome(&event), Some(took), None);
                self.site.lake.emit(&event);
                Ok(value)
            }
            Err(error) => {
                self.note(Outcome::Failed, Some(took), Some(error.to_string()));
                self.emit_failed();
                told(self.site.parent.as_deref(), &error);
                Err(error)
            }
        }
    }

    async fn publish<T: Serialize + DeserializeOwned>(&self, value: T, took: Duration) -> Result<Finished<T>> {
        let lake = &self.site.lake;
        let inside = scope::outside_bodies(lake);
        let (made, mut encoded) = self.made(&value)?;
        let process = shared_run::process(self.cpu_before);
        let event = Event::Executed {
            call: self.site.id(self.body.key()),
            took,
            redundant: self.redundant,
            process: process.clone().map(Box::new),
        };
        if let Some(again) = &self.site.again {
            let stored = codec::store(&value, canonical::encode(&value)?)?;
            drop(inside);
            again.made(self.made_again(stored, made).await?);
            return Ok(Finished { value, event });
        }
        if !self.site.is_remembered() {
            self.site.pass_on(&value, None)?;
            return Ok(Finished { value, event });
        }
        if !made.alive.is_empty() {
            // Now the files in it have their UIDs.
            encoded = canonical::encode(&value)?;
        }
        let stored = codec::store(&value, encoded)?;
        drop(inside);
        let outputs: Vec<Output> = stored.files.iter().filter_map(output).collect();
        let blobs = self.settled(made.alive.clone()).await?;
        if let Some(expected) = &self.expected {
            self.compare(expected, &stored.digest, &outputs)?;
            return self.reproduced(expected, blobs, &stored.bytes).await;
        }
        let returns = ValueShape::of(&stored.value).filter(|_| codec::needs_shape(&stored.bytes));
        let (new, alive) =
            self.new_call(made, blobs, (outputs, returns), (stored.digest, stored.bytes), took, process)?;
        let to = lake.clone();
        let publish = async move {
            let committed = to.publish(new).await;
            drop(alive);
            committed
        };
        match self.site.pace.io(publish).await? {
            Published::Ours(record) => {
                let answer = Arc::new(record.answer());
                lake.remember(&answer);
                let encoded = Encoded { bytes: stored.encoding, files: stored.files };
                self.site.pass_on_encoded(&encoded, Some(&answer));
                lake.note_returned(&answer, typeid::of::<T>(), encoded.bytes);
                Ok(Finished { value: stored.value, event })
            }
            Published::Theirs(record) => {
                lake.remember(&Arc::new(record.answer()));
                self.adopted().await
            }
        }
    }

    /// What the body made, of which it returned `value`: files get their UIDs.
    fn made<T: Serialize>(&self, value: &T) -> Result<(Made, Encoded)> {
        let (returned, seen) = seen_lakes(Some(self.site.lake.clone()), || canonical::encode(value));
        if seen.mixed {
            let message =
                format!("the body of `{}` returned a file of another lake", self.site.target.identity.creator);
            let hint = "lakes never mix: add the file to this one";
            return Err(Error::new(ErrorKind::Context, message).with_hint(hint));
        }
        let encoded = returned?;
        Ok((self.body.finish(&encoded.files)?, encoded))
    }

    /// What the body made, for who compares it.
    async fn made_again<T: Serialize>(&self, stored: Stored<T>, made: Made) -> Result<MadeAgain> {
        Ok(MadeAgain {
            outputs: stored.files.iter().filter_map(output).collect(),
            value: (stored.digest, stored.bytes, ValueShape::of(&stored.value)),
            content: self.settled(made.alive.clone()).await?.into_iter().collect(),
            alive: made.alive,
        })
    }

    /// Where the content is that the body made, and that nobody can change any more.
    async fn settled(&self, made: Vec<Arc<StagedFile>>) -> Result<Vec<(Digest, PathBuf)>> {
        let settle = |file: &Arc<StagedFile>| Ok((file.content.digest, file.content.settle()?.to_owned()));
        self.site.pace.io(async move { made.iter().map(settle).collect() }).await
    }

    /// A forced run made the same bytes: what was lost or damaged of them is whole again.
    async fn reproduced<T: Serialize + DeserializeOwned>(
        &self,
        expected: &Record,
        mut blobs: Vec<(Digest, PathBuf)>,
        value: &[u8],
    ) -> Result<Finished<T>> {
        let lake = self.site.lake.clone();
        let value = match &expected.value {
            ValueBytes::Blob(digest) if Digest::of(value) == *digest => {
                Some(Staged::from_bytes(&lake.local_view().scratch()?, value)?)
            }
            _ => None,
        };
        blobs.extend(value.as_ref().map(|staged| (staged.digest, staged.path().to_owned())));
        let call = self.site.id(self.body.key());
        let outputs = expected.lineage()?.outputs;
        let heal = async move {
            let _value = value;
            lake.heal_reproduced(call, outputs, blobs).await
        };
        self.site.pace.io(heal).await?;
        let Lookup::Hit(value, answer) = self.site.find(SearchIn::Anywhere).await? else {
            let id = self.site.id(self.body.key());
            return Err(Error::new(ErrorKind::NotFound, format!("call {id} was removed while it ran again")));
        };
        if self.site.target.on_change == OnChange::Replace {
            self.site.lead_back(&answer).await?;
        }
        self.site.pass_on(&value, Some(&answer))?;
        Ok(Finished { value, event: Event::Reproduced(self.site.id(answer.key)) })
    }

    /// What is to be published, and what keeps the staged files until then.
    fn new_call(
        &self,
        made: Made,
        blobs: Vec<(Digest, PathBuf)>,
        (outputs, returns): (Vec<Output>, Option<ValueShape>),
        value: (Digest, Vec<u8>),
        took: Duration,
        process: Option<BodyProcess>,
    ) -> Result<(NewCall, Vec<Arc<StagedFile>>)> {
        let identity = &self.site.target.identity;
        let Made { dynamic_inputs, inputs: besides, called, alive } = made;
        let mut inputs: Vec<_> = identity.inputs().iter().map(|(argument, file)| input(Some(argument), file)).collect();
        inputs.extend(besides);
        let mut values = self.values.clone();
        let arguments: HashSet<CallKey> = values.values.iter().map(|value| value.key).collect();
        for ReturnedBy { creator, key, digest } in called {
            // One that was an argument as well came that way.
            if !arguments.contains(&key) {
                values.add(ValueInput { argument: None, at: String::new(), creator, key, digest, part: false });
            }
        }
        let is_chosen = |uid: &&Uid| self.site.target.names.as_ref().is_some_and(|names| names.contains(uid));
        let mut names: Vec<Uid> = outputs.iter().map(|output| &output.uid).filter(is_chosen).cloned().collect();
        // A file may be returned twice.
        names.sort();
        names.dedup();
        let lineage = self.site.lake.provenance().lineage(provenance::Ran {
            identity,
            key: self.body.key(),
            inputs,
            values,
            outputs,
            returns,
            started_at: &self.started_at,
            took,
            process,
        })?;
        let replaces = self.site.target.on_change == OnChange::Replace;
        Ok((NewCall { lineage, code: identity.code, value, dynamic_inputs, blobs, names, replaces }, alive))
    }

    /// The value of another, who published the same call first.
    async fn adopted<T: Serialize + DeserializeOwned>(&self) -> Result<Finished<T>> {
        match self.site.find(SearchIn::Anywhere).await? {
            Lookup::Hit(value, answer) => {
                self.site.pass_on(&value, Some(&answer))?;
                Ok(Finished { value, event: Event::Adopted(self.site.id(answer.key)) })
            }
            Lookup::Miss(_) => {
                let message = format!(
                    "another program published call {} at the same time, with a return type of another meaning",
                    self.site.id(self.body.key())
                );
                Err(Error::new(ErrorKind::AlreadyExists, message).with_hint("run again"))
            }
        }
    }

    /// Whether a forced run made what the lake holds.
    fn compare(&self, expected: &Record, value: &Digest, outputs: &[Output]) -> Result<()> {
        let id = self.site.id(expected.key);
        let before = expected.lineage()?.outputs;
        let different = |what: String| {
            let message = format!("a forced run of {id} made something else than the lake holds and keeps: {what}");
            let hint = "the creator is not deterministic, or depends on something that is not in its key";
            let about = Subject::Call(id.creator.clone(), id.key);
            Err(Error::new(ErrorKind::NotReproducible, message).about(about).with_hint(hint))
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
        undeclared_use::ended(&self.body);
        if !self.returned {
            let error = self.error.take().unwrap_or_else(|| "it was cancelled".to_owned());
            self.note(Outcome::Failed, Some(self.began.elapsed()), Some(error));
            self.emit_failed();
        }
        // The claims first: who waits for the flight looks for a record and then claims.
        let among = self.claims.among.take();
        if self.site.pace == BlockingMode::Blocking {
            // The program may end right after this.
            wait(given_back(among, false));
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
pub(super) async fn given_back(claim: Option<HeartbeatLease>, recorded: bool) {
    if let Some(claim) = claim {
        let _ = claim.release(recorded).await;
    }
}

fn cut(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn output(file: &FileRef) -> Option<Output> {
    Some(Output {
        uid: file.uid.clone()?,
        name: file.name.to_string(),
        digest: file.digest,
        size: file.size,
        tree: file.tree,
    })
}
