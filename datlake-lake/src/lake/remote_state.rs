//! What a process knows of a lake: records that it has met, and what it saw of the remote when it first asked there.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use datlake_core::record::Record;
use datlake_core::{CallKey, CreatorName, Digest, Error, ErrorKind, Location, Prefix, Result};

use super::{Lake, lock};

/// Records a process remembers by itself, before it forgets them all and starts anew.
const REMEMBERED: usize = 1 << 14;

impl Lake {
    #[doc(hidden)]
    pub fn remembered(&self, key: &CallKey) -> Option<Arc<Record>> {
        lock(&self.0.remembered).get(key).cloned()
    }

    /// Records may have gone that were remembered.
    pub(crate) fn forget_remembered(&self) {
        lock(&self.0.remembered).clear();
    }

    #[doc(hidden)]
    pub fn remember(&self, record: &Arc<Record>) {
        let mut remembered = lock(&self.0.remembered);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(record.key, Arc::clone(record));
    }

    /// Before a process first asks the remote anything, it recognises it and learns what others removed.
    #[doc(hidden)]
    pub async fn contact_remote(&self) -> Result<()> {
        match self.0.learned.load(Ordering::Acquire) {
            true => Ok(()),
            false => self.learn_removals().await,
        }
    }

    /// Learns what others removed.
    pub(crate) async fn learn_removals(&self) -> Result<()> {
        if !self.0.learned.load(Ordering::Acquire) {
            self.recognise_remote().await?;
        }
        self.catalog().learn_removals().await?;
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
    pub(super) async fn recognise_remote(&self) -> Result<()> {
        match &self.catalog().remote {
            // Whoever reads this compares it with what the home knows.
            Some(remote) => remote.get(&Location::Lake).await.map(drop),
            None => Ok(()),
        }
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
