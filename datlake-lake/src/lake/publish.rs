//! Publishing what a call made: the record is the commit.

use std::collections::HashSet;
use std::path::PathBuf;

use datlake_core::catalog::{Catalog, Commit, GcEpoch, GcGuard, Publication, Published, Replacement};
use datlake_core::lineage::{Lineage, Output};
use datlake_core::record::{CallValue, DynamicInput, NameTarget, NewRecord, OutputOf, Record};
use datlake_core::{Code, Digest, Error, ErrorKind, Location, Result, Uid};
use datlake_store::{FileLock, hash_file, offload};

use super::content::once;
use super::packing_made::MadeAtRest;
use super::packs::AtRest;
use super::{Lake, Patience, claim_of};
use crate::event::{CallId, Event};

/// What a call made.
pub struct NewCall {
    /// How it came about.
    pub lineage: Lineage,
    /// The code of its creator.
    pub code: &'static Code,
    /// The canonical digest of its return value, and that value as it is stored.
    pub value: (Digest, Vec<u8>),
    /// Files that its body looked up.
    pub dynamic_inputs: Vec<DynamicInput>,
    /// New content: finished local files.
    pub blobs: Vec<(Digest, PathBuf)>,
    /// The names that its caller chose for its outputs, each once.
    pub names: Vec<Uid>,
    /// Whether these are led to the outputs, whatever they led to before.
    pub replaces: bool,
}

