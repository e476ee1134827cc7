//! What a process knows of a lake: records that it has met, and what it saw of the remote when it first asked there.

use std::any::TypeId;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use datlake_core::record::CallValue;
use datlake_core::returned::ReturnedValues;
use datlake_core::{CallKey, CreatorName, Digest, Error, ErrorKind, Location, Prefix, Result};
use datlake_store::lake_id;

use super::{Lake, lock};
use crate::event::Event;
use crate::remembered::Remembered;

/// Calls a process remembers by itself, before it forgets them all and starts anew.
const REMEMBERED: usize = 1 << 14;

impl Lake {
    /// A call that this process has met.
    #[doc(hidden)]
    pub fn remembered(&self, key: &CallKey) -> Option<Remembered> {
        lock(&self.0.remembered).get(key)
    }

    /// This process got what a call returned, as a value of the type `checked`, with its canonical encoding: by that it is
    /// recognised where it is an argument.
    #[doc(hidden)]
    pub fn note_returned(&self, answer: &Arc<CallValue>, checked: TypeId, encoding: Vec<u8>) {
        lock(&self.0.remembered).check(&answer.key, checked);
        self.0.returned.note(answer, encoding);
    }

    /// What this process got from calls.
    #[doc(hidden)]
    pub fn returned_values(&self) -> &ReturnedValues {
        &self.0.returned
    }

    /// Records may have gone that were remembered.
    pub(crate) fn forget_remembered(&self) {
        lock(&self.0.remembered).clear();
    }

    #[doc(hidden)]
    pub fn remember(&self, answer: &Arc<CallValue>) {
        let mut remembered = lock(&self.0.remembered);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(Arc::clone(answer));
    }

    /// Before a process first asks the remote anything, it recognises it and learns what others removed.
    #[doc(hidden)]
    pub async fn contact_remote(&self) -> Result<()> {
        if self.0.learned.load(Ordering::Acquire) {
            return Ok(());
        }
        // Who comes meanwhile waits, and does not ask as well.
        let _one = self.0.contacting.lock().await;
        match self.0.learned.load(Ordering::Acquire) {
            true => Ok(()),
            false => self.learn_removals().await,
        }
    }

    /// Learns what others removed.
    pub(crate) async fn learn_removals(&self) -> Result<()> {
        let first = !self.0.learned.load(Ordering::Acquire);
        let header = if first { self.recognise_remote().await? } else { None };
        self.catalog().learn_removals().await?;
        if first && self.catalog().remote.is_some() {
            self.note_remote(header.as_deref()).await?;
        }
        self.forget_remembered();
        // Only now: whoever could not learn does so before the next question.
        self.0.learned.store(true, Ordering::Release);
        Ok(())
    }

    /// Sees that the remote is the lake that this home knows, of a format that this version reads.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for another lake, [`ErrorKind::Format`] for a newer
    /// format; those of the remote.
    pub(super) async fn recognise_remote(&self) -> Result<Option<Vec<u8>>> {
        let Some(remote) = &self.catalog().remote else { return Ok(None) };
        // Whoever reads this compares it with what the home knows.
        let header = remote.get(&Location::Lake).await?;
        if header.is_none() && !self.0.new_remote.swap(true, Ordering::AcqRel) {
            self.emit(&Event::NewRemote { remote: remote.describe() });
        }
        Ok(header)
    }

    /// Where this home was last used with another remote, marks what this one does not have: another may have got it since.
    async fn note_remote(&self, header: Option<&[u8]>) -> Result<()> {
        let (last, id) = (self.local_view().last_remote(), header.and_then(lake_id));
        if last == id {
            return Ok(());
        }
        if last.is_some() {
            self.mark_missing().await?;
            self.unmark_there().await?;
        }
        if let Some(id) = id {
            self.local_view().remember_remote(&id);
        }
        Ok(())
    }

    /// Something was written to the remote: which lake that made, where there was none.
    pub(crate) async fn note_made_remote(&self) {
        if !self.0.new_remote.swap(false, Ordering::AcqRel) {
            return;
        }
        // Best effort: the next process finds out as well.
        if let Some(remote) = &self.catalog().remote
            && let Ok(Some(header)) = remote.get(&Location::Lake).await
            && let Some(id) = lake_id(&header)
        {
            self.local_view().remember_remote(&id);
        }
    }

    /// Removes the marks of what the remote has as it is here.
    async fn unmark_there(&self) -> Result<()> {
        let (local, remote) = (&self.catalog().local, &self.catalog().remote);
        for at in self.catalog().unpushed().await? {
            let (Some(here), Some(remote)) = (local.get(&at).await?, remote) else { continue };
            if remote.get(&at).await? == Some(here) {
                local.remove(&at.mark()).await?;
            }
        }
        Ok(())
    }

    /// The error of what needs a remote, where the lake has none or does not ask it.
    pub(crate) fn no_remote(&self, what: &str) -> Error {
        if self.is_offline() {
            return Error::new(ErrorKind::Config, format!("cannot {what}: the lake is offline"));
        }
        let error = Error::new(ErrorKind::Config, format!("cannot {what}: the lake has no remote"));
        error.with_hint("set DATLAKE_REMOTE, or `remote` in datlake.toml, to one")
    }

    /// Where something may be created to see what comes of it: an index entry of content that nobody has. Whoever finds it
    /// finds nothing out.
    pub(crate) fn trial_place(&self) -> Result<(Prefix, Location)> {
        let nonce = Digest::of(self.nonce().as_bytes());
        let creator = CreatorName::new("datlake/check")?;
        Ok((Prefix::UsesOf(nonce), Location::Use(nonce, creator, CallKey::from_bytes(*nonce.as_bytes()))))
    }
}
