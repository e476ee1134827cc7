//! Closing the log of a name, before its document in `files` is removed although the name as a whole is not.
//!
//! What a call left that died is removed when another takes its name, and the name of a call goes with the call. Neither may take
//! away what the name was replaced by. So entry 1 decides: either it is a replacement, and the document stays; or it *closes* the
//! log, and nobody appends to that any more. An entry that closes is *aside*, and nobody moved the name by it, at no time.
//!
//! A removal is by place: of two processes that remove the document, the slower may remove what somebody has created there since. So
//! only a process that knows that the other died goes on in its place: the next holder of a machine's claim of the name, where the
//! entry says that it was made under that claim.

use super::Catalog;
use super::versions::append;
use crate::log;
use crate::record::Name;
use crate::version::Version;
use crate::{Location, LogId, Result, Store};

impl Catalog {
    /// Closes the log of a name behind its document: whether it is closed, so that the document can go. `false` where somebody replaced
    /// the name, and where the document is gone.
    pub(super) async fn close(&self, store: &dyn Store, first: &Name, claimed: bool, nonce: &str) -> Result<bool> {
        let closing = Version::closing(first, &self.home, claimed, nonce)?;
        let log = closing.log();
        if self.remote.is_none() {
            self.mark_unpushed(&log.entry(1)).await?;
        }
        // Whoever closed it before may have died.
        Ok(append(store, &closing).await? || self.is_closed(store, first, log::last(store, &log, 0).await?).await?)
    }

    /// Whether the log of a name is closed, whose last entry has this number.
    pub(super) async fn is_closed(&self, store: &dyn Store, first: &Name, entries: u64) -> Result<bool> {
        if entries != 1 {
            return Ok(false);
        }
        let log = LogId::Name(first.uid.clone(), first.digest);
        Ok(self.entry(store, &log, 1).await?.is_some_and(|entry| entry.is_closing()))
    }

    /// Ends what another process of this machine began that closed the log of a name and died: whether it did, so that the name is
    /// free. The caller holds the local claim of the name.
    pub(super) async fn finish_closed(&self, store: &dyn Store, first: &Name) -> Result<bool> {
        let log = LogId::Name(first.uid.clone(), first.digest);
        let is_ours = |entry: Version| entry.is_closing_claimed_in(&self.home);
        if !self.entry(store, &log, 1).await?.is_some_and(is_ours) {
            return Ok(false);
        }
        self.remove_closed(store, first).await?;
        Ok(true)
    }

    /// Whether somebody replaced a name, as `store` has it.
    pub(super) async fn is_replaced(&self, store: &dyn Store, first: &Name) -> Result<bool> {
        let entries = log::last(store, &LogId::Name(first.uid.clone(), first.digest), 0).await?;
        Ok(entries > 0 && !self.is_closed(store, first, entries).await?)
    }

    /// Removes the document of a name whose log is closed, and then the log.
    pub(super) async fn remove_closed(&self, store: &dyn Store, first: &Name) -> Result<()> {
        store.remove(&Location::Name(first.uid.clone())).await?;
        let log = LogId::Name(first.uid.clone(), first.digest);
        self.drop_log(store, &log).await?;
        if self.remote.is_none() {
            self.local.remove(&log.entry(1).mark()).await?;
        }
        Ok(())
    }
}
