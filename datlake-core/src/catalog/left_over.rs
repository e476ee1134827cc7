//! What is left of repositories and branches that were deleted, and copies of such: it goes with a collection.

use std::collections::{HashMap, HashSet};

use super::Catalog;
use crate::repository::{BranchDocument, RepositoryDocument};
use crate::{Digest, DigestSet, Location, Prefix, Result, Store, StoreExt as _};

impl Catalog {
    /// Removes from `store` what belongs to no repository, and entries that belong to no branch. What belongs to one was created
    /// after its document, and so is listed before that is looked for.
    ///
    /// # Errors
    /// Those of the store; [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) where it is not known what belongs to what.
    pub async fn remove_left_over(&self, store: &dyn Store) -> Result<()> {
        let all = store.locations(&Prefix::Folder("repos")).await?;
        if all.is_empty() {
            return Ok(());
        }
        let (repositories, mut branches) = (incarnations(store).await?, HashMap::new());
        for at in all {
            let is_left = match &at {
                Location::BranchEntry(repository, name, first, _) if repositories.contains(repository) => {
                    let branch = Location::Branch(*repository, name.clone());
                    if !branches.contains_key(&branch) {
                        let bytes = store.get(&branch).await?;
                        let digest = bytes.map(|bytes| BranchDocument::parse(repository, name, &bytes)).transpose()?;
                        branches.insert(branch.clone(), digest.map(|(_, digest)| digest));
                    }
                    branches.get(&branch).copied().flatten() != Some(*first)
                }
                at => at.repository().is_some_and(|repository| !repositories.contains(&repository)),
            };
            // What this machine made without the remote stays until the remote has decided, if there is one by now.
            if is_left && (self.remote.is_none() || !self.is_unpushed(&at).await?) {
                store.remove(&at).await?;
                self.local.remove(&at.mark()).await?;
            }
        }
        Ok(())
    }

    /// Removes this machine's copies of repositories, branches and tags that the remote has no more.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn remove_stale_copies(&self) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let mut here = self.local.locations(&Prefix::Repositories).await?;
        here.extend(self.local.locations(&Prefix::Folder("repos")).await?);
        let is_document =
            |at: &Location| matches!(at, Location::Repository(_) | Location::Branch(..) | Location::Tag(..));
        for at in here.into_iter().filter(is_document) {
            if !self.is_unpushed(&at).await? && remote.get(&at).await? != self.local.get(&at).await? {
                self.local.remove(&at).await?;
            }
        }
        Ok(())
    }

    /// Whether a store has the repository whose document on this machine has this digest.
    pub(super) async fn has_repository(&self, store: &dyn Store, incarnation: &Digest) -> Result<bool> {
        for at in self.local.locations(&Prefix::Repositories).await? {
            if let (Location::Repository(name), Some(here)) = (&at, self.local.get(&at).await?)
                && RepositoryDocument::parse(name, &here)?.1 == *incarnation
            {
                return Ok(store.get(&at).await? == Some(here));
            }
        }
        Ok(false)
    }

    /// Removes from `store` the marks of commits that have gone.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn unmark_commits(&self, store: &dyn Store, gone: &DigestSet) -> Result<()> {
        for at in store.locations(&Prefix::Folder("repos")).await? {
            if let Location::CommitMark(_, id) = &at
                && gone.contains(id)
            {
                store.remove(&at).await?;
            }
        }
        Ok(())
    }
}

/// The repositories that there are.
async fn incarnations(store: &dyn Store) -> Result<HashSet<Digest>> {
    let mut found = HashSet::new();
    for at in store.locations(&Prefix::Repositories).await? {
        if let Location::Repository(name) = &at
            && let Some(bytes) = store.get(&at).await?
        {
            found.insert(RepositoryDocument::parse(name, &bytes)?.1);
        }
    }
    Ok(found)
}
