//! Versions of names that were pruned: their entries stay, and keep their content no more.
//!
//! A mark means the entry with that digest, wherever it comes to stand, and goes with the log. So to have seen a mark is enough:
//! nobody takes it back. What a name leads to is not pruned; a name that falls back to what was pruned leads to nothing.

use std::collections::HashSet;

use super::Catalog;
use crate::record::Name;
use crate::version::{Moved, PrunedVersion};
use crate::{Digest, Document, Error, ErrorKind, Location, LogId, Prefix, Result, Store, StoreExt as _, Subject};

impl Catalog {
    /// Whether the version of a name whose entry has this digest was pruned, by what `store` and the remote have.
    pub(super) async fn is_pruned(&self, store: &dyn Store, first: &Name, entry: &Digest) -> Result<bool> {
        let at = Location::Pruned(first.uid.clone(), first.digest, *entry);
        Ok(match (store.size(&at).await?, &self.remote) {
            (None, Some(remote)) => remote.size(&at).await?.is_some(),
            (there, _) => there.is_some(),
        })
    }

    /// The entries of a log that were pruned.
    pub(super) async fn pruned_of(&self, log: &LogId) -> Result<HashSet<Digest>> {
        let marks = self.marks(&Prefix::EntriesOf(log.clone())).await?.into_iter();
        Ok(marks.filter_map(|at| if let Location::Pruned(_, _, entry) = at { Some(entry) } else { None }).collect())
    }

    /// Every mark of a version that was pruned, here and at the remote.
    pub async fn pruned(&self) -> Result<HashSet<Location>> {
        self.marks(&Prefix::VersionsIn(None)).await
    }

    async fn marks(&self, of: &Prefix) -> Result<HashSet<Location>> {
        let mut found = HashSet::new();
        for store in self.remote.iter().chain([&self.local]) {
            found.extend(store.locations(of).await?.into_iter().filter(|at| matches!(at, Location::Pruned(..))));
        }
        Ok(found)
    }

    /// Marks a version of a name as pruned, by the digest of its entry, at the store that decides.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] offline, for what the remote has too; those of the stores.
    pub async fn prune_version(&self, mark: &Location, by: &Moved) -> Result<()> {
        let Location::Pruned(uid, _, entry) = mark else { return Ok(()) };
        if self.offline
            && self.unpushed_of(uid).await?.is_empty()
            && !self.is_unpushed(&Location::Name(uid.clone())).await?
        {
            let message = format!("cannot prune a version of `{uid}` offline: the remote has it too");
            return Err(Error::new(ErrorKind::Unavailable, message).about(Subject::Uid(uid.clone())));
        }
        let bytes = PrunedVersion { uid: uid.clone(), entry: *entry, by: by.clone() }.to_bytes()?;
        if let Some(remote) = &self.remote {
            remote.create(mark, &bytes).await?;
        }
        self.local.create(mark, &bytes).await.map(drop)
    }

    /// Sends the mark that a version was pruned, which has to be there before its entry is: nobody looks for its content then.
    pub(super) async fn push_pruned(&self, at: &Location) -> Result<()> {
        let Some(bytes) = self.local.get(at).await? else { return Ok(()) };
        let Some(mark) = Document::parse(at, bytes)?.pruned_mark() else { return Ok(()) };
        if let Some(bytes) = self.local.get(&mark).await? {
            self.to_push_to()?.create(&mark, &bytes).await?;
        }
        Ok(())
    }
}
