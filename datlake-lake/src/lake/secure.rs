//! Content that is about to be named, and must not be collected until it is.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use datlake_core::catalog::{Commit, GcEpoch, GcGuard, Retry};
use datlake_core::document::Content;
use datlake_core::lineage::Output;
use datlake_core::{Digest, Error, ErrorKind, Result, Subject, Uid, UidKind};
use datlake_store::{Wanted, sleep, wait};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::content::{once, wanted};
use super::packs::AtRest;
use super::{AT_ONCE, Lake, lock};

impl Lake {
    /// Attempts a commit until it is done.
    ///
    /// # Errors
    /// As [`Patience::pause`].
    pub(crate) async fn commit<T>(&self, mut attempt: impl AsyncFnMut() -> Result<Commit<T>>) -> Result<T> {
        let mut patience = Patience::default();
        loop {
            match attempt().await? {
                Commit::Done(done) => return Ok(done),
                Commit::Retry(retry) => patience.pause(self, retry).await?,
            }
        }
    }

    /// Names `contents`, which were put `since`, and are held. What may have been collected meanwhile is sent again, and named
    /// anew.
    pub(super) fn secured<T>(
        &self,
        since: GcEpoch,
        contents: &[(Digest, u64)],
        name: impl Fn(&GcGuard) -> Result<Commit<T>>,
    ) -> Result<T> {
        self.secured_all(since, &|| Ok(contents.to_vec()), name)
    }

    /// As [`secured`](Self::secured), with `contents` that are asked for only where some content is being collected.
    pub(crate) fn secured_all<T>(
        &self,
        mut since: GcEpoch,
        contents: &(dyn Fn() -> Result<Vec<(Digest, u64)>> + Sync),
        name: impl Fn(&GcGuard) -> Result<Commit<T>>,
    ) -> Result<T> {
        let digests = || Ok(contents()?.into_iter().map(|(digest, _)| digest).collect());
        let mut is_first = true;
        wait(self.commit(async || {
            if !std::mem::take(&mut is_first) {
                since = self.catalog().since().await?;
                for (digest, size) in &contents()? {
                    self.send_if_allowed(Wanted { digest, size: *size, what: digest, range: None, progress: &|_| {} })
                        .await?;
                }
            }
            match self.catalog().secure_all(&digests, &since).await? {
                Commit::Done(secured) => name(&secured),
                Commit::Retry(retry) => Ok(Commit::Retry(retry)),
            }
        }))
    }

