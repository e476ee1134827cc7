//! What is here of something that was removed elsewhere.

use datlake_core::{Document, Location, LogId, Result, Side};

use super::Looking;

impl Looking {
    /// Whether `at` is an entry of a branch that the remote has no more: a copy from when it was there, of which nothing is missed.
    pub(super) async fn is_of_a_deleted_branch(&self, at: &Location, document: &Document) -> Result<bool> {
        let catalog = self.lake.catalog();
        let (Some(remote), Some((log @ LogId::Branch(..), _))) = (&catalog.remote, at.entry_of()) else {
            return Ok(false);
        };
        if self.side != Side::Local || catalog.offline || catalog.is_unpushed(&document.part_of).await? {
            return Ok(false);
        }
        let begins = log.entry(0);
        Ok(match remote.get(&begins).await? {
            Some(bytes) => Document::parse(&begins, bytes)?.begins != Some(log),
            None => true,
        })
    }
}
