//! A body that runs, from where it begins to what it published.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datlake_core::catalog::{Publication, Published};
use datlake_core::flight::Flight;
use datlake_core::lineage::Lineage;
use datlake_core::record::{NewRecord, Record};
use datlake_core::run::Outcome;
use datlake_core::{CallKey, Code, Error, ErrorKind, FileRef, Result, Uid, canonical, codec};
use datlake_store::{Beating, BodyPermit, Lease, offload};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::{Body, NewBody, input};
use super::site::{Found, Pace, Reach, Site, told};
use super::stray;
use crate::event::Event;
use crate::lake::{Patience, claim_of};
use crate::provenance;
use crate::scope::{self, Scope, mark, seen_lakes};

/// The claims under which a body runs.
#[derive(Default)]
pub(crate) struct Claims {
    /// Among the processes of this machine.
    pub(super) here: Option<Lease>,
    /// Among the machines that share the remote.
    pub(super) among: Option<Beating>,
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

impl Site {
    /// A body is about to run.
    #[expect(clippy::too_many_arguments, reason = "the parts of a run, gathered where it begins")]
    pub(super) fn run(
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
        let _inside = scope::enter(self.scope());
        let _stack = self.flight.as_ref().map(|flight| scope::on_stack(&[flight.id()]));
        mark(body)
    }

    /// Where the body stands.
    pub(crate) fn scope(&self) -> Scope {
        Scope { lake: Some(self.site.lake.clone()), frame: Some(Arc::<Body>::clone(&self.body)) }
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
        let inside = scope::outside_bodies(lake);
        let (returned, seen) = seen_lakes(Some(lake.clone()), || canonical::encode(&value));
        if seen.mixed {
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
            outputs: outputs.clone(),
            started_at: &self.started_at,
            took,
        })?;
        let (lake, pace, code) = (lake.clone(), self.site.pace, identity.code);
        let (value_digest, bytes, fetched) = (stored.digest, stored.bytes, made.fetched);
        let (blobs, alive) = (made.blobs, made.alive);
        let call = id.clone();
        let publish = async move {
            let mut publishing = lake.vault().publishing().await?;
            let made: HashSet<_> = blobs.iter().map(|(digest, _)| *digest).collect();
            let passed_on = match outputs.iter().all(|output| !output.tree && made.contains(&output.digest)) {
                true => Vec::new(),
                // Manifests are read, and may have to be downloaded.
                false => {
                    let (of, made) = (lake.clone(), blobs.clone());
                    offload(move || of.passed_on(&outputs, &made)).await??
                }
            };
            let mut leases = Vec::new();
            let mut claims: Vec<String> = names.iter().map(claim_of).collect();
            // In one order everywhere, so that no two publishers wait for each other.
            claims.sort();
            for claim in claims {
                leases.push(lake.vault().claim(&claim, "publish").await?);
            }
            let nonce = lake.nonce();
            let new = NewRecord { nonce: &nonce, value_digest, value: &bytes, fetched, lineage: &lineage };
            let (record, value) = Record::create(new)?;
            let catalog = match leases.iter().all(Option::is_some) {
                true => lake.catalog(),
                false => &lake.catalog().without_claims(&nonce),
            };
            let _sends = lake.sends(lineage.outputs.iter().map(|output| (output.digest, output.uid.to_string())));
            let lock_text = lineage.environment.cargo_lock.into_iter();
            let found = lock_text.chain(passed_on.iter().map(|content| content.digest)).collect();
            let mut publication = Publication { record, value, blobs, uses, names, found, since: publishing.since };
            let mut patience = Patience::default();
            let published = loop {
                lake.provenance().keep_lock_text(lake.vault(), &lineage, code, publication.since).await?;
                lake.see_to(&passed_on).await?;
                let again = match catalog.publish(&publication).await? {
                    Published::Again(again) => again,
                    published => break published,
                };
                if let Err(busy) = patience.pause(&lake, again).await {
                    // What took hours to make is not lost because somebody's collection has stopped.
                    let published = catalog.publish_here(&publication).await?;
                    if let Published::Ours(_) = published {
                        lake.emit(&Event::Unpushed { call, why: busy.to_string() });
                    }
                    break published;
                }
                publishing = lake.vault().publishing().await?;
                publication.since = publishing.since;
            };
            lake.note_published();
            drop((leases, alive, publishing));
            Ok(published)
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
            Published::Again(_) => {
                Err(Error::new(ErrorKind::Io, format!("call {id} could not be published; run again")))
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
pub(super) async fn given_back(claim: Option<Beating>, recorded: bool) {
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