impl Lake {
    /// Publishes what a call made: content, names, and last its record. What may have been collected meanwhile is put once
    /// more, and named anew. Where the remote fails, all of it stays on this machine, unpushed.
    #[doc(hidden)]
    pub async fn publish(&self, new: NewCall) -> Result<Published> {
        let NewCall { lineage, code, value: (value_digest, bytes), dynamic_inputs, blobs, names, replaces } = new;
        let _held = self.local_view().hold().await?;
        let leases = self.claim_names(&names).await?;
        let nonce = self.nonce();
        let (record, value) = Record::create(NewRecord {
            nonce: &nonce,
            value_digest,
            value: &bytes,
            dynamic_inputs,
            lineage: &lineage,
        })?;
        let catalog: &Catalog = match leases.iter().all(Option::is_some) {
            true => self.catalog(),
            false => &self.catalog().without_claims(&nonce),
        };
        let _sends = self.sends(lineage.outputs.iter().map(|output| (output.digest, output.uid.to_string())));
        let uses = lineage.reads().into_iter().collect();
        let found = self.provenance().build_texts(&lineage, code);
        let (names, replaces) = match replaces {
            true => (Vec::new(), self.replacements(&names, &record)?),
            false => (names, Vec::new()),
        };
        let since = GcEpoch::default();
        let rest = self.made_at_rest(&lineage.outputs, blobs, false).await?;
        let attached = attached(&rest)?;
        let mut publication =
            Publication { record, value, blobs: rest.blobs.clone(), attached, uses, names, replaces, found, since };
        let published = match self.publish_with_remote(catalog, &mut publication, &rest, &lineage, code).await {
            // The remote says so of a name, or that nobody has content which the call passed on: it cannot be kept.
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::MissingBlob) => {
                return Err(error);
            }
            Err(error) if catalog.remote.is_some() => {
                self.keep_here(catalog, &publication, &lineage, code, error).await?
            }
            published => published?,
        };
        self.note_made_remote().await;
        self.note_published();
        Ok(published)
    }

    /// Leads names to what a call made.
    fn replacements(&self, names: &[Uid], record: &Record) -> Result<Vec<Replacement>> {
        let of = OutputOf { creator: record.creator.clone(), key: record.key };
        let one = |uid: &Uid| self.replacement(uid.clone(), NameTarget::Output(of.clone()), record.nonce.clone());
        names.iter().map(one).collect()
    }

    /// A call has its record, and the names that it is to have may lead elsewhere by now: they are led back. Which did.
    #[doc(hidden)]
    pub async fn lead_back(&self, names: &[Uid], answer: &CallValue) -> Result<Vec<Uid>> {
        let of = NameTarget::Output(OutputOf { creator: answer.creator.clone(), key: answer.key });
        let mut led = Vec::new();
        for uid in names {
            self.refresh(uid).await?;
            if self.catalog().target(uid).await?.is_some_and(|target| target.same(&of)) {
                continue;
            }
            let (lake, name) = (self.clone(), uid.clone());
            offload(move || lake.push_replacements(&name)).await??;
            let to = self.replacement(uid.clone(), of.clone(), self.nonce())?;
            let _lease = self.local_view().claim(&claim_of(uid), "replace").await?;
            // The record keeps what it refers to.
            let secured = GcGuard::default();
            let mut patience = Patience::default();
            loop {
                let replaced = match self.catalog().replace(&to, &secured).await {
                    Err(error) if self.catalog().remote.is_some() && error.kind() == ErrorKind::Unavailable => {
                        let replaced = self.catalog().here().replace(&to, &secured).await?;
                        self.emit(&Event::Unchecked { uid: uid.clone(), why: error.to_string() });
                        replaced
                    }
                    replaced => replaced?,
                };
                match replaced {
                    Commit::Done(()) => break,
                    Commit::Retry(retry) => patience.pause(self, retry).await?,
                }
            }
            led.push(uid.clone());
        }
        if !led.is_empty() {
            self.note_published();
        }
        Ok(led)
    }

    async fn publish_with_remote(
        &self,
        catalog: &Catalog,
        publication: &mut Publication,
        rest: &MadeAtRest,
        lineage: &Lineage,
        code: &'static Code,
    ) -> Result<Published> {
        publication.since = catalog.since().await?;
        let mut passed_on = self.not_made(lineage, &rest.made).await?;
        passed_on.contents.extend(rest.there.contents.iter().cloned());
        passed_on.contents = once(passed_on.contents);
        passed_on.locations.extend(rest.there.locations.iter().cloned());
        publication.found.extend(passed_on.contents.iter().map(|content| content.digest));
        let mut patience = Patience::default();
        loop {
            self.provenance()
                .keep_build_texts(self.local_view(), self.catalog(), lineage, code, publication.since)
                .await?;
            self.see_to(&passed_on.contents).await?;
            self.send_locations(&passed_on.locations).await?;
            match catalog.publish(publication).await? {
                Commit::Done(published) => return Ok(published),
                Commit::Retry(retry) => patience.pause(self, retry).await?,
            }
            publication.since = catalog.since().await?;
        }
    }

    /// Publishes on this machine alone: what took hours to make is not lost because of what a store did afterwards.
    async fn keep_here(
        &self,
        catalog: &Catalog,
        publication: &Publication,
        lineage: &Lineage,
        code: &'static Code,
        failed: Error,
    ) -> Result<Published> {
        are_whole(&publication.blobs, &failed)?;
        self.provenance()
            .keep_build_texts(self.local_view(), &catalog.here(), lineage, code, GcEpoch::default())
            .await?;
        let published = catalog.publish_here(publication).await?;
        let call = CallId { creator: lineage.creator.clone(), key: lineage.key };
        if self.catalog().is_unpushed(&Location::Record(call.creator.clone(), call.key)).await? {
            self.emit(&Event::Unpushed { call, why: failed.to_string() });
        }
        Ok(published)
    }

    /// Puts what a forced run made again into the lake, in the place of what was lost or damaged: on this machine at least.
    #[doc(hidden)]
    pub async fn heal_reproduced(
        &self,
        call: CallId,
        outputs: Vec<Output>,
        made: Vec<(Digest, PathBuf)>,
    ) -> Result<()> {
        let mut failed = None;
        let rest = self.made_at_rest(&outputs, made, true).await?;
        let blobs = &rest.blobs;
        for (digest, path) in blobs {
            let size = std::fs::metadata(path).map_err(|e| Error::io("look at", path.display(), e))?.len();
            match self.local_view().restore(digest, size, path).await {
                Err(error) if self.catalog().remote.is_some() => {
                    are_whole(blobs, &error)?;
                    self.local_view().restore_here(digest, size, path).await?;
                    failed = Some(error);
                }
                restored => restored?,
            }
        }
        for (at, bytes) in attached(&rest)? {
            let to = if failed.is_some() { self.catalog().here() } else { self.catalog().clone() };
            to.put_attached(&at, &bytes, false).await?;
        }
        if failed.is_some() || self.catalog().is_refused() {
            self.catalog().mark_unpushed(&Location::Record(call.creator.clone(), call.key)).await?;
            self.note_published();
        }
        if let Some(error) = failed {
            self.emit(&Event::Unpushed { call, why: error.to_string() });
        }
        Ok(())
    }

    /// What the outputs of a call name and it did not make.
    async fn not_made(&self, lineage: &Lineage, blobs: &[(Digest, PathBuf)]) -> Result<AtRest> {
        let made: HashSet<_> = blobs.iter().map(|(digest, _)| *digest).collect();
        if lineage.outputs.iter().all(|output| !output.tree && made.contains(&output.digest)) {
            return Ok(AtRest::default());
        }
        // Manifests are read, and may have to be downloaded.
        let (lake, outputs, made) = (self.clone(), lineage.outputs.clone(), blobs.to_vec());
        offload(move || lake.passed_on(&outputs, &made)).await?
    }

    /// Claims names, in one order everywhere, so that no two publishers wait for each other.
    async fn claim_names(&self, names: &[Uid]) -> Result<Vec<Option<FileLock>>> {
        let mut claims: Vec<String> = names.iter().map(claim_of).collect();
        claims.sort();
        let mut leases = Vec::new();
        for claim in claims {
            leases.push(self.local_view().claim(&claim, "publish").await?);
        }
        Ok(leases)
    }
}

/// What leads to packs, as documents.
fn attached(rest: &MadeAtRest) -> Result<Vec<(Location, Vec<u8>)>> {
    rest.locations.iter().map(|one| Ok((one.at(), one.to_bytes()?))).collect()
}

/// Fails where a store `failed` because what was to be sent is damaged on this machine.
fn are_whole(blobs: &[(Digest, PathBuf)], failed: &Error) -> Result<()> {
    if failed.kind() == ErrorKind::Corrupt {
        for (digest, path) in blobs {
            if hash_file(path)?.0 != *digest {
                return Err(failed.clone());
            }
        }
    }
    Ok(())
}
