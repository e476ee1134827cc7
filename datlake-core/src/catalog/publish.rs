//! Publication: content and what is attached to it, `uses`, names, and last the record.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Catalog, Commit, Publication, Published, Retry};
use crate::record::{CallDocument, Name, NameTarget, OutputOf, Record, ValueBytes};
use crate::{Created, Digest, Error, ErrorKind, Location, Result, Store, Subject};

/// How many pieces of content, or notes of what was read, are on their way at a time.
const AT_ONCE: usize = 16;

impl Catalog {
    /// Makes a finished call visible, in an order that shows all of it or nothing.
    ///
    /// The caller holds the local claim of each name in `names`: only then may a name that a call of this machine left
    /// without finishing be taken over. See [`without_claims`](Self::without_claims).
    ///
    /// Where the remote refuses to be written, this machine keeps the call for itself, marked as unpushed. Where it is to
    /// be tried again, everything is, `since` anew.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where a name belongs to another call or to an added file, or was given to another
    /// meanwhile. Nothing is visible then.
    pub async fn publish(&self, publication: &Publication) -> Result<Commit<Published>> {
        if !self.is_refused() {
            match self.publish_by_decision(publication).await {
                Err(error) if error.kind() == ErrorKind::Denied && self.remote.is_some() => {}
                done => return done,
            }
        }
        let published = self.publish_here(publication).await?;
        self.refused.store(true, Ordering::Release);
        Ok(Commit::Done(published))
    }

