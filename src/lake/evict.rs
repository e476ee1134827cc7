//! Taking content off this machine that the remote has.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime};

use datlake_core::record::{Kept, Name};
use datlake_core::{Digest, Entry, Error, ErrorKind, Location, Prefix, Result, Store};
use datlake_store::offload;

use super::{Content, Lake, refuse_in_body};
use crate::report::{Evicted, concerns_one};

/// What is to be evicted, the least recently used first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evict {
    /// What has not been used for so long.
    OlderThan(Duration),
    /// As much as it takes to leave so many bytes of content.
    To(u64),
}

/// Content on this machine.
struct Stored {
    digest: Digest,
    size: u64,
    used: SystemTime,
    /// Whether a path that was handed out leads to it.
    linked: bool,
}

impl Lake {
    /// Takes content off this machine: only what a record or a name at the remote refers to, and what the remote has. Who
    /// reads it goes on reading, and paths that were handed out stay; it comes again when it is next asked for.
    ///
    /// That the remote has it is taken from its size there, not from its bytes: [verify](Lake::verify) reads those.
    ///
    /// Of when content was last used a file system knows the day at best, and where it keeps no times of access, when it came.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a remote; [`ErrorKind::Context`] in a body; those of the stores.
    ///
    /// ```
    /// use datlake::{Evict, Lake};
    /// # fn main() -> datlake::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let remote = format!("file://{}", folder.path().join("remote").display());
    /// let lake = Lake::builder().home(folder.path().join("home")).remote(&remote).open()?;
    /// let file = lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.evict(Evict::To(0))?.blobs, 1);
    /// assert!(!file.is_local()?);
    /// assert_eq!(file.read()?, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn evict(&self, what: Evict) -> Result<Evicted> {
        refuse_in_body("evict content")?;
        let Some(remote) = self.catalog().remote.clone() else {
            let message = match self.is_offline() {
                true => "cannot evict: the lake is offline, and what the remote has cannot be asked",
                false => "cannot evict: the lake has no remote, so this machine has the only copy",
            };
            return Err(Error::new(ErrorKind::Config, message));
        };
        if !self.vault().links_are_hard()? {
            let message =
                "cannot evict: this file system has no hard links, so paths that were handed out would lead nowhere";
            return Err(Error::new(ErrorKind::Io, message));
        }
        pollster::block_on(async {
            self.catalog().learn_removals().await?;
            let mut stored = self.stored().await?;
            let mut report = Evicted { left: sum(&stored), ..Evicted::default() };
            let now = SystemTime::now();
            let goes = |blob: &Stored, left: u64| match what {
                Evict::OlderThan(age) => now.duration_since(blob.used).is_ok_and(|since| since >= age),
                Evict::To(limit) => left > limit,
            };
            if !stored.iter().any(|blob| goes(blob, report.left)) {
                return Ok(report);
            }
            let (named, there) = (self.named_at(&*remote).await?, sizes(&*remote).await?);
            // Manifests of trees have come meanwhile.
            stored = self.stored().await?;
            stored.sort_by_key(|blob| blob.used);
            report.left = sum(&stored);
            for blob in stored {
                let fetched_again = named.contains(&blob.digest) && there.get(&blob.digest) == Some(&blob.size);
                // What a path leads to would not give its bytes free.
                if !goes(&blob, report.left) || !fetched_again || blob.linked {
                    continue;
                }
                if self.catalog().local.remove(&Location::Blob(blob.digest)).await? {
                    report.blobs += 1;
                    report.bytes += blob.size;
                    report.left -= blob.size;
                }
            }
            Ok(report)
        })
    }

    /// The asynchronous twin of [`Lake::evict`].
    ///
    /// # Errors
    /// As [`Lake::evict`].
    pub async fn evict_async(&self, what: Evict) -> Result<Evicted> {
        refuse_in_body("evict content")?;
        let lake = self.clone();
        offload(move || lake.evict(what)).await?
    }

    async fn stored(&self) -> Result<Vec<Stored>> {
        let mut stored = Vec::new();
        for (digest, size) in sizes(&*self.catalog().local).await? {
            let path = self.vault().place_of(&digest);
            let Ok(found) = std::fs::metadata(&path) else { continue };
            let seconds = found.atime().max(found.ctime()).max(0).unsigned_abs();
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            stored.push(Stored { digest, size, used, linked: found.nlink() > 1 });
        }
        Ok(stored)
    }

    /// All content that documents at the remote refer to. What cannot be read refers to nothing.
    async fn named_at(&self, remote: &dyn Store) -> Result<BTreeSet<Digest>> {
        let mut documents = Vec::new();
        let mut gather = |entry: Entry| {
            documents.push(entry.location);
            ControlFlow::Continue(())
        };
        remote.list(&Prefix::Names, &mut gather).await?;
        remote.list(&Prefix::Records, &mut gather).await?;
        let mut named = BTreeSet::new();
        for at in documents {
            match self.content_of_document(remote, &at).await {
                Ok(content) => named.extend(content.into_iter().map(|content| content.digest)),
                Err(error) if concerns_one(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(named)
    }

    async fn content_of_document(&self, store: &dyn Store, at: &Location) -> Result<Vec<Content>> {
        let Some(bytes) = store.get(at).await? else { return Ok(Vec::new()) };
        match at {
            Location::Name(uid) => self.content_of_name(&Name::parse(uid, bytes)?),
            Location::Record(creator, key) | Location::Beside(creator, key, _) => {
                match Kept::parse(creator, key, bytes)?.record() {
                    Some(record) => self.content_of_call(&record),
                    None => Ok(Vec::new()),
                }
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn sum(stored: &[Stored]) -> u64 {
    stored.iter().map(|blob| blob.size).sum()
}

/// All content of a store, with its size.
async fn sizes(store: &dyn Store) -> Result<HashMap<Digest, u64>> {
    let mut sizes = HashMap::new();
    let mut gather = |entry: Entry| {
        if let Location::Blob(digest) = entry.location {
            sizes.insert(digest, entry.size);
        }
        ControlFlow::Continue(())
    };
    store.list(&Prefix::Blobs, &mut gather).await?;
    Ok(sizes)
}