    /// Makes sure that content is there which a record is about to name and its call did not make: whoever named it so far may
    /// have been removed. The caller holds it.
    ///
    /// # Errors
    /// [`ErrorKind::MissingBlob`] where nobody has it any more.
    pub(crate) async fn see_to(&self, contents: &[Content]) -> Result<()> {
        let all = stream::iter(contents.to_vec()).map(|content| self.see_to_one(content));
        all.buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }).await
    }

    async fn see_to_one(&self, content: Content) -> Result<()> {
        let Content { digest, what, .. } = &content;
        let wanted = wanted(&content, content.size.unwrap_or(0), &|_| {});
        if content.range.is_some() && (!self.is_offline() || self.is_here(&content)?) {
            // What rests in a pack of another tree.
            self.own(&content).await?;
        }
        if self.catalog().remote.is_some() && !self.catalog().is_refused() {
            return self.send_if_allowed(wanted).await;
        }
        // A remote that is not asked now may have it.
        if self.catalog().remote.is_some() || self.is_offline() || self.local_view().has(&wanted)? {
            return Ok(());
        }
        let message = format!("the content of `{what}` ({digest}) was removed while it was used");
        Err(Error::new(ErrorKind::MissingBlob, message).about(Subject::Digest(*digest)).with_hint("run again"))
    }

    /// Sends content that was found on this machine to the remote, if there is one.
    pub(super) async fn send_found(&self, content: &Content) -> Result<()> {
        if self.catalog().remote.is_none() || self.catalog().is_refused() {
            return Ok(());
        }
        self.send_if_allowed(wanted(content, content.size.unwrap_or(0), &|_| {})).await
    }

    /// Sends content to the remote. Where that refuses to be written, what names it stays on this machine too.
    async fn send_if_allowed(&self, wanted: Wanted<'_>) -> Result<()> {
        match self.local_view().send(wanted, true).await {
            Err(error) if error.kind() == ErrorKind::Denied => {
                self.catalog().refused.store(true, Ordering::Release);
                Ok(())
            }
            sent => sent.map(drop),
        }
    }

    /// What `outputs` name besides `made`: files that were passed on, and files in trees that were put there and not made.
    pub(crate) fn passed_on(&self, outputs: &[Output], made: &[(Digest, PathBuf)]) -> Result<AtRest> {
        let paths: HashMap<&Digest, &PathBuf> = made.iter().map(|(digest, path)| (digest, path)).collect();
        let mut all = AtRest::default();
        let mut open: Vec<Content> = outputs.iter().map(|output| Content::of(&output.clone().into())).collect();
        while let Some(mut content) = open.pop() {
            match paths.get(&content.digest) {
                Some(path) if content.reads.is_some() => {
                    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path.display(), e))?;
                    open.extend(content.references(&bytes)?);
                }
                Some(_) => {}
                None if content.reads.is_some() => {
                    let AtRest { contents, locations, .. } = self.at_rest(self.closure(vec![content])?)?;
                    all.contents.extend(contents);
                    all.locations.extend(locations);
                }
                None => all.contents.push(self.by_itself(content)?),
            }
        }
        all.contents.retain(|content| !paths.contains_key(&content.digest));
        all.contents = once(all.contents);
        Ok(all)
    }

    /// A file that something else than its tree is about to name, with the range that leads to it, if it rests in a pack.
    fn by_itself(&self, mut content: Content) -> Result<Content> {
        content.range = self.noted_range(&content.digest);
        let (None, Ok(uid)) = (content.range, content.what.parse::<Uid>()) else { return Ok(content) };
        if self.is_here(&content)? {
            return Ok(content);
        }
        content.range = match uid.kind() {
            UidKind::Member { tree, path } => self.range_in(&tree, &path, &content.digest)?,
            UidKind::Committed { .. } => self.range_in_commit(&uid, (content.digest, content.size.unwrap_or(0)))?,
            _ => None,
        };
        Ok(content)
    }

    /// The sweep of this collection takes longer than anybody waits: nobody else in this program waits for it.
    fn outlasts(&self, collection: u64) {
        *lock(&self.0.outlasting) = Some(collection);
    }

    fn has_outlasted(&self, collection: u64) -> bool {
        *lock(&self.0.outlasting) == Some(collection)
    }
}

/// How long somebody waits for the end of a sweep that takes what is to be named.
#[derive(Default)]
pub(crate) struct Patience {
    waited: Duration,
    begun_anew: u32,
}

impl Patience {
    const LIMIT: Duration = Duration::from_secs(120);
    const PAUSE: Duration = Duration::from_secs(1);
    const CLOSED: Duration = Duration::from_secs(10);
    /// Collections are hours apart; what begins anew so often does not end.
    const MOST: u32 = 1000;

    /// Waits a moment, where it is needed.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] where the sweep takes too long, or did when this program last waited for it.
    pub(crate) async fn pause(&mut self, lake: &Lake, again: Retry) -> Result<()> {
        let remote = || lake.remote().unwrap_or_default();
        let collection = match again {
            Retry::Later(collection) => collection,
            Retry::Closed(uid) => return self.pause_closed(uid).await,
            Retry::Now => {
                self.begun_anew += 1;
                if self.begun_anew < Self::MOST {
                    return Ok(());
                }
                let message = format!("what is collected in {} changes without end", remote());
                return Err(Error::new(ErrorKind::Busy, message).with_hint("try again later"));
            }
        };
        let limit = Self::LIMIT.min(lake.catalog().collections.window.0);
        if self.waited >= limit {
            lake.outlasts(collection);
        }
        if lake.has_outlasted(collection) {
            let message = format!("content is being collected in {}, for longer than {} s", remote(), limit.as_secs());
            let hint = "if whoever does is dead, `datlake gc --resume` ends it";
            return Err(Error::new(ErrorKind::Busy, message).with_hint(hint));
        }
        self.waited += Self::PAUSE;
        sleep(Self::PAUSE).await
    }

    /// Waits while somebody removes what a name led to, which takes a few requests.
    async fn pause_closed(&mut self, uid: Uid) -> Result<()> {
        if self.waited >= Self::CLOSED {
            let seconds = Self::CLOSED.as_secs();
            let message =
                format!("cannot replace `{uid}`: what it led to is being removed, for longer than {seconds} s");
            let hint = format!("run again; if whoever removes it is dead, `datlake rm {uid}` ends it");
            return Err(Error::new(ErrorKind::Busy, message).about(Subject::Uid(uid)).with_hint(hint));
        }
        let pause = Self::PAUSE / 10;
        self.waited += pause;
        sleep(pause).await
    }
}