    /// The same for this machine alone, which marks the call as unpushed. What the remote has counts all the same.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn publish_here(&self, publication: &Publication) -> Result<Published> {
        let Publication { record, names, .. } = publication;
        // The remote is still read: what it has, counts. Where even that fails, a push finds out one day; what a long body
        // made is not thrown away because its credentials ran out.
        let kept = match self.kept(&record.creator, &record.key).await {
            Err(_) => self.kept_here(&record.creator, &record.key).await?,
            Ok(kept) => kept,
        };
        match kept {
            // The remote may have decided, and the reply got lost.
            Some(CallDocument::Record(first)) if first.nonce == record.nonce => return Ok(Published::Ours(first)),
            Some(CallDocument::Record(first)) => return Ok(Published::Theirs(first)),
            Some(CallDocument::Abandoned(_)) => return Err(too_late(record)),
            None => {}
        }
        let target = NameTarget::Output(OutputOf { creator: record.creator.clone(), key: record.key });
        for uid in names {
            let named = match self.named(uid).await {
                Err(_) => self.here().named(uid).await?,
                Ok(named) => named,
            };
            if let Some(named) = named
                && !named.target().same(&target)
                && let Some(why) = self.why_taken(&named)
            {
                let error = Error::new(ErrorKind::AlreadyExists, format!("cannot publish `{uid}`: {why}"));
                return Err(error.about(Subject::Uid(uid.clone())));
            }
        }
        match self.here().publish_by_decision(publication).await? {
            Commit::Done(published) => Ok(published),
            Commit::Retry(_) => {
                let message = format!("call {}/{} could not be published", record.creator, record.key);
                let about = Subject::Call(record.creator.clone(), record.key);
                Err(Error::new(ErrorKind::Io, message).about(about).with_hint("run again"))
            }
        }
    }

    async fn publish_by_decision(&self, publication: &Publication) -> Result<Commit<Published>> {
        let Publication { record, uses, names, replaces, since, .. } = publication;
        self.put_contents(publication).await?;
        let contents = publication.contents();
        let mut secured = match self.secure_at_remote(&contents, since).await? {
            Commit::Done(secured) => secured,
            Commit::Retry(retry) => return Ok(Commit::Retry(retry)),
        };
        // `uses` is an index that can be made again from the records.
        let index = self.remote.as_deref().unwrap_or(&*self.cache);
        let noted = stream::iter(uses.iter().copied()).map(|digest| {
            let at = Location::Use(digest, record.creator.clone(), record.key);
            async move { index.create(&at, b"").await.map(drop) }
        });
        noted.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let (mut wanted, mut placed) = (Vec::new(), Vec::new());
        for uid in names {
            let target = OutputOf { creator: record.creator.clone(), key: record.key };
            let name = Name::create(uid.clone(), NameTarget::Output(target), &self.home, &record.nonce)?;
            wanted.push(name.clone());
            placed.push(self.create_name(name).await?);
        }
        for to in replaces {
            match self.lead(to).await? {
                Some(named) => placed.push(named),
                None => return Ok(Commit::Retry(Retry::Closed(to.uid.clone()))),
            }
        }
        if self.remote.is_none() {
            self.mark_unpushed(&Location::Record(record.creator.clone(), record.key)).await?;
        }
        while !self.in_time(&secured) {
            secured = match self.secure_at_remote(&contents, since).await? {
                Commit::Done(secured) => secured,
                Commit::Retry(retry) => return Ok(Commit::Retry(retry)),
            };
        }
        let at = Location::Record(record.creator.clone(), record.key);
        let decided = match self.deciding().create(&at, record.bytes()).await? {
            Created::New => Published::Ours(record.clone()),
            Created::Exists => {
                // It was removed in between, and some of our names with it.
                let Some(bytes) = self.deciding().get(&at).await? else { return Ok(Commit::Retry(Retry::Now)) };
                match CallDocument::parse(&record.creator, &record.key, bytes)? {
                    // A create whose reply got lost is ours all the same.
                    CallDocument::Record(first) if first.nonce == record.nonce => Published::Ours(first),
                    CallDocument::Record(first) => Published::Theirs(first),
                    CallDocument::Abandoned(_) => return Err(too_late(record)),
                }
            }
        };
        self.renew_names(&wanted).await?;
        for to in replaces {
            // Somebody may have removed the name in between.
            if self.deciding().size(&Location::Name(to.uid.clone())).await?.is_none() {
                let led = self.lead(to).await?;
                if led.is_none() {
                    return Ok(Commit::Retry(Retry::Closed(to.uid.clone())));
                }
            }
        }
        if !self.in_time(&secured) {
            // The machine slept over it. What was collected by then is put again, and nobody collects what has a record.
            self.put_contents(publication).await?;
        }
        // Copies come last: what this machine has by itself has been decided.
        if self.remote.is_some() {
            for named in &placed {
                self.copy_named(named).await?;
            }
            let (Published::Ours(record) | Published::Theirs(record)) = &decided;
            self.copy(&at, record.bytes()).await?;
        }
        if let (Some(_), Published::Ours(record)) = (&self.remote, &decided) {
            self.note_sent(record).await;
        }
        Ok(Commit::Done(decided))
    }

    async fn put_contents(&self, publication: &Publication) -> Result<()> {
        let Publication { record, value, blobs, attached, .. } = publication;
        // What exists only here must be safe here; with a remote this machine holds copies.
        let keep = if self.remote.is_some() { &self.cache } else { &self.local };
        // Each once: two uploads of the same would be in each other's way.
        let blobs: BTreeMap<_, _> = blobs.iter().map(|(digest, path)| (*digest, path.clone())).collect();
        let put = stream::iter(blobs).map(async |(digest, path)| {
            let at = Location::Blob(digest);
            if let Some(remote) = &self.remote {
                remote.create_from(&at, &path).await?;
            }
            keep.create_from(&at, &path).await.map(drop)
        });
        put.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let attach = stream::iter(attached.clone()).map(async |(at, bytes)| {
            if let Some(remote) = &self.remote {
                remote.create(&at, &bytes).await?;
            }
            keep.create(&at, &bytes).await.map(drop)
        });
        attach.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        if let (Some(bytes), ValueBytes::Blob(digest)) = (value, &record.value) {
            if let Some(remote) = &self.remote {
                remote.create(&Location::Blob(*digest), bytes).await?;
            }
            keep.create(&Location::Blob(*digest), bytes).await?;
        }
        Ok(())
    }

    /// Puts content into the lake, by itself not visible.
    pub async fn put_blob(&self, digest: &Digest, file: &Path) -> Result<()> {
        self.put_blob_into(&*self.local, digest, file).await.map(drop)
    }

    /// The same, for many: whether the content is on this machine only. Then it may be lost in a power cut, and its store is
    /// to be synced before anything names it.
    pub async fn put_blob_unsynced(&self, digest: &Digest, file: &Path) -> Result<bool> {
        self.put_blob_into(&*self.cache, digest, file).await
    }

    /// Puts a document that is attached to content: behind that content, and before what names it. Where there are `many`, the store
    /// of this machine is to be synced before that.
    pub async fn put_attached(&self, at: &Location, bytes: &[u8], many: bool) -> Result<()> {
        if let Some(remote) = self.remote.as_ref().filter(|_| !self.is_refused()) {
            match remote.create(at, bytes).await {
                Err(error) if error.kind() == ErrorKind::Denied => self.refused.store(true, Ordering::Release),
                done => drop(done?),
            }
        }
        let local = if many { &self.cache } else { &self.local };
        local.create(at, bytes).await.map(drop)
    }

    /// Whether the content is on this machine only, and then in `local`.
    async fn put_blob_into(&self, local: &dyn Store, digest: &Digest, file: &Path) -> Result<bool> {
        let at = Location::Blob(*digest);
        if let Some(remote) = self.remote.as_ref().filter(|_| !self.is_refused()) {
            match remote.create_from(&at, file).await {
                Err(error) if error.kind() == ErrorKind::Denied => {}
                done => {
                    done?;
                    self.cache.create_from(&at, file).await?;
                    return Ok(false);
                }
            }
        }
        local.create_from(&at, file).await?;
        if self.remote.is_some() {
            // What names it must not go where it is not.
            self.refused.store(true, Ordering::Release);
        }
        Ok(true)
    }
}

impl Publication {
    /// All content that the record names.
    fn contents(&self) -> Vec<Digest> {
        let value = match &self.record.value {
            ValueBytes::Blob(digest) => Some(*digest),
            ValueBytes::Inline(_) => None,
        };
        self.blobs.iter().map(|(digest, _)| *digest).chain(value).chain(self.found.iter().copied()).collect()
    }
}

fn too_late(record: &Record) -> Error {
    let message = format!(
        "cannot publish call {}/{}: its name was removed, or taken by another call, meanwhile",
        record.creator, record.key
    );
    let about = Subject::Call(record.creator.clone(), record.key);
    Error::new(ErrorKind::AlreadyExists, message).about(about).with_hint("run again")
}
