//! Taking content off this machine that the remote has: when somebody says so, and by itself where there is a limit.
//!
//! Invariants:
//! - Only what is not the only copy goes: the remote has a document that names it, the same as here, and content of its size,
//!   samples of which have the same bytes.
//! - Nobody notices: whoever has it open goes on reading, paths that were handed out stay, and it comes again when it is read.
//! - By itself only what is over the limit goes, the least recently used first, and nothing that a body of this process
//!   may read, while it runs. The remote is asked about what would go, and about nothing else.
//! - What goes wrong by itself goes wrong for nobody: whoever happened to download is not told.

mod asking;
mod stored;

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use datlake_core::{Digest, Entry, Error, ErrorKind, Location, Prefix, Result, StoreExt as _};
use datlake_store::{LockAttempt, wait};

use self::asking::Asking;
use self::stored::Stored;
use super::{AT_ONCE, Lake, refuse_in_body};
use crate::event::Event;
use crate::report::Evicted;
use crate::scope;

/// What is to be evicted, the least recently used first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evict {
    /// What has not been used for so long.
    OlderThan(Duration),
    /// As much as it takes to leave so many bytes of content.
    To(u64),
}

impl Evict {
    /// Whether it goes, where `left` bytes are there yet.
    fn takes(self, blob: &Stored, left: u64, now: SystemTime) -> bool {
        match self {
            Self::OlderThan(age) => now.duration_since(blob.used).is_ok_and(|since| since >= age),
            Self::To(limit) => left > limit,
        }
    }
}

impl Lake {
    /// Takes content off this machine: only what a record or a name at the remote refers to, and what the remote has. Who
    /// reads it goes on reading, and paths that were handed out stay; it comes again when it is next asked for.
    ///
    /// That the remote has it is taken from its size there and from samples of its bytes: content of up to 48 KiB is compared whole,
    /// of more the first and last 16 KiB, and as many in between. [verify](Lake::verify) reads all. What differs stays here, and
    /// the answer counts it.
    ///
    /// Of when content was last used a file system knows the day at best, and where it keeps no times of access, when it came.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a remote; [`ErrorKind::Context`] in a body; those of the stores.
    ///
    /// ```
    /// use datlake::{Evict, Lake};
    /// # let folder = tempfile::tempdir()?;
    /// # let remote = format!("file://{}", folder.path().join("remote").display());
    /// let lake = Lake::builder().home(folder.path().join("home")).remote(&remote).open()?;
    /// let file = lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.evict(Evict::To(0))?.blobs, 1);
    /// assert!(!file.is_local()?);
    /// assert_eq!(file.read()?, b"hello");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn evict(&self, what: Evict) -> Result<Evicted> {
        refuse_in_body("evict content")?;
        if self.catalog().remote.is_none() {
            return Err(self.no_remote("evict"));
        }
        if !self.local_view().scratch()?.links_last()? {
            let message = "cannot evict: this file system has no hard links but symbolic ones, so paths that were handed out would lead nowhere";
            return Err(Error::new(ErrorKind::Io, message));
        }
        wait(async {
            self.learn_removals().await?;
            self.put_away(self.stored().await?, what, false, None).await
        })
    }

    /// How many pieces of content are on this machine, and their sizes together.
    pub(crate) async fn content_here(&self) -> Result<(u64, u64)> {
        let (mut blobs, mut bytes) = (0, 0);
        let count = |entry: Entry| {
            if entry.location.content().is_some() {
                blobs += 1;
                bytes += entry.size;
            }
        };
        self.catalog().local.each(&Prefix::Blobs, count).await?;
        Ok((blobs, bytes))
    }

    /// Something was published: says once if it went no further than this machine, and makes room where that is due.
    pub(crate) fn note_published(&self) {
        if self.catalog().is_refused() && !self.0.told_refused.swap(true, Ordering::AcqRel) {
            self.emit(&Event::Refused { remote: self.remote().unwrap_or_default() });
        }
        self.relieve(None);
    }

    /// Content came, of which `needed` is needed now. Where there is more than there may be, some goes; by one process at a time.
    pub(crate) fn relieve(&self, needed: Option<Digest>) {
        let Some(limit) = self.cache_limit().filter(|_| self.local_view().may_be_full()) else { return };
        // What this reads is no business of the body that may have asked for the content.
        let _outside = scope::outside_bodies(self);
        match wait(self.put_away_above(limit, needed)) {
            Ok(Evicted { blobs: 0, .. }) => {}
            Ok(Evicted { blobs, bytes, left, .. }) => self.emit(&Event::Evicted { blobs, bytes, left }),
            Err(error) => tracing::warn!(target: "datlake", %error, "cannot keep to the limit of content"),
        }
    }

    async fn put_away_above(&self, limit: u64, needed: Option<Digest>) -> Result<Evicted> {
        let nothing = Ok(Evicted::default());
        if self.catalog().remote.is_none() || !self.local_view().scratch()?.links_last()? {
            return nothing;
        }
        let _one = match self.local_view().dir().try_claim("evict", "evict")? {
            LockAttempt::Held { .. } => return nothing,
            ours => ours,
        };
        let stored = self.stored().await?;
        let all = sum(&stored);
        let done = if all > limit {
            // Some more than must, so that it is not the next download's turn again.
            self.put_away(stored, Evict::To(limit - limit / 10), true, needed).await
        } else {
            Ok(Evicted { left: all, ..Evicted::default() })
        };
        let left = done.as_ref().map_or(all, |evicted| evicted.left);
        // What cannot go is not looked at repeatedly, either.
        let due_at = if left <= limit { limit } else { left.saturating_add(limit / 16) };
        self.local_view().counted(left, due_at.saturating_add(1))?;
        done
    }

    /// Takes away what is to go. `by_itself` only by the documents that are here, and nothing that is `needed` or that a body
    /// may read.
    async fn put_away(
        &self,
        mut stored: Vec<Stored>,
        what: Evict,
        by_itself: bool,
        needed: Option<Digest>,
    ) -> Result<Evicted> {
        let mut report = Evicted { left: sum(&stored), ..Evicted::default() };
        let now = SystemTime::now();
        if !stored.iter().any(|blob| what.takes(blob, report.left, now)) {
            return Ok(report);
        }
        stored.sort_by_key(|blob| blob.used);
        let bodies = if by_itself { scope::running() } else { Vec::new() };
        let is_held = |digest| needed == Some(digest) || bodies.iter().any(|body| body.may_read(&digest));
        // What a path leads to would not give its bytes free.
        stored.retain(|blob| !blob.linked && !is_held(blob.digest));
        let mut asking = Asking::new(self, by_itself, stored.len()).await?;
        for some in stored.chunks(AT_ONCE) {
            let mut left = report.left;
            let mut going = Vec::new();
            for blob in some.iter().filter(|blob| asking.may_go(&blob.digest)) {
                if what.takes(blob, left, now) {
                    left -= blob.size;
                    going.push(blob);
                }
            }
            let kept = asking.are_kept(&going).await?;
            for (blob, _) in going.into_iter().zip(kept).filter(|(_, kept)| *kept) {
                if self.catalog().local.remove(&Location::Blob(blob.digest)).await? {
                    report.blobs += 1;
                    report.bytes += blob.size;
                    report.left -= blob.size;
                }
            }
            if !some.iter().any(|blob| what.takes(blob, report.left, now)) {
                break;
            }
        }
        report.differing = asking.differing();
        Ok(report)
    }
}

fn sum(stored: &[Stored]) -> u64 {
    stored.iter().map(|blob| blob.size).sum()
}
