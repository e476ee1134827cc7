//! Content on its way to the remote: uploads and repairs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use datlake_core::catalog::GcEpoch;
use datlake_core::{Created, Digest, Error, ErrorKind, Location, Result, Store};

use super::{LocalView, Pinned, Wanted};
use crate::dir::Seal;
use crate::lake_header::is_id;

impl LocalView {
    /// The id of the lake that was the remote when this home was last used with one; `None` where it never was.
    pub fn last_remote(&self) -> Option<String> {
        std::fs::read_to_string(self.last_remote_file()).ok().filter(|id| is_id(id))
    }

    /// Notes which lake the remote is. Where that cannot be written, the next process finds out as much as this one.
    pub fn remember_remote(&self, id: &str) {
        let path = self.last_remote_file();
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = std::fs::write(path, id);
    }

    fn last_remote_file(&self) -> PathBuf {
        self.home().join("remotes").join("last")
    }

    /// The packs that the remote had when `since` was taken, or earlier, and keeps until content is swept there: who finds out that none
    /// was need not ask for them.
    pub fn packs_there(&self, since: &GcEpoch) -> BTreeSet<Digest> {
        let known = self.sweeps.as_ref().zip(since.swept());
        known.map_or_else(BTreeSet::new, |(sweeps, swept)| sweeps.packs(swept))
    }

    /// Remembers packs that the remote was found to have `since` then, for later processes.
    pub fn note_packs_there(&self, since: &GcEpoch, packs: BTreeSet<Digest>) {
        if let Some((sweeps, swept)) = self.sweeps.as_ref().zip(since.swept()) {
            sweeps.note_packs(swept, packs);
        }
    }

    /// Calls `listener` during large uploads, every few MiB and at the end: digest, bytes so far, size. Only the first listener
    /// counts.
    pub fn on_sending(&self, listener: impl Fn(&Digest, u64, u64) + Send + Sync + 'static) {
        let _ = self.sending.set(Box::new(listener));
    }

    /// Sends content to the remote, where it is not there yet or has another size: whether it had to be sent. Of content that
    /// is not here the remote must have it. What is `likely` there is asked for before it is sent.
    ///
    /// # Errors
    /// [`ErrorKind::MissingBlob`] where nobody has it, [`ErrorKind::Corrupt`] where what is here has another digest.
    pub async fn send(&self, wanted: Wanted<'_>, likely: bool) -> Result<bool> {
        let Some(remote) = &self.catalog.remote else {
            return Err(Error::new(ErrorKind::Config, "the lake has no remote to send content to"));
        };
        let _permit = self.transfer().await?;
        let at = Location::Blob(*wanted.digest);
        let is_here = self.dir.inspect(wanted.digest, wanted.size)? == Seal::Intact;
        // A create asks by itself where that costs less than to send.
        if is_here && !likely {
            match remote.create_from(&at, &self.place_of(wanted.digest)).await {
                Ok(Created::New) => return Ok(true),
                Ok(Created::Exists) => {}
                // The remote may have it as it was.
                Err(error) if error.kind() == ErrorKind::Corrupt => {}
                Err(error) => return Err(error),
            }
        }
        let there = remote.size(&at).await?;
        if there == Some(wanted.size) {
            return Ok(false);
        }
        match self.dir.inspect(wanted.digest, wanted.size)? {
            Seal::Intact => {}
            Seal::Touched => self.look_again(wanted)?,
            Seal::Missing if wanted.range.is_some() => self.own(wanted).await?,
            Seal::Missing => return Err(wanted.nowhere(&**remote)),
        }
        let path = self.place_of(wanted.digest);
        if there.is_none() {
            // Nobody evicts what the remote has not.
            return remote.create_from(&at, &path).await.map(|_| true);
        }
        let Some(pinned) = self.pin(wanted.digest) else { return Err(wanted.nowhere(&**remote)) };
        // A seal says that nobody wrote to it, and not that the disk kept it.
        let (digest, size) = pinned.read_through()?;
        if (digest, size) != (*wanted.digest, wanted.size) {
            let cure = "what the remote has is damaged too, and was left; restore one of them from a copy";
            return Err(wanted.damaged(&path, digest, size, cure));
        }
        self.put_at_remote(&**remote, wanted.digest, &pinned, true).await.map(|()| true)
    }

    /// Sends content that is whole here to the remote, in the place of what is `damaged` there.
    ///
    /// The damaged object is removed first, because a create replaces nothing. Until the upload is done, or after a crash, the
    /// content is missing there instead of damaged; it is pinned here, and the next push or repair sends it.
    async fn put_at_remote(&self, remote: &dyn Store, digest: &Digest, pinned: &Pinned, damaged: bool) -> Result<()> {
        let at = Location::Blob(*digest);
        if damaged {
            remote.remove(&at).await?;
        }
        remote.create_from(&at, pinned.path()).await.map(drop)
    }

    /// Heals the content at the remote, where it is missing or `damaged`, from here, where it was `pinned` and then read, and is
    /// whole.
    pub async fn heal_remote(&self, digest: &Digest, pinned: &Pinned, damaged: bool) -> Result<()> {
        match &self.catalog.remote {
            Some(remote) => self.put_at_remote(&**remote, digest, pinned, damaged).await,
            None => Ok(()),
        }
    }
}
