//! Naming content that was found, beside others who collect what nobody names: see [`collect`].
//!
//! - Who is to name content takes a [`GcEpoch`] first, then puts or finds the content, and hands both in.
//! - What may have been collected in between has to be put again: that is an answer, and no error.
//! - Without a remote nobody collects beside us: the machine's own locks keep collectors and publishers apart.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use super::guard::Until;
use super::{Catalog, Commit, GcEpoch, GcGuard, Retry};
use crate::collect::{self, Collection};
use crate::{Digest, ErrorKind, Location, Result, Stage};

/// What content is about to be named.
pub type NamedContents<'a> = &'a (dyn Fn() -> Result<Vec<Digest>> + Sync);

impl Catalog {
    /// To be taken before content is put or found that is to be named.
    ///
    /// # Errors
    /// Those of the remote, the first time.
    pub async fn since(&self) -> Result<GcEpoch> {
        let Some(remote) = &self.remote else { return Ok(GcEpoch(None)) };
        // What was known before is as good: it makes more look like collected, never less.
        let swept = match self.collections.known() {
            Some(swept) => swept,
            None => match collect::latest(&**remote).await {
                Err(error) if error.kind() == ErrorKind::Denied => return Ok(GcEpoch(None)),
                latest => self.collections.learn(latest?.as_ref()),
            },
        };
        Ok(GcEpoch(Some(swept)))
    }

    /// Whether `contents`, put or found `since`, may be named now.
    ///
    /// # Errors
    /// Those of the remote; [`ErrorKind::Corrupt`] where what is condemned cannot be read.
    pub async fn secure(&self, contents: &[Digest], since: &GcEpoch) -> Result<Commit<GcGuard>> {
        self.secure_all(&|| Ok(contents.to_vec()), since).await
    }

    /// The same for `contents` that are asked for only where some content is condemned.
    ///
    /// # Errors
    /// As [`secure`](Self::secure); those of `contents`.
    pub async fn secure_all(&self, contents: NamedContents<'_>, since: &GcEpoch) -> Result<Commit<GcGuard>> {
        match self.secure_there(contents, since).await {
            Err(error) if error.kind() == ErrorKind::Denied => Ok(Commit::Done(GcGuard(Until::Refused))),
            secured => secured,
        }
    }

    /// The same for who names it at the remote or not at all.
    ///
    /// # Errors
    /// As [`secure`](Self::secure); [`ErrorKind::Denied`].
    pub async fn secure_at_remote(&self, contents: &[Digest], since: &GcEpoch) -> Result<Commit<GcGuard>> {
        self.secure_there(&|| Ok(contents.to_vec()), since).await
    }

    async fn secure_there(&self, contents: NamedContents<'_>, since: &GcEpoch) -> Result<Commit<GcGuard>> {
        let Some(remote) = &self.remote else { return Ok(Commit::Done(GcGuard(Until::Always))) };
        let secured = GcGuard(Until::Then((self.collections.clock)() + self.collections.window.0));
        let latest = collect::latest(&**remote).await?;
        if since.0 != Some(self.collections.learn(latest.as_ref())) {
            return Ok(Commit::Retry(Retry::Now));
        }
        let Some(Collection { n, stage: stage @ (Stage::Condemned | Stage::Sweeping), .. }) = latest else {
            return Ok(Commit::Done(secured));
        };
        // It may be over by now, and gone with what it removed.
        let Some(condemned) = self.condemned(n).await? else { return Ok(Commit::Retry(Retry::Now)) };
        let doomed: Vec<Digest> = contents()?.into_iter().filter(|digest| condemned.contains(digest)).collect();
        if doomed.is_empty() {
            return Ok(Commit::Done(secured));
        }
        if stage == Stage::Sweeping {
            return Ok(Commit::Retry(Retry::Later(n)));
        }
        for digest in doomed {
            remote.create(&Location::Rescued(n, digest), b"").await?;
        }
        // Whoever sweeps looks at what was rescued when it has begun, and not before.
        match collect::latest(&**remote).await? {
            Some(Collection { n: now, stage: Stage::Condemned, .. }) if now == n => Ok(Commit::Done(secured)),
            Some(Collection { n: now, stage: Stage::Sweeping, .. }) if now == n => Ok(Commit::Retry(Retry::Later(n))),
            _ => Ok(Commit::Retry(Retry::Now)),
        }
    }

    /// Whether there is time left to name what was secured.
    pub fn in_time(&self, secured: &GcGuard) -> bool {
        match secured.0 {
            Until::Then(until) => (self.collections.clock)() <= until,
            Until::Always | Until::Refused => true,
        }
    }

    /// What the collection `n` condemned; `None` where that is over.
    async fn condemned(&self, n: u64) -> Result<Option<Arc<HashSet<Digest>>>> {
        let known = || self.collections.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, condemned)) = &known().condemned
            && *of == n
        {
            return Ok(Some(Arc::clone(condemned)));
        }
        let Some(remote) = &self.remote else { return Ok(Some(Arc::default())) };
        let Some(condemned) = collect::condemned(&**remote, n).await? else { return Ok(None) };
        let condemned = Arc::new(condemned);
        known().condemned = Some((n, Arc::clone(&condemned)));
        Ok(Some(condemned))
    }
}
