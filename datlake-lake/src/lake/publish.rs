//! Publishing what a call made: the record is the commit.

use std::collections::HashSet;
use std::path::PathBuf;

use datlake_core::catalog::{Catalog, Commit, Publication, Published};
use datlake_core::document::Content;
use datlake_core::lineage::Lineage;
use datlake_core::record::{DynamicInput, NewRecord, Record};
use datlake_core::{Code, Digest, Result, Uid};
use datlake_store::{FileLock, offload};

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
}

impl Lake {
    /// Publishes what a call made: content, names, and last its record. What may have been collected meanwhile is put once
    /// more, and named anew.
    #[doc(hidden)]
    pub async fn publish(&self, new: NewCall) -> Result<Published> {
        let NewCall { lineage, code, value: (value_digest, bytes), dynamic_inputs, blobs, names } = new;
        let mut publishing = self.local_view().publishing().await?;
        let passed_on = self.not_made(&lineage, &blobs).await?;
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
        let mut uses: Vec<_> = lineage.inputs.iter().map(|input| input.digest).collect();
        uses.sort_unstable();
        uses.dedup();
        let lock_text = lineage.environment.cargo_lock.into_iter();
        let found = lock_text.chain(passed_on.iter().map(|content| content.digest)).collect();
        let mut publication = Publication { record, value, blobs, uses, names, found, since: publishing.since };
        let mut patience = Patience::default();
        let published = loop {
            self.provenance().keep_lock_text(self.local_view(), &lineage, code, publication.since).await?;
            self.see_to(&passed_on).await?;
            let retry = match catalog.publish(&publication).await? {
                Commit::Done(published) => break published,
                Commit::Retry(retry) => retry,
            };
            if let Err(busy) = patience.pause(self, retry).await {
                // What took hours to make is not lost because somebody's collection has stopped.
                let published = catalog.publish_here(&publication).await?;
                if let Published::Ours(_) = published {
                    let call = CallId { creator: lineage.creator.clone(), key: lineage.key };
                    self.emit(&Event::Unpushed { call, why: busy.to_string() });
                }
                break published;
            }
            publishing = self.local_view().publishing().await?;
            publication.since = publishing.since;
        };
        self.note_published();
        Ok(published)
    }

    /// What the outputs of a call name and it did not make.
    async fn not_made(&self, lineage: &Lineage, blobs: &[(Digest, PathBuf)]) -> Result<Vec<Content>> {
        let made: HashSet<_> = blobs.iter().map(|(digest, _)| *digest).collect();
        if lineage.outputs.iter().all(|output| !output.tree && made.contains(&output.digest)) {
            return Ok(Vec::new());
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
